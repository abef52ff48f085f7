/* SPDX-License-Identifier: Apache-2.0 */
/* From what the message log keeps to what readers see: see view.h. */
#include "im/conversation/view.h"

#include "im/conversation/impl.h"
#include "im/message.h"

size_t mn_message_view_mentions(const struct mn_message_view *message)
{
    return mn_uids_count(message->mentions);
}

int64_t mn_message_view_mention(const struct mn_message_view *message, size_t i)
{
    return mn_uids_get(message->mentions, i);
}

struct mn_message_view mn_message_view_of(const struct mn_msg *msg)
{
    return (struct mn_message_view){
        .id = msg->id,
        .chat = msg->at.chat,
        .seq = msg->at.seq,
        .is_group = msg->kind == MN_CHAT_GROUP,
        .is_revoked = msg->status == MN_MSG_REVOKED,
        .from = msg->from,
        .to = msg->to,
        .created_ms = msg->created_ms,
        .updated_ms = msg->updated_ms,
        .reply_to = msg->reply_to,
        .client_id = msg->client_id,
        .text = mn_message_text(msg),
        .mentions = msg->mentions,
    };
}

struct mn_conversation mn_conversation_of(const struct mn_chat_view *chat)
{
    return (struct mn_conversation){
        .id = chat->chat,
        .peer = chat->peer,
        .updated_ms = chat->updated_ms,
        .last_seq = chat->last_seq,
        .unread = chat->unread,
        .mentions = chat->mentions,
        .read = {chat->has_read, chat->read},
        .peer_read = {chat->has_peer_read, chat->peer_read},
        .peer_delivered = {chat->has_peer_delivered, chat->peer_delivered},
    };
}
