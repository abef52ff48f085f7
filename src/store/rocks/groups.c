/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations of a user with groups, newest first.  A group has no row in
 * its members' lists: each message would move it in the lists of all of
 * them.  Instead the groups that he is in are looked at, one seek each, and
 * put in order.  Blocking, on worker threads.
 */
#include "base/mem.h"
#include "store/rocks/walk.h"

/* A group as it was found: its place in the list, and its last message. */
struct group {
    struct mn_chat_pos pos;
    int64_t last_seq;
    struct mn_row_seq head;
};

struct groups {
    struct mn_rlog *log;
    struct mn_viewer viewer;
    const struct mn_conversation_query *query;
    struct group *list;
    size_t count, cap;
    int64_t at; /* group at hand */
    bool stopped;
};

static int newest_first(const void *a, const void *b)
{
    const struct mn_chat_pos *x = &((const struct group *)a)->pos,
                             *y = &((const struct group *)b)->pos;
    if (x->updated_ms != y->updated_ms)
        return x->updated_ms > y->updated_ms ? -1 : 1;
    return x->chat > y->chat ? -1 : x->chat < y->chat;
}

static enum mn_err add_group(struct groups *g, int64_t chat, const struct mn_membership *mine)
{
    const struct group before = {.pos = g->query->before};
    struct group group = {.pos = {mine->created_ms, chat}};
    g->at = chat;
    enum mn_err err = mn_rlog_find_head(g->viewer.heads, chat, &group.last_seq, &group.head);
    if (err)
        return err;
    if (group.last_seq > 0)
        group.pos.updated_ms = group.head.created_ms;
    if (newest_first(&before, &group) >= 0) /* not behind the place where the page begins */
        return MN_OK;
    if (g->count == g->cap) {
        size_t cap = g->cap > 0 ? g->cap * 2 : 32;
        struct group *list = mn_try_realloc_array(g->list, cap, sizeof(*list));
        if (!list)
            return MN_ENOMEM;
        g->list = list;
        g->cap = cap;
    }
    g->list[g->count++] = group;
    return MN_OK;
}

/* Through all his chats, as most have few: what is read of those of two is their rows. */
static enum mn_err gather(struct groups *g)
{
    char lower[MN_KEY_CHAT_BYTES], upper[MN_KEY_CHAT_BYTES];
    struct mn_str key, value;
    enum mn_err err = MN_OK;
    mn_key_member(lower, g->query->user, 0);
    mn_key_member(upper, g->query->user, INT64_MAX);
    struct mn_rocks_iter *it = mn_rocks_iter_new(g->log->db, MN_CF_CHAT,
                                                 mn_str_make(lower, sizeof(lower)),
                                                 mn_str_make(upper, sizeof(upper)));
    mn_rocks_iter_seek(it, mn_str_make(lower, sizeof(lower)));
    for (; !err && mn_rocks_iter_get(it, &key, &value); mn_rocks_iter_next(it)) {
        struct mn_membership mine;
        int64_t user = 0, chat = 0;
        err = mn_key_member_parse(key, &user, &chat);
        if (!err)
            err = mn_row_member_parse(value, &mine);
        if (!err && mine.peer == 0)
            err = add_group(g, chat, &mine);
    }
    if (!err)
        err = mn_rocks_iter_err(it);
    mn_rocks_iter_free(it);
    if (g->count > 1)
        qsort(g->list, g->count, sizeof(*g->list), newest_first);
    return err;
}

static enum mn_err give(struct groups *g, const struct group *group, mn_conversation_fn fn,
                        void *arg)
{
    struct mn_membership mine;
    struct mn_chat_view view;
    char key[MN_KEY_MSG_BYTES];
    struct mn_rocks_value value;
    struct mn_msg msg;
    int64_t user = g->query->user;
    struct mn_place last = {group->pos.chat, group->last_seq};
    g->at = last.chat;
    enum mn_err err = mn_rlog_member(g->log, user, last.chat, &mine);
    if (err) /* he has left it meanwhile */
        return err == MN_ENOTFOUND ? MN_OK : err;
    err = mn_rlog_ends(g->viewer.heads, last.chat, last.seq);
    if (!err)
        err = mn_rlog_view_at(&g->viewer, last, &group->head, user, &mine, &view);
    if (err)
        return err;
    if (view.last_seq == 0) {
        g->stopped = !fn(arg, &view, NULL);
        return MN_OK;
    }
    mn_key_msg(key, view.last_id);
    err = mn_rocks_get(g->log->db, MN_CF_MSG, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    err = mn_msg_parse(view.last_id, value.s, &msg);
    if (!err)
        g->stopped = !fn(arg, &view, &msg);
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_rlog_group_conversations(void *store, const struct mn_conversation_query *query,
                                        mn_conversation_fn fn, void *arg)
{
    struct mn_rlog *log = store;
    struct groups g = {.log = log, .query = query};
    struct mn_rocks *db = mn_rlog_hold(log);
    enum mn_err err = MN_EIO;
    if (db) {
        mn_viewer_begin(&g.viewer, log);
        err = gather(&g);
        for (size_t i = query->skip; i < g.count && i - query->skip < query->limit && !err; i++) {
            if (g.stopped)
                break;
            err = give(&g, &g.list[i], fn, arg);
        }
        mn_viewer_end(&g.viewer);
        mn_free(g.list);
    }
    mn_rlog_release(log);
    return mn_rlog_judge(log, err, "group conversations", g.at);
}
