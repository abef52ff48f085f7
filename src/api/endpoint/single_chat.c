/* SPDX-License-Identifier: Apache-2.0 */
/* GET /single-chat/...: conversations, messages, read cursors (H-7.4). */
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"
#include "api/input.h"
#include "im/single_chat_view.h"

#define SINCE_MAX 200 /* rows of .../since, clamped */

/* A read cursor that was never set is null. */
static void print_cursor(struct mn_jout *out, const char *key, bool has, int64_t seq)
{
    if (has)
        mn_jout_num(out, key, seq);
    else
        mn_jout_null(out, key);
}

/* ---- conversations -------------------------------------------------------- */

static bool print_conversation(void *arg, const struct mn_chat_view *view,
                               const struct mn_msg *last)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "singleChatId", view->chat);
    mn_jout_id(out, "peerUserId", view->peer);
    mn_jout_date(out, "updatedAt", view->updated_ms);
    mn_jout_num(out, "unreadCount", view->unread);
    print_cursor(out, "myLastReadMsgSeq", view->has_read, view->read);
    print_cursor(out, "peerLastReadMsgSeq", view->has_peer_read, view->peer_read);
    mn_api_print_last_message(out, last);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

static bool print_conversations(struct mn_api_call *call, struct mn_jout *out, const char *key,
                                const struct mn_conversation_query *query)
{
    mn_jout_open(out, key, '[');
    enum mn_err err = mn_msglog_conversations(call->api->config.msglog, query, print_conversation,
                                              out);
    if (err != MN_OK) {
        mn_api_broken(call, "conversations", err);
        return false;
    }
    mn_jout_close(out, ']');
    return true;
}

void mn_api_conversation_cursor(struct mn_api_call *call)
{
    struct mn_conversation_query query = {.user = call->user};
    int64_t limit = 0;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_api_list_cursor(call, &query.before))
        return;
    query.limit = (unsigned)limit;
    struct mn_jout out = mn_api_data_begin(call);
    if (print_conversations(call, &out, NULL, &query))
        mn_api_data_end(call);
}

void mn_api_conversation_list(struct mn_api_call *call)
{
    int64_t no = 0, size = 0, skip = 0, total = 0;
    if (!mn_api_page_params(call, &no, &size, &skip))
        return;
    enum mn_err err = mn_msglog_count_chats(call->api->config.msglog, call->user, &total);
    if (err != MN_OK) {
        mn_api_broken(call, "conversations", err);
        return;
    }
    const struct mn_conversation_query query = {.user = call->user,
                                                .before = MN_CHAT_POS_TOP,
                                                .skip = (uint64_t)skip,
                                                .limit = skip < total ? (unsigned)size : 0};
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    if (!print_conversations(call, &out, "records", &query))
        return;
    mn_api_print_page_end(&out, total, size, no);
    mn_api_data_end(call);
}

/* ---- messages -------------------------------------------------------------- */

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
        err = mn_msglog_read(log, &range, mn_api_print_message, &out);
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
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
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
    if (!mn_api_page_params(call, &no, &size, &skip) || !need_peer(call, &peer))
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
                             mn_api_print_message, &out);
    mn_jout_close(&out, ']');
    mn_api_print_page_end(&out, view.last_seq, none ? 0 : size, none ? 1 : no);
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
    print_cursor(&out, "peerLastDeliveredMsgSeq", view.has_peer_delivered, view.peer_delivered);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}
