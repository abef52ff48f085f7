/* SPDX-License-Identifier: Apache-2.0 */
/* GET /group/conversation/cursor, /group/message/...: conversations and messages of groups (H-7.7). */
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"

/* ---- conversations -------------------------------------------------------- */

static bool print_conversation(void *arg, const struct mn_conversation *conversation)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "groupId", conversation->id);
    mn_jout_str(out, "name", conversation->name);
    mn_jout_date(out, "updatedAt", conversation->updated_ms);
    mn_jout_num(out, "unreadCount", conversation->unread);
    mn_jout_num(out, "mentionUnreadCount", conversation->mentions);
    mn_api_print_last_message(out, conversation->last);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

void mn_api_group_conversation_cursor(struct mn_api_call *call)
{
    mn_api_conversations(call, mn_conversations_group, print_conversation, "group_conversations");
}

/* ---- messages -------------------------------------------------------------- */

static const struct mn_api_history history = {"groupId", mn_history_group, "group_messages"};

void mn_api_group_message_cursor(struct mn_api_call *call)
{
    mn_api_messages_before(call, &history);
}

void mn_api_group_message_since(struct mn_api_call *call) { mn_api_messages_since(call, &history); }
