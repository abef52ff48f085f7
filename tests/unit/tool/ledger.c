/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include "base/err.h"
#include "base/mem.h"
#include "tool/ledger/ledger.h"

#define S UINT64_C(1000000000)

static uint32_t send_one(struct ledger_conv *conv) { return ledger_send(conv, 1, 2, 0); }

static enum ledger_answer saved(struct ledger_conv *conv, uint32_t counter, int64_t seq)
{
    bool differs;
    enum ledger_answer answer = ledger_saved(conv, counter, seq, &differs);
    assert_false(differs);
    return answer;
}

static enum ledger_verdict delivered(struct ledger_conv *conv, uint32_t counter, int64_t seq,
                                     bool resent)
{
    struct ledger_rec rec;
    bool differs;
    enum ledger_verdict verdict = ledger_delivered(conv, counter, seq, resent, &rec, &differs);
    assert_false(differs);
    return verdict;
}

static void settled_messages_leave_the_window(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(send_one(&conv), i);
        assert_int_equal(saved(&conv, i, i + 1), LEDGER_ANSWER_FIRST);
        assert_int_equal(ledger_open(&conv), 1);
        assert_int_equal(delivered(&conv, i, i + 1, false), LEDGER_FIRST);
        assert_int_equal(ledger_open(&conv), 0);
    }
    assert_int_equal(conv.cap, 8);
    assert_int_equal(ledger_gaps(&conv), 0);
    ledger_deinit(&conv);
}

static void the_push_may_overtake_the_ack(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    send_one(&conv);
    assert_int_equal(delivered(&conv, 0, 1, false), LEDGER_FIRST);
    assert_int_equal(ledger_open(&conv), 1);
    assert_int_equal(saved(&conv, 0, 1), LEDGER_ANSWER_FIRST);
    assert_int_equal(ledger_open(&conv), 0);
    assert_int_equal(saved(&conv, 0, 1), LEDGER_ANSWER_AGAIN);
    ledger_deinit(&conv);
}

static void an_unsettled_message_keeps_the_window_open(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        send_one(&conv);
        saved(&conv, i, i + 1);
        if (i != 3)
            delivered(&conv, i, i + 1, false);
    }
    assert_int_equal(ledger_open(&conv), 997);
    assert_int_equal(ledger_find(&conv, 3)->flags, LEDGER_SAVED);
    assert_int_equal(ledger_find(&conv, 999)->flags, LEDGER_SAVED | LEDGER_LIVE);
    assert_null(ledger_find(&conv, 2));
    assert_null(ledger_find(&conv, 1000));
    assert_int_equal(delivered(&conv, 3, 4, true), LEDGER_FIRST);
    assert_int_equal(ledger_open(&conv), 0);
    ledger_deinit(&conv);
}

static void refused_messages_are_settled(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    send_one(&conv);
    assert_int_equal(ledger_refused(&conv, 0), LEDGER_ANSWER_FIRST);
    assert_int_equal(ledger_refused(&conv, 0), LEDGER_ANSWER_AGAIN);
    assert_int_equal(ledger_open(&conv), 0);
    send_one(&conv);
    send_one(&conv);
    ledger_refused(&conv, 2);
    assert_int_equal(delivered(&conv, 2, 9, false), LEDGER_PHANTOM);
    assert_int_equal(delivered(&conv, 3, 9, false), LEDGER_PHANTOM);
    assert_int_equal(saved(&conv, 3, 9), LEDGER_ANSWER_PHANTOM);
    ledger_deinit(&conv);
}

static void a_second_copy_is_a_double(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    send_one(&conv);
    send_one(&conv);
    delivered(&conv, 0, 1, false);
    assert_int_equal(delivered(&conv, 0, 1, false), LEDGER_DUP);
    assert_int_equal(delivered(&conv, 0, 1, true), LEDGER_REDELIVERED);
    saved(&conv, 0, 1);
    assert_int_equal(ledger_open(&conv), 1); /* 0 has left the window */
    assert_int_equal(delivered(&conv, 0, 1, false), LEDGER_DUP);
    assert_int_equal(delivered(&conv, 0, 1, true), LEDGER_REDELIVERED);
    ledger_deinit(&conv);
}

/* Resend explains copies of what is not acknowledged, or just now; not of what is long. */
static void a_resend_long_after_the_ack_is_a_double(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        send_one(&conv);
        delivered(&conv, i, i + 1, false);
    }
    ledger_acked(&conv, 1, 10 * S);
    ledger_acked(&conv, 2, 11 * S);
    assert_int_equal(delivered(&conv, 0, 1, true), LEDGER_REDELIVERED);
    ledger_acked(&conv, 3, 13 * S);
    assert_int_equal(delivered(&conv, 1, 2, true), LEDGER_REDELIVERED);
    ledger_acked(&conv, 4, 17 * S); /* 2 was acknowledged 6 s ago, 3 was 4 s ago */
    assert_int_equal(delivered(&conv, 1, 2, true), LEDGER_DUP);
    ledger_acked(&conv, 4, 21 * S);
    assert_int_equal(delivered(&conv, 2, 3, true), LEDGER_DUP);
    assert_int_equal(delivered(&conv, 3, 4, true), LEDGER_REDELIVERED);
    ledger_deinit(&conv);
}

/* A cut connection may have taken its last acknowledgements with it. */
static void a_cut_forgets_young_acks(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    send_one(&conv);
    delivered(&conv, 0, 1, false);
    ledger_acked(&conv, 1, 10 * S);
    ledger_ack_cut(&conv);
    for (uint64_t t = 14; t < 40; t += 4)
        ledger_acked(&conv, 0, t * S);
    assert_int_equal(delivered(&conv, 0, 1, true), LEDGER_REDELIVERED);
    ledger_deinit(&conv);
}

static void late_first_copies_are_reordered(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    for (int i = 0; i < 6; i++)
        send_one(&conv);
    assert_int_equal(delivered(&conv, 1, 2, false), LEDGER_FIRST);
    assert_int_equal(delivered(&conv, 0, 1, false), LEDGER_FIRST_LATE);
    assert_int_equal(delivered(&conv, 2, 3, false), LEDGER_FIRST);
    /* By the sender's counter alone. */
    assert_int_equal(delivered(&conv, 4, 4, false), LEDGER_FIRST);
    assert_int_equal(delivered(&conv, 3, 5, false), LEDGER_FIRST_LATE);
    /* By msgSeq alone. */
    assert_int_equal(delivered(&conv, 5, 3, false), LEDGER_FIRST_LATE);
    ledger_deinit(&conv);
}

/* A resend runs beside live pushes (W-8.2.2): each is in order for itself. */
static void live_and_resent_copies_are_not_compared(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    for (int i = 0; i < 6; i++)
        send_one(&conv);
    assert_int_equal(delivered(&conv, 4, 5, false), LEDGER_FIRST);
    assert_int_equal(delivered(&conv, 0, 1, true), LEDGER_FIRST);
    assert_int_equal(delivered(&conv, 2, 3, true), LEDGER_FIRST);
    assert_int_equal(delivered(&conv, 1, 2, true), LEDGER_FIRST_LATE);
    assert_int_equal(delivered(&conv, 5, 6, false), LEDGER_FIRST);
    ledger_deinit(&conv);
}

static void gaps_are_sequences_that_nobody_saw(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        send_one(&conv);
    assert_int_equal(ledger_gaps(&conv), 0);
    saved(&conv, 0, 10);
    saved(&conv, 1, 12);
    assert_int_equal(ledger_gaps(&conv), 1);
    delivered(&conv, 2, 15, false);
    assert_int_equal(ledger_gaps(&conv), 3);
    saved(&conv, 3, 11);
    assert_int_equal(ledger_gaps(&conv), 2);
    ledger_deinit(&conv);
}

static void another_sequence_than_the_acks_is_told(void **state)
{
    struct ledger_conv conv = {0};
    struct ledger_rec rec;
    bool differs = false;

    (void)state;
    send_one(&conv);
    saved(&conv, 0, 7);
    assert_int_equal(ledger_delivered(&conv, 0, 8, false, &rec, &differs), LEDGER_FIRST);
    assert_true(differs);
    assert_int_equal(rec.intended_ns, 1);
    assert_int_equal(rec.sent_ns, 2);
    ledger_deinit(&conv);
}

static void unanswered_messages_are_given_up_and_retried(void **state)
{
    struct ledger_conv conv = {0};
    uint32_t counter = 0;

    (void)state;
    for (uint64_t t = 10; t < 15; t++)
        ledger_send(&conv, t, t, 0);
    saved(&conv, 1, 1);
    assert_int_equal(ledger_expire(&conv, 13), 2); /* 0 and 2; 1 has its answer */
    assert_int_equal(ledger_expire(&conv, 13), 0);
    assert_true(ledger_next_unknown(&conv, &counter));
    assert_int_equal(counter, 0);
    ledger_retry(&conv, counter);
    assert_true(ledger_next_unknown(&conv, &counter));
    assert_int_equal(counter, 2);
    counter++;
    assert_false(ledger_next_unknown(&conv, &counter));
    assert_int_equal(saved(&conv, 0, 2), LEDGER_ANSWER_FIRST); /* answered after its retry */
    assert_int_equal(saved(&conv, 2, 3), LEDGER_ANSWER_LATE);
    assert_int_equal(ledger_expire(&conv, UINT64_MAX), 2);
    ledger_deinit(&conv);
}

static void the_window_has_a_limit(void **state)
{
    struct ledger_conv conv = {0};

    (void)state;
    for (uint32_t i = 0; i < LEDGER_WINDOW_MAX; i++) {
        assert_true(ledger_has_room(&conv));
        send_one(&conv);
    }
    assert_false(ledger_has_room(&conv));
    ledger_refused(&conv, 0);
    assert_true(ledger_has_room(&conv));
    ledger_deinit(&conv);
    ledger_deinit(&conv);
}

int test_tool_ledger(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settled_messages_leave_the_window),
        cmocka_unit_test(the_push_may_overtake_the_ack),
        cmocka_unit_test(an_unsettled_message_keeps_the_window_open),
        cmocka_unit_test(refused_messages_are_settled),
        cmocka_unit_test(a_second_copy_is_a_double),
        cmocka_unit_test(a_resend_long_after_the_ack_is_a_double),
        cmocka_unit_test(a_cut_forgets_young_acks),
        cmocka_unit_test(late_first_copies_are_reordered),
        cmocka_unit_test(live_and_resent_copies_are_not_compared),
        cmocka_unit_test(gaps_are_sequences_that_nobody_saw),
        cmocka_unit_test(another_sequence_than_the_acks_is_told),
        cmocka_unit_test(unanswered_messages_are_given_up_and_retried),
        cmocka_unit_test(the_window_has_a_limit),
    };
    return cmocka_run_group_tests_name("tool ledger", tests, NULL, NULL);
}
