/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session versions and refresh tokens: t_session, one row a user who ever
 * had a session.  Contracts are in session.h.  Any worker thread; silent.
 */
#include "store/sql/session.h"

#include "base/clock.h"
#include "store/sql/sql.h"

static const struct mn_sql version = MN_SQL(
    "SELECT coalesce((SELECT session_version FROM t_session WHERE user_id = ?), 0)"
    " AS session_version, EXISTS(SELECT 1 FROM t_user WHERE id = ?) AS is_known");

static const struct mn_sql next = MN_SQL(
    "UPDATE t_session SET session_version = session_version + 1, refresh_hash = ?,"
    " refresh_expires_at = ?, updated_at = ? WHERE user_id = ?");

static const struct mn_sql first = MN_SQL(
    "INSERT INTO t_session(session_version, refresh_hash, refresh_expires_at, updated_at,"
    " user_id) VALUES (1, ?, ?, ?, ?)");

static const struct mn_sql slide = MN_SQL(
    "UPDATE t_session SET refresh_expires_at = ?, updated_at = ?"
    " WHERE refresh_hash = ? AND refresh_expires_at > ? AND updated_at <= ?");

static const struct mn_sql of_token = MN_SQL(
    "SELECT user_id, session_version FROM t_session WHERE refresh_hash = ?");

enum mn_err mn_db_session(struct mn_db *db, int64_t user, int64_t *ret_sv, bool *ret_known)
{
    struct mn_sql_use use = mn_sql_read(db, &version);
    mn_sql_put_i64(&use, user);
    mn_sql_put_i64(&use, user);
    int64_t sv = 0;
    bool known = false;
    if (mn_sql_row(&use)) {
        sv = mn_sql_i64(&use, "session_version");
        known = mn_sql_i64(&use, "is_known") != 0;
    }
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK) {
        *ret_sv = sv;
        *ret_known = known;
    }
    return err;
}

/* ---- the next version ---- */

struct token {
    const char *hash; /* NULL: none */
    int64_t now_ms, expires_ms;
};

static int64_t write_version(struct mn_sql_tx *tx, const struct mn_sql *sql, int64_t user,
                             const struct token *token)
{
    struct mn_sql_use use = mn_sql_in(tx, sql);
    mn_sql_put_str(&use, mn_str_c(token->hash));
    if (token->hash)
        mn_sql_put_i64(&use, token->expires_ms);
    else
        mn_sql_put_str(&use, MN_STR_NONE);
    mn_sql_put_i64(&use, token->now_ms);
    mn_sql_put_i64(&use, user);
    int64_t changes = 0;
    mn_sql_tx_note(tx, mn_sql_end_changes(&use, &changes));
    return changes;
}

static int64_t read_version(struct mn_sql_tx *tx, int64_t user)
{
    struct mn_sql_use use = mn_sql_in(tx, &version);
    mn_sql_put_i64(&use, user);
    mn_sql_put_i64(&use, user);
    int64_t sv = mn_sql_row(&use) ? mn_sql_i64(&use, "session_version") : 0;
    mn_sql_tx_note(tx, mn_sql_end(&use));
    return sv;
}

static enum mn_err make_version(struct mn_db *db, int64_t user, const struct token *token,
                                int64_t *ret_sv)
{
    int64_t sv = 0;
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        if (write_version(&tx, &next, user, token) == 0)
            write_version(&tx, &first, user, token);
        sv = read_version(&tx, user);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    if (err == MN_OK)
        *ret_sv = sv;
    return err;
}

enum mn_err mn_db_session_begin(struct mn_db *db, int64_t user, const char *hash, int64_t now_ms,
                                int64_t expires_ms, int64_t *ret_sv)
{
    return make_version(db, user, &(struct token){hash, now_ms, expires_ms}, ret_sv);
}

enum mn_err mn_db_session_end(struct mn_db *db, int64_t user, int64_t *ret_sv)
{
    return make_version(db, user, &(struct token){NULL, mn_unix_ms(), 0}, ret_sv);
}

/* ---- refresh tokens ---- */

static void slide_token(struct mn_sql_tx *tx, const char *hash, int64_t now_ms, int64_t expires_ms)
{
    struct mn_sql_use use = mn_sql_in(tx, &slide);
    mn_sql_put_i64(&use, expires_ms);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_str(&use, mn_str_c(hash));
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, now_ms + MN_REFRESH_AHEAD_MS);
    int64_t changes = 0;
    mn_sql_tx_note(tx, mn_sql_end_changes(&use, &changes));
    if (changes == 0)
        mn_sql_tx_note(tx, MN_ENOTFOUND);
}

enum mn_err mn_db_session_slide(struct mn_db *db, const char *hash, int64_t now_ms,
                                int64_t expires_ms, int64_t *ret_user, int64_t *ret_sv)
{
    int64_t user = 0, sv = 0;
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        slide_token(&tx, hash, now_ms, expires_ms);
        struct mn_sql_use use = mn_sql_in(&tx, &of_token);
        mn_sql_put_str(&use, mn_str_c(hash));
        if (mn_sql_row(&use)) {
            user = mn_sql_i64(&use, "user_id");
            sv = mn_sql_i64(&use, "session_version");
        }
        mn_sql_tx_note(&tx, mn_sql_end(&use));
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    if (err == MN_OK) {
        *ret_user = user;
        *ret_sv = sv;
    }
    return err;
}
