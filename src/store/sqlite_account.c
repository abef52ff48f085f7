/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite driver: t_user and t_session.  Each function is one statement,
 * hence one transaction; contracts are in db.h.  Any worker thread; silent.
 */
#include "base/clock.h"
#include "store/sqlite.h"

/* Reads the columns of MN_SQLITE_USER_COLUMNS and ends the use. */
static enum mn_err user_row(struct mn_sqlite_use *use, struct mn_user *ret)
{
    struct mn_user user = {0};
    bool found = mn_sqlite_row(use);
    if (found) {
        user.id = mn_sqlite_i64(use, 0);
        mn_sqlite_text(use, 1, user.username, sizeof(user.username));
        mn_sqlite_text(use, 2, user.password_hash, sizeof(user.password_hash));
        user.has_nickname = mn_sqlite_text(use, 3, user.nickname, sizeof(user.nickname));
        user.has_avatar_url = mn_sqlite_text(use, 4, user.avatar_url, sizeof(user.avatar_url));
        user.status = mn_sqlite_i64(use, 5) == MN_USER_DISABLED ? MN_USER_DISABLED : MN_USER_ACTIVE;
        mn_sqlite_text(use, 6, user.friend_code, sizeof(user.friend_code));
        user.friend_code_updated_ms = mn_sqlite_i64(use, 7);
        user.created_ms = mn_sqlite_i64(use, 8);
        user.updated_ms = mn_sqlite_i64(use, 9);
    }
    enum mn_err err = mn_sqlite_end(use);
    if (err == MN_OK && !found)
        err = MN_ENOTFOUND;
    if (err == MN_OK)
        *ret = user;
    return err;
}

enum mn_err mn_sqlite_user_by_id(struct mn_db *db, int64_t id, struct mn_user *ret)
{
    struct mn_sqlite_use use = mn_sqlite_read(db, MN_SQLITE_USER_BY_ID);
    mn_sqlite_bind_i64(&use, 1, id);
    return user_row(&use, ret);
}

enum mn_err mn_sqlite_user_by_key(struct mn_db *db, struct mn_str key, struct mn_user *ret)
{
    struct mn_sqlite_use use = mn_sqlite_read(db, MN_SQLITE_USER_BY_KEY);
    mn_sqlite_bind_str(&use, 1, key);
    return user_row(&use, ret);
}

enum mn_err mn_sqlite_user_by_friend_code(struct mn_db *db, struct mn_str code, struct mn_user *ret)
{
    struct mn_sqlite_use use = mn_sqlite_read(db, MN_SQLITE_USER_BY_CODE);
    mn_sqlite_bind_str(&use, 1, code);
    return user_row(&use, ret);
}

enum mn_err mn_sqlite_user_create(struct mn_db *db, const struct mn_user *user, struct mn_str key)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_USER_CREATE);
    mn_sqlite_bind_i64(&use, 1, user->id);
    mn_sqlite_bind_str(&use, 2, mn_str_c(user->username));
    mn_sqlite_bind_str(&use, 3, key);
    mn_sqlite_bind_str(&use, 4,
                       user->password_hash[0] ? mn_str_c(user->password_hash) : MN_STR_NONE);
    mn_sqlite_bind_i64(&use, 5, (int64_t)user->status);
    mn_sqlite_bind_i64(&use, 6, user->created_ms);
    mn_sqlite_bind_i64(&use, 7, user->updated_ms);
    return mn_sqlite_end(&use);
}

enum mn_err mn_sqlite_user_claim(struct mn_db *db, int64_t id, const char *hash, int64_t now_ms)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_USER_CLAIM);
    mn_sqlite_bind_i64(&use, 1, id);
    mn_sqlite_bind_str(&use, 2, mn_str_c(hash));
    mn_sqlite_bind_i64(&use, 3, now_ms);
    int changes = 0;
    enum mn_err err = mn_sqlite_end_changes(&use, &changes);
    return err == MN_OK && changes == 0 ? MN_EEXIST : err;
}

enum mn_err mn_sqlite_user_set_friend_code(struct mn_db *db, int64_t id, const char *code,
                                           int64_t old_ms, int64_t now_ms)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_USER_SET_CODE);
    mn_sqlite_bind_i64(&use, 1, id);
    mn_sqlite_bind_str(&use, 2, mn_str_c(code));
    mn_sqlite_bind_i64(&use, 3, old_ms);
    mn_sqlite_bind_i64(&use, 4, now_ms);
    int changes = 0;
    enum mn_err err = mn_sqlite_end_changes(&use, &changes);
    return err == MN_OK && changes == 0 ? MN_ENOTFOUND : err;
}

enum mn_err mn_sqlite_max_user_id(struct mn_db *db, int64_t *ret_id)
{
    struct mn_sqlite_use use = mn_sqlite_read(db, MN_SQLITE_USER_MAX_ID);
    int64_t id = mn_sqlite_row(&use) ? mn_sqlite_i64(&use, 0) : 0;
    enum mn_err err = mn_sqlite_end(&use);
    if (err == MN_OK)
        *ret_id = id;
    return err;
}

enum mn_err mn_sqlite_session(struct mn_db *db, int64_t user, int64_t *ret_sv, bool *ret_known)
{
    struct mn_sqlite_use use = mn_sqlite_read(db, MN_SQLITE_SESSION);
    mn_sqlite_bind_i64(&use, 1, user);
    int64_t sv = 0;
    bool known = false;
    if (mn_sqlite_row(&use)) {
        sv = mn_sqlite_i64(&use, 0);
        known = mn_sqlite_i64(&use, 1) != 0;
    }
    enum mn_err err = mn_sqlite_end(&use);
    if (err == MN_OK) {
        *ret_sv = sv;
        *ret_known = known;
    }
    return err;
}

enum mn_err mn_sqlite_session_begin(struct mn_db *db, int64_t user, const char *hash,
                                    int64_t expires_ms, int64_t *ret_sv)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_SESSION_BEGIN);
    mn_sqlite_bind_i64(&use, 1, user);
    mn_sqlite_bind_str(&use, 2, mn_str_c(hash));
    mn_sqlite_bind_i64(&use, 3, expires_ms);
    mn_sqlite_bind_i64(&use, 4, mn_unix_ms());
    int64_t sv = mn_sqlite_row(&use) ? mn_sqlite_i64(&use, 0) : 0;
    enum mn_err err = mn_sqlite_end(&use);
    if (err == MN_OK)
        *ret_sv = sv;
    return err;
}

enum mn_err mn_sqlite_session_slide(struct mn_db *db, const char *hash, int64_t now_ms,
                                    int64_t expires_ms, int64_t *ret_user, int64_t *ret_sv)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_SESSION_SLIDE);
    mn_sqlite_bind_str(&use, 1, mn_str_c(hash));
    mn_sqlite_bind_i64(&use, 2, now_ms);
    mn_sqlite_bind_i64(&use, 3, expires_ms);
    int64_t user = 0, sv = 0;
    bool found = mn_sqlite_row(&use);
    if (found) {
        user = mn_sqlite_i64(&use, 0);
        sv = mn_sqlite_i64(&use, 1);
    }
    enum mn_err err = mn_sqlite_end(&use);
    if (err != MN_OK)
        return err;
    if (!found)
        return MN_ENOTFOUND;
    *ret_user = user;
    *ret_sv = sv;
    return MN_OK;
}

enum mn_err mn_sqlite_session_end(struct mn_db *db, int64_t user, int64_t *ret_sv)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_SESSION_END);
    mn_sqlite_bind_i64(&use, 1, user);
    mn_sqlite_bind_i64(&use, 2, mn_unix_ms());
    int64_t sv = mn_sqlite_row(&use) ? mn_sqlite_i64(&use, 0) : 0;
    enum mn_err err = mn_sqlite_end(&use);
    if (err == MN_OK)
        *ret_sv = sv;
    return err;
}

enum mn_err mn_sqlite_witness(struct mn_db *db, struct mn_witness *ret)
{
    struct mn_sqlite_use use = mn_sqlite_read(db, MN_SQLITE_WITNESS);
    struct mn_witness witness = {0};
    if (mn_sqlite_row(&use)) {
        witness.is_known = mn_sqlite_text(&use, 0, witness.store_id, sizeof(witness.store_id));
        witness.generation = (uint64_t)mn_sqlite_i64(&use, 1);
        witness.reach = (uint64_t)mn_sqlite_i64(&use, 2);
        witness.manifest = (uint64_t)mn_sqlite_i64(&use, 3);
        witness.manifest_bytes = (uint64_t)mn_sqlite_i64(&use, 4);
    }
    enum mn_err err = mn_sqlite_end(&use);
    if (err == MN_OK)
        *ret = witness;
    return err;
}

enum mn_err mn_sqlite_witness_put(struct mn_db *db, const struct mn_witness *witness)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_WITNESS_PUT);
    mn_sqlite_bind_str(&use, 1, mn_str_c(witness->store_id));
    mn_sqlite_bind_i64(&use, 2, (int64_t)witness->generation);
    mn_sqlite_bind_i64(&use, 3, (int64_t)witness->reach);
    mn_sqlite_bind_i64(&use, 4, (int64_t)witness->manifest);
    mn_sqlite_bind_i64(&use, 5, (int64_t)witness->manifest_bytes);
    return mn_sqlite_end(&use);
}
