/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page of each list of the relational store costs: what is on it, and
 * not what else there is.  Counted in steps of SQLite's machine, which are
 * the same on a busy machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>

#include "base/mem.h"
#include "store/sql/call.h"
#include "store/sql/db.h"
#include "store/sql/friend.h"
#include "store/sql/friend_request.h"
#include "store/sql/group_join.h"
#include "store/sql/moment.h"
#include "unit/store/db_support.h"
#include "unit/store/tests.h"

enum { LIMIT = 20, USER = 1, FEW = 60, MANY = 6000, COMMENTED = 999999, CONNS = 8 };

/* ---- counting: the connections, as SQLite opens them ---- */

static sqlite3 *conns[CONNS];
static size_t conn_count;

static int note_conn(sqlite3 *conn, char **err, const void *api)
{
    (void)err;
    (void)api;
    assert_true(conn_count < CONNS);
    conns[conn_count++] = conn;
    return SQLITE_OK;
}

/* Since it was last asked. */
static int steps(void)
{
    int sum = 0;
    for (size_t i = 0; i < conn_count; i++)
        for (sqlite3_stmt *s = sqlite3_next_stmt(conns[i], NULL); s;
             s = sqlite3_next_stmt(conns[i], s))
            sum += sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 1);
    return sum;
}

/* ---- a store ---- */

struct fixture {
    char dir[64];
    struct mn_db_config config;
    struct mn_db *db;
    size_t rows;
    int64_t last; /* id of a post */
};

static int setup(void **state)
{
    struct fixture *f = mn_new(struct fixture);
    struct mn_buf why;
    ts_db_prepare(f->dir, &f->config, "cost");
    conn_count = 0;
    assert_int_equal(sqlite3_auto_extension((void (*)(void))note_conn), SQLITE_OK);
    mn_buf_init(&why, 4096);
    assert_int_equal(mn_db_open(&f->config, &f->db, &why), MN_OK);
    mn_buf_deinit(&why);
    sqlite3_cancel_auto_extension((void (*)(void))note_conn);
    assert_true(conn_count > 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mn_db_close(f->db);
    ts_db_remove(f->dir, &f->config);
    mn_free(f);
    return 0;
}

/* `sql` has "?1": the numbers from `first` on, so many. */
static void fill(struct fixture *f, const char *sql, int first, int count)
{
    sqlite3 *raw;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(f->config.path, &raw), SQLITE_OK);
    sqlite3_busy_timeout(raw, 60000);
    assert_int_equal(sqlite3_exec(raw, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL), SQLITE_OK);
    for (int i = first; i < first + count; i++) {
        sqlite3_bind_int(stmt, 1, i);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_exec(raw, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(raw);
}

/* ---- the lists ---- */

static bool count_relation(void *arg, const struct mn_friend_relation *row)
{
    (void)row;
    ((struct fixture *)arg)->rows++;
    return true;
}

static bool count_request(void *arg, const struct mn_friend_request *row)
{
    (void)row;
    ((struct fixture *)arg)->rows++;
    return true;
}

static bool count_join(void *arg, const struct mn_join_request *row)
{
    (void)row;
    ((struct fixture *)arg)->rows++;
    return true;
}

static bool count_call(void *arg, const struct mn_call_record *row)
{
    (void)row;
    ((struct fixture *)arg)->rows++;
    return true;
}

static void count_post(void *arg, const struct mn_moment_post *row)
{
    struct fixture *f = arg;
    assert_true(f->rows == 0 || row->id < f->last); /* newest first */
    f->last = row->id;
    f->rows++;
}

static void count_comment(void *arg, const struct mn_moment_comment *row)
{
    (void)row;
    ((struct fixture *)arg)->rows++;
}

static enum mn_err read_friends(struct fixture *f)
{
    return mn_db_friends(f->db, USER, INT64_MAX, LIMIT, count_relation, f);
}

static enum mn_err read_requests(struct fixture *f, enum mn_friend_box box)
{
    const struct mn_friend_request_query query = {USER, box, INT64_MAX, 0, LIMIT};
    return mn_db_friend_requests(f->db, &query, count_request, f);
}

static enum mn_err read_inbox(struct fixture *f) { return read_requests(f, MN_FRIEND_INBOX); }
static enum mn_err read_outbox(struct fixture *f) { return read_requests(f, MN_FRIEND_OUTBOX); }
static enum mn_err read_all(struct fixture *f) { return read_requests(f, MN_FRIEND_ALL); }

static enum mn_err read_joins(struct fixture *f)
{
    const struct mn_join_query query = {
        .group = USER, .before = INT64_MAX, .status = MN_JOIN_PENDING, .limit = LIMIT};
    return mn_db_join_requests(f->db, &query, count_join, f);
}

static enum mn_err read_calls(struct fixture *f)
{
    const struct mn_call_query query = {USER, INT64_MAX, 0, LIMIT};
    return mn_db_calls(f->db, &query, count_call, f);
}

static const struct mn_moment_page page = {USER, USER, INT64_MAX, LIMIT};

static enum mn_err read_feed(struct fixture *f)
{
    return mn_db_posts_of_friends(f->db, &page, count_post, f);
}

static enum mn_err read_posts(struct fixture *f)
{
    return mn_db_posts_of_user(f->db, &page, count_post, f);
}

static enum mn_err read_comments(struct fixture *f)
{
    const struct mn_moment_page of = {USER, COMMENTED, INT64_MAX, LIMIT};
    return mn_db_comments(f->db, &of, count_comment, f);
}

#define POST "INSERT INTO t_moment_post(id, author_id, content, created_at, updated_at)"
#define REQUEST                                                                                    \
    "INSERT INTO t_friend_request(id, from_user_id, to_user_id, status, created_at, updated_at)"
#define CALL                                                                                       \
    "INSERT INTO t_call_record(id, call_id, caller_user_id, callee_user_id, status, started_at,"   \
    " created_at, updated_at)"
#define FRIEND "INSERT INTO t_friend_relation(id, user1_id, user2_id, created_at, updated_at)"

static const struct {
    const char *name;
    enum mn_err (*read)(struct fixture *f);
    const char *more; /* what grows */
} lists[] = {
    {"friends, the smaller id", read_friends, FRIEND " VALUES (?1, 1, 10 + ?1, 0, 0)"},
    {"friends, the greater id", read_friends, FRIEND " VALUES (?1, -?1, 1, 0, 0)"},
    {"requests to one", read_inbox, REQUEST " VALUES (?1, 10 + ?1, 1, 0, 0, 0)"},
    {"requests of one", read_outbox, REQUEST " VALUES (?1, 1, 10 + ?1, 0, 0, 0)"},
    {"both", read_all, REQUEST " VALUES (?1, 1 + ?1 % 2 * ?1, 1 + (?1 + 1) % 2 * ?1, 2, 0, 0)"},
    {"requests to a group", read_joins,
     "INSERT INTO t_group_join_request(id, group_id, from_user_id, status, created_at, updated_at)"
     " VALUES (?1, 1, ?1, 1, 0, 0)"},
    {"calls made", read_calls, CALL " VALUES (?1, ?1, 1, 2, 5, 0, 0, 0)"},
    {"calls got", read_calls, CALL " VALUES (?1, ?1, 2, 1, 5, 0, 0, 0)"},
    {"posts of a user", read_posts, POST " VALUES (?1, 1, 'x', 0, 0)"},
    {"comments", read_comments,
     "INSERT INTO t_moment_comment(id, post_id, user_id, content, created_at, updated_at)"
     " VALUES (?1, 999999, 2, 'x', 0, 0)"},
    {"the feed, of one's own", read_feed, POST " VALUES (?1, 1, 'x', 0, 0)"},
    {"the feed, of strangers", read_feed, POST " VALUES (?1, 1 + ?1 / 60 % 2, 'x', 0, 0)"},
};

static void a_page_costs_what_is_on_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(lists); i++) {
        void *at = NULL;
        assert_int_equal(setup(&at), 0);
        struct fixture *f = at;
        int cost[2];
        fill(f, POST " VALUES (?1, 1, 'x', 0, 0)", COMMENTED, 1);
        for (int round = 0; round < 2; round++) {
            fill(f, lists[i].more, round == 0 ? 1 : FEW + 1, round == 0 ? FEW : MANY - FEW);
            steps();
            f->rows = 0;
            enum mn_err err = lists[i].read(f);
            cost[round] = steps();
            if (err || f->rows != LIMIT)
                fail_msg("%s: %s, %zu rows", lists[i].name, mn_err_text(err), f->rows);
        }
        if (cost[1] > cost[0] * 3 / 2)
            fail_msg("%s: %d steps with %d rows, %d with %d", lists[i].name, cost[0], FEW, cost[1],
                     MANY);
        teardown(&at);
    }
}

/* 20 friends; the more they have written, the same. */
static void a_feed_costs_what_there_are_friends(void **state)
{
    struct fixture *f = *state;
    int cost[2];
    fill(f, FRIEND " VALUES (?1, 1, 1 + ?1, 0, 0)", 1, LIMIT * 2);
    for (int round = 0; round < 2; round++) {
        fill(f, POST " VALUES (?1, 2 + ?1 % 40, 'x', 0, 0)", round == 0 ? 1 : LIMIT * 40 + 1,
             round == 0 ? LIMIT * 40 : MANY);
        steps();
        f->rows = 0;
        assert_int_equal(read_feed(f), MN_OK);
        assert_int_equal(f->rows, LIMIT);
        cost[round] = steps();
        /* A friend's newest post and the page: some 50 steps each; sorting 20 posts of each, 400. */
        assert_in_range(cost[round], 1, 100 * LIMIT * 3);
    }
    assert_in_range(cost[1], 1, cost[0] * 3 / 2);
}

/* Friends who write much and who write little, page by page: all posts, once, in order. */
static void a_feed_misses_nothing(void **state)
{
    struct fixture *f = *state;
    struct mn_moment_page at = {.viewer = USER, .before = INT64_MAX, .limit = LIMIT};
    size_t before;
    fill(f, FRIEND " VALUES (?1, 1, 1 + ?1, 0, 0)", 1, LIMIT * 2);
    /* Of user 2 + (i * i) % 43: some of the friends, and two who are none. */
    fill(f, POST " VALUES (?1, 2 + ?1 * ?1 % 43, 'x', 0, 0)", 1, 600);
    fill(f, POST " VALUES (?1, 1 + ?1 % 2, 'x', 0, 0)", 601, 100);
    size_t strangers = 0;
    for (int i = 1; i <= 600; i++)
        strangers += 2 + i * i % 43 > 1 + LIMIT * 2;
    assert_true(strangers > 0);
    do {
        before = f->rows;
        assert_int_equal(mn_db_posts_of_friends(f->db, &at, count_post, f), MN_OK);
        at.before = f->last;
    } while (f->rows == before + LIMIT);
    assert_int_equal(f->rows, 700 - strangers);
}

int test_store_cost(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_costs_what_is_on_it),
        cmocka_unit_test_setup_teardown(a_feed_costs_what_there_are_friends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_feed_misses_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("store: what a page costs", tests, NULL, NULL);
}
