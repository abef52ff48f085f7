/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of the frames of calls, of time, and of a store that fails (im/call/calls.h). */
#include <string.h>

#include "base/mem.h"
#include "support/torture.h"
#include "unit/im/call_world.h"

static void an_invite_rings(void **state)
{
    (void)state;
    cw_invite(1, 2);
    assert_int_equal(cw.frame_count, 2);
    const struct mn_envelope *ok = &cw_frame(0, 1, MN_TYPE_CALL_INVITE_OK)->env;
    const struct mn_envelope *ring = &cw_frame(1, 2, MN_TYPE_CALL_INVITE)->env;
    assert_string_equal(ok->client_msg_id.p, "i-1");
    assert_string_equal(ok->call_kind.p, "Video");
    assert_null(ok->sdp.p);
    cw_is_signal(ok, ok->call_id, 1, 2);
    cw_is_signal(ring, ok->call_id, 1, 2);
    assert_null(ring->client_msg_id.p);
    assert_string_equal(ring->call_kind.p, "Video");
    assert_string_equal(ring->sdp.p, "offer");
    const struct mn_call_record *r = cw_record(ok->call_id);
    assert_int_equal(r->status, MN_CALL_RINGING);
    assert_int_equal(r->caller, 1);
    assert_int_equal(r->callee, 2);
    assert_int_equal(r->started_ms, cw_now.unix_ms);
    assert_int_equal(r->ended_ms, 0);
    assert_int_equal(r->duration_s, -1);
    assert_int_not_equal(r->id, r->call);
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALLS), 1);
}

static void a_kind_that_is_blank_is_video(void **state)
{
    (void)state;
    cw_send(1, (struct mn_envelope){.type = MN_TYPE_CALL_INVITE,
                                    .has = MN_HAS_TO,
                                    .to = 2,
                                    .call_kind = MN_STR(" "),
                                    .sdp = MN_STR("offer")});
    cw_run();
    assert_string_equal(cw_frame(0, 1, MN_TYPE_CALL_INVITE_OK)->env.call_kind.p, "video");
    assert_null(cw.frames[0].env.client_msg_id.p);
    assert_string_equal(cw_frame(1, 2, MN_TYPE_CALL_INVITE)->env.call_kind.p, "video");
}

static void only_friends_are_called(void **state)
{
    (void)state;
    static const int64_t strangers[] = {7, 0, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < MN_ARRAY_LEN(strangers); i++) {
        cw_invite(1, strangers[i]);
        const struct mn_envelope *env = cw_only_error(1, "not_friend");
        assert_false(env->has & MN_HAS_CALL_ID);
        assert_string_equal(env->client_msg_id.p, "i-1");
        assert_null(env->call_reason.p);
        cw_forget();
    }
    cw.friends_fail = true;
    cw_invite(1, 2);
    assert_false(cw_only_error(1, "internal_error")->has & MN_HAS_CALL_ID);
    assert_int_equal(cw.record_count, 0);
}

static void who_is_in_a_call_is_busy(void **state)
{
    (void)state;
    static const int64_t invites[][2] = {{3, 1}, {3, 2}, {1, 3}, {2, 3}, {1, 2}, {2, 1}};
    for (int is_accepted = 0; is_accepted < 2; is_accepted++) {
        int64_t call = is_accepted ? cw_accepted() : cw_ringing();
        for (size_t i = 0; i < MN_ARRAY_LEN(invites); i++) {
            cw_invite(invites[i][0], invites[i][1]);
            const struct mn_envelope *env = cw_only_error(invites[i][0], "busy");
            assert_string_equal(env->call_reason.p, "busy");
            assert_string_equal(env->client_msg_id.p, "i-1");
            assert_int_not_equal(env->call_id, call);
            const struct mn_call_record *r = cw_record(env->call_id);
            assert_int_equal(r->status, MN_CALL_FAILED);
            assert_string_equal(r->reason, "busy");
            assert_int_equal(r->started_ms, r->ended_ms);
            assert_int_equal(r->duration_s, -1);
            cw_forget();
        }
        cw_say(1, MN_TYPE_CALL_END, call);
        cw_forget();
    }
}

static void who_is_away_is_offline(void **state)
{
    (void)state;
    cw.online[2] = false;
    cw_invite(1, 2);
    const struct mn_envelope *env = cw_only_error(1, "callee_offline");
    assert_string_equal(env->call_reason.p, "offline");
    cw_has_ended(env->call_id, MN_CALL_FAILED, "offline", -1);
    cw_forget();
    cw_invite(3, 1); /* free */
    cw_frame(0, 3, MN_TYPE_CALL_INVITE_OK);
}

static void a_call_is_accepted_and_ended(void **state)
{
    (void)state;
    for (int64_t who = 1; who <= 2; who++) {
        int64_t call = cw_ringing();
        cw_pass(3000);
        cw_say(2, MN_TYPE_CALL_ACCEPT, call);
        assert_int_equal(cw.frame_count, 1);
        const struct mn_envelope *env = &cw_frame(0, 1, MN_TYPE_CALL_ACCEPT)->env;
        cw_is_signal(env, call, 2, 1);
        assert_string_equal(env->sdp.p, "answer");
        assert_null(env->call_kind.p);
        assert_null(env->client_msg_id.p);
        assert_int_equal(cw_record(call)->status, MN_CALL_ACCEPTED);
        assert_int_equal(cw_record(call)->accepted_ms, cw_now.unix_ms);
        assert_int_equal(cw_record(call)->ended_ms, 0);
        cw_pass(CW_RING_MS + 5999); /* it rings no more */
        cw_forget();
        cw_say(who, MN_TYPE_CALL_END, call);
        assert_int_equal(cw.frame_count, 1);
        env = &cw_frame(0, 3 - who, MN_TYPE_CALL_END)->env;
        cw_is_signal(env, call, who, 3 - who);
        assert_string_equal(env->call_reason.p, "why");
        cw_has_ended(call, MN_CALL_ENDED, "why", 35);
        cw_forget();
        cw_say(who, MN_TYPE_CALL_END, call);
        assert_int_equal(cw_only_error(who, "call_not_found")->call_id, call);
        cw_forget();
    }
}

static void a_ringing_call_is_refused(void **state)
{
    static const struct {
        int64_t who;
        enum mn_type type;
        enum mn_call_status status;
    } ways[] = {{2, MN_TYPE_CALL_REJECT, MN_CALL_REJECTED},
                {1, MN_TYPE_CALL_CANCEL, MN_CALL_CANCELED},
                {1, MN_TYPE_CALL_END, MN_CALL_CANCELED},
                {2, MN_TYPE_CALL_END, MN_CALL_REJECTED}};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(ways); i++) {
        int64_t call = cw_ringing();
        cw_say(ways[i].who, ways[i].type, call);
        assert_int_equal(cw.frame_count, 1);
        cw_is_signal(&cw_frame(0, 3 - ways[i].who, ways[i].type)->env, call, ways[i].who,
                     3 - ways[i].who);
        cw_has_ended(call, ways[i].status, "why", -1);
        assert_int_equal(cw_record(call)->accepted_ms, 0);
        cw_forget();
    }
    int64_t call = cw_ringing(); /* without a reason */
    cw_send(2, (struct mn_envelope){
                   .type = MN_TYPE_CALL_REJECT, .has = MN_HAS_CALL_ID, .call_id = call});
    cw_run();
    assert_null(cw_frame(0, 1, MN_TYPE_CALL_REJECT)->env.call_reason.p);
    cw_has_ended(call, MN_CALL_REJECTED, "", -1);
}

static void errors_name_the_call(void **state)
{
    (void)state;
    int64_t call = cw_ringing();
    cw_say(3, MN_TYPE_CALL_ACCEPT, call);
    const struct mn_envelope *env = cw_only_error(3, "call_not_participant");
    assert_int_equal(env->call_id, call);
    assert_string_equal(env->client_msg_id.p, "c-1");
    assert_null(env->call_reason.p);
    cw_forget();
    cw_say(1, MN_TYPE_CALL_ACCEPT, call + 1);
    assert_int_equal(cw_only_error(1, "call_not_found")->call_id, call + 1);
}

static void candidates_pass_in_any_state(void **state)
{
    (void)state;
    for (int is_accepted = 0; is_accepted < 2; is_accepted++) {
        int64_t call = is_accepted ? cw_accepted() : cw_ringing();
        for (int64_t who = 1; who <= 2; who++) {
            cw_send(who, (struct mn_envelope){.type = MN_TYPE_CALL_ICE,
                                              .has = MN_HAS_CALL_ID | MN_HAS_ICE_LINE | MN_HAS_TO,
                                              .client_msg_id = MN_STR("x"),
                                              .to = 5,
                                              .call_id = call,
                                              .ice_candidate = MN_STR("candidate:9"),
                                              .ice_mid = MN_STR("0"),
                                              .ice_line = -1});
            cw_say(who, MN_TYPE_CALL_ICE, call);
            assert_int_equal(cw.frame_count, 2);
            const struct mn_envelope *env = &cw_frame(0, 3 - who, MN_TYPE_CALL_ICE)->env;
            cw_is_signal(env, call, who, 3 - who);
            assert_string_equal(env->ice_candidate.p, "candidate:9");
            assert_true(env->has & MN_HAS_ICE_LINE);
            assert_int_equal(env->ice_line, -1);
            assert_null(env->client_msg_id.p);
            env = &cw_frame(1, 3 - who, MN_TYPE_CALL_ICE)->env;
            assert_false(env->has & MN_HAS_ICE_LINE);
            assert_null(env->ice_mid.p);
            cw_forget();
        }
        cw_say(1, MN_TYPE_CALL_END, call);
        cw_forget();
    }
}

static void nobody_answers(void **state)
{
    (void)state;
    int64_t call = cw_ringing();
    cw_pass(CW_RING_MS - 1);
    assert_int_equal(cw.frame_count, 0);
    cw_pass(1);
    assert_int_equal(cw.frame_count, 2);
    for (int64_t who = 1; who <= 2; who++) {
        const struct mn_envelope *env = &cw_frame((size_t)who - 1, who, MN_TYPE_CALL_TIMEOUT)->env;
        assert_int_equal(env->call_id, call);
        assert_string_equal(env->call_reason.p, "timeout");
        assert_false(env->has & (MN_HAS_FROM | MN_HAS_TO));
    }
    cw_has_ended(call, MN_CALL_MISSED, "timeout", -1);
    cw_forget();
    cw_say(2, MN_TYPE_CALL_ACCEPT, call);
    cw_only_error(2, "call_not_found");
}

/* An answer that came in time counts, however late its turn is. */
static void an_answer_in_time_beats_the_clock(void **state)
{
    (void)state;
    int64_t call = cw_ringing();
    cw_now.mono_ms += CW_RING_MS - 1;
    cw_send(2, (struct mn_envelope){.type = MN_TYPE_CALL_ACCEPT,
                                    .has = MN_HAS_CALL_ID,
                                    .call_id = call,
                                    .sdp = MN_STR("answer")});
    cw_now.mono_ms += 1000;
    cw_run();
    assert_int_equal(cw.frame_count, 1);
    cw_frame(0, 1, MN_TYPE_CALL_ACCEPT);
    int64_t late = (cw_say(1, MN_TYPE_CALL_END, call), cw_forget(), cw_ringing());
    cw_now.mono_ms += CW_RING_MS;
    cw_say(2, MN_TYPE_CALL_ACCEPT, late); /* after it */
    assert_int_equal(cw.frame_count, 3);
    cw_frame(0, 1, MN_TYPE_CALL_TIMEOUT);
    cw_frame(1, 2, MN_TYPE_CALL_TIMEOUT);
    cw_frame(2, 2, MN_TYPE_CALL_ERROR);
}

static void who_is_gone_ends_the_call(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        int64_t who = i % 2 + 1, call = i < 2 ? cw_ringing() : cw_accepted();
        cw_leave(who);
        cw_pass(CW_GRACE_MS - 1);
        assert_int_equal(cw.frame_count, 0);
        cw_pass(1);
        assert_int_equal(cw.frame_count, 1);
        const struct mn_envelope *env = &cw_frame(0, 3 - who, MN_TYPE_CALL_END)->env;
        cw_is_signal(env, call, who, 3 - who);
        assert_string_equal(env->call_reason.p, "peer_disconnect");
        cw_has_ended(call, MN_CALL_FAILED, "peer_disconnect", i < 2 ? -1 : CW_GRACE_MS / 1000);
        cw.online[who] = true;
        cw_forget();
    }
    mn_calls_gone(NULL, 1);
    mn_calls_gone(cw.calls, 1); /* in no call */
}

static void who_comes_back_stays(void **state)
{
    (void)state;
    int64_t call = cw_accepted();
    cw_leave(1);
    cw_pass(CW_GRACE_MS / 2);
    cw.online[1] = true;
    cw_pass(CW_GRACE_MS);
    assert_int_equal(cw.frame_count, 0);
    assert_int_equal(cw_record(call)->status, MN_CALL_ACCEPTED);
    /* Each time he goes he has the whole grace. */
    cw_leave(1);
    cw_pass(CW_GRACE_MS - 1);
    cw_leave(1);
    cw_pass(CW_GRACE_MS - 1);
    assert_int_equal(cw.frame_count, 0);
    cw_pass(1);
    cw_frame(0, 2, MN_TYPE_CALL_END);
    cw_has_ended(call, MN_CALL_FAILED, "peer_disconnect",
                 (int32_t)((CW_GRACE_MS * 7 / 2 - 1) / 1000));
}

static void both_are_gone(void **state)
{
    (void)state;
    int64_t call = cw_accepted();
    cw_leave(1);
    cw_pass(10);
    cw_leave(2);
    cw_pass(CW_GRACE_MS - 10);
    cw_has_ended(call, MN_CALL_FAILED, "peer_disconnect", CW_GRACE_MS / 1000);
    cw_pass(CW_GRACE_MS);
    assert_int_equal(cw.frame_count, 0);
}

/* W-3.12.1.13: an invite whose caller has gone by the time its record is there rings nowhere. */
static void a_caller_who_left_rings_nowhere(void **state)
{
    (void)state;
    cw.caller_leaves = true;
    cw_invite(1, 2);
    assert_int_equal(cw.frame_count, 0);
    assert_int_equal(cw.record_count, 1);
    cw_has_ended(cw.records[0].call, MN_CALL_FAILED, "peer_disconnect", -1);
    cw.caller_leaves = false;
    cw_invite(3, 2);
    cw_frame(0, 3, MN_TYPE_CALL_INVITE_OK);
}

/* He was there when it was asked, and there was no call yet when he went. */
static void a_callee_who_left_is_gone(void **state)
{
    (void)state;
    cw.callee_leaves = true;
    cw_invite(1, 2);
    int64_t call = cw_frame(0, 1, MN_TYPE_CALL_INVITE_OK)->env.call_id;
    cw_pass(CW_GRACE_MS);
    assert_int_equal(cw.frame_count, 2);
    assert_string_equal(cw_frame(1, 1, MN_TYPE_CALL_END)->env.call_reason.p, "peer_disconnect");
    cw_has_ended(call, MN_CALL_FAILED, "peer_disconnect", -1);
}

/* Two loops read the clock in another order than they come. */
static void deadlines_are_kept_in_order(void **state)
{
    (void)state;
    cw_ringing();
    cw_invite(3, 4);
    cw_forget();
    cw_leave(1);
    cw_now.mono_ms -= 2;
    cw_leave(4);
    cw_leave(3);
    cw_now.mono_ms += 1;
    cw_leave(2);
    cw_now.mono_ms += CW_GRACE_MS - 1;
    cw_run();
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALLS), 1);
    cw_pass(1);
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALLS), 0);
}

static void crossing_invites_make_one_call(void **state)
{
    (void)state;
    struct mn_envelope env = {
        .type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .to = 2, .sdp = MN_STR("offer")};
    cw_send(1, env);
    env.to = 1;
    cw_send(2, env);
    cw_run();
    assert_int_equal(cw.frame_count, 3);
    cw_frame(0, 1, MN_TYPE_CALL_INVITE_OK);
    cw_frame(1, 2, MN_TYPE_CALL_INVITE);
    assert_string_equal(cw_frame(2, 2, MN_TYPE_CALL_ERROR)->env.reason.p, "busy");
}

/* ---- a store that fails ---- */

static void an_invite_that_is_not_recorded(void **state)
{
    (void)state;
    cw.creates_fail = 1;
    cw_invite(1, 2);
    assert_true(cw_only_error(1, "internal_error")->call_id > 0);
    assert_int_equal(cw.unwritten, 1);
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALLS), 0);
    cw_forget();
    int64_t call = cw_ringing(); /* both are free */
    cw.creates_fail = 1;
    cw_invite(3, 1);
    cw_only_error(3, "internal_error"); /* instead of busy */
    cw_forget();
    cw_say(1, MN_TYPE_CALL_END, call);
}

/* W-3.12.2.18: both are free and both know. */
static void an_answer_that_is_not_recorded(void **state)
{
    (void)state;
    int64_t call = cw_ringing();
    cw.updates_fail = 1;
    cw_say(2, MN_TYPE_CALL_ACCEPT, call);
    assert_int_equal(cw.frame_count, 2);
    assert_string_equal(cw_frame(0, 2, MN_TYPE_CALL_ERROR)->env.reason.p, "internal_error");
    assert_string_equal(cw_frame(1, 1, MN_TYPE_CALL_END)->env.call_reason.p, "internal_error");
    assert_int_equal(cw_record(call)->status, MN_CALL_RINGING);
    cw_forget();
    int64_t other = cw_ringing();
    cw_say(1, MN_TYPE_CALL_CANCEL, other);
    cw_forget();
    cw_pass(5000); /* tried again */
    assert_int_equal(cw_record(call)->status, MN_CALL_FAILED);
    assert_string_equal(cw_record(call)->reason, "internal_error");
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALL_RECORDS_UNWRITTEN), 0);
}

static void an_end_that_is_not_recorded(void **state)
{
    (void)state;
    int64_t call = cw_accepted();
    cw.updates_fail = 3;
    cw_say(1, MN_TYPE_CALL_END, call);
    assert_int_equal(cw.frame_count, 2);
    assert_string_equal(cw_frame(0, 1, MN_TYPE_CALL_ERROR)->env.reason.p, "internal_error");
    cw_frame(1, 2, MN_TYPE_CALL_END);
    cw_forget();
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALL_RECORDS_UNWRITTEN), 1);
    int64_t missed = cw_ringing();
    cw_pass(CW_RING_MS); /* told although it is not recorded */
    assert_int_equal(cw.frame_count, 2);
    assert_int_equal(cw.updates_fail, 0);
    int64_t third = (cw_forget(), cw_accepted());
    assert_int_equal(cw_record(call)->status, MN_CALL_ACCEPTED);
    cw_pass(5000);
    cw_pass(5000);
    assert_int_equal(cw_record(call)->status, MN_CALL_ENDED);
    assert_int_equal(cw_record(missed)->status, MN_CALL_MISSED);
    assert_int_equal(cw_record(third)->status, MN_CALL_ACCEPTED);
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALL_RECORDS_UNWRITTEN), 0);
}

static void the_stop_ends_all(void **state)
{
    (void)state;
    int64_t one = cw_accepted();
    cw_invite(3, 4);
    int64_t two = cw_frame(0, 3, MN_TYPE_CALL_INVITE_OK)->env.call_id;
    cw_now.unix_ms += 2500;
    mn_calls_stop(cw.calls);
    cw_has_ended(one, MN_CALL_FAILED, "server_restart", 2);
    cw_has_ended(two, MN_CALL_FAILED, "server_restart", -1);
    struct mn_envelope env = {.type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .to = 2};
    assert_int_equal(mn_calls_submit(cw.calls, 1, &env), MN_EBUSY);
}

/* ---- limits ---- */

static void is_busy(int64_t user)
{
    assert_int_equal(cw.frame_count, 1);
    const struct mn_envelope *env = &cw_frame(0, user, MN_TYPE_ERROR)->env;
    assert_string_equal(env->reason.p, "server_busy");
    assert_string_equal(env->client_msg_id.p, "i-1");
    assert_true(env->has & MN_HAS_RETRY_AFTER);
    assert_true(env->retry_after_ms > 0);
    cw_forget();
}

static void so_many_calls_at_a_time(void **state)
{
    (void)state;
    mn_calls_free(cw.calls);
    cw_open_calls(1, 1 << 20);
    int64_t call = cw_ringing();
    cw_invite(3, 4);
    is_busy(3);
    assert_int_equal(cw.record_count, 1);
    cw_say(1, MN_TYPE_CALL_END, call);
    cw_forget();
    cw_invite(3, 4);
    cw_frame(0, 3, MN_TYPE_CALL_INVITE_OK);
}

static int64_t year_3000(void) { return INT64_C(32503680000000); }

static void no_id_no_call(void **state)
{
    (void)state;
    cw.ids.unix_ms = year_3000;
    cw_invite(1, 2);
    is_busy(1);
    assert_int_equal(cw.record_count, 0);
}

static void the_queue_has_a_ceiling(void **state)
{
    static char sdp[60000];
    struct mn_envelope env = {.type = MN_TYPE_CALL_INVITE,
                              .has = MN_HAS_TO,
                              .to = 2,
                              .sdp = mn_str_make(sdp, sizeof(sdp))};
    (void)state;
    memset(sdp, 's', sizeof(sdp));
    unsigned n = 0;
    while (mn_calls_submit(cw.calls, 1, &env) == MN_OK)
        n++;
    assert_int_equal(n, (1 << 20) / 61000);
    int64_t held = mn_metrics_sum(cw.metrics, MN_M_CALL_QUEUE_BYTES);
    assert_true(held > n * 60000 && held <= 1 << 20);
    env.sdp = MN_STR_NONE;
    cw_run();
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALL_QUEUE_BYTES), 0);
    assert_int_equal(cw.frames[0].env.type, MN_TYPE_CALL_INVITE_OK);
}

static void no_memory_is_told(void **state)
{
    struct mn_envelope env = {
        .type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .to = 2, .sdp = MN_STR("offer")};
    (void)state;
    torture_begin(1);
    enum mn_err err = mn_calls_submit(cw.calls, 1, &env);
    assert_true(torture_end());
    assert_int_equal(err, MN_EBUSY);
    env.client_msg_id = MN_STR("i-1");
    for (unsigned n = 1;; n++) {
        cw_send(1, env);
        torture_begin(n);
        cw_run();
        if (!torture_end())
            break;
        is_busy(1);
        assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALLS), 0);
    }
    cw_frame(0, 1, MN_TYPE_CALL_INVITE_OK);
}

int test_im_call(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, cw_setup, cw_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_invite_rings),
        TEST(a_kind_that_is_blank_is_video),
        TEST(only_friends_are_called),
        TEST(who_is_in_a_call_is_busy),
        TEST(who_is_away_is_offline),
        TEST(a_call_is_accepted_and_ended),
        TEST(a_ringing_call_is_refused),
        TEST(errors_name_the_call),
        TEST(candidates_pass_in_any_state),
        TEST(nobody_answers),
        TEST(an_answer_in_time_beats_the_clock),
        TEST(who_is_gone_ends_the_call),
        TEST(who_comes_back_stays),
        TEST(both_are_gone),
        TEST(a_caller_who_left_rings_nowhere),
        TEST(a_callee_who_left_is_gone),
        TEST(deadlines_are_kept_in_order),
        TEST(crossing_invites_make_one_call),
        TEST(an_invite_that_is_not_recorded),
        TEST(an_answer_that_is_not_recorded),
        TEST(an_end_that_is_not_recorded),
        TEST(the_stop_ends_all),
        TEST(so_many_calls_at_a_time),
        TEST(no_id_no_call),
        TEST(the_queue_has_a_ceiling),
        TEST(no_memory_is_told),
    };
    return cmocka_run_group_tests_name("im/call", tests, NULL, NULL);
}
