/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CONVERSATION_IMPL_H
#define MN_IM_CONVERSATION_IMPL_H

#include "im/conversation/conversation.h"
#include "store/log/msglog.h"

/* Private to im/conversation. */

/* What readers see of what the log keeps; texts point into `msg`. */
struct mn_message_view mn_message_view_of(const struct mn_msg *msg);
struct mn_conversation mn_conversation_of(const struct mn_chat_view *chat);
/* Whether `user` may ask for his chat with `peer`: as mn_conversation_with(). */
MN_MUSTCHECK enum mn_err mn_conversation_check_peer(int64_t user, int64_t peer,
                                                    const char **ret_reason);

#endif
