/* SPDX-License-Identifier: Apache-2.0 */
/* ACKs: look-ups, refusals, and what is free (gate/ack.c; W-3.8, W-10.3). */
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

/* A message to the user 2, or another, pushed and read by `conn`; returns its id. */
static int64_t push_to(struct mn_conn *sender, struct mn_conn *conn, int64_t to,
                       const char *client_id)
{
    lb_chat(sender, to, client_id);
    lb_settle();
    lb_expect(sender, "'ackType':'saved'");
    return lb_id_of(lb_next(conn));
}

static int64_t push(struct mn_conn *sender, struct mn_conn *conn, const char *client_id)
{
    return push_to(sender, conn, 2, client_id);
}

static void no_worker_for_the_look_up(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1), *conn = lb_user(1, 2);
    int64_t id = push(sender, conn, "m");
    lb->msglog.forgets = true;
    lb->pool.is_full = true;
    lb_ack(conn, id, "delivered");
    lb_expect(conn, "'clientMsgId':'a','serverMsgId':'");
    lb->pool.is_full = false;
    lb_ack(conn, id, "delivered");
    lb_settle();
    lb_expect_quiet(conn);
    assert_int_equal(lb_delivered(2, lb_chat_of(1, 2)), 1);
}

static void no_room_for_the_cursor(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1), *conn = lb_user(1, 2);
    int64_t id = push(sender, conn, "m");
    lb->msglog.is_full = true;
    lb_ack(conn, id, "read");
    lb_expect(conn, "'reason':'server_busy'");
    lb_expect_quiet(conn);
}

static void no_memory(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1), *conn = lb_user(1, 2);
    int64_t id = push(sender, conn, "m");
    lb->msglog.forgets = true;
    lb_torture(1);
    lb_ack(conn, id, "delivered");
    assert_true(lb_torture_end());
    lb_expect(conn, "'reason':'server_busy'");
}

/* The look-up's answer, and the end of the connection before, between and behind: it was received. */
static void gone_during_the_look_up(void **state)
{
    (void)state;
    for (unsigned when = 0; when < 3; when++) {
        int64_t to = 20 + when;
        struct mn_conn *sender = lb_user(0, 1), *conn = lb_user(1, to);
        int64_t id = push_to(sender, conn, to, "m");
        lb->msglog.forgets = true;
        lb_ack(conn, id, "delivered");
        if (when == 0)
            lb_gone(conn);
        assert_true(lb_work());
        if (when == 1)
            lb_gone(conn);
        assert_true(lb_run_post(1));
        lb->msglog.forgets = false;
        lb_settle();
        assert_int_equal(lb_delivered(to, lb_chat_of(1, to)), 1);
        lb_gone(conn);
    }
}

static void verdicts_of_the_look_up(void **state)
{
    (void)state;
    struct mn_conn *sender = lb_user(0, 1), *conn = lb_user(1, 2), *other = lb_user(1, 3);
    int64_t id = push(sender, conn, "m");
    lb->msglog.forgets = true;
    lb_ack(other, id, "delivered");
    lb_ack(conn, 12345, "read");
    lb_settle();
    lb_expect(other, "'reason':'ack_not_allowed'");
    lb_expect(conn, "'reason':'message_not_found'");
    lb_ack(conn, id, "read");
    lb_settle();
    lb_expect_quiet(conn);
    lb_expect(sender, "'ackType':'read'");
}

/* A look-up that fails is charged when its outcome is known, and the free answer is still there. */
static void a_foreign_id_is_charged_after_its_look_up(void **state)
{
    (void)state;
    struct mn_gate_settings settings = lb_settings();
    settings.connection_rate = settings.user_rate = 1;
    settings.connection_burst = settings.user_burst = 3;
    lb_restart(&settings);
    struct mn_conn *sender = lb_user(0, 1), *conn = lb_user(1, 2);
    int64_t id = push(sender, conn, "m");
    lb->msglog.forgets = true;
    /* AUTH took one of three from the connection's bucket. */
    for (int64_t i = 1; i <= 2; i++) {
        lb_ack(conn, i, "delivered");
        lb_settle();
        lb_expect(conn, "'reason':'message_not_found'");
    }
    lb_ack(conn, id, "delivered");
    lb_settle();
    lb_expect_quiet(conn);
    lb_ack(conn, 3, "delivered");
    lb_expect_close(conn, "'reason':'too_many_requests'");
}

int test_gate_ack(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(no_worker_for_the_look_up),
        LB_TEST(no_room_for_the_cursor),
        LB_TEST(no_memory),
        LB_TEST(gone_during_the_look_up),
        LB_TEST(verdicts_of_the_look_up),
        LB_TEST(a_foreign_id_is_charged_after_its_look_up),
    };
    return cmocka_run_group_tests_name("gate_ack", tests, NULL, NULL);
}
