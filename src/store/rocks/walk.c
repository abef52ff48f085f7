/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of reads: the database handle, rows by key, messages by id, walks
 * over a chat's index rows and a user's chats.  Any thread but a loop's.
 *
 * The handle is held by db_lock's shared side, which may be taken again
 * inside a callback; recovery waits for it (recover.c).
 *
 * Cursors are looked up in the writer's table of waiting moves first, and
 * only then in the database: the other way round a move that is just being
 * flushed could be missed in both.
 */
#include "store/rocks/walk.h"

#include "base/mem.h"

struct mn_rocks *mn_rlog_hold(struct mn_rlog *log)
{
    pthread_rwlock_rdlock(&log->db_lock);
    return log->db;
}

void mn_rlog_release(struct mn_rlog *log) { pthread_rwlock_unlock(&log->db_lock); }

/* ---- rows ---- */

struct mn_rocks_iter *mn_rlog_heads(struct mn_rocks *db)
{
    return mn_rocks_iter_new(db, MN_CF_INDEX, MN_STR("\0"),
                             MN_STR("\xff\xff\xff\xff\xff\xff\xff\xff"));
}

enum mn_err mn_rlog_ends(struct mn_rocks_iter *it, int64_t chat, int64_t seq)
{
    char key[MN_KEY_SEQ_BYTES];
    struct mn_rocks_value value;
    if (seq == INT64_MAX)
        return MN_OK;
    mn_key_seq(key, chat, seq + 1);
    /* As of the iterator: a message that was stored since is no damage. */
    enum mn_err err = mn_rocks_iter_look(it, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_OK : err;
    mn_rocks_release(&value);
    return MN_ECORRUPT;
}

/* The row that the iterator found, if it is of the chat; *ret_seq 0: it is not. */
static enum mn_err head_row(struct mn_rocks_iter *heads, int64_t chat, int64_t *ret_seq,
                            struct mn_row_seq *ret_row)
{
    struct mn_str found, value;
    int64_t found_chat = 0, seq = 0;
    *ret_seq = 0;
    *ret_row = (struct mn_row_seq){0};
    if (!mn_rocks_iter_get(heads, &found, &value))
        return mn_rocks_iter_err(heads);
    enum mn_err err = mn_key_seq_parse(found, &found_chat, &seq);
    if (err || found_chat != chat)
        return err;
    err = mn_row_seq_parse(value, seq, ret_row);
    if (!err)
        *ret_seq = seq;
    return err;
}

enum mn_err mn_rlog_find_head(struct mn_rocks_iter *heads, int64_t chat, int64_t *ret_seq,
                              struct mn_row_seq *ret_row)
{
    char key[MN_KEY_SEQ_BYTES];
    mn_key_seq(key, chat, INT64_MAX);
    mn_rocks_iter_seek_back(heads, mn_str_make(key, sizeof(key)));
    return head_row(heads, chat, ret_seq, ret_row);
}

enum mn_err mn_rlog_head(struct mn_rocks_iter *heads, int64_t chat, int64_t *ret_seq,
                         struct mn_row_seq *ret_row)
{
    enum mn_err err = mn_rlog_find_head(heads, chat, ret_seq, ret_row);
    return err ? err : mn_rlog_ends(heads, chat, *ret_seq);
}

enum mn_err mn_rlog_get_seq(struct mn_rocks *db, int64_t chat, int64_t seq, struct mn_row_seq *ret)
{
    char key[MN_KEY_SEQ_BYTES];
    struct mn_rocks_value value;
    mn_key_seq(key, chat, seq);
    enum mn_err err = mn_rocks_get(db, MN_CF_INDEX, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = mn_row_seq_parse(value.s, seq, ret);
    mn_rocks_release(&value);
    return err;
}

struct mn_rocks_iter *mn_rlog_counts(struct mn_rocks *db)
{
    return mn_rocks_iter_new(db, MN_CF_CHAT, MN_STR("a"), MN_STR("z"));
}

enum mn_err mn_rlog_count_up_to(struct mn_rocks_iter *counts, enum mn_key_counted kind,
                                int64_t chat, int64_t user, int64_t seq, int64_t *ret)
{
    char upper[MN_KEY_OWN_BYTES];
    struct mn_str key, value;
    int64_t found_chat = 0, found_user = 0, found_seq = 0;
    *ret = 0;
    mn_key_counted(upper, kind, chat, user, seq);
    mn_rocks_iter_seek_back(counts, mn_str_make(upper, sizeof(upper)));
    if (!mn_rocks_iter_get(counts, &key, &value))
        return mn_rocks_iter_err(counts);
    /* One of another kind, group or user: there are none of these. */
    if (mn_key_counted_parse(key, kind, &found_chat, &found_user, &found_seq) ||
        found_chat != chat || found_user != user)
        return MN_OK;
    return mn_row_own_parse(value, found_seq, ret);
}

enum mn_err mn_rlog_get_pair(struct mn_rocks *db, int64_t low, int64_t high, int64_t *ret_chat)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_rocks_value value;
    mn_key_pair(key, low, high);
    enum mn_err err = mn_rocks_get(db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    struct mn_row_pair row;
    err = mn_row_pair_parse(value.s, &row);
    if (!err)
        *ret_chat = row.chat;
    mn_rocks_release(&value);
    return err;
}

static enum mn_err stored_member(struct mn_rocks *db, int64_t user, int64_t chat,
                                 struct mn_membership *ret)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_rocks_value value;
    mn_key_member(key, user, chat);
    enum mn_err err = mn_rocks_get(db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = mn_row_member_parse(value.s, ret);
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_rlog_member(struct mn_rlog *log, int64_t user, int64_t chat,
                           struct mn_membership *ret)
{
    if (mn_cursors_get(&log->cursors, user, chat, ret))
        return MN_OK;
    return log->db ? stored_member(log->db, user, chat, ret) : MN_EIO;
}

/* ---- messages ---- */

enum mn_err mn_msg_parse(int64_t id, struct mn_str value, struct mn_msg *ret)
{
    struct mn_row_msg row;
    enum mn_err err = mn_row_msg_parse(value, &row);
    if (err)
        return err;
    *ret = (struct mn_msg){.id = id,
                           .at = {row.chat, row.seq},
                           .kind = row.group ? MN_CHAT_GROUP : MN_CHAT_PAIR,
                           .from = row.from,
                           .to = row.to,
                           .created_ms = row.created_ms,
                           .reply_to = row.reply_to,
                           .reply_author = row.reply_author,
                           .mentions = row.mentions,
                           .updated_ms = row.updated_ms,
                           .status = row.revoked ? MN_MSG_REVOKED : MN_MSG_SAVED,
                           .client_id = row.client_id,
                           .body = row.body};
    return MN_OK;
}

static enum mn_err fetch_give(struct mn_fetch *f, const struct mn_rocks_value *values, size_t count)
{
    for (size_t i = 0; i < count && !f->stopped; i++) {
        struct mn_msg msg;
        /* An index row without its message cannot be: both were written in one batch. */
        enum mn_err err = mn_rocks_has(&values[i]) ? mn_msg_parse(f->ids[i], values[i].s, &msg)
                                                   : MN_ECORRUPT;
        if (err)
            return err;
        size_t bytes = msg.body.n + msg.client_id.n;
        f->room -= bytes < f->room ? bytes : f->room;
        f->last = msg.at;
        f->stopped = !f->fn(f->arg, &msg) || f->room == 0;
    }
    return MN_OK;
}

enum mn_err mn_fetch_flush(struct mn_fetch *f)
{
    char keys[MN_FETCH][MN_KEY_MSG_BYTES];
    struct mn_str strs[MN_FETCH];
    struct mn_rocks_value values[MN_FETCH];
    size_t count = f->count;
    if (count == 0 || f->stopped)
        return MN_OK;
    for (size_t i = 0; i < count; i++) {
        mn_key_msg(keys[i], f->ids[i]);
        strs[i] = mn_str_make(keys[i], MN_KEY_MSG_BYTES);
    }
    enum mn_err err = mn_rocks_get_many(f->db, MN_CF_MSG, count, strs, values);
    if (err)
        return err;
    f->count = 0;
    err = fetch_give(f, values, count);
    for (size_t i = 0; i < count; i++)
        mn_rocks_release(&values[i]);
    return err;
}

enum mn_err mn_fetch_add(struct mn_fetch *f, int64_t id)
{
    f->ids[f->count++] = id;
    return f->count == MN_FETCH ? mn_fetch_flush(f) : MN_OK;
}

/* ---- index rows of a chat ---- */

struct mn_rocks_iter *mn_seq_iter(struct mn_rocks *db, int64_t chat, int64_t after, int64_t before,
                                  struct mn_seq_bounds *bounds)
{
    mn_key_seq(bounds->lower, chat, after < 0 ? 0 : after + 1);
    mn_key_seq(bounds->upper, chat, before);
    return mn_rocks_iter_new(db, MN_CF_INDEX, mn_str_make(bounds->lower, MN_KEY_SEQ_BYTES),
                             mn_str_make(bounds->upper, MN_KEY_SEQ_BYTES));
}

enum mn_err mn_seq_iter_row(struct mn_rocks_iter *it, int64_t *ret_seq, struct mn_row_seq *ret)
{
    struct mn_str key, value;
    int64_t chat = 0;
    if (!mn_rocks_iter_get(it, &key, &value)) {
        enum mn_err err = mn_rocks_iter_err(it);
        return err ? err : MN_ENOTFOUND;
    }
    enum mn_err err = mn_key_seq_parse(key, &chat, ret_seq);
    return err ? err : mn_row_seq_parse(value, *ret_seq, ret);
}

/* ---- a user's chats ---- */

static int compare_chats(const void *a, const void *b)
{
    const struct mn_moved_own *x = a, *y = b;
    return x->chat < y->chat ? -1 : x->chat > y->chat;
}

enum mn_err mn_own_chats_begin(struct mn_own_chats *own, struct mn_rlog *log, int64_t user,
                               struct mn_str lower, struct mn_str upper)
{
    *own = (struct mn_own_chats){.count = 0};
    /* With the iterator under the lock, nothing is missed that is written in between. */
    pthread_mutex_lock(&log->moves.lock);
    enum mn_err err = mn_moved_chats_of_user(&log->moves, user, &own->list, &own->count);
    if (!err)
        own->it = mn_rocks_iter_new(log->db, MN_CF_CHAT, lower, upper);
    pthread_mutex_unlock(&log->moves.lock);
    if (own->count > 1)
        qsort(own->list, own->count, sizeof(*own->list), compare_chats);
    return err;
}

void mn_own_chats_end(struct mn_own_chats *own)
{
    mn_rocks_iter_free(own->it);
    mn_free(own->list);
}

const struct mn_moved_own *mn_own_chats_find(const struct mn_own_chats *own, int64_t chat)
{
    const struct mn_moved_own key = {.chat = chat};
    return own->count == 0
               ? NULL
               : bsearch(&key, own->list, own->count, sizeof(*own->list), compare_chats);
}

void mn_member_walk_begin(struct mn_member_walk *walk, struct mn_rlog *log, int64_t user,
                          int64_t first_chat)
{
    walk->log = log;
    walk->user = user;
    mn_key_member(walk->lower, user, first_chat < 0 ? 0 : first_chat);
    mn_key_member(walk->upper, user, INT64_MAX);
    walk->it = mn_rocks_iter_new(log->db, MN_CF_CHAT, mn_str_make(walk->lower, MN_KEY_CHAT_BYTES),
                                 mn_str_make(walk->upper, MN_KEY_CHAT_BYTES));
    mn_rocks_iter_seek(walk->it, mn_str_make(walk->lower, MN_KEY_CHAT_BYTES));
}

enum mn_err mn_member_walk_next(struct mn_member_walk *walk, int64_t *ret_chat,
                                struct mn_membership *ret)
{
    struct mn_str key, value;
    int64_t user = 0;
    if (!mn_rocks_iter_get(walk->it, &key, &value)) {
        enum mn_err err = mn_rocks_iter_err(walk->it);
        return err ? err : MN_ENOTFOUND;
    }
    enum mn_err err = mn_key_member_parse(key, &user, ret_chat);
    if (!err && !mn_cursors_get(&walk->log->cursors, walk->user, *ret_chat, ret))
        err = mn_row_member_parse(value, ret);
    mn_rocks_iter_next(walk->it);
    return err;
}

void mn_member_walk_end(struct mn_member_walk *walk) { mn_rocks_iter_free(walk->it); }
