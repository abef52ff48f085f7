/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every driver of store/sql/ has to do: accounts, sessions, what
 * survives; and of SQLite every way in which the file can be wrong at start.
 */
#include "store/sql/db.h"
#include "store/sql/session.h"
#include "store/sql/sql.h"
#include "store/sql/sql_driver.h"
#include "store/sql/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/power.h"
#include "unit/store/tests.h"

/* The drivers; another one needs its own place to lie in besides (setup). */
static const struct {
    const char *name;
    const struct mn_sql_driver *driver;
} drivers[] = {{"store: relational, on SQLite", &mn_sqlite_driver}};
static const struct mn_sql_driver *driver; /* of the tests that run */

struct fixture {
    char dir[64];
    struct mn_db_config config;
    struct mn_db *db;
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void reopen(struct fixture *f)
{
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    mn_db_close(f->db);
    f->db = NULL;
    enum mn_err err = mn_db_open_with(driver, &f->config, &f->db, &why);
    if (err)
        print_error("%.*s\n", (int)why.n, why.p);
    assert_int_equal(err, MN_OK);
    mn_buf_deinit(&why);
}

static void reopen_fails(struct fixture *f, enum mn_err want, const char *part)
{
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    mn_db_close(f->db);
    f->db = NULL;
    assert_int_equal(mn_db_open_with(driver, &f->config, &f->db, &why), want);
    assert_null(f->db);
    mn_buf_add_char(&why, '\0');
    assert_non_null(strstr(why.p, part));
    assert_non_null(strstr(why.p, f->config.path));
    mn_buf_deinit(&why);
}

static int setup(void **state)
{
    struct fixture *f = mn_new(struct fixture);
    const char *tmp = getenv("TMPDIR");
    snprintf(f->dir, sizeof(f->dir), "%.40s/mn-db-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->config = (struct mn_db_config){.readers = 3, .busy_timeout_ms = 2000, .sync = true};
    snprintf(f->config.path, sizeof(f->config.path), "%s/minim.db", f->dir);
    reopen(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mn_db_close(f->db);
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mn_free(f);
    return 0;
}

/* With the database closed, runs SQL on its file as another program would. */
static void tamper(struct fixture *f, const char *sql)
{
    sqlite3 *raw = NULL;
    mn_db_close(f->db);
    f->db = NULL;
    assert_int_equal(sqlite3_open(f->config.path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(raw);
}

static struct mn_user user_of(int64_t id, const char *name)
{
    struct mn_user user = {
        .id = id, .status = MN_USER_ACTIVE, .created_ms = 1000, .updated_ms = 2000};
    snprintf(user.username, sizeof(user.username), "%s", name);
    snprintf(user.password_hash, sizeof(user.password_hash), "hash of %s", name);
    return user;
}

static void add_user(struct fixture *f, int64_t id, const char *name, const char *key)
{
    struct mn_user user = user_of(id, name);
    assert_int_equal(mn_db_user_create(f->db, &user, mn_str_c(key)), MN_OK);
}

/* A stand-in for a SHA-256 in hex. */
static const char *hash_of(char c)
{
    static char hash[2][MN_REFRESH_HASH_LEN + 1];
    static unsigned turn;
    char *p = hash[turn++ % 2];
    memset(p, c, MN_REFRESH_HASH_LEN);
    return p;
}

/* ---- accounts --------------------------------------------------------------- */

static void test_users_are_found(void **state)
{
    struct fixture *f = *state;
    struct mn_user got;
    int64_t most = -1;
    assert_int_equal(mn_db_max_user_id(f->db, &most), MN_OK);
    assert_int_equal(most, 0);
    add_user(f, 7, "Alice", "alice");
    assert_int_equal(mn_db_user_by_id(f->db, 7, &got), MN_OK);
    assert_string_equal(got.username, "Alice");
    assert_string_equal(got.password_hash, "hash of Alice");
    assert_string_equal(got.friend_code, "");
    assert_false(got.has_nickname);
    assert_false(got.has_avatar_url);
    assert_int_equal(got.status, MN_USER_ACTIVE);
    assert_int_equal(got.created_ms, 1000);
    assert_int_equal(got.updated_ms, 2000);
    assert_int_equal(mn_db_user_by_key(f->db, MN_STR("alice"), &got), MN_OK);
    assert_int_equal(got.id, 7);
    assert_int_equal(mn_db_user_by_key(f->db, MN_STR("Alice"), &got), MN_ENOTFOUND);
    assert_int_equal(mn_db_user_by_id(f->db, 8, &got), MN_ENOTFOUND);
    assert_int_equal(mn_db_max_user_id(f->db, &most), MN_OK);
    assert_int_equal(most, 7);
}

static void test_names_and_ids_are_unique(void **state)
{
    struct fixture *f = *state;
    add_user(f, 7, "Alice", "alice");
    struct mn_user same_name = user_of(8, "ALICE"), same_id = user_of(7, "bob");
    assert_int_equal(mn_db_user_create(f->db, &same_name, MN_STR("alice")), MN_EEXIST);
    assert_int_equal(mn_db_user_create(f->db, &same_id, MN_STR("bob")), MN_EEXIST);
    assert_true(mn_db_is_writable(f->db));
}

static void test_text_of_all_kinds_is_kept(void **state)
{
    struct fixture *f = *state;
    struct mn_user got;
    add_user(f, 7, "Robert'); DROP TABLE t_user;--\xf0\x9f\x98\x80", "k");
    assert_int_equal(mn_db_user_by_id(f->db, 7, &got), MN_OK);
    assert_string_equal(got.username, "Robert'); DROP TABLE t_user;--\xf0\x9f\x98\x80");
}

static void test_claim_works_once(void **state)
{
    struct fixture *f = *state;
    struct mn_user user = user_of(7, "free"), got;
    user.password_hash[0] = '\0';
    assert_int_equal(mn_db_user_create(f->db, &user, MN_STR("free")), MN_OK);
    assert_int_equal(mn_db_user_claim(f->db, 7, "mine", 3000), MN_OK);
    assert_int_equal(mn_db_user_claim(f->db, 7, "yours", 4000), MN_EEXIST);
    assert_int_equal(mn_db_user_by_id(f->db, 7, &got), MN_OK);
    assert_string_equal(got.password_hash, "mine");
    assert_int_equal(got.updated_ms, 3000);
}

static void test_friend_codes(void **state)
{
    struct fixture *f = *state;
    struct mn_user got;
    add_user(f, 7, "a", "a");
    add_user(f, 8, "b", "b");
    assert_int_equal(mn_db_user_set_friend_code(f->db, 7, "CODE2222", 0, 5000), MN_OK);
    assert_int_equal(mn_db_user_set_friend_code(f->db, 8, "CODE2222", 0, 5000), MN_EEXIST);
    assert_int_equal(mn_db_user_set_friend_code(f->db, 9, "CODE3333", 0, 5000), MN_ENOTFOUND);
    /* Of two changes that both saw the code of 5000, the second finds it gone. */
    assert_int_equal(mn_db_user_set_friend_code(f->db, 7, "CODE4444", 5000, 6000), MN_OK);
    assert_int_equal(mn_db_user_set_friend_code(f->db, 7, "CODE5555", 5000, 6001), MN_ENOTFOUND);
    assert_int_equal(mn_db_user_by_friend_code(f->db, MN_STR("CODE4444"), &got), MN_OK);
    assert_int_equal(got.id, 7);
    assert_int_equal(got.friend_code_updated_ms, 6000);
    assert_int_equal(mn_db_user_by_friend_code(f->db, MN_STR("CODE2222"), &got), MN_ENOTFOUND);
}

static void test_many_users_at_once(void **state)
{
    struct fixture *f = *state;
    int64_t ids[MN_SQL_IDS_MAX];
    struct mn_user_brief *got = mn_alloc_array(MN_SQL_IDS_MAX, sizeof(*got));
    size_t count = 9;
    for (int64_t id = 1; id <= MN_SQL_IDS_MAX; id++) {
        char name[16];
        snprintf(name, sizeof(name), "user%d", (int)id);
        if (id % 3) /* every third is missing */
            add_user(f, id, name, name);
        ids[MN_SQL_IDS_MAX - id] = id;
    }
    for (size_t n = 0; n <= MN_SQL_IDS_MAX; n++) {
        size_t wanted = 0;
        assert_int_equal(mn_db_users_by_ids(f->db, ids, n, got, &count), MN_OK);
        for (size_t i = 0; i < n; i++) {
            char name[16];
            snprintf(name, sizeof(name), "user%d", (int)ids[i]);
            if (ids[i] % 3 == 0)
                continue;
            assert_int_equal(got[wanted].id, ids[i]);
            assert_false(got[wanted].has_nickname);
            assert_string_equal(got[wanted++].username, name);
        }
        assert_int_equal(count, wanted);
    }
    mn_free(got);
}

/* ---- sessions --------------------------------------------------------------- */

static void test_session_versions_count_up(void **state)
{
    struct fixture *f = *state;
    int64_t sv = -1;
    bool known = true;
    assert_int_equal(mn_db_session(f->db, 7, &sv, &known), MN_OK);
    assert_int_equal(sv, 0);
    assert_false(known);
    add_user(f, 7, "a", "a");
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('1'), 1, 1000, &sv), MN_OK);
    assert_int_equal(sv, 1);
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('2'), 1, 1000, &sv), MN_OK);
    assert_int_equal(sv, 2);
    assert_int_equal(mn_db_session_end(f->db, 7, &sv), MN_OK);
    assert_int_equal(sv, 3);
    assert_int_equal(mn_db_session(f->db, 7, &sv, &known), MN_OK);
    assert_int_equal(sv, 3);
    assert_true(known);
}

static void test_refresh_tokens_slide(void **state)
{
    struct fixture *f = *state;
    int64_t sv = 0, user = 0;
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('1'), 1, 1000, &sv), MN_OK);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('1'), 999, 2000, &user, &sv), MN_OK);
    assert_int_equal(user, 7);
    assert_int_equal(sv, 1);
    /* Past the first life, within the second. */
    assert_int_equal(mn_db_session_slide(f->db, hash_of('1'), 1999, 3000, &user, &sv), MN_OK);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('1'), 3000, 4000, &user, &sv),
                     MN_ENOTFOUND);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('9'), 1, 2, &user, &sv), MN_ENOTFOUND);
}

/* The clock was wrong for a while: what was made then does not last until that time. */
static void test_a_token_from_the_future_is_none(void **state)
{
    struct fixture *f = *state;
    int64_t sv = 0, user = 0, now = 1000, later = now + MN_REFRESH_AHEAD_MS;
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('1'), later + 1, INT64_MAX, &sv), MN_OK);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('1'), now, 3000, &user, &sv), MN_ENOTFOUND);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('1'), now + 1, 3000, &user, &sv), MN_OK);
    /* Made in time, slid while the clock was wrong. */
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('2'), now, 3000, &sv), MN_OK);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('2'), 2000, INT64_MAX, &user, &sv), MN_OK);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('2'), 1999 - MN_REFRESH_AHEAD_MS, INT64_MAX,
                                         &user, &sv),
                     MN_ENOTFOUND);
}

static void test_one_refresh_token_a_user(void **state)
{
    struct fixture *f = *state;
    int64_t sv = 0, user = 0;
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('1'), 1, 1000, &sv), MN_OK);
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('2'), 1, 1000, &sv), MN_OK);
    assert_int_equal(mn_db_session_begin(f->db, 8, hash_of('3'), 1, 1000, &sv), MN_OK);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('1'), 1, 1000, &user, &sv), MN_ENOTFOUND);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('2'), 1, 1000, &user, &sv), MN_OK);
    assert_int_equal(mn_db_session_end(f->db, 7, &sv), MN_OK);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('2'), 1, 1000, &user, &sv), MN_ENOTFOUND);
    assert_int_equal(mn_db_session_slide(f->db, hash_of('3'), 1, 1000, &user, &sv), MN_OK);
    assert_int_equal(user, 8);
}

static void test_everything_survives(void **state)
{
    struct fixture *f = *state;
    struct mn_user got;
    int64_t sv = 0, user = 0;
    add_user(f, 7, "Alice", "alice");
    assert_int_equal(mn_db_user_set_friend_code(f->db, 7, "CODE2222", 0, 5000), MN_OK);
    assert_int_equal(mn_db_session_begin(f->db, 7, hash_of('1'), 1, 1000, &sv), MN_OK);
    reopen(f);
    assert_int_equal(mn_db_user_by_key(f->db, MN_STR("alice"), &got), MN_OK);
    assert_string_equal(got.friend_code, "CODE2222");
    assert_int_equal(mn_db_session_slide(f->db, hash_of('1'), 1, 1000, &user, &sv), MN_OK);
    assert_int_equal(sv, 1);
}

/* ---- threads ---------------------------------------------------------------- */

#define THREADS 6
#define ROUNDS 40

struct racer {
    struct mn_db *db;
    int64_t seen[ROUNDS];
};

static void *race(void *arg)
{
    struct racer *r = arg;
    char hash[MN_REFRESH_HASH_LEN + 1];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct mn_user user;
        int64_t sv = 0;
        bool known = false;
        snprintf(hash, sizeof(hash), "%p-%u", arg, i);
        if (mn_db_session_begin(r->db, 7, hash, 1, 2, &r->seen[i]) != MN_OK ||
            mn_db_session(r->db, 7, &sv, &known) != MN_OK || sv < r->seen[i] ||
            mn_db_user_by_id(r->db, 7, &user) != MN_OK)
            r->seen[i] = -1;
    }
    return NULL;
}

/* More threads than readers; every bump is seen by exactly one of them. */
static void test_any_number_of_threads(void **state)
{
    struct fixture *f = *state;
    pthread_t thread[THREADS];
    struct racer racer[THREADS];
    bool seen[THREADS * ROUNDS + 1] = {false};
    add_user(f, 7, "a", "a");
    for (unsigned t = 0; t < THREADS; t++) {
        racer[t].db = f->db;
        assert_int_equal(pthread_create(&thread[t], NULL, race, &racer[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    for (unsigned t = 0; t < THREADS; t++) {
        for (unsigned i = 0; i < ROUNDS; i++) {
            assert_in_range(racer[t].seen[i], 1, THREADS * ROUNDS);
            assert_false(seen[racer[t].seen[i]]);
            seen[racer[t].seen[i]] = true;
        }
    }
}

/* ---- start ------------------------------------------------------------------ */

static void test_the_file_is_private(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char wal[4200];
    add_user(f, 7, "a", "a");
    assert_int_equal(stat(f->config.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(wal, sizeof(wal), "%s-wal", f->config.path);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_a_newer_schema_is_refused_untouched(void **state)
{
    struct fixture *f = *state;
    tamper(f, "INSERT INTO t_schema_version VALUES (99, 'from the future', 0)");
    reopen_fails(f, MN_EVERSION, "newer minimd");
    tamper(f, "DELETE FROM t_schema_version WHERE version = 99");
    reopen(f);
}

/* A row's first column behind what stands in `arg`, 4096 bytes. */
static int add_text(void *arg, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    size_t n = strlen(arg);
    assert_true(n + strlen(values[0]) < 4096);
    snprintf((char *)arg + n, 4096 - n, "%s", values[0]);
    return 0;
}

static void test_an_interrupted_update_is_taken_up(void **state)
{
    struct fixture *f = *state;
    /* As if the process had died between making the table of versions and the first step. */
    char drops[4096] = "DELETE FROM t_schema_version;";
    sqlite3 *raw = NULL;
    assert_int_equal(sqlite3_open(f->config.path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw,
                                  "SELECT 'DROP TABLE ' || name || ';' FROM sqlite_schema"
                                  " WHERE type = 'table' AND name <> 't_schema_version'",
                                  add_text, drops, NULL),
                     SQLITE_OK);
    sqlite3_close(raw);
    tamper(f, drops);
    reopen(f);
    add_user(f, 7, "a", "a");
}

static void test_garbage_is_no_database(void **state)
{
    struct fixture *f = *state;
    mn_db_close(f->db);
    f->db = NULL;
    int fd = open(f->config.path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "this is not a database\n", 23), 23);
    close(fd);
    reopen_fails(f, MN_ECORRUPT, "no SQLite database");
}

static void test_foreign_databases_are_left_alone(void **state)
{
    struct fixture *f = *state;
    tamper(f, "DROP TABLE t_schema_version");
    reopen_fails(f, MN_ECORRUPT, "another program");
}

static void test_a_damaged_page_is_found(void **state)
{
    struct fixture *f = *state;
    char junk[4096];
    struct stat st;
    for (int64_t i = 1; i <= 200; i++) {
        char name[32];
        snprintf(name, sizeof(name), "user-%lld", (long long)i);
        add_user(f, i, name, name);
    }
    mn_db_close(f->db);
    f->db = NULL;
    memset(junk, 0x5a, sizeof(junk));
    int fd = open(f->config.path, O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_size >= 8 * 4096);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), st.st_size - 4096), (int)sizeof(junk));
    close(fd);
    reopen_fails(f, MN_ECORRUPT, "backup");
}

static void test_a_missing_folder_is_told(void **state)
{
    struct fixture *f = *state;
    snprintf(f->config.path, sizeof(f->config.path), "%s/no/such/minim.db", f->dir);
    reopen_fails(f, MN_ENOTFOUND, "cannot open");
}

/* However few descriptors there are, it says so. */
static void test_a_lack_of_descriptors_is_told(void **state)
{
    struct fixture *f = *state;
    struct rlimit limit, old;
    unsigned failed = 0;
    mn_db_close(f->db);
    f->db = NULL;
    int first = dup(0); /* the first that is free */
    assert_true(first >= 0);
    close(first);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (limit = old, limit.rlim_cur = (rlim_t)first; !f->db; limit.rlim_cur++) {
        struct mn_buf why;
        mn_buf_init(&why, 4096);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        enum mn_err err = mn_db_open_with(driver, &f->config, &f->db, &why);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        mn_buf_add_char(&why, '\0');
        if (err != MN_OK && !strstr(why.p, "Too many open files"))
            fail_msg("with %u: %s", failed, why.p);
        mn_buf_deinit(&why);
        failed += err != MN_OK;
    }
    assert_true(failed > 1); /* the first is before SQLite comes to it */
}

/* ---- failing writes --------------------------------------------------------- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk refuses: the write fails, reads go on, and a probe finds out when it is over. */
static void test_failed_writes_are_reported(void **state)
{
    struct fixture *f = *state;
    struct mn_user user = user_of(8, "late"), got;
    struct rlimit before;
    add_user(f, 7, "a", "a");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(1024);
    enum mn_err err = mn_db_user_create(f->db, &user, MN_STR("late"));
    bool writable = mn_db_is_writable(f->db);
    enum mn_err probe = mn_db_probe(f->db);
    limit_file_size(before.rlim_cur);
    assert_true(err == MN_EIO || err == MN_ENOSPC);
    assert_true(probe == MN_EIO || probe == MN_ENOSPC);
    assert_false(writable);
    assert_int_equal(mn_db_user_by_id(f->db, 7, &got), MN_OK);
    assert_int_equal(mn_db_user_by_id(f->db, 8, &got), MN_ENOTFOUND);
    assert_false(mn_db_is_writable(f->db));
    assert_int_equal(mn_db_probe(f->db), MN_OK);
    assert_true(mn_db_is_writable(f->db));
    assert_int_equal(mn_db_user_create(f->db, &user, MN_STR("late")), MN_OK);
}

/* The disk is full: what is known of it must be that, until a write succeeds. */
static void test_a_full_disk_is_told(void **state)
{
    struct fixture *f = *state;
    struct mn_user user = user_of(8, "late"), got;
    int64_t sv = 0;
    mn_db_close(f->db);
    f->db = NULL;
    power_record(f->dir);
    reopen(f);
    add_user(f, 7, "a", "a");
    power_set_full(true);
    enum mn_err create = mn_db_user_create(f->db, &user, mn_str_c("late"));
    bool after_create = mn_db_is_writable(f->db);
    enum mn_err begin = mn_db_session_begin(f->db, 7, hash_of('1'), 1, 1000, &sv);
    enum mn_err probe = mn_db_probe(f->db);
    bool after_probe = mn_db_is_writable(f->db);
    enum mn_err read = mn_db_user_by_id(f->db, 7, &got);
    power_set_full(false);
    enum mn_err again = mn_db_probe(f->db);
    bool at_last = mn_db_is_writable(f->db);
    mn_db_close(f->db);
    f->db = NULL;
    power_trace_free(power_stop());
    assert_int_equal(create, MN_ENOSPC);
    assert_false(after_create);
    assert_int_equal(begin, MN_ENOSPC);
    assert_int_equal(probe, MN_ENOSPC);
    assert_false(after_probe);
    assert_int_equal(read, MN_OK);
    assert_int_equal(again, MN_OK);
    assert_true(at_last);
    reopen(f);
    assert_int_equal(mn_db_user_by_id(f->db, 8, &got), MN_ENOTFOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int run_suite(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(test_users_are_found),
        TEST(test_names_and_ids_are_unique),
        TEST(test_text_of_all_kinds_is_kept),
        TEST(test_claim_works_once),
        TEST(test_friend_codes),
        TEST(test_many_users_at_once),
        TEST(test_session_versions_count_up),
        TEST(test_refresh_tokens_slide),
        TEST(test_a_token_from_the_future_is_none),
        TEST(test_one_refresh_token_a_user),
        TEST(test_everything_survives),
        TEST(test_any_number_of_threads),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int test_store_db(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_file_is_private),
        TEST(test_a_newer_schema_is_refused_untouched),
        TEST(test_an_interrupted_update_is_taken_up),
        TEST(test_garbage_is_no_database),
        TEST(test_foreign_databases_are_left_alone),
        TEST(test_a_damaged_page_is_found),
        TEST(test_a_missing_folder_is_told),
        TEST(test_a_lack_of_descriptors_is_told),
        TEST(test_failed_writes_are_reported),
        TEST(test_a_full_disk_is_told),
    };
    int failed = 0;
    for (size_t i = 0; i < MN_ARRAY_LEN(drivers); i++) {
        driver = drivers[i].driver;
        failed += run_suite(drivers[i].name);
    }
    driver = &mn_sqlite_driver;
    return failed + cmocka_run_group_tests_name("store: SQLite", tests, NULL, NULL);
}
