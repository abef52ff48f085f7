/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of an accounts database at rest besides its check, see
 * store/sql/db_check.h: what it knows of the message log beside it.
 *
 * How it is opened so that nothing is written beside it: without a
 * write-ahead log as an immutable file; with one (after a crash) with its
 * shared memory file for reading only, SQLite then keeps the log's index on
 * the heap.  Only when that file was lost while the log was not does SQLite
 * make a new one; it holds no data.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sql/db_check.h"
#include "store/sql/sqlite.h"
#include "store/sql/sqlite_file.h"
#include "store/sql/sqlite_vfs.h"

enum { URI_CAP = 3 * 4200 + 64 };

/* ---- opening ---- */

static void uri_of(char uri[URI_CAP], const char *path, const char *parameters)
{
    char *p = uri + snprintf(uri, URI_CAP, "file:");
    for (; *path; path++) {
        bool plain = *path != '?' && *path != '#' && *path != '%';
        p += snprintf(p, 4, plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
    mn_ignore(snprintf(p, URI_CAP - (size_t)(p - uri), "?%s", parameters));
}

static bool has_bytes(const char *path, const char *suffix)
{
    char name[4200 + 8];
    struct stat st;
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    return stat(name, &st) == 0 && st.st_size > 0;
}

enum mn_err mn_sqlite_open_at_rest(const char *path, sqlite3 **ret, struct mn_buf *why)
{
    char uri[URI_CAP];
    if (strlen(path) > 4200) {
        mn_buf_add_z(why, "the path of the accounts database is too long");
        return MN_EINVAL;
    }
    if (access(path, R_OK)) {
        enum mn_err err = mn_err_from_errno(errno);
        mn_buf_addf(why, "cannot read the accounts database %s: %s", path, strerrordesc_np(errno));
        return err;
    }
    const char *how = !has_bytes(path, "-wal")  ? "immutable=1"
                      : has_bytes(path, "-shm") ? "mode=ro&readonly_shm=1"
                                                : "mode=ro";
    uri_of(uri, path, how);
    const char *vfs = mn_sqlite_file_kind(path) == MN_PAGE_FILE_SUMMED ? mn_sqlite_vfs() : NULL;
    int code = sqlite3_open_v2(uri, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs);
    (void)sqlite3_extended_result_codes(*ret, 1); /* fails for a NULL handle only */
    if (code == SQLITE_OK)
        code = sqlite3_exec(*ret, "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF", NULL, NULL,
                            NULL);
    if (code != SQLITE_OK)
        mn_buf_addf(why, "cannot open the accounts database %s: %s", path, sqlite3_errstr(code));
    return mn_sqlite_err(code);
}

/* One query over a file of its own; `stmt` is NULL when it cannot be asked, which mn_db_check() tells. */
struct question {
    sqlite3 *raw;
    sqlite3_stmt *stmt;
};

static struct question ask(const char *path, const char *sql)
{
    struct question q = {0};
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    if (mn_sqlite_open_at_rest(path, &q.raw, &why) == MN_OK &&
        sqlite3_prepare_v2(q.raw, sql, -1, &q.stmt, NULL) != SQLITE_OK)
        q.stmt = NULL;
    mn_buf_deinit(&why);
    return q;
}

static bool next_row(struct question *q) { return q->stmt && sqlite3_step(q->stmt) == SQLITE_ROW; }

static void asked(struct question *q)
{
    (void)sqlite3_finalize(q->stmt); /* repeats what the last step said */
    MN_BUG_ON(sqlite3_close(q->raw) != SQLITE_OK);
}

/* ---- answers ---- */

void mn_db_check_witness(const char *path, struct mn_witness *ret)
{
    struct question q = ask(path, "SELECT store_id, generation, log_reach, manifest,"
                                  " manifest_bytes FROM t_witness WHERE id = 1");
    *ret = (struct mn_witness){0};
    if (next_row(&q) && sqlite3_column_text(q.stmt, 0)) {
        ret->is_known = true;
        snprintf(ret->store_id, sizeof(ret->store_id), "%s",
                 (const char *)sqlite3_column_text(q.stmt, 0));
        ret->generation = (uint64_t)sqlite3_column_int64(q.stmt, 1);
        ret->reach = (uint64_t)sqlite3_column_int64(q.stmt, 2);
        ret->manifest = (uint64_t)sqlite3_column_int64(q.stmt, 3);
        ret->manifest_bytes = (uint64_t)sqlite3_column_int64(q.stmt, 4);
    }
    asked(&q);
}

void mn_db_check_friends(const char *path, mn_db_friends_fn fn, void *arg)
{
    struct question q = ask(path, "WITH pair(low, high) AS (SELECT user1_id, user2_id FROM"
                                  " t_friend_relation UNION ALL SELECT min(user_id, target_id),"
                                  " max(user_id, target_id) FROM t_dnd WHERE kind = 1)"
                                  " SELECT low, high FROM pair WHERE NOT EXISTS (SELECT 1 FROM"
                                  " t_log_todo WHERE kind = 1 AND a = low AND b = high)");
    while (next_row(&q))
        fn(arg, sqlite3_column_int64(q.stmt, 0), sqlite3_column_int64(q.stmt, 1));
    asked(&q);
}

void mn_db_check_todos(const char *path, mn_db_todos_fn fn, void *arg)
{
    struct question q = ask(path, "SELECT kind, a, b FROM t_log_todo ORDER BY id");
    while (next_row(&q))
        fn(arg, (enum mn_todo_kind)sqlite3_column_int64(q.stmt, 0), sqlite3_column_int64(q.stmt, 1),
           sqlite3_column_int64(q.stmt, 2));
    asked(&q);
}

struct mn_db_members {
    struct question all;
    sqlite3_stmt *left; /* of the same file */
};

enum mn_err mn_db_members_open(const char *path, struct mn_db_members **ret)
{
    struct mn_db_members *members = mn_new(struct mn_db_members);
    members->all = ask(path, "SELECT user_id, group_id FROM t_group_member"
                             " ORDER BY user_id, group_id");
    int code = members->all.stmt ? sqlite3_prepare_v2(members->all.raw,
                                                      "SELECT 1 FROM t_log_todo WHERE kind IN"
                                                      " (2, 3) AND a = ?1 AND b = ?2",
                                                      -1, &members->left, NULL)
                                 : SQLITE_ERROR;
    if (code == SQLITE_OK) {
        *ret = members;
        return MN_OK;
    }
    mn_db_members_close(members);
    return mn_sqlite_err(code);
}

void mn_db_members_close(struct mn_db_members *members)
{
    if (!members)
        return;
    (void)sqlite3_finalize(members->left); /* repeats what the last step said */
    asked(&members->all);
    mn_free(members);
}

enum mn_err mn_db_members_next(struct mn_db_members *members, int64_t *ret_user, int64_t *ret_group)
{
    int code = sqlite3_step(members->all.stmt);
    if (code == SQLITE_DONE)
        return MN_ENOTFOUND;
    if (code != SQLITE_ROW)
        return mn_sqlite_err(code);
    *ret_user = sqlite3_column_int64(members->all.stmt, 0);
    *ret_group = sqlite3_column_int64(members->all.stmt, 1);
    return MN_OK;
}

bool mn_db_members_is_left(struct mn_db_members *members, int64_t user, int64_t group)
{
    sqlite3_stmt *stmt = members->left;
    bool is_left = sqlite3_bind_int64(stmt, 1, group) == SQLITE_OK &&
                   sqlite3_bind_int64(stmt, 2, user) == SQLITE_OK &&
                   sqlite3_step(stmt) == SQLITE_ROW;
    (void)sqlite3_reset(stmt); /* repeats what the step said */
    return is_left;
}
