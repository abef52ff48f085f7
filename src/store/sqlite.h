/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQLITE_H
#define MN_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/db_driver.h"

/*
 * What the files of the SQLite driver share: connections, and statements
 * that are prepared once per connection.  Not for anybody outside
 * store/sqlite*.c.
 */

/* Every statement of the driver: (symbol, SQL). */
#define MN_SQLITE_USER_COLUMNS                                                                     \
    "id, username, password_hash, nickname, avatar_url, status, friend_code,"                      \
    " friend_code_updated_at, created_at, updated_at"

#define MN_SQLITE_STMT_MAP(X)                                                                      \
    X(PROBE, "INSERT INTO t_probe(id, at) VALUES (1, ?1)"                                          \
             " ON CONFLICT(id) DO UPDATE SET at = excluded.at")                                    \
    X(WITNESS, "SELECT store_id, generation, log_reach, manifest, manifest_bytes FROM t_witness"   \
               " WHERE id = 1")                                                                    \
    X(WITNESS_PUT, "INSERT OR REPLACE INTO t_witness(id, store_id, generation, log_reach,"         \
                   " manifest, manifest_bytes) VALUES (1, ?1, ?2, ?3, ?4, ?5)")                    \
    X(USER_BY_ID, "SELECT " MN_SQLITE_USER_COLUMNS " FROM t_user WHERE id = ?1")                   \
    X(USER_BY_KEY, "SELECT " MN_SQLITE_USER_COLUMNS " FROM t_user WHERE username_key = ?1")        \
    X(USER_BY_CODE, "SELECT " MN_SQLITE_USER_COLUMNS " FROM t_user WHERE friend_code = ?1")        \
    X(USER_CREATE, "INSERT INTO t_user(id, username, username_key, password_hash, status,"         \
                   " created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                 \
    X(USER_CLAIM, "UPDATE t_user SET password_hash = ?2, updated_at = ?3"                          \
                  " WHERE id = ?1 AND (password_hash IS NULL OR trim(password_hash) = '')")        \
    X(USER_SET_CODE, "UPDATE t_user SET friend_code = ?2, friend_code_updated_at = ?4"             \
                     " WHERE id = ?1 AND coalesce(friend_code_updated_at, 0) = ?3")                \
    X(USER_MAX_ID, "SELECT coalesce(max(id), 0) FROM t_user")                                      \
    X(SESSION, "SELECT coalesce((SELECT session_version FROM t_session WHERE user_id = ?1), 0),"   \
               " EXISTS(SELECT 1 FROM t_user WHERE id = ?1)")                                      \
    X(SESSION_BEGIN, "INSERT INTO t_session(user_id, session_version, refresh_hash,"               \
                     " refresh_expires_at, updated_at) VALUES (?1, 1, ?2, ?3, ?4)"                 \
                     " ON CONFLICT(user_id) DO UPDATE SET session_version = session_version + 1,"  \
                     " refresh_hash = excluded.refresh_hash,"                                      \
                     " refresh_expires_at = excluded.refresh_expires_at,"                          \
                     " updated_at = excluded.updated_at RETURNING session_version")                \
    X(SESSION_SLIDE, "UPDATE t_session SET refresh_expires_at = ?3, updated_at = ?2"               \
                     " WHERE refresh_hash = ?1 AND refresh_expires_at > ?2"                        \
                     " RETURNING user_id, session_version")                                        \
    X(SESSION_END, "INSERT INTO t_session(user_id, session_version, updated_at)"                   \
                   " VALUES (?1, 1, ?2) ON CONFLICT(user_id) DO UPDATE SET"                        \
                   " session_version = session_version + 1, refresh_hash = NULL,"                  \
                   " refresh_expires_at = NULL, updated_at = excluded.updated_at"                  \
                   " RETURNING session_version")

enum mn_sqlite_stmt {
#define MN_SQLITE_STMT_ENUM(sym, sql) MN_SQLITE_##sym,
    MN_SQLITE_STMT_MAP(MN_SQLITE_STMT_ENUM)
#undef MN_SQLITE_STMT_ENUM
        MN_SQLITE_STMT_COUNT
};

struct mn_sqlite_conn {
    sqlite3 *raw;
    sqlite3_stmt *stmt[MN_SQLITE_STMT_COUNT]; /* prepared at first use */
    struct mn_sqlite_conn *next;              /* free list of readers */
};

struct mn_sqlite {
    struct mn_db base;
    pthread_mutex_t write_lock; /* held for the whole of a write */
    struct mn_sqlite_conn writer;
    pthread_mutex_t pool_lock; /* readers below */
    pthread_cond_t pool_free;
    struct mn_sqlite_conn *idle;
    struct mn_sqlite_conn *readers;
    unsigned reader_count;
};

/*
 * One use of a cached statement.  Binds and steps after a failure do
 * nothing; mn_sqlite_end() tells the first one.
 *
 *   struct mn_sqlite_use u = mn_sqlite_read(db, MN_SQLITE_SESSION);
 *   mn_sqlite_bind_i64(&u, 1, user);
 *   if (mn_sqlite_row(&u)) ... mn_sqlite_i64(&u, 0) ...
 *   return mn_sqlite_end(&u);
 */
struct mn_sqlite_use {
    struct mn_sqlite *db;
    struct mn_sqlite_conn *conn;
    sqlite3_stmt *stmt;
    enum mn_err err;
    bool writing, done;
};

/* Borrows a reader (waits for one) or the writer until mn_sqlite_end(). */
struct mn_sqlite_use mn_sqlite_read(struct mn_db *db, enum mn_sqlite_stmt stmt);
struct mn_sqlite_use mn_sqlite_write(struct mn_db *db, enum mn_sqlite_stmt stmt);
void mn_sqlite_bind_i64(struct mn_sqlite_use *use, int index, int64_t value);
/* The text must stay until mn_sqlite_end(); absent is NULL. */
void mn_sqlite_bind_str(struct mn_sqlite_use *use, int index, struct mn_str value);
/* True when there is a (further) row. */
bool mn_sqlite_row(struct mn_sqlite_use *use);
int64_t mn_sqlite_i64(struct mn_sqlite_use *use, int column);
/* Copies text into p[cap], cut at a character boundary if need be; false when it is NULL. */
bool mn_sqlite_text(struct mn_sqlite_use *use, int column, char *p, size_t cap);
/* Runs the statement to its end (a write is committed then), gives the connection back. */
MN_MUSTCHECK enum mn_err mn_sqlite_end(struct mn_sqlite_use *use);
/* The same; *ret_changes gets the rows a write changed. */
MN_MUSTCHECK enum mn_err mn_sqlite_end_changes(struct mn_sqlite_use *use, int *ret_changes);

/* SQLite's result code as ours. */
enum mn_err mn_sqlite_err(int code);

/* Refuses a newer schema without touching it, else applies what is missing (sqlite_schema.c). */
MN_MUSTCHECK enum mn_err mn_sqlite_schema_check(sqlite3 *raw, const char *path, struct mn_buf *why);
MN_MUSTCHECK enum mn_err mn_sqlite_schema_update(sqlite3 *raw, const char *path,
                                                 struct mn_buf *why);

enum mn_err mn_sqlite_witness(struct mn_db *db, struct mn_witness *ret);
enum mn_err mn_sqlite_witness_put(struct mn_db *db, const struct mn_witness *witness);
/* Accounts and sessions (sqlite_account.c), with the contracts of db.h. */
enum mn_err mn_sqlite_user_by_id(struct mn_db *db, int64_t id, struct mn_user *ret);
enum mn_err mn_sqlite_user_by_key(struct mn_db *db, struct mn_str key, struct mn_user *ret);
enum mn_err mn_sqlite_user_by_friend_code(struct mn_db *db, struct mn_str code,
                                          struct mn_user *ret);
enum mn_err mn_sqlite_user_create(struct mn_db *db, const struct mn_user *user, struct mn_str key);
enum mn_err mn_sqlite_user_claim(struct mn_db *db, int64_t id, const char *hash, int64_t now_ms);
enum mn_err mn_sqlite_user_set_friend_code(struct mn_db *db, int64_t id, const char *code,
                                           int64_t old_ms, int64_t now_ms);
enum mn_err mn_sqlite_max_user_id(struct mn_db *db, int64_t *ret_id);
enum mn_err mn_sqlite_session(struct mn_db *db, int64_t user, int64_t *ret_sv, bool *ret_known);
enum mn_err mn_sqlite_session_begin(struct mn_db *db, int64_t user, const char *hash,
                                    int64_t expires_ms, int64_t *ret_sv);
enum mn_err mn_sqlite_session_slide(struct mn_db *db, const char *hash, int64_t now_ms,
                                    int64_t expires_ms, int64_t *ret_user, int64_t *ret_sv);
enum mn_err mn_sqlite_session_end(struct mn_db *db, int64_t user, int64_t *ret_sv);

#endif
