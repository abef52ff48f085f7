/* SPDX-License-Identifier: Apache-2.0 */
/* GET /single-chat/...: conversations, messages, read cursors (H-7.4). */
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"
#include "api/input.h"
#include "im/conversation/history.h"

/* A read cursor that was never set is null. */
static void print_mark(struct mn_jout *out, const char *key, struct mn_read_mark mark)
{
    if (mark.is_set)
        mn_jout_num(out, key, mark.seq);
    else
        mn_jout_null(out, key);
}

/* ---- conversations -------------------------------------------------------- */

static bool print_conversation(void *arg, const struct mn_conversation *conversation)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "singleChatId", conversation->id);
    mn_jout_id(out, "peerUserId", conversation->peer);
    mn_jout_date(out, "updatedAt", conversation->updated_ms);
    mn_jout_num(out, "unreadCount", conversation->unread);
    print_mark(out, "myLastReadMsgSeq", conversation->read);
    print_mark(out, "peerLastReadMsgSeq", conversation->peer_read);
    mn_api_print_last_message(out, conversation->last);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

void mn_api_conversation_cursor(struct mn_api_call *call)
{
    mn_api_conversations(call, mn_conversations_single, print_conversation, "conversations");
}

void mn_api_conversation_list(struct mn_api_call *call)
{
    int64_t no = 0, size = 0, skip = 0, total = 0;
    if (!mn_api_page_params(call, &no, &size, &skip))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_open(&out, "records", '[');
    enum mn_err err = mn_conversations_page(call->api->config.conversations, call->user, skip,
                                            (unsigned)size, print_conversation, &out, &total);
    mn_jout_close(&out, ']');
    mn_api_print_page_end(&out, total, size, no);
    if (err)
        mn_api_broken(call, "conversations", err);
    else
        mn_api_data_end(call);
}

/* ---- messages -------------------------------------------------------------- */

/* An empty array when the two never had a chat. */
static const struct mn_api_history history = {"peerUserId", mn_history_single, "messages"};

void mn_api_message_cursor(struct mn_api_call *call) { mn_api_messages_before(call, &history); }

void mn_api_message_since(struct mn_api_call *call) { mn_api_messages_since(call, &history); }

void mn_api_message_list(struct mn_api_call *call)
{
    int64_t no = 0, size = 0, skip = 0, peer = 0, total = 0;
    const char *reason = NULL;
    if (!mn_api_page_params(call, &no, &size, &skip) || !mn_query_need(call, "peerUserId", &peer))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_open(&out, "records", '[');
    enum mn_err err = mn_history_single_page(call->api->config.conversations, call->user, peer,
                                             skip, (unsigned)size, mn_api_print_message, &out,
                                             &total, &reason);
    bool none = err == MN_ENOTFOUND;
    mn_jout_close(&out, ']');
    mn_api_print_page_end(&out, total, none ? 0 : size, none ? 1 : no);
    if (err && !none)
        mn_api_refused(call, "messages", err, reason);
    else
        mn_api_data_end(call);
}

void mn_api_member_state(struct mn_api_call *call)
{
    int64_t peer = 0;
    const char *reason = NULL;
    struct mn_conversation conversation = {0};
    if (!mn_query_need(call, "peerUserId", &peer))
        return;
    enum mn_err err = mn_conversation_with(call->api->config.conversations, call->user, peer,
                                           &conversation, &reason);
    if (err && err != MN_ENOTFOUND) {
        mn_api_refused(call, "member_state", err, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    if (err == MN_OK)
        mn_jout_id(&out, "singleChatId", conversation.id);
    else
        mn_jout_null(&out, "singleChatId");
    mn_jout_id(&out, "peerUserId", peer);
    print_mark(&out, "myLastReadMsgSeq", conversation.read);
    print_mark(&out, "peerLastReadMsgSeq", conversation.peer_read);
    print_mark(&out, "peerLastDeliveredMsgSeq", conversation.peer_delivered);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}
