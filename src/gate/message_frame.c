/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/message_frame.h"

#include "im/message.h"

/* ["1","2"] of as many users as a row can have. */
#define MENTIONS_TEXT_MAX ((size_t)2 * 1024 * 1024)

static struct mn_str mentions_text(struct mn_buf *buf, struct mn_str uids)
{
    size_t n = mn_uids_count(uids);
    if (n == 0)
        return MN_STR_NONE;
    for (size_t i = 0; i < n; i++) {
        mn_buf_add_z(buf, i == 0 ? "[\"" : "\",\"");
        mn_buf_add_i64(buf, mn_uids_get(uids, i));
    }
    mn_buf_add_z(buf, "\"]");
    return mn_buf_str(buf);
}

struct mn_chunk *mn_message_frame(const struct mn_msg *msg, const struct mn_message_frame *how)
{
    bool group = msg->kind == MN_CHAT_GROUP;
    char id[24], reply[24];
    struct mn_buf mentions;
    mn_buf_init(&mentions, MENTIONS_TEXT_MAX);
    const struct mn_envelope env = {
        .type = mn_message_type(msg),
        .has = MN_HAS_MSG_SEQ | MN_HAS_FROM | MN_HAS_TS | (how->to ? MN_HAS_TO : 0) |
               (group ? MN_HAS_GROUP_ID : 0) | (how->important ? MN_HAS_IMPORTANT : 0),
        .client_msg_id = msg->client_id,
        .server_msg_id = mn_id_text(id, msg->id),
        .msg_seq = msg->at.seq,
        .from = msg->from,
        .to = how->to,
        .group_id = group ? msg->at.chat : 0,
        .msg_type = how->msg_type,
        .body = mn_message_text(msg),
        .mentions = mentions_text(&mentions, msg->mentions),
        .reply_to = mn_id_text(reply, msg->reply_to),
        .important = how->important,
        .ts = msg->created_ms,
    };
    struct mn_chunk *frame = mentions.failed ? NULL : mn_frame_of(&env);
    mn_buf_deinit(&mentions);
    return frame;
}

struct mn_chunk *mn_notify_frame(const struct mn_msg *msg, bool important)
{
    char id[24];
    return mn_frame_of(&(struct mn_envelope){
        .type = MN_TYPE_GROUP_NOTIFY,
        .has = MN_HAS_MSG_SEQ | MN_HAS_FROM | MN_HAS_GROUP_ID | MN_HAS_TS |
               (important ? MN_HAS_IMPORTANT : 0),
        .server_msg_id = mn_id_text(id, msg->id),
        .msg_seq = msg->at.seq,
        .from = msg->from,
        .group_id = msg->at.chat,
        .important = important,
        .ts = msg->created_ms,
    });
}

struct mn_msg mn_message_of(const struct mn_op *op)
{
    return (struct mn_msg){.id = op->id,
                           .at = op->at,
                           .kind = op->key.kind,
                           .from = op->from,
                           .to = op->to,
                           .created_ms = op->unix_ms,
                           .updated_ms = op->unix_ms,
                           .status = MN_MSG_SAVED,
                           .reply_to = op->reply_to,
                           .reply_author = op->reply_author,
                           .client_id = mn_op_client_id(op),
                           .body = mn_op_body(op),
                           .mentions = mn_op_mentions(op)};
}
