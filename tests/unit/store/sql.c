/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions of store/sql/sql.h: a driver that fails at any of its calls.
 * Nothing of a transaction that failed may be seen, and the store goes on.
 */
#include "store/sql/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/sql/session.h"
#include "store/sql/sql_driver.h"
#include "support/power.h"
#include "unit/store/tests.h"

/* ---- a driver that fails ---- */

static unsigned calls, fail_at, fail_count; /* from call `fail_at` (0: never) on, so many */
static enum mn_err fault;

static bool fails(void)
{
    calls++;
    return fail_at && calls >= fail_at && calls - fail_at < fail_count;
}

static void inject(unsigned at, unsigned count, enum mn_err err)
{
    calls = 0;
    fail_at = at;
    fail_count = count;
    fault = err;
}

static enum mn_err f_begin(struct mn_sql_conn *conn)
{
    return fails() ? fault : mn_sqlite_driver.begin(conn);
}

static enum mn_err f_commit(struct mn_sql_conn *conn)
{
    return fails() ? fault : mn_sqlite_driver.commit(conn);
}

static enum mn_err f_prepare(struct mn_sql_conn *conn, const char *text, void **ret_stmt)
{
    return fails() ? fault : mn_sqlite_driver.prepare(conn, text, ret_stmt);
}

static enum mn_err f_bind_i64(void *stmt, unsigned index, int64_t value)
{
    return fails() ? fault : mn_sqlite_driver.bind_i64(stmt, index, value);
}

static enum mn_err f_bind_text(void *stmt, unsigned index, struct mn_str value)
{
    return fails() ? fault : mn_sqlite_driver.bind_text(stmt, index, value);
}

static enum mn_err f_step(void *stmt, bool *ret_row)
{
    return fails() ? fault : mn_sqlite_driver.step(stmt, ret_row);
}

static enum mn_err f_reset(void *stmt)
{
    enum mn_err err = mn_sqlite_driver.reset(stmt);
    return fails() ? fault : err;
}

/* ---- fixture ---- */

static struct mn_sql_driver driver;
static char dir[64];
static struct mn_db *db;

static const char *token(char c)
{
    static char text[2][MN_REFRESH_HASH_LEN + 1];
    static unsigned turn;
    char *p = text[turn++ % 2];
    memset(p, c, MN_REFRESH_HASH_LEN);
    return p;
}

static int setup(void **state)
{
    struct mn_db_config config = {.readers = 1, .busy_timeout_ms = 1000};
    const char *tmp = getenv("TMPDIR");
    struct mn_buf why;
    (void)state;
    inject(0, 0, MN_OK);
    driver = mn_sqlite_driver;
    driver.begin = f_begin;
    driver.commit = f_commit;
    driver.prepare = f_prepare;
    driver.bind_i64 = f_bind_i64;
    driver.bind_text = f_bind_text;
    driver.step = f_step;
    driver.reset = f_reset;
    snprintf(dir, sizeof(dir), "%.40s/mn-sql-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
    snprintf(config.path, sizeof(config.path), "%s/minim.db", dir);
    mn_buf_init(&why, 4096);
    assert_int_equal(mn_db_open_with(&driver, &config, &db, &why), MN_OK);
    mn_buf_deinit(&why);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mn_db_close(db);
    power_remove(dir);
    return 0;
}

/* Whether user 7 has this version and this token; asks without faults. */
static void has(int64_t version, char c)
{
    int64_t sv = 0, user = 0;
    bool known = true;
    inject(0, 0, MN_OK);
    assert_int_equal(mn_db_session(db, 7, &sv, &known), MN_OK);
    assert_int_equal(sv, version);
    assert_int_equal(mn_db_session_slide(db, token(c), 1, 1000, &user, &sv), MN_OK);
    assert_int_equal(user, 7);
}

/* ---- tests ---- */

static void a_failure_anywhere_undoes_all(void **state)
{
    int64_t sv = 0;
    unsigned n = 0;
    (void)state;
    assert_int_equal(mn_db_session_begin(db, 7, token('a'), 1, 1000, &sv), MN_OK);
    for (;;) {
        uint64_t writes = mn_db_writes(db);
        sv = -1;
        inject(++n, 1, MN_EIO);
        enum mn_err err = mn_db_session_begin(db, 7, token('b'), 1, 1000, &sv);
        if (err == MN_OK)
            break;
        assert_int_equal(err, MN_EIO);
        assert_int_equal(sv, -1);
        assert_int_equal(mn_db_writes(db), writes);
        assert_false(mn_db_is_writable(db));
        has(1, 'a');
        assert_true(mn_db_is_writable(db));
    }
    assert_true(n > 12); /* begin, two statements with their values, commit */
    assert_int_equal(sv, 2);
    has(2, 'b');
}

/* Another transaction was preferred: tried again, and it is there once. */
static void a_conflict_is_tried_again(void **state)
{
    int64_t sv = 0, version = 1;
    (void)state;
    assert_int_equal(mn_db_session_begin(db, 7, token('a'), 1, 1000, &sv), MN_OK);
    for (unsigned n = 1, all = 1; n <= all; n++) {
        inject(n, 1, MN_EAGAIN);
        assert_int_equal(mn_db_session_begin(db, 7, token('b'), 1, 1000, &sv), MN_OK);
        all = calls;
        assert_int_equal(sv, ++version);
        has(version, 'b');
        if (all < n) /* it was over before */
            break;
        all = n + 1;
    }
}

static void endless_conflicts_are_busy(void **state)
{
    int64_t sv = 0;
    (void)state;
    assert_int_equal(mn_db_session_begin(db, 7, token('a'), 1, 1000, &sv), MN_OK);
    inject(1, UINT_MAX, MN_EAGAIN);
    assert_int_equal(mn_db_session_begin(db, 7, token('b'), 1, 1000, &sv), MN_EBUSY);
    assert_in_range(calls, 2, 1000);
    assert_true(mn_db_is_writable(db)); /* it says nothing of the store */
    has(1, 'a');
}

static const struct mn_sql put = MN_SQL("REPLACE INTO t_probe(id, at) VALUES (?, ?)");
static const struct mn_sql get = MN_SQL("SELECT count(*) AS n FROM t_probe");

static void put_row(struct mn_sql_tx *tx, int64_t id)
{
    struct mn_sql_use use = mn_sql_in(tx, &put);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, id);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

static int64_t rows(void)
{
    struct mn_sql_use use = mn_sql_read(db, &get);
    int64_t n = mn_sql_row(&use) ? mn_sql_i64(&use, "n") : -1;
    assert_int_equal(mn_sql_end(&use), MN_OK);
    return n;
}

static enum mn_err leave(bool by_return)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        put_row(&tx, 1);
        if (by_return)
            return MN_EPERM;
        mn_sql_tx_note(&tx, MN_EPERM);
        break;
    }
    return mn_sql_tx_end(&tx);
}

static void what_is_left_early_is_undone(void **state)
{
    (void)state;
    for (int by_return = 0; by_return < 2; by_return++) {
        assert_int_equal(leave(by_return), MN_EPERM);
        assert_int_equal(rows(), 0);
        assert_true(mn_db_is_writable(db));
    }
    assert_int_equal(mn_db_probe(db), MN_OK);
    assert_int_equal(rows(), 1);
}

static void nobody_sees_it_before_the_commit(void **state)
{
    (void)state;
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        put_row(&tx, 1);
        put_row(&tx, 2);
        assert_int_equal(rows(), 0);
    }
    assert_int_equal(rows(), 2);
    assert_int_equal(mn_sql_tx_end(&tx), MN_OK);
}

static enum mn_err refused(void)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        put_row(&tx, 9);
        mn_sql_tx_note(&tx, MN_EPERM);
    }
    return mn_sql_tx_end(&tx);
}

static enum mn_err idle(void)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        struct mn_sql_use use = mn_sql_in(&tx, &get);
        mn_sql_tx_note(&tx, mn_sql_end(&use));
    }
    return mn_sql_tx_end(&tx);
}

static const struct mn_sql insert = MN_SQL("INSERT INTO t_probe(id, at) VALUES (1, 1)");
static const struct mn_sql nothing = MN_SQL("UPDATE t_probe SET at = 2 WHERE id = 3");

static enum mn_err write_alone(const struct mn_sql *sql)
{
    struct mn_sql_use use = mn_sql_write(db, sql);
    return mn_sql_end(&use);
}

static void only_a_write_proves_that_it_can_be_written(void **state)
{
    (void)state;
    assert_int_equal(write_alone(&insert), MN_OK);
    inject(1, 1, MN_ENOSPC);
    assert_int_equal(mn_db_probe(db), MN_ENOSPC);
    assert_false(mn_db_is_writable(db));
    assert_int_equal(refused(), MN_EPERM);
    assert_false(mn_db_is_writable(db));
    assert_int_equal(write_alone(&insert), MN_EEXIST);
    assert_false(mn_db_is_writable(db));
    assert_int_equal(write_alone(&nothing), MN_OK);
    assert_false(mn_db_is_writable(db));
    assert_int_equal(idle(), MN_OK);
    assert_false(mn_db_is_writable(db));
    assert_int_equal(mn_db_probe(db), MN_OK);
    assert_true(mn_db_is_writable(db));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_store_sql(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failure_anywhere_undoes_all),    TEST(a_conflict_is_tried_again),
        TEST(endless_conflicts_are_busy),       TEST(what_is_left_early_is_undone),
        TEST(nobody_sees_it_before_the_commit), TEST(only_a_write_proves_that_it_can_be_written),
    };
    return cmocka_run_group_tests_name("store: transactions", tests, NULL, NULL);
}
