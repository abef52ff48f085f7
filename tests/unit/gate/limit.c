/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets and violations: W-10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/limit.h"
#include "unit/gate/tests.h"

static const uint64_t start_us = 5000000;

static unsigned take_all(struct mn_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_us)
{
    unsigned taken = 0;
    while (taken < 1000 && mn_bucket_take(bucket, rate, burst, now_us))
        taken++;
    return taken;
}

static void burst_then_refusal(void **state)
{
    (void)state;
    struct mn_bucket bucket = {0};
    assert_int_equal(take_all(&bucket, 60, 120, start_us), 120);
    assert_false(mn_bucket_take(&bucket, 60, 120, start_us));
}

static void refills_whole_tokens_only(void **state)
{
    (void)state;
    struct mn_bucket bucket = {0};
    take_all(&bucket, 60, 120, start_us);
    assert_int_equal(take_all(&bucket, 60, 120, start_us + 16000), 0); /* 0.96 of a token */
    assert_int_equal(take_all(&bucket, 60, 120, start_us + 17000), 1); /* the rest was not lost */
    assert_int_equal(take_all(&bucket, 60, 120, start_us + 33400), 1); /* 2.004 since the start */
    assert_int_equal(take_all(&bucket, 60, 120, start_us + 1000000), 58); /* 60 a second in all */
}

static void refill_stops_at_the_burst(void **state)
{
    (void)state;
    struct mn_bucket bucket = {0};
    take_all(&bucket, 30, 60, start_us);
    assert_int_equal(take_all(&bucket, 30, 60, start_us + UINT64_C(1000000) * 3600 * 24 * 400), 60);
}

static void rate_zero_is_no_limit(void **state)
{
    (void)state;
    struct mn_bucket bucket = {0};
    assert_int_equal(take_all(&bucket, 0, 0, start_us), 1000);
}

static void user_bucket_is_the_users(void **state)
{
    (void)state;
    struct mn_user_limits *limits = mn_user_limits_new();
    for (int i = 0; i < 60; i++)
        assert_true(mn_user_limits_take(limits, 10001, 30, 60, start_us));
    assert_false(mn_user_limits_take(limits, 10001, 30, 60, start_us));
    assert_true(mn_user_limits_take(limits, 10002, 30, 60, start_us));
    assert_true(mn_user_limits_take(limits, 10001, 0, 0, start_us));
    mn_user_limits_free(limits);
}

static void fourth_violation_closes(void **state)
{
    (void)state;
    struct mn_violations violations = {0};
    for (int i = 0; i < 3; i++)
        assert_false(mn_violations_add(&violations, 1000));
    assert_true(mn_violations_add(&violations, 10999));
}

static void window_is_fixed(void **state)
{
    (void)state;
    struct mn_violations violations = {0};
    for (int i = 0; i < 3; i++)
        assert_false(mn_violations_add(&violations, 1000));
    /* Exactly 10 s after the first one a new window begins. */
    for (int i = 0; i < 3; i++)
        assert_false(mn_violations_add(&violations, 11000));
    assert_true(mn_violations_add(&violations, 11001));
}

static void only_what_was_asked_for_is_free(void **state)
{
    (void)state;
    struct mn_asked asked = {0};
    assert_false(mn_asked_take(&asked, MN_ASKED_DELIVERED, 5));
    mn_asked_add(&asked, MN_ASKED_DELIVERED);
    mn_asked_add(&asked, MN_ASKED_DELIVERED);
    assert_false(mn_asked_take(&asked, MN_ASKED_READ, 5));
    assert_true(mn_asked_take(&asked, MN_ASKED_DELIVERED, 5));
    assert_false(mn_asked_take(&asked, MN_ASKED_DELIVERED, 5)); /* a repeat */
    assert_true(mn_asked_take(&asked, MN_ASKED_DELIVERED, 4));
    assert_false(mn_asked_take(&asked, MN_ASKED_DELIVERED, 3));
    mn_asked_add(&asked, MN_ASKED_DELIVERED);
    assert_true(mn_asked_take(&asked, MN_ASKED_DELIVERED, 4)); /* it may have been pushed again */
    mn_asked_untake(&asked, MN_ASKED_DELIVERED);
    assert_true(mn_asked_take(&asked, MN_ASKED_DELIVERED, 6));
    mn_asked_add(&asked, MN_ASKED_PONG);
    mn_asked_add(&asked, MN_ASKED_PONG);
    assert_true(mn_asked_take(&asked, MN_ASKED_PONG, 0));
    assert_true(mn_asked_take(&asked, MN_ASKED_PONG, 0));
    assert_false(mn_asked_take(&asked, MN_ASKED_PONG, 0));
}

int test_gate_limit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_then_refusal),
        cmocka_unit_test(refills_whole_tokens_only),
        cmocka_unit_test(refill_stops_at_the_burst),
        cmocka_unit_test(rate_zero_is_no_limit),
        cmocka_unit_test(user_bucket_is_the_users),
        cmocka_unit_test(fourth_violation_closes),
        cmocka_unit_test(window_is_fixed),
        cmocka_unit_test(only_what_was_asked_for_is_free),
    };
    return cmocka_run_group_tests_name("gate_limit", tests, NULL, NULL);
}
