/* SPDX-License-Identifier: Apache-2.0 */
/* MESSAGE_REVOKE, and who learns of it when (gate/frame/revoke.c, gate/revoked.c; W-3.9, W-8.6). */
#include <stdio.h>

#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

/* A message from the connection's user that is stored and acknowledged. */
static int64_t say(struct mn_conn *conn, int64_t to, const char *client_id)
{
    lb_chat(conn, to, client_id);
    lb_settle();
    const char *text = lb_next(conn);
    assert_non_null(text);
    return lb_id_of(text);
}

static void take_back(struct mn_conn *conn, int64_t id, const char *client_id)
{
    char part[100];
    lb_revoke(conn, id, client_id);
    lb_settle();
    snprintf(part, sizeof(part), "'clientMsgId':'%s','serverMsgId':'%lld'", client_id,
             (long long)id);
    lb_expect(conn, part);
    snprintf(part, sizeof(part), "'type':'MESSAGE_REVOKED','serverMsgId':'%lld'", (long long)id);
    lb_expect(conn, part);
}

static void tells_both(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    int64_t id = say(a, 2, "m1");
    lb_expect(b, "'type':'SINGLE_CHAT'");
    lb_revoke(a, id, "r1");
    lb_settle();
    lb_expect(a, "'ackType':'revoked'");
    lb_expect(a, "'type':'MESSAGE_REVOKED'");
    lb_expect_quiet(a);
    lb_expect(b, "'from':'1','to':'2'");
    lb_expect_quiet(b);
    take_back(a, id, "r2"); /* once more is fine, and told once more */
    lb_expect(b, "'type':'MESSAGE_REVOKED'");
}

static void refuses(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2);
    int64_t id = say(a, 2, "m1");
    lb_expect(b, "SINGLE_CHAT");
    static const struct {
        const char *id, *part;
    } rows[] = {
        {"", "missing_server_msg_id"},
        {" \\t", "missing_server_msg_id"},
        {"x", "bad_server_msg_id"},
        {"0", "bad_server_msg_id"},
        {"-5", "bad_server_msg_id"},
        {"1.5", "bad_server_msg_id"},
        {"9223372036854775808", "bad_server_msg_id"},
        {"77", "message_not_found"},
        {"9223372036854775807", "message_not_found"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        lb_input(a, "{'type':'MESSAGE_REVOKE','clientMsgId':'r','serverMsgId':'%s'}", rows[i].id);
        lb_settle();
        lb_expect(a, rows[i].part);
    }
    lb_revoke(b, id, "r");
    lb_settle();
    lb_expect(b, "not_message_sender");
    lb->msglog.fail = MN_ENOSPC;
    lb_revoke(a, id, "r");
    lb_settle();
    lb_expect(a, "'reason':'server_busy'");
    lb->msglog.fail = MN_OK;
    lb->msglog.is_full = true;
    lb_revoke(a, id, "r");
    lb_settle();
    lb_expect(a, "'reason':'server_busy'");
    lb->msglog.is_full = false;
    lb_expect_quiet(a);
    lb_expect_quiet(b);
}

/* An old id is looked at by a worker, and never reaches the writer. */
static void too_late(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(0, 2);
    int64_t id = say(a, 2, "m1");
    lb_expect(b, "SINGLE_CHAT");
    lb_ack(b, id, "delivered");
    lb_settle();
    lb_expect(a, "'ackType':'delivered'");
    lb_advance(120000);
    take_back(a, id, "in time");
    lb_expect(b, "MESSAGE_REVOKED");
    lb_advance(1);
    lb_revoke(a, id, "late");
    lb_settle();
    lb_expect(a, "revoke_timeout");
    lb_advance(600000);
    lb->msglog.msgs[0].msg.id = 77; /* an id of long ago */
    lb_revoke(a, 77, "later");
    lb_revoke(b, 77, "not his");
    lb_revoke(b, 78, "none");
    lb_turn_end();
    assert_int_equal(lb->msglog.waiting, 0);
    lb_settle();
    lb_expect(a, "revoke_timeout");
    lb_expect(b, "not_message_sender");
    lb_expect(b, "message_not_found");
    assert_int_equal(lb->msglog.reserved, 0);
}

/* Requests that wait for each other keep their order, whatever is looked up. */
static void keeps_its_turn(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    int64_t id = say(a, 2, "m1");
    lb_advance(600000);
    lb_revoke(a, id, "r1");
    lb_chat(a, 2, "m2");
    lb_settle();
    lb_expect(a, "'clientMsgId':'r1'");
    lb_expect(a, "'clientMsgId':'m2'");
}

static void the_absent_learn(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    int64_t id = say(a, 2, "m1");
    lb_expect(b, "SINGLE_CHAT");
    lb_ack(b, id, "delivered");
    lb_settle();
    lb_expect(a, "'ackType':'delivered'");
    lb_gone(b);
    take_back(a, id, "r1");
    b = lb_user(1, 2);
    lb_settle();
    lb_expect(b, "MESSAGE_REVOKED");
    lb_expect_quiet(b);
    lb_gone(b); /* without a PONG: nobody knows whether it arrived */
    b = lb_user(0, 2);
    lb_settle();
    lb_expect(b, "MESSAGE_REVOKED");
    assert_int_equal(lb_pong(b), 1);
    lb_settle();
    lb_gone(b);
    b = lb_user(0, 2);
    lb_settle();
    lb_expect_quiet(b);
    assert_int_equal(lb_pong(b), 0);
}

/* What was told live is known by the PONG too; a wrong one says nothing. */
static void the_present_answer(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    int64_t first = say(a, 2, "m1"), second = say(a, 2, "m2");
    lb_expect(b, "SINGLE_CHAT");
    lb_expect(b, "SINGLE_CHAT");
    lb_ack(b, second, "delivered");
    lb_settle();
    lb_expect(a, "'ackType':'delivered'");
    take_back(a, first, "r1");
    take_back(a, second, "r2");
    int64_t forged = INT64_MAX;
    lb->handler.on_ws_pong(NULL, b, (const char *)&forged, sizeof(forged));
    lb->handler.on_ws_pong(NULL, b, "x", 1);
    lb_settle();
    assert_int_equal(lb->msglog.learnt[2], 0);
    assert_int_equal(lb_pong(b), 2); /* one question at a time; the second after the first */
    lb_settle();
    assert_int_equal(lb->msglog.learnt[2], 1001);
    lb_gone(b);
    b = lb_user(1, 2);
    lb_settle();
    lb_expect_quiet(b);
}

/* Pages of a hundred, each after the PONG of the one before. */
static void many(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b;
    char name[16];
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        take_back(a, say(a, 2, name), name);
    }
    b = lb_user(1, 2);
    lb_settle();
    unsigned seen = 0;
    for (const char *text; (text = lb_next(b)) != NULL;)
        seen += strstr(text, "MESSAGE_REVOKED") != NULL;
    assert_int_equal(seen, 100);
    assert_int_equal(lb_pong(b), 1);
    lb_settle();
    for (const char *text; (text = lb_next(b)) != NULL;)
        seen += strstr(text, "MESSAGE_REVOKED") != NULL;
    assert_int_equal(seen, 150);
    assert_int_equal(lb_pong(b), 1);
    lb_settle();
    assert_int_equal(lb->msglog.learnt[2], 1149);
}

static void congested(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    int64_t id = say(a, 2, "m1");
    lb_expect(b, "SINGLE_CHAT");
    lb_congest(b, true);
    take_back(a, id, "r1");
    lb_expect_quiet(b);
    lb_congest(b, false);
    lb_settle();
    lb_expect(b, "MESSAGE_REVOKED");
    assert_int_equal(lb_pong(b), 1);
}

int test_gate_revoke(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(tells_both),     LB_TEST(refuses),          LB_TEST(too_late),
        LB_TEST(keeps_its_turn), LB_TEST(the_absent_learn), LB_TEST(the_present_answer),
        LB_TEST(many),           LB_TEST(congested),
    };
    return cmocka_run_group_tests_name("gate/revoke", tests, NULL, NULL);
}
