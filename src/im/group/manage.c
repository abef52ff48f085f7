/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What owner, admins and members do to members (H-7.5.6 to H-7.5.10).  Each
 * looks and writes in one transaction, so of two at once the second one sees
 * what the first one did.  Contracts are in groups.h.  Silent.
 */
#include "base/clock.h"
#include "im/group/impl.h"

static enum mn_err refuse(enum mn_err err, const char *reason, const char **ret_reason)
{
    *ret_reason = reason;
    return err;
}

/* ---- roles and bans: nobody comes or goes --------------------------------- */

/* What one of them is asked to do. */
struct change {
    int64_t user, group, target, now_ms;
    union {
        bool admin;
        int64_t seconds;
    };
    const char **reason;
    struct mn_log_todo *todo; /* where somebody goes */
};
typedef void (*change_fn)(struct mn_sql_tx *tx, const struct change *change);

/* Runs the change in a transaction; then the rosters know, and then the members. */
static enum mn_err carry_out(struct mn_groups *groups, struct change *change, change_fn fn,
                             const char *event)
{
    change->now_ms = mn_unix_ms();
    MN_SQL_TX(tx, groups->config.db);
    while (mn_sql_tx_run(&tx)) {
        *change->reason = NULL;
        fn(&tx, change);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    if (err)
        return err;
    mn_roster_changed(groups->config.rosters, change->group);
    mn_group_tell(groups, &(struct mn_group_event){.group = change->group,
                                                   .from = change->user,
                                                   .to = change->target,
                                                   .word = event});
    return MN_OK;
}

static void no(struct mn_sql_tx *tx, const struct change *change, enum mn_err err,
               const char *reason)
{
    mn_group_refuse(tx, err, reason, change->reason);
}

static void set_admin(struct mn_sql_tx *tx, const struct change *change)
{
    if (mn_tx_group_role(tx, change->group, change->user) != MN_ROLE_OWNER) {
        no(tx, change, MN_EPERM, "forbidden");
        return;
    }
    enum mn_role role = mn_tx_group_role(tx, change->group, change->target);
    if (role == MN_ROLE_NONE)
        no(tx, change, MN_EINVAL, "target_not_member");
    else if (role == MN_ROLE_OWNER)
        no(tx, change, MN_EINVAL, "cannot_change_owner_role");
    else
        mn_tx_group_set_role(tx, change->group, change->target,
                             change->admin ? MN_ROLE_ADMIN : MN_ROLE_MEMBER, change->now_ms);
}

enum mn_err mn_groups_set_admin(struct mn_groups *groups, int64_t user, int64_t group,
                                int64_t target, bool admin, const char **ret_reason)
{
    struct change change = {
        .user = user, .group = group, .target = target, .admin = admin, .reason = ret_reason};
    return carry_out(groups, &change, set_admin, admin ? "admin_set" : "admin_unset");
}

static bool is_duration(int64_t seconds)
{
    return seconds == 0 || seconds == -1 || seconds == 600 || seconds == 3600 || seconds == 86400;
}

static int64_t mute_until(int64_t seconds, int64_t now_ms)
{
    if (seconds == 0)
        return 0;
    return seconds < 0 ? MN_MUTED_FOREVER_MS : now_ms + seconds * 1000;
}

static void mute(struct mn_sql_tx *tx, const struct change *change)
{
    enum mn_role own = mn_tx_group_role(tx, change->group, change->user);
    if (own != MN_ROLE_OWNER && own != MN_ROLE_ADMIN) {
        no(tx, change, MN_EPERM, "forbidden");
        return;
    }
    enum mn_role role = mn_tx_group_role(tx, change->group, change->target);
    if (role == MN_ROLE_NONE)
        no(tx, change, MN_EINVAL, "target_not_member");
    else if (role == MN_ROLE_OWNER || (own == MN_ROLE_ADMIN && role != MN_ROLE_MEMBER))
        no(tx, change, MN_EPERM, "forbidden");
    else if (!is_duration(change->seconds))
        no(tx, change, MN_EINVAL, "bad_duration");
    else
        mn_tx_group_set_mute(tx, change->group, change->target,
                             mute_until(change->seconds, change->now_ms), change->now_ms);
}

enum mn_err mn_groups_mute(struct mn_groups *groups, int64_t user, int64_t group, int64_t target,
                           int64_t seconds, const char **ret_reason)
{
    struct change change = {
        .user = user, .group = group, .target = target, .seconds = seconds, .reason = ret_reason};
    if (user == target)
        return refuse(MN_EINVAL, "cannot_mute_self", ret_reason);
    return carry_out(groups, &change, mute, seconds ? "muted" : "unmuted");
}

static void transfer(struct mn_sql_tx *tx, const struct change *change)
{
    if (mn_tx_group_role(tx, change->group, change->user) != MN_ROLE_OWNER) {
        no(tx, change, MN_EPERM, "forbidden");
        return;
    }
    if (change->user == change->target) {
        no(tx, change, MN_EINVAL, "already_owner");
        return;
    }
    if (mn_tx_group_role(tx, change->group, change->target) == MN_ROLE_NONE) {
        no(tx, change, MN_EINVAL, "target_not_member");
        return;
    }
    /* In this order: there is never a second owner. */
    mn_tx_group_set_role(tx, change->group, change->user, MN_ROLE_MEMBER, change->now_ms);
    mn_tx_group_set_role(tx, change->group, change->target, MN_ROLE_OWNER, change->now_ms);
    mn_tx_group_set_mute(tx, change->group, change->target, 0, change->now_ms);
}

enum mn_err mn_groups_transfer(struct mn_groups *groups, int64_t user, int64_t group,
                               int64_t target, const char **ret_reason)
{
    struct change change = {.user = user, .group = group, .target = target, .reason = ret_reason};
    return carry_out(groups, &change, transfer, "owner_transferred");
}

/* ---- going ---------------------------------------------------------------- */

static void remove_member(struct mn_sql_tx *tx, const struct change *change, int64_t user)
{
    mn_tx_group_remove(tx, change->group, user);
    mn_log_todo_add(change->todo, tx, MN_TODO_LEAVE, change->group, user, change->now_ms);
}

static void kick(struct mn_sql_tx *tx, const struct change *change)
{
    enum mn_role own = mn_tx_group_role(tx, change->group, change->user);
    if (own == MN_ROLE_NONE) {
        no(tx, change, MN_EPERM, "forbidden");
        return;
    }
    enum mn_role role = mn_tx_group_role(tx, change->group, change->target);
    if (role == MN_ROLE_NONE)
        no(tx, change, MN_EINVAL, "target_not_member");
    else if ((own == MN_ROLE_OWNER && role != MN_ROLE_OWNER) ||
             (own == MN_ROLE_ADMIN && role == MN_ROLE_MEMBER))
        remove_member(tx, change, change->target);
    else
        no(tx, change, MN_EPERM, "forbidden");
}

enum mn_err mn_groups_kick(struct mn_groups *groups, int64_t user, int64_t group, int64_t target,
                           const char **ret_reason)
{
    struct change change = {.user = user,
                            .group = group,
                            .target = target,
                            .now_ms = mn_unix_ms(),
                            .reason = ret_reason,
                            .todo = groups->config.todo};
    if (user == target)
        return refuse(MN_EINVAL, "cannot_kick_self", ret_reason);
    mn_log_todo_lock(groups->config.todo, group);
    MN_SQL_TX(tx, groups->config.db);
    while (mn_sql_tx_run(&tx)) {
        *ret_reason = NULL;
        kick(&tx, &change);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    const struct mn_group_event event = {
        .group = group, .from = user, .to = target, .word = "member_kicked", .who_left = target};
    if (!err)
        err = mn_group_members_changed(groups, &event);
    mn_log_todo_unlock(groups->config.todo, group);
    if (!err)
        mn_group_tell(groups, &event);
    return err;
}

/* Sets *ret_ended: he was the last one, and the group is gone with him. */
static void leave(struct mn_sql_tx *tx, const struct change *change, bool *ret_ended)
{
    enum mn_role role = mn_tx_group_role(tx, change->group, change->user);
    *ret_ended = false;
    if (role == MN_ROLE_NONE) {
        no(tx, change, MN_EPERM, "not_member");
        return;
    }
    if (role == MN_ROLE_OWNER && mn_tx_group_members(tx, change->group) > 1) {
        no(tx, change, MN_EINVAL, "owner_must_transfer_before_leaving");
        return;
    }
    remove_member(tx, change, change->user);
    if (role != MN_ROLE_OWNER)
        return;
    *ret_ended = true;
    mn_tx_join_cancel_all(tx, change->group, change->now_ms);
    mn_tx_group_delete(tx, change->group);
}

enum mn_err mn_groups_leave(struct mn_groups *groups, int64_t user, int64_t group,
                            const char **ret_reason)
{
    struct change change = {.user = user,
                            .group = group,
                            .now_ms = mn_unix_ms(),
                            .reason = ret_reason,
                            .todo = groups->config.todo};
    bool ended = false;
    mn_log_todo_lock(groups->config.todo, group);
    MN_SQL_TX(tx, groups->config.db);
    while (mn_sql_tx_run(&tx)) {
        *ret_reason = NULL;
        leave(&tx, &change, &ended);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    const struct mn_group_event event = {.group = group,
                                         .from = user,
                                         .to = ended ? 0 : user,
                                         .word = ended ? "dissolved" : "member_left",
                                         .who_left = user};
    if (!err)
        err = mn_group_members_changed(groups, &event);
    mn_log_todo_unlock(groups->config.todo, group);
    if (!err)
        mn_group_tell(groups, &event);
    return err;
}
