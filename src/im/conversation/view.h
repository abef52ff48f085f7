/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CONVERSATION_VIEW_H
#define MN_IM_CONVERSATION_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * What readers see of conversations and messages, whatever the stores keep
 * of them.  Texts, and what is pointed to, live as long as the callback that
 * was given them.
 */

struct mn_message_view {
    int64_t id;
    int64_t chat, seq; /* of a group: its id; seq: msgSeq */
    bool is_group, is_revoked;
    int64_t from, to; /* to: 0 in a group */
    int64_t created_ms, updated_ms;
    int64_t reply_to; /* of a group: the message that it answers; 0: none */
    struct mn_str client_id;
    struct mn_str text; /* the placeholder of a revoked one (W-8.2) */
    /* private */
    struct mn_str mentions;
};
/* Users whom a message of a group mentions; i < that count. */
size_t mn_message_view_mentions(const struct mn_message_view *message);
int64_t mn_message_view_mention(const struct mn_message_view *message, size_t i);

/* How far somebody has come in a chat. */
struct mn_read_mark {
    bool is_set;
    int64_t seq; /* 0 while it never was */
};

struct mn_conversation {
    int64_t id;         /* the chat's; of a group: its own */
    int64_t peer;       /* 0: a group */
    struct mn_str name; /* of a group; absent: it has none */
    int64_t updated_ms;
    int64_t last_seq; /* 0: no message yet */
    int64_t unread;   /* messages of others behind `read` */
    int64_t mentions; /* of a group: those of them that are for this user in particular */
    struct mn_read_mark read, peer_read, peer_delivered;
    const struct mn_message_view *last; /* the newest message; NULL: not asked, or none */
};

/* Return false to stop. */
typedef bool (*mn_message_put)(void *arg, const struct mn_message_view *message);
typedef bool (*mn_conversation_put)(void *arg, const struct mn_conversation *conversation);

#endif
