/* SPDX-License-Identifier: Apache-2.0 */
/* When is a difference more than noise? */
#include "unit/tool/tests.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "tool/report/compare.h"

static json_t *run_with(const char *field, double value)
{
    return json_pack("{s:{s:f}}", "figures", field, value);
}

static struct compare_value value_of(const char *field, size_t count, const double *runs)
{
    struct compare_side side = {.count = count};
    for (size_t i = 0; i < count; i++)
        side.docs[i] = run_with(field, runs[i]);
    struct compare_value value = compare_value(&side, field);
    for (size_t i = 0; i < count; i++)
        json_decref(side.docs[i]);
    return value;
}

static void test_several_runs_give_median_and_spread(void **state)
{
    static const double odd[] = {30, 10, 20}, even[] = {40, 10, 20, 30};
    (void)state;
    struct compare_value v = value_of("delivered_per_s", 3, odd);
    assert_true(v.known && v.median == 20 && v.spread == 20);
    assert_int_equal(v.noise, COMPARE_NOISE_RUNS);
    v = value_of("delivered_per_s", 4, even);
    assert_true(v.median == 25 && v.spread == 30);
}

static void test_faults_are_those_of_the_worst_run(void **state)
{
    static const double lost[] = {0, 0, 3}, connected[] = {100, 99, 100};
    (void)state;
    assert_true(value_of("lost", 3, lost).median == 3);
    assert_true(value_of("connected", 3, connected).median == 99);
}

/* A document whose steady seconds have these rates, and whose figure is `figure`. */
static json_t *run_with_seconds(double figure, const double *seconds, size_t count)
{
    json_t *doc = run_with("delivered_per_s", figure), *series = json_array();
    json_array_append_new(series,
                          json_pack("{s:s,s:f}", "phase", "warmup", "delivered_per_s", 1e6));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(series, json_pack("{s:s,s:f}", "phase", "steady", "delivered_per_s",
                                                seconds[i]));
    json_object_set_new(doc, "series", series);
    return doc;
}

static void test_one_run_has_the_noise_of_its_seconds(void **state)
{
    static const double seconds[] = {100, 140, 80, 120, 60};
    struct compare_side side = {.count = 1};
    (void)state;
    side.docs[0] = run_with_seconds(50, seconds, 5);
    struct compare_value v = compare_value(&side, "delivered_per_s");
    json_decref(side.docs[0]);
    /* Quartiles 80 and 120 of a median of 100: 40% of the figure. */
    assert_int_equal(v.noise, COMPARE_NOISE_SECONDS);
    assert_true(fabs(v.spread - 20) < 1e-9);
    side.docs[0] = run_with_seconds(50, seconds, 2);
    assert_int_equal(compare_value(&side, "delivered_per_s").noise, COMPARE_NOISE_NONE);
    json_decref(side.docs[0]);
}

static void test_what_was_not_measured_is_not_known(void **state)
{
    struct compare_side side = {.count = 1};
    (void)state;
    side.docs[0] = json_pack("{s:{s:n,s:s}}", "figures", "p50", "p99", "high");
    assert_false(compare_value(&side, "p50").known);
    assert_false(compare_value(&side, "p99").known);
    assert_false(compare_value(&side, "p90").known);
    json_decref(side.docs[0]);
}

static void test_verdicts(void **state)
{
    static const struct {
        const char *field;
        double a, b, spread_a, spread_b;
        bool noise;
        enum compare_verdict verdict;
    } cases[] = {
        {"delivered_per_s", 100, 120, 10, 10, true, COMPARE_BETTER},
        {"delivered_per_s", 100, 80, 10, 10, true, COMPARE_WORSE},
        {"delivered_per_s", 100, 105, 10, 1, true, COMPARE_WITHIN},
        {"delivered_per_s", 100, 105, 1, 10, true, COMPARE_WITHIN},
        {"delivered_per_s", 100, 110, 10, 10, true, COMPARE_WITHIN},
        {"delivered_per_s", 100, 100, 0, 0, true, COMPARE_EQUAL},
        {"delivered_per_s", 100, 100, 0, 0, false, COMPARE_EQUAL},
        {"delivered_per_s", 100, 200, 0, 0, false, COMPARE_UNKNOWN},
        {"p99", 100, 120, 10, 10, true, COMPARE_WORSE},
        {"p99", 120, 100, 10, 10, true, COMPARE_BETTER},
        {"lost", 0, 1, 0, 0, false, COMPARE_WORSE},
        {"lost", 5, 0, 9, 9, true, COMPARE_BETTER},
        {"connections_lost", 5, 0, 0, 0, true, COMPARE_DIFFERS},
        {"something_new", 1, 2, 0.5, 0.5, true, COMPARE_DIFFERS},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        enum compare_noise noise = cases[i].noise ? COMPARE_NOISE_RUNS : COMPARE_NOISE_NONE;
        struct compare_value a = {true, cases[i].a, cases[i].spread_a, noise};
        struct compare_value b = {true, cases[i].b, cases[i].spread_b, noise};
        assert_int_equal(compare_judge(cases[i].field, &a, &b), cases[i].verdict);
        b.known = false;
        assert_int_equal(compare_judge(cases[i].field, &a, &b), COMPARE_UNKNOWN);
    }
}

static void note(void *arg, const char *text)
{
    int *seen = arg;
    *seen += strstr(text, "clients: A 10 B 20") != NULL ? 1 : 100;
}

static void test_rows_and_differences(void **state)
{
    struct compare *compare = mn_new(struct compare);
    int seen = 0;
    (void)state;
    compare->side_count = 2;
    for (int i = 0; i < 2; i++) {
        compare->side[i].letter = (char)('A' + i);
        compare->side[i].count = 1;
        compare->side[i].docs[0] = json_pack("{s:{s:f,s:f,s:f,s:f},s:{s:i,s:i,s:s}}", "figures",
                                             "p50", 5.0 + i, "lost", 0.0, "dup", 0.0, "novel", 3.0,
                                             "parameters", "clients", 10 + 10 * i, "user_base", i,
                                             "model", "spread");
    }
    compare_make(compare);
    assert_int_equal(compare->row_count, 3); /* dup was 0 on both sides: not shown */
    assert_string_equal(compare->row[0].field, "p50");
    assert_string_equal(compare->row[1].field, "lost");
    assert_string_equal(compare->row[2].field, "novel");
    compare_differences(compare, note, &seen);
    assert_int_equal(seen, 1);
    for (int i = 0; i < 2; i++)
        json_decref(compare->side[i].docs[0]);
    mn_free(compare);
}

int test_tool_compare(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_runs_give_median_and_spread),
        cmocka_unit_test(test_faults_are_those_of_the_worst_run),
        cmocka_unit_test(test_one_run_has_the_noise_of_its_seconds),
        cmocka_unit_test(test_what_was_not_measured_is_not_known),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_rows_and_differences),
    };
    return cmocka_run_group_tests_name("tool/compare", tests, NULL, NULL);
}
