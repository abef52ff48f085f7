/* SPDX-License-Identifier: Apache-2.0 */
/* All unit tests of src/tool; what needs a server is in tests/integration/test_tool_*.py. */
#include "unit/tool/tests.h"

#include "base/mem.h"

int main(void)
{
    static int (*const groups[])(void) = {
        test_tool_compare,
        test_tool_fmt,
        test_tool_bar,
        test_tool_ledger,
        test_tool_ledger_file,
        test_tool_ledger_group,
        test_tool_opts,
        test_tool_pace,
        test_tool_profile,
        test_tool_receipts,
        test_tool_scenario,
        test_tool_stats,
        test_tool_svg,
        test_tool_timer,
        test_tool_url,
        test_tool_verify,
        test_tool_verify_accounts,
        test_tool_verify_flips,
        test_tool_verify_group,
        test_tool_wire,
    };
    int failed = 0;

    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++)
        failed += groups[i]();
    return failed != 0;
}
