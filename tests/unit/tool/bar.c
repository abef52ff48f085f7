/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include "base/mem.h"
#include "tool/kit/bar.h"

static void good_expressions_are_parsed(void **state)
{
    static const struct {
        const char *text;
        const char *field;
        enum bar_op op;
        double value;
    } cases[] = {
        {"p99<5ms", "p99", BAR_LT, 5e6},
        {"p50<=250us", "p50", BAR_LE, 250e3},
        {"max<1.5s", "max", BAR_LT, 1.5e9},
        {"delivered_per_s>30000", "delivered_per_s", BAR_GT, 30000},
        {"saved_per_s>=0.5", "saved_per_s", BAR_GE, 0.5},
        {"lost=0", "lost", BAR_EQ, 0},
        {"dup==0", "dup", BAR_EQ, 0},
        {"saved!=0", "saved", BAR_NE, 0},
        {"rss_per_conn_bytes<16KiB", "rss_per_conn_bytes", BAR_LT, 16384},
        {"rss_per_conn_bytes<4096", "rss_per_conn_bytes", BAR_LT, 4096},
        {"connect_s<10", "connect_s", BAR_LT, 10},
        {"recovery_s<500ms", "recovery_s", BAR_LT, 0.5},
    };
    char why[200];

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct bar bar;
        assert_int_equal(bar_parse(cases[i].text, &bar, why, sizeof why), MN_OK);
        assert_string_equal(bar.field, cases[i].field);
        assert_int_equal(bar.op, cases[i].op);
        assert_float_equal(bar.value, cases[i].value, 1e-9);
    }
}

static void bad_expressions_say_why(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "FIELD<VALUE"},
        {"p99", "FIELD<VALUE"},
        {"<5ms", "FIELD<VALUE"},
        {"p99 <5ms", "FIELD<"},
        {"p99<", "time with a unit"},
        {"p99<5", "time with a unit"},
        {"p99<5 ms", "time with"},
        {"p99<5kg", "time with"},
        {"p99<-5ms", "time with"},
        {"lost=0ms", "a number"},
        {"lost=", "a number"},
        {"lost=x", "a number"},
        {"speed>1", "no such"},
        {"P99<5ms", "FIELD<VALUE"},
        {"lost=>0", "a number"},
        {"connect_s<x", "a time"},
        {"rss_per_conn_bytes<x", "bytes"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa<1", "FIELD<VALUE"},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct bar bar;
        char why[200] = "";
        assert_int_equal(bar_parse(cases[i].text, &bar, why, sizeof why), MN_EINVAL);
        assert_non_null(strstr(why, cases[i].why));
    }
}

static bool holds(const char *text, const struct bar_field *fields, char got[64])
{
    struct bar bar;
    char why[200];
    assert_int_equal(bar_parse(text, &bar, why, sizeof why), MN_OK);
    return bar_holds(&bar, fields, got, 64);
}

static void gates_are_judged(void **state)
{
    static const struct bar_field fields[] = {
        {"p99", BAR_TIME, 4.9e6, true},  {"lost", BAR_COUNT, 0, true}, {"dup", BAR_COUNT, 3, true},
        {"saved", BAR_COUNT, 10, false}, {NULL, BAR_COUNT, 0, false},
    };
    char got[64];

    (void)state;
    assert_true(holds("p99<5ms", fields, got));
    assert_string_equal(got, "4.900 ms");
    assert_false(holds("p99<4.9ms", fields, got));
    assert_true(holds("p99<=4.9ms", fields, got));
    assert_true(holds("lost=0", fields, got));
    assert_false(holds("dup=0", fields, got));
    assert_string_equal(got, "3");
    assert_true(holds("dup>2", fields, got));
    assert_true(holds("dup>=3", fields, got));
    assert_false(holds("dup!=3", fields, got));
    /* What was not measured cannot hold, whatever the comparison says. */
    assert_false(holds("saved=10", fields, got));
    assert_string_equal(got, "not measured");
    assert_false(holds("gaps=0", fields, got));
}

int test_tool_bar(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_expressions_are_parsed),
        cmocka_unit_test(bad_expressions_say_why),
        cmocka_unit_test(gates_are_judged),
    };
    return cmocka_run_group_tests_name("tool bar", tests, NULL, NULL);
}
