/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversation lists and backlogs against a model: while chats move in memory
 * only, while they are being written, after restarts and crashes, and in a
 * store whose format had no lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "store/rocks/rocks.h"
#include "unit/store/msglog_support.h"
#include "unit/store/power_support.h"
#include "unit/store/tests.h"

enum { USERS = 7, STEPS = 700 };

/* Every pair of users, by the smaller and the greater. */
struct pair {
    int64_t chat, last, last_ms;
    int64_t from[STEPS + 1];
    int64_t delivered[2];
};

struct model {
    struct ts_log t;
    struct mn_rng rng;
    struct pair pairs[USERS + 1][USERS + 1];
    int64_t clock_ms;
};

static struct pair *pair_of(struct model *m, int64_t a, int64_t b)
{
    return a < b ? &m->pairs[a][b] : &m->pairs[b][a];
}

/* Times may be equal, and go back: the list's order is theirs, whatever they are. */
static void send(struct model *m, int64_t from, int64_t to)
{
    static uint64_t number;
    struct pair *p = pair_of(m, from, to);
    char client_id[24];
    snprintf(client_id, sizeof(client_id), "l-%d", (int)++number);
    struct mn_op *op = ts_append_op(from, to, client_id, "x");
    m->clock_ms += (int64_t)mn_rng_below(&m->rng, 4) - 1;
    op->unix_ms = m->clock_ms;
    ts_do(&m->t, op);
    assert_int_equal(op->result, MN_OK);
    p->chat = op->at.chat;
    p->last = op->at.seq;
    p->last_ms = op->unix_ms;
    p->from[p->last] = from;
    mn_op_unref(op);
}

/* A chat without a message, unless there is one. */
static void make_chat(struct model *m, int64_t a, int64_t b)
{
    struct pair *p = pair_of(m, a, b);
    struct mn_op *op = mn_op_new(MN_OP_CHAT, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    mn_op_set_pair(op, a, b);
    op->unix_ms = ++m->clock_ms;
    ts_do(&m->t, op);
    assert_int_equal(op->result, MN_OK);
    assert_int_equal(op->advanced, p->chat == 0);
    assert_true(p->chat == 0 || p->chat == op->at.chat);
    if (p->chat == 0)
        p->last_ms = op->unix_ms;
    p->chat = op->at.chat;
    mn_op_unref(op);
}

static void acknowledge(struct model *m, int64_t user, int64_t peer)
{
    struct pair *p = pair_of(m, user, peer);
    if (p->last == 0)
        return;
    int64_t seq = 1 + (int64_t)mn_rng_below(&m->rng, (uint64_t)p->last);
    if (mn_rng_below(&m->rng, 2)) /* mostly up to the end */
        seq = p->last;
    ts_move(&m->t, MN_CURSOR_DELIVERED, user, peer, p->chat, seq);
    int64_t *delivered = &p->delivered[user > peer];
    if (seq > *delivered)
        *delivered = seq;
}

struct list {
    int64_t chats[USERS], times[USERS];
    unsigned count;
};

static bool take(void *arg, const struct mn_chat_view *view, const struct mn_msg *last)
{
    struct list *list = arg;
    assert_true(list->count < USERS);
    assert_int_equal(last == NULL, view->last_seq == 0);
    assert_true(!last || (last->at.seq == view->last_seq && last->id == view->last_id));
    list->chats[list->count] = view->chat;
    list->times[list->count++] = view->updated_ms;
    return true;
}

/* The user's chats, newest first. */
static struct list expected_list(struct model *m, int64_t user)
{
    struct list list = {.count = 0};
    for (int64_t peer = 1; peer <= USERS; peer++) {
        const struct pair *p = pair_of(m, user, peer);
        if (peer == user || p->chat == 0)
            continue;
        unsigned i = list.count++;
        for (; i > 0 && (list.times[i - 1] < p->last_ms ||
                         (list.times[i - 1] == p->last_ms && list.chats[i - 1] < p->chat));
             i--) {
            list.times[i] = list.times[i - 1];
            list.chats[i] = list.chats[i - 1];
        }
        list.times[i] = p->last_ms;
        list.chats[i] = p->chat;
    }
    return list;
}

static void check_list(struct model *m, int64_t user)
{
    struct list expected = expected_list(m, user), got = {.count = 0};
    struct mn_conversation_query query = {
        .user = user, .before = MN_CHAT_POS_TOP, .limit = 1 + (unsigned)mn_rng_below(&m->rng, 3)};
    int64_t total = 0;
    for (unsigned before = 1; before != got.count;) { /* by cursor */
        before = got.count;
        assert_int_equal(mn_msglog_conversations(m->t.log, &query, take, &got), MN_OK);
        if (got.count > 0)
            query.before = (struct mn_chat_pos){got.times[got.count - 1], got.chats[got.count - 1]};
        if (got.count == 0)
            break;
    }
    assert_int_equal(got.count, expected.count);
    assert_memory_equal(got.chats, expected.chats, got.count * sizeof(got.chats[0]));
    assert_memory_equal(got.times, expected.times, got.count * sizeof(got.times[0]));
    assert_int_equal(mn_msglog_count_chats(m->t.log, user, &total), MN_OK);
    assert_int_equal(total, expected.count);
    if (expected.count < 2)
        return;
    query = (struct mn_conversation_query){
        .user = user, .before = MN_CHAT_POS_TOP, .skip = 1, .limit = 1};
    got.count = 0;
    assert_int_equal(mn_msglog_conversations(m->t.log, &query, take, &got), MN_OK);
    assert_true(got.count == 1 && got.chats[0] == expected.chats[1]);
}

static bool count_one(void *arg, const struct mn_msg *msg)
{
    int64_t *count = arg;
    assert_int_equal(msg->kind, MN_CHAT_PAIR);
    ++*count;
    return true;
}

static void check_backlog(struct model *m, int64_t user)
{
    int64_t expected = 0, got = 0;
    struct mn_place pos = {0, 0};
    for (int64_t peer = 1; peer <= USERS; peer++) {
        const struct pair *p = pair_of(m, user, peer);
        for (int64_t seq = 1; peer != user && seq <= p->last; seq++)
            expected += p->from[seq] != user && seq > p->delivered[user > peer];
    }
    for (bool done = false; !done;)
        assert_int_equal(
            mn_msglog_backlog(m->t.log, user, &pos, 5, SIZE_MAX, count_one, &got, &done), MN_OK);
    assert_int_equal(got, expected);
}

static void check_all(struct model *m)
{
    for (int64_t user = 1; user <= USERS; user++) {
        check_list(m, user);
        check_backlog(m, user);
    }
}

static void model_init(struct model *m, uint64_t seed)
{
    memset(m, 0, sizeof(*m));
    mn_rng_seed(&m->rng, seed);
    m->clock_ms = INT64_C(1700000000000);
    ts_log_prepare(&m->t);
    /* The smallest tables, so that they are full now and then. */
    m->t.config.batch_ops = 2;
    m->t.config.chat_cache = 8;
}

static void step(struct model *m)
{
    int64_t a = 1 + (int64_t)mn_rng_below(&m->rng, USERS);
    int64_t b = 1 + (a + (int64_t)mn_rng_below(&m->rng, USERS - 1)) % USERS;
    if (mn_rng_below(&m->rng, 12) == 0)
        make_chat(m, a, b);
    else if (mn_rng_below(&m->rng, 3))
        send(m, a, b);
    else
        acknowledge(m, a, b);
}

static void lists_follow(void **state)
{
    static struct model m;
    (void)state;
    model_init(&m, 5);
    ts_log_open(&m.t);
    for (int i = 0; i < STEPS; i++) {
        step(&m);
        int64_t user = 1 + (int64_t)mn_rng_below(&m.rng, USERS);
        check_list(&m, user);
        check_backlog(&m, user);
        if (i % 150 == 149) {
            ts_log_close(&m.t);
            ts_log_open(&m.t);
            check_all(&m);
        }
    }
    ts_log_deinit(&m.t);
}

/* Opens; from here on crash() is possible. */
static void open_recorded(struct model *m)
{
    power_record(m->t.dir);
    ts_log_open(&m->t);
}

/*
 * What is there is what a process had written that was killed now: taken at
 * one moment, from the trace, as a copy of a directory at work is of several.
 */
static void crash(struct model *m)
{
    char crashed[sizeof(m->t.dir) + 16];
    size_t now = power_now();
    ts_log_close(&m->t);
    snprintf(crashed, sizeof(crashed), "%s.crashed", m->t.dir);
    power_write_as_of(now, crashed);
    power_remove(m->t.dir);
    assert_int_equal(rename(crashed, m->t.dir), 0);
    ts_log_open(&m->t);
}

static void lists_survive_crashes(void **state)
{
    static struct model m;
    (void)state;
    model_init(&m, 6);
    m.t.config.cursor_flush_ms = 0; /* cursors at once: the model does not forget them */
    m.t.config.chat_cache = 64;     /* nothing is written before the crash */
    for (int i = 0; i < 5; i++) {
        open_recorded(&m);
        for (int j = 0; j < 40; j++)
            step(&m);
        send(&m, 1, 2); /* writes the last cursors too */
        crash(&m);
        check_all(&m);
        ts_log_close(&m.t);
    }
    ts_log_deinit(&m.t);
}

/* A message whose id is older than what the lists on disk know all about is not forgotten. */
static void late_ids(void **state)
{
    static struct model m;
    (void)state;
    model_init(&m, 7);
    m.t.config.chat_cache = 64;
    ts_log_open(&m.t);
    int64_t early = ts_id();
    send(&m, 1, 2);
    send(&m, 3, 4);
    ts_log_close(&m.t); /* the lists are complete */
    open_recorded(&m);
    assert_true(mn_msglog_max_id(m.t.log) > early);
    ts_rlog(&m.t)->floor_id = 0; /* as if that had been this run */
    struct mn_op *op = ts_append_op(5, 6, "late", "x");
    op->id = early;
    op->unix_ms = ++m.clock_ms;
    ts_do(&m.t, op);
    assert_int_equal(op->result, MN_OK);
    struct pair *p = pair_of(&m, 5, 6);
    p->chat = op->at.chat;
    p->last = 1;
    p->last_ms = op->unix_ms;
    p->from[1] = 5;
    mn_op_unref(op);
    crash(&m);
    check_all(&m);
    ts_log_deinit(&m.t);
}

/* The greatest of all ids may be that of a chat without a message. */
static void a_bare_chat_counts_for_the_ids(void **state)
{
    static struct model m;
    (void)state;
    model_init(&m, 8);
    m.t.config.chat_cache = 64;
    open_recorded(&m);
    send(&m, 1, 2);
    make_chat(&m, 5, 6);
    make_chat(&m, 7, 6);
    int64_t chat = pair_of(&m, 6, 7)->chat;
    crash(&m);
    assert_int_equal(mn_msglog_max_id(m.t.log), chat);
    check_all(&m);
    ts_log_close(&m.t);
    ts_log_open(&m.t);
    assert_int_equal(mn_msglog_max_id(m.t.log), chat);
    make_chat(&m, 6, 5); /* is there */
    check_all(&m);
    ts_log_deinit(&m.t);
}

/* ---- migration ---- */

/* As a crash leaves it in the middle: the new format, and some chats done. */
static void make_half(struct model *m)
{
    struct mn_rocks *db = ts_rocks_open(m->t.config.dir);
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    mn_rocks_batch_put(db, batch, MN_CF_META, MN_STR("lists_making"), MN_ROW_EMPTY);
    mn_rocks_batch_delete(db, batch, MN_CF_META, MN_STR("lists_mark"));
    assert_int_equal(mn_rocks_write(db, batch), MN_OK);
    mn_rocks_batch_free(batch);
    mn_rocks_close(db);
}

static void format_1_is_migrated(void **state)
{
    static struct model m;
    (void)state;
    model_init(&m, 8);
    ts_log_open(&m.t);
    for (int i = 0; i < 200; i++)
        step(&m);
    ts_log_close(&m.t);
    for (int round = 0; round < 3; round++) {
        if (round < 2)
            assert_true(ts_make_format_1(m.t.config.dir));
        if (round > 0)
            make_half(&m); /* on top of none (1), and of all that was done already (2) */
        if (round == 1) {
            struct mn_rocks *db = ts_rocks_open(m.t.config.dir);
            struct mn_rocks_batch *batch = mn_rocks_batch_new();
            mn_rocks_batch_put(db, batch, MN_CF_META, MN_STR("format"), MN_STR("2"));
            assert_int_equal(mn_rocks_write(db, batch), MN_OK);
            mn_rocks_batch_free(batch);
            mn_rocks_close(db);
        }
        ts_log_open(&m.t);
        check_all(&m);
        for (int i = 0; i < 20; i++)
            step(&m);
        check_all(&m);
        ts_log_close(&m.t);
    }
    ts_log_deinit(&m.t);
}

int test_store_msglog_lists(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_follow),
        cmocka_unit_test(lists_survive_crashes),
        cmocka_unit_test(late_ids),
        cmocka_unit_test(a_bare_chat_counts_for_the_ids),
        cmocka_unit_test(format_1_is_migrated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
