/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls (im/call/calls.h): what comes of frames and of time, with a store, a
 * presence and users that are arrays here.  Most tests carry out the steps
 * themselves, with a clock of theirs; the last ones have the thread do it.
 */
#include "im/call/calls.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "im/call/calls_impl.h"
#include "im/call/rules.h"
#include "support/torture.h"
#include "unit/im/tests.h"

enum { USERS = 8, FRAMES = 64, RECORDS = 64, RING_MS = 30000, GRACE_MS = 10000 };

struct told {
    int64_t user;
    struct mn_envelope env;
    char texts[6][256];
};

static struct {
    struct mn_calls *calls;
    struct mn_metrics *metrics;
    struct mn_idgen ids;
    bool online[USERS];
    struct told frames[FRAMES];
    size_t frame_count;
    struct mn_call_record records[RECORDS];
    size_t record_count;
    int creates_fail, updates_fail; /* so many of the next ones do */
    bool friends_fail;
    unsigned unwritten;
    bool caller_leaves; /* while his record is being made */
} w;

static struct mn_call_now now;
static struct mn_call_now test_now(void) { return now; }

/* ---- the world ---- */

static bool is_online(void *ctx, int64_t user)
{
    (void)ctx;
    return user > 0 && user < USERS && w.online[user];
}

/* 7 is nobody's. */
static enum mn_err is_friend(void *ctx, int64_t user, int64_t other, bool *ret)
{
    (void)ctx;
    *ret = user != 7 && other > 0 && other < 7;
    return w.friends_fail ? MN_EIO : MN_OK;
}

static enum mn_err create(void *ctx, const struct mn_call_record *record)
{
    (void)ctx;
    if (w.creates_fail > 0) {
        w.creates_fail--;
        return MN_ENOSPC;
    }
    assert_true(w.record_count < RECORDS);
    w.records[w.record_count++] = *record;
    if (w.caller_leaves)
        w.online[record->caller] = false;
    return MN_OK;
}

static enum mn_err update(void *ctx, const struct mn_call_record *record)
{
    (void)ctx;
    if (w.updates_fail > 0) {
        w.updates_fail--;
        return MN_EIO;
    }
    for (size_t i = 0; i < w.record_count; i++) {
        if (w.records[i].call == record->call) {
            w.records[i] = *record;
            return MN_OK;
        }
    }
    return MN_ENOTFOUND;
}

static void on_unwritten(void *ctx, const struct mn_call_record *record, enum mn_err err)
{
    (void)ctx, (void)record;
    assert_int_not_equal(err, MN_OK);
    w.unwritten++;
}

static void keep(struct told *told, int i, struct mn_str *text)
{
    if (!text->p)
        return;
    snprintf(told->texts[i], sizeof(told->texts[i]), "%.*s", (int)text->n, text->p);
    *text = mn_str_c(told->texts[i]);
}

static void push(void *ctx, const int64_t *uids, size_t n, const struct mn_envelope *env)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        if (!is_online(NULL, uids[i]))
            continue;
        assert_true(w.frame_count < FRAMES);
        struct told *told = &w.frames[w.frame_count++];
        told->user = uids[i];
        told->env = *env;
        keep(told, 0, &told->env.client_msg_id);
        keep(told, 1, &told->env.call_kind);
        keep(told, 2, &told->env.sdp);
        keep(told, 3, &told->env.ice_candidate);
        keep(told, 4, &told->env.call_reason);
        keep(told, 5, &told->env.reason);
    }
}

static void open_calls(size_t max_active, size_t queue_bytes)
{
    w.calls = mn_calls_new(&(struct mn_calls_config){.world = {.is_online = is_online,
                                                               .is_friend = is_friend,
                                                               .create = create,
                                                               .update = update,
                                                               .on_unwritten = on_unwritten},
                                                     .sink = {.push = push},
                                                     .ids = &w.ids,
                                                     .metrics = w.metrics,
                                                     .ring_timeout_ms = RING_MS,
                                                     .disconnect_grace_ms = GRACE_MS,
                                                     .max_active = max_active,
                                                     .queue_bytes = queue_bytes});
    w.calls->now = test_now;
}

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    now = (struct mn_call_now){.mono_ms = 1000, .unix_ms = INT64_C(1700000000000)};
    mn_idgen_init(&w.ids, 1, 1);
    for (int i = 0; i < USERS; i++)
        w.online[i] = true;
    w.metrics = mn_metrics_new();
    open_calls(100, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mn_calls_stop(w.calls);
    mn_calls_free(w.calls);
    mn_metrics_free(w.metrics);
    return 0;
}

/* ---- what users do ---- */

static void run(void)
{
    while (mn_calls_step(w.calls)) {
    }
}

static void pass(uint64_t ms)
{
    now.mono_ms += ms;
    now.unix_ms += (int64_t)ms;
    run();
}

static void send(int64_t from, struct mn_envelope env)
{
    assert_int_equal(mn_call_check(from, &env), MN_REASON_NONE);
    assert_int_equal(mn_calls_submit(w.calls, from, &env), MN_OK);
}

static void say(int64_t from, enum mn_type type, int64_t call)
{
    send(from, (struct mn_envelope){.type = type,
                                    .has = MN_HAS_CALL_ID,
                                    .client_msg_id = MN_STR("c-1"),
                                    .call_id = call,
                                    .sdp = MN_STR("answer"),
                                    .ice_candidate = MN_STR("candidate:1"),
                                    .call_reason = MN_STR(" why ")});
    run();
}

static void invite(int64_t from, int64_t to)
{
    send(from, (struct mn_envelope){.type = MN_TYPE_CALL_INVITE,
                                    .has = MN_HAS_TO,
                                    .client_msg_id = MN_STR("i-1"),
                                    .to = to,
                                    .call_kind = MN_STR("Video"),
                                    .sdp = MN_STR("offer")});
    run();
}

static void leave(int64_t user)
{
    w.online[user] = false;
    mn_calls_gone(w.calls, user);
}

/* ---- what they were told ---- */

static void forget(void) { w.frame_count = 0; }

static const struct told *frame(size_t i, int64_t user, enum mn_type type)
{
    assert_true(i < w.frame_count);
    assert_int_equal(w.frames[i].user, user);
    assert_string_equal(mn_type_name(w.frames[i].env.type), mn_type_name(type));
    return &w.frames[i];
}

/* The only frame: CALL_ERROR. */
static const struct mn_envelope *only_error(int64_t user, const char *reason)
{
    assert_int_equal(w.frame_count, 1);
    const struct mn_envelope *env = &frame(0, user, MN_TYPE_CALL_ERROR)->env;
    assert_string_equal(env->reason.p, reason);
    return env;
}

static void is_signal(const struct mn_envelope *env, int64_t call, int64_t from, int64_t to)
{
    assert_true((env->has & MN_HAS_FROM) && (env->has & MN_HAS_TO) && (env->has & MN_HAS_CALL_ID));
    assert_int_equal(env->call_id, call);
    assert_int_equal(env->from, from);
    assert_int_equal(env->to, to);
}

/* 1 rings at 2; the call's id. */
static int64_t ringing(void)
{
    invite(1, 2);
    int64_t call = frame(0, 1, MN_TYPE_CALL_INVITE_OK)->env.call_id;
    forget();
    return call;
}

static int64_t accepted(void)
{
    int64_t call = ringing();
    say(2, MN_TYPE_CALL_ACCEPT, call);
    forget();
    return call;
}

static const struct mn_call_record *record(int64_t call)
{
    for (size_t i = 0; i < w.record_count; i++)
        if (w.records[i].call == call)
            return &w.records[i];
    fail_msg("no record of the call");
    return NULL;
}

static void has_ended(int64_t call, enum mn_call_status status, const char *reason,
                      int32_t duration_s)
{
    const struct mn_call_record *r = record(call);
    assert_string_equal(mn_call_status_text(r->status), mn_call_status_text(status));
    assert_string_equal(r->reason, reason);
    assert_int_equal(r->duration_s, duration_s);
    assert_int_equal(r->ended_ms, now.unix_ms);
    assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALLS), 0);
}

/* ---- tests ---- */

static void an_invite_rings(void **state)
{
    (void)state;
    invite(1, 2);
    assert_int_equal(w.frame_count, 2);
    const struct mn_envelope *ok = &frame(0, 1, MN_TYPE_CALL_INVITE_OK)->env;
    const struct mn_envelope *ring = &frame(1, 2, MN_TYPE_CALL_INVITE)->env;
    assert_string_equal(ok->client_msg_id.p, "i-1");
    assert_string_equal(ok->call_kind.p, "Video");
    assert_null(ok->sdp.p);
    is_signal(ok, ok->call_id, 1, 2);
    is_signal(ring, ok->call_id, 1, 2);
    assert_null(ring->client_msg_id.p);
    assert_string_equal(ring->call_kind.p, "Video");
    assert_string_equal(ring->sdp.p, "offer");
    const struct mn_call_record *r = record(ok->call_id);
    assert_int_equal(r->status, MN_CALL_RINGING);
    assert_int_equal(r->caller, 1);
    assert_int_equal(r->callee, 2);
    assert_int_equal(r->started_ms, now.unix_ms);
    assert_int_equal(r->ended_ms, 0);
    assert_int_equal(r->duration_s, -1);
    assert_int_not_equal(r->id, r->call);
    assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALLS), 1);
}

static void a_kind_that_is_blank_is_video(void **state)
{
    (void)state;
    send(1, (struct mn_envelope){.type = MN_TYPE_CALL_INVITE,
                                 .has = MN_HAS_TO,
                                 .to = 2,
                                 .call_kind = MN_STR(" "),
                                 .sdp = MN_STR("offer")});
    run();
    assert_string_equal(frame(0, 1, MN_TYPE_CALL_INVITE_OK)->env.call_kind.p, "video");
    assert_null(w.frames[0].env.client_msg_id.p);
    assert_string_equal(frame(1, 2, MN_TYPE_CALL_INVITE)->env.call_kind.p, "video");
}

static void only_friends_are_called(void **state)
{
    (void)state;
    static const int64_t strangers[] = {7, 0, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < MN_ARRAY_LEN(strangers); i++) {
        invite(1, strangers[i]);
        const struct mn_envelope *env = only_error(1, "not_friend");
        assert_false(env->has & MN_HAS_CALL_ID);
        assert_string_equal(env->client_msg_id.p, "i-1");
        assert_null(env->call_reason.p);
        forget();
    }
    w.friends_fail = true;
    invite(1, 2);
    assert_false(only_error(1, "internal_error")->has & MN_HAS_CALL_ID);
    assert_int_equal(w.record_count, 0);
}

static void who_is_in_a_call_is_busy(void **state)
{
    (void)state;
    static const int64_t invites[][2] = {{3, 1}, {3, 2}, {1, 3}, {2, 3}, {1, 2}, {2, 1}};
    for (int is_accepted = 0; is_accepted < 2; is_accepted++) {
        int64_t call = is_accepted ? accepted() : ringing();
        for (size_t i = 0; i < MN_ARRAY_LEN(invites); i++) {
            invite(invites[i][0], invites[i][1]);
            const struct mn_envelope *env = only_error(invites[i][0], "busy");
            assert_string_equal(env->call_reason.p, "busy");
            assert_string_equal(env->client_msg_id.p, "i-1");
            assert_int_not_equal(env->call_id, call);
            const struct mn_call_record *r = record(env->call_id);
            assert_int_equal(r->status, MN_CALL_FAILED);
            assert_string_equal(r->reason, "busy");
            assert_int_equal(r->started_ms, r->ended_ms);
            assert_int_equal(r->duration_s, -1);
            forget();
        }
        say(1, MN_TYPE_CALL_END, call);
        forget();
    }
}

static void who_is_away_is_offline(void **state)
{
    (void)state;
    w.online[2] = false;
    invite(1, 2);
    const struct mn_envelope *env = only_error(1, "callee_offline");
    assert_string_equal(env->call_reason.p, "offline");
    has_ended(env->call_id, MN_CALL_FAILED, "offline", -1);
    forget();
    invite(3, 1); /* free */
    frame(0, 3, MN_TYPE_CALL_INVITE_OK);
}

static void a_call_is_accepted_and_ended(void **state)
{
    (void)state;
    for (int64_t who = 1; who <= 2; who++) {
        int64_t call = ringing();
        pass(3000);
        say(2, MN_TYPE_CALL_ACCEPT, call);
        assert_int_equal(w.frame_count, 1);
        const struct mn_envelope *env = &frame(0, 1, MN_TYPE_CALL_ACCEPT)->env;
        is_signal(env, call, 2, 1);
        assert_string_equal(env->sdp.p, "answer");
        assert_null(env->call_kind.p);
        assert_null(env->client_msg_id.p);
        assert_int_equal(record(call)->status, MN_CALL_ACCEPTED);
        assert_int_equal(record(call)->accepted_ms, now.unix_ms);
        assert_int_equal(record(call)->ended_ms, 0);
        pass(RING_MS + 5999); /* it rings no more */
        forget();
        say(who, MN_TYPE_CALL_END, call);
        assert_int_equal(w.frame_count, 1);
        env = &frame(0, 3 - who, MN_TYPE_CALL_END)->env;
        is_signal(env, call, who, 3 - who);
        assert_string_equal(env->call_reason.p, "why");
        has_ended(call, MN_CALL_ENDED, "why", 35);
        forget();
        say(who, MN_TYPE_CALL_END, call);
        assert_int_equal(only_error(who, "call_not_found")->call_id, call);
        forget();
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
        int64_t call = ringing();
        say(ways[i].who, ways[i].type, call);
        assert_int_equal(w.frame_count, 1);
        is_signal(&frame(0, 3 - ways[i].who, ways[i].type)->env, call, ways[i].who,
                  3 - ways[i].who);
        has_ended(call, ways[i].status, "why", -1);
        assert_int_equal(record(call)->accepted_ms, 0);
        forget();
    }
    int64_t call = ringing(); /* without a reason */
    send(2,
         (struct mn_envelope){.type = MN_TYPE_CALL_REJECT, .has = MN_HAS_CALL_ID, .call_id = call});
    run();
    assert_null(frame(0, 1, MN_TYPE_CALL_REJECT)->env.call_reason.p);
    has_ended(call, MN_CALL_REJECTED, "", -1);
}

static void errors_name_the_call(void **state)
{
    (void)state;
    int64_t call = ringing();
    say(3, MN_TYPE_CALL_ACCEPT, call);
    const struct mn_envelope *env = only_error(3, "call_not_participant");
    assert_int_equal(env->call_id, call);
    assert_string_equal(env->client_msg_id.p, "c-1");
    assert_null(env->call_reason.p);
    forget();
    say(1, MN_TYPE_CALL_ACCEPT, call + 1);
    assert_int_equal(only_error(1, "call_not_found")->call_id, call + 1);
}

static void candidates_pass_in_any_state(void **state)
{
    (void)state;
    for (int is_accepted = 0; is_accepted < 2; is_accepted++) {
        int64_t call = is_accepted ? accepted() : ringing();
        for (int64_t who = 1; who <= 2; who++) {
            send(who, (struct mn_envelope){.type = MN_TYPE_CALL_ICE,
                                           .has = MN_HAS_CALL_ID | MN_HAS_ICE_LINE | MN_HAS_TO,
                                           .client_msg_id = MN_STR("x"),
                                           .to = 5,
                                           .call_id = call,
                                           .ice_candidate = MN_STR("candidate:9"),
                                           .ice_mid = MN_STR("0"),
                                           .ice_line = -1});
            say(who, MN_TYPE_CALL_ICE, call);
            assert_int_equal(w.frame_count, 2);
            const struct mn_envelope *env = &frame(0, 3 - who, MN_TYPE_CALL_ICE)->env;
            is_signal(env, call, who, 3 - who);
            assert_string_equal(env->ice_candidate.p, "candidate:9");
            assert_true(env->has & MN_HAS_ICE_LINE);
            assert_int_equal(env->ice_line, -1);
            assert_null(env->client_msg_id.p);
            env = &frame(1, 3 - who, MN_TYPE_CALL_ICE)->env;
            assert_false(env->has & MN_HAS_ICE_LINE);
            assert_null(env->ice_mid.p);
            forget();
        }
        say(1, MN_TYPE_CALL_END, call);
        forget();
    }
}

static void nobody_answers(void **state)
{
    (void)state;
    int64_t call = ringing();
    pass(RING_MS - 1);
    assert_int_equal(w.frame_count, 0);
    pass(1);
    assert_int_equal(w.frame_count, 2);
    for (int64_t who = 1; who <= 2; who++) {
        const struct mn_envelope *env = &frame((size_t)who - 1, who, MN_TYPE_CALL_TIMEOUT)->env;
        assert_int_equal(env->call_id, call);
        assert_string_equal(env->call_reason.p, "timeout");
        assert_false(env->has & (MN_HAS_FROM | MN_HAS_TO));
    }
    has_ended(call, MN_CALL_MISSED, "timeout", -1);
    forget();
    say(2, MN_TYPE_CALL_ACCEPT, call);
    only_error(2, "call_not_found");
}

/* An answer that came in time counts, however late its turn is. */
static void an_answer_in_time_beats_the_clock(void **state)
{
    (void)state;
    int64_t call = ringing();
    now.mono_ms += RING_MS - 1;
    send(2, (struct mn_envelope){.type = MN_TYPE_CALL_ACCEPT,
                                 .has = MN_HAS_CALL_ID,
                                 .call_id = call,
                                 .sdp = MN_STR("answer")});
    now.mono_ms += 1000;
    run();
    assert_int_equal(w.frame_count, 1);
    frame(0, 1, MN_TYPE_CALL_ACCEPT);
    int64_t late = (say(1, MN_TYPE_CALL_END, call), forget(), ringing());
    now.mono_ms += RING_MS;
    say(2, MN_TYPE_CALL_ACCEPT, late); /* after it */
    assert_int_equal(w.frame_count, 3);
    frame(0, 1, MN_TYPE_CALL_TIMEOUT);
    frame(1, 2, MN_TYPE_CALL_TIMEOUT);
    frame(2, 2, MN_TYPE_CALL_ERROR);
}

static void who_is_gone_ends_the_call(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        int64_t who = i % 2 + 1, call = i < 2 ? ringing() : accepted();
        leave(who);
        pass(GRACE_MS - 1);
        assert_int_equal(w.frame_count, 0);
        pass(1);
        assert_int_equal(w.frame_count, 1);
        const struct mn_envelope *env = &frame(0, 3 - who, MN_TYPE_CALL_END)->env;
        is_signal(env, call, who, 3 - who);
        assert_string_equal(env->call_reason.p, "peer_disconnect");
        has_ended(call, MN_CALL_FAILED, "peer_disconnect", i < 2 ? -1 : GRACE_MS / 1000);
        w.online[who] = true;
        forget();
    }
    mn_calls_gone(NULL, 1);
    mn_calls_gone(w.calls, 1); /* in no call */
}

static void who_comes_back_stays(void **state)
{
    (void)state;
    int64_t call = accepted();
    leave(1);
    pass(GRACE_MS / 2);
    w.online[1] = true;
    pass(GRACE_MS);
    assert_int_equal(w.frame_count, 0);
    assert_int_equal(record(call)->status, MN_CALL_ACCEPTED);
    /* Each time he goes he has the whole grace. */
    leave(1);
    pass(GRACE_MS - 1);
    leave(1);
    pass(GRACE_MS - 1);
    assert_int_equal(w.frame_count, 0);
    pass(1);
    frame(0, 2, MN_TYPE_CALL_END);
    has_ended(call, MN_CALL_FAILED, "peer_disconnect", (int32_t)((GRACE_MS * 7 / 2 - 1) / 1000));
}

static void both_are_gone(void **state)
{
    (void)state;
    int64_t call = accepted();
    leave(1);
    pass(10);
    leave(2);
    pass(GRACE_MS - 10);
    has_ended(call, MN_CALL_FAILED, "peer_disconnect", GRACE_MS / 1000);
    pass(GRACE_MS);
    assert_int_equal(w.frame_count, 0);
}

/* B12: an invite whose caller has gone by the time its record is there rings nowhere. */
static void a_caller_who_left_rings_nowhere(void **state)
{
    (void)state;
    w.caller_leaves = true;
    invite(1, 2);
    assert_int_equal(w.frame_count, 0);
    assert_int_equal(w.record_count, 1);
    has_ended(w.records[0].call, MN_CALL_FAILED, "peer_disconnect", -1);
    w.caller_leaves = false;
    invite(3, 2);
    frame(0, 3, MN_TYPE_CALL_INVITE_OK);
}

static void crossing_invites_make_one_call(void **state)
{
    (void)state;
    struct mn_envelope env = {
        .type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .to = 2, .sdp = MN_STR("offer")};
    send(1, env);
    env.to = 1;
    send(2, env);
    run();
    assert_int_equal(w.frame_count, 3);
    frame(0, 1, MN_TYPE_CALL_INVITE_OK);
    frame(1, 2, MN_TYPE_CALL_INVITE);
    assert_string_equal(frame(2, 2, MN_TYPE_CALL_ERROR)->env.reason.p, "busy");
}

/* ---- a store that fails ---- */

static void an_invite_that_is_not_recorded(void **state)
{
    (void)state;
    w.creates_fail = 1;
    invite(1, 2);
    assert_true(only_error(1, "internal_error")->call_id > 0);
    assert_int_equal(w.unwritten, 1);
    assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALLS), 0);
    forget();
    int64_t call = ringing(); /* both are free */
    w.creates_fail = 1;
    invite(3, 1);
    only_error(3, "internal_error"); /* instead of busy */
    forget();
    say(1, MN_TYPE_CALL_END, call);
}

/* B12: both are free and both know. */
static void an_answer_that_is_not_recorded(void **state)
{
    (void)state;
    int64_t call = ringing();
    w.updates_fail = 2;
    say(2, MN_TYPE_CALL_ACCEPT, call);
    assert_int_equal(w.frame_count, 2);
    assert_string_equal(frame(0, 2, MN_TYPE_CALL_ERROR)->env.reason.p, "internal_error");
    assert_string_equal(frame(1, 1, MN_TYPE_CALL_END)->env.call_reason.p, "internal_error");
    assert_int_equal(record(call)->status, MN_CALL_RINGING);
    forget();
    int64_t other = ringing();
    say(1, MN_TYPE_CALL_CANCEL, other);
    forget();
    pass(5000); /* tried again */
    assert_int_equal(record(call)->status, MN_CALL_FAILED);
    assert_string_equal(record(call)->reason, "internal_error");
    assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALL_RECORDS_UNWRITTEN), 0);
}

static void an_end_that_is_not_recorded(void **state)
{
    (void)state;
    int64_t call = accepted();
    w.updates_fail = 3;
    say(1, MN_TYPE_CALL_END, call);
    assert_int_equal(w.frame_count, 2);
    assert_string_equal(frame(0, 1, MN_TYPE_CALL_ERROR)->env.reason.p, "internal_error");
    frame(1, 2, MN_TYPE_CALL_END);
    forget();
    assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALL_RECORDS_UNWRITTEN), 1);
    int64_t missed = ringing();
    pass(RING_MS); /* told although it is not recorded */
    assert_int_equal(w.frame_count, 2);
    assert_int_equal(w.updates_fail, 0);
    int64_t third = (forget(), accepted());
    assert_int_equal(record(call)->status, MN_CALL_ACCEPTED);
    pass(5000);
    pass(5000);
    assert_int_equal(record(call)->status, MN_CALL_ENDED);
    assert_int_equal(record(missed)->status, MN_CALL_MISSED);
    assert_int_equal(record(third)->status, MN_CALL_ACCEPTED);
    assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALL_RECORDS_UNWRITTEN), 0);
}

static void the_stop_ends_all(void **state)
{
    (void)state;
    int64_t one = accepted();
    invite(3, 4);
    int64_t two = frame(0, 3, MN_TYPE_CALL_INVITE_OK)->env.call_id;
    now.unix_ms += 2500;
    mn_calls_stop(w.calls);
    has_ended(one, MN_CALL_FAILED, "server_restart", 2);
    has_ended(two, MN_CALL_FAILED, "server_restart", -1);
    struct mn_envelope env = {.type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .to = 2};
    assert_int_equal(mn_calls_submit(w.calls, 1, &env), MN_EBUSY);
}

/* ---- limits ---- */

static void is_busy(int64_t user)
{
    assert_int_equal(w.frame_count, 1);
    const struct mn_envelope *env = &frame(0, user, MN_TYPE_ERROR)->env;
    assert_string_equal(env->reason.p, "server_busy");
    assert_string_equal(env->client_msg_id.p, "i-1");
    assert_true(env->has & MN_HAS_RETRY_AFTER);
    assert_true(env->retry_after_ms > 0);
    forget();
}

static void so_many_calls_at_a_time(void **state)
{
    (void)state;
    mn_calls_free(w.calls);
    open_calls(1, 1 << 20);
    int64_t call = ringing();
    invite(3, 4);
    is_busy(3);
    assert_int_equal(w.record_count, 1);
    say(1, MN_TYPE_CALL_END, call);
    forget();
    invite(3, 4);
    frame(0, 3, MN_TYPE_CALL_INVITE_OK);
}

static int64_t year_3000(void) { return INT64_C(32503680000000); }

static void no_id_no_call(void **state)
{
    (void)state;
    w.ids.unix_ms = year_3000;
    invite(1, 2);
    is_busy(1);
    assert_int_equal(w.record_count, 0);
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
    while (mn_calls_submit(w.calls, 1, &env) == MN_OK)
        n++;
    assert_int_equal(n, (1 << 20) / 61000);
    int64_t held = mn_metrics_sum(w.metrics, MN_M_CALL_QUEUE_BYTES);
    assert_true(held > n * 60000 && held <= 1 << 20);
    env.sdp = MN_STR_NONE;
    run();
    assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALL_QUEUE_BYTES), 0);
    assert_int_equal(w.frames[0].env.type, MN_TYPE_CALL_INVITE_OK);
}

static void no_memory_is_told(void **state)
{
    struct mn_envelope env = {
        .type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .to = 2, .sdp = MN_STR("offer")};
    (void)state;
    torture_begin(1);
    enum mn_err err = mn_calls_submit(w.calls, 1, &env);
    assert_true(torture_end());
    assert_int_equal(err, MN_EBUSY);
    env.client_msg_id = MN_STR("i-1");
    for (unsigned n = 1;; n++) {
        send(1, env);
        torture_begin(n);
        run();
        if (!torture_end())
            break;
        is_busy(1);
        assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALLS), 0);
    }
    frame(0, 1, MN_TYPE_CALL_INVITE_OK);
}

/* ---- every order of what may happen to a call ---- */

enum step {
    S_ACCEPT,
    S_REJECT,
    S_CANCEL,
    S_END_CALLER,
    S_END_CALLEE,
    S_END_OUTSIDER,
    S_CALLER_LEAVES,
    S_CALLEE_LEAVES,
    S_CALLER_RETURNS,
    S_CALLEE_RETURNS,
    S_RING_PASSES,
    S_GRACE_PASSES,
    S_COUNT
};

/* The rules once more, as simply as they can be said. */
struct model {
    enum mn_call_status status;
    uint64_t at, ring_until, gone_until[3]; /* 0: not waiting */
    bool online[3];
};

static void model_time(struct model *m, uint64_t ms)
{
    uint64_t end = m->at + ms;
    while (m->status < MN_CALL_REJECTED) {
        uint64_t next = m->status == MN_CALL_RINGING ? m->ring_until : UINT64_MAX;
        int what = 0;
        for (int who = 1; who <= 2; who++)
            if (m->gone_until[who] && m->gone_until[who] < next) {
                next = m->gone_until[who];
                what = who;
            }
        if (next > end)
            break;
        if (what == 0)
            m->status = MN_CALL_MISSED;
        else if (!m->online[what])
            m->status = MN_CALL_FAILED;
        else
            m->gone_until[what] = 0;
    }
    m->at = end;
}

static void model_step(struct model *m, enum step step)
{
    bool rings = m->status == MN_CALL_RINGING, on = rings || m->status == MN_CALL_ACCEPTED;
    switch (step) {
    case S_ACCEPT:
        m->status = rings ? MN_CALL_ACCEPTED : m->status;
        break;
    case S_REJECT:
        m->status = rings ? MN_CALL_REJECTED : m->status;
        break;
    case S_CANCEL:
        m->status = rings ? MN_CALL_CANCELED : m->status;
        break;
    case S_END_CALLER:
        m->status = rings ? MN_CALL_CANCELED : on ? MN_CALL_ENDED : m->status;
        break;
    case S_END_CALLEE:
        m->status = rings ? MN_CALL_REJECTED : on ? MN_CALL_ENDED : m->status;
        break;
    case S_CALLER_LEAVES:
    case S_CALLEE_LEAVES:
        m->online[1 + step - S_CALLER_LEAVES] = false;
        m->gone_until[1 + step - S_CALLER_LEAVES] = m->at + GRACE_MS;
        break;
    case S_CALLER_RETURNS:
    case S_CALLEE_RETURNS:
        m->online[1 + step - S_CALLER_RETURNS] = true;
        break;
    case S_RING_PASSES:
        model_time(m, RING_MS);
        break;
    case S_GRACE_PASSES:
        model_time(m, GRACE_MS);
        break;
    case S_END_OUTSIDER:
    case S_COUNT:
        break;
    }
}

static void real_step(enum step step, int64_t call)
{
    static const struct {
        int64_t who;
        enum mn_type type;
    } frames[] = {[S_ACCEPT] = {2, MN_TYPE_CALL_ACCEPT},  [S_REJECT] = {2, MN_TYPE_CALL_REJECT},
                  [S_CANCEL] = {1, MN_TYPE_CALL_CANCEL},  [S_END_CALLER] = {1, MN_TYPE_CALL_END},
                  [S_END_CALLEE] = {2, MN_TYPE_CALL_END}, [S_END_OUTSIDER] = {3, MN_TYPE_CALL_END}};
    if (step <= S_END_OUTSIDER)
        say(frames[step].who, frames[step].type, call);
    else if (step == S_CALLER_LEAVES || step == S_CALLEE_LEAVES)
        leave(1 + step - S_CALLER_LEAVES);
    else if (step == S_CALLER_RETURNS || step == S_CALLEE_RETURNS)
        w.online[1 + step - S_CALLER_RETURNS] = true;
    else
        pass(step == S_RING_PASSES ? RING_MS : GRACE_MS);
}

static void try_order(unsigned order, unsigned length)
{
    w.record_count = 0;
    w.online[1] = w.online[2] = true;
    forget();
    int64_t call = ringing();
    struct model m = {.status = MN_CALL_RINGING, .at = 0, .ring_until = RING_MS};
    m.online[1] = m.online[2] = true;
    for (unsigned i = 0; i < length; i++, order /= S_COUNT) {
        real_step(order % S_COUNT, call);
        model_step(&m, order % S_COUNT);
        assert_int_equal(record(call)->status, m.status);
        /* Over for one is over for both, and for the record. */
        bool is_over = mn_call_is_over(m.status);
        assert_int_equal(mn_metrics_sum(w.metrics, MN_M_CALLS), !is_over);
        assert_int_equal(mn_call_table_of(&w.calls->table, 1) == NULL, is_over);
        assert_int_equal(mn_call_table_of(&w.calls->table, 2) == NULL, is_over);
        assert_int_equal(record(call)->ended_ms != 0, is_over);
        forget();
    }
    struct mn_call *left = mn_call_table_first(&w.calls->table);
    if (left)
        mn_calls_abandon(w.calls, left, "", now);
    assert_int_equal(w.record_count, 1);
}

static void every_order_of_four(void **state)
{
    (void)state;
    unsigned orders = S_COUNT * S_COUNT * S_COUNT * S_COUNT;
    for (unsigned order = 0; order < orders; order++)
        try_order(order, 4);
}

/* ---- with the thread ---- */

/* Two of many users who all call each other at once; what is left must fit together. */
struct user_thread {
    pthread_t thread;
    int64_t user;
    bool ok;
};

static void *calls_all_others(void *arg)
{
    struct user_thread *t = arg;
    struct mn_envelope env = {
        .type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .sdp = MN_STR("offer")};
    t->ok = true;
    for (env.to = 1; env.to < 7; env.to++) {
        if (env.to == t->user)
            continue;
        t->ok = t->ok && mn_calls_submit(w.calls, t->user, &env) == MN_OK;
        mn_calls_gone(w.calls, t->user);
    }
    return NULL;
}

static void invites_cross_in_threads(void **state)
{
    struct user_thread threads[6];
    (void)state;
    assert_int_equal(mn_calls_start(w.calls), MN_OK);
    for (int i = 0; i < 6; i++) {
        threads[i] = (struct user_thread){.user = i + 1};
        assert_int_equal(pthread_create(&threads[i].thread, NULL, calls_all_others, &threads[i]),
                         0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i].thread, NULL);
        assert_true(threads[i].ok);
    }
    mn_calls_stop(w.calls);
    /* 30 invites: each has a record and an answer, and nobody was in two calls. */
    unsigned rang[USERS] = {0}, answers = 0, rings = 0;
    assert_int_equal(w.record_count, 30);
    for (size_t i = 0; i < w.record_count; i++) {
        const struct mn_call_record *r = &w.records[i];
        assert_int_equal(r->status, MN_CALL_FAILED);
        if (strcmp(r->reason, "busy") == 0)
            continue;
        assert_string_equal(r->reason, "server_restart");
        rang[r->caller]++;
        rang[r->callee]++;
        rings++;
    }
    for (int i = 1; i < 7; i++)
        assert_true(rang[i] <= 1);
    for (size_t i = 0; i < w.frame_count; i++)
        answers += w.frames[i].env.type != MN_TYPE_CALL_INVITE;
    assert_true(rings >= 2);
    assert_int_equal(answers, 30);
    assert_int_equal(w.frame_count, 30 + rings);
}

int test_im_call(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
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
        TEST(crossing_invites_make_one_call),
        TEST(an_invite_that_is_not_recorded),
        TEST(an_answer_that_is_not_recorded),
        TEST(an_end_that_is_not_recorded),
        TEST(the_stop_ends_all),
        TEST(so_many_calls_at_a_time),
        TEST(no_id_no_call),
        TEST(the_queue_has_a_ceiling),
        TEST(no_memory_is_told),
        TEST(every_order_of_four),
        TEST(invites_cross_in_threads),
    };
    return cmocka_run_group_tests_name("im/call", tests, NULL, NULL);
}
