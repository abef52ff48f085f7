/* SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoint/message_json.h"

#include "api/input.h"

#define SINCE_MAX 200 /* rows of .../since, clamped */

_Static_assert(MN_API_PAGE_MAX <= MN_CONVERSATIONS_MAX, "a page is what im/ gives");

static void print_id_or_null(struct mn_jout *out, const char *key, int64_t id)
{
    if (id)
        mn_jout_id(out, key, id);
    else
        mn_jout_null(out, key);
}

/* Of a group's messages; the original has neither. */
static void print_addressed(struct mn_jout *out, const struct mn_message_view *msg)
{
    mn_jout_open(out, "mentions", '[');
    for (size_t i = 0; i < mn_message_view_mentions(msg); i++)
        mn_jout_id(out, NULL, mn_message_view_mention(msg, i));
    mn_jout_close(out, ']');
    print_id_or_null(out, "replyToServerMsgId", msg->reply_to);
}

bool mn_api_print_message(void *arg, const struct mn_message_view *msg)
{
    struct mn_jout *out = arg;
    bool group = msg->is_group;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", msg->id);
    mn_jout_str(out, "chatType", group ? MN_STR("GROUP") : MN_STR("SINGLE"));
    print_id_or_null(out, "singleChatId", group ? 0 : msg->chat);
    print_id_or_null(out, "groupId", group ? msg->chat : 0);
    mn_jout_id(out, "fromUserId", msg->from);
    print_id_or_null(out, "toUserId", msg->to);
    mn_jout_str(out, "msgType", MN_STR("TEXT"));
    mn_jout_str(out, "status", msg->is_revoked ? MN_STR("REVOKED") : MN_STR("SAVED"));
    mn_jout_num(out, "msgSeq", msg->seq);
    mn_jout_str(out, "clientMsgId", msg->client_id);
    mn_jout_id(out, "serverMsgId", msg->id);
    mn_jout_date(out, "createdAt", msg->created_ms);
    mn_jout_date(out, "updatedAt", msg->updated_ms);
    mn_jout_str(out, "content", msg->text);
    if (group)
        print_addressed(out, msg);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

void mn_api_print_last_message(struct mn_jout *out, const struct mn_message_view *msg)
{
    if (!msg) {
        mn_jout_null(out, "lastMessage");
        return;
    }
    mn_jout_open(out, "lastMessage", '{');
    mn_jout_id(out, "serverMsgId", msg->id);
    mn_jout_num(out, "msgSeq", msg->seq);
    mn_jout_id(out, "fromUserId", msg->from);
    if (!msg->is_group)
        mn_jout_id(out, "toUserId", msg->to);
    mn_jout_str(out, "content", msg->text);
    mn_jout_date(out, "createdAt", msg->created_ms);
    mn_jout_close(out, '}');
}

bool mn_api_page_params(struct mn_api_call *call, int64_t *ret_no, int64_t *ret_size,
                        int64_t *ret_skip)
{
    if (!mn_query_clamped(call, "pageNo", 1, 1, INT64_MAX, ret_no) ||
        !mn_query_clamped(call, "pageSize", 20, 1, MN_API_PAGE_MAX, ret_size))
        return false;
    *ret_skip = *ret_no - 1 > INT64_MAX / *ret_size ? INT64_MAX : (*ret_no - 1) * *ret_size;
    return true;
}

void mn_api_print_page_end(struct mn_jout *out, int64_t total, int64_t size, int64_t current)
{
    mn_jout_num(out, "total", total);
    mn_jout_num(out, "size", size);
    mn_jout_num(out, "current", current);
    mn_jout_num(out, "pages", size > 0 ? (total + size - 1) / size : 0);
    mn_jout_close(out, '}');
}

/* ---- pages of chats and of their messages ---------------------------------- */

/* lastUpdatedAt and lastId into *room; *ret_after points to it, or is NULL: neither was given. */
static bool last_row(struct mn_api_call *call, struct mn_conversation_row *room,
                     const struct mn_conversation_row **ret_after)
{
    bool has_time = false, has_id = false;
    *room = (struct mn_conversation_row){0};
    if (!mn_query_date(call, "lastUpdatedAt", &room->updated, &has_time) ||
        !mn_query_id(call, "lastId", &room->id, &has_id))
        return false;
    if (has_time != has_id) {
        mn_api_fail(call, 40000, "cursor_need_lastUpdatedAt_and_lastId");
        return false;
    }
    *ret_after = has_time ? room : NULL;
    return true;
}

void mn_api_conversations(struct mn_api_call *call, mn_api_conversations_fn list,
                          mn_conversation_put put, const char *what)
{
    struct mn_conversation_row room;
    const struct mn_conversation_row *after = NULL;
    int64_t limit = 0;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !last_row(call, &room, &after))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = list(call->api->config.conversations, call->user, after, (unsigned)limit, put,
                           &out);
    mn_jout_close(&out, ']');
    if (err)
        mn_api_broken(call, what, err);
    else
        mn_api_data_end(call);
}

static void answer_messages(struct mn_api_call *call, const struct mn_api_history *of, int64_t with,
                            const struct mn_history_range *range)
{
    const char *reason = NULL;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = of->list(call->api->config.conversations, call->user, with, range,
                               mn_api_print_message, &out, &reason);
    mn_jout_close(&out, ']');
    if (err)
        mn_api_refused(call, of->what, err, reason);
    else
        mn_api_data_end(call);
}

void mn_api_messages_before(struct mn_api_call *call, const struct mn_api_history *of)
{
    struct mn_history_range range = {.before = INT64_MAX, .newest_first = true};
    int64_t with = 0, limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_query_id(call, "lastSeq", &range.before, &given) ||
        !mn_query_need(call, of->with, &with))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, of, with, &range);
}

void mn_api_messages_since(struct mn_api_call *call, const struct mn_api_history *of)
{
    struct mn_history_range range = {.before = INT64_MAX};
    int64_t with = 0, limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 50, 1, SINCE_MAX, &limit) ||
        !mn_query_id(call, "sinceSeq", &range.after, &given) ||
        !mn_query_need(call, of->with, &with))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, of, with, &range);
}
