/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of the message log: history, chats, backlog.  Blocking, on worker
 * threads, any number at a time; the database handle is held by db_lock's
 * shared side, which may be taken again inside a callback.
 *
 * The index (chat, seq) is walked with an iterator bounded to the chat, the
 * messages behind it are fetched by id, many at once.  Unread counts come
 * from the running count in the index rows: two point reads whatever the
 * length of the chat.
 *
 * Cursors are looked up in the writer's table of waiting moves first, and
 * only then in the database: the other way round a move that is just being
 * flushed could be missed in both.
 */
#include "base/mem.h"
#include "store/msglog_impl.h"

enum {
    FETCH = 64 /* messages fetched at once; at most MN_ROCKS_MANY */
};

static struct mn_rocks *db_take(struct mn_msglog *log)
{
    pthread_rwlock_rdlock(&log->db_lock);
    return log->db;
}

static void db_give(struct mn_msglog *log)
{
    pthread_rwlock_unlock(&log->db_lock);
}

/* ---- rows ---- */

struct mn_rocks_iter *mn_msglog_heads(struct mn_rocks *db)
{
    return mn_rocks_iter_new(db, MN_CF_INDEX, MN_STR("\0"),
                             MN_STR("\xff\xff\xff\xff\xff\xff\xff\xff"));
}

enum mn_err mn_msglog_head(struct mn_rocks_iter *heads, int64_t chat, int64_t *ret_seq,
                           struct mn_row_seq *ret_row)
{
    char key[MN_KEY_SEQ_BYTES];
    struct mn_str found, value;
    int64_t found_chat = 0;
    mn_key_seq(key, chat, INT64_MAX);
    mn_rocks_iter_seek_back(heads, mn_str_make(key, sizeof(key)));
    enum mn_err err = MN_OK;
    int64_t seq = 0;
    if (!mn_rocks_iter_get(heads, &found, &value))
        err = mn_rocks_iter_err(heads);
    else
        err = mn_key_seq_parse(found, &found_chat, &seq);
    if (err)
        return err;
    if (found_chat != chat) {
        *ret_seq = 0;
        *ret_row = (struct mn_row_seq){0};
        return MN_OK;
    }
    err = mn_row_seq_parse(value, seq, ret_row);
    if (!err)
        *ret_seq = seq;
    return err;
}

enum mn_err mn_msglog_get_seq(struct mn_rocks *db, int64_t chat, int64_t seq,
                              struct mn_row_seq *ret)
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

enum mn_err mn_msglog_get_pair(struct mn_rocks *db, int64_t low, int64_t high, int64_t *ret_chat)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_rocks_value value;
    mn_key_pair(key, low, high);
    enum mn_err err = mn_rocks_get(db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = mn_row_pair_parse(value.s, ret_chat);
    mn_rocks_release(&value);
    return err;
}

static enum mn_err stored_member(struct mn_rocks *db, int64_t user, int64_t chat,
                                 struct mn_row_member *ret)
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

enum mn_err mn_msglog_member(struct mn_msglog *log, int64_t user, int64_t chat,
                             struct mn_row_member *ret)
{
    if (mn_cursors_get(&log->cursors, user, chat, ret))
        return MN_OK;
    return log->db ? stored_member(log->db, user, chat, ret) : MN_EIO;
}

/* ---- messages ---- */

static enum mn_err msg_parse(int64_t id, struct mn_str value, struct mn_msg *ret)
{
    struct mn_row_msg row;
    enum mn_err err = mn_row_msg_parse(value, &row);
    if (err)
        return err;
    *ret = (struct mn_msg){.id = id,
                           .chat = row.chat,
                           .seq = row.seq,
                           .from = row.from,
                           .to = row.to,
                           .created_ms = row.created_ms,
                           .updated_ms = row.updated_ms,
                           .status = row.revoked ? MN_MSG_REVOKED : MN_MSG_SAVED,
                           .client_id = row.client_id,
                           .body = row.body};
    return MN_OK;
}

/* Messages to be fetched, in the order in which they are to be given. */
struct fetch {
    struct mn_rocks *db;
    mn_msg_fn fn;
    void *arg;
    size_t count;
    int64_t ids[FETCH];
    bool stopped;               /* by the callback, or because `room` is used up */
    size_t room;                /* bytes of text that may still be given */
    struct mn_backlog_pos last; /* of the last message given */
};

static enum mn_err fetch_give(struct fetch *f, const struct mn_rocks_value *values, size_t count)
{
    for (size_t i = 0; i < count && !f->stopped; i++) {
        struct mn_msg msg;
        /* An index row without its message cannot be: both were written in one batch. */
        enum mn_err err = mn_rocks_has(&values[i]) ? msg_parse(f->ids[i], values[i].s, &msg)
                                                   : MN_ECORRUPT;
        if (err)
            return err;
        size_t bytes = msg.body.n + msg.client_id.n;
        f->room -= bytes < f->room ? bytes : f->room;
        f->last = (struct mn_backlog_pos){.chat = msg.chat, .seq = msg.seq};
        f->stopped = !f->fn(f->arg, &msg) || f->room == 0;
    }
    return MN_OK;
}

static enum mn_err fetch_flush(struct fetch *f)
{
    char keys[FETCH][MN_KEY_MSG_BYTES];
    struct mn_str strs[FETCH];
    struct mn_rocks_value values[FETCH];
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

static enum mn_err fetch_add(struct fetch *f, int64_t id)
{
    f->ids[f->count++] = id;
    return f->count == FETCH ? fetch_flush(f) : MN_OK;
}

enum mn_err mn_msglog_find(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret)
{
    char key[MN_KEY_MSG_BYTES];
    struct mn_rocks_value value;
    struct mn_msg msg;
    if (mn_recent_get(&log->recent, id, ret))
        return MN_OK;
    struct mn_rocks *db = db_take(log);
    mn_key_msg(key, id);
    enum mn_err err =
        db ? mn_rocks_get(db, MN_CF_MSG, mn_str_make(key, sizeof(key)), &value) : MN_EIO;
    if (!err) {
        err = msg_parse(id, value.s, &msg);
        mn_rocks_release(&value);
    }
    db_give(log);
    mn_metric_inc(log->shard, MN_M_CACHE_MISSES);
    if (!err)
        *ret = (struct mn_msg_ref){
            .id = id, .chat = msg.chat, .seq = msg.seq, .from = msg.from, .to = msg.to};
    return err;
}

enum mn_err mn_msglog_pair(struct mn_msglog *log, int64_t a, int64_t b, int64_t *ret_chat)
{
    struct mn_rocks *db = db_take(log);
    enum mn_err err =
        db ? mn_msglog_get_pair(db, a < b ? a : b, a < b ? b : a, ret_chat) : MN_EIO;
    db_give(log);
    return err;
}

/* An iterator over after < seq < before of a chat; the keys are its bounds and must outlive it. */
static struct mn_rocks_iter *chat_iter(struct mn_rocks *db, int64_t chat, int64_t after,
                                       int64_t before, char lower[MN_KEY_SEQ_BYTES],
                                       char upper[MN_KEY_SEQ_BYTES])
{
    mn_key_seq(lower, chat, after < 0 ? 0 : after + 1);
    mn_key_seq(upper, chat, before);
    return mn_rocks_iter_new(db, MN_CF_INDEX, mn_str_make(lower, MN_KEY_SEQ_BYTES),
                             mn_str_make(upper, MN_KEY_SEQ_BYTES));
}

/* The index row under the iterator. MN_ENOTFOUND at the end. */
static enum mn_err iter_row(struct mn_rocks_iter *it, int64_t *ret_seq, struct mn_row_seq *ret)
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

static enum mn_err read_chat(struct fetch *f, struct mn_rocks_iter *it, bool descending,
                             unsigned limit)
{
    for (; limit > 0 && !f->stopped; limit--) {
        struct mn_row_seq row;
        int64_t seq = 0;
        enum mn_err err = iter_row(it, &seq, &row);
        if (err == MN_ENOTFOUND)
            break;
        if (!err)
            err = fetch_add(f, row.id);
        if (err)
            return err;
        if (descending)
            mn_rocks_iter_prev(it);
        else
            mn_rocks_iter_next(it);
    }
    return fetch_flush(f);
}

enum mn_err mn_msglog_read(struct mn_msglog *log, int64_t chat, int64_t after, int64_t before,
                           bool descending, unsigned limit, mn_msg_fn fn, void *arg)
{
    char lower[MN_KEY_SEQ_BYTES], upper[MN_KEY_SEQ_BYTES];
    if (before <= 0 || after >= before - 1)
        return MN_OK;
    struct fetch f = {.db = db_take(log), .fn = fn, .arg = arg, .room = SIZE_MAX};
    enum mn_err err = MN_EIO;
    if (f.db) {
        struct mn_rocks_iter *it = chat_iter(f.db, chat, after, before, lower, upper);
        if (descending)
            mn_rocks_iter_seek_last(it);
        else
            mn_rocks_iter_seek(it, mn_str_make(lower, sizeof(lower)));
        err = read_chat(&f, it, descending, limit);
        mn_rocks_iter_free(it);
    }
    db_give(log);
    return err;
}

/* ---- chats ---- */

/* Messages of `high` (or of the lower user) in seq 1 to `seq`. */
static int64_t count_of(bool high, int64_t seq, const struct mn_row_seq *row)
{
    return high ? seq - row->low_count : row->low_count;
}

/* The peer's messages behind a cursor. */
static enum mn_err count_behind(struct mn_rocks *db, const struct mn_chat_view *view,
                                const struct mn_row_seq *head, int64_t cursor, int64_t *ret)
{
    bool peer_is_high = view->peer > view->user;
    int64_t before = 0;
    if (cursor >= view->last_seq) {
        *ret = 0;
        return MN_OK;
    }
    if (cursor > 0) {
        struct mn_row_seq row;
        enum mn_err err = mn_msglog_get_seq(db, view->chat, cursor, &row);
        if (err)
            return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
        before = count_of(peer_is_high, cursor, &row);
    }
    *ret = count_of(peer_is_high, view->last_seq, head) - before;
    return MN_OK;
}

static enum mn_err fill_view(struct mn_msglog *log, struct mn_rocks_iter *heads, int64_t chat,
                             int64_t user, const struct mn_row_member *mine,
                             struct mn_chat_view *ret)
{
    struct mn_row_seq head;
    struct mn_row_member theirs;
    struct mn_chat_view view = {.chat = chat,
                                .user = user,
                                .peer = mine->peer,
                                .created_ms = mine->created_ms,
                                .delivered = mine->delivered,
                                .read = mine->read,
                                .has_read = mine->has_read};
    enum mn_err err = mn_msglog_head(heads, chat, &view.last_seq, &head);
    if (!err)
        err = mn_msglog_member(log, mine->peer, chat, &theirs);
    if (!err)
        err = count_behind(log->db, &view, &head, view.read, &view.unread);
    if (!err)
        err = count_behind(log->db, &view, &head, view.delivered, &view.undelivered);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    view.last_id = head.id;
    view.updated_ms = view.last_seq > 0 ? head.created_ms : view.created_ms;
    view.peer_read = theirs.read;
    view.has_peer_read = theirs.has_read;
    *ret = view;
    return MN_OK;
}

enum mn_err mn_msglog_chat(struct mn_msglog *log, int64_t chat, int64_t user,
                           struct mn_chat_view *ret)
{
    struct mn_row_member mine;
    struct mn_rocks *db = db_take(log);
    enum mn_err err = db ? mn_msglog_member(log, user, chat, &mine) : MN_EIO;
    if (!err) {
        struct mn_rocks_iter *heads = mn_msglog_heads(db);
        err = fill_view(log, heads, chat, user, &mine, ret);
        mn_rocks_iter_free(heads);
    }
    db_give(log);
    return err;
}

/* A walk over a user's chats in order of their ids. */
struct member_walk {
    struct mn_msglog *log;
    struct mn_rocks_iter *it;
    int64_t user;
    char lower[MN_KEY_CHAT_BYTES], upper[MN_KEY_CHAT_BYTES];
};

static void walk_begin(struct member_walk *walk, struct mn_msglog *log, int64_t user,
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

/* The next chat, with its cursors as of now. MN_ENOTFOUND at the end. */
static enum mn_err walk_next(struct member_walk *walk, int64_t *ret_chat,
                             struct mn_row_member *ret)
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

enum mn_err mn_msglog_chats(struct mn_msglog *log, int64_t user, int64_t after_chat, mn_chat_fn fn,
                            void *arg)
{
    struct mn_rocks *db = db_take(log);
    enum mn_err err = db ? MN_OK : MN_EIO;
    if (!err && user > 0 && after_chat < INT64_MAX) {
        struct member_walk walk;
        struct mn_row_member mine;
        struct mn_chat_view view;
        int64_t chat = 0;
        struct mn_rocks_iter *heads = mn_msglog_heads(db);
        walk_begin(&walk, log, user, after_chat < 0 ? 0 : after_chat + 1);
        for (bool more = true; more && !err;) {
            err = walk_next(&walk, &chat, &mine);
            if (!err)
                err = fill_view(log, heads, chat, user, &mine, &view);
            if (!err)
                more = fn(arg, &view);
        }
        mn_rocks_iter_free(walk.it);
        mn_rocks_iter_free(heads);
    }
    db_give(log);
    return err == MN_ENOTFOUND ? MN_OK : err;
}

/* ---- backlog ---- */

struct backlog {
    struct fetch fetch;
    struct mn_backlog_pos pos; /* done up to here */
    unsigned limit;           /* messages that may still be taken */
};

static bool backlog_is_full(const struct backlog *b)
{
    return b->fetch.stopped || b->limit == 0;
}

/* The peer's messages of one chat behind `after`. */
static enum mn_err backlog_chat(struct backlog *b, int64_t chat, int64_t after, bool user_is_high)
{
    char lower[MN_KEY_SEQ_BYTES], upper[MN_KEY_SEQ_BYTES];
    struct mn_row_seq row;
    /* Numbers have no gaps: without the next one there is nothing, and a point read is cheap. */
    enum mn_err err = mn_msglog_get_seq(b->fetch.db, chat, after + 1, &row);
    if (err)
        return err == MN_ENOTFOUND ? MN_OK : err;
    struct mn_rocks_iter *it = chat_iter(b->fetch.db, chat, after, INT64_MAX, lower, upper);
    mn_rocks_iter_seek(it, mn_str_make(lower, sizeof(lower)));
    int64_t seq = 0;
    for (err = iter_row(it, &seq, &row); !err && !backlog_is_full(b);
         err = iter_row(it, &seq, &row)) {
        if (row.from_high != user_is_high) {
            err = fetch_add(&b->fetch, row.id);
            b->limit--;
            if (err)
                break;
        }
        mn_rocks_iter_next(it);
    }
    mn_rocks_iter_free(it);
    if (!err || err == MN_ENOTFOUND)
        err = fetch_flush(&b->fetch);
    return err;
}

static enum mn_err backlog_walk(struct backlog *b, struct member_walk *walk, bool *ret_done)
{
    for (;;) {
        struct mn_row_member mine;
        int64_t chat = 0;
        enum mn_err err = walk_next(walk, &chat, &mine);
        *ret_done = err == MN_ENOTFOUND;
        if (err)
            return *ret_done ? MN_OK : err;
        int64_t after = mine.delivered;
        if (chat == b->pos.chat && b->pos.seq > after)
            after = b->pos.seq;
        err = backlog_chat(b, chat, after, walk->user > mine.peer);
        if (b->fetch.last.chat != 0)
            b->pos = b->fetch.last;
        if (err || backlog_is_full(b))
            return err;
    }
}

enum mn_err mn_msglog_backlog(struct mn_msglog *log, int64_t user, struct mn_backlog_pos *pos,
                              unsigned limit, size_t bytes, mn_msg_fn fn, void *arg,
                              bool *ret_done)
{
    struct backlog b = {
        .fetch = {.fn = fn, .arg = arg, .room = bytes}, .pos = *pos, .limit = limit};
    struct mn_rocks *db = db_take(log);
    enum mn_err err = MN_EIO;
    bool done = false;
    if (db) {
        struct member_walk walk;
        b.fetch.db = db;
        walk_begin(&walk, log, user, pos->chat);
        err = backlog_walk(&b, &walk, &done);
        mn_rocks_iter_free(walk.it);
    }
    db_give(log);
    if (err)
        return err;
    *pos = b.pos;
    *ret_done = done;
    return MN_OK;
}
