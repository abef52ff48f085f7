/* SPDX-License-Identifier: Apache-2.0 */
/* Resend: its pages, its races, and the ACKs that wait for it (gate/resend.c). */
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

enum { ME = 5 };

/* Stores messages of `from` to ME that nobody sees now: ids prefix0, prefix1, ... */
static void store(struct mn_conn *sender, const char *prefix, unsigned count)
{
    char id[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "%s%u", prefix, i);
        lb_chat(sender, ME, id);
    }
    lb_settle();
    for (unsigned i = 0; i < count; i++)
        lb_expect(sender, "'ackType':'saved'");
}

/* ME connects, but no worker has read his backlog yet. */
static struct mn_conn *come(void)
{
    struct mn_conn *conn = lb_open(1);
    lb_auth(conn, ME, 0);
    lb_work();
    lb_run_posts();
    lb_expect(conn, "'type':'AUTH_OK'");
    return conn;
}

static void expect_all(struct mn_conn *conn, const char *prefix, unsigned count)
{
    char part[64];
    for (unsigned i = 0; i < count; i++) {
        snprintf(part, sizeof(part), "'clientMsgId':'%s%u'", prefix, i);
        lb_expect(conn, part);
    }
}

/* A live push is lost to congestion, so the run begins anew; the page of the first run comes late. */
static void a_page_of_an_earlier_run(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 2);
    struct mn_conn *conn = come();
    assert_true(lb_work()); /* the first run's page, which ends the backlog of then */
    lb_commit(1);
    conn->congested = true;
    store(sender, "b", 1); /* runs the posts too: the page finds no room, nor does the push */
    lb_congest(conn, false);
    lb_settle();
    expect_all(conn, "a", 2);
    expect_all(conn, "b", 1);
    lb_expect_quiet(conn);
}

static void a_page_that_was_overtaken(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 2);
    struct mn_conn *conn = come(); /* a page of run 1 waits for a worker */
    lb_chat(sender, ME, "b0");
    lb_turn_end();
    lb_commit(1);
    conn->congested = true;
    lb_run_posts();          /* the push is dropped */
    lb_congest(conn, false); /* run 2 */
    assert_int_equal(lb->pool.depth, 2);
    lb_work_nth(1); /* another worker was faster */
    lb_commit(1);
    lb_run_posts();
    expect_all(conn, "a", 2);
    expect_all(conn, "b", 1);
    /* Run 3, while the page of run 1 is still to come. */
    lb_chat(sender, ME, "c0");
    lb_turn_end();
    lb_commit(1);
    conn->congested = true;
    lb_run_posts();
    lb_congest(conn, false);
    assert_int_equal(lb->pool.depth, 3); /* run 1, revocations, run 3 */
    lb_work(); /* run 1's: reads c0 too, but is not the page that is waited for */
    lb_commit(1);
    lb_run_posts();
    lb_expect_quiet(conn);
    lb_settle();
    expect_all(conn, "c", 1);
    lb_expect_quiet(conn);
}

/*
 * The page has a message that is committed and not told yet: it comes to its
 * loop behind the push, and the message once, though it was acknowledged in
 * between.
 */
static void a_page_waits_for_the_push(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 2);
    struct mn_conn *conn = come();
    lb_chat(sender, ME, "b0");
    lb_turn_end();
    lb_store(1);
    assert_true(lb_work());
    assert_false(lb_run_post(1));
    lb_tell();
    lb_run_posts();
    const char *text = lb_next(conn);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"b0\""));
    lb_ack(conn, lb_id_of(text), "read");
    lb_settle();
    expect_all(conn, "a", 2);
    lb_expect_quiet(conn);
    assert_int_equal(lb_delivered(ME, lb_chat_of(1, ME)), 3);
}

/* The same, but the writer has no room for the page: its push comes after it. */
static void a_push_that_the_page_overtook(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 2);
    struct mn_conn *conn = come();
    lb_chat(sender, ME, "b0");
    lb_turn_end();
    lb_commit(1);
    lb->msglog.is_full = true;
    assert_true(lb_work());
    lb->msglog.is_full = false;
    struct mn_loop *loop = conn->loop;
    struct mn_task *push = loop->first, *page = push->next;
    assert_ptr_equal(page, loop->last);
    loop->first = page;
    page->next = push;
    push->next = NULL;
    loop->last = push;
    lb_settle();
    expect_all(conn, "a", 2);
    expect_all(conn, "b", 1);
    lb_expect_quiet(conn);
    store(sender, "c", 1); /* and live pushes go on */
    expect_all(conn, "c", 1);
}

/* The same page, and the end of the connection. */
static void gone_during_a_page(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 3);
    for (unsigned when = 0; when < 2; when++) {
        struct mn_conn *conn = come();
        if (when == 0)
            lb_gone(conn);
        assert_true(lb_work());
        lb_gone(conn);
        lb_settle();
        assert_null(lb_next(conn));
    }
}

/* An ACK of a live push must not let the cursor jump over the backlog; later it counts. */
static void kept_acks(const char *first, const char *second, int64_t cursor)
{
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 2);
    struct mn_conn *conn = come();
    lb_chat(sender, ME, "b0");
    lb_chat(sender, ME, "b1");
    lb_turn_end();
    lb_commit(2);
    lb_run_posts();
    int64_t b0 = lb_id_of(lb_next(conn)), b1 = lb_id_of(lb_next(conn));
    lb_ack(conn, strcmp(first, "b0") == 0 ? b0 : b1, "delivered");
    if (second)
        lb_ack(conn, strcmp(second, "b0") == 0 ? b0 : b1, "delivered");
    lb_turn_end();
    lb_commit(LB_MSGS);
    assert_int_equal(lb_delivered(ME, lb_chat_of(1, ME)), 0);
    lb_settle();
    expect_all(conn, "a", 2);
    lb_expect_quiet(conn);
    assert_int_equal(lb_delivered(ME, lb_chat_of(1, ME)), cursor);
}

static void a_kept_ack_counts_at_the_end(void **state)
{
    (void)state;
    kept_acks("b1", NULL, 4);
}

static void of_two_kept_acks_the_later_message_counts(void **state)
{
    (void)state;
    kept_acks("b0", "b1", 4);
}

static void of_two_kept_acks_the_order_does_not_count(void **state)
{
    (void)state;
    kept_acks("b1", "b0", 4);
}

/* The chat of the live push is behind the backlog's last one: only the run's end passes it. */
static void a_kept_ack_of_a_chat_without_backlog(void **state)
{
    (void)state;
    struct mn_conn *one = lb_user(0, 1), *nine = lb_user(0, 9);
    store(one, "a", 2);
    struct mn_conn *conn = come();
    lb->msglog.is_full = true; /* so that the page does not wait with the writer */
    assert_true(lb_work());    /* it was read before the live message came */
    lb->msglog.is_full = false;
    lb_chat(nine, ME, "b0");
    lb_turn_end();
    lb_commit(1);
    lb_run_post(0);
    struct mn_task *page = lb->net.loop[1].first; /* the push overtakes the page */
    lb->net.loop[1].first = page->next;
    assert_true(lb_run_post(1));
    lb_ack(conn, lb_id_of(lb_next(conn)), "delivered");
    mn_loop_post(&lb->net.loop[1], page);
    lb_settle();
    expect_all(conn, "a", 2);
    lb_expect_quiet(conn);
    assert_int_equal(lb_delivered(ME, lb_chat_of(9, ME)), 1);
}

/* ---- ACKs that wait when the connection ends ---- */

/* While the backlog of 1 is unread, two messages of `live` are pushed; ME acknowledges the later
 * one and goes. */
static void leave_with_an_ack(struct mn_conn *live, const char *kind)
{
    struct mn_conn *conn = come();
    lb_chat(live, ME, "b0");
    lb_chat(live, ME, "b1");
    lb_turn_end();
    lb_commit(2);
    lb_run_posts();
    expect_all(conn, "b", 1);
    lb_ack(conn, lb_id_of(lb_next(conn)), kind);
    lb_gone(conn);
    lb_settle();
    expect_all(live, "b", 2);
}

/* It was received, and nothing of its chat is still to be sent: it counts, and its sender is told. */
static void an_ack_outlives_its_connection(void **state)
{
    (void)state;
    struct mn_conn *one = lb_user(0, 1), *nine = lb_user(0, 9);
    store(one, "a", 2);
    leave_with_an_ack(nine, "read");
    lb_expect(nine, "'ackType':'read'");
    assert_int_equal(lb_delivered(ME, lb_chat_of(9, ME)), 2);
    assert_int_equal(lb_delivered(ME, lb_chat_of(1, ME)), 0);
    struct mn_conn *conn = lb_user(1, ME);
    expect_all(conn, "a", 2);
    lb_expect_quiet(conn);
}

/* Where it would pass what was never sent it does not count. */
static void an_ack_does_not_outlive_a_hole(void **state)
{
    (void)state;
    struct mn_conn *one = lb_user(0, 1);
    store(one, "a", 2);
    leave_with_an_ack(one, "delivered");
    lb_expect_quiet(one);
    struct mn_conn *conn = lb_user(1, ME);
    expect_all(conn, "a", 2);
    expect_all(conn, "b", 2);
    lb_expect_quiet(conn);
}

/* The hole is closed by an ACK that is still on its way to the writer when the connection ends. */
static void an_ack_behind_another_one(void **state)
{
    (void)state;
    struct mn_gate_settings settings = lb_settings();
    settings.resend_window = 1;
    lb_restart(&settings);
    struct mn_conn *one = lb_user(0, 1);
    store(one, "a", 1);
    struct mn_conn *conn = come();
    lb_settle();
    int64_t a0 = lb_id_of(lb_next(conn)); /* the window is full, the run is not over */
    lb_chat(one, ME, "b0");
    lb_turn_end();
    lb_commit(1);
    lb_run_posts();
    int64_t b0 = lb_id_of(lb_next(conn));
    lb_ack(conn, a0, "delivered");
    lb_ack(conn, b0, "delivered");
    lb_gone(conn);
    while (lb_work()) /* a worker that is faster than the writer */
        ;
    lb_settle();
    assert_int_equal(lb_delivered(ME, lb_chat_of(1, ME)), 2);
}

/* Without room, memory or a worker, and while the server ends: lost, and nothing else. */
static void no_room_for_a_late_ack(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        struct mn_conn *one = lb_user(0, 1), *nine = lb_user(0, 9), *conn;
        char id[8];
        snprintf(id, sizeof(id), "a%u", how);
        lb_chat(one, ME, id);
        lb_settle();
        conn = come();
        id[0] = 'b';
        lb_chat(nine, ME, id);
        lb_turn_end();
        lb_commit(1);
        lb_run_posts();
        lb_ack(conn, lb_id_of(lb_next(conn)), "delivered");
        lb->msglog.is_full = how == 0;
        lb->pool.is_full = how == 1;
        if (how == 2)
            lb_torture(1);
        if (how < 3)
            lb_gone(conn);
        assert_int_equal(how == 2 && lb_torture_end(), how == 2);
        if (how < 3)
            lb_settle();
        lb->msglog.is_full = lb->pool.is_full = false;
        assert_int_equal(lb_delivered(ME, lb_chat_of(9, ME)), 0);
        lb_gone(one);
        lb_gone(nine);
    }
}

/* Each allocation of the worker fails once: the messages come nevertheless, each once, in order. */
static void no_memory_for_a_page(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 3);
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        struct mn_conn *conn = come();
        lb_torture(n);
        assert_true(lb_work());
        failed = lb_torture_end();
        lb_settle();
        lb_advance(3000);
        lb_settle();
        expect_all(conn, "a", 3);
        lb_expect_quiet(conn);
        lb_gone(conn);
    }
}

static void no_worker_for_a_page(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 3);
    struct mn_conn *conn = lb_open(1);
    lb_auth(conn, ME, 0);
    lb_work();
    lb->pool.is_full = true;
    lb_run_posts();
    lb_expect(conn, "'type':'AUTH_OK'");
    lb->pool.is_full = false;
    lb_settle();
    lb_expect_quiet(conn);
    lb_advance(500);
    lb_settle();
    expect_all(conn, "a", 3);
}

static void the_store_fails_for_a_while(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 3);
    struct mn_conn *conn = come();
    lb->msglog.backlog_fail = MN_EIO;
    lb_work();
    lb_run_posts();
    lb->msglog.backlog_fail = MN_OK;
    lb_advance(3000);
    lb_settle();
    expect_all(conn, "a", 3);
    lb_expect_quiet(conn);
}

static void a_window_at_a_time(void **state)
{
    (void)state;
    struct mn_gate_settings settings = lb_settings();
    settings.resend_window = 4;
    lb_restart(&settings);
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 9);
    struct mn_conn *conn = come();
    int64_t ids[9];
    for (unsigned i = 0; i < 9; i++) {
        lb_settle();
        assert_in_range(conn->count - conn->seen, 1, 4);
        ids[i] = lb_id_of(lb_next(conn));
        lb_ack(conn, ids[i], "delivered");
    }
    lb_settle();
    lb_expect_quiet(conn);
    assert_int_equal(lb_delivered(ME, lb_chat_of(1, ME)), 9);
}

static void again_when_not_acknowledged_in_time(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1), *conn = lb_user(1, ME);
    store(sender, "a", 1);
    expect_all(conn, "a", 1);
    lb_advance(20000);
    store(sender, "b", 1);
    expect_all(conn, "b", 1);
    lb_advance(11000);
    lb_settle();
    expect_all(conn, "a", 1); /* the other one has still time */
    lb_expect_quiet(conn);
    lb_advance(60000);
    lb_settle();
    lb_expect(conn, "'clientMsgId':'a0'");
    lb_expect(conn, "'clientMsgId':'b0'");
}

/* The run is cut in the middle by congestion: it goes on, and repeats nothing. */
static void cut_by_congestion(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 6);
    struct mn_conn *conn = come();
    conn->room = 4;
    lb_settle();
    expect_all(conn, "a", 4);
    lb_expect_quiet(conn);
    lb_congest(conn, false);
    lb_settle();
    lb_expect(conn, "'clientMsgId':'a4'");
    lb_expect(conn, "'clientMsgId':'a5'");
    lb_expect_quiet(conn);
}

/* More live pushes than the ring of what is not acknowledged holds. */
static void many_live_pushes_before_a_page(void **state)
{
    (void)state;
    enum { LIVE = 560 };
    struct mn_conn *sender = lb_user(0, 1);
    store(sender, "a", 2);
    struct mn_conn *conn = come();
    char id[16];
    for (unsigned i = 0; i < LIVE; i++) {
        snprintf(id, sizeof(id), "b%u", i);
        lb_chat(sender, ME, id);
        lb_turn_end();
        lb_commit(1);
        lb_run_posts();
    }
    expect_all(conn, "b", LIVE);
    lb_settle();
    expect_all(conn, "a", 2);
    lb_expect_quiet(conn);
}

/* ---- anything in any order: every message once, and the cursor at the last one ---- */

enum { SENDERS = 3 };

struct play {
    struct mn_rng rng;
    struct mn_conn *senders[SENDERS], *me;
    unsigned sent, got;
    bool untold;
    bool seen[LB_MSGS];
};

/* ME reads a frame and acknowledges it at once. */
static void read_one(struct play *play)
{
    const char *text = lb_next(play->me);
    if (!text || !strstr(text, "SINGLE_CHAT"))
        return;
    unsigned long n = strtoul(strstr(text, "\"clientMsgId\":\"") + 15, NULL, 10);
    assert_in_range(n, 0, LB_MSGS - 1);
    if (play->seen[n])
        fail_msg("message %lu came twice", n);
    play->seen[n] = true;
    play->got++;
    lb_ack(play->me, lb_id_of(text), mn_rng_below(&play->rng, 2) ? "delivered" : "read");
}

static void send_one(struct play *play)
{
    char id[16];
    if (play->sent == 300)
        return;
    snprintf(id, sizeof(id), "%u", play->sent++);
    lb_chat(play->senders[mn_rng_below(&play->rng, SENDERS)], ME, id);
}

static void step(struct play *play)
{
    switch (mn_rng_below(&play->rng, 16)) {
    case 0:
    case 1:
    case 2:
        send_one(play);
        break;
    case 3:
    case 4:
        lb_turn_end();
        break;
    case 5:
        lb_store(1 + (unsigned)mn_rng_below(&play->rng, 4));
        break;
    case 6:
        lb_tell();
        break;
    case 7:
        lb_work_nth((unsigned)mn_rng_below(&play->rng, 2));
        break;
    case 8:
    case 9:
    case 10:
        lb_run_post((unsigned)mn_rng_below(&play->rng, 2));
        break;
    case 11:
        if (play->me && !play->me->congested && mn_rng_below(&play->rng, 8) == 0)
            play->me->room = 1 + (unsigned)mn_rng_below(&play->rng, 5);
        break;
    case 12:
        if (play->me && play->untold)
            lb_congest(play->me, false);
        else if (play->me && play->me->congested)
            play->me->congested = false; /* there is room, but the gate is told later */
        play->untold = play->me && !play->untold && play->me->room == 0;
        break;
    default:
        if (play->me)
            read_one(play);
    }
}

static void play_with(uint64_t seed)
{
    struct play play = {0};
    mn_rng_seed(&play.rng, seed);
    for (unsigned i = 0; i < SENDERS; i++)
        play.senders[i] = lb_user(i % LB_LOOPS, i == 0 ? 9 : (int64_t)i);
    while (play.sent < 40)
        send_one(&play);
    lb_settle();
    play.me = come();
    for (unsigned i = 0; i < 3000; i++)
        step(&play);
    play.me->room = 0;
    for (unsigned i = 0; i < 1000 && play.got < play.sent; i++) {
        if (play.me->congested || play.untold)
            lb_congest(play.me, false);
        play.untold = false;
        lb_settle();
        lb_advance(50);
        read_one(&play);
    }
    lb_settle();
    assert_int_equal(play.got, play.sent);
    lb_gone(play.me);
    play.me = lb_user(1, ME); /* nothing is left: every cursor is at its chat's last one */
    lb_expect_quiet(play.me);
}

static void any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        assert_int_equal(lb_setup(NULL), 0);
        play_with(seed);
        assert_int_equal(lb_teardown(NULL), 0);
    }
}

int test_gate_resend(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(a_page_of_an_earlier_run),
        LB_TEST(a_page_that_was_overtaken),
        LB_TEST(a_page_waits_for_the_push),
        LB_TEST(a_push_that_the_page_overtook),
        LB_TEST(an_ack_outlives_its_connection),
        LB_TEST(an_ack_does_not_outlive_a_hole),
        LB_TEST(an_ack_behind_another_one),
        LB_TEST(no_room_for_a_late_ack),
        LB_TEST(gone_during_a_page),
        LB_TEST(a_kept_ack_counts_at_the_end),
        LB_TEST(of_two_kept_acks_the_later_message_counts),
        LB_TEST(of_two_kept_acks_the_order_does_not_count),
        LB_TEST(a_kept_ack_of_a_chat_without_backlog),
        LB_TEST(no_memory_for_a_page),
        LB_TEST(no_worker_for_a_page),
        LB_TEST(the_store_fails_for_a_while),
        LB_TEST(a_window_at_a_time),
        LB_TEST(again_when_not_acknowledged_in_time),
        LB_TEST(cut_by_congestion),
        LB_TEST(many_live_pushes_before_a_page),
        cmocka_unit_test(any_order),
    };
    return cmocka_run_group_tests_name("gate_resend", tests, NULL, NULL);
}
