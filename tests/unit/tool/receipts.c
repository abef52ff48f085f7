/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include "base/mem.h"
#include "tool/ledger/receipts.h"

/* Message `seq` has the id 1000 + seq, and was acknowledged at that nanosecond. */
static void ack(struct receipts *r, enum wire_cursor cursor, int64_t seq)
{
    struct receipts_ack a = {.seq = seq, .id = 1000 + seq, .sent_ns = (uint64_t)seq};
    receipts_acked(r, cursor, &a);
}

static enum receipts_verdict came(struct receipts *r, enum wire_cursor cursor, int64_t seq)
{
    return receipts_came(r, cursor, seq, 1000 + seq);
}

/* Takes what is covered; the number of it, and the last msgSeq. */
static int take_all(struct receipts *r, enum wire_cursor cursor, int64_t *ret_last)
{
    struct receipts_ack a;
    int n = 0;
    for (; receipts_take(r, cursor, &a); n++)
        *ret_last = a.seq;
    return n;
}

static void one_receipt_stands_for_all_before_it(void **state)
{
    struct receipts r = {0};
    int64_t last = 0;

    (void)state;
    for (int64_t seq = 1; seq <= 100; seq++)
        ack(&r, WIRE_DELIVERED, seq);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), 100);
    assert_int_equal(came(&r, WIRE_DELIVERED, 40), RECEIPTS_GOOD);
    assert_int_equal(take_all(&r, WIRE_DELIVERED, &last), 40);
    assert_int_equal(last, 40);
    assert_int_equal(came(&r, WIRE_DELIVERED, 100), RECEIPTS_GOOD);
    assert_int_equal(take_all(&r, WIRE_DELIVERED, &last), 60);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), 0);
    receipts_deinit(&r);
}

/* Reading moves both cursors; delivery moves one. */
static void reading_is_delivery_too(void **state)
{
    struct receipts r = {0};
    int64_t last = 0;

    (void)state;
    ack(&r, WIRE_DELIVERED, 1);
    ack(&r, WIRE_READ, 1);
    ack(&r, WIRE_DELIVERED, 2);
    ack(&r, WIRE_READ, 2);
    assert_int_equal(came(&r, WIRE_DELIVERED, 1), RECEIPTS_GOOD);
    assert_int_equal(take_all(&r, WIRE_READ, &last), 0);
    assert_int_equal(take_all(&r, WIRE_DELIVERED, &last), 1);
    assert_int_equal(came(&r, WIRE_READ, 2), RECEIPTS_GOOD);
    assert_int_equal(take_all(&r, WIRE_READ, &last), 2);
    assert_int_equal(take_all(&r, WIRE_DELIVERED, &last), 1);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), 0);
    assert_int_equal(came(&r, WIRE_DELIVERED, 2), RECEIPTS_REPEATED);
    receipts_deinit(&r);
}

/* W-8.5: a receipt is sent when the cursor advanced, and only then. */
static void receipts_that_move_nothing_are_found(void **state)
{
    struct receipts r = {0};

    (void)state;
    for (int64_t seq = 1; seq <= 3; seq++)
        ack(&r, WIRE_DELIVERED, seq);
    assert_int_equal(came(&r, WIRE_DELIVERED, 2), RECEIPTS_GOOD);
    assert_int_equal(came(&r, WIRE_DELIVERED, 2), RECEIPTS_REPEATED);
    assert_int_equal(came(&r, WIRE_DELIVERED, 1), RECEIPTS_BACKWARD);
    assert_int_equal(came(&r, WIRE_DELIVERED, 4), RECEIPTS_UNASKED);
    assert_int_equal(came(&r, WIRE_READ, 3), RECEIPTS_UNASKED);
    assert_int_equal(came(&r, WIRE_DELIVERED, 0), RECEIPTS_UNASKED);
    assert_int_equal(receipts_came(&r, WIRE_DELIVERED, 3, 77), RECEIPTS_UNASKED);
    assert_int_equal(came(&r, WIRE_DELIVERED, 3), RECEIPTS_GOOD);
    receipts_deinit(&r);
}

static void what_moves_no_cursor_is_not_waited_for(void **state)
{
    struct receipts r = {0};

    (void)state;
    ack(&r, WIRE_READ, 5);
    ack(&r, WIRE_READ, 5);
    ack(&r, WIRE_READ, 4);
    assert_int_equal(receipts_open(&r, WIRE_READ), 1);
    receipts_deinit(&r);
}

static void a_cut_ends_the_wait_but_not_the_order(void **state)
{
    struct receipts r = {0};

    (void)state;
    ack(&r, WIRE_DELIVERED, 1);
    ack(&r, WIRE_READ, 1);
    ack(&r, WIRE_DELIVERED, 2);
    assert_int_equal(came(&r, WIRE_DELIVERED, 1), RECEIPTS_GOOD);
    assert_int_equal(receipts_cut(&r), 3);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), 0);
    assert_int_equal(came(&r, WIRE_DELIVERED, 2), RECEIPTS_GOOD);
    assert_int_equal(came(&r, WIRE_DELIVERED, 1), RECEIPTS_BACKWARD);
    ack(&r, WIRE_DELIVERED, 3);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), 1);
    receipts_deinit(&r);
}

/* A server that never answers costs a fixed amount of memory, and shows all the same. */
static void the_ring_has_a_ceiling(void **state)
{
    struct receipts r = {0};
    int64_t last = 0;
    int64_t n = (int64_t)RECEIPTS_OPEN_MAX + 10;

    (void)state;
    for (int64_t seq = 1; seq <= n; seq++)
        ack(&r, WIRE_DELIVERED, seq);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), n);
    assert_int_equal(came(&r, WIRE_DELIVERED, n), RECEIPTS_GOOD);
    assert_int_equal(take_all(&r, WIRE_DELIVERED, &last), RECEIPTS_OPEN_MAX);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), 0);
    ack(&r, WIRE_DELIVERED, n + 1);
    assert_int_equal(receipts_open(&r, WIRE_DELIVERED), 1);
    receipts_deinit(&r);
}

int test_tool_receipts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_receipt_stands_for_all_before_it),
        cmocka_unit_test(reading_is_delivery_too),
        cmocka_unit_test(receipts_that_move_nothing_are_found),
        cmocka_unit_test(what_moves_no_cursor_is_not_waited_for),
        cmocka_unit_test(a_cut_ends_the_wait_but_not_the_order),
        cmocka_unit_test(the_ring_has_a_ceiling),
    };
    return cmocka_run_group_tests_name("tool receipts", tests, NULL, NULL);
}
