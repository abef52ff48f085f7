/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of conversations: see conversation.h.  Those of two are given as the
 * message log walks them; those of groups are kept until their names are
 * known, as these are another store's.  Silent.
 */
#include "im/conversation/conversation.h"

#include "base/buf.h"
#include "base/mem.h"
#include "im/conversation/impl.h"
#include "im/conversation/place.h"
#include "store/sql/group.h"
#include "store/sql/sql.h"

/* 100 messages of 4096 UTF-16 units and 100 names are less. */
#define TEXTS_MAX ((size_t)8 << 20)

static enum mn_err begin(const struct mn_conversations *conversations, int64_t user,
                         const struct mn_conversation_row *after, unsigned limit,
                         struct mn_conversation_query *ret)
{
    *ret = (struct mn_conversation_query){
        .user = user,
        .before = MN_CHAT_POS_TOP,
        .limit = limit < MN_CONVERSATIONS_MAX ? limit : MN_CONVERSATIONS_MAX,
    };
    return after ? mn_conversation_place(conversations->msglog, user, &after->updated, after->id,
                                         &ret->before)
                 : MN_OK;
}

/* ---- of two ------------------------------------------------------------------ */

struct giver {
    mn_conversation_put put;
    void *arg;
};

static bool give(void *arg, const struct mn_chat_view *chat, const struct mn_msg *last)
{
    const struct giver *giver = arg;
    struct mn_conversation conversation = mn_conversation_of(chat);
    struct mn_message_view message;
    if (last) {
        message = mn_message_view_of(last);
        conversation.last = &message;
    }
    return giver->put(giver->arg, &conversation);
}

enum mn_err mn_conversations_single(const struct mn_conversations *conversations, int64_t user,
                                    const struct mn_conversation_row *after, unsigned limit,
                                    mn_conversation_put put, void *arg)
{
    struct mn_conversation_query query;
    struct giver giver = {put, arg};
    enum mn_err err = begin(conversations, user, after, limit, &query);
    return err ? err : mn_msglog_conversations(conversations->msglog, &query, give, &giver);
}

enum mn_err mn_conversations_page(const struct mn_conversations *conversations, int64_t user,
                                  int64_t skip, unsigned limit, mn_conversation_put put, void *arg,
                                  int64_t *ret_total)
{
    struct mn_conversation_query query;
    struct giver giver = {put, arg};
    enum mn_err err = begin(conversations, user, NULL, limit, &query);
    if (!err)
        err = mn_msglog_count_chats(conversations->msglog, user, ret_total);
    if (err || skip >= *ret_total)
        return err;
    query.skip = (uint64_t)skip;
    return mn_msglog_conversations(conversations->msglog, &query, give, &giver);
}

enum mn_err mn_conversation_check_peer(int64_t user, int64_t peer, const char **ret_reason)
{
    if (peer > 0 && peer != user)
        return MN_OK;
    *ret_reason = peer <= 0 ? "missing_peer_user_id" : "cannot_query_self_chat";
    return MN_EINVAL;
}

enum mn_err mn_conversation_with(const struct mn_conversations *conversations, int64_t user,
                                 int64_t peer, struct mn_conversation *ret, const char **ret_reason)
{
    struct mn_chat_view chat;
    int64_t id = 0;
    enum mn_err err = mn_conversation_check_peer(user, peer, ret_reason);
    if (!err)
        err = mn_msglog_pair(conversations->msglog, user, peer, &id);
    if (!err)
        err = mn_msglog_chat(conversations->msglog, id, user, &chat);
    if (!err)
        *ret = mn_conversation_of(&chat);
    return err;
}

/* ---- of groups --------------------------------------------------------------- */

struct rows {
    struct mn_buf texts;
    size_t count;
    int64_t groups[MN_CONVERSATIONS_MAX];
    struct row {
        struct mn_conversation conversation;
        struct mn_message_view last; /* without its texts */
        size_t text_at, text_n, name_at, name_n;
        bool has_last, has_name;
    } rows[MN_CONVERSATIONS_MAX];
};

static bool take_row(void *arg, const struct mn_chat_view *chat, const struct mn_msg *last)
{
    struct rows *rows = arg;
    struct row *row = &rows->rows[rows->count];
    *row = (struct row){.conversation = mn_conversation_of(chat), .has_last = last != NULL};
    if (last) {
        row->last = mn_message_view_of(last);
        row->text_at = rows->texts.n;
        row->text_n = row->last.text.n;
        mn_buf_add_str(&rows->texts, row->last.text);
        row->last.text = row->last.client_id = row->last.mentions = MN_STR_NONE;
    }
    rows->groups[rows->count++] = chat->chat;
    return rows->count < MN_CONVERSATIONS_MAX && !rows->texts.failed;
}

/* Names come by id, rows stand by time. */
static void take_name(void *arg, const struct mn_group *group)
{
    struct rows *rows = arg;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->rows[i];
        if (rows->groups[i] != group->id)
            continue;
        row->has_name = true;
        row->name_at = rows->texts.n;
        row->name_n = strlen(group->name);
        mn_buf_add(&rows->texts, group->name, row->name_n);
    }
}

static struct mn_str text_at(const struct rows *rows, size_t at, size_t n)
{
    return mn_str_make(n > 0 ? rows->texts.p + at : "", n);
}

static void give_rows(struct rows *rows, mn_conversation_put put, void *arg)
{
    bool go_on = true;
    for (size_t i = 0; i < rows->count && go_on; i++) {
        struct row *row = &rows->rows[i];
        if (row->has_name)
            row->conversation.name = text_at(rows, row->name_at, row->name_n);
        if (row->has_last) {
            row->last.text = text_at(rows, row->text_at, row->text_n);
            row->conversation.last = &row->last;
        }
        go_on = put(arg, &row->conversation);
    }
}

_Static_assert(MN_CONVERSATIONS_MAX <= MN_SQL_IDS_MAX, "one statement for the names of a page");
static enum mn_err read_rows(const struct mn_conversations *conversations,
                             const struct mn_conversation_query *query, struct rows *rows)
{
    enum mn_err err = mn_msglog_group_conversations(conversations->msglog, query, take_row, rows);
    if (!err && rows->count > 0)
        err = mn_db_groups(conversations->db, 0, rows->groups, rows->count, take_name, rows);
    return !err && rows->texts.failed ? MN_ENOMEM : err;
}

enum mn_err mn_conversations_group(const struct mn_conversations *conversations, int64_t user,
                                   const struct mn_conversation_row *after, unsigned limit,
                                   mn_conversation_put put, void *arg)
{
    struct mn_conversation_query query;
    enum mn_err err = begin(conversations, user, after, limit, &query);
    if (err)
        return err;
    struct rows *rows = mn_new(struct rows);
    mn_buf_init(&rows->texts, TEXTS_MAX);
    err = read_rows(conversations, &query, rows);
    if (!err)
        give_rows(rows, put, arg);
    mn_buf_deinit(&rows->texts);
    mn_free(rows);
    return err;
}
