/* SPDX-License-Identifier: Apache-2.0 */
/* CALL_* through the gate: what is answered at once, limits, and connections that go. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

#define INVITE_2 "{'type':'CALL_INVITE','clientMsgId':'i-1','to':'2','sdp':'v=0'}"

/* Rings from 1 to 2; the call's id. */
static int64_t ring(struct mn_conn *caller, struct mn_conn *callee)
{
    lb_input(caller, INVITE_2);
    lb_expect_quiet(caller); /* nothing on the loop itself */
    lb_run_calls();
    const char *text = lb_next(caller);
    assert_non_null(text);
    assert_non_null(strstr(text, "CALL_INVITE_OK"));
    const char *id = strstr(text, "\"callId\":\"");
    assert_non_null(id);
    int64_t call = strtoll(id + 10, NULL, 10);
    lb_expect(callee, "{'type':'CALL_INVITE','from':'1','to':'2','callId':'");
    return call;
}

static void mistakes_are_told_at_once(void **state)
{
    static const struct {
        const char *frame, *answer;
    } rows[] = {
        {"'type':'CALL_INVITE','clientMsgId':'c','callId':'7'",
         "{'type':'CALL_ERROR','clientMsgId':'c','ts':1750000000000,'reason':'missing_to'}"},
        {"'type':'CALL_INVITE','to':2,'callKind':'audio'",
         "{'type':'CALL_ERROR','ts':1750000000000,'reason':'unsupported_call_kind'}"},
        {"'type':'CALL_INVITE','to':2,'sdp':null", "'reason':'missing_sdp'}"},
        {"'type':'CALL_INVITE','to':1,'sdp':'v'", "'reason':'cannot_call_self'}"},
        {"'type':'CALL_ACCEPT','clientMsgId':'c','callId':0",
         "{'type':'CALL_ERROR','clientMsgId':'c','ts':1750000000000,'reason':'missing_call_id'}"},
        {"'type':'CALL_ACCEPT','clientMsgId':'c','callId':'7'",
         "{'type':'CALL_ERROR','clientMsgId':'c','callId':'7','ts':1750000000000,'reason':'missing_sdp'}"},
        {"'type':'CALL_REJECT'", "'reason':'missing_call_id'}"},
        {"'type':'CALL_CANCEL','callId':-5", "'reason':'missing_call_id'}"},
        {"'type':'CALL_END','callId':''", "'reason':'missing_call_id'}"},
        {"'type':'CALL_ICE','callId':9",
         "'callId':'9','ts':1750000000000,'reason':'missing_ice_candidate'}"},
    };
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
        lb_input(a, "{%s}", rows[i].frame);
        lb_expect(a, rows[i].answer);
    }
    lb_expect_quiet(a);
}

static void others_are_told_by_the_thread(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    lb_input(a, "{'type':'CALL_INVITE','clientMsgId':'c','to':'5000','sdp':'v'}");
    lb_input(a, "{'type':'CALL_END','clientMsgId':'d','callId':'9223372036854775807'}");
    lb_expect_quiet(a);
    lb_run_calls();
    lb_expect(a, "'clientMsgId':'c',");
    lb_expect(a, "{'type':'CALL_ERROR','clientMsgId':'d','callId':'9223372036854775807',");
    lb_expect_quiet(a);
}

static void a_call_goes_through(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    int64_t call = ring(a, b);
    lb_input(b, "{'type':'CALL_ACCEPT','callId':%lld,'sdp':'v=1\\r\\n'}", (long long)call);
    lb_input(b,
             "{'type':'CALL_ICE','callId':'%lld','iceCandidate':'candidate:1','iceSdpMid':null,"
             "'iceSdpMLineIndex':0,'to':'77','clientMsgId':'x'}",
             (long long)call);
    lb_run_calls();
    lb_expect(a, "'sdp':'v=1\\r\\n',");
    lb_expect(a, "'iceCandidate':'candidate:1','iceSdpMLineIndex':0,'ts':");
    lb_input(a, "{'type':'CALL_END','callId':'%lld','callReason':' bye '}", (long long)call);
    lb_run_calls();
    lb_expect(b, "{'type':'CALL_END','from':'1','to':'2','callId':'");
    lb_expect_quiet(a);
    lb_expect_quiet(b);
    assert_int_equal(lb_metric(MN_M_CALLS), 0);
    assert_int_equal(lb_metric(MN_M_CALLS_ENDED), 1);
}

/* W-3.12.1.11: the end of a replaced connection is not the end of the user's call. */
static void a_newer_connection_keeps_the_call(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    ring(a, b);
    struct mn_conn *again = lb_user(1, 1);
    lb_settle();
    lb_expect_close(a, "'reason':'kicked'");
    lb_gone(a);
    lb_advance(10001);
    lb_run_calls();
    lb_expect_quiet(b);
    lb_gone(again); /* his last one */
    lb_advance(9999);
    lb_run_calls();
    lb_expect_quiet(b);
    lb_advance(1);
    lb_run_calls();
    lb_expect(b, "'callReason':'peer_disconnect',");
    assert_int_equal(lb_metric(MN_M_CALLS), 0);
}

static void who_is_back_in_time_keeps_the_call(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    int64_t call = ring(a, b);
    lb_gone(b);
    lb_advance(5000);
    lb_run_calls();
    b = lb_user(0, 2);
    lb_advance(10000);
    lb_run_calls();
    lb_expect_quiet(a);
    lb_input(b, "{'type':'CALL_ACCEPT','callId':%lld,'sdp':'v'}", (long long)call);
    lb_run_calls();
    lb_expect(a, "{'type':'CALL_ACCEPT',");
}

static void a_callee_who_does_not_read_is_closed(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    lb_congest(b, true);
    lb_input(a, INVITE_2);
    lb_run_calls();
    lb_expect(a, "CALL_INVITE_OK");
    assert_true(b->closed);
}

static void a_full_queue_is_told(void **state)
{
    char sdp[3501];
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    memset(sdp, 's', sizeof(sdp));
    sdp[sizeof(sdp) - 1] = '\0';
    for (int i = 0; i < 5; i++)
        lb_input(a, "{'type':'CALL_INVITE','clientMsgId':'i-%d','to':'2','sdp':'%s'}", i, sdp);
    lb_expect(a, "{'type':'ERROR','clientMsgId':'i-4',");
    lb_expect_quiet(a);
    lb_run_calls();
    for (int i = 0; i < 4; i++)
        lb_expect(a, "'reason':'callee_offline'}");
    lb_expect_quiet(a);
}

/* ---- the allowance of candidates ---- */

static void restart(uint32_t user_rate, uint32_t ice_rate, uint32_t ice_burst)
{
    struct mn_gate_settings settings = lb_settings();
    settings.user_rate = settings.user_burst = user_rate;
    settings.ice_rate = ice_rate;
    settings.ice_burst = ice_burst;
    lb_restart(&settings);
}

static void candidate(struct mn_conn *conn, int64_t call)
{
    lb_input(conn, "{'type':'CALL_ICE','clientMsgId':'x','callId':'%lld','iceCandidate':'c'}",
             (long long)call);
}

static void candidates_cost_no_requests(void **state)
{
    (void)state;
    restart(3, 10, 20);
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2);
    int64_t call = ring(a, b);
    for (int i = 0; i < 20; i++)
        candidate(a, call);
    lb_run_calls();
    for (int i = 0; i < 20; i++)
        lb_expect(b, "CALL_ICE");
    /* Two requests are left, whatever the candidates. */
    for (int i = 0; i < 2; i++) {
        lb_input(a, "{'type':'CALL_ACCEPT','callId':7,'sdp':'v'}");
        lb_run_calls();
        lb_expect(a, "'reason':'call_not_found'}");
    }
    lb_advance(100);
    candidate(a, call); /* one more after a tenth of a second */
    lb_run_calls();
    lb_expect(b, "CALL_ICE");
    candidate(a, call);
    lb_expect_close(a, "{'type':'ERROR','clientMsgId':'x',");
    assert_int_equal(lb_metric(MN_M_RATE_LIMITED), 1);
}

static void the_allowance_is_the_users(void **state)
{
    (void)state;
    restart(0, 10, 5);
    struct mn_conn *a = lb_user(0, 1);
    for (int i = 0; i < 5; i++)
        candidate(a, 7);
    lb_gone(a);
    a = lb_user(1, 1); /* a new connection is no new allowance */
    lb_run_calls();
    while (lb_next(a)) { /* errors of the first five */
    }
    candidate(a, 7);
    lb_expect_close(a, "'reason':'too_many_requests'}");
}

int test_gate_call(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(mistakes_are_told_at_once),
        LB_TEST(others_are_told_by_the_thread),
        LB_TEST(a_call_goes_through),
        LB_TEST(a_newer_connection_keeps_the_call),
        LB_TEST(who_is_back_in_time_keeps_the_call),
        LB_TEST(a_callee_who_does_not_read_is_closed),
        LB_TEST(a_full_queue_is_told),
        LB_TEST(candidates_cost_no_requests),
        LB_TEST(the_allowance_is_the_users),
    };
    return cmocka_run_group_tests_name("gate/call", tests, NULL, NULL);
}
