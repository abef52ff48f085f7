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

/* ---- event.c: after the commit ---- */

/* What members are told of. */
struct mn_group_event {
    int64_t group, from;
    int64_t to;       /* 0: it concerns all */
    const char *word; /* the frame's body; stays */
    int64_t who_left; /* is told too; 0: nobody has */
    int64_t request;  /* that was accepted, which `to` is told first; 0: none */
};

/*
 * After the commit of a JOIN or LEAVE, under the group's lock: the rosters
 * learn it first, so that whatever is appended behind the JOIN is pushed to
 * the new member; then the message log.  When that fails the change stands
 * all the same, and the event is told when the log has done it.
 */
MN_MUSTCHECK enum mn_err mn_group_members_changed(struct mn_groups *groups,
                                                  const struct mn_group_event *event);
/* GROUP_JOIN_DECISION to who asked. */
void mn_group_tell_decision(struct mn_groups *groups, int64_t group, int64_t request, int64_t from,
                            int64_t to, bool accepted);
/* GROUP_EVENT to all members and to who has left; the decision before it. No `word`: nothing. */
void mn_group_tell(struct mn_groups *groups, const struct mn_group_event *event);
/* The frame to its owner and admins. */
void mn_group_tell_heads(struct mn_groups *groups, int64_t group, const struct mn_envelope *env);

#endif
