/* SPDX-License-Identifier: Apache-2.0 */
/* Groups in the message log: numbers, counts, cursors, members; and revoked messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

enum { GROUP = 900, MEMBERS = 4, MESSAGES = 150 };

static struct mn_op *group_op(enum mn_op_kind kind, int64_t user, const char *client_id)
{
    struct mn_op *op = mn_op_new(kind, mn_str_c(client_id), MN_STR_NONE, MN_STR("text"));
    assert_non_null(op);
    op->from = user;
    op->key = mn_chat_group(GROUP);
    op->id = ts_id();
    op->unix_ms = mn_unix_ms();
    return op;
}

static void member(struct ts_log *t, enum mn_op_kind kind, int64_t user, bool changes)
{
    struct mn_op *op = ts_do(t, group_op(kind, user, "-"));
    assert_int_equal(op->result, MN_OK);
    assert_int_equal(op->advanced, changes);
    mn_op_unref(op);
}

static int64_t send(struct ts_log *t, int64_t user, int64_t number)
{
    char client_id[24];
    snprintf(client_id, sizeof(client_id), "g-%d", (int)number);
    struct mn_op *op = ts_do(t, group_op(MN_OP_APPEND, user, client_id));
    assert_int_equal(op->result, MN_OK);
    assert_int_equal(op->at.chat, GROUP);
    int64_t seq = op->at.seq;
    mn_op_unref(op);
    return seq;
}

static bool move(struct ts_log *t, enum mn_cursor_kind kind, int64_t user, int64_t seq)
{
    struct mn_op *op = group_op(MN_OP_CURSOR, user, "-");
    op->cursor = (uint8_t)kind;
    op->at = (struct mn_place){GROUP, seq};
    ts_do(t, op);
    assert_int_equal(op->result, MN_OK);
    bool advanced = op->advanced;
    mn_op_unref(op);
    return advanced;
}

static bool count_one(void *arg, const struct mn_msg *msg)
{
    int64_t *undelivered = arg;
    assert_int_equal(msg->kind, MN_CHAT_GROUP);
    assert_int_equal(msg->at.chat, GROUP);
    assert_int_equal(msg->to, 0);
    ++*undelivered;
    return true;
}

/* What a member has not read or received yet, compared with counting. */
static void check_member(struct ts_log *t, int64_t user, const int64_t *from, int64_t last,
                         int64_t read, int64_t delivered)
{
    struct mn_chat_view v;
    int64_t unread = 0, undelivered = 0, resent = 0;
    struct mn_place pos = {0, 0};
    bool done = false;
    for (int64_t seq = 1; seq <= last; seq++) {
        unread += from[seq] != user && seq > read;
        undelivered += from[seq] != user && seq > delivered;
    }
    assert_int_equal(mn_msglog_chat(t->log, GROUP, user, &v), MN_OK);
    assert_true(v.peer == 0 && v.last_seq == last && v.read == read && v.delivered == delivered);
    assert_int_equal(v.unread, unread);
    assert_int_equal(v.undelivered, undelivered);
    assert_int_equal(
        mn_msglog_backlog(t->log, user, &pos, 1000, SIZE_MAX, count_one, &resent, &done), MN_OK);
    assert_int_equal(resent, undelivered);
    assert_true(done);
}

/* Members write, receive and read at random. */
static void unread_counts(void **state)
{
    struct ts_log t;
    struct mn_rng rng;
    int64_t from[MESSAGES + 1] = {0}, read[MEMBERS] = {0}, delivered[MEMBERS] = {0}, last = 0;
    (void)state;
    mn_rng_seed(&rng, 11);
    ts_log_init(&t);
    for (int64_t user = 0; user < MEMBERS; user++)
        member(&t, MN_OP_JOIN, 1 + user, true);
    for (int step = 0; step < 300; step++) {
        int64_t user = (int64_t)mn_rng_below(&rng, MEMBERS);
        if (last == 0 || (last < MESSAGES && mn_rng_below(&rng, 2) == 0)) {
            from[++last] = 1 + user;
            assert_int_equal(send(&t, 1 + user, last), last);
        } else {
            int64_t seq = 1 + (int64_t)mn_rng_below(&rng, (uint64_t)last);
            bool is_read = mn_rng_below(&rng, 2);
            move(&t, is_read ? MN_CURSOR_READ : MN_CURSOR_DELIVERED, 1 + user, seq);
            if (is_read && seq > read[user])
                read[user] = seq;
            if (seq > delivered[user])
                delivered[user] = seq;
        }
        check_member(&t, 1 + user, from, last, read[user], delivered[user]);
        if (step % 100 == 50) {
            ts_log_close(&t);
            ts_log_open(&t);
        }
    }
    ts_log_deinit(&t);
}

/* Many messages of one sender in one batch are counted one by one. */
static void batches_count_too(void **state)
{
    struct ts_log t;
    struct mn_op *ops[60], *first = NULL;
    int64_t from[61];
    (void)state;
    ts_log_init(&t);
    member(&t, MN_OP_JOIN, 1, true);
    member(&t, MN_OP_JOIN, 2, true);
    ts_block(&t);
    for (int i = 59; i >= 0; i--) {
        char client_id[24];
        snprintf(client_id, sizeof(client_id), "b-%d", i);
        from[i + 1] = 1 + i % 3 % 2;
        ops[i] = group_op(MN_OP_APPEND, from[i + 1], client_id);
        ops[i]->next = first;
        first = ops[i];
    }
    ts_submit(&t, first);
    ts_unblock(&t);
    ts_wait(&t);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(ops[i]->at.seq, i + 1);
        mn_op_unref(ops[i]);
    }
    check_member(&t, 1, from, 60, 0, 0);
    check_member(&t, 2, from, 60, 0, 0);
    move(&t, MN_CURSOR_READ, 2, 31);
    check_member(&t, 2, from, 60, 31, 31);
    ts_log_deinit(&t);
}

/* The cursors of who joins begin at the group's last number; who left has none. */
static void members_come_and_go(void **state)
{
    struct ts_log t;
    struct mn_chat_view v;
    (void)state;
    ts_log_init(&t);
    member(&t, MN_OP_JOIN, 1, true);
    member(&t, MN_OP_JOIN, 1, false);
    for (int64_t i = 1; i <= 5; i++)
        send(&t, 1, i);
    member(&t, MN_OP_JOIN, 2, true);
    assert_int_equal(mn_msglog_chat(t.log, GROUP, 2, &v), MN_OK);
    assert_true(v.read == 5 && v.unread == 0 && v.undelivered == 0);
    send(&t, 1, 6);
    assert_int_equal(mn_msglog_chat(t.log, GROUP, 2, &v), MN_OK);
    assert_int_equal(v.unread, 1);
    assert_true(move(&t, MN_CURSOR_READ, 2, 6)); /* waits in memory, and goes with him */
    member(&t, MN_OP_LEAVE, 2, true);
    member(&t, MN_OP_LEAVE, 2, false);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(mn_msglog_chat(t.log, GROUP, 2, &v), MN_ENOTFOUND);
        assert_false(move(&t, MN_CURSOR_READ, 2, 6));
        assert_false(move(&t, MN_CURSOR_DELIVERED, 99, 1));
        ts_log_close(&t);
        ts_log_open(&t);
    }
    ts_log_deinit(&t);
}

/* A client id counts once a sender and group, and not across groups and pairs. */
static void client_ids(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    int64_t first = send(&t, 1, 7);
    assert_int_equal(send(&t, 1, 7), first);
    assert_int_equal(send(&t, 2, 7), first + 1);
    assert_int_equal(ts_append(&t, 1, 2, "g-7", "x", NULL), 1);
    struct mn_op *op = group_op(MN_OP_APPEND, 1, "bad");
    op->to = 2;
    assert_int_equal(ts_do(&t, op)->result, MN_EINVAL);
    mn_op_unref(op);
    ts_log_deinit(&t);
}

struct seen {
    enum mn_msg_status status;
    int64_t updated_ms;
    bool has_body;
};

static bool look(void *arg, const struct mn_msg *msg)
{
    struct seen *seen = arg;
    *seen = (struct seen){msg->status, msg->updated_ms, mn_str_is(msg->body, "text")};
    return true;
}

static struct mn_op *take_back(struct ts_log *t, int64_t user, int64_t id, int64_t ms)
{
    struct mn_op *op = mn_op_new(MN_OP_REVOKE, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = user;
    op->id = id;
    op->unix_ms = ms;
    return ts_do(t, op);
}

static void revoked(void **state)
{
    struct ts_log t;
    struct seen seen = {.has_body = false};
    int64_t id = 0;
    (void)state;
    ts_log_init(&t);
    ts_append(&t, 1, 2, "r-1", "text", &id);
    struct mn_op *wrong = take_back(&t, 2, id, mn_unix_ms());
    struct mn_op *none = take_back(&t, 1, id + 1, mn_unix_ms());
    assert_true(wrong->result == MN_EPERM && none->result == MN_ENOTFOUND);
    int64_t ms = mn_unix_ms() + 5000;
    struct mn_op *first = take_back(&t, 1, id, ms);
    struct mn_op *again = take_back(&t, 1, id, ms + 1000);
    assert_true(first->result == MN_OK && first->advanced && first->to == 2 && first->at.seq == 1);
    assert_true(first->key.kind == MN_CHAT_PAIR && first->key.a == 1 && first->key.b == 2);
    assert_true(again->result == MN_OK && !again->advanced);
    for (int round = 0; round < 2; round++) {
        const struct mn_range all = {.chat = first->at.chat, .before = INT64_MAX, .limit = 9};
        assert_int_equal(mn_msglog_read(t.log, &all, look, &seen), MN_OK);
        assert_true(seen.status == MN_MSG_REVOKED && seen.updated_ms == ms && seen.has_body);
        ts_log_close(&t);
        ts_log_open(&t);
    }
    mn_op_unref(wrong);
    mn_op_unref(none);
    mn_op_unref(first);
    mn_op_unref(again);
    ts_log_deinit(&t);
}

static unsigned not_learnt(struct ts_log *t, int64_t user, int64_t after, unsigned limit,
                           struct mn_revocation *ret)
{
    unsigned count = 99;
    assert_int_equal(mn_msglog_revocations(t->log, user, after, limit, ret, &count), MN_OK);
    for (unsigned i = 1; i < count; i++)
        assert_true(ret[i - 1].number < ret[i].number);
    return count;
}

static void learn(struct ts_log *t, int64_t user, int64_t number)
{
    struct mn_op *op = mn_op_new(MN_OP_LEARNT, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    op->from = user;
    op->id = number;
    mn_op_unref(op = ts_do(t, op));
}

static int64_t say(struct ts_log *t, int64_t user, const char *client_id)
{
    struct mn_op *op = ts_do(t, group_op(MN_OP_APPEND, user, client_id));
    int64_t id = op->id;
    assert_int_equal(op->result, MN_OK);
    mn_op_unref(op);
    return id;
}

static enum mn_err no_write(void *ctx, enum mn_fault_point point)
{
    (void)ctx;
    return point == MN_FAULT_WRITE ? MN_EIO : MN_OK;
}

/* Who has a message learns of its end until he is known to have, over a restart too. */
static void revocations_wait(void **state)
{
    struct ts_log t;
    struct mn_revocation got[8];
    int64_t ids[4];
    char name[8];
    (void)state;
    ts_log_init(&t);
    member(&t, MN_OP_JOIN, 7, true);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        if (i < 3)
            ts_append(&t, 1, i < 2 ? 2 : 7, name, "text", &ids[i]);
        else
            ids[i] = say(&t, 1, name);
    }
    member(&t, MN_OP_JOIN, 8, true); /* after the group's message */
    for (int i = 3; i >= 0; i--) {
        struct mn_op *op = take_back(&t, 1, ids[i], mn_unix_ms());
        assert_true(op->result == MN_OK && op->number > 0);
        mn_op_unref(op);
        mn_op_unref(take_back(&t, 1, ids[i], mn_unix_ms())); /* again: told, but not kept twice */
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(not_learnt(&t, 2, 0, 8, got), 2);
        assert_true(got[0].id == ids[1] && got[1].id == ids[0] && got[0].kind == MN_CHAT_PAIR);
        assert_true(got[0].from == 1 && got[0].to == 2 && got[0].at.seq == 2);
        assert_int_equal(not_learnt(&t, 2, got[0].number, 8, got), 1);
        assert_int_equal(not_learnt(&t, 7, 0, 8, got), 2); /* his own and the group's */
        assert_true(got[0].id == ids[3] && got[0].kind == MN_CHAT_GROUP && got[0].at.chat == GROUP);
        assert_true(got[1].id == ids[2] && got[1].kind == MN_CHAT_PAIR);
        assert_int_equal(not_learnt(&t, 7, 0, 1, got), 1);
        assert_int_equal(got[0].id, ids[3]);
        assert_int_equal(not_learnt(&t, 8, 0, 8, got), 0); /* he never had it */
        assert_int_equal(not_learnt(&t, 9, 0, 8, got), 0);
        ts_log_close(&t);
        ts_log_open(&t);
    }
    assert_int_equal(not_learnt(&t, 7, 0, 1, got), 1);
    learn(&t, 7, got[0].number);
    ts_log_close(&t);
    ts_log_open(&t);
    assert_int_equal(not_learnt(&t, 7, 0, 8, got), 1);
    assert_int_equal(got[0].id, ids[2]);
    member(&t, MN_OP_LEAVE, 7, true);
    learn(&t, 7, got[0].number);
    assert_int_equal(not_learnt(&t, 7, 0, 8, got), 0);
    ts_log_deinit(&t);
}

/* A message that is too old stays as it is; a failed write was no revocation. */
static void not_revoked(void **state)
{
    struct ts_log t;
    struct seen seen = {.has_body = false};
    struct mn_revocation got[2];
    int64_t id = 0, now = mn_unix_ms();
    (void)state;
    ts_log_init(&t);
    ts_append(&t, 1, 2, "m", "text", &id);
    struct mn_op *op = mn_op_new(MN_OP_REVOKE, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    op->from = 1;
    op->id = id;
    op->unix_ms = now;
    op->oldest_ms = now + 60000;
    op = ts_do(&t, op);
    assert_int_equal(op->result, MN_EEXPIRED);
    mn_op_unref(op);
    int64_t chat = 0;
    assert_int_equal(mn_msglog_pair(t.log, 1, 2, &chat), MN_OK);
    const struct mn_range all = {.chat = chat, .before = INT64_MAX, .limit = 9};
    assert_int_equal(not_learnt(&t, 2, 0, 2, got), 0);
    ts_rlog(&t)->fault_ctx = NULL;
    atomic_store(&ts_rlog(&t)->fault, no_write);
    op = take_back(&t, 1, id, now);
    assert_int_equal(op->result, MN_EIO);
    mn_op_unref(op);
    atomic_store(&ts_rlog(&t)->fault, NULL);
    TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
    assert_int_equal(mn_msglog_read(t.log, &all, look, &seen), MN_OK);
    assert_int_not_equal(seen.status, MN_MSG_REVOKED);
    assert_int_equal(not_learnt(&t, 2, 0, 2, got), 0);
    ts_log_deinit(&t);
}

/* Neither a chat has the id of a message, nor a message that of a chat, over a restart too. */
static void chat_ids_are_their_own(void **state)
{
    struct ts_log t;
    int64_t id = 0, chat = 0;
    (void)state;
    ts_log_init(&t);
    ts_append(&t, 1, 2, "m", "x", &id);
    assert_int_equal(mn_msglog_pair(t.log, 1, 2, &chat), MN_OK);
    assert_true(chat > id);
    assert_true(mn_msglog_max_id(t.log) >= id);
    ts_log_close(&t);
    ts_log_open(&t);
    assert_int_equal(mn_msglog_max_id(t.log), chat);
    ts_log_deinit(&t);
}

/* ---- mentions ---- */

enum { STEPS = 1200 };

/* What a naive model knows of a message. */
struct sent {
    int64_t id, from, reply_author;
    bool mentions[MEMBERS + 1], revoked;
};

struct model {
    struct sent sent[STEPS + 1];
    int64_t last, read[MEMBERS + 1], joined[MEMBERS + 1];
    bool is_member[MEMBERS + 1];
};

/* A message that mentions users of `bits`, and answers the message `reply` (0: none). */
static struct mn_op *addressed_op(struct model *m, int64_t from, unsigned bits, int64_t reply)
{
    char client_id[24], uids[MEMBERS * MN_UID_BYTES];
    size_t n = 0;
    struct sent *sent = &m->sent[++m->last];
    *sent = (struct sent){.from = from};
    for (int64_t user = 1; user <= MEMBERS; user++) {
        if (!(bits >> user & 1) || user == from)
            continue;
        mn_uids_set(uids, n++, user);
        sent->mentions[user] = true;
    }
    snprintf(client_id, sizeof(client_id), "m-%d", (int)m->last);
    struct mn_op *op = mn_op_new_append(mn_str_c(client_id), MN_STR_NONE, MN_STR("hi"),
                                        mn_str_make(uids, n * MN_UID_BYTES));
    assert_non_null(op);
    op->from = from;
    op->key = mn_chat_group(GROUP);
    op->id = sent->id = ts_id();
    op->unix_ms = mn_unix_ms();
    if (reply > 0) {
        op->reply_to = m->sent[reply].id;
        op->reply_author = m->sent[reply].from == from ? 0 : m->sent[reply].from;
        sent->reply_author = op->reply_author;
    }
    return op;
}

static bool same(void *arg, const struct mn_msg *msg)
{
    const struct model *m = arg;
    const struct sent *sent = &m->sent[msg->at.seq];
    assert_true(msg->id == sent->id && msg->reply_author == sent->reply_author);
    assert_int_equal(msg->status, sent->revoked ? MN_MSG_REVOKED : MN_MSG_SAVED);
    for (int64_t user = 1; user <= MEMBERS; user++) {
        assert_int_equal(mn_uids_have(msg->mentions, user), sent->mentions[user]);
        assert_int_equal(mn_msg_addresses(msg, user),
                         sent->mentions[user] || sent->reply_author == user);
    }
    return true;
}

static void check_mentions(struct ts_log *t, struct model *m)
{
    const struct mn_range all = {.chat = GROUP, .before = INT64_MAX, .limit = STEPS};
    for (int64_t user = 1; user <= MEMBERS; user++) {
        struct mn_chat_view v;
        int64_t mentions = 0, unread = 0;
        for (int64_t seq = m->read[user] + 1; seq <= m->last; seq++) {
            const struct sent *sent = &m->sent[seq];
            unread += sent->from != user;
            mentions += !sent->revoked && (sent->mentions[user] || sent->reply_author == user);
        }
        enum mn_err err = mn_msglog_chat(t->log, GROUP, user, &v);
        assert_int_equal(err, m->is_member[user] ? MN_OK : MN_ENOTFOUND);
        if (err)
            continue;
        assert_int_equal(v.unread, unread);
        assert_int_equal(v.mentions, mentions);
    }
    assert_int_equal(mn_msglog_read(t->log, &all, same, m), MN_OK);
}

static void random_step(struct ts_log *t, struct model *m, struct mn_rng *rng)
{
    int64_t user = 1 + (int64_t)mn_rng_below(rng, MEMBERS);
    unsigned what = (unsigned)mn_rng_below(rng, 10);
    if (what < 2) {
        member(t, m->is_member[user] ? MN_OP_LEAVE : MN_OP_JOIN, user, true);
        m->is_member[user] = !m->is_member[user];
        m->read[user] = m->last;
    } else if (what < 7 || m->last == 0) {
        int64_t reply = m->last ? (int64_t)mn_rng_below(rng, (uint64_t)m->last + 1) : 0;
        struct mn_op *op = ts_do(t, addressed_op(m, user, (unsigned)mn_rng_below(rng, 64),
                                                 what == 6 ? reply : 0));
        assert_true(op->result == MN_OK && op->at.seq == m->last);
        mn_op_unref(op);
    } else if (what < 9) {
        int64_t seq = 1 + (int64_t)mn_rng_below(rng, (uint64_t)m->last);
        bool advanced = move(t, MN_CURSOR_READ, user, seq);
        assert_int_equal(advanced, m->is_member[user] && seq > m->read[user]);
        if (advanced)
            m->read[user] = seq;
    } else {
        struct sent *sent = &m->sent[1 + mn_rng_below(rng, (uint64_t)m->last)];
        struct mn_op *op = take_back(t, sent->from, sent->id, mn_unix_ms());
        assert_true(op->result == MN_OK && op->advanced == !sent->revoked);
        sent->revoked = true;
        mn_op_unref(op);
    }
}

/* Numbers, unread counts and mentions against counting, across restarts. */
static void mentions_are_counted(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct ts_log t;
        struct mn_rng rng;
        struct model *m = mn_new(struct model);
        mn_rng_seed(&rng, seed);
        ts_log_init(&t);
        for (int step = 0; step < STEPS; step++) {
            random_step(&t, m, &rng);
            if (step % 8 == 0)
                check_mentions(&t, m);
            if (step % 150 == 140) {
                ts_log_close(&t);
                ts_log_open(&t);
            }
        }
        check_mentions(&t, m);
        ts_log_deinit(&t);
        mn_free(m);
    }
}

/* Several messages of one batch that address the same users. */
static void mentions_in_a_batch(void **state)
{
    struct ts_log t;
    struct mn_op *ops[40], *first = NULL;
    struct model *m = mn_new(struct model);
    (void)state;
    ts_log_init(&t);
    for (int64_t user = 1; user <= MEMBERS; user++) {
        member(&t, MN_OP_JOIN, user, true);
        m->is_member[user] = true;
    }
    ts_block(&t);
    for (int i = 0; i < 40; i++)
        ops[i] = addressed_op(m, 1 + i % MEMBERS, (unsigned)i, i % 5 == 4 ? i : 0);
    for (int i = 39; i >= 0; i--) {
        ops[i]->next = first;
        first = ops[i];
    }
    ts_submit(&t, first);
    ts_unblock(&t);
    ts_wait(&t);
    check_mentions(&t, m);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(ops[i]->at.seq, i + 1);
        mn_op_unref(ops[i]);
    }
    /* What addresses somebody is of a group, or nothing. */
    struct mn_op *wrong = addressed_op(m, 1, 4, 0);
    mn_op_set_pair(wrong, 1, 2);
    assert_int_equal(ts_do(&t, wrong)->result, MN_EINVAL);
    mn_op_unref(wrong);
    ts_log_deinit(&t);
    mn_free(m);
}

/* ---- conversations ---- */

struct page {
    struct mn_chat_pos at[16];
    bool has_last[16];
    unsigned count, stop_at;
};

static bool take(void *arg, const struct mn_chat_view *view, const struct mn_msg *last)
{
    struct page *page = arg;
    assert_true(view->peer == 0 && (last != NULL) == (view->last_seq > 0));
    assert_true(!last || (last->id == view->last_id && last->at.seq == view->last_seq));
    page->has_last[page->count] = last != NULL;
    page->at[page->count++] = (struct mn_chat_pos){view->updated_ms, view->chat};
    return page->count != page->stop_at;
}

static void act(struct ts_log *t, enum mn_op_kind kind, int64_t group, int64_t ms)
{
    struct mn_op *op = group_op(kind, 1, "c");
    op->key = mn_chat_group(group);
    op->unix_ms = ms;
    assert_int_equal(ts_do(t, op)->result, MN_OK);
    mn_op_unref(op);
}

static struct page list(struct ts_log *t, struct mn_chat_pos before, uint64_t skip, unsigned limit)
{
    struct page page = {.count = 0};
    const struct mn_conversation_query query = {
        .user = 1, .before = before, .skip = skip, .limit = limit};
    assert_int_equal(mn_msglog_group_conversations(t->log, &query, take, &page), MN_OK);
    return page;
}

/* Newest first, then the greatest id; a page begins behind the place that the one before ended at. */
static void conversations(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    assert_int_equal(list(&t, MN_CHAT_POS_TOP, 0, 16).count, 0);
    ts_append(&t, 1, 2, "pair", "x", NULL); /* is in the other list */
    for (int64_t group = 1; group <= 6; group++)
        act(&t, MN_OP_JOIN, group, 1000);
    act(&t, MN_OP_APPEND, 3, 5000);
    act(&t, MN_OP_APPEND, 2, 5000);
    act(&t, MN_OP_APPEND, 5, 7000);
    act(&t, MN_OP_LEAVE, 6, 9000);
    static const int64_t order[] = {5, 3, 2, 4, 1};
    struct page all = list(&t, MN_CHAT_POS_TOP, 0, 16);
    assert_int_equal(all.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(all.at[i].chat, order[i]);
        assert_int_equal(all.has_last[i], i < 3);
        struct page next = list(&t, all.at[i], 0, 1);
        assert_int_equal(next.count, i < 4);
        assert_true(i == 4 || next.at[0].chat == order[i + 1]);
        struct page skipped = list(&t, MN_CHAT_POS_TOP, i, 16);
        assert_int_equal(skipped.count, 5 - i);
        assert_int_equal(skipped.at[0].chat, order[i]);
    }
    struct page page = {.stop_at = 2};
    const struct mn_conversation_query query = {.user = 1, .before = MN_CHAT_POS_TOP, .limit = 16};
    assert_int_equal(mn_msglog_group_conversations(t.log, &query, take, &page), MN_OK);
    assert_int_equal(page.count, 2);
    assert_int_equal(list(&t, MN_CHAT_POS_TOP, UINT64_MAX, 16).count, 0);
    ts_log_deinit(&t);
}

/* Long runs of one's own are leapt over: what is left out must be theirs, and all of it. */
static void own_runs(void **state)
{
    static const int runs[] = {1, 15, 16, 17, 40, 130, 2};
    struct ts_log t;
    int64_t from[400] = {0}, last = 0;
    (void)state;
    ts_log_init(&t);
    member(&t, MN_OP_JOIN, 1, true);
    member(&t, MN_OP_JOIN, 2, true);
    for (unsigned i = 0; i < MN_ARRAY_LEN(runs); i++) {
        for (int k = 0; k < runs[i]; k++) {
            from[++last] = 1;
            send(&t, 1, last);
        }
        check_member(&t, 1, from, last, 0, 0);
        from[++last] = 2;
        send(&t, 2, last);
        check_member(&t, 1, from, last, 0, 0);
    }
    check_member(&t, 2, from, last, 0, 0);
    ts_log_deinit(&t);
}

static bool count_any(void *arg, const struct mn_msg *msg)
{
    int64_t *count = arg;
    assert_true(msg->from == 2);
    ++*count;
    return true;
}

static bool any_chat(void *arg, const struct mn_chat_view *view, const struct mn_msg *last)
{
    int64_t *seq = arg;
    assert_true(!last || last->at.seq == view->last_seq);
    assert_true(view->unread >= 0 && view->undelivered >= 0 && view->mentions >= 0);
    *seq = view->last_seq;
    return true;
}

static bool in_order(void *arg, const struct mn_msg *msg)
{
    int64_t *seq = arg;
    assert_true(*seq == 0 || msg->at.seq == *seq - 1 || msg->at.seq == *seq + 1);
    *seq = msg->at.seq;
    return true;
}

/* Puts so many messages of user 2 into the queue, every second one in a chat of two. */
static void submit_many(struct ts_log *t, struct mn_op **ops, int count, int round)
{
    struct mn_op *first = NULL;
    for (int i = count - 1; i >= 0; i--) {
        char client_id[24];
        snprintf(client_id, sizeof(client_id), "r-%d-%d", round, i);
        ops[i] = group_op(MN_OP_APPEND, 2, client_id);
        if (i % 2)
            mn_op_set_pair(ops[i], 2, 1);
        ops[i]->next = first;
        first = ops[i];
    }
    ts_submit(t, first);
}

static void read_all_ways(struct ts_log *t, int64_t *before)
{
    const struct mn_conversation_query query = {.user = 1, .before = MN_CHAT_POS_TOP, .limit = 10};
    const struct mn_range last = {
        .chat = GROUP, .before = INT64_MAX, .descending = true, .limit = 3};
    struct mn_range rest = {.chat = GROUP, .before = INT64_MAX, .limit = 200};
    bool done = false;
    int64_t seq = 0;
    assert_int_equal(mn_msglog_group_conversations(t->log, &query, any_chat, &seq), MN_OK);
    assert_true(seq >= *before);
    *before = seq;
    struct mn_place pos = {GROUP, seq > 50 ? seq - 50 : 0};
    rest.after = pos.seq;
    assert_int_equal(mn_msglog_conversations(t->log, &query, any_chat, &seq), MN_OK);
    seq = 0;
    assert_int_equal(mn_msglog_read(t->log, &last, in_order, &seq), MN_OK);
    seq = 0;
    assert_int_equal(mn_msglog_read(t->log, &rest, in_order, &seq), MN_OK);
    while (!done)
        assert_int_equal(mn_msglog_backlog(t->log, 1, &pos, 200, SIZE_MAX, count_any, &seq, &done),
                         MN_OK);
    assert_false(mn_msglog_is_corrupt(t->log));
}

/* What is stored while a read is under way is no damage, and is in it or not. */
static void reads_while_it_grows(void **state)
{
    enum { ROUNDS = 10, MANY = 800 };
    struct ts_log t;
    struct mn_op *ops[MANY];
    int64_t before = 0;
    (void)state;
    ts_log_init(&t);
    member(&t, MN_OP_JOIN, 1, true);
    member(&t, MN_OP_JOIN, 2, true);
    for (int round = 0; round < ROUNDS; round++) {
        submit_many(&t, ops, MANY, round);
        while (before < (round + 1) * MANY / 2 - MANY / 8)
            read_all_ways(&t, &before);
        ts_wait(&t);
        for (int i = 0; i < MANY; i++)
            mn_op_unref(ops[i]);
    }
    ts_log_deinit(&t);
}

int test_store_msglog_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unread_counts),
        cmocka_unit_test(batches_count_too),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(client_ids),
        cmocka_unit_test(revoked),
        cmocka_unit_test(revocations_wait),
        cmocka_unit_test(not_revoked),
        cmocka_unit_test(chat_ids_are_their_own),
        cmocka_unit_test(mentions_are_counted),
        cmocka_unit_test(mentions_in_a_batch),
        cmocka_unit_test(conversations),
        cmocka_unit_test(own_runs),
        cmocka_unit_test(reads_while_it_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
