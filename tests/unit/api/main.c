/* SPDX-License-Identifier: Apache-2.0 */
/* All unit tests of src/api; what needs a live server is in tests/integration. */
#include "unit/api/tests.h"

#include "base/mem.h"

int main(void)
{
    static int (*const groups[])(void) = {
        test_api_auth,     test_api_client, test_api_group_message,
        test_api_input,    test_api_jout,   test_api_origin,
        test_api_pipeline, test_api_places, test_api_single_chat,
    };
    int failed = 0;

    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++)
        failed += groups[i]();
    return failed != 0;
}
