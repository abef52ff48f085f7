/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_GROUP_GROUPS_H
#define MN_IM_GROUP_GROUPS_H

#include "base/id.h"
#include "im/group/roster.h"
#include "im/log_todo.h"
#include "im/sink.h"
#include "store/sql/db.h"
#include "store/sql/group.h"
#include "store/sql/group_join.h"

/*
 * Groups: who may do what (H-7.5, H-7.6), and who is told of it (W-3.11).
 * What is written is one transaction of the relational store; who is in a
 * group is known to the message log as well, and to the rosters
 * (docs/decisions/0029-groups.md).
 *
 * Refusals are MN_EINVAL, MN_EPERM, MN_ENOTFOUND or MN_ELIMIT (too early)
 * with *ret_reason set to the stable text for the client, and then nothing
 * has changed.  Other errors are the stores'; *ret_reason is then untouched.
 *
 * All functions that take a `struct mn_groups *` block: workers only, any
 * number of them at once.  Frames are sent after the commit, before they
 * return.
 */
struct mn_groups;

struct mn_groups_config {
    struct mn_db *db; /* all of these outlive the groups */
    struct mn_log_todo *todo;
    struct mn_rosters *rosters;
    struct mn_idgen *ids;
    struct mn_sink sink;
    unsigned code_len;             /* of a new code, clamped to 6..16 */
    int64_t code_reset_cooldown_s; /* <= 0: a day */
    uint32_t max_members;          /* of a group */
};

/* Raises the id generator above all stored groups and requests; blocks on one SELECT. */
struct mn_groups *mn_groups_new(const struct mn_groups_config *config);
/* NULL is a no-op. */
void mn_groups_free(struct mn_groups *groups);

/* ---- groups --------------------------------------------------------------- */

/* "missing_group_name", "group_name_too_long"; *ret is the name without blanks around it. Any thread. */
MN_MUSTCHECK enum mn_err mn_group_name(struct mn_str name, struct mn_str *ret,
                                       const char **ret_reason);
/* A group of that (checked) name, owned by the user, its only member. */
MN_MUSTCHECK enum mn_err mn_groups_create(struct mn_groups *groups, int64_t user,
                                          struct mn_str name, int64_t *ret_group);

struct mn_group_profile {
    struct mn_group group;
    int64_t members;
    enum mn_role role; /* the asking user's */
};
/* "not_found".  A missing code is made. */
MN_MUSTCHECK enum mn_err mn_groups_profile(struct mn_groups *groups, int64_t user, int64_t group,
                                           struct mn_group_profile *ret, const char **ret_reason);
/* "missing_group_code", "bad_group_code", "not_found". */
MN_MUSTCHECK enum mn_err mn_groups_profile_by_code(struct mn_groups *groups, int64_t user,
                                                   struct mn_str code, struct mn_group_profile *ret,
                                                   const char **ret_reason);
#define MN_GROUPS_OF_MAX 100
/* Those of `ids` (at most that many) that the user is a member of, by id. */
MN_MUSTCHECK enum mn_err mn_groups_of(struct mn_groups *groups, int64_t user, const int64_t *ids,
                                      size_t n,
                                      void (*put)(void *arg, const struct mn_group *group),
                                      void *arg);
/* All members, to a member: "forbidden". */
MN_MUSTCHECK enum mn_err mn_groups_members(struct mn_groups *groups, int64_t user, int64_t group,
                                           bool (*put)(void *arg, const struct mn_group_row *row),
                                           void *arg, const char **ret_reason);
/* A new code.  "forbidden", "cooldown_not_reached" (MN_ELIMIT: ret is as it is), "not_found". */
MN_MUSTCHECK enum mn_err mn_groups_reset_code(struct mn_groups *groups, int64_t user, int64_t group,
                                              struct mn_group *ret, const char **ret_reason);
/* Unix milliseconds from which the code may be reset; 0 when there never was one. */
int64_t mn_groups_next_reset_ms(const struct mn_groups *groups, const struct mn_group *group);

/* ---- members: what `user` does to `target` -------------------------------- */

/* "cannot_kick_self", "forbidden", "target_not_member". */
MN_MUSTCHECK enum mn_err mn_groups_kick(struct mn_groups *groups, int64_t user, int64_t group,
                                        int64_t target, const char **ret_reason);
/* "forbidden", "target_not_member", "cannot_change_owner_role". */
MN_MUSTCHECK enum mn_err mn_groups_set_admin(struct mn_groups *groups, int64_t user, int64_t group,
                                             int64_t target, bool admin, const char **ret_reason);
/*
 * Speaking ban: 600, 3,600 or 86,400 seconds, -1 for ever, 0 lifts it.
 * "cannot_mute_self", "forbidden", "target_not_member", "bad_duration".
 */
MN_MUSTCHECK enum mn_err mn_groups_mute(struct mn_groups *groups, int64_t user, int64_t group,
                                        int64_t target, int64_t seconds, const char **ret_reason);
/* "forbidden", "already_owner", "target_not_member". */
MN_MUSTCHECK enum mn_err mn_groups_transfer(struct mn_groups *groups, int64_t user, int64_t group,
                                            int64_t target, const char **ret_reason);
/* The group ends with its last member.  "not_member", "owner_must_transfer_before_leaving". */
MN_MUSTCHECK enum mn_err mn_groups_leave(struct mn_groups *groups, int64_t user, int64_t group,
                                         const char **ret_reason);

/* ---- joining ---------------------------------------------------------------- */

/*
 * *ret_request: the new request's id, or the user's open one's.
 * "missing_group_code", "bad_group_code", "message_too_long",
 * "group_not_found", "already_member".
 */
MN_MUSTCHECK enum mn_err mn_groups_ask(struct mn_groups *groups, int64_t user, struct mn_str code,
                                       struct mn_str message, int64_t *ret_request,
                                       const char **ret_reason);
/* Requests to owner and admins: "forbidden". */
MN_MUSTCHECK enum mn_err mn_groups_requests(struct mn_groups *groups, int64_t user,
                                            const struct mn_join_query *query,
                                            bool (*put)(void *arg,
                                                        const struct mn_join_request *request),
                                            void *arg, const char **ret_reason);
/* Gives the request as it is then.  "not_found", "forbidden", "not_pending", "group_full". */
MN_MUSTCHECK enum mn_err mn_groups_decide(struct mn_groups *groups, int64_t user, int64_t request,
                                          bool accept, struct mn_join_request *ret,
                                          const char **ret_reason);

#endif
