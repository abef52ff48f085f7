/* SPDX-License-Identifier: Apache-2.0 */
/* Order of answers (gate/serial.c): every order in which look-ups and the writer can finish. */
#include "gate/serial.h"

#include <stdio.h>

#include "base/mem.h"
#include "gate/aside.h"
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

enum kind { DIRECT, LOOKUP_YES, LOOKUP_NO, REFUSED, KINDS };
enum { ITEMS_MAX = 4, CHOICES_MAX = 64 };

struct item {
    enum kind kind;
    struct mn_op *op;
    struct mn_chunk *answer;
    uint32_t ticket;
    bool looked_up, submitted, back, sent;
};

static struct {
    struct item items[ITEMS_MAX];
    unsigned count; /* items of a run */
    unsigned came, submitted, sent;
    struct mn_serial *serial;
    /* The choices of this run, and how many each has: counted up like the digits of a number. */
    unsigned choice[CHOICES_MAX], bound[CHOICES_MAX], depth, at;
} t;

static unsigned choose(unsigned bound)
{
    assert_in_range(t.at, 0, CHOICES_MAX - 1);
    if (t.at == t.depth) {
        t.choice[t.depth++] = 0;
        t.bound[t.at] = bound;
    }
    assert_int_equal(t.bound[t.at], bound); /* a run is made by its choices alone */
    return t.choice[t.at++];
}

/* False: every run was made. */
static bool next_run(void)
{
    while (t.depth > 0 && ++t.choice[t.depth - 1] == t.bound[t.depth - 1])
        t.depth--;
    t.at = 0;
    return t.depth > 0;
}

static void on_submit(void *ctx, struct mn_op *take_op)
{
    assert_ptr_equal(ctx, &t);
    for (; t.items[t.submitted].kind == LOOKUP_NO || t.items[t.submitted].kind == REFUSED;)
        t.submitted++;                                  /* nothing of these goes to the writer */
    assert_ptr_equal(take_op, t.items[t.submitted].op); /* in the order in which they came */
    t.items[t.submitted++].submitted = true;
}

static void on_send(void *ctx, uint64_t conn, struct mn_chunk *take_frame)
{
    assert_ptr_equal(ctx, &t);
    assert_int_equal(conn, 77);
    assert_ptr_equal(take_frame, t.items[t.sent].answer); /* in the order of the requests */
    t.items[t.sent++].sent = true;
    mn_chunk_unref(take_frame);
}

static const struct mn_serial_calls calls = {.submit = on_submit, .send = on_send};

static struct mn_chunk *new_answer(void)
{
    struct mn_chunk *frame = mn_chunk_new(1);
    mn_chunk_seal_ws(frame, MN_WS_OP_TEXT, 1);
    return frame;
}

static void come(void)
{
    struct item *item = &t.items[t.came++];
    item->answer = new_answer();
    assert_true(mn_serial_make_room(t.serial));
    if (item->kind == REFUSED) {
        item->looked_up = item->back = true;
        mn_serial_add_answer(t.serial, item->answer);
        return;
    }
    item->op = mn_op_new(MN_OP_APPEND, MN_STR("c"), MN_STR_NONE, MN_STR("b"));
    item->looked_up = item->kind == DIRECT;
    if (item->kind == DIRECT)
        mn_serial_add(t.serial, item->op);
    else
        item->ticket = mn_serial_add_waiting(t.serial, item->op);
}

/* A look-up that is under way ends, or an operation that is with the writer comes back. */
static bool is_enabled(const struct item *item)
{
    return !item->looked_up || (item->submitted && !item->back);
}

static void finish(struct item *item)
{
    if (item->looked_up) {
        item->back = true;
        mn_serial_done(t.serial, item->op, item->answer);
        mn_op_unref(item->op);
        return;
    }
    item->looked_up = true;
    if (item->kind == LOOKUP_YES) {
        assert_ptr_equal(mn_serial_op(t.serial, item->ticket), item->op);
        mn_serial_pass(t.serial, item->ticket);
    } else {
        item->back = true;
        mn_serial_refuse(t.serial, item->ticket, item->answer);
    }
}

/* All that was answered before the first that is not has left. */
static void check_nothing_waits_in_vain(void)
{
    unsigned n = 0;
    while (n < t.came && t.items[n].back)
        n++;
    assert_int_equal(t.sent, n);
}

static void run(unsigned count, bool all_at_once)
{
    memset(t.items, 0, sizeof(t.items));
    t.came = t.submitted = t.sent = 0;
    t.serial = mn_serial_new(&calls, &t, 77);
    for (unsigned i = 0; i < count; i++)
        t.items[i].kind = (enum kind)choose(KINDS);
    while (all_at_once && t.came < count)
        come();
    for (;;) {
        struct item *enabled[ITEMS_MAX];
        unsigned n = 0;
        for (unsigned i = 0; i < t.came; i++)
            if (is_enabled(&t.items[i]))
                enabled[n++] = &t.items[i];
        unsigned options = n + (t.came < count);
        if (options == 0)
            break;
        unsigned pick = choose(options);
        if (pick < n)
            finish(enabled[pick]);
        else
            come();
        check_nothing_waits_in_vain();
    }
    assert_int_equal(t.sent, count);
    assert_true(mn_serial_is_empty(t.serial));
    mn_serial_unref(t.serial);
}

static void four_in_every_order(void **state)
{
    (void)state;
    unsigned runs = 0;
    do {
        run(4, true);
        runs++;
    } while (next_run());
    assert_in_range(runs, 1000, 1000000);
}

static void three_that_come_at_any_time(void **state)
{
    (void)state;
    unsigned runs = 0;
    do {
        run(3, false);
        runs++;
    } while (next_run());
    assert_in_range(runs, 1000, 1000000);
}

/* ---- with the gate around it ---- */

static void start_strict(void)
{
    struct mn_gate_settings settings = lb_settings();
    settings.require_known_user = true;
    lb_restart(&settings);
    lb->known = true;
}

/* A look-up of one recipient holds nothing but the chats behind it. */
static void others_pass_by_a_look_up(void **state)
{
    (void)state;
    start_strict();
    struct mn_conn *peer = lb_user(1, 9), *conn = lb_user(0, 1);
    lb_chat(peer, 1, "p");
    lb_settle();
    int64_t id = lb_id_of(lb_next(conn));
    lb_chat(conn, 2, "m1");
    lb_chat(conn, 1, "e1");
    lb_chat(conn, 3, "m2");
    assert_int_equal(lb->pool.depth, 2);
    assert_false(conn->held);
    lb_input(conn, "{'type':'PING'}");
    lb_expect(conn, "'type':'PONG'");
    lb_ack(conn, id, "read");
    lb_turn_end();
    lb_commit(1);
    assert_int_equal(lb_delivered(1, lb_chat_of(1, 9)), 1);
    lb_work_nth(1); /* the second look-up is faster */
    lb_run_posts();
    lb_turn_end();
    assert_null(lb->msglog.first);
    lb_expect_quiet(conn);
    lb_settle();
    lb_expect(conn, "'clientMsgId':'m1'");
    lb_expect(conn, "'clientMsgId':'e1'");
    lb_expect(conn, "'clientMsgId':'m2'");
    lb_expect_quiet(conn);
    assert_int_equal(lb->msglog.reserved, 0);
}

/* Requests `from` to `to` - 1 of conn, every other one of them an error. */
static void request(struct mn_conn *conn, unsigned from, unsigned to)
{
    char id[16];
    for (unsigned i = from; i < to; i++) {
        snprintf(id, sizeof(id), "m%u", i);
        lb_chat(conn, i % 2 ? 1 : 2, id);
    }
}

static void expect_answers(struct mn_conn *conn, unsigned from, unsigned to)
{
    char part[80];
    for (unsigned i = from; i < to; i++) {
        snprintf(part, sizeof(part), "'type':'%s','clientMsgId':'m%u'", i % 2 ? "ERROR" : "ACK", i);
        lb_expect(conn, part);
    }
}

/* However many requests wait: what need not wait does not, and nothing is refused (W-7.3). */
static void others_pass_by_a_full_ring(void **state)
{
    enum { MANY = 4 * MN_SERIAL_MAX };
    (void)state;
    struct mn_conn *peer = lb_user(1, 9), *conn = lb_user(0, 1);
    lb_chat(peer, 1, "p");
    lb_settle();
    int64_t id = lb_id_of(lb_next(conn));
    request(conn, 0, MANY);
    assert_false(conn->held);
    assert_true(conn->charged > 0);
    lb_input(conn, "{'type':'PING'}");
    lb_expect(conn, "'type':'PONG'");
    lb_reauth(conn, 1, 0, 3600);
    assert_true(lb_work());
    assert_true(lb_run_post(0));
    lb_expect(conn, "'type':'AUTH_OK'");
    lb_ack(conn, id, "read");
    lb_turn_end();
    lb_commit(1 + MN_SERIAL_MAX / 2); /* what waited before it, and the ACK */
    assert_int_equal(lb_delivered(1, lb_chat_of(1, 9)), 1);
    lb_settle();
    expect_answers(conn, 0, MANY);
    lb_expect_quiet(conn);
    assert_int_equal(conn->charged, 0);
    assert_int_equal(lb->msglog.reserved, 0);
}

/* One that comes while others are set aside does not overtake them, also when there is a place. */
static void a_place_goes_to_who_came_first(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    request(conn, 0, MN_SERIAL_MAX + 10);
    for (unsigned next = MN_SERIAL_MAX + 10; next < 3 * MN_SERIAL_MAX; next++) {
        lb_turn_end();
        lb_commit(1);
        lb_run_posts();
        request(conn, next, next + 1);
    }
    lb_settle();
    expect_answers(conn, 0, 3 * MN_SERIAL_MAX);
    lb_expect_quiet(conn);
}

/* A chat of some 4 KB. */
static void request_long(struct mn_conn *conn, unsigned i)
{
    static char body[3800];
    memset(body, 'x', sizeof(body) - 1);
    lb_input(conn, "{'type':'SINGLE_CHAT','clientMsgId':'m%u','to':2,'msgType':'%s','body':'y'}", i,
             body);
}

/* What is set aside has a ceiling; there the input is held, until there is room again. */
static void a_flood_is_held(void **state)
{
    enum { FITS = MN_ASIDE_BYTES / 3800 };
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    request(conn, 0, MN_SERIAL_MAX);
    unsigned n = 0;
    while (!conn->held) {
        request_long(conn, n++);
        assert_in_range(conn->charged, n * 3800, MN_ASIDE_BYTES + 4096);
    }
    assert_in_range(n, FITS / 2, FITS);
    lb_turn_end();
    lb_commit(1);
    lb_run_posts();
    assert_false(conn->held);
    lb_settle();
    expect_answers(conn, 0, MN_SERIAL_MAX);
    for (unsigned i = 0; i < n; i++)
        lb_expect(conn, "'reason':'internal_error'"); /* msgType */
    lb_expect_quiet(conn);
    assert_int_equal(conn->charged, 0);
}

/* It ends with its connection: what had a place is stored, the others are as if never sent. */
static void gone_with_requests_set_aside(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    request(conn, 0, 2 * MN_SERIAL_MAX);
    lb_gone(conn);
    lb_settle();
    assert_int_equal(lb->msglog.msg_count, MN_SERIAL_MAX / 2);
    assert_int_equal(lb->msglog.reserved, 0);
}

/* REAUTH meanwhile: the end of its own hold does not end the other. */
static void two_reasons_to_hold(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    request(conn, 0, MN_SERIAL_MAX);
    lb_reauth(conn, 1, 0, 3600);
    for (unsigned i = 0; i < MN_ASIDE_BYTES / 3800; i++) {
        conn->held = false; /* as if all had been in one piece of input */
        request_long(conn, i);
    }
    conn->held = true;
    lb_work();
    lb_run_posts();
    lb_expect(conn, "'type':'AUTH_OK'");
    assert_true(conn->held);
    lb_settle();
    assert_false(conn->held);
}

/* No memory to set it aside: refused at once, and only that one. */
static void no_memory_to_set_aside(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    request(conn, 0, MN_SERIAL_MAX);
    lb_torture(1);
    lb_chat(conn, 2, "no");
    assert_true(lb_torture_end());
    lb_expect(conn, "'type':'ERROR','clientMsgId':'no'");
    request(conn, MN_SERIAL_MAX, MN_SERIAL_MAX + 2);
    lb_settle();
    expect_answers(conn, 0, MN_SERIAL_MAX + 2);
    lb_expect_quiet(conn);
}

/* A request that finds no memory is answered, and reserves nothing. */
static void no_memory_for_a_request(void **state)
{
    (void)state;
    for (unsigned strict = 0; strict < 2; strict++) {
        bool failed = true;
        for (unsigned n = 1; failed; n++) {
            if (strict)
                start_strict();
            struct mn_conn *conn = lb_user(0, 1);
            char id[16];
            snprintf(id, sizeof(id), "m%u-%u", strict, n);
            lb_torture(n);
            lb_chat(conn, 2, id);
            failed = lb_torture_end();
            lb_settle();
            const char *text = lb_next(conn);
            assert_true(text ? strstr(text, id) != NULL : conn->closed);
            lb_gone(conn);
            assert_int_equal(lb->msglog.reserved, 0);
        }
    }
}

int test_gate_serial(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(four_in_every_order),
        LB_TEST(three_that_come_at_any_time),
        LB_TEST(others_pass_by_a_look_up),
        LB_TEST(others_pass_by_a_full_ring),
        LB_TEST(a_place_goes_to_who_came_first),
        LB_TEST(a_flood_is_held),
        LB_TEST(gone_with_requests_set_aside),
        LB_TEST(two_reasons_to_hold),
        LB_TEST(no_memory_for_a_request),
        LB_TEST(no_memory_to_set_aside),
    };
    return cmocka_run_group_tests_name("gate_serial", tests, NULL, NULL);
}
