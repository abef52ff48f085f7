/* SPDX-License-Identifier: Apache-2.0 */
#include "api/endpoint/message_json.h"

#include "api/input.h"
#include "im/list_cursor.h"
#include "im/message.h"

static void print_id_or_null(struct mn_jout *out, const char *key, int64_t id)
{
    if (id)
        mn_jout_id(out, key, id);
    else
        mn_jout_null(out, key);
}

/* Of a group's messages; the original has neither. */
static void print_addressed(struct mn_jout *out, const struct mn_msg *msg)
{
    mn_jout_open(out, "mentions", '[');
    for (size_t i = 0; i < mn_uids_count(msg->mentions); i++)
        mn_jout_id(out, NULL, mn_uids_get(msg->mentions, i));
    mn_jout_close(out, ']');
    print_id_or_null(out, "replyToServerMsgId", msg->reply_to);
}

bool mn_api_print_message(void *arg, const struct mn_msg *msg)
{
    struct mn_jout *out = arg;
    bool group = msg->kind == MN_CHAT_GROUP;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", msg->id);
    mn_jout_str(out, "chatType", group ? MN_STR("GROUP") : MN_STR("SINGLE"));
    print_id_or_null(out, "singleChatId", group ? 0 : msg->at.chat);
    print_id_or_null(out, "groupId", group ? msg->at.chat : 0);
    mn_jout_id(out, "fromUserId", msg->from);
    print_id_or_null(out, "toUserId", msg->to);
    mn_jout_str(out, "msgType", MN_STR("TEXT"));
    mn_jout_str(out, "status", msg->status == MN_MSG_REVOKED ? MN_STR("REVOKED") : MN_STR("SAVED"));
    mn_jout_num(out, "msgSeq", msg->at.seq);
    mn_jout_str(out, "clientMsgId", msg->client_id);
    mn_jout_id(out, "serverMsgId", msg->id);
    mn_jout_date(out, "createdAt", msg->created_ms);
    mn_jout_date(out, "updatedAt", msg->updated_ms);
    mn_jout_str(out, "content", mn_message_text(msg));
    if (group)
        print_addressed(out, msg);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

bool mn_api_print_last_message(void *arg, const struct mn_msg *msg)
{
    struct mn_jout *out = arg;
    if (!msg) {
        mn_jout_null(out, "lastMessage");
        return true;
    }
    mn_jout_open(out, "lastMessage", '{');
    mn_jout_id(out, "serverMsgId", msg->id);
    mn_jout_num(out, "msgSeq", msg->at.seq);
    mn_jout_id(out, "fromUserId", msg->from);
    if (msg->kind == MN_CHAT_PAIR)
        mn_jout_id(out, "toUserId", msg->to);
    mn_jout_str(out, "content", mn_message_text(msg));
    mn_jout_date(out, "createdAt", msg->created_ms);
    mn_jout_close(out, '}');
    return true;
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

bool mn_api_list_cursor(struct mn_api_call *call, struct mn_chat_pos *ret)
{
    struct mn_date updated;
    bool has_time = false, has_id = false;
    int64_t chat = 0;
    *ret = MN_CHAT_POS_TOP;
    if (!mn_query_date(call, "lastUpdatedAt", &updated, &has_time) ||
        !mn_query_id(call, "lastId", &chat, &has_id))
        return false;
    if (has_time != has_id) {
        mn_api_fail(call, 40000, "cursor_need_lastUpdatedAt_and_lastId");
        return false;
    }
    if (!has_time)
        return true;
    enum mn_err err = mn_list_cursor_place(call->api->config.msglog, call->user, &updated, chat,
                                           ret);
    if (err != MN_OK)
        mn_api_broken(call, "list_cursor", err);
    return err == MN_OK;
}
