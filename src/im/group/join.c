/* SPDX-License-Identifier: Apache-2.0 */
/* Asking to be let in, and deciding it (H-7.6).  Contracts are in groups.h.  Silent. */
#include "base/clock.h"
#include "base/num.h"
#include "base/utf8.h"
#include "im/group/code_key.h"
#include "im/group/impl.h"

static enum mn_err refuse(enum mn_err err, const char *reason, const char **ret_reason)
{
    *ret_reason = reason;
    return err;
}

static struct mn_str id_text(char text[20], int64_t id)
{
    return mn_str_make(text, mn_print_u64(text, (uint64_t)id));
}

/* ---- asking --------------------------------------------------------------- */

/* Sets request->id to that of the open one, if there is one; *ret_new: stored. */
static void ask(struct mn_sql_tx *tx, struct mn_str code, struct mn_join_request *request,
                bool *ret_new, const char **ret_reason)
{
    struct mn_group group;
    *ret_new = false;
    if (!mn_tx_group_by_code(tx, code, &group)) {
        mn_group_refuse(tx, MN_EINVAL, "group_not_found", ret_reason);
        return;
    }
    if (mn_tx_group_role(tx, group.id, request->from) != MN_ROLE_NONE) {
        mn_group_refuse(tx, MN_EINVAL, "already_member", ret_reason);
        return;
    }
    request->group = group.id;
    int64_t open = mn_tx_join_open(tx, group.id, request->from);
    if (open) {
        request->id = open;
        return;
    }
    *ret_new = true;
    mn_tx_join_create(tx, request);
}

/* To owner and admins. */
static void tell_heads(struct mn_groups *groups, const struct mn_join_request *request)
{
    char id[20];
    mn_group_tell_heads(groups, request->group,
                        &(struct mn_envelope){
                            .type = MN_TYPE_GROUP_JOIN_REQUEST,
                            .has = MN_HAS_FROM | MN_HAS_GROUP_ID,
                            .server_msg_id = id_text(id, request->id),
                            .from = request->from,
                            .group_id = request->group,
                            .body = request->has_message ? mn_str_c(request->message) : MN_STR_NONE,
                        });
}

static enum mn_err store_request(struct mn_groups *groups, struct mn_str code,
                                 struct mn_join_request *request, const char **ret_reason)
{
    const int64_t id = request->id;
    bool is_new = false;
    MN_SQL_TX(tx, groups->config.db);
    while (mn_sql_tx_run(&tx)) {
        *ret_reason = NULL;
        request->id = id;
        ask(&tx, code, request, &is_new, ret_reason);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    if (!err && is_new)
        tell_heads(groups, request);
    return err;
}

enum mn_err mn_groups_ask(struct mn_groups *groups, int64_t user, struct mn_str code,
                          struct mn_str message, int64_t *ret_request, const char **ret_reason)
{
    char key[MN_GROUP_CODE_BYTES];
    *ret_reason = mn_group_code_key(code, key);
    if (*ret_reason)
        return MN_EINVAL;
    if (mn_utf8_utf16_len(message) > MN_JOIN_MESSAGE_MAX)
        return refuse(MN_EINVAL, "message_too_long", ret_reason);
    struct mn_join_request request = {.id = mn_idgen_next(groups->config.ids),
                                      .from = user,
                                      .status = MN_JOIN_PENDING,
                                      .has_message = message.p != NULL,
                                      .created_ms = mn_unix_ms()};
    if (request.id <= 0)
        return MN_EBUSY;
    request.updated_ms = request.created_ms;
    if (message.n > 0)
        memcpy(request.message, message.p, message.n);
    enum mn_err err = store_request(groups, mn_str_c(key), &request, ret_reason);
    if (!err)
        *ret_request = request.id;
    return err;
}

/* ---- deciding ------------------------------------------------------------- */

enum mn_err mn_groups_requests(struct mn_groups *groups, int64_t user,
                               const struct mn_join_query *query,
                               bool (*put)(void *arg, const struct mn_join_request *request),
                               void *arg, const char **ret_reason)
{
    struct mn_roster *roster = NULL;
    enum mn_err err = mn_roster_load(groups->config.rosters, query->group, &roster);
    if (err)
        return err;
    const struct mn_roster_member *member = mn_roster_member(roster, user);
    bool may = member && (member->role == MN_ROLE_OWNER || member->role == MN_ROLE_ADMIN);
    mn_roster_unref(roster);
    if (!may)
        return refuse(MN_EPERM, "forbidden", ret_reason);
    return mn_db_join_requests(groups->config.db, query, put, arg);
}

struct decision {
    int64_t user, request, now_ms;
    bool accept;
    const char **reason;
};

/* Sets *ret_joined: he was no member before. */
static void decide(struct mn_groups *groups, struct mn_sql_tx *tx, const struct decision *decision,
                   struct mn_join_request *request, bool *ret_joined)
{
    *ret_joined = false;
    if (!mn_tx_join_request(tx, decision->request, request)) {
        mn_group_refuse(tx, MN_ENOTFOUND, "not_found", decision->reason);
        return;
    }
    enum mn_role role = mn_tx_group_role(tx, request->group, decision->user);
    if (role != MN_ROLE_OWNER && role != MN_ROLE_ADMIN) {
        mn_group_refuse(tx, MN_EPERM, "forbidden", decision->reason);
        return;
    }
    if (request->status != MN_JOIN_PENDING) {
        mn_group_refuse(tx, MN_EINVAL, "not_pending", decision->reason);
        return;
    }
    *ret_joined = decision->accept &&
                  mn_tx_group_role(tx, request->group, request->from) == MN_ROLE_NONE;
    if (*ret_joined && mn_tx_group_members(tx, request->group) >= groups->config.max_members) {
        mn_group_refuse(tx, MN_EINVAL, "group_full", decision->reason);
        return;
    }
    request->status = decision->accept ? MN_JOIN_ACCEPTED : MN_JOIN_REJECTED;
    request->handled_by = decision->user;
    request->handled_ms = request->updated_ms = decision->now_ms;
    mn_tx_join_decide(tx, request);
    if (!*ret_joined)
        return;
    mn_tx_group_add(tx, request->group, request->from, MN_ROLE_MEMBER, decision->now_ms);
    mn_log_todo_add(groups->config.todo, tx, MN_TODO_JOIN, request->group, request->from,
                    decision->now_ms);
}

enum mn_err mn_groups_decide(struct mn_groups *groups, int64_t user, int64_t request, bool accept,
                             struct mn_join_request *ret, const char **ret_reason)
{
    struct decision decision = {.user = user,
                                .request = request,
                                .now_ms = mn_unix_ms(),
                                .accept = accept,
                                .reason = ret_reason};
    bool joined = false;
    enum mn_err err = mn_db_join_request(groups->config.db, request, ret);
    if (err == MN_ENOTFOUND)
        return refuse(err, "not_found", ret_reason);
    if (err)
        return err;
    int64_t group = ret->group; /* which never changes */
    mn_log_todo_lock(groups->config.todo, group);
    MN_SQL_TX(tx, groups->config.db);
    while (mn_sql_tx_run(&tx)) {
        *ret_reason = NULL;
        decide(groups, &tx, &decision, ret, &joined);
    }
    err = mn_sql_tx_end(&tx);
    const struct mn_group_event event = {
        .group = group, .from = user, .to = ret->from, .word = "member_joined", .request = request};
    if (!err && joined)
        err = mn_group_members_changed(groups, &event);
    mn_log_todo_unlock(groups->config.todo, group);
    if (err)
        return err;
    if (joined)
        mn_group_tell(groups, &event);
    else
        mn_group_tell_decision(groups, group, request, user, ret->from, accept);
    return MN_OK;
}
