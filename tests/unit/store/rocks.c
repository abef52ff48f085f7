/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RocksDB as the log uses it: what its write-ahead logs prove, reads of a log
 * at rest, and the pauses before a failing disk is tried again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "store/rocks/scan.h"
#include "store/rocks/wal.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

/* ---- write-ahead logs ---- */

/* A batch of `keys` rows. */
static void write_rows(struct mn_rocks *db, unsigned keys)
{
    static unsigned number;
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    for (unsigned i = 0; i < keys; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%07u", ++number);
        mn_rocks_batch_put(db, batch, MN_CF_CHAT, mn_str_c(key), MN_STR("a value of some length"));
    }
    assert_int_equal(mn_rocks_write(db, batch), MN_OK);
    mn_rocks_batch_free(batch);
}

static void flip(const char *path, off_t at)
{
    unsigned char byte = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* The logs prove all that was committed, and go on proving it behind a damaged batch. */
static void logs_reach_as_far_as_the_database(void **state)
{
    struct ts_log t;
    uint64_t reach = 1;
    char path[512];
    (void)state;
    ts_log_prepare(&t);
    struct mn_rocks *db = ts_rocks_open(t.config.dir);
    assert_int_equal(mn_rocks_wal_reach(t.config.dir, &reach), MN_OK);
    assert_int_equal(reach, 0);
    for (unsigned keys = 1; keys <= 300; keys += 23) { /* the last ones span blocks of the log */
        write_rows(db, keys);
        assert_int_equal(mn_rocks_wal_reach(t.config.dir, &reach), MN_OK);
        assert_int_equal(reach, mn_rocks_sequence(db));
    }
    ts_find_file(&t, ".log", path, sizeof(path));
    flip(path, 40); /* in the first batch */
    assert_int_equal(mn_rocks_wal_reach(t.config.dir, &reach), MN_OK);
    assert_int_equal(reach, mn_rocks_sequence(db));
    mn_rocks_close(db);
    ts_log_deinit(&t);
}

/* ---- a log at rest ---- */

enum { MESSAGES = 40 };

static void count_row(void *arg, const struct mn_scan_row *row)
{
    unsigned *counts = arg;
    assert_false(row->damaged);
    counts[row->kind]++;
}

static void no_table(void *arg, const char *name, const char *why)
{
    (void)arg;
    fail_msg("%s: %s", name, why);
}

static void note_table(void *arg, const char *name, const char *why)
{
    snprintf(arg, 512, "%s", name);
    assert_true(*why != '\0');
}

static struct mn_msglog_scan *scan_open(const struct ts_log *t)
{
    struct mn_msglog_scan *scan = NULL;
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_msglog_scan_open(t->config.dir, &scan, &why), MN_OK);
    mn_buf_deinit(&why);
    return scan;
}

/* Messages in tables, and a few in the write-ahead log. */
static void fill(struct ts_log *t)
{
    char client_id[16];
    ts_log_init(t);
    for (int i = 0; i < MESSAGES; i++) {
        if (i == MESSAGES - 5) { /* opening makes tables of what was in the logs */
            ts_log_close(t);
            ts_log_open(t);
        }
        snprintf(client_id, sizeof(client_id), "c-%d", i);
        ts_append(t, 1, 2, client_id, "a body of some length, so that a table has blocks", NULL);
    }
    ts_log_close(t);
}

static void a_scan_gives_every_row(void **state)
{
    struct ts_log t;
    unsigned counts[MN_SCAN_LIST + 1] = {0};
    struct mn_buf why;
    (void)state;
    fill(&t);
    mn_buf_init(&why, 1000);
    struct mn_msglog_scan *scan = scan_open(&t);
    for (unsigned part = MN_SCAN_MESSAGES; part <= MN_SCAN_CHATS; part++)
        assert_int_equal(
            mn_msglog_scan_rows(scan, (enum mn_scan_part)part, count_row, counts, &why), MN_OK);
    assert_int_equal(counts[MN_SCAN_MSG], MESSAGES);
    assert_int_equal(counts[MN_SCAN_SEQ], MESSAGES);
    assert_int_equal(counts[MN_SCAN_CLIENT], MESSAGES);
    assert_int_equal(counts[MN_SCAN_PAIR], 1);
    assert_int_equal(counts[MN_SCAN_MEMBER], 2);
    assert_int_equal(counts[MN_SCAN_UNKNOWN], 0);
    mn_msglog_scan_tables(scan, no_table, NULL);
    mn_msglog_scan_close(scan);
    mn_buf_deinit(&why);
    ts_log_deinit(&t);
}

static void a_damaged_table_is_named(void **state)
{
    struct ts_log t;
    char path[512], name[512] = "";
    (void)state;
    fill(&t);
    ts_find_file(&t, ".sst", path, sizeof(path));
    flip(path, 20);
    struct mn_msglog_scan *scan = scan_open(&t);
    mn_msglog_scan_tables(scan, note_table, name);
    mn_msglog_scan_close(scan);
    assert_true(name[0] != '\0');
    assert_non_null(strstr(path, name[0] == '/' ? name + 1 : name));
    ts_log_deinit(&t);
}

static void nothing_is_there(void **state)
{
    struct ts_log t;
    struct mn_msglog_scan *scan = NULL;
    struct mn_buf why;
    (void)state;
    ts_log_prepare(&t);
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_msglog_scan_open(t.config.dir, &scan, &why), MN_ENOTFOUND);
    mn_buf_deinit(&why);
    ts_log_deinit(&t);
}

/* ---- a failing disk ---- */

static enum mn_err no_space(void *ctx, enum mn_fault_point point)
{
    const bool *full = ctx;
    return point == MN_FAULT_SPACE && *full ? MN_ENOSPC : MN_OK;
}

/* From a tenth of a second, doubled each time, to two seconds, and no longer. */
static void pauses_have_an_end(void **state)
{
    static struct mn_msglog_config config; /* a directory that tells of no space: enough */
    static struct mn_msglog front;
    static struct mn_rlog log;
    struct mn_writer w = {.log = &log};
    bool full = true;
    (void)state;
    log.front = &front;
    log.config = &config;
    log.fault_ctx = &full;
    atomic_store(&log.fault, no_space);
    for (int round = 0; round < 2; round++) { /* once it went well it begins again */
        uint64_t pause = 100, now_ms = w.look_ms;
        full = true;
        for (int i = 0; i < 70; i++) {
            mn_writer_check_disk(&w, now_ms);
            assert_int_equal(w.cause, MN_ENOSPC);
            assert_int_equal(w.look_ms - now_ms, pause);
            assert_false(atomic_load(&front.writable));
            now_ms = w.look_ms;
            pause = pause < 1000 ? 2 * pause : 2000;
        }
        full = false;
        mn_writer_check_disk(&w, now_ms);
        assert_int_equal(w.cause, MN_OK);
        assert_true(atomic_load(&front.writable));
    }
}

int test_store_rocks(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_reach_as_far_as_the_database),
        cmocka_unit_test(a_scan_gives_every_row),
        cmocka_unit_test(a_damaged_table_is_named),
        cmocka_unit_test(nothing_is_there),
        cmocka_unit_test(pauses_have_an_end),
    };
    return cmocka_run_group_tests_name("store: RocksDB", tests, NULL, NULL);
}
