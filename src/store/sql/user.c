/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: t_user.  Contracts are in user.h.  Any worker thread; silent. */
#include "store/sql/user.h"

#include "store/sql/sql.h"

#define SELECT_USER                                                                                \
    "SELECT id, username, password_hash, nickname, avatar_url, status, friend_code,"               \
    " friend_code_updated_at, created_at, updated_at FROM t_user"

static const struct mn_sql by_id = MN_SQL(SELECT_USER " WHERE id = ?");
static const struct mn_sql by_key = MN_SQL(SELECT_USER " WHERE username_key = ?");
static const struct mn_sql by_code = MN_SQL(SELECT_USER " WHERE friend_code = ?");

static const struct mn_sql briefs = MN_SQL(
    "SELECT id, username, nickname, avatar_url FROM t_user WHERE id IN (" MN_SQL_IDS ")");

static const struct mn_sql create = MN_SQL(
    "INSERT INTO t_user(id, username, username_key, password_hash, status, created_at,"
    " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)");

static const struct mn_sql claim = MN_SQL(
    "UPDATE t_user SET password_hash = ?, updated_at = ?"
    " WHERE id = ? AND (password_hash IS NULL OR trim(password_hash) = '')");

static const struct mn_sql set_code = MN_SQL(
    "UPDATE t_user SET friend_code = ?, friend_code_updated_at = ?"
    " WHERE id = ? AND coalesce(friend_code_updated_at, 0) = ?");

static const struct mn_sql max_id = MN_SQL("SELECT coalesce(max(id), 0) AS most FROM t_user");

/* ---- reading ------------------------------------------------------------- */

static void get_user(struct mn_sql_use *use, struct mn_user *user)
{
    user->id = mn_sql_i64(use, "id");
    mn_sql_text(use, "username", user->username, sizeof(user->username));
    mn_sql_text(use, "password_hash", user->password_hash, sizeof(user->password_hash));
    user->has_nickname = mn_sql_text(use, "nickname", user->nickname, sizeof(user->nickname));
    user->has_avatar_url = mn_sql_text(use, "avatar_url", user->avatar_url,
                                       sizeof(user->avatar_url));
    user->status = mn_sql_i64(use, "status") == MN_USER_DISABLED ? MN_USER_DISABLED
                                                                 : MN_USER_ACTIVE;
    mn_sql_text(use, "friend_code", user->friend_code, sizeof(user->friend_code));
    user->friend_code_updated_ms = mn_sql_i64(use, "friend_code_updated_at");
    user->created_ms = mn_sql_i64(use, "created_at");
    user->updated_ms = mn_sql_i64(use, "updated_at");
}

/* Reads the one row, if there is one, and ends the use. */
static enum mn_err end_with_user(struct mn_sql_use *use, struct mn_user *ret)
{
    struct mn_user user = {0};
    bool found = mn_sql_row(use);
    if (found)
        get_user(use, &user);
    enum mn_err err = mn_sql_end_found(use, found);
    if (err == MN_OK)
        *ret = user;
    return err;
}

enum mn_err mn_db_user_by_id(struct mn_db *db, int64_t id, struct mn_user *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &by_id);
    mn_sql_put_i64(&use, id);
    return end_with_user(&use, ret);
}

enum mn_err mn_db_user_by_key(struct mn_db *db, struct mn_str key, struct mn_user *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &by_key);
    mn_sql_put_str(&use, key);
    return end_with_user(&use, ret);
}

enum mn_err mn_db_user_by_friend_code(struct mn_db *db, struct mn_str code, struct mn_user *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &by_code);
    mn_sql_put_str(&use, code);
    return end_with_user(&use, ret);
}

static void get_brief(struct mn_sql_use *use, struct mn_user_brief *brief)
{
    brief->id = mn_sql_i64(use, "id");
    mn_sql_text(use, "username", brief->username, sizeof(brief->username));
    brief->has_nickname = mn_sql_text(use, "nickname", brief->nickname, sizeof(brief->nickname));
    brief->has_avatar_url = mn_sql_text(use, "avatar_url", brief->avatar_url,
                                        sizeof(brief->avatar_url));
}

/* Rows come in any order: moves the one of ids[i] to its place, `done` are in theirs. */
static bool place(struct mn_user_brief *rows, size_t done, size_t count, int64_t id)
{
    size_t at = done;
    while (at < count && rows[at].id != id)
        at++;
    if (at == count)
        return false;
    if (at != done) {
        struct mn_user_brief other = rows[done];
        rows[done] = rows[at];
        rows[at] = other;
    }
    return true;
}

enum mn_err mn_db_users_by_ids(struct mn_db *db, const int64_t *ids, size_t n,
                               struct mn_user_brief *ret, size_t *ret_count)
{
    size_t count = 0, done = 0;
    struct mn_sql_use use = mn_sql_read(db, &briefs);
    mn_sql_put_ids(&use, ids, n);
    while (mn_sql_row(&use)) {
        MN_BUG_ON(count == n);
        get_brief(&use, &ret[count++]);
    }
    enum mn_err err = mn_sql_end(&use);
    if (err != MN_OK)
        return err;
    for (size_t i = 0; i < n; i++)
        done += place(ret, done, count, ids[i]);
    *ret_count = done;
    return MN_OK;
}

enum mn_err mn_db_max_user_id(struct mn_db *db, int64_t *ret_id)
{
    struct mn_sql_use use = mn_sql_read(db, &max_id);
    int64_t id = mn_sql_row(&use) ? mn_sql_i64(&use, "most") : 0;
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_id = id;
    return err;
}

/* ---- writing ------------------------------------------------------------- */

enum mn_err mn_db_user_create(struct mn_db *db, const struct mn_user *user, struct mn_str key)
{
    struct mn_str hash = mn_str_c(user->password_hash);
    struct mn_sql_use use = mn_sql_write(db, &create);
    mn_sql_put_i64(&use, user->id);
    mn_sql_put_str(&use, mn_str_c(user->username));
    mn_sql_put_str(&use, key);
    mn_sql_put_str(&use, hash.n > 0 ? hash : MN_STR_NONE);
    mn_sql_put_i64(&use, (int64_t)user->status);
    mn_sql_put_i64(&use, user->created_ms);
    mn_sql_put_i64(&use, user->updated_ms);
    return mn_sql_end(&use);
}

enum mn_err mn_db_user_claim(struct mn_db *db, int64_t id, const char *hash, int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_write(db, &claim);
    mn_sql_put_str(&use, mn_str_c(hash));
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, id);
    int64_t changes = 0;
    enum mn_err err = mn_sql_end_changes(&use, &changes);
    return err == MN_OK && changes == 0 ? MN_EEXIST : err;
}

enum mn_err mn_db_user_set_friend_code(struct mn_db *db, int64_t id, const char *code,
                                       int64_t old_ms, int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_write(db, &set_code);
    mn_sql_put_str(&use, mn_str_c(code));
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, old_ms);
    int64_t changes = 0;
    enum mn_err err = mn_sql_end_changes(&use, &changes);
    return err == MN_OK && changes == 0 ? MN_ENOTFOUND : err;
}
