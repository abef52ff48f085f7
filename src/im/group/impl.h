/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_GROUP_IMPL_H
#define MN_IM_GROUP_IMPL_H

#include "im/group/groups.h"
#include "im/log_todo.h"
#include "store/sql/sql.h"

/* What the files of groups share. */

struct mn_groups {
    struct mn_groups_config config;
};

/* Ends the transaction's body with a refusal, unless the store has failed already. */
static inline void mn_group_refuse(struct mn_sql_tx *tx, enum mn_err err, const char *reason,
                                   const char **ret_reason)
{
    if (mn_sql_tx_is_good(tx))
        *ret_reason = reason;
    mn_sql_tx_note(tx, err);
}

/*
 * After the commit of a JOIN or LEAVE, under the group's lock: the rosters
 * learn it first, so that whatever is appended behind the JOIN is pushed to
 * the new member; then the message log.
 */
MN_MUSTCHECK static inline enum mn_err mn_group_members_changed(struct mn_groups *groups,
                                                                int64_t group)
{
    mn_roster_changed(groups->config.rosters, group);
    return mn_log_todo_do(groups->config.todo, group);
}

/* ---- event.c: after the commit ---- */

/* GROUP_EVENT to all members and to `who_left` (0: nobody); `to` 0: it concerns all. */
void mn_group_tell(struct mn_groups *groups, int64_t group, int64_t from, int64_t to,
                   const char *event, int64_t who_left);
/* The frame to its owner and admins. */
void mn_group_tell_heads(struct mn_groups *groups, int64_t group, const struct mn_envelope *env);

#endif
