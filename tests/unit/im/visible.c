/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text shows anything (im/visible.h). */
#include "im/text/visible.h"

#include "base/mem.h"
#include "unit/im/tests.h"

static void shows_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        " \t\n",
        "\u00a0",
        "\u3000\u2003",
        "\u200b\u200c\u200d",
        "\ufeff",
        "\u00ad",
        "\u2060",
        "\u202e\u202c",
        "\u0301\u20dd",
        "\u115f\u1160",
        "\u3164",
        "\uffa0",
        "\u2800 \t ",
        "\U000e0041",
        "\ufe0f",
        "\u180e",
        "\x7f",
    };
    (void)state;
    assert_false(mn_text_is_visible(MN_STR_NONE));
    for (size_t i = 0; i < MN_ARRAY_LEN(texts); i++)
        if (mn_text_is_visible(mn_str_c(texts[i])))
            fail_msg("text %zu", i);
}

static void shows_something(void **state)
{
    static const char *const texts[] = {
        "a",          " . ",    "\u200b-", "\u00e9",       "e\u0301", "\u0645\u200d",
        "\U0001f600", "\u4e2d", "\ue000",  "\u2603\ufe0f",
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(texts); i++)
        if (!mn_text_is_visible(mn_str_c(texts[i])))
            fail_msg("text %zu", i);
}

int test_im_visible(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_nothing),
        cmocka_unit_test(shows_something),
    };
    return cmocka_run_group_tests_name("im/visible", tests, NULL, NULL);
}
