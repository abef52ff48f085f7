/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of the data directory that are gone, cut, older or somebody else's:
 * each is missed at the next start and refused with a sentence, and a whole
 * directory, stopped or killed, never is.
 */
#include "store/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sql/db.h"
#include "support/power.h"
#include "unit/store/msglog_support.h"
#include "unit/store/power_support.h"
#include "unit/store/tests.h"

struct pair {
    struct ts_log t; /* t.dir/log is the message log */
    char db_path[128];
    struct mn_db *db;
    struct mn_witness_keeper *keeper;
};

static enum mn_err try_open(struct pair *p, struct mn_buf *why)
{
    struct mn_db_config config = {.readers = 1, .busy_timeout_ms = 1000, .sync = true};
    snprintf(config.path, sizeof(config.path), "%s", p->db_path);
    enum mn_err err = mn_witness_check_accounts(p->db_path, p->t.config.dir, why);
    if (!err)
        err = mn_db_open(&config, &p->db, why);
    if (!err)
        err = mn_db_witness(p->db, &p->t.config.witness);
    if (!err)
        err = mn_msglog_open(&p->t.config, p->t.metrics, &p->t.log, why);
    if (!err)
        p->keeper = mn_witness_keep(p->db, p->t.log, p->t.config.dir, 1);
    return err;
}

static void close_pair(struct pair *p)
{
    mn_witness_stop(p->keeper);
    mn_witness_end(p->keeper, mn_msglog_close(p->t.log));
    mn_db_close(p->db);
    p->keeper = NULL;
    p->t.log = NULL;
    p->db = NULL;
}

static void open_pair(struct pair *p)
{
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    enum mn_err err = try_open(p, &why);
    if (err)
        print_error("%.*s\n", (int)why.n, why.p);
    assert_int_equal(err, MN_OK);
    mn_buf_deinit(&why);
}

/* Twice: the refusal must not be forgotten by having been made. */
static void is_refused(struct pair *p, const char *part)
{
    for (unsigned i = 0; i < 2; i++) {
        struct mn_buf why;
        mn_buf_init(&why, 4096);
        enum mn_err err = try_open(p, &why);
        close_pair(p);
        mn_buf_add_char(&why, '\0');
        if (err != MN_ECORRUPT || !strstr(why.p, part))
            print_error("want '%s', got %s: %s\n", part, mn_err_text(err), why.p);
        assert_int_equal(err, MN_ECORRUPT);
        assert_non_null(strstr(why.p, part));
        assert_non_null(strstr(why.p, "backup"));
        mn_buf_deinit(&why);
    }
}

static void work(struct pair *p, unsigned first)
{
    open_pair(p);
    for (unsigned i = 0; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", first + i);
        ts_append(&p->t, 1, 2, id, "a text of some length, so that the log has several KiB", NULL);
    }
    assert_int_equal(mn_db_probe(p->db), MN_OK);
    close_pair(p);
}

/* With a table (made when the second start read the first one's log) and a live log. */
static void make(struct pair *p)
{
    *p = (struct pair){0};
    ts_log_prepare(&p->t);
    snprintf(p->db_path, sizeof(p->db_path), "%s/minim.db", p->t.dir);
    work(p, 0);
    work(p, 1000);
}

static void unmake(struct pair *p)
{
    close_pair(p);
    ts_log_deinit(&p->t);
}

/* ---- what befalls it ---- */

static void cut_file(const char *path, off_t bytes)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > bytes);
    assert_int_equal(truncate(path, bytes), 0);
}

static void find(struct pair *p, const char *part, char path[512])
{
    DIR *dir = opendir(p->t.config.dir);
    path[0] = '\0';
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char name[512];
        struct stat st;
        snprintf(name, sizeof(name), "%.200s/%.200s", p->t.config.dir, e->d_name);
        if (strstr(e->d_name, part) && stat(name, &st) == 0 && st.st_size > 0)
            snprintf(path, 512, "%s", name);
    }
    closedir(dir);
    assert_true(path[0] != '\0');
}

/* Of a directory that nobody has open: files are read one after the other. */
static void copy_dir(const char *from, const char *to)
{
    power_record(from);
    power_write_as_of(0, to);
}

static void log_is_missed(void **state)
{
    struct pair p;
    char path[512];
    (void)state;
    make(&p);
    find(&p, ".log", path);
    unlink(path);
    is_refused(&p, "a part of the message log");
    unmake(&p);
    static const unsigned keep_percent[] = {99, 50, 1};
    for (size_t i = 0; i < MN_ARRAY_LEN(keep_percent); i++) {
        struct stat st;
        make(&p);
        find(&p, ".log", path);
        assert_int_equal(stat(path, &st), 0);
        cut_file(path, st.st_size * keep_percent[i] / 100);
        is_refused(&p, "a part of the message log");
        unmake(&p);
    }
}

static void tables_are_missed(void **state)
{
    static const struct {
        const char *file, *says;
        int keep_percent; /* -1: the file goes */
    } cases[] = {{".sst", "damaged", -1},      {"CURRENT", "CURRENT", -1},
                 {"MANIFEST", "MANIFEST", -1}, {"MANIFEST", "was cut", 50},
                 {"MANIFEST", "was cut", 99},  {"CURRENT", "CURRENT", 0},
                 {"CURRENT", "CURRENT", 50}};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct pair p;
        struct stat st;
        char path[512];
        make(&p);
        find(&p, cases[i].file, path);
        assert_int_equal(stat(path, &st), 0);
        if (cases[i].keep_percent < 0)
            unlink(path);
        else
            cut_file(path, st.st_size * cases[i].keep_percent / 100);
        is_refused(&p, cases[i].says);
        unmake(&p);
    }
}

static void a_half_is_missed(void **state)
{
    struct pair p;
    (void)state;
    make(&p);
    power_remove(p.t.config.dir);
    is_refused(&p, "the message log");
    assert_int_equal(access(p.t.config.dir, F_OK), -1); /* and none was made in its place */
    unmake(&p);
    make(&p);
    unlink(p.db_path);
    is_refused(&p, "the accounts database");
    assert_int_equal(access(p.db_path, F_OK), -1);
    unmake(&p);
    make(&p);
    cut_file(p.db_path, 0);
    is_refused(&p, "the accounts database");
    unmake(&p);
}

static void an_older_half_is_missed(void **state)
{
    struct pair p;
    char old_log[128], old_db[128], name[160];
    (void)state;
    make(&p);
    snprintf(old_log, sizeof(old_log), "%s/old", p.t.dir);
    copy_dir(p.t.config.dir, old_log);
    work(&p, 2000);
    power_remove(p.t.config.dir);
    assert_int_equal(rename(old_log, p.t.config.dir), 0);
    is_refused(&p, "message log");
    unmake(&p);

    make(&p);
    snprintf(old_db, sizeof(old_db), "%s-old", p.t.dir);
    copy_dir(p.t.dir, old_db);
    work(&p, 2000);
    snprintf(name, sizeof(name), "%s/minim.db", old_db);
    assert_int_equal(rename(name, p.db_path), 0);
    is_refused(&p, "accounts are older");
    unmake(&p);
    power_remove(old_db);
}

static void a_foreign_half_is_missed(void **state)
{
    struct pair p, other;
    (void)state;
    make(&p);
    make(&other);
    assert_int_equal(rename(other.db_path, p.db_path), 0);
    is_refused(&p, "message log"); /* another one, or one that was cut: both are true */
    unmake(&p);
    unmake(&other);
}

/* ---- what is no loss ---- */

static void whole_directories_open(void **state)
{
    struct pair p;
    char backup[128];
    (void)state;
    make(&p);
    snprintf(backup, sizeof(backup), "%s-backup", p.t.dir);
    copy_dir(p.t.dir, backup);
    work(&p, 2000);
    /* Both halves of one backup, and nothing newer beside them. */
    power_remove(p.t.dir);
    assert_int_equal(rename(backup, p.t.dir), 0);
    work(&p, 3000);
    /* Killed right after a message was acknowledged, with compactions and the keeper at work. */
    power_record(p.t.dir);
    open_pair(&p);
    ts_append(&p.t, 1, 2, "x", "y", NULL);
    size_t killed = power_now();
    close_pair(&p);
    power_write_as_of(killed, backup);
    power_remove(p.t.dir);
    assert_int_equal(rename(backup, p.t.dir), 0);
    work(&p, 4000);
    unmake(&p);
}

/* The operator takes what is left (docs/operations.md). */
static void a_loss_can_be_accepted(void **state)
{
    struct pair p;
    char path[512];
    sqlite3 *raw = NULL;
    (void)state;
    make(&p);
    find(&p, ".log", path);
    unlink(path);
    is_refused(&p, "a part of the message log");
    assert_int_equal(sqlite3_open(p.db_path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "DELETE FROM t_witness", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(raw);
    work(&p, 2000);
    find(&p, ".log", path); /* and from now on it is watched again */
    unlink(path);
    is_refused(&p, "a part of the message log");
    unmake(&p);
}

int test_store_witness(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_is_missed),
        cmocka_unit_test(tables_are_missed),
        cmocka_unit_test(a_half_is_missed),
        cmocka_unit_test(an_older_half_is_missed),
        cmocka_unit_test(a_foreign_half_is_missed),
        cmocka_unit_test(whole_directories_open),
        cmocka_unit_test(a_loss_can_be_accepted),
    };
    return cmocka_run_group_tests_name("store: witness", tests, NULL, NULL);
}
