/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of the message log: single messages, history, chats.  Blocking, on
 * worker threads, any number at a time.
 *
 * History walks the index (chat, seq) with an iterator bounded to the chat;
 * the messages behind it are fetched by id, many at once.  Unread counts come
 * from the running count in the index rows: two point reads whatever the
 * length of the chat.
 */
#include "store/rocks/walk.h"

enum mn_err mn_rlog_find(void *store, int64_t id, struct mn_msg_ref *ret)
{
    struct mn_rlog *log = store;
    char key[MN_KEY_MSG_BYTES];
    struct mn_rocks_value value;
    struct mn_msg msg;
    struct mn_rocks *db = mn_rlog_hold(log);
    mn_key_msg(key, id);
    enum mn_err err = db ? mn_rocks_get(db, MN_CF_MSG, mn_str_make(key, sizeof(key)), &value)
                         : MN_EIO;
    if (!err) {
        err = mn_msg_parse(id, value.s, &msg);
        mn_rocks_release(&value);
    }
    mn_rlog_release(log);
    mn_metric_inc(log->shard, MN_M_CACHE_MISSES);
    if (!err)
        *ret = (struct mn_msg_ref){
            .id = id, .at = msg.at, .kind = msg.kind, .from = msg.from, .to = msg.to};
    return mn_rlog_judge(log, err, "message", 0);
}

enum mn_err mn_rlog_pair(void *store, int64_t a, int64_t b, int64_t *ret_chat)
{
    struct mn_rlog *log = store;
    struct mn_rocks *db = mn_rlog_hold(log);
    enum mn_err err = db ? mn_rlog_get_pair(db, a < b ? a : b, a < b ? b : a, ret_chat) : MN_EIO;
    mn_rlog_release(log);
    return mn_rlog_judge(log, err, "pair", 0);
}

/*
 * Numbers have no gaps: each row is the neighbour of the one before, and where
 * they end the chat, or the range, must end too.  `last` is the number before
 * the first row that is expected, or 0 if any may come first (the chat's last).
 */
struct run {
    const struct mn_range *range;
    int64_t last;
    bool any;
};

static bool is_next(const struct run *run, int64_t seq)
{
    if (run->any)
        return true;
    return seq == (run->range->descending ? run->last - 1 : run->last + 1);
}

/* The rows have ended: rightly? */
static enum mn_err check_end(struct mn_rocks_iter *it, const struct run *run)
{
    const struct mn_range *range = run->range;
    int64_t after = range->after < 0 ? 0 : range->after;
    if (run->any) /* none at all */
        return mn_rlog_ends(it, range->chat, after);
    if (range->descending)
        return run->last == after + 1 ? MN_OK : MN_ECORRUPT;
    return run->last == range->before - 1 ? MN_OK : mn_rlog_ends(it, range->chat, run->last);
}

static enum mn_err read_chat(struct mn_fetch *f, struct mn_rocks_iter *it,
                             const struct mn_range *range)
{
    struct run run = {.range = range, .last = range->after < 0 ? 0 : range->after};
    run.any = range->descending;
    for (unsigned limit = range->limit; limit > 0 && !f->stopped; limit--) {
        struct mn_row_seq row;
        int64_t seq = 0;
        enum mn_err err = mn_seq_iter_row(it, &seq, &row);
        if (err == MN_ENOTFOUND) {
            err = check_end(it, &run);
            if (err)
                return err;
            break;
        }
        if (!err && !is_next(&run, seq))
            err = MN_ECORRUPT;
        /* The greatest of the range: its upper end, or the chat's. */
        if (!err && run.any && seq != range->before - 1)
            err = mn_rlog_ends(it, range->chat, seq);
        if (!err)
            err = mn_fetch_add(f, row.id);
        if (err)
            return err;
        run.last = seq;
        run.any = false;
        if (range->descending)
            mn_rocks_iter_prev(it);
        else
            mn_rocks_iter_next(it);
    }
    return mn_fetch_flush(f);
}

enum mn_err mn_rlog_read(void *store, const struct mn_range *range, mn_msg_fn fn, void *arg)
{
    struct mn_rlog *log = store;
    struct mn_seq_bounds bounds;
    if (range->before <= 0 || range->after >= range->before - 1)
        return MN_OK;
    struct mn_fetch f = {.db = mn_rlog_hold(log), .fn = fn, .arg = arg, .room = SIZE_MAX};
    enum mn_err err = MN_EIO;
    if (f.db) {
        struct mn_rocks_iter *it = mn_seq_iter(f.db, range->chat, range->after, range->before,
                                               &bounds);
        if (range->descending)
            mn_rocks_iter_seek_last(it);
        else
            mn_rocks_iter_seek(it, mn_str_make(bounds.lower, MN_KEY_SEQ_BYTES));
        err = read_chat(&f, it, range);
        mn_rocks_iter_free(it);
    }
    mn_rlog_release(log);
    return mn_rlog_judge(log, err, "history", range->chat);
}

/* ---- chats ---- */

void mn_viewer_begin(struct mn_viewer *viewer, struct mn_rlog *log)
{
    *viewer = (struct mn_viewer){.log = log, .heads = mn_rlog_heads(log->db)};
}

void mn_viewer_end(struct mn_viewer *viewer)
{
    mn_rocks_iter_free(viewer->heads);
    mn_rocks_iter_free(viewer->counts);
}

/* The messages of others behind both cursors of a group's member. */
static enum mn_err count_group(struct mn_viewer *viewer, struct mn_chat_view *view)
{
    int64_t all = 0, to_read = 0, to_delivered = 0;
    enum mn_err err = mn_rlog_count_up_to(viewer->counts, MN_KEY_OWN, view->chat, view->user,
                                          view->last_seq, &all);
    if (!err)
        err = mn_rlog_count_up_to(viewer->counts, MN_KEY_OWN, view->chat, view->user, view->read,
                                  &to_read);
    to_delivered = to_read;
    if (!err && view->delivered != view->read)
        err = mn_rlog_count_up_to(viewer->counts, MN_KEY_OWN, view->chat, view->user,
                                  view->delivered, &to_delivered);
    if (view->read < view->last_seq)
        view->unread = view->last_seq - view->read - (all - to_read);
    if (view->delivered < view->last_seq)
        view->undelivered = view->last_seq - view->delivered - (all - to_delivered);
    return err;
}

/* Those that address him and were revoked, which nobody wants to be told of: few, if any. */
static enum mn_err count_unmentions(struct mn_viewer *viewer, const struct mn_chat_view *view,
                                    int64_t *ret)
{
    char lower[MN_KEY_OWN_BYTES];
    struct mn_str key, value;
    int64_t chat = 0, user = 0, seq = 0;
    mn_key_counted(lower, MN_KEY_UNMENTION, view->chat, view->user, view->read + 1);
    *ret = 0;
    for (mn_rocks_iter_seek(viewer->counts, mn_str_make(lower, sizeof(lower)));
         mn_rocks_iter_get(viewer->counts, &key, &value) &&
         mn_key_counted_parse(key, MN_KEY_UNMENTION, &chat, &user, &seq) == MN_OK &&
         chat == view->chat && user == view->user && seq <= view->last_seq;
         mn_rocks_iter_next(viewer->counts))
        ++*ret;
    return mn_rocks_iter_err(viewer->counts);
}

/* The group's messages behind the read cursor that address the user. */
static enum mn_err count_mentions(struct mn_viewer *viewer, struct mn_chat_view *view)
{
    int64_t all = 0, before = 0, revoked = 0;
    if (view->unread == 0)
        return MN_OK;
    enum mn_err err = mn_rlog_count_up_to(viewer->counts, MN_KEY_MENTION, view->chat, view->user,
                                          view->last_seq, &all);
    if (err || all == 0)
        return err;
    err = mn_rlog_count_up_to(viewer->counts, MN_KEY_MENTION, view->chat, view->user, view->read,
                              &before);
    if (!err && all > before)
        err = count_unmentions(viewer, view, &revoked);
    view->mentions = all - before - revoked;
    return err;
}

/* Messages of the other one of a pair behind a cursor. */
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
        enum mn_err err = mn_rlog_get_seq(db, view->chat, cursor, &row);
        if (err)
            return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
        before = mn_seq_count(peer_is_high, cursor, &row);
    }
    *ret = mn_seq_count(peer_is_high, view->last_seq, head) - before;
    return MN_OK;
}

static enum mn_err view_pair(struct mn_rlog *log, const struct mn_row_seq *head,
                             struct mn_chat_view *view)
{
    struct mn_membership theirs = {0};
    enum mn_err err = mn_rlog_member(log, view->peer, view->chat, &theirs);
    if (!err)
        err = count_behind(log->db, view, head, view->read, &view->unread);
    if (!err)
        err = count_behind(log->db, view, head, view->delivered, &view->undelivered);
    view->peer_read = theirs.read;
    view->has_peer_read = theirs.has_read;
    view->peer_delivered = theirs.delivered;
    view->has_peer_delivered = theirs.has_delivered;
    return err;
}

static enum mn_err view_group(struct mn_viewer *viewer, struct mn_chat_view *view)
{
    if (view->last_seq == 0)
        return MN_OK;
    if (!viewer->counts)
        viewer->counts = mn_rlog_counts(viewer->log->db);
    enum mn_err err = count_group(viewer, view);
    return err ? err : count_mentions(viewer, view);
}

enum mn_err mn_rlog_view_at(struct mn_viewer *viewer, struct mn_place last,
                            const struct mn_row_seq *head, int64_t user,
                            const struct mn_membership *mine, struct mn_chat_view *ret)
{
    struct mn_chat_view view = {.chat = last.chat,
                                .user = user,
                                .peer = mine->peer,
                                .last_seq = last.seq,
                                .last_id = head->id,
                                .created_ms = mine->created_ms,
                                .delivered = mine->delivered,
                                .read = mine->read,
                                .has_read = mine->has_read};
    enum mn_err err = mine->peer ? view_pair(viewer->log, head, &view) : view_group(viewer, &view);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    view.updated_ms = view.last_seq > 0 ? head->created_ms : view.created_ms;
    *ret = view;
    return MN_OK;
}

enum mn_err mn_rlog_view(struct mn_viewer *viewer, int64_t chat, int64_t user,
                         const struct mn_membership *mine, struct mn_chat_view *ret)
{
    struct mn_row_seq head;
    struct mn_place last = {chat, 0};
    enum mn_err err = mn_rlog_head(viewer->heads, chat, &last.seq, &head);
    return err ? err : mn_rlog_view_at(viewer, last, &head, user, mine, ret);
}

enum mn_err mn_rlog_chat(void *store, int64_t chat, int64_t user, struct mn_chat_view *ret)
{
    struct mn_rlog *log = store;
    struct mn_membership mine;
    struct mn_rocks *db = mn_rlog_hold(log);
    enum mn_err err = db ? mn_rlog_member(log, user, chat, &mine) : MN_EIO;
    if (!err) {
        struct mn_viewer viewer;
        mn_viewer_begin(&viewer, log);
        err = mn_rlog_view(&viewer, chat, user, &mine, ret);
        mn_viewer_end(&viewer);
    }
    mn_rlog_release(log);
    return mn_rlog_judge(log, err, "chat", chat);
}

enum mn_err mn_rlog_chats(void *store, int64_t user, int64_t after_chat, mn_chat_fn fn, void *arg)
{
    struct mn_rlog *log = store;
    struct mn_rocks *db = mn_rlog_hold(log);
    enum mn_err err = db ? MN_OK : MN_EIO;
    if (!err && user > 0 && after_chat < INT64_MAX) {
        struct mn_member_walk walk;
        struct mn_membership mine;
        struct mn_chat_view view;
        int64_t chat = 0;
        struct mn_viewer viewer;
        mn_viewer_begin(&viewer, log);
        mn_member_walk_begin(&walk, log, user, after_chat < 0 ? 0 : after_chat + 1);
        for (bool more = true; more && !err;) {
            err = mn_member_walk_next(&walk, &chat, &mine);
            if (!err)
                err = mn_rlog_view(&viewer, chat, user, &mine, &view);
            if (!err)
                more = fn(arg, &view);
        }
        mn_member_walk_end(&walk);
        mn_viewer_end(&viewer);
    }
    mn_rlog_release(log);
    return err == MN_ENOTFOUND ? MN_OK : mn_rlog_judge(log, err, "chats", 0);
}
