/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/hist.h"
#include "base/mem.h"
#include "base/rand.h"

static void empty_is_zero(void **state)
{
    struct mn_hist *hist = mn_hist_new();
    unsigned pos = 0;
    uint64_t upper, count;

    (void)state;
    assert_int_equal(mn_hist_count(hist), 0);
    assert_int_equal(mn_hist_min(hist), 0);
    assert_int_equal(mn_hist_max(hist), 0);
    assert_true(mn_hist_mean(hist) == 0);
    assert_int_equal(mn_hist_percentile(hist, 99), 0);
    assert_false(mn_hist_next(hist, &pos, &upper, &count));
    mn_hist_free(hist);
    mn_hist_free(NULL);
}

static void small_values_are_exact(void **state)
{
    struct mn_hist *hist = mn_hist_new();

    (void)state;
    for (uint64_t v = 1; v <= 2000; v++)
        mn_hist_add(hist, v);
    assert_int_equal(mn_hist_count(hist), 2000);
    assert_int_equal(mn_hist_min(hist), 1);
    assert_int_equal(mn_hist_max(hist), 2000);
    assert_true(mn_hist_mean(hist) == 1000.5);
    assert_int_equal(mn_hist_percentile(hist, 0), 1);
    assert_int_equal(mn_hist_percentile(hist, 50), 1000);
    assert_int_equal(mn_hist_percentile(hist, 99), 1980);
    assert_int_equal(mn_hist_percentile(hist, 99.9), 1998);
    assert_int_equal(mn_hist_percentile(hist, 100), 2000);
    mn_hist_reset(hist);
    assert_int_equal(mn_hist_count(hist), 0);
    assert_int_equal(mn_hist_percentile(hist, 50), 0);
    mn_hist_free(hist);
}

/* A value alone, with a greater one behind it: its percentile may be off by 0.1 % at most. */
static void assert_error_is_small(uint64_t v)
{
    struct mn_hist *hist = mn_hist_new();

    mn_hist_add(hist, v);
    mn_hist_add(hist, UINT64_C(1) << 50);
    uint64_t p = mn_hist_percentile(hist, 50);
    assert_true(p >= v);
    assert_true((double)(p - v) <= (double)v / 1000);
    mn_hist_free(hist);
}

static void three_digits_hold_everywhere(void **state)
{
    struct mn_rng rng;

    (void)state;
    for (unsigned e = 0; e < 43; e++) {
        assert_error_is_small((UINT64_C(1) << e) - 1);
        assert_error_is_small(UINT64_C(1) << e);
        assert_error_is_small((UINT64_C(1) << e) + 1);
    }
    mn_rng_seed(&rng, 2);
    for (int i = 0; i < 500; i++)
        assert_error_is_small(mn_rng_next(&rng) >> (21 + mn_rng_below(&rng, 43)));
}

static void what_is_too_great_counts_in_the_last_bucket(void **state)
{
    struct mn_hist *hist = mn_hist_new();
    unsigned pos = 0;
    uint64_t upper, count;

    (void)state;
    mn_hist_add(hist, UINT64_MAX);
    mn_hist_add(hist, UINT64_C(1) << 43);
    assert_int_equal(mn_hist_percentile(hist, 1), UINT64_MAX);
    assert_true(mn_hist_next(hist, &pos, &upper, &count));
    assert_int_equal(upper, UINT64_MAX);
    assert_int_equal(count, 2);
    assert_false(mn_hist_next(hist, &pos, &upper, &count));
    mn_hist_free(hist);
}

static void merging_is_adding(void **state)
{
    struct mn_hist *both = mn_hist_new(), *a = mn_hist_new(), *b = mn_hist_new();
    unsigned pos_a = 0, pos_both = 0;
    uint64_t upper[2], count[2];
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 3);
    for (int i = 0; i < 10000; i++) {
        uint64_t v = mn_rng_next(&rng) >> mn_rng_below(&rng, 64);
        mn_hist_add(both, v);
        mn_hist_add(i % 3 ? a : b, v);
    }
    mn_hist_merge(a, b);
    assert_int_equal(mn_hist_count(a), mn_hist_count(both));
    assert_int_equal(mn_hist_min(a), mn_hist_min(both));
    assert_int_equal(mn_hist_max(a), mn_hist_max(both));
    while (mn_hist_next(both, &pos_both, &upper[0], &count[0])) {
        assert_true(mn_hist_next(a, &pos_a, &upper[1], &count[1]));
        assert_int_equal(upper[0], upper[1]);
        assert_int_equal(count[0], count[1]);
    }
    assert_false(mn_hist_next(a, &pos_a, &upper[1], &count[1]));
    mn_hist_free(both);
    mn_hist_free(a);
    mn_hist_free(b);
}

int test_base_hist(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_zero),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(three_digits_hold_everywhere),
        cmocka_unit_test(what_is_too_great_counts_in_the_last_bucket),
        cmocka_unit_test(merging_is_adding),
    };
    return cmocka_run_group_tests_name("base_hist", tests, NULL, NULL);
}
