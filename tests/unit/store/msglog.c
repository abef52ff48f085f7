/* SPDX-License-Identifier: Apache-2.0 */
/* Appends, duplicates, cursors, the queue. Failing disks: store_msglog_fault.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

static void appends_get_numbers(void **state)
{
    struct ts_log t;
    int64_t id = 0;
    (void)state;
    ts_log_init(&t);
    for (int64_t i = 1; i <= 5; i++) {
        char client_id[16];
        snprintf(client_id, sizeof(client_id), "m-%d", (int)i);
        assert_int_equal(ts_append(&t, i % 2 ? 1 : 2, i % 2 ? 2 : 1, client_id, "x", &id), i);
        assert_int_equal(mn_msglog_max_id(t.log), id);
    }
    assert_int_equal(ts_append(&t, 1, 3, "m-1", "x", NULL), 1);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_MSG_COMMITTED), 6);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_COMMITS), 6);
    ts_log_deinit(&t);
}

/* What was promised is there after a restart, and the numbers go on where they were. */
static void reopen_goes_on(void **state)
{
    struct ts_log t;
    int64_t id = 0, id2 = 0, chat = 0;
    struct mn_msg_ref ref;
    (void)state;
    ts_log_init(&t);
    ts_append(&t, 1, 2, "a", "x", NULL);
    ts_append(&t, 2, 1, "b", "x", &id);
    ts_log_close(&t);
    ts_log_open(&t);
    assert_int_equal(mn_msglog_max_id(t.log), id);
    assert_int_equal(ts_append(&t, 1, 2, "c", "x", &id2), 3);
    assert_true(id2 > id);
    assert_int_equal(mn_msglog_pair(t.log, 2, 1, &chat), MN_OK);
    assert_false(mn_msglog_recent(t.log, id, &ref));
    assert_int_equal(mn_msglog_find(t.log, id, &ref), MN_OK);
    assert_true(ref.id == id && ref.at.chat == chat && ref.at.seq == 2 && ref.from == 2 &&
                ref.to == 1);
    assert_true(mn_msglog_recent(t.log, id2, &ref));
    assert_true(ref.id == id2 && ref.at.chat == chat && ref.at.seq == 3 && ref.from == 1 &&
                ref.to == 2);
    assert_int_equal(mn_msglog_find(t.log, id2 + 1, &ref), MN_ENOTFOUND);
    assert_int_equal(mn_msglog_pair(t.log, 1, 3, &chat), MN_ENOTFOUND);
    ts_log_deinit(&t);
}

static void expect_duplicate(struct ts_log *t, int64_t from, int64_t to, const char *client_id,
                             int64_t id, int64_t seq)
{
    struct mn_op *op = ts_do(t, ts_append_op(from, to, client_id, "another body"));
    assert_int_equal(op->result, MN_OK);
    assert_true(op->duplicate);
    assert_int_equal(op->id, id);
    assert_int_equal(op->at.seq, seq);
    mn_op_unref(op);
}

/* A client id answers with its first result for ever, and only for its sender and recipient. */
static void duplicates(void **state)
{
    struct ts_log t;
    int64_t id = 0;
    (void)state;
    ts_log_init(&t);
    ts_append(&t, 1, 2, "first", "x", NULL);
    assert_int_equal(ts_append(&t, 1, 2, "same", "x", &id), 2);
    expect_duplicate(&t, 1, 2, "same", id, 2);
    assert_int_equal(ts_append(&t, 1, 3, "same", "to another one", NULL), 1);
    assert_int_equal(ts_append(&t, 2, 1, "same", "by the other one", NULL), 3);
    assert_int_equal(ts_append(&t, 1, 2, "Same", "another case", NULL), 4);
    ts_log_close(&t);
    ts_log_open(&t);
    expect_duplicate(&t, 1, 2, "same", id, 2);
    assert_int_equal(ts_append(&t, 1, 2, "next", "x", NULL), 5);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_MSG_DUPLICATE), 2);
    ts_log_deinit(&t);
}

/* Links operations, in order, into one submission. */
static struct mn_op *chain(struct mn_op **ops, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++)
        ops[i]->next = ops[i + 1];
    return ops[0];
}

static void unref_all(struct mn_op **ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mn_op_unref(ops[i]);
}

static void duplicate_in_one_batch(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    for (int round = 0; round < 2; round++) { /* a new chat, then one that exists */
        const char *id = round ? "b" : "a";
        struct mn_op *ops[] = {ts_append_op(1, 2, id, "x"), ts_append_op(1, 2, id, "y"),
                               ts_append_op(2, 1, id, "z"), ts_append_op(1, 2, id, "x")};
        ts_block(&t);
        ts_submit(&t, chain(ops, 4));
        ts_unblock(&t);
        ts_wait(&t);
        assert_false(ops[0]->duplicate || ops[2]->duplicate);
        assert_true(ops[1]->duplicate && ops[3]->duplicate);
        assert_true(ops[1]->id == ops[0]->id && ops[1]->at.seq == ops[0]->at.seq);
        assert_true(ops[3]->id == ops[0]->id && ops[3]->at.chat == ops[0]->at.chat);
        assert_int_equal(ops[0]->at.seq, 2 * round + 1);
        assert_int_equal(ops[2]->at.seq, 2 * round + 2);
        unref_all(ops, 4);
    }
    ts_log_deinit(&t);
}

/* With hashes that all collide no message is taken for another. */
static void collisions_swallow_nothing(void **state)
{
    struct ts_log t;
    int64_t ids[20];
    char client_id[16];
    (void)state;
    ts_log_init(&t);
    for (int round = 0; round < 2; round++) {
        ts_rlog(&t)->hash_mask = 0;
        struct mn_op *ops[10];
        for (int i = 0; i < 10; i++) {
            snprintf(client_id, sizeof(client_id), "c-%d", 10 * round + i);
            ops[i] = ts_append_op(1, 2, client_id, "x");
        }
        ts_block(&t);
        ts_submit(&t, chain(ops, 10));
        ts_unblock(&t);
        ts_wait(&t);
        for (int i = 0; i < 10; i++) {
            assert_int_equal(ops[i]->result, MN_OK);
            assert_false(ops[i]->duplicate);
            assert_int_equal(ops[i]->at.seq, 10 * round + i + 1);
            ids[10 * round + i] = ops[i]->id;
        }
        unref_all(ops, 10);
        ts_log_close(&t);
        ts_log_open(&t);
    }
    ts_rlog(&t)->hash_mask = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(client_id, sizeof(client_id), "c-%d", i);
        expect_duplicate(&t, 1, 2, client_id, ids[i], i + 1);
    }
    ts_log_deinit(&t);
}

static void expect_invalid(struct ts_log *t, struct mn_op *op)
{
    ts_do(t, op);
    assert_int_equal(op->result, MN_EINVAL);
    assert_int_equal(op->at.seq, 0);
    mn_op_unref(op);
}

static void refuses_what_is_invalid(void **state)
{
    struct ts_log t;
    char longest[257 + 1];
    int64_t id = 0;
    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ts_log_init(&t);
    ts_append(&t, 1, 2, "a", "x", &id);
    ts_log_close(&t);
    ts_log_open(&t);
    expect_invalid(&t, ts_append_op(1, 0, "b", "x"));
    expect_invalid(&t, ts_append_op(1, -5, "b", "x"));
    expect_invalid(&t, ts_append_op(0, 1, "b", "x"));
    expect_invalid(&t, ts_append_op(1, 1, "b", "x"));
    expect_invalid(&t, ts_append_op(1, 2, "", "x"));
    expect_invalid(&t, ts_append_op(1, 2, longest, "x"));
    struct mn_op *op = ts_append_op(1, 2, "b", "x");
    op->id = id; /* would overwrite the first message */
    expect_invalid(&t, op);
    assert_int_equal(ts_append(&t, 1, 2, longest + 1, "", NULL), 2);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_MSG_FAILED), 7);
    ts_log_deinit(&t);
}

/* More chats than the cache holds: the numbers come from the store then. */
static void cache_is_only_a_cache(void **state)
{
    struct ts_log t;
    char client_id[16];
    (void)state;
    ts_log_prepare(&t);
    t.config.batch_ops = 4;
    t.config.chat_cache = 1; /* raised to twice the batch */
    ts_log_open(&t);
    for (int round = 1; round <= 3; round++) {
        struct mn_op *ops[100];
        for (int i = 0; i < 100; i++) {
            snprintf(client_id, sizeof(client_id), "r-%d", round);
            ops[i] = ts_append_op(1, 2 + i, client_id, "x");
        }
        ts_submit(&t, chain(ops, 100));
        ts_wait(&t);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(ops[i]->result, MN_OK);
            assert_int_equal(ops[i]->at.seq, round);
            assert_false(ops[i]->duplicate);
        }
        unref_all(ops, 100);
    }
    ts_log_deinit(&t);
}

/* ---- cursors ---- */

static struct mn_chat_view view_of(struct ts_log *t, int64_t chat, int64_t user)
{
    struct mn_chat_view view;
    assert_int_equal(mn_msglog_chat(t->log, chat, user, &view), MN_OK);
    return view;
}

/* Five messages from 1 to 2; the chat's id. */
static int64_t five_messages(struct ts_log *t)
{
    char client_id[16];
    int64_t chat = 0;
    for (int i = 1; i <= 5; i++) {
        snprintf(client_id, sizeof(client_id), "m-%d", i);
        ts_append(t, 1, 2, client_id, "x", NULL);
    }
    assert_int_equal(mn_msglog_pair(t->log, 1, 2, &chat), MN_OK);
    return chat;
}

static void cursors_only_go_on(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    int64_t chat = five_messages(&t);
    struct mn_chat_view v = view_of(&t, chat, 2);
    assert_true(!v.has_read && v.delivered == 0 && v.unread == 5 && v.undelivered == 5);
    assert_true(ts_move(&t, MN_CURSOR_DELIVERED, 2, 1, chat, 3));
    assert_false(ts_move(&t, MN_CURSOR_DELIVERED, 2, 1, chat, 3));
    assert_false(ts_move(&t, MN_CURSOR_DELIVERED, 2, 1, chat, 2));
    v = view_of(&t, chat, 2);
    assert_true(!v.has_read && v.delivered == 3 && v.unread == 5 && v.undelivered == 2);
    assert_true(ts_move(&t, MN_CURSOR_READ, 2, 1, chat, 2));
    v = view_of(&t, chat, 2);
    assert_true(v.has_read && v.read == 2 && v.delivered == 3 && v.unread == 3);
    assert_true(ts_move(&t, MN_CURSOR_READ, 2, 1, chat, 5));
    assert_false(ts_move(&t, MN_CURSOR_READ, 2, 1, chat, 4));
    v = view_of(&t, chat, 2);
    assert_true(v.read == 5 && v.delivered == 5 && v.unread == 0 && v.undelivered == 0);
    v = view_of(&t, chat, 1);
    assert_true(v.has_peer_read && v.peer_read == 5 && !v.has_read && v.unread == 0);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_CURSOR_MOVES), 3);
    ts_log_deinit(&t);
}

/* Moves are merged and cost no commit of their own; closing writes them. */
static void cursors_are_merged_and_kept(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_prepare(&t);
    t.config.cursor_flush_ms = 3600 * 1000;
    ts_log_open(&t);
    int64_t chat = five_messages(&t);
    int64_t commits = mn_metrics_sum(t.metrics, MN_M_COMMITS);
    for (int seq = 1; seq <= 4; seq++)
        ts_move(&t, MN_CURSOR_READ, 2, 1, chat, seq);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_COMMITS), commits);
    ts_log_close(&t);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_COMMITS), commits + 1);
    ts_log_open(&t);
    struct mn_chat_view v = view_of(&t, chat, 2);
    assert_true(v.has_read && v.read == 4 && v.delivered == 4 && v.unread == 1);
    assert_false(ts_move(&t, MN_CURSOR_DELIVERED, 2, 1, chat, 4));
    assert_true(ts_move(&t, MN_CURSOR_DELIVERED, 2, 1, chat, 5));
    ts_log_deinit(&t);
}

/* They ride along with a batch when due. */
static void cursors_ride_along(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_prepare(&t);
    t.config.cursor_flush_ms = 0;
    ts_log_open(&t);
    int64_t chat = five_messages(&t);
    int64_t commits = mn_metrics_sum(t.metrics, MN_M_COMMITS);
    struct mn_op *ops[] = {ts_cursor_op(MN_CURSOR_READ, 2, 1, chat, 2),
                           ts_append_op(2, 1, "answer", "x")};
    ts_block(&t);
    ts_submit(&t, chain(ops, 2));
    ts_unblock(&t);
    ts_wait(&t);
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_COMMITS), commits + 1);
    struct mn_membership row;
    assert_false(mn_cursors_get(&ts_rlog(&t)->cursors, 2, chat, &row));
    assert_int_equal(view_of(&t, chat, 2).read, 2);
    unref_all(ops, 2);
    ts_log_deinit(&t);
}

static bool writer_sleeps(struct ts_log *t)
{
    pthread_mutex_lock(&t->log->queue.lock);
    bool sleeps = t->log->queue.sleeping;
    pthread_mutex_unlock(&t->log->queue.lock);
    return sleeps;
}

/* A submit while the writer sleeps; whether it was done when that returned, and not by the writer. */
static bool is_done_at_once(struct ts_log *t, struct mn_op *first)
{
    TS_WAIT_UNTIL(writer_sleeps(t));
    ts_submit(t, first);
    pthread_mutex_lock(&t->lock);
    bool at_once = t->handed_back == t->submitted && pthread_equal(t->by, pthread_self());
    pthread_mutex_unlock(&t->lock);
    ts_wait(t);
    assert_int_equal(atomic_load(&t->log->queue.ops), 0);
    assert_int_equal(atomic_load(&t->log->queue.bytes), 0);
    return at_once;
}

static bool move_is_at_once(struct ts_log *t, int64_t chat, int64_t seq, bool advances)
{
    struct mn_op *op = ts_cursor_op(MN_CURSOR_DELIVERED, 2, 1, chat, seq);
    bool at_once = is_done_at_once(t, op);
    assert_int_equal(op->result, MN_OK);
    assert_int_equal(op->advanced, advances);
    mn_op_unref(op);
    return at_once;
}

/* What needs nothing but memory does not wake the writer: it may be awake for reasons of its own. */
static void cursors_move_without_the_writer(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_prepare(&t);
    t.config.cursor_flush_ms = 3600000;
    ts_log_open(&t);
    int64_t chat = five_messages(&t), seq = 5;
    assert_false(move_is_at_once(&t, chat, 1, true)); /* it has to learn when the cursor is due */
    for (uint64_t end_ms = mn_mono_ms() + 60000;;) {
        char id[24];
        snprintf(id, sizeof(id), "m-%d", (int)++seq);
        assert_int_equal(ts_append(&t, 1, 2, id, "x", NULL), seq);
        if (move_is_at_once(&t, chat, seq, true))
            break;
        assert_true(mn_mono_ms() < end_ms);
    }
    move_is_at_once(&t, chat, seq, false);
    assert_int_equal(view_of(&t, chat, 2).delivered, seq);
    assert_int_equal(view_of(&t, chat, 2).undelivered, 0);
    ts_log_close(&t);
    ts_log_open(&t);
    assert_int_equal(view_of(&t, chat, 2).delivered, seq);
    ts_log_deinit(&t);
}

/* Neither what has to be looked up, nor what is more than a moment's work, nor what is not theirs. */
static void not_all_is_done_by_submitters(void **state)
{
    struct ts_log t;
    struct mn_op *ops[40];
    (void)state;
    ts_log_prepare(&t);
    t.config.cursor_flush_ms = 3600000;
    ts_log_open(&t);
    int64_t chat = five_messages(&t);
    ts_move(&t, MN_CURSOR_DELIVERED, 2, 1, chat, 1);
    for (size_t i = 0; i < MN_ARRAY_LEN(ops); i++)
        ops[i] = ts_cursor_op(MN_CURSOR_READ, 2, 1, chat, 2);
    assert_false(is_done_at_once(&t, chain(ops, MN_ARRAY_LEN(ops))));
    assert_true(ops[0]->advanced && !ops[1]->advanced);
    unref_all(ops, MN_ARRAY_LEN(ops));
    ops[0] = ts_cursor_op(MN_CURSOR_READ, 2, 1, chat, 3);
    ops[1] = ts_append_op(1, 2, "last", "x");
    assert_false(is_done_at_once(&t, chain(ops, 2)));
    unref_all(ops, 2);
    ops[0] = ts_cursor_op(MN_CURSOR_READ, 3, 1, chat, 3); /* of a chat that is not known */
    assert_false(is_done_at_once(&t, ops[0]));
    assert_int_equal(ops[0]->result, MN_EINVAL);
    mn_op_unref(ops[0]);
    ts_log_deinit(&t);
}

static void refuses_wrong_cursors(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    int64_t chat = five_messages(&t);
    const struct {
        int64_t from, to, chat, seq;
    } wrong[] = {
        {2, 1, chat, 0}, {2, 1, chat, -1}, {2, 1, chat, 6}, {2, 1, chat + 1, 1},
        {2, 3, chat, 1}, {3, 1, chat, 1},  {2, 0, chat, 1}, {2, 2, chat, 1},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(wrong); i++) {
        struct mn_op *op = ts_do(&t, ts_cursor_op(MN_CURSOR_READ, wrong[i].from, wrong[i].to,
                                                  wrong[i].chat, wrong[i].seq));
        assert_int_equal(op->result, MN_EINVAL);
        assert_false(op->advanced);
        mn_op_unref(op);
    }
    /* Nobody can have seen a message that is in the same batch. */
    struct mn_op *ops[] = {ts_append_op(1, 2, "m-6", "x"),
                           ts_cursor_op(MN_CURSOR_READ, 2, 1, chat, 6)};
    ts_block(&t);
    ts_submit(&t, chain(ops, 2));
    ts_unblock(&t);
    ts_wait(&t);
    assert_int_equal(ops[0]->at.seq, 6);
    assert_int_equal(ops[1]->result, MN_EINVAL);
    unref_all(ops, 2);
    ts_log_deinit(&t);
}

/* ---- queue ---- */

static void order_is_kept(void **state)
{
    struct ts_log t;
    struct mn_op *ops[300];
    (void)state;
    ts_log_prepare(&t);
    t.config.batch_ops = 7;
    ts_log_open(&t);
    int64_t chat = five_messages(&t);
    uint64_t before = t.handed_back;
    for (uint16_t i = 0; i < 300; i++) {
        char client_id[16];
        snprintf(client_id, sizeof(client_id), "o-%d", (int)i / 4);
        if (i % 3 == 0)
            ops[i] = ts_idle_op();
        else
            ops[i] = i % 3 == 1 ? ts_append_op(1, i % 2 ? 2 : -1, client_id, "x")
                                : ts_cursor_op(MN_CURSOR_READ, 2, 1, chat, 1 + i % 6);
        ops[i]->who = i;
    }
    ts_block(&t);
    before++; /* the one of ts_block */
    ts_submit(&t, chain(ops, 150));
    ops[149]->next = NULL;
    ts_submit(&t, chain(ops + 150, 150));
    ts_unblock(&t);
    ts_wait(&t);
    for (uint16_t i = 0; i < 300; i++)
        assert_int_equal(t.whos[before + i], i);
    for (uint16_t i = 0; i < 300; i += 3) /* barriers */
        assert_int_equal(ops[i]->result, MN_OK);
    unref_all(ops, 300);
    ts_log_deinit(&t);
}

/* At the ceiling a reservation fails at once; what was handed back makes room. */
static void queue_has_a_ceiling(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_prepare(&t);
    t.config.queue_ops = 8;
    t.config.queue_bytes = 4096;
    ts_log_open(&t);
    struct mn_op *ops[8];
    for (int i = 0; i < 8; i++)
        ops[i] = ts_idle_op();
    ts_submit(&t, chain(ops, 8));
    ts_wait(&t);
    unref_all(ops, 8);
    assert_false(mn_msglog_reserve(t.log, 4097));
    assert_true(mn_msglog_reserve(t.log, 4000));
    assert_false(mn_msglog_reserve(t.log, 97));
    for (int i = 1; i < 8; i++)
        assert_true(mn_msglog_reserve(t.log, 1));
    assert_false(mn_msglog_reserve(t.log, 1));
    /* Give the reservations back the only way there is. */
    for (int i = 0; i < 8; i++) {
        struct mn_op *idle = ts_idle_op();
        idle->bytes = i == 0 ? 4000 : 1;
        pthread_mutex_lock(&t.lock);
        t.submitted++;
        pthread_mutex_unlock(&t.lock);
        mn_msglog_submit(t.log, idle);
    }
    ts_wait(&t);
    assert_true(mn_msglog_reserve(t.log, 4096));
    assert_int_equal(mn_metrics_sum(t.metrics, MN_M_WRITER_QUEUE), 0);
    ts_log_deinit(&t);
}

struct producer {
    struct ts_log *t;
    pthread_t thread;
    int64_t user;
    struct mn_op *ops[400];
};

enum { PRODUCERS = 4, PEERS = 5 };

/* Four submissions of a hundred; every client id twice, by turns in the same and in a later one. */
static void *produce(void *arg)
{
    struct producer *p = arg;
    for (int i = 0; i < 400; i++) {
        char client_id[32];
        snprintf(client_id, sizeof(client_id), "p-%d", i / 2);
        p->ops[i] = ts_append_op(p->user, 100 + (i / 2) % PEERS, client_id, "x");
    }
    for (int i = 0; i < 400; i += 100)
        ts_submit(p->t, chain(p->ops + i, 100));
    return NULL;
}

/* Chats of one pair each: 1..4 with 100..104; numbers without gaps, in each thread's order. */
static void many_producers(void **state)
{
    struct ts_log t;
    struct producer *producers = mn_alloc_array(PRODUCERS, sizeof(*producers));
    (void)state;
    ts_log_prepare(&t);
    t.config.queue_ops = 4096;
    t.config.batch_ops = 64;
    ts_log_open(&t);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i].t = &t;
        producers[i].user = 1 + i;
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
    ts_wait(&t);
    for (int i = 0; i < PRODUCERS; i++) {
        int64_t last[PEERS] = {0};
        for (int j = 0; j < 400; j++) {
            const struct mn_op *op = producers[i].ops[j];
            assert_int_equal(op->result, MN_OK);
            assert_int_equal(op->duplicate, j % 2);
            if (!op->duplicate)
                last[(j / 2) % PEERS]++;
            assert_int_equal(op->at.seq, last[(j / 2) % PEERS]);
        }
        unref_all(producers[i].ops, 400);
    }
    mn_free(producers);
    ts_log_deinit(&t);
}

/* What was submitted before close is committed and handed back by it. */
static void close_commits_what_waits(void **state)
{
    struct ts_log t;
    struct mn_op *ops[50];
    char client_id[16];
    (void)state;
    ts_log_init(&t);
    for (int i = 0; i < 50; i++) {
        snprintf(client_id, sizeof(client_id), "w-%d", i);
        ops[i] = ts_append_op(1, 2, client_id, "x");
    }
    ts_submit(&t, chain(ops, 50));
    ts_log_close(&t);
    for (int i = 0; i < 50; i++)
        assert_true(ops[i]->result == MN_OK && ops[i]->at.seq == i + 1);
    unref_all(ops, 50);
    assert_int_equal(t.handed_back, 50);
    ts_log_open(&t);
    assert_int_equal(ts_append(&t, 1, 2, "next", "x", NULL), 51);
    ts_log_deinit(&t);
}

static void op_bounds(void **state)
{
    (void)state;
    static char big[UINT16_MAX + 2];
    memset(big, 'x', sizeof(big));
    struct mn_str s = mn_str_make(big, UINT16_MAX + 1);
    assert_null(mn_op_new(MN_OP_APPEND, s, MN_STR_NONE, MN_STR_NONE));
    assert_null(mn_op_new(MN_OP_APPEND, MN_STR("a"), s, MN_STR_NONE));
    struct mn_op *op = mn_op_new(MN_OP_APPEND, MN_STR("id"), MN_STR("TEXT"), MN_STR("body"));
    assert_true(mn_str_is(mn_op_client_id(op), "id"));
    assert_true(mn_str_is(mn_op_msg_type(op), "TEXT"));
    assert_true(mn_str_is(mn_op_body(op), "body"));
    assert_int_equal(op->bytes, sizeof(*op) + 10);
    mn_op_unref(mn_op_ref(op));
    mn_op_unref(op);
    op = mn_op_new(MN_OP_APPEND, MN_STR("id"), MN_STR_NONE, MN_STR("body"));
    assert_null(mn_op_msg_type(op).p);
    mn_op_unref(op);
    mn_op_unref(NULL);
}

int test_store_msglog(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_get_numbers),
        cmocka_unit_test(reopen_goes_on),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(duplicate_in_one_batch),
        cmocka_unit_test(collisions_swallow_nothing),
        cmocka_unit_test(refuses_what_is_invalid),
        cmocka_unit_test(cache_is_only_a_cache),
        cmocka_unit_test(cursors_only_go_on),
        cmocka_unit_test(cursors_are_merged_and_kept),
        cmocka_unit_test(cursors_ride_along),
        cmocka_unit_test(cursors_move_without_the_writer),
        cmocka_unit_test(not_all_is_done_by_submitters),
        cmocka_unit_test(refuses_wrong_cursors),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(queue_has_a_ceiling),
        cmocka_unit_test(many_producers),
        cmocka_unit_test(close_commits_what_waits),
        cmocka_unit_test(op_bounds),
    };
    return cmocka_run_group_tests_name("store: message log, writes", tests, NULL, NULL);
}
