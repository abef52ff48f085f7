/* SPDX-License-Identifier: Apache-2.0 */
/* All unit tests of src/app. */
#include "unit/app/tests.h"

#include "base/mem.h"

int main(void)
{
    static int (*const groups[])(void) = {
        test_app_options_value, test_app_options_file,   test_app_options_read,
        test_app_options_doc,   test_app_options_reload,
    };
    int failed = 0;

    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++)
        failed += groups[i]();
    return failed != 0;
}
