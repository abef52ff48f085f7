/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include "base/err.h"
#include "base/mem.h"
#include "tool/ledger/ledger_group.h"

#define MEMBERS 5
#define SENDERS 2

/* Five members, two of them send; numbers are given as a server would. */
struct room {
    struct ledger_group group;
    int64_t seq;
};

static void open_room(struct room *room)
{
    *room = (struct room){.seq = 0};
    ledger_group_init(&room->group, MEMBERS, SENDERS);
}

static uint32_t say(struct room *room, uint32_t sender)
{
    return ledger_group_send(&room->group, sender, 10, 20, 0);
}

static int64_t save(struct room *room, uint32_t sender, uint32_t counter)
{
    bool differs;
    int64_t seq = ++room->seq;
    assert_int_equal(ledger_group_saved(&room->group, sender, counter, seq, &differs),
                     LEDGER_ANSWER_FIRST);
    assert_false(differs);
    return seq;
}

static struct ledger_delivery come(struct room *room, uint32_t member, uint32_t sender,
                                   uint32_t counter, int64_t seq, bool resent)
{
    struct ledger_delivery d;
    ledger_group_delivered(&room->group, member, sender, counter, seq, resent, &d);
    return d;
}

/* Everybody but the sender, and `but`, gets it live. */
static void come_to_all(struct room *room, uint32_t sender, uint32_t counter, int64_t seq,
                        uint32_t but)
{
    for (uint32_t m = 0; m < MEMBERS; m++)
        if (m != sender && m != but)
            assert_int_equal(come(room, m, sender, counter, seq, false).verdict, LEDGER_FIRST);
}

static void a_message_is_settled_when_all_have_it(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t a = say(&room, 0), b = say(&room, 1);
        assert_int_equal(a, i);
        int64_t seq = save(&room, 0, a);
        come_to_all(&room, 0, a, seq, 4);
        assert_int_equal(ledger_group_pending(&room.group), 2);
        struct ledger_delivery d = come(&room, 4, 0, a, seq, false);
        assert_int_equal(d.verdict, LEDGER_FIRST);
        assert_int_equal(d.rank, 4);
        assert_int_equal(d.ranks, 4);
        assert_int_equal(d.intended_ns, 10);
        assert_int_equal(ledger_group_pending(&room.group), 1);
        /* Pushes may overtake the answer. */
        come_to_all(&room, 1, b, room.seq + 1, UINT32_MAX);
        assert_int_equal(ledger_group_pending(&room.group), 1);
        save(&room, 1, b);
        assert_int_equal(ledger_group_pending(&room.group), 0);
    }
    struct ledger_group_open open = ledger_group_open(&room.group);
    assert_int_equal(open.lost + open.unknown + open.messages, 0);
    assert_int_equal(ledger_group_gaps(&room.group), 0);
    ledger_group_deinit(&room.group);
}

static void what_one_member_misses_is_lost(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    uint32_t a = say(&room, 0);
    come_to_all(&room, 0, a, save(&room, 0, a), 3);
    struct ledger_group_open open = ledger_group_open(&room.group);
    assert_int_equal(open.lost, 1);
    assert_int_equal(open.lost_normal, 1);
    assert_int_equal(open.lost_stored, 0);
    ledger_find(&room.group.sender[0].conv, a)->flags |= LEDGER_FOUND;
    assert_int_equal(ledger_group_open(&room.group).lost_stored, 1);
    /* Whoever has it already cannot have it in his place. */
    assert_int_equal(come(&room, 2, 0, a, room.seq, false).verdict, LEDGER_DUP);
    assert_int_equal(ledger_group_open(&room.group).lost, 1);
    assert_int_equal(come(&room, 3, 0, a, room.seq, true).verdict, LEDGER_FIRST);
    assert_int_equal(ledger_group_open(&room.group).lost, 0);
    ledger_group_deinit(&room.group);
}

static void copies_are_judged_by_member(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    uint32_t a = say(&room, 0);
    int64_t seq = save(&room, 0, a);
    come_to_all(&room, 0, a, seq, UINT32_MAX);
    assert_int_equal(come(&room, 1, 0, a, seq, false).verdict, LEDGER_DUP);
    assert_int_equal(come(&room, 1, 0, a, seq, true).verdict, LEDGER_REDELIVERED);
    /* One who acknowledged it long ago gets no second copy; the others may. */
    uint64_t now_ns = 10 * LEDGER_ACK_SETTLE_NS;
    for (int i = 0; i < 3; i++, now_ns += 2 * LEDGER_ACK_SETTLE_NS)
        ledger_acks_add(&room.group.member[1].acks, seq, now_ns);
    assert_int_equal(come(&room, 1, 0, a, seq, true).verdict, LEDGER_DUP);
    assert_int_equal(come(&room, 2, 0, a, seq, true).verdict, LEDGER_REDELIVERED);
    ledger_group_deinit(&room.group);
}

static void order_is_by_number_and_by_sender(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    uint32_t a = say(&room, 0), b = say(&room, 1), c = say(&room, 0);
    int64_t sa = save(&room, 0, a), sb = save(&room, 1, b), sc = save(&room, 0, c);
    assert_int_equal(come(&room, 2, 0, a, sa, false).verdict, LEDGER_FIRST);
    assert_int_equal(come(&room, 2, 0, c, sc, false).verdict, LEDGER_FIRST);
    struct ledger_delivery d = come(&room, 2, 1, b, sb, false);
    assert_int_equal(d.verdict, LEDGER_FIRST_LATE);
    assert_true(d.late_seq);
    assert_false(d.late_sender);
    /* Another member is another order. */
    assert_int_equal(come(&room, 3, 0, c, sc, false).verdict, LEDGER_FIRST);
    d = come(&room, 3, 0, a, sa, false);
    assert_true(d.late_seq && d.late_sender);
    /* What is resent runs beside what is live. */
    assert_int_equal(come(&room, 3, 1, b, sb, true).verdict, LEDGER_FIRST);
    ledger_group_deinit(&room.group);
}

static void two_messages_with_one_number_are_out_of_order(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    uint32_t a = say(&room, 0), b = say(&room, 1);
    int64_t seq = save(&room, 0, a);
    assert_int_equal(come(&room, 2, 0, a, seq, false).verdict, LEDGER_FIRST);
    assert_true(come(&room, 2, 1, b, seq, false).late_seq);
    /* And a message with two numbers is noticed, wherever the second one comes from. */
    assert_true(come(&room, 3, 0, a, seq + 5, false).seq_differs);
    bool differs;
    assert_int_equal(ledger_group_saved(&room.group, 1, b, seq + 9, &differs), LEDGER_ANSWER_FIRST);
    assert_true(differs);
    ledger_group_deinit(&room.group);
}

static void nobody_gets_what_was_never_sent_or_refused(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    assert_int_equal(come(&room, 2, 0, 0, 1, false).verdict, LEDGER_PHANTOM);
    uint32_t a = say(&room, 0), b = say(&room, 0);
    assert_int_equal(ledger_group_refused(&room.group, 0, b), LEDGER_ANSWER_FIRST);
    assert_int_equal(come(&room, 2, 0, b, 1, false).verdict, LEDGER_PHANTOM);
    assert_int_equal(come(&room, 2, 0, a, 1, false).verdict, LEDGER_FIRST);
    struct ledger_group_open open = ledger_group_open(&room.group);
    assert_int_equal(open.unknown, 1);
    assert_int_equal(open.unknown_delivered, 1);
    assert_int_equal(open.lost, 0);
    ledger_group_deinit(&room.group);
}

static void numbers_that_nobody_saw_are_gaps(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    for (int i = 0; i < 3; i++) {
        uint32_t a = say(&room, 0);
        room.seq++; /* one that went to nobody */
        come_to_all(&room, 0, a, save(&room, 0, a), UINT32_MAX);
    }
    assert_int_equal(ledger_group_gaps(&room.group), 2);
    ledger_group_deinit(&room.group);
}

static void impaired_members_count_but_have_no_rank(void **state)
{
    struct room room;
    (void)state;
    open_room(&room);
    room.group.member[3].kind = LEDGER_MEMBER_IMPAIRED;
    room.group.member[4].kind = LEDGER_MEMBER_IGNORED;
    ledger_group_begin(&room.group);
    assert_int_equal(ledger_group_expected(&room.group, 0), 3);
    uint32_t a = say(&room, 0);
    int64_t seq = save(&room, 0, a);
    struct ledger_delivery d = come(&room, 1, 0, a, seq, false);
    assert_int_equal(d.rank, 1);
    assert_int_equal(d.ranks, 2);
    assert_int_equal(come(&room, 2, 0, a, seq, false).rank, 2);
    assert_int_equal(ledger_group_open(&room.group).lost, 1);
    assert_int_equal(ledger_group_open(&room.group).lost_normal, 0);
    assert_int_equal(come(&room, 3, 0, a, seq, false).rank, 0);
    assert_int_equal(ledger_group_pending(&room.group), 0);
    ledger_group_deinit(&room.group);
}

/* More than one word of bits, and windows that grow while messages are open. */
static void large_groups_and_long_windows(void **state)
{
    enum { MANY = 130, OPEN = 100 };
    struct ledger_group group;
    struct ledger_delivery d;
    bool differs;
    (void)state;
    ledger_group_init(&group, MANY, 1);
    for (uint32_t i = 0; i < OPEN; i++) {
        assert_int_equal(ledger_group_send(&group, 0, 1, 1, 0), i);
        for (uint32_t m = 1; m < MANY - 1; m++)
            ledger_group_delivered(&group, m, 0, i, i + 1, false, &d);
        ledger_group_saved(&group, 0, i, i + 1, &differs);
    }
    assert_int_equal(ledger_group_pending(&group), OPEN);
    assert_int_equal(ledger_group_open(&group).lost, OPEN);
    for (uint32_t i = 0; i < OPEN; i++) {
        ledger_group_delivered(&group, MANY / 2, 0, i, i + 1, false, &d);
        assert_int_equal(d.verdict, LEDGER_DUP);
        ledger_group_delivered(&group, MANY - 1, 0, i, i + 1, false, &d);
        assert_int_equal(d.verdict, LEDGER_FIRST);
        assert_int_equal(d.rank, MANY - 1);
    }
    assert_int_equal(ledger_group_pending(&group), 0);
    ledger_group_deinit(&group);
}

int test_tool_ledger_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_settled_when_all_have_it),
        cmocka_unit_test(what_one_member_misses_is_lost),
        cmocka_unit_test(copies_are_judged_by_member),
        cmocka_unit_test(order_is_by_number_and_by_sender),
        cmocka_unit_test(two_messages_with_one_number_are_out_of_order),
        cmocka_unit_test(nobody_gets_what_was_never_sent_or_refused),
        cmocka_unit_test(numbers_that_nobody_saw_are_gaps),
        cmocka_unit_test(impaired_members_count_but_have_no_rank),
        cmocka_unit_test(large_groups_and_long_windows),
    };
    return cmocka_run_group_tests_name("tool ledger group", tests, NULL, NULL);
}
