/* SPDX-License-Identifier: Apache-2.0 */
/* All unit tests of src/net. */
#include "unit/net/tests.h"

#include "base/mem.h"

int main(void)
{
    static int (*const groups[])(void) = {
        test_net_wheel, test_net_chunk,  test_net_http_parse, test_net_upgrade,
        test_net_http,  test_net_memory, test_net_ws,         test_net_pressure,
        test_net_life,  test_net_listen, test_net_crowd,      test_net_chaos,
    };
    int failed = 0;

    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++)
        failed += groups[i]();
    return failed != 0;
}
