/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of the SQLite driver, as numbered steps.  A step is never
 * changed once released: what is wrong is mended by the next one.  Each
 * step and its row in t_schema_version are one transaction, so an update
 * that was cut off is simply taken up again.
 *
 * Times are Unix milliseconds, not the zone-less local times of
 * H-3.2: those are made when printed.  username_key is the name as
 * it is compared (5.7), made in im/, since SQLite has no such collation.
 */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/mem.h"

static const struct {
    const char *name, *sql;
} steps[] = {
    {"accounts", "CREATE TABLE t_user ("
                 " id INTEGER PRIMARY KEY,"
                 " username TEXT NOT NULL,"
                 " username_key TEXT NOT NULL,"
                 " password_hash TEXT,"
                 " nickname TEXT,"
                 " avatar_url TEXT,"
                 " status INTEGER NOT NULL DEFAULT 1,"
                 " friend_code TEXT,"
                 " friend_code_updated_at INTEGER,"
                 " created_at INTEGER NOT NULL,"
                 " updated_at INTEGER NOT NULL) STRICT;"
                 "CREATE UNIQUE INDEX uk_user_username ON t_user(username_key);"
                 "CREATE UNIQUE INDEX uk_user_friend_code ON t_user(friend_code);"
                 /* One row a user: current session version and the one refresh token (5.4, 5.5). */
                 "CREATE TABLE t_session ("
                 " user_id INTEGER PRIMARY KEY,"
                 " session_version INTEGER NOT NULL,"
                 " refresh_hash TEXT,"
                 " refresh_expires_at INTEGER,"
                 " updated_at INTEGER NOT NULL) STRICT;"
                 "CREATE UNIQUE INDEX uk_session_refresh ON t_session(refresh_hash);"
                 "CREATE TABLE t_probe (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;"},
    /* One row: the message log as it was last seen (store/witness.h). */
    {"witness", "CREATE TABLE t_witness ("
                " id INTEGER PRIMARY KEY,"
                " store_id TEXT NOT NULL,"
                " generation INTEGER NOT NULL,"
                " log_reach INTEGER NOT NULL,"
                " manifest INTEGER NOT NULL,"
                " manifest_bytes INTEGER NOT NULL) STRICT;"},
};

/* First column of the only row of a query without parameters. */
static enum mn_err ask(sqlite3 *raw, const char *sql, int64_t *ret)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return mn_sqlite_err(code);
}

/* Version of the schema in the file, 0 when it is empty; a foreign database is MN_EINVAL. */
static enum mn_err version(sqlite3 *raw, int64_t *ret_version)
{
    int64_t tables = 0, ours = 0;
    enum mn_err err = ask(raw, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err == MN_OK)
        err = ask(raw, "SELECT count(*) FROM sqlite_schema WHERE name = 't_schema_version'", &ours);
    if (err != MN_OK)
        return err;
    if (ours == 0) {
        *ret_version = 0;
        return tables == 0 ? MN_OK : MN_EINVAL;
    }
    return ask(raw, "SELECT coalesce(max(version), 0) FROM t_schema_version", ret_version);
}

enum mn_err mn_sqlite_schema_check(sqlite3 *raw, const char *path, struct mn_buf *why)
{
    int64_t found = 0;
    enum mn_err err = version(raw, &found);
    if (err == MN_EINVAL) {
        mn_buf_addf(why, "%s is a database of another program: choose another data directory",
                    path);
        err = MN_ECORRUPT;
    }
    if (err == MN_OK && found > (int64_t)MN_ARRAY_LEN(steps)) {
        mn_buf_addf(why,
                    "the accounts database %s was written by a newer minimd (schema %lld, this one "
                    "knows up to %zu): run that version, or restore a backup made before the "
                    "upgrade",
                    path, (long long)found, MN_ARRAY_LEN(steps));
        err = MN_EVERSION;
    }
    return err;
}

static int record(sqlite3 *raw, size_t number, const char *name)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(
        raw, "INSERT INTO t_schema_version(version, name, applied_at) VALUES (?1, ?2, ?3)", -1,
        &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(stmt, 1, (int64_t)number);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(stmt, 3, mn_unix_ms());
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int apply(sqlite3 *raw, size_t number)
{
    int code = sqlite3_exec(raw, steps[number - 1].sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? record(raw, number, steps[number - 1].name) : code;
}

/* One transaction a step; the version is read again inside, as another process may update too. */
static enum mn_err step_once(sqlite3 *raw, int64_t *ret_version)
{
    int code = sqlite3_exec(raw, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return mn_sqlite_err(code);
    enum mn_err err = mn_sqlite_err(
        sqlite3_exec(raw,
                     "CREATE TABLE IF NOT EXISTS t_schema_version (version INTEGER PRIMARY KEY,"
                     " name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
                     NULL, NULL, NULL));
    int64_t found = 0;
    if (err == MN_OK)
        err = ask(raw, "SELECT coalesce(max(version), 0) FROM t_schema_version", &found);
    if (err == MN_OK && found < (int64_t)MN_ARRAY_LEN(steps)) {
        found++;
        err = mn_sqlite_err(apply(raw, (size_t)found));
    }
    if (err == MN_OK)
        err = mn_sqlite_err(sqlite3_exec(raw, "COMMIT", NULL, NULL, NULL));
    if (err != MN_OK)
        (void)sqlite3_exec(raw, "ROLLBACK", NULL, NULL, NULL); /* `err` is what is reported */
    else
        *ret_version = found;
    return err;
}

enum mn_err mn_sqlite_schema_update(sqlite3 *raw, const char *path, struct mn_buf *why)
{
    int64_t found = 0;
    enum mn_err err = version(raw, &found);
    while (err == MN_OK && found < (int64_t)MN_ARRAY_LEN(steps))
        err = step_once(raw, &found);
    if (err != MN_OK)
        mn_buf_addf(why, "cannot update the accounts database %s from schema %lld: %s (%s)", path,
                    (long long)found, sqlite3_errmsg(raw), mn_err_text(err));
    return err;
}
