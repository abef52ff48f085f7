/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts files as they were before their pages had sums: all that is in one, written anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/store/tests.h"

static void run(sqlite3 *raw, const char *sql)
{
    char *what = NULL;
    int code = sqlite3_exec(raw, sql, NULL, NULL, &what);
    if (code != SQLITE_OK)
        fail_msg("%s: %s", sql, what);
}

/* Runs each row of the first column of a query. */
static void run_rows(sqlite3 *raw, const char *query)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(raw, query, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        run(raw, (const char *)sqlite3_column_text(stmt, 0));
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

static void copy_all(sqlite3 *raw)
{
    run(raw, "BEGIN");
    run_rows(raw, "SELECT replace(sql, 'CREATE TABLE ', 'CREATE TABLE plain.') FROM"
                  " main.sqlite_schema WHERE type = 'table'");
    run_rows(raw, "SELECT 'INSERT INTO plain.' || name || ' SELECT * FROM main.' || name FROM"
                  " main.sqlite_schema WHERE type = 'table'");
    run_rows(raw, "SELECT replace(replace(sql, 'CREATE INDEX ', 'CREATE INDEX plain.'),"
                  " 'UNIQUE INDEX ', 'UNIQUE INDEX plain.') FROM main.sqlite_schema"
                  " WHERE type = 'index' AND sql IS NOT NULL");
    run(raw, "COMMIT");
}

/* A copy of a log that is in use is what a kill leaves. */
static void leave_log(sqlite3 *raw, const char *path)
{
    char command[1024];
    run(raw, "PRAGMA plain.journal_mode=WAL;"
             " INSERT INTO plain.t_probe(id, at) SELECT coalesce(max(id), 1) + 1, 1 FROM"
             " plain.t_probe");
    snprintf(command, sizeof(command), "cp '%s-plain' '%s-kept' && cp '%s-plain-wal' '%s-kept-wal'",
             path, path, path, path);
    assert_int_equal(system(command), 0);
}

void store_drop_sums(const char *path, bool has_log)
{
    char text[600], to[600];
    sqlite3 *raw = NULL;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    run(raw, "SELECT count(*) FROM main.sqlite_schema");
    snprintf(text, sizeof(text), "ATTACH '%s-plain' AS plain", path);
    run(raw, text);
    copy_all(raw);
    if (has_log)
        leave_log(raw, path);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
    snprintf(text, sizeof(text), "%s-%s", path, has_log ? "kept" : "plain");
    assert_int_equal(rename(text, path), 0);
    snprintf(text, sizeof(text), "%s-kept-wal", path);
    snprintf(to, sizeof(to), "%s-wal", path);
    if (has_log)
        assert_int_equal(rename(text, to), 0);
    snprintf(text, sizeof(text), "%s-plain", path);
    (void)unlink(text);
}
