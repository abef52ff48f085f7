/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of deliveries that wait for an ACK. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/unacked.h"
#include "support/torture.h"
#include "unit/gate/tests.h"

static void empty_holds_nothing(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 0);
    mn_unacked_ack(&unacked, 1, 1);
    mn_unacked_deinit(&unacked);
    mn_unacked_deinit(&unacked);
}

static void acknowledged_in_order(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    for (int i = 1; i <= 20; i++)
        mn_unacked_add(&unacked, 7, i, 100 + (uint64_t)i, false);
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(mn_unacked_oldest_ms(&unacked), 100 + i);
        mn_unacked_ack(&unacked, 7, i);
    }
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 0);
    mn_unacked_deinit(&unacked);
}

static void one_ack_covers_the_chat_up_to_it(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    mn_unacked_add(&unacked, 7, 1, 101, true);
    mn_unacked_add(&unacked, 8, 1, 102, true);
    mn_unacked_add(&unacked, 7, 2, 103, true);
    mn_unacked_add(&unacked, 7, 3, 104, false);
    assert_int_equal(mn_unacked_resent(&unacked), 3);
    mn_unacked_ack(&unacked, 7, 2);
    assert_int_equal(mn_unacked_resent(&unacked), 1);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 102);
    mn_unacked_ack(&unacked, 8, 1);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 104);
    mn_unacked_deinit(&unacked);
}

/* A live push of 11 can stand before the 5 and 6 that a resend brings. */
static void older_ones_behind_a_newer_one(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    mn_unacked_add(&unacked, 7, 11, 100, false);
    mn_unacked_add(&unacked, 7, 5, 101, true);
    mn_unacked_add(&unacked, 7, 6, 102, true);
    mn_unacked_ack(&unacked, 7, 6);
    assert_int_equal(mn_unacked_resent(&unacked), 0);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 100);
    mn_unacked_ack(&unacked, 7, 11);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 0);
    mn_unacked_deinit(&unacked);
}

static void one_alone(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    mn_unacked_add(&unacked, 7, 5, 100, true);
    mn_unacked_add(&unacked, 7, 11, 101, false);
    mn_unacked_keep(&unacked, 7, 11);
    assert_int_equal(mn_unacked_resent(&unacked), 1);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 100);
    mn_unacked_keep(&unacked, 7, 4);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 100);
    mn_unacked_keep(&unacked, 7, 5);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 0);
    assert_int_equal(mn_unacked_resent(&unacked), 0);
    assert_true(mn_unacked_has(&unacked, 7, 5)); /* sent, whatever became of its ACK */
    mn_unacked_expire(&unacked, 1000);
    assert_true(mn_unacked_has(&unacked, 7, 11));
    mn_unacked_drop_kept(&unacked);
    assert_false(mn_unacked_has(&unacked, 7, 5));
    mn_unacked_deinit(&unacked);
}

static void keeps_the_oldest_at_the_ceiling(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    for (int i = 1; i <= MN_UNACKED_MAX + 100; i++)
        mn_unacked_add(&unacked, 7, i, (uint64_t)i, false);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 1);
    assert_true(mn_unacked_has(&unacked, 7, MN_UNACKED_MAX));
    assert_false(mn_unacked_has(&unacked, 7, MN_UNACKED_MAX + 1));
    mn_unacked_ack(&unacked, 7, MN_UNACKED_MAX - 1);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), MN_UNACKED_MAX);
    /* Room again, across the end of the ring. */
    mn_unacked_add(&unacked, 7, 9000, 9000, false);
    mn_unacked_ack(&unacked, 7, MN_UNACKED_MAX);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 9000);
    mn_unacked_deinit(&unacked);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 0);
}

/* Without memory the newest is not kept either, and nothing is written behind the ring. */
static void keeps_the_oldest_without_memory(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    torture_begin(1);
    mn_unacked_add(&unacked, 7, 1, 1, true);
    assert_true(torture_end());
    assert_int_equal(mn_unacked_resent(&unacked), 0);
    for (int i = 1; i <= 8; i++)
        mn_unacked_add(&unacked, 7, i, (uint64_t)i, true);
    torture_begin(1);
    mn_unacked_add(&unacked, 7, 9, 9, true);
    assert_true(torture_end());
    assert_int_equal(mn_unacked_resent(&unacked), 8);
    assert_false(mn_unacked_has(&unacked, 7, 9));
    for (int i = 1; i <= 8; i++)
        assert_true(mn_unacked_has(&unacked, 7, i));
    mn_unacked_deinit(&unacked);
}

static void old_ones_expire(void **state)
{
    (void)state;
    struct mn_unacked unacked = {0};
    for (int i = 1; i <= 4; i++)
        mn_unacked_add(&unacked, 7, i, 100 * (uint64_t)i, i != 2);
    mn_unacked_keep(&unacked, 7, 1);
    mn_unacked_expire(&unacked, 300);
    assert_true(mn_unacked_has(&unacked, 7, 1)); /* kept, not due */
    assert_false(mn_unacked_has(&unacked, 7, 2));
    assert_true(mn_unacked_has(&unacked, 7, 3));
    assert_false(mn_unacked_has(&unacked, 8, 3));
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 300);
    assert_int_equal(mn_unacked_resent(&unacked), 2);
    mn_unacked_expire(&unacked, 1000);
    assert_int_equal(mn_unacked_resent(&unacked), 0);
    assert_int_equal(mn_unacked_oldest_ms(&unacked), 0);
    mn_unacked_deinit(&unacked);
}

int test_gate_unacked(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_holds_nothing),
        cmocka_unit_test(acknowledged_in_order),
        cmocka_unit_test(one_ack_covers_the_chat_up_to_it),
        cmocka_unit_test(older_ones_behind_a_newer_one),
        cmocka_unit_test(one_alone),
        cmocka_unit_test(keeps_the_oldest_at_the_ceiling),
        cmocka_unit_test(keeps_the_oldest_without_memory),
        cmocka_unit_test(old_ones_expire),
    };
    return cmocka_run_group_tests_name("gate_unacked", tests, NULL, NULL);
}
