/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes of a frame, or of time: changes of calls, their records, and
 * the frames that tell of them (W-3.12).  All of it on the thread of calls.c.
 *
 * A record is written before the frame that tells of it.  When it cannot be
 * written both users are free all the same, and both are told: whoever sent
 * the frame by CALL_ERROR, the other by the end of the call.
 */
#include <stdio.h>

#include "base/mem.h"
#include "im/call/calls_impl.h"
#include "im/call/rules.h"

enum {
    UNWRITTEN_MAX = 4096, /* records, some 300 bytes each */
    RETRY_MS = 5000,
    RETRY_AFTER_MS = 1000
};

static const char busy_text[] = "busy", offline_text[] = "offline", timeout_text[] = "timeout",
                  gone_text[] = "peer_disconnect", failure_text[] = "internal_error";

/* ---- frames ---- */

static void push(struct mn_calls *calls, int64_t user, const struct mn_envelope *env)
{
    mn_sink_push(&calls->config.sink, &user, 1, env);
}

static void error(struct mn_calls *calls, const struct mn_call_act *act, enum mn_reason reason,
                  int64_t call, const char *call_reason)
{
    push(calls, act->from,
         &(struct mn_envelope){.type = MN_TYPE_CALL_ERROR,
                               .has = call ? MN_HAS_CALL_ID : 0,
                               .client_msg_id = act->env.client_msg_id,
                               .call_id = call,
                               .call_reason = mn_str_c(call_reason),
                               .reason = mn_str_c(mn_reason_text(reason))});
}

static void busy(struct mn_calls *calls, const struct mn_call_act *act)
{
    mn_metric_inc(calls->metrics, MN_M_SERVER_BUSY);
    push(calls, act->from,
         &(struct mn_envelope){.type = MN_TYPE_ERROR,
                               .has = MN_HAS_RETRY_AFTER,
                               .client_msg_id = act->env.client_msg_id,
                               .reason = mn_str_c(mn_reason_text(MN_REASON_SERVER_BUSY)),
                               .retry_after_ms = RETRY_AFTER_MS});
}

/* A frame about the call from one of its users to the other. */
static struct mn_envelope signal_of(enum mn_type type, const struct mn_call_record *call,
                                    int64_t from)
{
    return (struct mn_envelope){.type = type,
                                .has = MN_HAS_FROM | MN_HAS_TO | MN_HAS_CALL_ID,
                                .from = from,
                                .to = mn_call_peer(call, from),
                                .call_id = call->call};
}

static void push_end(struct mn_calls *calls, const struct mn_call_record *call, int64_t from,
                     const char *reason)
{
    struct mn_envelope env = signal_of(MN_TYPE_CALL_END, call, from);
    env.call_reason = mn_str_c(reason);
    push(calls, env.to, &env);
}

/* ---- records ---- */

static void keep_unwritten(struct mn_calls *calls, const struct mn_call_record *record,
                           struct mn_call_now now)
{
    struct mn_call_unwritten *unwritten = NULL;
    if (calls->unwritten_count < UNWRITTEN_MAX)
        unwritten = mn_try_alloc(sizeof(*unwritten));
    if (!unwritten) {
        mn_metric_inc(calls->metrics, MN_M_CALL_RECORDS_LOST);
        return;
    }
    *unwritten = (struct mn_call_unwritten){.record = *record};
    if (!calls->unwritten)
        calls->retry_ms = now.mono_ms + RETRY_MS;
    *calls->unwritten_last = unwritten;
    calls->unwritten_last = &unwritten->next;
    calls->unwritten_count++;
    mn_metric_inc(calls->metrics, MN_M_CALL_RECORDS_UNWRITTEN);
}

void mn_calls_retry(struct mn_calls *calls, struct mn_call_now now)
{
    const struct mn_calls_world *world = &calls->config.world;
    while (calls->unwritten) {
        struct mn_call_unwritten *first = calls->unwritten;
        enum mn_err err = world->update(world->ctx, &first->record);
        if (err && err != MN_ENOTFOUND) /* one that was never created stays so */
            break;
        calls->unwritten = first->next;
        calls->unwritten_count--;
        mn_metric_add(calls->metrics, MN_M_CALL_RECORDS_UNWRITTEN, -1);
        mn_free(first);
    }
    if (!calls->unwritten)
        calls->unwritten_last = &calls->unwritten;
    calls->retry_ms = now.mono_ms + RETRY_MS;
}

static enum mn_err written(struct mn_calls *calls, const struct mn_call_record *record,
                           enum mn_err err)
{
    const struct mn_calls_world *world = &calls->config.world;
    if (err && world->on_unwritten)
        world->on_unwritten(world->ctx, record, err);
    return err;
}

static enum mn_err create(struct mn_calls *calls, const struct mn_call_record *record)
{
    const struct mn_calls_world *world = &calls->config.world;
    return written(calls, record, world->create(world->ctx, record));
}

static enum mn_err update(struct mn_calls *calls, const struct mn_call_record *record)
{
    const struct mn_calls_world *world = &calls->config.world;
    return written(calls, record, world->update(world->ctx, record));
}

/* ---- the end of a call ---- */

static int32_t seconds_between(int64_t from_ms, int64_t to_ms)
{
    int64_t s = to_ms > from_ms ? (to_ms - from_ms) / 1000 : 0;
    return s > INT32_MAX ? INT32_MAX : (int32_t)s;
}

static void count_end(struct mn_calls *calls, enum mn_call_status status)
{
    static const enum mn_metric metrics[MN_CALL_STATUS_COUNT] = {
        [MN_CALL_REJECTED] = MN_M_CALLS_REJECTED, [MN_CALL_CANCELED] = MN_M_CALLS_CANCELED,
        [MN_CALL_ENDED] = MN_M_CALLS_ENDED,       [MN_CALL_MISSED] = MN_M_CALLS_MISSED,
        [MN_CALL_FAILED] = MN_M_CALLS_FAILED,
    };
    mn_metric_inc(calls->metrics, metrics[status]);
}

static void take_out(struct mn_calls *calls, struct mn_call *call)
{
    pthread_mutex_lock(&calls->lock);
    mn_call_table_remove(&calls->table, call);
    pthread_mutex_unlock(&calls->lock);
    atomic_fetch_sub(&calls->active, 1);
    mn_metric_add(calls->metrics, MN_M_CALLS, -1);
}

/* Both users are free; *ret_record is what the call's record is to say. */
static void end(struct mn_calls *calls, struct mn_call *call, enum mn_call_status status,
                struct mn_str reason, struct mn_call_now now, struct mn_call_record *ret_record)
{
    struct mn_call_record *record = ret_record;
    *record = call->record;
    take_out(calls, call);
    if (record->status == MN_CALL_ACCEPTED)
        record->duration_s = seconds_between(record->accepted_ms, now.unix_ms);
    record->status = status;
    record->ended_ms = now.unix_ms;
    snprintf(record->reason, sizeof(record->reason), "%.*s", (int)reason.n, reason.p);
    count_end(calls, status);
}

/* The same, and written; the users are free whatever becomes of that. */
static enum mn_err finish(struct mn_calls *calls, struct mn_call *call, enum mn_call_status status,
                          struct mn_str reason, struct mn_call_now now,
                          struct mn_call_record *ret_record)
{
    end(calls, call, status, reason, now, ret_record);
    enum mn_err err = update(calls, ret_record);
    if (err)
        keep_unwritten(calls, ret_record, now);
    return err;
}

void mn_calls_abandon(struct mn_calls *calls, struct mn_call *call, const char *reason,
                      struct mn_call_now now)
{
    struct mn_call_record record;
    mn_ignore(finish(calls, call, MN_CALL_FAILED, mn_str_c(reason), now, &record)); /* kept then */
}

/* ---- CALL_INVITE ---- */

static bool is_online(const struct mn_calls *calls, int64_t user)
{
    return calls->config.world.is_online(calls->config.world.ctx, user);
}

/* A call that does not come about: it has a record all the same. */
static void refuse(struct mn_calls *calls, const struct mn_call_act *act,
                   struct mn_call_record *record, enum mn_reason reason, const char *text)
{
    record->status = MN_CALL_FAILED;
    record->ended_ms = record->started_ms;
    snprintf(record->reason, sizeof(record->reason), "%s", text);
    count_end(calls, MN_CALL_FAILED);
    if (create(calls, record))
        error(calls, act, MN_REASON_INTERNAL_ERROR, record->call, NULL);
    else
        error(calls, act, reason, record->call, text);
}

static void mark_gone(struct mn_calls *calls, struct mn_call *call, enum mn_call_wait wait,
                      struct mn_call_now now)
{
    pthread_mutex_lock(&calls->lock);
    mn_call_table_wait(&calls->table, call, wait, now.mono_ms + calls->config.disconnect_grace_ms);
    pthread_mutex_unlock(&calls->lock);
}

/* The record is written: now the two may know. */
static void ring(struct mn_calls *calls, const struct mn_call_act *act, struct mn_call *call,
                 struct mn_call_now now)
{
    const struct mn_call_record *record = &call->record;
    if (!is_online(calls, record->caller)) { /* nobody is left who could learn the call's id */
        mn_calls_abandon(calls, call, gone_text, now);
        return;
    }
    pthread_mutex_lock(&calls->lock);
    mn_call_table_wait(&calls->table, call, MN_CALL_WAIT_RING,
                       now.mono_ms + calls->config.ring_timeout_ms);
    pthread_mutex_unlock(&calls->lock);
    if (!is_online(calls, record->callee)) /* went before there was a call to end */
        mark_gone(calls, call, MN_CALL_WAIT_CALLEE, now);
    struct mn_envelope env = signal_of(MN_TYPE_CALL_INVITE_OK, record, record->caller);
    env.client_msg_id = act->env.client_msg_id;
    env.call_kind = mn_str_is_blank(act->env.call_kind) ? MN_STR("video") : act->env.call_kind;
    push(calls, record->caller, &env);
    env.type = MN_TYPE_CALL_INVITE;
    env.client_msg_id = MN_STR_NONE;
    env.sdp = act->env.sdp;
    push(calls, record->callee, &env);
}

static void begin(struct mn_calls *calls, const struct mn_call_act *act,
                  const struct mn_call_record *record, struct mn_call_now now)
{
    struct mn_call *call = NULL;
    pthread_mutex_lock(&calls->lock);
    enum mn_err err = mn_call_table_add(&calls->table, record, &call);
    pthread_mutex_unlock(&calls->lock);
    if (err) {
        busy(calls, act);
        return;
    }
    atomic_fetch_add(&calls->active, 1);
    mn_metric_inc(calls->metrics, MN_M_CALLS);
    if (create(calls, record) == MN_OK) {
        ring(calls, act, call, now);
        return;
    }
    take_out(calls, call);
    error(calls, act, MN_REASON_INTERNAL_ERROR, record->call, NULL);
}

static void invite(struct mn_calls *calls, const struct mn_call_act *act, struct mn_call_now now)
{
    const struct mn_calls_world *world = &calls->config.world;
    int64_t to = act->env.to;
    bool is_friend = false;
    if (world->is_friend(world->ctx, act->from, to, &is_friend)) {
        error(calls, act, MN_REASON_INTERNAL_ERROR, 0, NULL);
        return;
    }
    if (!is_friend) {
        error(calls, act, MN_REASON_NOT_FRIEND, 0, NULL);
        return;
    }
    struct mn_call_record record = {.call = mn_idgen_next(calls->config.ids),
                                    .id = mn_idgen_next(calls->config.ids),
                                    .caller = act->from,
                                    .callee = to,
                                    .status = MN_CALL_RINGING,
                                    .started_ms = now.unix_ms,
                                    .duration_s = -1};
    if (record.call <= 0 || record.id <= 0) /* the clock is out of range (W-13) */
        busy(calls, act);
    else if (mn_call_table_of(&calls->table, act->from) || mn_call_table_of(&calls->table, to))
        refuse(calls, act, &record, MN_REASON_BUSY, busy_text);
    else if (!is_online(calls, to))
        refuse(calls, act, &record, MN_REASON_CALLEE_OFFLINE, offline_text);
    else
        begin(calls, act, &record, now);
}

/* ---- the others ---- */

static void accept(struct mn_calls *calls, const struct mn_call_act *act, struct mn_call *call,
                   struct mn_call_now now)
{
    struct mn_call_record record;
    call->record.status = MN_CALL_ACCEPTED;
    call->record.accepted_ms = now.unix_ms;
    pthread_mutex_lock(&calls->lock);
    mn_call_table_unwait(call, MN_CALL_WAIT_RING);
    pthread_mutex_unlock(&calls->lock);
    if (update(calls, &call->record)) {
        end(calls, call, MN_CALL_FAILED, mn_str_c(failure_text), now, &record);
        keep_unwritten(calls, &record, now); /* not at once: a store that waits, waits again */
        error(calls, act, MN_REASON_INTERNAL_ERROR, record.call, NULL);
        push_end(calls, &record, act->from, failure_text);
        return;
    }
    struct mn_envelope env = signal_of(MN_TYPE_CALL_ACCEPT, &call->record, act->from);
    env.call_kind = act->env.call_kind;
    env.sdp = act->env.sdp;
    push(calls, env.to, &env);
}

static void pass_candidate(struct mn_calls *calls, const struct mn_call_act *act,
                           const struct mn_call *call)
{
    struct mn_envelope env = signal_of(MN_TYPE_CALL_ICE, &call->record, act->from);
    env.has |= act->env.has & MN_HAS_ICE_LINE;
    env.ice_candidate = act->env.ice_candidate;
    env.ice_mid = act->env.ice_mid;
    env.ice_line = act->env.ice_line;
    push(calls, env.to, &env);
}

/* CALL_REJECT, CALL_CANCEL, CALL_END: the other one hears of it, even if the store does not. */
static void hang_up(struct mn_calls *calls, const struct mn_call_act *act, struct mn_call *call,
                    enum mn_call_status next, struct mn_call_now now)
{
    struct mn_call_record record;
    if (finish(calls, call, next, act->env.call_reason, now, &record))
        error(calls, act, MN_REASON_INTERNAL_ERROR, record.call, NULL);
    struct mn_envelope env = signal_of(act->env.type, &record, act->from);
    env.call_reason = act->env.call_reason;
    push(calls, env.to, &env);
}

void mn_calls_act(struct mn_calls *calls, const struct mn_call_act *act, struct mn_call_now now)
{
    if (act->env.type == MN_TYPE_CALL_INVITE) {
        invite(calls, act, now);
        return;
    }
    struct mn_call *call = mn_call_table_find(&calls->table, act->env.call_id);
    enum mn_call_event event = mn_call_event_of(act->env.type);
    enum mn_call_status next = MN_CALL_RINGING;
    enum mn_reason reason = call ? mn_call_rule(&call->record, event, act->from, &next)
                                 : MN_REASON_CALL_NOT_FOUND;
    if (reason != MN_REASON_NONE)
        error(calls, act, reason, act->env.call_id, NULL);
    else if (event == MN_CALL_EV_ICE)
        pass_candidate(calls, act, call);
    else if (event == MN_CALL_EV_ACCEPT)
        accept(calls, act, call, now);
    else
        hang_up(calls, act, call, next, now);
}

/* ---- time ---- */

static void miss(struct mn_calls *calls, struct mn_call *call, struct mn_call_now now)
{
    struct mn_call_record record;
    mn_ignore(finish(calls, call, MN_CALL_MISSED, mn_str_c(timeout_text), now, &record));
    const int64_t both[] = {record.caller, record.callee};
    mn_sink_push(&calls->config.sink, both, 2,
                 &(struct mn_envelope){.type = MN_TYPE_CALL_TIMEOUT,
                                       .has = MN_HAS_CALL_ID,
                                       .call_id = record.call,
                                       .call_reason = mn_str_c(timeout_text)});
}

void mn_calls_timeout(struct mn_calls *calls, struct mn_call *call, enum mn_call_wait wait,
                      struct mn_call_now now)
{
    struct mn_call_record record = call->record;
    if (wait == MN_CALL_WAIT_RING) {
        miss(calls, call, now);
        return;
    }
    int64_t who = wait == MN_CALL_WAIT_CALLER ? record.caller : record.callee;
    if (is_online(calls, who)) /* he is back */
        return;
    mn_calls_abandon(calls, call, gone_text, now);
    push_end(calls, &record, who, gone_text);
}
