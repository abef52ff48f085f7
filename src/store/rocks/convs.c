/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations, newest first: the list on disk merged with what moved
 * lately (lists.c), as far as a page needs it.  Blocking, on worker
 * threads.
 */
#include "base/mem.h"
#include "store/rocks/walk.h"

struct convs {
    struct mn_rlog *log;
    struct mn_viewer viewer;
    const struct mn_conversation_query *query;
    mn_conversation_fn fn;
    void *arg;
    struct mn_own_chats own;
    struct mn_chat_pos *moved; /* the same, newest first */
    size_t moved_count, next;
    char lower[MN_KEY_LISTED_BYTES], upper[MN_KEY_LISTED_BYTES];
    int64_t at; /* chat at hand */
    bool stopped;
};

/* a stands behind b in the list. */
static bool behind(struct mn_chat_pos a, struct mn_chat_pos b)
{
    return a.updated_ms < b.updated_ms || (a.updated_ms == b.updated_ms && a.chat < b.chat);
}

static int compare_places(const void *a, const void *b)
{
    const struct mn_chat_pos *x = a, *y = b;
    return behind(*y, *x) ? -1 : behind(*x, *y);
}

/* What moved and stands behind the place where the page begins. */
static void sort_moved(struct convs *c)
{
    if (c->own.count == 0)
        return;
    c->moved = mn_alloc_array(c->own.count, sizeof(*c->moved));
    for (size_t i = 0; i < c->own.count; i++) {
        struct mn_chat_pos pos = {c->own.list[i].updated_ms, c->own.list[i].chat};
        if (behind(pos, c->query->before))
            c->moved[c->moved_count++] = pos;
    }
    qsort(c->moved, c->moved_count, sizeof(*c->moved), compare_places);
}

static enum mn_err begin(struct convs *c)
{
    const struct mn_conversation_query *query = c->query;
    struct mn_str lower = mn_str_make(c->lower, sizeof(c->lower));
    mn_key_listed(c->lower, query->user, query->before.updated_ms, query->before.chat);
    mn_key_listed(c->upper, query->user, 0, -1); /* behind all: no time is before 0 */
    enum mn_err err = mn_own_chats_begin(&c->own, c->log, query->user, lower,
                                         mn_str_make(c->upper, sizeof(c->upper)));
    if (err)
        return err;
    sort_moved(c);
    mn_rocks_iter_seek(c->own.it, lower);
    return MN_OK;
}

/* The next row on disk that memory does not know better; the iterator stays at it. */
static enum mn_err stored_place(struct convs *c, struct mn_chat_pos *ret)
{
    struct mn_str key, value;
    int64_t user = 0;
    for (; mn_rocks_iter_get(c->own.it, &key, &value); mn_rocks_iter_next(c->own.it)) {
        enum mn_err err = mn_key_listed_parse(key, &user, &ret->updated_ms, &ret->chat);
        if (err)
            return err;
        if (behind(*ret, c->query->before) && !mn_own_chats_find(&c->own, ret->chat))
            return MN_OK;
    }
    enum mn_err err = mn_rocks_iter_err(c->own.it);
    return err ? err : MN_ENOTFOUND;
}

/* MN_ENOTFOUND at the end. */
static enum mn_err next_place(struct convs *c, struct mn_chat_pos *ret)
{
    enum mn_err err = stored_place(c, ret);
    bool has_stored = err == MN_OK;
    if (err && err != MN_ENOTFOUND)
        return err;
    if (c->next < c->moved_count && (!has_stored || behind(*ret, c->moved[c->next]))) {
        *ret = c->moved[c->next++];
        return MN_OK;
    }
    if (has_stored)
        mn_rocks_iter_next(c->own.it);
    return err;
}

static enum mn_err give(struct convs *c, const struct mn_chat_view *view)
{
    char key[MN_KEY_MSG_BYTES];
    struct mn_rocks_value value;
    struct mn_msg msg;
    if (view->last_id == 0) {
        c->stopped = !c->fn(c->arg, view, NULL);
        return MN_OK;
    }
    mn_key_msg(key, view->last_id);
    enum mn_err err = mn_rocks_get(c->log->db, MN_CF_MSG, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    err = mn_msg_parse(view->last_id, value.s, &msg);
    if (!err)
        c->stopped = !c->fn(c->arg, view, &msg);
    mn_rocks_release(&value);
    return err;
}

static enum mn_err give_chat(struct convs *c, struct mn_chat_pos pos)
{
    struct mn_membership mine;
    struct mn_chat_view view;
    enum mn_err err = mn_rlog_member(c->log, c->query->user, pos.chat, &mine);
    if (!err)
        err = mn_rlog_view(&c->viewer, pos.chat, c->query->user, &mine, &view);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    /* It may have moved since: the page keeps its order. */
    view.updated_ms = pos.updated_ms;
    return give(c, &view);
}

static enum mn_err walk(struct convs *c)
{
    uint64_t skip = c->query->skip;
    if (c->query->before.updated_ms < 0) /* no chat is as old */
        return MN_OK;
    for (unsigned left = c->query->limit; left > 0 && !c->stopped;) {
        struct mn_chat_pos pos = {0, 0};
        enum mn_err err = next_place(c, &pos);
        if (err)
            return err == MN_ENOTFOUND ? MN_OK : err;
        if (skip > 0) {
            skip--;
            continue;
        }
        c->at = pos.chat;
        err = give_chat(c, pos);
        if (err)
            return err;
        left--;
    }
    return MN_OK;
}

enum mn_err mn_rlog_conversations(void *store, const struct mn_conversation_query *query,
                                  mn_conversation_fn fn, void *arg)
{
    struct mn_rlog *log = store;
    struct convs c = {.log = log, .query = query, .fn = fn, .arg = arg};
    struct mn_rocks *db = mn_rlog_hold(log);
    enum mn_err err = MN_EIO;
    if (db) {
        err = begin(&c);
        /* Not older than the lists: a chat that these have must have its message. */
        mn_viewer_begin(&c.viewer, log);
        if (!err)
            err = walk(&c);
        mn_viewer_end(&c.viewer);
        mn_own_chats_end(&c.own);
        mn_free(c.moved);
    }
    mn_rlog_release(log);
    return mn_rlog_judge(log, err, "conversations", c.at);
}
