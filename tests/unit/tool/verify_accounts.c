/* SPDX-License-Identifier: Apache-2.0 */
/* An accounts database that is damaged in each way that minim verify should tell. */
#include "unit/tool/tests.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sql/call.h"
#include "store/sql/db.h"
#include "store/sql/session.h"
#include "store/sql/user.h"
#include "unit/tool/verify_support.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct accounts {
    char dir[64];
    char path[80];
};

static void make(struct accounts *a)
{
    struct mn_db_config config = {.readers = 1, .busy_timeout_ms = 1000};
    struct mn_db *db = NULL;
    struct mn_buf why;
    int64_t sv = 0;
    const char *tmp = getenv("TMPDIR");
    mn_buf_init(&why, 4096);
    snprintf(a->dir, sizeof a->dir, "%.40s/mn-verify-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(a->dir));
    snprintf(a->path, sizeof a->path, "%s/minim.db", a->dir);
    snprintf(config.path, sizeof config.path, "%s", a->path);
    assert_int_equal(mn_db_open(&config, &db, &why), MN_OK);
    for (int64_t id = 1; id <= 3; id++) {
        struct mn_user user = {.id = id, .status = MN_USER_ACTIVE, .created_ms = 1};
        snprintf(user.username, sizeof user.username, "user%d", (int)id);
        assert_int_equal(mn_db_user_create(db, &user, mn_str_c(user.username)), MN_OK);
    }
    assert_int_equal(mn_db_session_begin(db, 1, HASH, 1, 1000, &sv), MN_OK);
    assert_int_equal(mn_db_session_end(db, 2, &sv), MN_OK);
    /* A logout with a signed token of somebody who never registered is no fault. */
    assert_int_equal(mn_db_session_end(db, 77, &sv), MN_OK);
    /* One that rings, one that was answered and ended, one that came to nothing. */
    struct mn_call_record calls[] = {
        {.status = MN_CALL_RINGING, .duration_s = -1},
        {.status = MN_CALL_ENDED, .accepted_ms = 2, .ended_ms = 3, .duration_s = 0},
        {.status = MN_CALL_FAILED, .reason = "busy", .ended_ms = 1, .duration_s = -1}};
    for (int i = 0; i < 3; i++) {
        calls[i].id = i + 1;
        calls[i].call = i + 11;
        calls[i].caller = 1;
        calls[i].callee = 2;
        calls[i].started_ms = 1;
        assert_int_equal(mn_db_call_create(db, &calls[i]), MN_OK);
    }
    mn_db_close(db);
    mn_buf_deinit(&why);
}

static void drop(struct accounts *a)
{
    char path[96];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < MN_ARRAY_LEN(suffixes); i++) {
        snprintf(path, sizeof path, "%s%s", a->path, suffixes[i]);
        mn_ignore(unlink(path));
    }
    assert_int_equal(rmdir(a->dir), 0); /* nothing else was left there */
}

static void edit(const struct accounts *a, const char *sql)
{
    sqlite3 *db = NULL;
    char *text = NULL;
    assert_int_equal(sqlite3_open(a->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static const char *look(const struct accounts *a, enum mn_err expected)
{
    struct verify_report report;
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    verify_report_init(&report, 20, false);
    assert_int_equal(verify_accounts(&report, a->path, &why), expected);
    const char *text = tv_report(&report);
    verify_report_deinit(&report);
    mn_buf_deinit(&why);
    return text;
}

/* Two groups, in the first of which are two; who asks to join the second is none of them. */
#define GROUP                                                                                      \
    "INSERT INTO t_group VALUES (7, 'Team', NULL, 'AAAAAAAA', 1, 1, 1, 1),"                        \
    " (8, 'Other', NULL, 'BBBBBBBB', 1, 3, 1, 1);"                                                 \
    "INSERT INTO t_group_member VALUES (7, 1, 1, 1, NULL, NULL, 1), (7, 2, 3, 1, NULL, 5, 1),"     \
    " (8, 3, 1, 1, NULL, NULL, 1);"                                                                \
    "INSERT INTO t_group_join_request VALUES (1, 8, 1, NULL, 1, NULL, NULL, 1, 1);"
/* Two like it; one of two comments is deleted. */
#define POST                                                                                       \
    "INSERT INTO t_moment_post VALUES (1, 1, 'x', 2, 1, 0, 1, 1);"                                 \
    "INSERT INTO t_moment_like VALUES (1, 1, 1, 1), (2, 1, 2, 1);"                                 \
    "INSERT INTO t_moment_comment VALUES (1, 1, 2, 'x', 0, 1, 1), (2, 1, 2, 'y', 1, 1, 1);"

static const struct {
    const char *sql, *expected;
} damages[] = {
    {"SELECT 1", ""},
    {"CREATE TABLE t_mine (x)", ""},
    {"DROP INDEX uk_user_username", "schema_differs:1"},
    {"DROP INDEX uk_session_refresh; CREATE INDEX uk_session_refresh ON t_session(refresh_hash)",
     "schema_differs:1"},
    {"DROP INDEX uk_user_username; UPDATE t_user SET username_key = 'user1' WHERE id = 2",
     "schema_differs:1 user_wrong:1"},
    {"DROP INDEX uk_user_friend_code; UPDATE t_user SET friend_code = 'ABCDEFGH'",
     "schema_differs:1 user_wrong:1"},
    {"UPDATE t_user SET id = -3 WHERE id = 3", "user_wrong:1"},
    {"UPDATE t_user SET username = '' WHERE id = 3", "user_wrong:1"},
    {"UPDATE t_user SET status = 7", "user_wrong:3"},
    {"UPDATE t_session SET session_version = 0 WHERE user_id = 2", "session_wrong:1"},
    {"UPDATE t_session SET refresh_expires_at = NULL WHERE user_id = 1", "session_wrong:1"},
    {"UPDATE t_session SET refresh_hash = 'abc' WHERE user_id = 1", "session_wrong:1"},
    {"UPDATE t_session SET refresh_hash = upper(refresh_hash)", "session_wrong:1"},
    {"DELETE FROM t_user WHERE id = 1", "session_wrong:1"},
    {"DROP INDEX uk_session_refresh; UPDATE t_session SET refresh_hash = '" HASH
     "', refresh_expires_at = 1",
     "schema_differs:1 session_wrong:2"}, /* the doubled one, and that of nobody */
    {"UPDATE t_call_record SET status = 0 WHERE id = 1", "call_wrong:1"},
    {"UPDATE t_call_record SET status = 8 WHERE id = 2", "call_wrong:1"},
    {"UPDATE t_call_record SET callee_user_id = caller_user_id", "call_wrong:3"},
    {"UPDATE t_call_record SET ended_at = NULL WHERE id = 2", "call_wrong:1"},
    {"UPDATE t_call_record SET ended_at = 9 WHERE id = 1", "call_wrong:1"},
    {"UPDATE t_call_record SET accepted_at = NULL WHERE id = 2", "call_wrong:1"},
    {"UPDATE t_call_record SET duration_seconds = -1 WHERE id = 2", "call_wrong:1"},
    {"UPDATE t_call_record SET duration_seconds = 1 WHERE id = 3", "call_wrong:1"},
    {"DROP INDEX uk_call_record_call; UPDATE t_call_record SET call_id = 11 WHERE id = 2",
     "schema_differs:1 call_wrong:1"},
    {"INSERT INTO t_friend_relation VALUES (1, 1, 2, 1, 1)", ""},
    {"INSERT INTO t_friend_relation VALUES (1, 2, 1, 1, 1)", "friend_wrong:1"},
    {"INSERT INTO t_friend_relation VALUES (0, 1, 2, 1, 1)", "friend_wrong:1"},
    {"DROP INDEX uk_friend_relation_pair;"
     "INSERT INTO t_friend_relation VALUES (1, 1, 2, 1, 1), (2, 1, 2, 1, 1)",
     "schema_differs:1 friend_wrong:1"},
    {"INSERT INTO t_friend_request VALUES (1, 1, 2, NULL, 0, NULL, 1, 1)", ""},
    {"INSERT INTO t_friend_request VALUES (1, 1, 1, NULL, 0, NULL, 1, 1)", "friend_wrong:1"},
    {"INSERT INTO t_friend_request VALUES (1, 1, 2, NULL, 0, 5, 1, 1)", "friend_wrong:1"},
    {"INSERT INTO t_friend_request VALUES (1, 1, 2, NULL, 7, 5, 1, 1)", "friend_wrong:1"},
    {"INSERT INTO t_friend_request VALUES (1, 2, 1, NULL, 1, 5, 1, 1)", "friend_wrong:1"},
    {"INSERT INTO t_friend_request VALUES (1, 2, 1, NULL, 1, 5, 1, 1);"
     "INSERT INTO t_friend_relation VALUES (1, 1, 2, 1, 1)",
     ""},
    {"INSERT INTO t_friend_request_client VALUES (1, 'a', 5)", "friend_wrong:1"},
    {GROUP, ""},
    {GROUP "UPDATE t_group SET name = ''", "group_wrong:2"},
    {GROUP "DROP INDEX uk_group_group_code; UPDATE t_group SET group_code = 'ABCDEFGH'",
     "schema_differs:1 group_wrong:1"},
    {GROUP "UPDATE t_group_member SET role = 2 WHERE role = 1", "group_wrong:2"},
    {GROUP "DROP INDEX uk_group_member_owner; UPDATE t_group_member SET role = 1",
     "schema_differs:1 group_wrong:1"},
    {GROUP "UPDATE t_group_member SET role = 4 WHERE user_id = 2", "group_wrong:1"},
    {GROUP "UPDATE t_group_member SET speak_mute_until = -1 WHERE user_id = 2", "group_wrong:1"},
    {GROUP "DELETE FROM t_group_member WHERE group_id = 8", "group_wrong:1"},
    /* its one member, and the request to it that is open */
    {GROUP "DELETE FROM t_group WHERE id = 8", "group_wrong:2"},
    {GROUP "UPDATE t_group_join_request SET status = 2", "group_wrong:1"},
    {GROUP "UPDATE t_group_join_request SET handled_at = 5", "group_wrong:1"},
    {GROUP "UPDATE t_group_join_request SET status = 9, handled_at = 5", "group_wrong:1"},
    {GROUP "DROP INDEX uk_group_join_request_open;"
           "INSERT INTO t_group_join_request VALUES (2, 8, 1, NULL, 1, NULL, NULL, 1, 1)",
     "schema_differs:1 group_wrong:1"},
    {POST, ""},
    {POST "UPDATE t_moment_post SET author_id = 0", "moment_wrong:1"},
    {POST "UPDATE t_moment_post SET like_count = 3", "moment_wrong:1"},
    {POST "UPDATE t_moment_post SET comment_count = 2", "moment_wrong:1"},
    {POST "UPDATE t_moment_comment SET deleted = 1", "moment_wrong:1"},
    {POST "DELETE FROM t_moment_like WHERE user_id = 1", "moment_wrong:1"},
    {POST "DROP INDEX uk_moment_like_post_user; UPDATE t_moment_like SET user_id = 1",
     "schema_differs:1 moment_wrong:1"},
    {POST "DELETE FROM t_moment_post", "moment_wrong:4"}, /* two likes, two comments */
    {"INSERT INTO t_log_todo VALUES (1, 7, 1, 2, 1)", "todo_wrong:1"},
    {"INSERT INTO t_log_todo VALUES (1, 1, 2, 1, 1);"
     "INSERT INTO t_friend_relation VALUES (1, 1, 2, 1, 1)",
     "todo_wrong:1"}, /* in the wrong order */
    {"DROP TABLE t_probe", "schema_differs:1"},
    /* The table, its index, and the four questions about it. */
    {"DROP TABLE t_session", "accounts_damaged:4 schema_differs:2"},
    {"DELETE FROM t_schema_version; INSERT INTO t_schema_version SELECT 0, 'x', 1", NULL},
    {"INSERT INTO t_schema_version SELECT 999, 'x', 1", NULL},
};

static void every_damage_is_told(void **state)
{
    struct accounts a;
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(damages); i++) {
        make(&a);
        edit(&a, damages[i].sql);
        const char *found = look(&a, damages[i].expected ? MN_OK : MN_EVERSION);
        if (damages[i].expected && strcmp(found, damages[i].expected) != 0)
            print_error("%s:\n", damages[i].sql);
        assert_string_equal(found, damages[i].expected ? damages[i].expected : "");
        drop(&a);
    }
}

static void poke(const struct accounts *a, long offset, const char *bytes, size_t n)
{
    FILE *file = fopen(a->path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void a_damaged_or_missing_file_is_told(void **state)
{
    struct accounts a;
    struct stat st;
    char page[64];
    (void)state;
    make(&a);
    poke(&a, 0, "no database", 11);
    assert_string_equal(look(&a, MN_OK), "accounts_damaged:1");
    assert_int_equal(unlink(a.path), 0);
    assert_string_equal(look(&a, MN_OK), "accounts_missing:1");
    drop(&a);
    make(&a); /* the last page: that of an index */
    assert_int_equal(stat(a.path, &st), 0);
    memset(page, 0xff, sizeof page);
    poke(&a, (long)st.st_size - 4096, page, sizeof page);
    assert_memory_equal(look(&a, MN_OK), "accounts_damaged:", 17);
    drop(&a);
}

/* What a killed minimd left in the write-ahead log counts, and stays where it is. */
static void the_write_ahead_log_is_read_and_not_touched(void **state)
{
    struct accounts a;
    struct stat before, after;
    sqlite3 *db = NULL;
    char path[96];
    (void)state;
    make(&a);
    /* A second process could not be killed here: one that is still there leaves the same files. */
    assert_int_equal(sqlite3_open(a.path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; UPDATE t_user SET status = 7 WHERE id = 3", NULL,
                     NULL, NULL),
        SQLITE_OK);
    snprintf(path, sizeof path, "%s-wal", a.path);
    assert_int_equal(stat(path, &before), 0);
    assert_true(before.st_size > 0);
    assert_string_equal(look(&a, MN_OK), "user_wrong:1");
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size == before.st_size &&
                after.st_mtim.tv_nsec == before.st_mtim.tv_nsec &&
                after.st_mtim.tv_sec == before.st_mtim.tv_sec);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    drop(&a);
}

int test_tool_verify_accounts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_damage_is_told),
        cmocka_unit_test(a_damaged_or_missing_file_is_told),
        cmocka_unit_test(the_write_ahead_log_is_read_and_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
