/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user has not acknowledged yet, page by page: his chats in order of
 * their ids, in each the messages of others behind his delivered cursor.
 * Blocking, on worker threads.
 *
 * A page ends at its limits or when the callback stops; the position then
 * covers what was given, and nothing else.
 */
#include "base/mem.h"
#include "store/rocks/walk.h"

enum {
    OWN_RUN = 16 /* own messages in a row that a backlog steps over before it leaps */
};

struct backlog {
    struct mn_fetch fetch;
    struct mn_rocks_iter *counts; /* of groups; made when first needed */
    int64_t user;
    struct mn_place pos; /* done up to here */
    unsigned limit;      /* messages that may still be taken */
};

static bool backlog_is_full(const struct backlog *b) { return b->fetch.stopped || b->limit == 0; }

/* Messages of others in 1 to `seq`; MN_ENOTFOUND: that one is not there. */
static enum mn_err count_others(struct backlog *b, int64_t chat, int64_t seq, int64_t peer,
                                int64_t *ret)
{
    struct mn_row_seq row;
    int64_t own = 0;
    enum mn_err err = mn_rlog_get_seq(b->fetch.db, chat, seq, &row);
    if (!err && peer == 0 && !b->counts)
        b->counts = mn_rlog_counts(b->fetch.db);
    if (!err && peer == 0)
        err = mn_rlog_count_up_to(b->counts, MN_KEY_OWN, chat, b->user, seq, &own);
    if (!err)
        *ret = peer == 0 ? seq - own : mn_seq_count(peer > b->user, seq, &row);
    return err;
}

/*
 * First message of others behind `low`, which is there; MN_ENOTFOUND when
 * there is none.  Somebody who writes a thousand messages and is not
 * answered must not have them all walked over at each of his log-ins: the
 * running counts allow a binary search.
 */
static enum mn_err leap(struct backlog *b, int64_t chat, int64_t low, int64_t peer,
                        int64_t *ret_seq)
{
    int64_t count = 0, here = 0;
    enum mn_err err = count_others(b, chat, low, peer, &count);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    int64_t high = INT64_MAX; /* not there, or more than `count`; unknown while INT64_MAX */
    bool found = false;
    for (int64_t step = OWN_RUN; low + 1 < high;) {
        int64_t seq = high < INT64_MAX ? low + (high - low) / 2 : low + step;
        err = count_others(b, chat, seq, peer, &here);
        if (err && err != MN_ENOTFOUND)
            return err;
        step *= 2;
        if (err || here > count) {
            high = seq;
            found = !err;
        } else {
            low = seq;
        }
    }
    *ret_seq = high;
    return found ? MN_OK : MN_ENOTFOUND;
}

/* Goes on to the next row; behind OWN_RUN rows of his own straight to one of others. */
static enum mn_err backlog_next(struct backlog *b, struct mn_rocks_iter *it, int64_t chat,
                                int64_t seq, int64_t peer, unsigned own, int64_t *ret_expected)
{
    char key[MN_KEY_SEQ_BYTES];
    if (own < OWN_RUN) {
        *ret_expected = seq + 1;
        mn_rocks_iter_next(it);
        return MN_OK;
    }
    enum mn_err err = leap(b, chat, seq, peer, &seq);
    if (err)
        return err;
    *ret_expected = seq;
    mn_key_seq(key, chat, seq);
    mn_rocks_iter_seek(it, mn_str_make(key, sizeof(key)));
    return MN_OK;
}

static bool is_own(const struct backlog *b, const struct mn_row_seq *row, int64_t peer)
{
    return row->sender != 0 ? row->sender == b->user : row->from_high == (b->user > peer);
}

/* `peer` is 0 in a group. */
static enum mn_err backlog_rows(struct backlog *b, struct mn_rocks_iter *it, int64_t chat,
                                int64_t after, int64_t peer)
{
    unsigned own = 0;
    int64_t expected = after + 1; /* numbers have no gaps */
    while (!backlog_is_full(b)) {
        struct mn_row_seq row;
        int64_t seq = 0;
        enum mn_err err = mn_seq_iter_row(it, &seq, &row);
        if (err == MN_ENOTFOUND)
            return mn_rlog_ends(it, chat, expected - 1);
        if (!err && seq != expected)
            err = MN_ECORRUPT;
        if (!err && is_own(b, &row, peer)) {
            own++;
        } else if (!err) {
            own = 0;
            b->limit--;
            err = mn_fetch_add(&b->fetch, row.id);
        }
        if (!err)
            err = backlog_next(b, it, chat, seq, peer, own, &expected);
        if (err)
            return err == MN_ENOTFOUND ? MN_OK : err; /* only his own are left */
    }
    return MN_OK;
}

/* The messages of others in one chat behind `after`. */
static enum mn_err backlog_chat(struct backlog *b, int64_t chat, int64_t after, int64_t peer)
{
    struct mn_seq_bounds bounds;
    struct mn_row_seq row;
    /* Numbers have no gaps: without the next one there is nothing, and a point read is cheap. */
    enum mn_err err = mn_rlog_get_seq(b->fetch.db, chat, after + 1, &row);
    if (err)
        return err == MN_ENOTFOUND ? MN_OK : err;
    struct mn_rocks_iter *it = mn_seq_iter(b->fetch.db, chat, after, INT64_MAX, &bounds);
    mn_rocks_iter_seek(it, mn_str_make(bounds.lower, MN_KEY_SEQ_BYTES));
    err = backlog_rows(b, it, chat, after, peer);
    mn_rocks_iter_free(it);
    return err ? err : mn_fetch_flush(&b->fetch);
}

/* ---- which chats ---- */

/* His chats with something undelivered, in order of their ids: those on disk and those in memory. */
struct waiting {
    struct mn_own_chats own;
    size_t next; /* in own.list */
    char lower[MN_KEY_CHAT_BYTES], upper[MN_KEY_CHAT_BYTES];
};

static enum mn_err waiting_begin(struct waiting *w, struct mn_rlog *log, int64_t user,
                                 int64_t first_chat)
{
    struct mn_str lower = mn_str_make(w->lower, sizeof(w->lower));
    mn_key_waiting(w->lower, user, first_chat < 0 ? 0 : first_chat);
    mn_key_waiting(w->upper, user, INT64_MAX);
    w->next = 0;
    enum mn_err err = mn_own_chats_begin(&w->own, log, user, lower,
                                         mn_str_make(w->upper, sizeof(w->upper)));
    if (err)
        return err;
    while (w->next < w->own.count && w->own.list[w->next].chat < first_chat)
        w->next++;
    mn_rocks_iter_seek(w->own.it, lower);
    return MN_OK;
}

/* The next one on disk of which memory does not know better; 0: none. The iterator stays at it. */
static enum mn_err stored_chat(struct waiting *w, int64_t *ret)
{
    struct mn_str key, value;
    int64_t user = 0;
    *ret = 0;
    while (mn_rocks_iter_get(w->own.it, &key, &value)) {
        enum mn_err err = mn_key_waiting_parse(key, &user, ret);
        if (err)
            return err;
        const struct mn_moved_own *own = mn_own_chats_find(&w->own, *ret);
        if (!own || own->waiting == MN_WAITING_KEEP)
            return MN_OK;
        *ret = 0;
        mn_rocks_iter_next(w->own.it);
    }
    return mn_rocks_iter_err(w->own.it);
}

static int64_t moved_chat(struct waiting *w)
{
    while (w->next < w->own.count && w->own.list[w->next].waiting != MN_WAITING_SET)
        w->next++;
    return w->next < w->own.count ? w->own.list[w->next].chat : 0;
}

/* MN_ENOTFOUND at the end. */
static enum mn_err waiting_next(struct waiting *w, int64_t *ret_chat)
{
    int64_t stored = 0;
    enum mn_err err = stored_chat(w, &stored);
    if (err)
        return err;
    int64_t moved = moved_chat(w);
    if (stored == 0 && moved == 0)
        return MN_ENOTFOUND;
    if (stored != 0 && (moved == 0 || stored < moved)) {
        *ret_chat = stored;
        mn_rocks_iter_next(w->own.it);
    } else {
        *ret_chat = moved;
        w->next++;
    }
    return MN_OK;
}

static enum mn_err backlog_walk(struct backlog *b, struct mn_rlog *log, struct waiting *waiting,
                                bool *ret_done)
{
    for (;;) {
        struct mn_membership mine;
        int64_t chat = 0;
        enum mn_err err = waiting_next(waiting, &chat);
        *ret_done = err == MN_ENOTFOUND;
        if (err)
            return *ret_done ? MN_OK : mn_rlog_judge(log, err, "backlog", 0);
        err = mn_rlog_member(log, b->user, chat, &mine);
        if (err)
            return mn_rlog_judge(log, err == MN_ENOTFOUND ? MN_ECORRUPT : err, "backlog", chat);
        int64_t after = mine.delivered;
        if (chat == b->pos.chat && b->pos.seq > after)
            after = b->pos.seq;
        err = backlog_chat(b, chat, after, mine.peer);
        if (b->fetch.last.chat != 0)
            b->pos = b->fetch.last;
        if (err || backlog_is_full(b))
            return mn_rlog_judge(log, err, "backlog", chat);
    }
}

enum mn_err mn_rlog_backlog(void *store, int64_t user, struct mn_place *pos, unsigned limit,
                            size_t bytes, mn_msg_fn fn, void *arg, bool *ret_done)
{
    struct mn_rlog *log = store;
    struct backlog b = {
        .fetch = {.fn = fn, .arg = arg, .room = bytes}, .user = user, .pos = *pos, .limit = limit};
    struct mn_rocks *db = mn_rlog_hold(log);
    enum mn_err err = MN_EIO;
    bool done = false;
    if (db) {
        struct waiting waiting;
        b.fetch.db = db;
        err = waiting_begin(&waiting, log, user, pos->chat);
        if (!err)
            err = backlog_walk(&b, log, &waiting, &done);
        mn_own_chats_end(&waiting.own);
        mn_rocks_iter_free(b.counts);
    }
    mn_rlog_release(log);
    if (err)
        return err;
    *pos = b.pos;
    *ret_done = done;
    return MN_OK;
}
