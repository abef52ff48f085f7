/* SPDX-License-Identifier: Apache-2.0 */
/* See call_world.h. */
#include "unit/im/call_world.h"

#include <stdio.h>
#include <string.h>

#include "im/call/rules.h"

struct cw cw;
struct mn_call_now cw_now;

static struct mn_call_now test_now(void) { return cw_now; }

/* ---- the world ---- */

static bool is_online(void *ctx, int64_t user)
{
    (void)ctx;
    return user > 0 && user < CW_USERS && cw.online[user];
}

/* 7 is nobody's. */
static enum mn_err is_friend(void *ctx, int64_t user, int64_t other, bool *ret)
{
    (void)ctx;
    *ret = user != 7 && other > 0 && other < 7;
    return cw.friends_fail ? MN_EIO : MN_OK;
}

static enum mn_err create(void *ctx, const struct mn_call_record *record)
{
    (void)ctx;
    if (cw.creates_fail > 0) {
        cw.creates_fail--;
        return MN_ENOSPC;
    }
    assert_true(cw.record_count < CW_RECORDS);
    cw.records[cw.record_count++] = *record;
    cw.online[record->caller] &= !cw.caller_leaves;
    cw.online[record->callee] &= !cw.callee_leaves;
    return MN_OK;
}

static enum mn_err update(void *ctx, const struct mn_call_record *record)
{
    (void)ctx;
    if (cw.updates_fail > 0) {
        cw.updates_fail--;
        return MN_EIO;
    }
    for (size_t i = 0; i < cw.record_count; i++) {
        if (cw.records[i].call == record->call) {
            cw.records[i] = *record;
            return MN_OK;
        }
    }
    return MN_ENOTFOUND;
}

static void on_unwritten(void *ctx, const struct mn_call_record *record, enum mn_err err)
{
    (void)ctx, (void)record;
    assert_int_not_equal(err, MN_OK);
    cw.unwritten++;
}

static void keep(struct cw_told *told, int i, struct mn_str *text)
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
        assert_true(cw.frame_count < CW_FRAMES);
        struct cw_told *told = &cw.frames[cw.frame_count++];
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

void cw_open_calls(size_t max_active, size_t queue_bytes)
{
    cw.calls = mn_calls_new(&(struct mn_calls_config){.world = {.is_online = is_online,
                                                                .is_friend = is_friend,
                                                                .create = create,
                                                                .update = update,
                                                                .on_unwritten = on_unwritten},
                                                      .sink = {.push = push},
                                                      .ids = &cw.ids,
                                                      .metrics = cw.metrics,
                                                      .ring_timeout_ms = CW_RING_MS,
                                                      .disconnect_grace_ms = CW_GRACE_MS,
                                                      .max_active = max_active,
                                                      .queue_bytes = queue_bytes});
    cw.calls->now = test_now;
}

int cw_setup(void **state)
{
    (void)state;
    memset(&cw, 0, sizeof(cw));
    cw_now = (struct mn_call_now){.mono_ms = 1000, .unix_ms = INT64_C(1700000000000)};
    mn_idgen_init(&cw.ids, 1, 1);
    for (int i = 0; i < CW_USERS; i++)
        cw.online[i] = true;
    cw.metrics = mn_metrics_new();
    cw_open_calls(100, 1 << 20);
    return 0;
}

int cw_teardown(void **state)
{
    (void)state;
    mn_calls_stop(cw.calls);
    mn_calls_free(cw.calls);
    mn_metrics_free(cw.metrics);
    return 0;
}

/* ---- what users do ---- */

void cw_run(void)
{
    while (mn_calls_step(cw.calls)) {
    }
}

void cw_pass(uint64_t ms)
{
    cw_now.mono_ms += ms;
    cw_now.unix_ms += (int64_t)ms;
    cw_run();
}

void cw_send(int64_t from, struct mn_envelope env)
{
    assert_int_equal(mn_call_check(from, &env), MN_REASON_NONE);
    assert_int_equal(mn_calls_submit(cw.calls, from, &env), MN_OK);
}

void cw_say(int64_t from, enum mn_type type, int64_t call)
{
    cw_send(from, (struct mn_envelope){.type = type,
                                       .has = MN_HAS_CALL_ID,
                                       .client_msg_id = MN_STR("c-1"),
                                       .call_id = call,
                                       .sdp = MN_STR("answer"),
                                       .ice_candidate = MN_STR("candidate:1"),
                                       .call_reason = MN_STR(" why ")});
    cw_run();
}

void cw_invite(int64_t from, int64_t to)
{
    cw_send(from, (struct mn_envelope){.type = MN_TYPE_CALL_INVITE,
                                       .has = MN_HAS_TO,
                                       .client_msg_id = MN_STR("i-1"),
                                       .to = to,
                                       .call_kind = MN_STR("Video"),
                                       .sdp = MN_STR("offer")});
    cw_run();
}

void cw_leave(int64_t user)
{
    cw.online[user] = false;
    mn_calls_gone(cw.calls, user);
}

/* ---- what they were told ---- */

void cw_forget(void) { cw.frame_count = 0; }

const struct cw_told *cw_frame(size_t i, int64_t user, enum mn_type type)
{
    assert_true(i < cw.frame_count);
    assert_int_equal(cw.frames[i].user, user);
    assert_string_equal(mn_type_name(cw.frames[i].env.type), mn_type_name(type));
    return &cw.frames[i];
}

const struct mn_envelope *cw_only_error(int64_t user, const char *reason)
{
    assert_int_equal(cw.frame_count, 1);
    const struct mn_envelope *env = &cw_frame(0, user, MN_TYPE_CALL_ERROR)->env;
    assert_string_equal(env->reason.p, reason);
    return env;
}

void cw_is_signal(const struct mn_envelope *env, int64_t call, int64_t from, int64_t to)
{
    assert_true((env->has & MN_HAS_FROM) && (env->has & MN_HAS_TO) && (env->has & MN_HAS_CALL_ID));
    assert_int_equal(env->call_id, call);
    assert_int_equal(env->from, from);
    assert_int_equal(env->to, to);
}

int64_t cw_ringing(void)
{
    cw_invite(1, 2);
    int64_t call = cw_frame(0, 1, MN_TYPE_CALL_INVITE_OK)->env.call_id;
    cw_forget();
    return call;
}

int64_t cw_accepted(void)
{
    int64_t call = cw_ringing();
    cw_say(2, MN_TYPE_CALL_ACCEPT, call);
    cw_forget();
    return call;
}

const struct mn_call_record *cw_record(int64_t call)
{
    for (size_t i = 0; i < cw.record_count; i++)
        if (cw.records[i].call == call)
            return &cw.records[i];
    fail_msg("no record of the call");
    return NULL;
}

void cw_has_ended(int64_t call, enum mn_call_status status, const char *reason, int32_t duration_s)
{
    const struct mn_call_record *r = cw_record(call);
    assert_string_equal(mn_call_status_text(r->status), mn_call_status_text(status));
    assert_string_equal(r->reason, reason);
    assert_int_equal(r->duration_s, duration_s);
    assert_int_equal(r->ended_ms, cw_now.unix_ms);
    assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALLS), 0);
}
