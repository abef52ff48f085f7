/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as a whole: made, looked at, their codes (H-7.5).  Contracts are in groups.h.  Silent. */
#include "im/group/groups.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "im/account/code.h"
#include "im/group/code_key.h"
#include "im/group/impl.h"
#include "im/text/visible.h"

struct mn_groups *mn_groups_new(const struct mn_groups_config *config)
{
    struct mn_groups *groups = mn_new(struct mn_groups);
    groups->config = *config;
    groups->config.code_len = mn_code_len(config->code_len);
    /* The clock may have stepped back since the last run. */
    int64_t most = 0;
    if (mn_db_max_group_id(config->db, &most) == MN_OK)
        mn_idgen_raise(config->ids, most);
    return groups;
}

void mn_groups_free(struct mn_groups *groups) { mn_free(groups); }

static enum mn_err refuse(enum mn_err err, const char *reason, const char **ret_reason)
{
    *ret_reason = reason;
    return err;
}

/* ---- making one ----------------------------------------------------------- */

enum mn_err mn_group_name(struct mn_str name, struct mn_str *ret, const char **ret_reason)
{
    struct mn_str trimmed = mn_str_trim(name);
    if (!mn_text_is_visible(trimmed))
        return refuse(MN_EINVAL, "missing_group_name", ret_reason);
    if (mn_utf8_utf16_len(trimmed) > MN_GROUP_NAME_MAX)
        return refuse(MN_EINVAL, "group_name_too_long", ret_reason);
    *ret = trimmed;
    return MN_OK;
}

static enum mn_err create(struct mn_groups *groups, struct mn_group *group)
{
    mn_code_make(group->code, groups->config.code_len);
    MN_SQL_TX(tx, groups->config.db);
    while (mn_sql_tx_run(&tx)) {
        mn_tx_group_create(&tx, group);
        mn_tx_group_add(&tx, group->id, group->created_by, MN_ROLE_OWNER, group->created_ms);
        mn_log_todo_add(groups->config.todo, &tx, MN_TODO_JOIN, group->id, group->created_by,
                        group->created_ms);
    }
    return mn_sql_tx_end(&tx);
}

enum mn_err mn_groups_create(struct mn_groups *groups, int64_t user, struct mn_str name,
                             int64_t *ret_group)
{
    struct mn_group group = {
        .id = mn_idgen_next(groups->config.ids), .created_by = user, .created_ms = mn_unix_ms()};
    if (group.id <= 0)
        return MN_EBUSY;
    MN_BUG_ON(name.n >= sizeof(group.name));
    memcpy(group.name, name.p, name.n);
    group.updated_ms = group.code_updated_ms = group.created_ms;
    mn_log_todo_lock(groups->config.todo, group.id);
    enum mn_err err = MN_EEXIST;
    for (unsigned i = 0; i < MN_CODE_TRIES && err == MN_EEXIST; i++)
        err = create(groups, &group);
    if (!err)
        err = mn_group_members_changed(groups, &(struct mn_group_event){.group = group.id});
    mn_log_todo_unlock(groups->config.todo, group.id);
    if (!err)
        *ret_group = group.id;
    return err == MN_EEXIST ? MN_ELIMIT : err;
}

/* ---- codes ---------------------------------------------------------------- */

int64_t mn_groups_next_reset_ms(const struct mn_groups *groups, const struct mn_group *group)
{
    return mn_code_next_reset_ms(group->code_updated_ms, groups->config.code_reset_cooldown_s);
}

/* A code for a group that has none: of two at once, both give what is stored then. */
static enum mn_err make_code(struct mn_groups *groups, struct mn_group *group)
{
    enum mn_err err = MN_EEXIST;
    for (unsigned i = 0; i < MN_CODE_TRIES && err == MN_EEXIST; i++) {
        char code[MN_CODE_MAX + 1];
        int64_t now_ms = mn_unix_ms(), id = group->id;
        mn_code_make(code, groups->config.code_len);
        MN_SQL_TX(tx, groups->config.db);
        while (mn_sql_tx_run(&tx))
            if (mn_tx_group(&tx, id, group) && group->code[0] == '\0')
                mn_tx_group_set_code(&tx, id, code, now_ms);
        err = mn_sql_tx_end(&tx);
        if (!err && group->code[0] == '\0') {
            memcpy(group->code, code, sizeof(code));
            group->code_updated_ms = group->updated_ms = now_ms;
        }
    }
    return err == MN_EEXIST ? MN_ELIMIT : err;
}

static void reset_code(struct mn_groups *groups, struct mn_sql_tx *tx, int64_t user, int64_t id,
                       struct mn_group *group, const char *code, int64_t now_ms,
                       const char **ret_reason)
{
    enum mn_role role = mn_tx_group_role(tx, id, user);
    if (role != MN_ROLE_OWNER && role != MN_ROLE_ADMIN)
        mn_group_refuse(tx, MN_EPERM, "forbidden", ret_reason);
    else if (!mn_tx_group(tx, id, group))
        mn_group_refuse(tx, MN_ENOTFOUND, "not_found", ret_reason);
    else if (now_ms < mn_groups_next_reset_ms(groups, group))
        mn_group_refuse(tx, MN_ELIMIT, "cooldown_not_reached", ret_reason);
    else
        mn_tx_group_set_code(tx, id, code, now_ms);
}

enum mn_err mn_groups_reset_code(struct mn_groups *groups, int64_t user, int64_t id,
                                 struct mn_group *ret, const char **ret_reason)
{
    char code[MN_CODE_MAX + 1];
    int64_t now_ms = mn_unix_ms();
    enum mn_err err = MN_EEXIST;
    for (unsigned i = 0; i < MN_CODE_TRIES && err == MN_EEXIST; i++) {
        mn_code_make(code, groups->config.code_len);
        MN_SQL_TX(tx, groups->config.db);
        while (mn_sql_tx_run(&tx)) {
            *ret_reason = NULL;
            reset_code(groups, &tx, user, id, ret, code, now_ms, ret_reason);
        }
        err = mn_sql_tx_end(&tx);
    }
    if (err)
        return err; /* MN_EEXIST, after so many draws: our trouble */
    memcpy(ret->code, code, sizeof(code));
    ret->code_updated_ms = now_ms;
    mn_group_tell(groups,
                  &(struct mn_group_event){.group = id, .from = user, .word = "code_reset"});
    return MN_OK;
}

/* ---- looking at them ------------------------------------------------------ */

static enum mn_err profile(struct mn_groups *groups, int64_t user, enum mn_err err,
                           struct mn_group_profile *ret, const char **ret_reason)
{
    if (err == MN_ENOTFOUND)
        return refuse(err, "not_found", ret_reason);
    if (!err && ret->group.code[0] == '\0')
        err = make_code(groups, &ret->group);
    if (!err)
        err = mn_db_group_count(groups->config.db, ret->group.id, user, &ret->members, &ret->role);
    return err;
}

enum mn_err mn_groups_profile(struct mn_groups *groups, int64_t user, int64_t group,
                              struct mn_group_profile *ret, const char **ret_reason)
{
    enum mn_err err = mn_db_group(groups->config.db, group, &ret->group);
    return profile(groups, user, err, ret, ret_reason);
}

enum mn_err mn_groups_profile_by_code(struct mn_groups *groups, int64_t user, struct mn_str code,
                                      struct mn_group_profile *ret, const char **ret_reason)
{
    char key[MN_GROUP_CODE_BYTES];
    *ret_reason = mn_group_code_key(code, key);
    if (*ret_reason)
        return MN_EINVAL;
    enum mn_err err = mn_db_group_by_code(groups->config.db, mn_str_c(key), &ret->group);
    return profile(groups, user, err, ret, ret_reason);
}

_Static_assert(MN_GROUPS_OF_MAX <= MN_SQL_IDS_MAX, "one statement");
enum mn_err mn_groups_of(struct mn_groups *groups, int64_t user, const int64_t *ids, size_t n,
                         void (*put)(void *arg, const struct mn_group *group), void *arg)
{
    return mn_db_groups(groups->config.db, user, ids, n, put, arg);
}

enum mn_err mn_groups_members(struct mn_groups *groups, int64_t user, int64_t group,
                              bool (*put)(void *arg, const struct mn_group_row *row), void *arg,
                              const char **ret_reason)
{
    struct mn_roster *roster = NULL;
    enum mn_err err = mn_roster_load(groups->config.rosters, group, &roster);
    if (err)
        return err;
    bool is_member = mn_roster_member(roster, user) != NULL;
    mn_roster_unref(roster);
    if (!is_member)
        return refuse(MN_EPERM, "forbidden", ret_reason);
    return mn_db_group_list(groups->config.db, group, put, arg);
}
