/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocations: that a message was revoked is told to who is connected, and
 * kept for who is not and may have the message already.  One row a revocation,
 * at the user to whom a message of two went or at the group; and one row a
 * user, up to which number he has learnt (docs/decisions/0032).
 *
 * A row of one who has learnt of it stays: it is never read again, and costs
 * less than the message that it is about.
 */
#include "base/mem.h"
#include "store/rocks/walk.h"

enum {
    REVOCATIONS_MAX = 256,
    CLOCK_STEP_MS = 60000 /* a clock that was set back by so much changes nothing */
};

/* ---- the writer ---- */

enum mn_err mn_writer_put_revoked(struct mn_writer *w, struct mn_op *op)
{
    char key[MN_KEY_CHAT_BYTES], value[MN_ROW_REVOKED_MAX];
    const struct mn_row_revoked row = {.id = op->id,
                                       .chat = op->at.chat,
                                       .seq = op->at.seq,
                                       .from = op->from,
                                       .unix_ms = op->unix_ms};
    bool group = op->key.kind == MN_CHAT_GROUP;
    int64_t number = mn_idgen_next(w->log->config->idgen);
    if (number <= 0)
        return MN_EBUSY;
    op->number = number;
    mn_key_revoked(key, group, group ? op->key.a : op->to, number);
    mn_rocks_batch_put(w->log->db, w->batch, MN_CF_CHAT, mn_str_make(key, sizeof(key)),
                       mn_str_make(value, mn_row_revoked_print(value, &row)));
    return MN_OK;
}

void mn_writer_learnt(struct mn_writer *w, struct mn_op_slot *slot)
{
    char key[MN_KEY_TOTAL_BYTES], value[MN_ROW_TOTAL_MAX];
    mn_key_learnt(key, slot->op->from);
    mn_rocks_batch_put(w->log->db, w->batch, MN_CF_CHAT, mn_str_make(key, sizeof(key)),
                       mn_str_make(value, mn_row_total_print(value, slot->op->id)));
    slot->is_put = true;
}

/* ---- readers ---- */

struct gathering {
    struct mn_rlog *log;
    struct mn_rocks *db;
    int64_t user, after;
    unsigned limit, count;
    struct mn_revocation *ret; /* room for `limit`, in order */
};

static enum mn_err get_learnt(struct gathering *g)
{
    char key[MN_KEY_TOTAL_BYTES];
    struct mn_rocks_value value;
    int64_t learnt = 0;
    mn_key_learnt(key, g->user);
    enum mn_err err = mn_rocks_get(g->db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_OK : err;
    err = mn_row_total_parse(value.s, &learnt);
    mn_rocks_release(&value);
    if (learnt > g->after)
        g->after = learnt;
    return err;
}

/* Into its place in the order; false: it, and all behind it, come after the last one wanted. */
static bool insert(struct gathering *g, const struct mn_revocation *one)
{
    unsigned i = g->count;
    if (i == g->limit && g->ret[i - 1].number < one->number)
        return false;
    if (g->count < g->limit)
        g->count++;
    else
        i--;
    for (; i > 0 && g->ret[i - 1].number > one->number; i--)
        g->ret[i] = g->ret[i - 1];
    g->ret[i] = *one;
    return true;
}

static enum mn_err parse(struct mn_str key, struct mn_str value, struct mn_revocation *ret)
{
    struct mn_row_revoked row = {0};
    bool group = false;
    int64_t owner = 0, number = 0;
    enum mn_err err = mn_key_revoked_parse(key, &group, &owner, &number);
    if (!err)
        err = mn_row_revoked_parse(value, &row);
    *ret = (struct mn_revocation){.number = number,
                                  .id = row.id,
                                  .at = {row.chat, row.seq},
                                  .kind = group ? MN_CHAT_GROUP : MN_CHAT_PAIR,
                                  .from = row.from,
                                  .to = group ? 0 : owner,
                                  .unix_ms = row.unix_ms};
    return err;
}

/* Over all revocations of one kind; for gather(). */
static struct mn_rocks_iter *iter_of(struct mn_rocks *db, bool group)
{
    return group ? mn_rocks_iter_new(db, MN_CF_CHAT, MN_STR("R"), MN_STR("S"))
                 : mn_rocks_iter_new(db, MN_CF_CHAT, MN_STR("r"), MN_STR("s"));
}

/* A user's or a group's rows behind `after`, of messages behind number `seen_seq`. */
static enum mn_err gather(struct gathering *g, struct mn_rocks_iter *it, bool group, int64_t owner,
                          int64_t after, int64_t seen_seq)
{
    char lower[MN_KEY_CHAT_BYTES];
    struct mn_str key, value;
    if (after == INT64_MAX)
        return MN_OK;
    mn_key_revoked(lower, group, owner, after + 1);
    mn_rocks_iter_seek(it, mn_str_make(lower, sizeof(lower)));
    for (; mn_rocks_iter_get(it, &key, &value); mn_rocks_iter_next(it)) {
        struct mn_revocation one;
        if (key.n != sizeof(lower) || memcmp(key.p, lower, 9) != 0)
            return MN_OK; /* another owner's */
        enum mn_err err = parse(key, value, &one);
        if (err)
            return err;
        if (one.at.seq > seen_seq && !insert(g, &one))
            return MN_OK;
    }
    return mn_rocks_iter_err(it);
}

/* What was revoked before he joined was about messages that he does not have. */
static int64_t number_when_joined(const struct mn_membership *mine)
{
    int64_t number = mn_id_at(mine->created_ms - CLOCK_STEP_MS);
    return number > 0 ? number : 0;
}

static enum mn_err gather_group(struct gathering *g, struct mn_rocks_iter *it, struct mn_str key)
{
    struct mn_membership mine;
    int64_t user = 0, chat = 0;
    enum mn_err err = mn_key_waiting_parse(key, &user, &chat);
    if (!err)
        err = mn_rlog_member(g->log, g->user, chat, &mine);
    if (err || mine.peer != 0) /* MN_ENOTFOUND: he has left meanwhile */
        return err == MN_ENOTFOUND ? MN_OK : err;
    int64_t joined = number_when_joined(&mine);
    return gather(g, it, true, chat, g->after > joined ? g->after : joined, mine.joined_seq);
}

/* His groups are among the chats that his backlog looks at, all of them. */
static enum mn_err gather_groups(struct gathering *g)
{
    char lower[MN_KEY_CHAT_BYTES], upper[MN_KEY_CHAT_BYTES];
    struct mn_str key, value, from = mn_str_make(lower, sizeof(lower));
    enum mn_err err = MN_OK;
    mn_key_waiting(lower, g->user, 0);
    mn_key_waiting(upper, g->user, INT64_MAX);
    struct mn_rocks_iter *it = mn_rocks_iter_new(g->db, MN_CF_CHAT, from,
                                                 mn_str_make(upper, sizeof(upper)));
    struct mn_rocks_iter *revoked = iter_of(g->db, true);
    mn_rocks_iter_seek(it, from);
    for (; !err && mn_rocks_iter_get(it, &key, &value); mn_rocks_iter_next(it))
        err = gather_group(g, revoked, key);
    if (!err)
        err = mn_rocks_iter_err(it);
    mn_rocks_iter_free(revoked);
    mn_rocks_iter_free(it);
    return err;
}

static enum mn_err gather_own(struct gathering *g)
{
    struct mn_rocks_iter *it = iter_of(g->db, false);
    enum mn_err err = gather(g, it, false, g->user, g->after, 0);
    mn_rocks_iter_free(it);
    return err;
}

enum mn_err mn_rlog_revocations(void *store, int64_t user, int64_t after, unsigned limit,
                                struct mn_revocation *ret, unsigned *ret_count)
{
    struct mn_rlog *log = store;
    struct gathering g = {.log = log, .user = user, .after = after, .limit = limit, .ret = ret};
    MN_BUG_ON(limit == 0 || limit > REVOCATIONS_MAX);
    enum mn_err err = MN_EIO;
    g.db = mn_rlog_hold(log);
    if (g.db)
        err = get_learnt(&g);
    if (!err)
        err = gather_own(&g);
    if (!err)
        err = gather_groups(&g);
    mn_rlog_release(log);
    *ret_count = err ? 0 : g.count;
    return mn_rlog_judge(log, err, "revocations", 0);
}
