/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations of a user with groups, newest first.  A group has no row in
 * its members' lists: each message would move it in the lists of all of
 * them.  Instead the groups that he is in are looked at, one seek each, and
 * put in order.  Blocking, on worker threads.
 */
#include "base/mem.h"
#include "store/rocks/walk.h"

struct groups {
    struct mn_msglog *log;
    struct mn_rocks_iter *heads;
    const struct mn_conversation_query *query;
    struct mn_chat_pos *list;
    size_t count, cap;
    int64_t at; /* group at hand */
    bool stopped;
};

static int newest_first(const void *a, const void *b)
{
    const struct mn_chat_pos *x = a, *y = b;
    if (x->updated_ms != y->updated_ms)
        return x->updated_ms > y->updated_ms ? -1 : 1;
    return x->chat > y->chat ? -1 : x->chat < y->chat;
}

static enum mn_err add(struct groups *g, struct mn_chat_pos pos)
{
    if (newest_first(&g->query->before, &pos) >= 0) /* not behind the place where the page begins */
        return MN_OK;
    if (g->count == g->cap) {
        size_t cap = g->cap > 0 ? g->cap * 2 : 32;
        struct mn_chat_pos *list = mn_try_realloc_array(g->list, cap, sizeof(*list));
        if (!list)
            return MN_ENOMEM;
        g->list = list;
        g->cap = cap;
    }
    g->list[g->count++] = pos;
    return MN_OK;
}

static enum mn_err add_group(struct groups *g, int64_t group, const struct mn_row_member *mine)
{
    struct mn_row_seq head;
    int64_t seq = 0;
    g->at = group;
    enum mn_err err = mn_msglog_head(g->log->db, g->heads, group, &seq, &head);
    if (err)
        return err;
    return add(g, (struct mn_chat_pos){seq > 0 ? head.created_ms : mine->created_ms, group});
}

static enum mn_err gather(struct groups *g)
{
    struct mn_member_walk walk;
    enum mn_err err = MN_OK;
    mn_member_walk_begin(&walk, g->log, g->query->user, 0);
    while (!err) {
        struct mn_row_member mine;
        int64_t chat = 0;
        err = mn_member_walk_next(&walk, &chat, &mine);
        if (!err && mine.peer == 0)
            err = add_group(g, chat, &mine);
    }
    mn_member_walk_end(&walk);
    if (g->count > 1)
        qsort(g->list, g->count, sizeof(*g->list), newest_first);
    return err == MN_ENOTFOUND ? MN_OK : err;
}

static enum mn_err give(struct groups *g, struct mn_chat_pos pos, mn_conversation_fn fn, void *arg)
{
    struct mn_row_member mine;
    struct mn_chat_view view;
    char key[MN_KEY_MSG_BYTES];
    struct mn_rocks_value value;
    struct mn_msg msg;
    g->at = pos.chat;
    enum mn_err err = mn_msglog_member(g->log, g->query->user, pos.chat, &mine);
    if (err) /* he has left it meanwhile */
        return err == MN_ENOTFOUND ? MN_OK : err;
    err = mn_msglog_view(g->log, g->heads, pos.chat, g->query->user, &mine, &view);
    if (err)
        return err;
    view.updated_ms = pos.updated_ms; /* it may have moved since: the page keeps its order */
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

enum mn_err mn_msglog_group_conversations(struct mn_msglog *log,
                                          const struct mn_conversation_query *query,
                                          mn_conversation_fn fn, void *arg)
{
    struct groups g = {.log = log, .query = query};
    struct mn_rocks *db = mn_msglog_hold(log);
    enum mn_err err = MN_EIO;
    if (db) {
        g.heads = mn_msglog_heads(db);
        err = gather(&g);
        for (size_t i = query->skip; i < g.count && i - query->skip < query->limit && !err; i++) {
            if (g.stopped)
                break;
            err = give(&g, g.list[i], fn, arg);
        }
        mn_rocks_iter_free(g.heads);
        mn_free(g.list);
    }
    mn_msglog_release(log);
    return mn_msglog_judge(log, err, "group conversations", g.at);
}
