/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CONVERSATION_HISTORY_H
#define MN_IM_CONVERSATION_HISTORY_H

#include "im/conversation/conversation.h"

/*
 * What was said in a conversation, to one who is in it (H-7.4, H-7.7).
 * Threads and errors are those of conversation.h.
 */

/* Messages with after < msgSeq < before. */
struct mn_history_range {
    int64_t after, before; /* 0 and INT64_MAX: all */
    bool newest_first;
    unsigned limit;
};
/* With a peer; none is given when the two never had a chat.  Reasons of mn_conversation_with(). */
MN_MUSTCHECK enum mn_err mn_history_single(const struct mn_conversations *conversations,
                                           int64_t user, int64_t peer,
                                           const struct mn_history_range *range, mn_message_put put,
                                           void *arg, const char **ret_reason);
/*
 * The newest ones with a peer behind the first `skip`; *ret_total: how many
 * there are in all.  MN_ENOTFOUND: the two never had a chat.  Reasons of
 * mn_conversation_with().
 */
MN_MUSTCHECK enum mn_err mn_history_single_page(const struct mn_conversations *conversations,
                                                int64_t user, int64_t peer, int64_t skip,
                                                unsigned limit, mn_message_put put, void *arg,
                                                int64_t *ret_total, const char **ret_reason);
/* In a group, to a member.  "missing_group_id", "not_group_member". */
MN_MUSTCHECK enum mn_err mn_history_group(const struct mn_conversations *conversations,
                                          int64_t user, int64_t group,
                                          const struct mn_history_range *range, mn_message_put put,
                                          void *arg, const char **ret_reason);

#endif
