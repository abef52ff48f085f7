/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CONVERSATION_CONVERSATION_H
#define MN_IM_CONVERSATION_CONVERSATION_H

#include "base/clock.h"
#include "base/err.h"
#include "im/conversation/view.h"

/*
 * A user's conversations, newest first, with what is unread and the last
 * message of each (H-7.4, H-7.7); what was said in one is history.h.
 *
 * All calls read the stores and block: workers only, any number at once.
 * Refusals are MN_EINVAL or MN_EPERM with *ret_reason set to the stable text
 * for the client; other errors are the stores', and leave it untouched.
 */
struct mn_conversations {
    struct mn_msglog *msglog; /* both outlive it */
    struct mn_db *db;         /* names of groups */
};

#define MN_CONVERSATIONS_MAX 100 /* of a page; more are not given */

/* The last row that a client has, by what it was shown of it. */
struct mn_conversation_row {
    struct mn_date updated;
    int64_t id;
};
/* Those of two, behind that row; `after` NULL: from the newest on. */
MN_MUSTCHECK enum mn_err mn_conversations_single(const struct mn_conversations *conversations,
                                                 int64_t user,
                                                 const struct mn_conversation_row *after,
                                                 unsigned limit, mn_conversation_put put,
                                                 void *arg);
/* The same of groups: each store is asked once for the page. */
MN_MUSTCHECK enum mn_err mn_conversations_group(const struct mn_conversations *conversations,
                                                int64_t user,
                                                const struct mn_conversation_row *after,
                                                unsigned limit, mn_conversation_put put, void *arg);
/* Those of two behind the first `skip`; *ret_total: how many he has in all. */
MN_MUSTCHECK enum mn_err mn_conversations_page(const struct mn_conversations *conversations,
                                               int64_t user, int64_t skip, unsigned limit,
                                               mn_conversation_put put, void *arg,
                                               int64_t *ret_total);

/*
 * The one with a peer, without its last message.  MN_ENOTFOUND: they never
 * had one.  "missing_peer_user_id", "cannot_query_self_chat".
 */
MN_MUSTCHECK enum mn_err mn_conversation_with(const struct mn_conversations *conversations,
                                              int64_t user, int64_t peer,
                                              struct mn_conversation *ret, const char **ret_reason);

#endif
