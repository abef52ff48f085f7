/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and members: t_group, t_group_member.  Contracts are in group.h.  Silent. */
#include "store/sql/group.h"

#include "store/sql/sql.h"

#define GROUP_COLUMNS                                                                              \
    " g.id, g.name, g.avatar_url, g.group_code, g.group_code_updated_at, g.created_by,"            \
    " g.created_at, g.updated_at"

static const struct mn_sql by_id = MN_SQL("SELECT" GROUP_COLUMNS " FROM t_group g WHERE g.id = ?");
static const struct mn_sql by_code = MN_SQL("SELECT" GROUP_COLUMNS
                                            " FROM t_group g WHERE g.group_code = ?");
static const struct mn_sql by_ids = MN_SQL("SELECT" GROUP_COLUMNS
                                           " FROM t_group g WHERE g.id IN (" MN_SQL_IDS ")"
                                           " ORDER BY g.id");
static const struct mn_sql own_by_ids = MN_SQL(
    "SELECT" GROUP_COLUMNS " FROM t_group g JOIN t_group_member m ON m.group_id = g.id"
    " WHERE g.id IN (" MN_SQL_IDS ") AND m.user_id = ? ORDER BY g.id");

static const struct mn_sql count_and_role = MN_SQL(
    "SELECT count(*) AS members, coalesce(sum(CASE WHEN user_id = ? THEN role END), 0) AS role"
    " FROM t_group_member WHERE group_id = ?");
static const struct mn_sql members = MN_SQL(
    "SELECT user_id, role, speak_mute_until FROM t_group_member WHERE group_id = ?"
    " ORDER BY user_id");
static const struct mn_sql list = MN_SQL(
    "SELECT m.user_id, m.role, m.join_at, m.speak_mute_until, u.username, u.nickname,"
    " u.avatar_url FROM t_group_member m LEFT JOIN t_user u ON u.id = m.user_id"
    " WHERE m.group_id = ? ORDER BY m.role, m.join_at, m.user_id");
static const struct mn_sql role_of = MN_SQL(
    "SELECT role FROM t_group_member WHERE group_id = ? AND user_id = ?");

static const struct mn_sql insert_group = MN_SQL(
    "INSERT INTO t_group(id, name, group_code, group_code_updated_at, created_by, created_at,"
    " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)");
static const struct mn_sql update_code = MN_SQL(
    "UPDATE t_group SET group_code = ?, group_code_updated_at = ?, updated_at = ? WHERE id = ?");
static const struct mn_sql delete_group = MN_SQL("DELETE FROM t_group WHERE id = ?");

static const struct mn_sql insert_member = MN_SQL(
    "INSERT INTO t_group_member(group_id, user_id, role, join_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?)");
static const struct mn_sql delete_member = MN_SQL(
    "DELETE FROM t_group_member WHERE group_id = ? AND user_id = ?");
static const struct mn_sql update_role = MN_SQL(
    "UPDATE t_group_member SET role = ?, updated_at = ? WHERE group_id = ? AND user_id = ?");
static const struct mn_sql update_mute = MN_SQL(
    "UPDATE t_group_member SET speak_mute_until = nullif(?, 0), updated_at = ?"
    " WHERE group_id = ? AND user_id = ?");

static const struct mn_sql max_id = MN_SQL(
    "SELECT coalesce(max(id), 0) AS most FROM (SELECT max(id) AS id FROM t_group"
    " UNION ALL SELECT max(id) FROM t_group_join_request) AS ids");

/* ---- rows ----------------------------------------------------------------- */

static void get_group(struct mn_sql_use *use, struct mn_group *group)
{
    group->id = mn_sql_i64(use, "id");
    mn_sql_text(use, "name", group->name, sizeof(group->name));
    group->has_avatar_url = mn_sql_text(use, "avatar_url", group->avatar_url,
                                        sizeof(group->avatar_url));
    mn_sql_text(use, "group_code", group->code, sizeof(group->code));
    group->code_updated_ms = mn_sql_i64(use, "group_code_updated_at");
    group->created_by = mn_sql_i64(use, "created_by");
    group->created_ms = mn_sql_i64(use, "created_at");
    group->updated_ms = mn_sql_i64(use, "updated_at");
}

static enum mn_role role_from(int64_t value)
{
    return value >= MN_ROLE_OWNER && value <= MN_ROLE_MEMBER ? (enum mn_role)value : MN_ROLE_NONE;
}

/* Reads the one row, if there is one, and ends the use; MN_ENOTFOUND. */
static enum mn_err end_with_group(struct mn_sql_use *use, struct mn_group *ret)
{
    struct mn_group group = {0};
    bool found = mn_sql_row(use);
    if (found)
        get_group(use, &group);
    enum mn_err err = mn_sql_end_found(use, found);
    if (err == MN_OK)
        *ret = group;
    return err;
}

/* ---- alone ---------------------------------------------------------------- */

enum mn_err mn_db_group(struct mn_db *db, int64_t id, struct mn_group *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &by_id);
    mn_sql_put_i64(&use, id);
    return end_with_group(&use, ret);
}

enum mn_err mn_db_group_by_code(struct mn_db *db, struct mn_str code, struct mn_group *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &by_code);
    mn_sql_put_str(&use, code);
    return end_with_group(&use, ret);
}

enum mn_err mn_db_group_count(struct mn_db *db, int64_t id, int64_t user, int64_t *ret_count,
                              enum mn_role *ret_role)
{
    int64_t count = 0;
    enum mn_role role = MN_ROLE_NONE;
    struct mn_sql_use use = mn_sql_read(db, &count_and_role);
    mn_sql_put_i64(&use, user);
    mn_sql_put_i64(&use, id);
    if (mn_sql_row(&use)) {
        count = mn_sql_i64(&use, "members");
        role = role_from(mn_sql_i64(&use, "role"));
    }
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK) {
        *ret_count = count;
        *ret_role = role;
    }
    return err;
}

enum mn_err mn_db_group_members(struct mn_db *db, int64_t id,
                                void (*put)(void *arg, int64_t user, unsigned role,
                                            int64_t mute_until_ms),
                                void *arg)
{
    struct mn_sql_use use = mn_sql_read(db, &members);
    mn_sql_put_i64(&use, id);
    while (mn_sql_row(&use)) {
        int64_t user = mn_sql_i64(&use, "user_id");
        enum mn_role role = role_from(mn_sql_i64(&use, "role"));
        put(arg, user, role, mn_sql_i64(&use, "speak_mute_until"));
    }
    return mn_sql_end(&use);
}

static void get_row(struct mn_sql_use *use, struct mn_group_row *row)
{
    struct mn_user_brief *user = &row->user;
    user->id = mn_sql_i64(use, "user_id");
    row->role = role_from(mn_sql_i64(use, "role"));
    row->joined_ms = mn_sql_i64(use, "join_at");
    row->mute_until_ms = mn_sql_i64(use, "speak_mute_until");
    mn_sql_text(use, "username", user->username, sizeof(user->username));
    user->has_nickname = mn_sql_text(use, "nickname", user->nickname, sizeof(user->nickname));
    user->has_avatar_url = mn_sql_text(use, "avatar_url", user->avatar_url,
                                       sizeof(user->avatar_url));
}

enum mn_err mn_db_group_list(struct mn_db *db, int64_t id,
                             bool (*put)(void *arg, const struct mn_group_row *row), void *arg)
{
    struct mn_group_row row;
    bool more = true;
    struct mn_sql_use use = mn_sql_read(db, &list);
    mn_sql_put_i64(&use, id);
    while (more && mn_sql_row(&use)) {
        get_row(&use, &row);
        more = put(arg, &row);
    }
    return mn_sql_end(&use);
}

enum mn_err mn_db_groups(struct mn_db *db, int64_t user, const int64_t *ids, size_t n,
                         void (*put)(void *arg, const struct mn_group *group), void *arg)
{
    struct mn_group group;
    struct mn_sql_use use = mn_sql_read(db, user ? &own_by_ids : &by_ids);
    mn_sql_put_ids(&use, ids, n);
    if (user)
        mn_sql_put_i64(&use, user);
    while (mn_sql_row(&use)) {
        get_group(&use, &group);
        put(arg, &group);
    }
    return mn_sql_end(&use);
}

enum mn_err mn_db_max_group_id(struct mn_db *db, int64_t *ret_id)
{
    struct mn_sql_use use = mn_sql_read(db, &max_id);
    int64_t id = mn_sql_row(&use) ? mn_sql_i64(&use, "most") : 0;
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_id = id;
    return err;
}

/* ---- in a transaction: reads ---------------------------------------------- */

enum mn_role mn_tx_group_role(struct mn_sql_tx *tx, int64_t id, int64_t user)
{
    struct mn_sql_use use = mn_sql_in(tx, &role_of);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, user);
    enum mn_role role = mn_sql_row(&use) ? role_from(mn_sql_i64(&use, "role")) : MN_ROLE_NONE;
    mn_sql_tx_note(tx, mn_sql_end(&use));
    return role;
}

int64_t mn_tx_group_members(struct mn_sql_tx *tx, int64_t id)
{
    struct mn_sql_use use = mn_sql_in(tx, &count_and_role);
    mn_sql_put_i64(&use, 0);
    mn_sql_put_i64(&use, id);
    int64_t count = mn_sql_row(&use) ? mn_sql_i64(&use, "members") : 0;
    mn_sql_tx_note(tx, mn_sql_end(&use));
    return count;
}

/* The same as end_with_group(): that there is none is no failure of the transaction. */
static bool note_group(struct mn_sql_tx *tx, struct mn_sql_use *use, struct mn_group *ret)
{
    enum mn_err err = end_with_group(use, ret);
    mn_sql_tx_note(tx, err == MN_ENOTFOUND ? MN_OK : err);
    return err == MN_OK;
}

bool mn_tx_group(struct mn_sql_tx *tx, int64_t id, struct mn_group *ret)
{
    struct mn_sql_use use = mn_sql_in(tx, &by_id);
    mn_sql_put_i64(&use, id);
    return note_group(tx, &use, ret);
}

bool mn_tx_group_by_code(struct mn_sql_tx *tx, struct mn_str code, struct mn_group *ret)
{
    struct mn_sql_use use = mn_sql_in(tx, &by_code);
    mn_sql_put_str(&use, code);
    return note_group(tx, &use, ret);
}

/* ---- in a transaction: writes --------------------------------------------- */

void mn_tx_group_create(struct mn_sql_tx *tx, const struct mn_group *group)
{
    struct mn_sql_use use = mn_sql_in(tx, &insert_group);
    mn_sql_put_i64(&use, group->id);
    mn_sql_put_str(&use, mn_str_c(group->name));
    mn_sql_put_str(&use, group->code[0] ? mn_str_c(group->code) : MN_STR_NONE);
    mn_sql_put_i64(&use, group->code_updated_ms);
    mn_sql_put_i64(&use, group->created_by);
    mn_sql_put_i64(&use, group->created_ms);
    mn_sql_put_i64(&use, group->updated_ms);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_group_set_code(struct mn_sql_tx *tx, int64_t id, const char *code, int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_in(tx, &update_code);
    mn_sql_put_str(&use, mn_str_c(code));
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, id);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_group_delete(struct mn_sql_tx *tx, int64_t id)
{
    struct mn_sql_use use = mn_sql_in(tx, &delete_group);
    mn_sql_put_i64(&use, id);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_group_add(struct mn_sql_tx *tx, int64_t id, int64_t user, enum mn_role role,
                     int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_in(tx, &insert_member);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, user);
    mn_sql_put_i64(&use, role);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_group_remove(struct mn_sql_tx *tx, int64_t id, int64_t user)
{
    struct mn_sql_use use = mn_sql_in(tx, &delete_member);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, user);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_group_set_role(struct mn_sql_tx *tx, int64_t id, int64_t user, enum mn_role role,
                          int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_in(tx, &update_role);
    mn_sql_put_i64(&use, role);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, user);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_group_set_mute(struct mn_sql_tx *tx, int64_t id, int64_t user, int64_t until_ms,
                          int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_in(tx, &update_mute);
    mn_sql_put_i64(&use, until_ms);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, user);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

enum mn_err mn_db_group_fill(struct mn_db *db, const struct mn_group *group, const int64_t *uids,
                             size_t n)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        mn_tx_group_create(&tx, group);
        for (size_t i = 0; i < n; i++)
            mn_tx_group_add(&tx, group->id, uids[i], i == 0 ? MN_ROLE_OWNER : MN_ROLE_MEMBER,
                            group->created_ms);
    }
    return mn_sql_tx_end(&tx);
}
