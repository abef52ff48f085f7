/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_DND_H
#define MN_IM_DND_H

#include "base/id.h"
#include "im/log_todo.h"
#include "store/sql/dnd.h"

/*
 * Do not disturb (H-7.8): what a client is not to ring for; messages arrive
 * as ever.  Blocks on the stores: workers only.
 */
struct mn_dnd {
    struct mn_db *db; /* all of these outlive it */
    struct mn_msglog *msglog;
    struct mn_log_todo *todo;
    struct mn_idgen *ids;
};

/*
 * Sets it for the chat with a peer, which is made if there is none.
 * MN_ENOTFOUND: there is neither a chat with such a user nor the user.
 */
MN_MUSTCHECK enum mn_err mn_dnd_set_peer(const struct mn_dnd *dnd, int64_t user, int64_t peer,
                                         bool is_muted);
/* MN_EPERM: not a member. */
MN_MUSTCHECK enum mn_err mn_dnd_set_group(const struct mn_dnd *dnd, int64_t user, int64_t group,
                                          bool is_muted);

#define MN_DND_MAX 10000 /* of each kind, in a list */
/* Peers, or those groups of which the user is a member since before he set it. */
typedef void (*mn_dnd_give)(void *arg, int64_t target);
MN_MUSTCHECK enum mn_err mn_dnd_list(const struct mn_dnd *dnd, int64_t user, enum mn_dnd_kind kind,
                                     mn_dnd_give give, void *arg);

#endif
