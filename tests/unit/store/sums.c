/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage in the accounts file and its log: at every place, at rest and in
 * use, there is the right answer or MN_ECORRUPT, never another answer; and
 * what others write, or wrote before there were sums, is no damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "store/sql/db.h"
#include "store/sql/db_check.h"
#include "store/sql/friend.h"
#include "store/sql/session.h"
#include "store/sql/sqlite_file.h"
#include "store/sql/user.h"
#include "support/power.h"
#include "unit/store/tests.h"

enum { USERS = 120, PAGE = MN_PAGE_BYTES };

struct world {
    char dir[64], path[128], log[136], copy[136];
    struct mn_db *db;
    struct mn_rng rng;
    uint32_t pages;
    struct mn_db_damage met; /* last damage that was told */
    unsigned told;
    off_t at; /* what was damaged last */
    uint8_t change;
};

static void on_damage(void *ctx, const struct mn_db_damage *damage)
{
    struct world *w = ctx;
    assert_non_null(damage->reading);
    w->met = *damage;
    w->told++;
}

static enum mn_err try_open(struct world *w, struct mn_buf *why)
{
    struct mn_db_config config = {.readers = 1, .busy_timeout_ms = 1000, .on_damage = on_damage};
    config.damage_ctx = w;
    snprintf(config.path, sizeof(config.path), "%s", w->path);
    mn_buf_reset(why);
    enum mn_err err = mn_db_open(&config, &w->db, why);
    mn_buf_add_char(why, '\0');
    return err;
}

static void open_db(struct world *w)
{
    struct mn_buf why;
    mn_buf_init(&why, 8192);
    enum mn_err err = try_open(w, &why);
    if (err)
        print_error("%s\n", why.p);
    assert_int_equal(err, MN_OK);
    mn_buf_deinit(&why);
}

static void close_db(struct world *w)
{
    mn_db_close(w->db);
    w->db = NULL;
}

static void is_refused(struct world *w, const char *part)
{
    struct mn_buf why;
    mn_buf_init(&why, 8192);
    enum mn_err err = try_open(w, &why);
    close_db(w);
    if (err != MN_ECORRUPT || !strstr(why.p, part) || !strstr(why.p, "backup")) {
        print_error("byte %d ^ %x\n", (int)w->at, w->change);
        fail_msg("want '%s', got %s: %s", part, mn_err_text(err), why.p);
    }
    mn_buf_deinit(&why);
}

static const char *token_of(int64_t id)
{
    static char token[MN_REFRESH_HASH_LEN + 1];
    snprintf(token, sizeof(token), "%064d", (int)id);
    return token;
}

static void add_user(struct world *w, int64_t id)
{
    struct mn_user user = {.id = id, .status = MN_USER_ACTIVE, .created_ms = id, .updated_ms = id};
    int64_t sv = 0;
    snprintf(user.username, sizeof(user.username), "user%d", (int)id);
    snprintf(user.password_hash, sizeof(user.password_hash), "%0160d", (int)id);
    assert_int_equal(mn_db_user_create(w->db, &user, mn_str_c(user.username)), MN_OK);
    assert_int_equal(mn_db_session_begin(w->db, id, token_of(id), 1, INT64_MAX, &sv), MN_OK);
}

static uint32_t count_pages(struct world *w)
{
    struct stat st;
    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_size % PAGE, 0);
    return (uint32_t)(st.st_size / PAGE);
}

static int setup(void **state)
{
    struct world *w = mn_new(struct world);
    const char *tmp = getenv("TMPDIR");
    mn_rng_seed(&w->rng, 4711);
    snprintf(w->dir, sizeof(w->dir), "%.40s/mn-sums-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof(w->path), "%s/minim.db", w->dir);
    snprintf(w->log, sizeof(w->log), "%s-wal", w->path);
    snprintf(w->copy, sizeof(w->copy), "%s-copy", w->path);
    open_db(w);
    for (int64_t id = 1; id <= USERS; id++)
        add_user(w, id);
    close_db(w);
    w->pages = count_pages(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    close_db(w);
    power_remove(w->dir);
    mn_free(w);
    return 0;
}

/* ---- damage ---- */

static void bytes(const char *path, bool is_write, void *p, size_t n, off_t at)
{
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(is_write ? pwrite(fd, p, n, at) : pread(fd, p, n, at), n);
    close(fd);
}

static void poke(struct world *w, const char *path, off_t at, uint8_t change)
{
    w->at = at;
    w->change = change;
    uint8_t byte;
    bytes(path, false, &byte, 1, at);
    byte ^= change;
    bytes(path, true, &byte, 1, at);
}

static void run(const char *path, const char *sql)
{
    sqlite3 *raw = NULL;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    (void)sqlite3_busy_timeout(raw, 1000);
    assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

/* ---- the answers ---- */

/* True when all are right, false when one was refused; a wrong one fails the test. */
static bool asks_user(struct world *w, int64_t id)
{
    struct mn_user user;
    char name[32], hash[MN_PASSWORD_HASH_BYTES];
    snprintf(name, sizeof(name), "user%d", (int)id);
    snprintf(hash, sizeof(hash), "%0160d", (int)id);
    enum mn_err by_id = mn_db_user_by_id(w->db, id, &user);
    assert_true(by_id == MN_ECORRUPT || (by_id == MN_OK && strcmp(user.password_hash, hash) == 0 &&
                                         strcmp(user.username, name) == 0));
    enum mn_err by_key = mn_db_user_by_key(w->db, mn_str_c(name), &user);
    assert_true(by_key == MN_ECORRUPT || (by_key == MN_OK && user.id == id));
    int64_t sv = 0;
    bool known = false;
    enum mn_err session = mn_db_session(w->db, id, &sv, &known);
    assert_true(session == MN_ECORRUPT || (session == MN_OK && sv == 1 && known));
    return !by_id && !by_key && !session;
}

static bool asks_all(struct world *w)
{
    bool is_right = true;
    for (int64_t id = 1; id <= USERS; id++)
        is_right = asks_user(w, id) && is_right;
    return is_right;
}

/* ---- at rest ---- */

static void count_problem(void *arg, enum mn_db_problem problem, const char *text)
{
    unsigned *n = arg;
    (void)text;
    *n += problem == MN_DB_DAMAGED;
}

static void verify_tells(struct world *w)
{
    struct mn_db_counts counts;
    struct mn_buf why;
    unsigned n = 0;
    mn_buf_init(&why, 8192);
    enum mn_err err = mn_db_check(w->path, count_problem, &n, &counts, &why);
    if (n == 0 && err != MN_ECORRUPT)
        fail_msg("byte %d: nothing is wrong: %s", (int)w->at, mn_err_text(err));
    mn_buf_deinit(&why);
}

static void every_page_at_rest(void **state)
{
    struct world *w = *state;
    for (uint32_t page = 1; page <= w->pages; page++) {
        for (unsigned i = 0; i < 4; i++) {
            char part[32];
            off_t in = i == 0 ? PAGE - 1 : (off_t)mn_rng_below(&w->rng, PAGE);
            uint8_t change = (uint8_t)(1U << mn_rng_below(&w->rng, 8));
            off_t at = (off_t)(page - 1) * PAGE + in;
            snprintf(part, sizeof(part), "(page %u, 1 in all)", (unsigned)page);
            poke(w, w->path, at, change);
            if (page > 1)
                is_refused(w, part);
            else
                is_refused(w, "damaged");
            if (i == 0)
                verify_tells(w);
            poke(w, w->path, at, change);
        }
    }
    open_db(w);
    assert_int_equal(mn_db_trusted_pages(w->db), 0);
    assert_true(asks_all(w));
}

/* What tells of another program's writes must not be taken for them. */
static void every_byte_of_the_header(void **state)
{
    static const uint8_t changes[] = {1, 2, 3, 0x10, 0x80, 0xff};
    struct world *w = *state;
    for (off_t at = 0; at < 100; at++) {
        for (size_t i = 0; i < MN_ARRAY_LEN(changes); i++) {
            poke(w, w->path, at, changes[i]);
            is_refused(w, "damaged");
            poke(w, w->path, at, changes[i]);
        }
    }
    for (off_t at = PAGE - MN_PAGE_TAIL; at < PAGE; at++) {
        poke(w, w->path, at, 0x40);
        is_refused(w, "damaged");
        poke(w, w->path, at, 0x40);
    }
    open_db(w);
    assert_int_equal(mn_db_trusted_pages(w->db), 0);
}

static void pages_in_the_wrong_place(void **state)
{
    struct world *w = *state;
    uint8_t a[PAGE], b[PAGE], zero[PAGE] = {0};
    bytes(w->path, false, a, PAGE, 3 * PAGE);
    bytes(w->path, false, b, PAGE, 4 * PAGE);
    bytes(w->path, true, b, PAGE, 3 * PAGE); /* written to a wrong place */
    is_refused(w, "page 4, 1 in all");
    bytes(w->path, true, a, PAGE, 4 * PAGE);
    is_refused(w, "page 4, 2 in all");
    bytes(w->path, true, zero, PAGE, 3 * PAGE);
    bytes(w->path, true, b, PAGE, 4 * PAGE);
    is_refused(w, "page 4, 1 in all");
    bytes(w->path, true, a, PAGE, 3 * PAGE);
    open_db(w);
    close_db(w);
    assert_int_equal(truncate(w->path, (off_t)(w->pages - 1) * PAGE), 0);
    is_refused(w, "damaged");
}

/* ---- in use ---- */

/* Of a page that is damaged while the file is open. */
static bool page_in_use(struct world *w, uint32_t page)
{
    off_t at = (off_t)(page - 1) * PAGE + (off_t)mn_rng_below(&w->rng, PAGE);
    unsigned told = w->told;
    open_db(w);
    poke(w, w->path, at, 0x20);
    bool is_right = asks_all(w);
    assert_int_equal(mn_db_is_corrupt(w->db), !is_right);
    assert_int_equal(w->told > told, !is_right);
    if (!is_right)
        assert_int_equal(w->met.page, page);
    poke(w, w->path, at, 0x20);
    close_db(w);
    return is_right;
}

static void every_page_in_use(void **state)
{
    struct world *w = *state;
    unsigned refused = 0;
    for (uint32_t page = 1; page <= w->pages; page++)
        refused += !page_in_use(w, page);
    assert_true(refused >= 10); /* the others are of tables that were not asked */
    open_db(w);
    assert_true(asks_all(w));
}

static int64_t version_of(struct world *w, int64_t id)
{
    int64_t sv = 0;
    bool known = false;
    enum mn_err err = mn_db_session(w->db, id, &sv, &known);
    assert_true(err == MN_OK || err == MN_ECORRUPT);
    return err ? -1 : sv;
}

/* Damage in the log is not served, and never gets into the file with a sum that fits. */
static void every_frame_in_use(void **state)
{
    struct world *w = *state;
    unsigned refused = 0;
    int64_t sv = 0;
    struct stat st;
    open_db(w);
    assert_int_equal(mn_db_session_begin(w->db, 1, token_of(1), 1, INT64_MAX, &sv), MN_OK);
    for (unsigned i = 0; i < 60; i++) {
        assert_int_equal(mn_db_session_end(w->db, 3, &sv), MN_OK); /* what is cached is not good */
        assert_int_equal(stat(w->log, &st), 0);
        off_t at = st.st_size - 1 - (off_t)mn_rng_below(&w->rng, 2 * MN_WAL_FRAME);
        poke(w, w->log, at, 0x20);
        int64_t version = version_of(w, 1);
        assert_true(version == 2 || version == -1);
        refused += version == -1;
        poke(w, w->log, at, 0x20);
        assert_int_equal(version_of(w, 1), 2);
    }
    assert_true(refused > 0 && w->met.frame > 0);
}

static void damage_is_not_checkpointed(void **state)
{
    struct world *w = *state;
    int64_t sv = 0;
    struct stat st;
    open_db(w);
    assert_int_equal(mn_db_session_begin(w->db, 1, token_of(1), 1, INT64_MAX, &sv), MN_OK);
    assert_int_equal(stat(w->log, &st), 0);
    poke(w, w->log, st.st_size - 100, 0x20);
    for (unsigned i = 0; i < 1200; i++) /* a commit in time sets off a checkpoint */
        assert_int_equal(mn_db_probe(w->db), MN_OK);
    assert_true(mn_db_is_corrupt(w->db) && w->met.frame > 0);
    close_db(w);
    is_refused(w, "frame");
}

/* ---- the log after a crash ---- */

static void copy_file(const char *from, const char *to)
{
    char command[512];
    snprintf(command, sizeof(command), "cp -f '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

/* The database as a process leaves it that is killed after a few commits. */
static void be_killed(struct world *w, unsigned commits)
{
    char log[160];
    int64_t sv = 0;
    open_db(w);
    for (unsigned i = 0; i < commits; i++)
        assert_int_equal(mn_db_session_end(w->db, 1 + i, &sv), MN_OK);
    snprintf(log, sizeof(log), "%s-wal", w->copy);
    copy_file(w->path, w->copy);
    copy_file(w->log, log);
    close_db(w);
    assert_int_equal(rename(w->copy, w->path), 0);
    assert_int_equal(rename(log, w->log), 0);
}

static void restore(struct world *w, const char *to)
{
    char from[160];
    snprintf(from, sizeof(from), "%s.kept", to);
    copy_file(from, to);
    (void)w;
}

static void keep(const char *path)
{
    char to[160];
    snprintf(to, sizeof(to), "%s.kept", path);
    copy_file(path, to);
}

/* Of 8 commits one was damaged: either it is missed, or it was the last, which is as if cut off. */
static void a_damaged_log_is_missed(void **state)
{
    struct world *w = *state;
    struct stat st;
    unsigned opened = 0, n = 0;
    be_killed(w, 8);
    keep(w->path);
    keep(w->log);
    assert_int_equal(stat(w->log, &st), 0);
    for (off_t at = 0; at < st.st_size; at += at < MN_WAL_HEAD ? 1 : 997, n++) {
        struct mn_buf why;
        mn_buf_init(&why, 8192);
        poke(w, w->log, at, 0x10);
        if (at < st.st_size / 2)
            verify_tells(w);
        enum mn_err err = try_open(w, &why);
        assert_true(err == MN_OK || (err == MN_ECORRUPT && strstr(why.p, "frame")));
        for (int64_t id = 1; id < 8 && !err; id++)
            assert_int_equal(version_of(w, id), 2);
        opened += err == MN_OK;
        mn_buf_deinit(&why);
        close_db(w);
        restore(w, w->path);
        restore(w, w->log);
    }
    assert_true(opened < n / 4);
    open_db(w);
    for (int64_t id = 1; id <= 8; id++)
        assert_int_equal(version_of(w, id), 2);
}

/* A loss of power: it ends anywhere, and may have parts of what was not synced. */
static void a_log_that_was_cut_off_is_none(void **state)
{
    struct world *w = *state;
    struct stat st;
    be_killed(w, 8);
    keep(w->path);
    keep(w->log);
    assert_int_equal(stat(w->log, &st), 0);
    for (off_t size = 0; size < st.st_size; size += 1500) {
        assert_int_equal(truncate(w->log, size), 0);
        open_db(w);
        assert_int_equal(version_of(w, 20), 1);
        close_db(w);
        restore(w, w->path);
        restore(w, w->log);
    }
}

/* ---- what others write ---- */

static void is_taken_over(struct world *w)
{
    open_db(w);
    assert_true(mn_db_trusted_pages(w->db) > 0);
    assert_true(asks_all(w));
    close_db(w);
    open_db(w);
    assert_int_equal(mn_db_trusted_pages(w->db), 0);
    close_db(w);
}

#define EDIT "UPDATE t_user SET nickname = 'x'"

static void what_others_wrote_is_taken_over(void **state)
{
    struct world *w = *state;
    char sql[256];
    run(w->path, EDIT);
    is_taken_over(w);
    run(w->path, "VACUUM");
    is_taken_over(w);
    run(w->path, "PRAGMA journal_mode=WAL; " EDIT);
    is_taken_over(w);
    be_killed(w, 3);
    run(w->path, "SELECT count(*) FROM t_user"); /* reading is enough: it takes the log into it */
    open_db(w);
    assert_true(mn_db_trusted_pages(w->db) > 0);
    assert_int_equal(version_of(w, 3), 2);
    close_db(w);
    snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", w->copy);
    run(w->path, sql);
    assert_int_equal(rename(w->copy, w->path), 0);
    open_db(w);
    assert_true(mn_db_trusted_pages(w->db) > 0);
}

/* While it is open: their commits get in, and only we take them from the log into the file. */
static void others_write_while_it_is_open(void **state)
{
    struct world *w = *state;
    struct mn_user user;
    sqlite3 *raw = NULL;
    int frames = 0, done = 0;
    open_db(w);
    assert_int_equal(sqlite3_open(w->path, &raw), SQLITE_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(sqlite3_exec(raw, EDIT "|| nickname WHERE id = 5", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, EDIT " WHERE id = 5", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_wal_checkpoint_v2(raw, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames,
                                               &done),
                     SQLITE_BUSY);
    assert_int_equal(mn_db_probe(w->db), MN_OK);
    assert_int_equal(mn_db_user_by_id(w->db, 5, &user), MN_OK);
    assert_string_equal(user.nickname, "x");
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
    close_db(w);
    open_db(w);
    assert_int_equal(mn_db_trusted_pages(w->db), 0);
    assert_int_equal(mn_db_user_by_id(w->db, 5, &user), MN_OK);
    assert_string_equal(user.nickname, "x");
}

/* ---- from before there were sums ---- */

static void a_file_without_sums_gets_them(void **state)
{
    struct world *w = *state;
    struct stat st;
    for (unsigned has_log = 0; has_log < 2; has_log++) {
        store_drop_sums(w->path, has_log);
        assert_int_equal(mn_sqlite_file_kind(w->path), MN_PAGE_FILE_PLAIN);
        is_taken_over(w);
        assert_int_equal(mn_sqlite_file_kind(w->path), MN_PAGE_FILE_SUMMED);
        assert_int_equal(stat(w->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

/* Sums are not given to what does not hold together; it stays as it is. */
static void a_damaged_file_gets_no_sums(void **state)
{
    struct world *w = *state;
    uint8_t junk[PAGE], page[PAGE];
    memset(junk, 0x5a, sizeof(junk));
    for (unsigned is_plain = 0; is_plain < 2; is_plain++) {
        if (is_plain)
            store_drop_sums(w->path, false);
        else
            run(w->path, EDIT);
        off_t at = (off_t)(count_pages(w) - 1) * PAGE;
        bytes(w->path, false, page, PAGE, at);
        bytes(w->path, true, junk, PAGE, at);
        is_refused(w, "damaged");
        bytes(w->path, false, junk, PAGE, at);
        assert_int_equal(junk[100], 0x5a);
        bytes(w->path, true, page, PAGE, at);
        is_taken_over(w);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_store_sums(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_page_at_rest),
        TEST(every_byte_of_the_header),
        TEST(pages_in_the_wrong_place),
        TEST(every_page_in_use),
        TEST(every_frame_in_use),
        TEST(damage_is_not_checkpointed),
        TEST(a_damaged_log_is_missed),
        TEST(a_log_that_was_cut_off_is_none),
        TEST(what_others_wrote_is_taken_over),
        TEST(others_write_while_it_is_open),
        TEST(a_file_without_sums_gets_them),
        TEST(a_damaged_file_gets_no_sums),
    };
    return cmocka_run_group_tests_name("store: sums of the accounts", tests, NULL, NULL);
}
