/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include "base/str.h"
#include "tool/load/load.h"

static void counters_have_names_and_add_up(void **state)
{
    struct load_counters a = {.sent = 3, .pongs_unasked = 1};
    struct load_counters b = {.sent = 4, .connect_attempts = 5};

    (void)state;
    load_counters_add(&a, &b);
    assert_int_equal(a.sent, 7);
    assert_int_equal(a.connect_attempts, 5);
    assert_string_equal(load_counter_name(0), "connect_attempts");
    assert_int_equal(load_counter_value(&a, 0), 5);
    assert_string_equal(load_counter_name(LOAD_COUNTER_COUNT - 1), "pongs_unasked");
    assert_int_equal(load_counter_value(&a, LOAD_COUNTER_COUNT - 1), 1);
    load_counters_sub(&a, &b);
    assert_int_equal(a.sent, 3);
    assert_int_equal(a.connect_attempts, 0);
}

/* The text is a peer's: its length and variety are bounded. */
static void reasons_are_bounded(void **state)
{
    static struct load_reasons r, sum;
    char text[100];

    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "reason %d", i);
        load_reason_add(&r, mn_str_c(text), 1);
        load_reason_add(&r, MN_STR("reason 0"), 1);
    }
    assert_int_equal(r.count, LOAD_REASONS_MAX);
    assert_int_equal(r.item[0].count, 101);
    assert_string_equal(r.item[LOAD_REASONS_MAX - 1].text, "other");
    assert_int_equal(r.item[LOAD_REASONS_MAX - 1].count, 100 - (LOAD_REASONS_MAX - 1));
    load_reasons_merge(&sum, &r);
    load_reasons_merge(&sum, &r);
    assert_int_equal(sum.item[0].count, 202);
    memset(text, 'x', sizeof text);
    r.count = 0;
    load_reason_add(&r, mn_str_make(text, sizeof text), 1);
    assert_int_equal(strlen(r.item[0].text), sizeof r.item[0].text - 1);
    load_reason_add(&r, MN_STR_NONE, 1);
    assert_string_equal(r.item[1].text, "");
}

int test_tool_stats(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_have_names_and_add_up),
        cmocka_unit_test(reasons_are_bounded),
    };
    return cmocka_run_group_tests_name("tool stats", tests, NULL, NULL);
}
