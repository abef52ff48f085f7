/* SPDX-License-Identifier: Apache-2.0 */
/* A session's life against its races: AUTH, REAUTH, version, kick, close (gate/session.c). */
#include <stdio.h>

#include "base/mem.h"
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

/* ---- every order of what can happen while a version is looked up ---- */

enum event {
    WORK,  /* the worker reads the version */
    POST,  /* its answer reaches the loop */
    RAISE, /* the version is raised in the store */
    TELL,  /* ... and the gate is told */
    GONE,  /* the connection closes */
    EVENTS
};

/* The next permutation in lexicographic order; false behind the last. */
static bool next_order(unsigned *order, unsigned n)
{
    unsigned i = n - 1, k = n - 1;
    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    while (order[k] <= order[i - 1])
        k--;
    unsigned swap = order[i - 1];
    order[i - 1] = order[k];
    order[k] = swap;
    for (k = n - 1; i < k; i++, k--) {
        swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    return true;
}

static unsigned place_of(const unsigned *order, unsigned n, enum event event)
{
    for (unsigned i = 0; i < n; i++)
        if (order[i] == event)
            return i;
    return n;
}

static void happen(enum event event, struct mn_conn *conn, int64_t uid)
{
    switch (event) {
    case WORK:
        assert_true(lb_work());
        break;
    case POST:
        assert_true(lb_run_post(0));
        break;
    case RAISE:
        lb->sv++;
        break;
    case TELL:
        lb_bump(uid, lb->sv);
        break;
    case GONE:
        lb_gone(conn);
        break;
    case EVENTS:
        break;
    }
}

/* Whatever the order was: a connection that stays has a valid session, and learns it within 5 s. */
static void check_outcome(struct mn_conn *conn, bool gone)
{
    lb_settle();
    lb_advance(5000);
    lb_settle();
    assert_true(conn->closed);
    if (gone)
        return;
    const char *text, *last = NULL;
    char copy[512] = "";
    while ((text = lb_next(conn)) != NULL) {
        snprintf(copy, sizeof(copy), "%s", text);
        last = copy;
    }
    assert_non_null(last);
    assert_non_null(strstr(last, "session_invalid"));
    assert_int_equal(conn->code, 1000);
}

static void raised_in_any_order(bool reauth, unsigned events)
{
    unsigned order[EVENTS] = {WORK, POST, RAISE, TELL, GONE};
    unsigned tried = 0;
    int64_t uid = 100;
    do {
        if (place_of(order, events, WORK) > place_of(order, events, POST) ||
            place_of(order, events, RAISE) > place_of(order, events, TELL) ||
            (place_of(order, events, GONE) == 0))
            continue;
        lb_restart(&(struct mn_gate_settings){
            .auth_timeout_ms = 3000, .expiry_grace_ms = 5000, .resend_window = 1});
        uid++;
        struct mn_conn *conn = reauth ? lb_user(0, uid) : lb_open(0);
        if (reauth)
            lb_reauth(conn, uid, lb->sv, 3600);
        else
            lb_auth(conn, uid, lb->sv);
        for (unsigned i = 0; i < events; i++) {
            bool lost = order[i] == POST && conn->closed; /* the answer finds nobody */
            happen((enum event)order[i], conn, uid);
            assert_true(!lost || conn->closed);
        }
        check_outcome(conn, events == EVENTS);
        tried++;
    } while (next_order(order, events));
    assert_in_range(tried, 6, 30);
}

static void raised_while_auth_is_checked(void **state)
{
    (void)state;
    raised_in_any_order(false, 4);
}

static void raised_while_reauth_is_checked(void **state)
{
    (void)state;
    raised_in_any_order(true, 4);
}

static void raised_and_gone_while_auth_is_checked(void **state)
{
    (void)state;
    raised_in_any_order(false, EVENTS);
}

static void raised_and_gone_while_reauth_is_checked(void **state)
{
    (void)state;
    raised_in_any_order(true, EVENTS);
}

static void raised_inside_the_look_up(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_open(0);
    lb->raise_inside = 7;
    lb_auth(conn, 7, 0);
    lb_settle();
    lb_expect(conn, "'type':'AUTH_OK'");
    lb_expect_close(conn, "'reason':'session_invalid'");
}

/* The second look at the version finds the same one: a raise of somebody else's. */
static void raised_for_somebody_else(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_open(0);
    lb_auth(conn, 7, 0);
    lb_work();
    lb_bump(8, 1);
    assert_false(conn->vouched); /* it may still make room for somebody */
    lb_settle();
    lb_advance(10000);
    lb_expect(conn, "'type':'AUTH_OK'");
    assert_true(conn->vouched);
    lb_expect_quiet(conn);
}

static void second_look_without_a_worker(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_open(0);
    lb_auth(conn, 7, 0);
    lb_work();
    lb_bump(8, 1);
    lb->pool.is_full = true;
    lb_run_posts();
    lb_expect_close(conn, "'type':'AUTH_OK'"); /* it cannot be known, so it is not kept */
}

/* ---- AUTH ---- */

static void input_is_held_while_auth_is_checked(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_open(0);
    lb_auth(conn, 7, 0);
    assert_true(conn->held);
    lb_work();
    assert_true(conn->held);
    lb_run_posts();
    assert_false(conn->held);
    lb_expect(conn, "'type':'AUTH_OK','from':'7'");
}

static void auth_without_a_worker(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_open(0);
    lb->pool.is_full = true;
    lb_auth(conn, 7, 0);
    lb_expect_close(conn, "'reason':'server_busy'");
}

static void auth_while_the_store_fails(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_open(0);
    lb->session_err = MN_EIO;
    lb_auth(conn, 7, 0);
    lb_settle();
    lb_expect_close(conn, "'reason':'server_busy'");
}

static void unknown_user_where_known_ones_are_required(void **state)
{
    (void)state;
    struct mn_gate_settings settings = lb_settings();
    settings.require_known_user = true;
    lb_restart(&settings);
    struct mn_conn *conn = lb_open(0);
    lb_auth(conn, 7, 0);
    lb_settle();
    lb_expect_close(conn, "'type':'AUTH_FAIL'");
}

/* The budget is the process's: each loop has its share, rounded up. */
static void auth_budget_is_shared_by_the_loops(void **state)
{
    (void)state;
    struct mn_gate_settings settings = lb_settings();
    settings.auth_rate = 10;
    settings.auth_burst = 8;
    lb_restart(&settings);
    for (unsigned loop = 0; loop < LB_LOOPS; loop++) {
        unsigned passed = 0;
        for (int i = 0; i < 7; i++) {
            struct mn_conn *conn = lb_open(loop);
            lb_auth(conn, 100 + (int64_t)loop * 10 + i, 0);
            if (!conn->closed)
                passed++;
            else
                lb_expect_close(conn, "'reason':'server_busy'");
        }
        assert_int_equal(passed, 8 / LB_LOOPS + 1);
    }
}

static unsigned auths_that_pass(unsigned loop, unsigned n, int64_t first)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < n; i++) {
        struct mn_conn *conn = lb_open(loop);
        lb_auth(conn, first + i, 0);
        passed += !conn->closed;
    }
    return passed;
}

static void auth_rate_is_shared_by_the_loops(void **state)
{
    (void)state;
    struct mn_gate_settings settings = lb_settings();
    settings.auth_rate = 4;
    settings.auth_burst = 8;
    lb_restart(&settings);
    assert_int_equal(auths_that_pass(0, 6, 100), 8 / LB_LOOPS + 1);
    lb_advance(1000);
    assert_int_equal(auths_that_pass(0, 6, 200), 4 / LB_LOOPS + 1);
}

static void no_auth_in_time(void **state)
{
    (void)state;
    struct mn_conn *quiet = lb_open(0), *asking = lb_open(0);
    lb_advance(2500);
    lb_auth(asking, 7, 0);
    lb_advance(1000);
    lb_expect_close(quiet, "'reason':'auth_timeout'");
    lb_settle(); /* the worker was slow, the client was not */
    lb_expect(asking, "'type':'AUTH_OK'");
    lb_expect_quiet(asking);
}

/* ---- one session a user ---- */

static void the_newer_connection_stays(void **state)
{
    (void)state;
    for (unsigned loop = 0; loop < LB_LOOPS; loop++) {
        struct mn_conn *old = lb_user(0, 7), *new = lb_user(loop, 7);
        lb_expect_close(old, "'reason':'kicked'");
        lb_expect_quiet(new);
        assert_int_equal(mn_presence_find(lb->presence, 7), mn_conn_id(new));
        lb_gone(new);
    }
}

/* Both AUTHs are with workers; the later answer wins, the other is kicked once. */
static void two_at_once_in_any_order(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        struct mn_conn *conns[2] = {lb_open(0), lb_open(1)};
        lb_auth(conns[0], 7, 0);
        lb_auth(conns[1], 7, 0);
        lb_work_nth(first);
        lb_run_post(first);
        lb_settle();
        lb_expect(conns[first], "'type':'AUTH_OK'");
        lb_expect_close(conns[first], "'reason':'kicked'");
        lb_expect(conns[!first], "'type':'AUTH_OK'");
        lb_expect_quiet(conns[!first]);
        lb_gone(conns[!first]);
    }
}

static void a_kick_for_somebody_who_went(void **state)
{
    (void)state;
    struct mn_conn *old = lb_user(0, 7), *new = lb_open(1);
    lb_auth(new, 7, 0);
    lb_work();
    lb_run_post(1);
    lb_gone(old);
    lb_settle();
    lb_expect(new, "'type':'AUTH_OK'");
    lb_expect_quiet(new);
    assert_int_equal(mn_presence_find(lb->presence, 7), mn_conn_id(new));
    assert_int_equal(lb_metric(MN_M_KICKS), 0);
    assert_int_equal(lb_metric(MN_M_SESSIONS), 1);
}

/* ---- a raised version and sessions that are live ---- */

/* It ends those of its user that are older, once the time of the kick is over, and no others. */
static void a_raised_version_ends_its_users_session_only(void **state)
{
    (void)state;
    struct mn_conn *mine = lb_user(0, 7), *others[] = {lb_user(0, 8), lb_user(1, 9)};
    lb->sv = 1;
    lb_bump(7, 1);
    lb_run_posts();
    lb_advance(2900);
    lb_expect_quiet(mine);
    lb_bump(7, 2); /* a second one does not begin the time anew */
    lb_run_posts();
    lb_advance(200);
    lb_expect_close(mine, "'reason':'session_invalid'");
    lb_advance(10000);
    for (unsigned i = 0; i < MN_ARRAY_LEN(others); i++) {
        lb_expect_quiet(others[i]);
        lb_input(others[i], "{'type':'PING'}");
        lb_expect(others[i], "'type':'PONG'");
    }
}

/* The login that raised it has already made the session of that version. */
static void a_raised_version_does_not_end_the_session_that_has_it(void **state)
{
    (void)state;
    lb->sv = 1;
    struct mn_conn *conn = lb_open(0);
    lb_auth(conn, 7, 1);
    lb_settle();
    lb_expect(conn, "'type':'AUTH_OK'");
    lb_bump(7, 1);
    lb_run_posts();
    lb_advance(10000);
    lb_expect_quiet(conn);
}

/* ---- REAUTH ---- */

static void reauth_of_another_user(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 7);
    lb_reauth(conn, 8, 0, 3600);
    lb_expect_close(conn, "'clientMsgId':'r'");
}

static void reauth_without_a_worker_or_a_store(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 7);
    lb->pool.is_full = true;
    lb_reauth(conn, 7, 0, 3600);
    lb_expect(conn, "'type':'ERROR','clientMsgId':'r'");
    lb->pool.is_full = false;
    lb->session_err = MN_EIO;
    lb_reauth(conn, 7, 0, 3600);
    assert_true(conn->held);
    lb_settle();
    assert_false(conn->held);
    /* Both ids went to the worker and came back. */
    lb_expect(conn, "'type':'ERROR','clientMsgId':'r','serverMsgId':'both'");
    lb_expect_quiet(conn);
}

static void reauth_moves_the_expiry(void **state)
{
    (void)state;
    struct mn_conn *kept = lb_user(0, 7), *expired = lb_user(0, 8);
    lb_advance(1700 * 1000);
    lb_reauth(kept, 7, 0, 3600);
    lb_settle();
    lb_expect(kept, "'type':'AUTH_OK'");
    lb_advance(105 * 1000);
    lb_expect_close(expired, "'reason':'token_expired'");
    lb_expect_quiet(kept);
}

/* It asks for nothing by itself: only a token that outlives the one before does (W-10.3). */
static void the_same_token_again_is_not_free(void **state)
{
    (void)state;
    struct mn_gate_settings settings = lb_settings();
    settings.connection_rate = 1;
    settings.connection_burst = 2;
    lb_restart(&settings);
    struct mn_conn *conn = lb_user(0, 7); /* one of the two */
    for (int i = 0; i < 2; i++) {         /* free, as AUTH asked for it; the other of the two */
        lb_reauth(conn, 7, 0, 1800);
        lb_settle();
        lb_expect(conn, "'type':'AUTH_OK'");
    }
    lb_reauth(conn, 7, 0, 1800);
    lb_expect_close(conn, "'reason':'too_many_requests'");
}

/* Whichever allocation fails: either there is a session that can be found, or the client is told. */
static void no_memory_at_auth(void **state)
{
    bool failed = true;
    (void)state;
    for (unsigned n = 1; failed; n++) {
        int64_t uid = 1000 * n;
        struct mn_conn *conn = lb_open(0);
        lb_auth(conn, uid, 0);
        lb_torture(n);
        lb_settle();
        failed = lb_torture_end();
        assert_int_equal(mn_presence_find(lb->presence, uid) != 0, !conn->closed);
        lb_gone(conn);
        lb_settle();
    }
}

int test_gate_session(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(raised_while_auth_is_checked),
        LB_TEST(raised_while_reauth_is_checked),
        LB_TEST(raised_and_gone_while_auth_is_checked),
        LB_TEST(raised_and_gone_while_reauth_is_checked),
        LB_TEST(raised_inside_the_look_up),
        LB_TEST(raised_for_somebody_else),
        LB_TEST(second_look_without_a_worker),
        LB_TEST(input_is_held_while_auth_is_checked),
        LB_TEST(auth_without_a_worker),
        LB_TEST(auth_while_the_store_fails),
        LB_TEST(unknown_user_where_known_ones_are_required),
        LB_TEST(auth_budget_is_shared_by_the_loops),
        LB_TEST(auth_rate_is_shared_by_the_loops),
        LB_TEST(no_auth_in_time),
        LB_TEST(the_newer_connection_stays),
        LB_TEST(two_at_once_in_any_order),
        LB_TEST(a_kick_for_somebody_who_went),
        LB_TEST(a_raised_version_ends_its_users_session_only),
        LB_TEST(a_raised_version_does_not_end_the_session_that_has_it),
        LB_TEST(reauth_of_another_user),
        LB_TEST(reauth_without_a_worker_or_a_store),
        LB_TEST(reauth_moves_the_expiry),
        LB_TEST(the_same_token_again_is_not_free),
        LB_TEST(no_memory_at_auth),
    };
    return cmocka_run_group_tests_name("gate_session", tests, NULL, NULL);
}
