/* SPDX-License-Identifier: Apache-2.0 */
/* All unit tests of src/im. */
#include "unit/im/tests.h"

#include "base/mem.h"

int main(void)
{
    static int (*const groups[])(void) = {
        test_im_account,    test_im_account_key,  test_im_call,    test_im_call_orders,
        test_im_call_rules, test_im_conversation, test_im_filter,  test_im_groups,
        test_im_log_todo,   test_im_log_wait,     test_im_message, test_im_password,
        test_im_ratelimit,  test_im_roster,       test_im_visible, test_im_turn,
    };
    int failed = 0;

    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++)
        failed += groups[i]();
    return failed != 0;
}
