/* SPDX-License-Identifier: Apache-2.0 */
/* GET /single-chat/...: conversations, messages, read cursors (http-api.md 7.4). */
#include "api/handlers.h"
#include "api/input.h"
#include "im/list_cursor.h"
#include "im/single_chat_view.h"

#define PAGE_MAX 100  /* rows of a page, clamped */
#define SINCE_MAX 200 /* the same for .../since */

/* A read cursor that was never set is null. */
static void print_cursor(struct mn_jout *out, const char *key, bool has, int64_t seq)
{
    if (has)
        mn_jout_num(out, key, seq);
    else
        mn_jout_null(out, key);
}

/* ---- conversations -------------------------------------------------------- */

static bool print_last(void *arg, const struct mn_msg *msg)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, "lastMessage", '{');
    mn_jout_id(out, "serverMsgId", msg->id);
    mn_jout_id(out, "fromUserId", msg->from);
    mn_jout_id(out, "toUserId", msg->to);
    mn_jout_str(out, "content", mn_single_chat_text(msg));
    mn_jout_date(out, "createdAt", msg->created_ms);
    mn_jout_close(out, '}');
    return true;
}

static enum mn_err print_conversation(struct mn_api_call *call, struct mn_jout *out,
                                      const struct mn_chat_view *view)
{
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "singleChatId", view->chat);
    mn_jout_id(out, "peerUserId", view->peer);
    mn_jout_date(out, "updatedAt", view->updated_ms);
    mn_jout_num(out, "unreadCount", view->unread);
    print_cursor(out, "myLastReadMsgSeq", view->has_read, view->read);
    print_cursor(out, "peerLastReadMsgSeq", view->has_peer_read, view->peer_read);
    enum mn_err err = MN_OK;
    if (view->last_seq == 0)
        mn_jout_null(out, "lastMessage");
    else
        err = mn_msglog_read(call->api->config.msglog,
                             &(struct mn_range){.chat = view->chat,
                                                .after = view->last_seq - 1,
                                                .before = view->last_seq + 1,
                                                .limit = 1},
                             print_last, out);
    mn_jout_close(out, '}');
    return err;
}

static bool print_conversations(struct mn_api_call *call, struct mn_jout *out, const char *key,
                                const struct mn_chat_view *views, unsigned count)
{
    mn_jout_open(out, key, '[');
    for (unsigned i = 0; i < count; i++) {
        enum mn_err err = print_conversation(call, out, &views[i]);
        if (err != MN_OK) {
            mn_api_broken(call, "last_message", err);
            return false;
        }
    }
    mn_jout_close(out, ']');
    return true;
}

/* lastUpdatedAt and lastId, of every conversation list: where its page begins. */
static bool list_cursor(struct mn_api_call *call, struct mn_chat_pos *ret)
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

void mn_api_conversation_cursor(struct mn_api_call *call)
{
    struct mn_chat_pos before;
    int64_t limit = 0;
    if (!mn_query_clamped(call, "limit", 20, 1, PAGE_MAX, &limit) || !list_cursor(call, &before))
        return;
    struct mn_chat_view views[PAGE_MAX];
    unsigned count = 0;
    uint64_t total = 0;
    enum mn_err err = mn_single_chat_page(call->api->config.msglog, call->user, before, 0,
                                          (unsigned)limit, views, &count, &total);
    if (err != MN_OK) {
        mn_api_broken(call, "conversations", err);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    if (print_conversations(call, &out, NULL, views, count))
        mn_api_data_end(call);
}

/* ---- page objects (3.5), with real totals (11, item 4) ---------------------- */

/* pageNo may be any 64-bit number: *ret_skip, the rows before the page, stops at the greatest. */
static bool page_params(struct mn_api_call *call, int64_t *ret_no, int64_t *ret_size,
                        int64_t *ret_skip)
{
    if (!mn_query_clamped(call, "pageNo", 1, 1, INT64_MAX, ret_no) ||
        !mn_query_clamped(call, "pageSize", 20, 1, PAGE_MAX, ret_size))
        return false;
    *ret_skip = *ret_no - 1 > INT64_MAX / *ret_size ? INT64_MAX : (*ret_no - 1) * *ret_size;
    return true;
}

static void print_page_end(struct mn_jout *out, int64_t total, int64_t size, int64_t current)
{
    mn_jout_num(out, "total", total);
    mn_jout_num(out, "size", size);
    mn_jout_num(out, "current", current);
    mn_jout_num(out, "pages", size > 0 ? (total + size - 1) / size : 0);
    mn_jout_close(out, '}');
}

void mn_api_conversation_list(struct mn_api_call *call)
{
    int64_t no = 0, size = 0, skip = 0;
    if (!page_params(call, &no, &size, &skip))
        return;
    struct mn_chat_view views[PAGE_MAX];
    unsigned count = 0;
    uint64_t total = 0;
    enum mn_err err = mn_single_chat_page(call->api->config.msglog, call->user, MN_CHAT_POS_TOP,
                                          (uint64_t)skip, (unsigned)size, views, &count, &total);
    if (err != MN_OK) {
        mn_api_broken(call, "conversations", err);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    if (!print_conversations(call, &out, "records", views, count))
        return;
    print_page_end(&out, (int64_t)total, size, no);
    mn_api_data_end(call);
}

/* ---- messages -------------------------------------------------------------- */

static bool print_message(void *arg, const struct mn_msg *msg)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", msg->id);
    mn_jout_str(out, "chatType", MN_STR("SINGLE"));
    mn_jout_id(out, "singleChatId", msg->at.chat);
    mn_jout_null(out, "groupId");
    mn_jout_id(out, "fromUserId", msg->from);
    mn_jout_id(out, "toUserId", msg->to);
    mn_jout_str(out, "msgType", MN_STR("TEXT"));
    mn_jout_str(out, "status", msg->status == MN_MSG_REVOKED ? MN_STR("REVOKED") : MN_STR("SAVED"));
    mn_jout_num(out, "msgSeq", msg->at.seq);
    mn_jout_str(out, "clientMsgId", msg->client_id);
    mn_jout_id(out, "serverMsgId", msg->id);
    mn_jout_date(out, "createdAt", msg->created_ms);
    mn_jout_date(out, "updatedAt", msg->updated_ms);
    mn_jout_str(out, "content", mn_single_chat_text(msg));
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

/* peerUserId and its two checks, common to all calls about one chat. */
static bool need_peer(struct mn_api_call *call, int64_t *ret_peer)
{
    if (!mn_query_need(call, "peerUserId", ret_peer))
        return false;
    if (*ret_peer <= 0) {
        mn_api_fail(call, 40000, "missing_peer_user_id");
        return false;
    }
    if (*ret_peer == call->user) {
        mn_api_fail(call, 40000, "cannot_query_self_chat");
        return false;
    }
    return true;
}

/* Array of messages; an empty one when the two never had a chat. */
static void answer_messages(struct mn_api_call *call, int64_t peer, struct mn_range range)
{
    struct mn_msglog *log = call->api->config.msglog;
    enum mn_err err = mn_msglog_pair(log, call->user, peer, &range.chat);
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    if (err == MN_OK)
        err = mn_msglog_read(log, &range, print_message, &out);
    mn_jout_close(&out, ']');
    if (err != MN_OK && err != MN_ENOTFOUND)
        mn_api_broken(call, "messages", err);
    else
        mn_api_data_end(call);
}

void mn_api_message_cursor(struct mn_api_call *call)
{
    struct mn_range range = {.after = 0, .before = INT64_MAX, .descending = true};
    int64_t peer = 0, limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 20, 1, PAGE_MAX, &limit) ||
        !mn_query_id(call, "lastSeq", &range.before, &given) || !need_peer(call, &peer))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, peer, range);
}

void mn_api_message_since(struct mn_api_call *call)
{
    struct mn_range range = {.after = 0, .before = INT64_MAX, .descending = false};
    int64_t peer = 0, limit = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 50, 1, SINCE_MAX, &limit) ||
        !mn_query_id(call, "sinceSeq", &range.after, &given) || !need_peer(call, &peer))
        return;
    range.limit = (unsigned)limit;
    answer_messages(call, peer, range);
}

void mn_api_message_list(struct mn_api_call *call)
{
    int64_t no = 0, size = 0, skip = 0, peer = 0;
    struct mn_msglog *log = call->api->config.msglog;
    struct mn_chat_view view = {0};
    if (!page_params(call, &no, &size, &skip) || !need_peer(call, &peer))
        return;
    enum mn_err err = mn_single_chat_with(log, call->user, peer, &view);
    bool none = err == MN_ENOTFOUND;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_open(&out, "records", '[');
    /* Sequences have no gaps, so the last one is the total, and a page is a range of them. */
    int64_t top = view.last_seq - skip;
    if (err == MN_OK && top > 0)
        err = mn_msglog_read(log,
                             &(struct mn_range){.chat = view.chat,
                                                .before = top + 1,
                                                .descending = true,
                                                .limit = (unsigned)size},
                             print_message, &out);
    mn_jout_close(&out, ']');
    print_page_end(&out, view.last_seq, none ? 0 : size, none ? 1 : no);
    if (err != MN_OK && !none)
        mn_api_broken(call, "messages", err);
    else
        mn_api_data_end(call);
}

void mn_api_member_state(struct mn_api_call *call)
{
    int64_t peer = 0;
    struct mn_chat_view view = {0};
    if (!need_peer(call, &peer))
        return;
    enum mn_err err = mn_single_chat_with(call->api->config.msglog, call->user, peer, &view);
    if (err != MN_OK && err != MN_ENOTFOUND) {
        mn_api_broken(call, "member_state", err);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    if (err == MN_OK)
        mn_jout_id(&out, "singleChatId", view.chat);
    else
        mn_jout_null(&out, "singleChatId");
    mn_jout_id(&out, "peerUserId", peer);
    print_cursor(&out, "myLastReadMsgSeq", view.has_read, view.read);
    print_cursor(&out, "peerLastReadMsgSeq", view.has_peer_read, view.peer_read);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}
