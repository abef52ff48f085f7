/* SPDX-License-Identifier: Apache-2.0 */
/* Records of calls (store/sql/call.h). */
#include "store/sql/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/sql/db.h"
#include "unit/store/db_support.h"
#include "unit/store/tests.h"

enum { PAGE = 64 };

struct fixture {
    char dir[64];
    struct mn_db_config config;
    struct mn_db *db;
    struct mn_call_record rows[PAGE];
    size_t count, stop_at; /* put() says no to the row after so many; 0: never */
};

static void reopen(struct fixture *f)
{
    struct mn_buf why;
    mn_db_close(f->db);
    mn_buf_init(&why, 4096);
    assert_int_equal(mn_db_open(&f->config, &f->db, &why), MN_OK);
    mn_buf_deinit(&why);
}

static int setup(void **state)
{
    struct fixture *f = mn_new(struct fixture);
    ts_db_prepare(f->dir, &f->config, "call");
    reopen(f);
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

static struct mn_call_record ringing(int64_t id, int64_t caller, int64_t callee)
{
    return (struct mn_call_record){.id = id,
                                   .call = id + 1000,
                                   .caller = caller,
                                   .callee = callee,
                                   .status = MN_CALL_RINGING,
                                   .started_ms = id * 10,
                                   .duration_s = -1};
}

static bool put(void *arg, const struct mn_call_record *record)
{
    struct fixture *f = arg;
    assert_true(f->count < PAGE);
    f->rows[f->count++] = *record;
    return f->count != f->stop_at;
}

static size_t list(struct fixture *f, int64_t user, int64_t before, uint64_t skip, unsigned limit)
{
    const struct mn_call_query query = {
        .user = user, .before = before, .skip = skip, .limit = limit};
    f->count = 0;
    assert_int_equal(mn_db_calls(f->db, &query, put, f), MN_OK);
    return f->count;
}

static void same(const struct mn_call_record *a, const struct mn_call_record *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->call, b->call);
    assert_int_equal(a->caller, b->caller);
    assert_int_equal(a->callee, b->callee);
    assert_int_equal(a->status, b->status);
    assert_string_equal(a->reason, b->reason);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->accepted_ms, b->accepted_ms);
    assert_int_equal(a->ended_ms, b->ended_ms);
    assert_int_equal(a->duration_s, b->duration_s);
}

static void gives_back_what_was_written(void **state)
{
    struct fixture *f = *state;
    struct mn_call_record record = ringing(5, 1, 2);
    assert_int_equal(mn_db_call_create(f->db, &record), MN_OK);
    assert_int_equal(list(f, 1, INT64_MAX, 0, PAGE), 1);
    same(&f->rows[0], &record);

    record.status = MN_CALL_ACCEPTED;
    record.accepted_ms = 70;
    assert_int_equal(mn_db_call_update(f->db, &record), MN_OK);
    assert_int_equal(list(f, 2, INT64_MAX, 0, PAGE), 1);
    same(&f->rows[0], &record);

    record.status = MN_CALL_ENDED;
    record.ended_ms = 90;
    record.duration_s = 0;
    /* 64 units of three bytes each are kept whole. */
    for (int i = 0; i < MN_CALL_REASON_MAX; i++)
        memcpy(record.reason + i * 3, "\xe2\x82\xac", 4);
    assert_int_equal(mn_db_call_update(f->db, &record), MN_OK);
    reopen(f);
    assert_int_equal(list(f, 1, INT64_MAX, 0, PAGE), 1);
    same(&f->rows[0], &record);
}

static void refuses_what_is_not_so(void **state)
{
    struct fixture *f = *state;
    struct mn_call_record record = ringing(5, 1, 2), other = ringing(6, 3, 4);
    assert_int_equal(mn_db_call_update(f->db, &record), MN_ENOTFOUND);
    assert_int_equal(mn_db_call_create(f->db, &record), MN_OK);
    assert_int_equal(mn_db_call_create(f->db, &record), MN_EEXIST);
    other.call = record.call;
    assert_int_equal(mn_db_call_create(f->db, &other), MN_EEXIST);
    assert_int_equal(list(f, 3, INT64_MAX, 0, PAGE), 0);
}

/* Of both directions, newest first; pages meet without a gap and without a repeat. */
static void pages_go_through_all(void **state)
{
    struct fixture *f = *state;
    int64_t total = -1;
    for (int64_t id = 1; id <= 50; id++) {
        struct mn_call_record record = id % 3 ? ringing(id, 1, 1 + id) : ringing(id, 1 + id, 1);
        assert_int_equal(mn_db_call_create(f->db, &record), MN_OK);
        struct mn_call_record others = ringing(id + 100, 500, 600);
        assert_int_equal(mn_db_call_create(f->db, &others), MN_OK);
    }
    assert_int_equal(mn_db_call_count(f->db, 1, &total), MN_OK);
    assert_int_equal(total, 50);
    assert_int_equal(mn_db_call_count(f->db, 999, &total), MN_OK);
    assert_int_equal(total, 0);
    int64_t next = 50, before = INT64_MAX;
    while (list(f, 1, before, 0, 7) > 0) {
        for (size_t i = 0; i < f->count; i++)
            assert_int_equal(f->rows[i].id, next--);
        before = f->rows[f->count - 1].id;
    }
    assert_int_equal(next, 0);
    assert_int_equal(list(f, 1, INT64_MAX, 45, 20), 5);
    assert_int_equal(f->rows[0].id, 5);
    assert_int_equal(list(f, 1, INT64_MAX, 50, 20), 0);
    assert_int_equal(list(f, 1, INT64_MAX, 0, 0), 0);
    assert_int_equal(list(f, 999, INT64_MAX, 0, 20), 0);
    f->stop_at = 3;
    assert_int_equal(list(f, 1, INT64_MAX, 0, 20), 3);
}

static void closes_what_was_under_way(void **state)
{
    struct fixture *f = *state;
    struct mn_call_record rows[] = {ringing(1, 1, 2), ringing(2, 1, 3), ringing(3, 1, 4)};
    for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++)
        assert_int_equal(mn_db_call_create(f->db, &rows[i]), MN_OK);
    rows[1].status = MN_CALL_ACCEPTED;
    rows[1].accepted_ms = 30;
    rows[2].status = MN_CALL_MISSED;
    rows[2].ended_ms = 60;
    snprintf(rows[2].reason, sizeof(rows[2].reason), "timeout");
    assert_int_equal(mn_db_call_update(f->db, &rows[1]), MN_OK);
    assert_int_equal(mn_db_call_update(f->db, &rows[2]), MN_OK);

    assert_int_equal(mn_db_calls_close(f->db, "server_restart", 99), MN_OK);
    for (size_t i = 0; i < 2; i++) {
        rows[i].status = MN_CALL_FAILED;
        rows[i].ended_ms = 99;
        snprintf(rows[i].reason, sizeof(rows[i].reason), "server_restart");
    }
    assert_int_equal(list(f, 1, INT64_MAX, 0, PAGE), 3);
    for (size_t i = 0; i < 3; i++)
        same(&f->rows[2 - i], &rows[i]);
}

static void knows_its_greatest_id(void **state)
{
    struct fixture *f = *state;
    int64_t most = -1;
    struct mn_call_record record = ringing(5, 1, 2);
    assert_int_equal(mn_db_max_call_id(f->db, &most), MN_OK);
    assert_int_equal(most, 0);
    assert_int_equal(mn_db_call_create(f->db, &record), MN_OK);
    assert_int_equal(mn_db_max_call_id(f->db, &most), MN_OK);
    assert_int_equal(most, 1005);
    record = ringing(2000, 1, 2);
    record.call = 7;
    assert_int_equal(mn_db_call_create(f->db, &record), MN_OK);
    assert_int_equal(mn_db_max_call_id(f->db, &most), MN_OK);
    assert_int_equal(most, 2000);
}

int test_store_call(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(gives_back_what_was_written), TEST(refuses_what_is_not_so), TEST(pages_go_through_all),
        TEST(closes_what_was_under_way),   TEST(knows_its_greatest_id),
    };
    return cmocka_run_group_tests_name("store/call", tests, NULL, NULL);
}
