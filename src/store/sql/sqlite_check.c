/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check of an accounts database at rest, see store/sql/db_check.h.
 *
 * What the schema should be is not written down a second time: it is made
 * in memory by the steps of schema.c, and compared.
 */
#include "store/sql/db_check.h"

#include "base/mem.h"
#include "store/sql/sqlite.h"
#include "store/sql/sqlite_file.h"
#include "store/sql/sqlite_vfs.h"

struct check {
    sqlite3 *raw;   /* the file */
    sqlite3 *model; /* an empty database with the schema of this version */
    struct mn_sqlite_watch watch;
    mn_db_check_fn fn;
    void *arg;
};

/* Rows of one column, each of them a sentence about something wrong. */
static const struct {
    enum mn_db_problem problem;
    const char *sql;
} queries[] = {
    {MN_DB_DAMAGED, "PRAGMA integrity_check"},
    {MN_DB_SCHEMA, "SELECT 'schema step ' || (version - 1) || ' was never applied' FROM"
                   " t_schema_version WHERE version > 1 AND version - 1 NOT IN"
                   " (SELECT version FROM t_schema_version)"},
    {MN_DB_USER, "SELECT 'user ' || id || ': id, name, key or status is impossible' FROM t_user"
                 " WHERE id <= 0 OR username = '' OR username_key = '' OR status NOT IN (0, 1)"},
    /* NOT INDEXED: the rows themselves, whatever the index says of them. */
    {MN_DB_USER, "SELECT 'users ' || min(id) || ' and ' || max(id) || ' have the same name'"
                 " FROM t_user NOT INDEXED GROUP BY username_key HAVING count(*) > 1"},
    {MN_DB_USER, "SELECT 'users ' || min(id) || ' and ' || max(id) || ' have the same friend code'"
                 " FROM t_user NOT INDEXED WHERE friend_code IS NOT NULL"
                 " GROUP BY friend_code HAVING count(*) > 1"},
    {MN_DB_SESSION, "SELECT 'session of user ' || user_id || ': version ' || session_version"
                    " FROM t_session WHERE user_id <= 0 OR session_version < 1"},
    {MN_DB_SESSION, "SELECT 'session of user ' || user_id || ': no usable refresh token'"
                    " FROM t_session WHERE (refresh_hash IS NULL) <> (refresh_expires_at IS NULL)"
                    " OR length(refresh_hash) <> 64 OR refresh_hash GLOB '*[^0-9a-f]*'"},
    {MN_DB_SESSION, "SELECT 'sessions of users ' || min(user_id) || ' and ' || max(user_id) ||"
                    " ' have the same refresh token' FROM t_session NOT INDEXED"
                    " WHERE refresh_hash IS NOT NULL GROUP BY refresh_hash HAVING count(*) > 1"},
    /* Without a token it may be: a logout with a signed token of a user who never registered. */
    {MN_DB_SESSION, "SELECT 'session of user ' || user_id || ': there is no such user'"
                    " FROM t_session WHERE refresh_hash IS NOT NULL AND user_id NOT IN"
                    " (SELECT id FROM t_user)"},
    {MN_DB_CALL, "SELECT 'call ' || call_id || ': ids, users, status or times are impossible'"
                 " FROM t_call_record WHERE id <= 0 OR call_id <= 0 OR caller_user_id <= 0"
                 " OR callee_user_id <= 0 OR caller_user_id = callee_user_id"
                 " OR status NOT BETWEEN 1 AND 7 OR (status < 3) <> (ended_at IS NULL)"
                 " OR (status IN (2, 5) AND accepted_at IS NULL)"
                 " OR (duration_seconds IS NOT NULL AND (accepted_at IS NULL OR ended_at IS NULL))"
                 " OR duration_seconds < 0"},
    {MN_DB_CALL, "SELECT 'records ' || min(id) || ' and ' || max(id) || ' are of the same call'"
                 " FROM t_call_record NOT INDEXED GROUP BY call_id HAVING count(*) > 1"},
    {MN_DB_FRIEND, "SELECT 'friendship ' || id || ': ids are impossible' FROM t_friend_relation"
                   " WHERE id <= 0 OR user1_id <= 0 OR user1_id >= user2_id"},
    {MN_DB_FRIEND, "SELECT 'friendships ' || min(id) || ' and ' || max(id) || ' are of the same"
                   " users' FROM t_friend_relation NOT INDEXED GROUP BY user1_id, user2_id"
                   " HAVING count(*) > 1"},
    {MN_DB_FRIEND, "SELECT 'friend request ' || id || ': users, status or times are impossible'"
                   " FROM t_friend_request WHERE id <= 0 OR from_user_id <= 0 OR to_user_id <= 0"
                   " OR from_user_id = to_user_id OR status NOT BETWEEN 0 AND 2"
                   " OR (status = 0) <> (handled_at IS NULL)"},
    {MN_DB_FRIEND, "SELECT 'friend request ' || id || ' was accepted, and they are no friends'"
                   " FROM t_friend_request WHERE status = 1 AND NOT EXISTS"
                   " (SELECT 1 FROM t_friend_relation WHERE user1_id = min(from_user_id,"
                   " to_user_id) AND user2_id = max(from_user_id, to_user_id))"},
    {MN_DB_FRIEND, "SELECT 'client id of user ' || from_user_id || ': there is no request ' ||"
                   " request_id FROM t_friend_request_client c WHERE NOT EXISTS"
                   " (SELECT 1 FROM t_friend_request r WHERE r.id = c.request_id"
                   " AND r.from_user_id = c.from_user_id)"},
    {MN_DB_GROUP, "SELECT 'group ' || id || ': id, name or founder is impossible' FROM t_group"
                  " WHERE id <= 0 OR name = '' OR created_by <= 0"},
    {MN_DB_GROUP, "SELECT 'groups ' || min(id) || ' and ' || max(id) || ' have the same code'"
                  " FROM t_group NOT INDEXED WHERE group_code IS NOT NULL"
                  " GROUP BY group_code HAVING count(*) > 1"},
    /* The last one who leaves ends the group. */
    {MN_DB_GROUP, "SELECT 'group ' || id || ' has ' || coalesce(owners, 0) || ' owners'"
                  " FROM t_group LEFT JOIN (SELECT group_id, sum(role = 1) AS owners"
                  " FROM t_group_member GROUP BY group_id) ON group_id = id"
                  " WHERE coalesce(owners, 0) <> 1"},
    {MN_DB_GROUP, "SELECT 'group ' || group_id || ', user ' || user_id || ': user, role or ban is"
                  " impossible' FROM t_group_member WHERE user_id <= 0"
                  " OR role NOT BETWEEN 1 AND 3 OR speak_mute_until < 0"},
    {MN_DB_GROUP, "SELECT 'user ' || user_id || ': there is no group ' || group_id"
                  " FROM t_group_member WHERE group_id NOT IN (SELECT id FROM t_group)"},
    {MN_DB_GROUP, "SELECT 'request ' || id || ' to join: ids, status or times are impossible'"
                  " FROM t_group_join_request WHERE id <= 0 OR group_id <= 0 OR from_user_id <= 0"
                  " OR status NOT BETWEEN 1 AND 4 OR (status = 1) <> (handled_at IS NULL)"},
    {MN_DB_GROUP, "SELECT 'request ' || id || ' to join is open: there is no group ' || group_id"
                  " FROM t_group_join_request WHERE status = 1"
                  " AND group_id NOT IN (SELECT id FROM t_group)"},
    {MN_DB_GROUP, "SELECT 'requests ' || min(id) || ' and ' || max(id) || ' to join are open, of"
                  " one user to one group' FROM t_group_join_request NOT INDEXED WHERE status = 1"
                  " GROUP BY from_user_id, group_id HAVING count(*) > 1"},
    {MN_DB_MOMENT, "SELECT 'post ' || id || ': id or author is impossible' FROM t_moment_post"
                   " WHERE id <= 0 OR author_id <= 0"},
    {MN_DB_MOMENT, "SELECT 'post ' || p.id || ': ' || like_count || ' likes, but ' ||"
                   " coalesce(n, 0) || ' users who like it' FROM t_moment_post p LEFT JOIN"
                   " (SELECT post_id, count(*) AS n FROM t_moment_like NOT INDEXED"
                   " GROUP BY post_id) ON post_id = p.id WHERE like_count <> coalesce(n, 0)"},
    {MN_DB_MOMENT, "SELECT 'post ' || p.id || ': ' || comment_count || ' comments, but ' ||"
                   " coalesce(n, 0) || ' that are there' FROM t_moment_post p LEFT JOIN"
                   " (SELECT post_id, count(*) AS n FROM t_moment_comment NOT INDEXED"
                   " WHERE deleted = 0 GROUP BY post_id) ON post_id = p.id"
                   " WHERE comment_count <> coalesce(n, 0)"},
    {MN_DB_MOMENT, "SELECT 'user ' || user_id || ' likes post ' || post_id || ', which is not"
                   " there, or twice' FROM t_moment_like NOT INDEXED GROUP BY post_id, user_id"
                   " HAVING count(*) > 1 OR post_id NOT IN (SELECT id FROM t_moment_post)"},
    {MN_DB_MOMENT, "SELECT 'comment ' || id || ': there is no post ' || post_id"
                   " FROM t_moment_comment WHERE post_id NOT IN (SELECT id FROM t_moment_post)"},
    /* The step that came last is what the accounts say. */
    {MN_DB_TODO, "SELECT 'step ' || id || ': kind or ids are impossible' FROM t_log_todo"
                 " WHERE id <= 0 OR kind NOT BETWEEN 1 AND 3 OR a <= 0 OR b <= 0"
                 " OR (kind = 1 AND a >= b)"},
    {MN_DB_TODO, "SELECT 'step ' || id || ': user ' || b || ' is' || iif(kind = 2, ' no', ' still"
                 " a') || ' member of group ' || a FROM t_log_todo t WHERE kind IN (2, 3)"
                 " AND id = (SELECT max(id) FROM t_log_todo l WHERE l.kind IN (2, 3)"
                 " AND l.a = t.a AND l.b = t.b) AND (kind = 2) <> EXISTS (SELECT 1 FROM"
                 " t_group_member WHERE group_id = t.a AND user_id = t.b)"},
};

/* ---- sums ---- */

static void on_misfit(void *arg, uint32_t page)
{
    struct check *check = arg;
    char text[64];
    snprintf(text, sizeof(text), "page %u does not fit its sum", (unsigned)page);
    check->fn(check->arg, MN_DB_DAMAGED, text);
}

static enum mn_err check_sums(struct check *check, const char *path, struct mn_buf *why)
{
    enum mn_err err = mn_sqlite_wal_check(path, why);
    if (err == MN_ECORRUPT) {
        mn_buf_add_char(why, '\0');
        check->fn(check->arg, MN_DB_DAMAGED, why->p);
        mn_buf_reset(why);
        err = MN_OK;
    }
    if (!err && mn_sqlite_file_kind(path) == MN_PAGE_FILE_SUMMED)
        err = mn_sqlite_file_scan(path, on_misfit, check);
    return err;
}

static void tell_misfits(struct check *check)
{
    char text[64];
    if (check->watch.page)
        on_misfit(check, check->watch.page);
    snprintf(text, sizeof(text), "frame %u of the log does not fit", (unsigned)check->watch.frame);
    if (check->watch.frame)
        check->fn(check->arg, MN_DB_DAMAGED, text);
    check->watch = (struct mn_sqlite_watch){0};
}

/* ---- queries ---- */

/* A query that fails is something wrong too: a table that is missing, a page that cannot be read. */
static void run_query(struct check *check, enum mn_db_problem problem, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(check->raw, sql, -1, &stmt, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code != SQLITE_ROW)
            break;
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (!text || strcmp(text, "ok") != 0) /* what integrity_check says when all is well */
            check->fn(check->arg, problem, text ? text : "NULL");
    }
    if (code != SQLITE_DONE)
        check->fn(check->arg, MN_DB_DAMAGED, sqlite3_errmsg(check->raw));
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    tell_misfits(check);
}

/* One table or index of the model: is it in the file, with the same words? */
static int compare_one(struct check *check, const char *name, const char *sql)
{
    char text[160];
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(check->raw, "SELECT sql FROM sqlite_schema WHERE name = ?1", -1,
                                  &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    const char *found = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (code == SQLITE_DONE || (code == SQLITE_ROW && (!found || strcmp(found, sql) != 0))) {
        snprintf(text, sizeof(text), "%.100s %s", name,
                 code == SQLITE_DONE ? "is missing" : "is another than minimd makes");
        check->fn(check->arg, MN_DB_SCHEMA, text);
    }
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return code;
}

static enum mn_err compare_schema(struct check *check)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(
        check->model, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL", -1, &stmt, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code != SQLITE_ROW)
            break;
        code = compare_one(check, (const char *)sqlite3_column_text(stmt, 0),
                           (const char *)sqlite3_column_text(stmt, 1));
        if (code == SQLITE_DONE)
            code = SQLITE_ROW;
    }
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return mn_sqlite_err(code);
}

/* ---- all of it ---- */

/* Refuses what another version wrote: the queries are about this one's tables. */
static enum mn_err check_version(struct check *check, const char *path, struct mn_buf *why)
{
    static const char sql[] = "SELECT coalesce(max(version), 0) FROM t_schema_version";
    int64_t found = 0, known = 0;
    enum mn_err err = mn_sqlite_schema_check(check->raw, path, why);
    if (!err)
        err = mn_sqlite_err(sqlite3_open(":memory:", &check->model));
    if (!err)
        err = mn_sqlite_schema_update(check->model, ":memory:", why);
    if (!err)
        err = mn_sqlite_ask(check->model, sql, &known);
    /* An empty file has no versions to ask for. */
    if (!err && mn_sqlite_ask(check->raw, sql, &found) == MN_OK && found == known)
        return MN_OK;
    if (!err) {
        mn_buf_addf(why,
                    "the accounts database %s has schema %lld, and this program knows %lld: start "
                    "minimd on it once",
                    path, (long long)found, (long long)known);
        err = MN_EVERSION;
    }
    return err;
}

static enum mn_err check_all(struct check *check, const char *path, struct mn_db_counts *ret,
                             struct mn_buf *why)
{
    enum mn_err err = check_sums(check, path, why);
    if (!err)
        err = check_version(check, path, why);
    tell_misfits(check);
    if (!err)
        err = compare_schema(check);
    for (size_t i = 0; i < MN_ARRAY_LEN(queries) && !err; i++)
        run_query(check, queries[i].problem, queries[i].sql);
    if (!err) { /* what cannot be counted was reported above */
        mn_ignore(mn_sqlite_ask(check->raw, "SELECT count(*) FROM t_group", &ret->groups));
        mn_ignore(mn_sqlite_ask(check->raw, "SELECT count(*) FROM t_group_member", &ret->members));
        mn_ignore(mn_sqlite_ask(check->raw, "SELECT count(*) FROM t_user", &ret->users));
        mn_ignore(mn_sqlite_ask(check->raw, "SELECT count(*) FROM t_session", &ret->sessions));
    }
    if (err && why->n == 0)
        mn_buf_addf(why, "cannot read the accounts database %s: %s", path,
                    sqlite3_errmsg(check->raw));
    return err;
}

enum mn_err mn_db_check(const char *path, mn_db_check_fn fn, void *arg,
                        struct mn_db_counts *ret_counts, struct mn_buf *why)
{
    struct check check = {.fn = fn, .arg = arg};
    struct mn_db_counts counts = {0};
    enum mn_err err = mn_sqlite_open_at_rest(path, &check.raw, why);
    if (!err) {
        mn_sqlite_watch(check.raw, &check.watch);
        err = check_all(&check, path, &counts, why);
    }
    MN_BUG_ON(sqlite3_close(check.raw) != SQLITE_OK || sqlite3_close(check.model) != SQLITE_OK);
    if (!err)
        *ret_counts = counts;
    return err;
}
