/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies the steps of schema.c to an SQLite file.  Each step and its row in
 * t_schema_version are one transaction, so an update that was cut off is
 * simply taken up again.
 */
#include "store/sql/sqlite.h"

#include "base/clock.h"
#include "store/sql/schema.h"

/* Version of the schema in the file, 0 when it is empty; a foreign database is MN_EINVAL. */
static enum mn_err version(sqlite3 *raw, int64_t *ret_version)
{
    int64_t tables = 0, ours = 0;
    enum mn_err err = mn_sqlite_ask(raw, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err == MN_OK)
        err = mn_sqlite_ask(
            raw, "SELECT count(*) FROM sqlite_schema WHERE name = 't_schema_version'", &ours);
    if (err != MN_OK)
        return err;
    if (ours == 0) {
        *ret_version = 0;
        return tables == 0 ? MN_OK : MN_EINVAL;
    }
    return mn_sqlite_ask(raw, "SELECT coalesce(max(version), 0) FROM t_schema_version",
                         ret_version);
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
    if (err == MN_OK && found > (int64_t)mn_sql_steps()) {
        mn_buf_addf(why,
                    "the accounts database %s was written by a newer minimd (schema %lld, this one "
                    "knows up to %zu): run that version, or restore a backup made before the "
                    "upgrade",
                    path, (long long)found, mn_sql_steps());
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
    const struct mn_sql_step *step = mn_sql_step(number);
    int code = sqlite3_exec(raw, step->sqlite, NULL, NULL, NULL);
    return code == SQLITE_OK ? record(raw, number, step->name) : code;
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
        err = mn_sqlite_ask(raw, "SELECT coalesce(max(version), 0) FROM t_schema_version", &found);
    if (err == MN_OK && found < (int64_t)mn_sql_steps()) {
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
    while (err == MN_OK && found < (int64_t)mn_sql_steps())
        err = step_once(raw, &found);
    if (err != MN_OK)
        mn_buf_addf(why, "cannot update the accounts database %s from schema %lld: %s (%s)", path,
                    (long long)found, sqlite3_errmsg(raw), mn_sqlite_cause(raw, err));
    return err;
}
