/* SPDX-License-Identifier: Apache-2.0 */
/* SINGLE_CHAT: the order of answers, whatever fails where (gate/chat.c; W-3.5, W-7.1). */
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

static void errors_wait_for_the_answers_before_them(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    lb_chat(conn, 2, "m1");
    lb_chat(conn, 1, "e1");
    lb_chat(conn, 2, "m2");
    lb_chat(conn, 1, "e2");
    lb_expect_quiet(conn);
    lb_input(conn, "{'type':'PING'}"); /* passes by */
    lb_expect(conn, "'type':'PONG'");
    lb_turn_end();
    lb_commit(1);
    lb_run_posts();
    lb_expect(conn, "'clientMsgId':'m1'");
    lb_settle();
    lb_expect(conn, "'clientMsgId':'e1'");
    lb_expect(conn, "'clientMsgId':'m2'");
    lb_expect(conn, "'clientMsgId':'e2'");
    lb_chat(conn, 1, "e3");
    lb_expect(conn, "'clientMsgId':'e3'");
    lb_expect_quiet(conn);
}

static void a_full_queue_is_told(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1);
    lb->msglog.is_full = true;
    lb_chat(conn, 2, "m1");
    lb_expect(conn, "'reason':'server_busy','retryAfterMs':");
    lb->msglog.is_full = false;
    lb->msglog.fail = MN_EIO;
    lb_chat(conn, 2, "m1");
    lb_settle();
    lb_expect(conn, "'reason':'server_busy','retryAfterMs':");
    lb->msglog.fail = MN_ECORRUPT; /* the store names the damage; it may be mended */
    lb_chat(conn, 2, "m1");
    lb_settle();
    lb_expect(conn, "'reason':'server_busy','retryAfterMs':");
    lb->msglog.fail = MN_EINVAL;
    lb_chat(conn, 2, "m1");
    lb_settle();
    lb_expect(conn, "'reason':'internal_error'");
    lb->msglog.fail = MN_OK;
    lb_chat(conn, 2, "m1");
    lb_settle();
    lb_expect(conn, "'ackType':'saved'");
}

/* A message that was sent twice is answered twice, and pushed once. */
static void a_duplicate_is_not_pushed(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1), *peer = lb_user(1, 2);
    for (unsigned i = 0; i < 2; i++) {
        lb_chat(conn, 2, "m");
        lb_settle();
        lb_expect(conn, "'ackType':'saved'");
    }
    int64_t id = lb_id_of(lb_next(peer));
    lb_expect_quiet(peer);
    for (unsigned i = 0; i < 2; i++) { /* and so is a receipt */
        lb_ack(peer, id, "read");
        lb_settle();
    }
    lb_expect(conn, "'ackType':'read'");
    lb_expect_quiet(conn);
}

/* Stored and pushed although the sender has gone (7.1). */
static void gone_with_a_message_under_way(void **state)
{
    (void)state;
    for (unsigned when = 0; when < 3; when++) {
        struct mn_conn *conn = lb_user(0, 1), *peer = lb_user(1, 2);
        char client_id[8] = {'m', (char)('0' + when), '\0'};
        lb_chat(conn, 2, client_id);
        if (when == 0)
            lb_gone(conn);
        lb_turn_end();
        if (when == 1)
            lb_gone(conn);
        lb_commit(1);
        lb_gone(conn);
        lb_settle();
        const char *text = lb_next(peer);
        while (text && !strstr(text, client_id)) /* what the earlier rounds left comes first */
            text = lb_next(peer);
        assert_non_null(text);
        lb_gone(peer);
    }
}

static void recipient_went_before_the_push(void **state)
{
    (void)state;
    struct mn_conn *conn = lb_user(0, 1), *peer = lb_user(1, 2);
    lb_chat(conn, 2, "m");
    lb_turn_end();
    lb_commit(1);
    lb_gone(peer);
    lb_settle();
    lb_expect(conn, "'ackType':'saved'");
    lb_expect_quiet(conn);
    peer = lb_user(1, 2);
    lb_expect(peer, "'clientMsgId':'m'");
}

static void start_strict(void)
{
    struct mn_gate_settings settings = lb_settings();
    settings.require_known_user = true;
    lb_restart(&settings);
    lb->known = true;
}

static void unknown_recipients_answer_in_their_turn(void **state)
{
    (void)state;
    start_strict();
    struct mn_conn *conn = lb_user(0, 1);
    lb->known = false;
    lb_chat(conn, 2, "m1");
    lb_settle();
    const char *text = lb_next(conn);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"clientMsgId\":\"m1\""));
    assert_non_null(strstr(text, "\"reason\":\"user_not_found\""));
    lb->session_err = MN_EIO;
    lb_chat(conn, 2, "m2");
    lb_settle();
    lb_expect(conn, "'reason':'server_busy'");
    lb->session_err = MN_OK;
    lb->pool.is_full = true;
    lb_chat(conn, 2, "m3");
    lb_settle();
    lb_expect(conn, "'reason':'server_busy'");
    lb->pool.is_full = false;
    lb->known = true;
    lb_chat(conn, 2, "m4");
    lb_settle();
    lb_expect(conn, "'ackType':'saved'");
    lb->known = false; /* remembered */
    lb_chat(conn, 2, "m5");
    lb_settle();
    lb_expect(conn, "'ackType':'saved'");
}

static void gone_while_the_recipient_is_looked_up(void **state)
{
    (void)state;
    for (unsigned when = 0; when < 2; when++) {
        start_strict();
        struct mn_conn *conn = lb_user(0, 1), *peer = lb_user(1, 2);
        char client_id[8] = {'m', (char)('0' + when), '\0'};
        lb_chat(conn, 2, client_id);
        if (when == 0)
            lb_gone(conn);
        assert_true(lb_work());
        lb_gone(conn);
        lb_settle();
        const char *text = lb_next(peer);
        while (text && !strstr(text, client_id))
            text = lb_next(peer);
        assert_non_null(text);
    }
}

int test_gate_chat(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(errors_wait_for_the_answers_before_them),
        LB_TEST(a_full_queue_is_told),
        LB_TEST(a_duplicate_is_not_pushed),
        LB_TEST(gone_with_a_message_under_way),
        LB_TEST(recipient_went_before_the_push),
        LB_TEST(unknown_recipients_answer_in_their_turn),
        LB_TEST(gone_while_the_recipient_is_looked_up),
    };
    return cmocka_run_group_tests_name("gate_chat", tests, NULL, NULL);
}
