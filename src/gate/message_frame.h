/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_MESSAGE_FRAME_H
#define MN_GATE_MESSAGE_FRAME_H

#include "gate/reply.h"
#include "store/log/msglog.h"

/* The frame of a message to whom it is for, live or resent: the one place that composes it. */

struct mn_message_frame {
    struct mn_str msg_type; /* as the client wrote it, or as it is stored */
    int64_t to;             /* 0: absent, as in a live message to a group */
    bool important;         /* W-2.1.13 */
};

/* SINGLE_CHAT or GROUP_CHAT (W-3.5, W-3.6).  NULL when there is no memory.  Any thread. */
struct mn_chunk *mn_message_frame(const struct mn_msg *msg, const struct mn_message_frame *how);
/* GROUP_NOTIFY: that there is one (W-3.7). */
struct mn_chunk *mn_notify_frame(const struct mn_msg *msg, bool important);
/* A committed append, to be given to the two above; its texts are the operation's. */
struct mn_msg mn_message_of(const struct mn_op *op);

static inline enum mn_type mn_message_type(const struct mn_msg *msg)
{
    return msg->kind == MN_CHAT_GROUP ? MN_TYPE_GROUP_CHAT : MN_TYPE_SINGLE_CHAT;
}

#endif
