/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of calls and its thread: see calls.h.  One lock guards the queue
 * and the table's changes; it is held for a look-up or a link, never while
 * something is asked or written.
 */
#include "im/call/calls.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "base/mem.h"
#include "im/call/calls_impl.h"
#include "im/call/rules.h"

/* ---- the queue ---- */

static struct mn_str copy(char **at, struct mn_str text)
{
    if (!text.p)
        return MN_STR_NONE;
    char *p = *at;
    if (text.n > 0)
        memcpy(p, text.p, text.n);
    *at += text.n;
    return mn_str_make(p, text.n);
}

/* Of the frame only what a call needs; NULL: no memory. */
static struct mn_call_act *act_new(int64_t from, const struct mn_envelope *env)
{
    struct mn_str reason = mn_call_reason(env->call_reason);
    size_t bytes = sizeof(struct mn_call_act) + env->client_msg_id.n + env->call_kind.n +
                   env->sdp.n + env->ice_candidate.n + env->ice_mid.n + reason.n;
    struct mn_call_act *act = mn_try_alloc(bytes);
    if (!act)
        return NULL;
    char *at = (char *)(act + 1);
    *act = (struct mn_call_act){.from = from, .bytes = mn_mem_cost(bytes)};
    act->env = (struct mn_envelope){.type = env->type,
                                    .has = env->has &
                                           (MN_HAS_TO | MN_HAS_CALL_ID | MN_HAS_ICE_LINE),
                                    .client_msg_id = copy(&at, env->client_msg_id),
                                    .to = env->to,
                                    .call_id = env->call_id,
                                    .call_kind = copy(&at, env->call_kind),
                                    .sdp = copy(&at, env->sdp),
                                    .ice_candidate = copy(&at, env->ice_candidate),
                                    .ice_mid = copy(&at, env->ice_mid),
                                    .ice_line = env->ice_line,
                                    .call_reason = copy(&at, reason)};
    return act;
}

enum mn_err mn_calls_submit(struct mn_calls *calls, int64_t from, const struct mn_envelope *env)
{
    struct mn_call_act *act = act_new(from, env);
    if (!act)
        return MN_EBUSY;
    pthread_mutex_lock(&calls->lock);
    bool fits = !calls->stopping && calls->queued_bytes + act->bytes <= calls->config.queue_bytes;
    if (fits) {
        act->mono_ms = calls->now().mono_ms;
        *calls->last = act;
        calls->last = &act->next;
        calls->queued_bytes += act->bytes;
        mn_metric_add(calls->metrics, MN_M_CALL_QUEUE_BYTES, (int64_t)act->bytes);
    }
    pthread_mutex_unlock(&calls->lock);
    if (fits)
        pthread_cond_signal(&calls->wake);
    else
        mn_free(act);
    return fits ? MN_OK : MN_EBUSY;
}

void mn_calls_gone(struct mn_calls *calls, int64_t user)
{
    if (!calls || atomic_load(&calls->active) == 0)
        return;
    pthread_mutex_lock(&calls->lock);
    struct mn_call *call = mn_call_table_of(&calls->table, user);
    if (call)
        mn_call_table_wait(&calls->table, call,
                           user == call->record.caller ? MN_CALL_WAIT_CALLER : MN_CALL_WAIT_CALLEE,
                           calls->now().mono_ms + calls->config.disconnect_grace_ms);
    pthread_mutex_unlock(&calls->lock);
    if (call)
        pthread_cond_signal(&calls->wake);
}

/* ---- the thread ---- */

/* The next thing to do: a deadline that passed before the first frame came, or that frame. */
struct next {
    struct mn_call *call;
    enum mn_call_wait wait;
    struct mn_call_act *act;
};

static struct next take_next(struct mn_calls *calls, uint64_t now_ms)
{
    struct next next = {0};
    pthread_mutex_lock(&calls->lock);
    struct mn_call_act *act = calls->first;
    struct mn_call_deadline *deadline = mn_call_table_next(&calls->table);
    uint64_t until_ms = act && act->mono_ms < now_ms ? act->mono_ms : now_ms;
    if (deadline && deadline->at_ms <= until_ms) {
        next.call = deadline->call;
        next.wait = deadline->wait;
        mn_call_table_unwait(next.call, next.wait);
    } else if (act) {
        next.act = act;
        calls->first = act->next;
        if (!calls->first)
            calls->last = &calls->first;
        calls->queued_bytes -= act->bytes;
        mn_metric_add(calls->metrics, MN_M_CALL_QUEUE_BYTES, -(int64_t)act->bytes);
    }
    pthread_mutex_unlock(&calls->lock);
    return next;
}

/* With the lock. */
static uint64_t next_deadline(const struct mn_calls *calls)
{
    const struct mn_call_deadline *deadline = mn_call_table_next(&calls->table);
    uint64_t at_ms = deadline ? deadline->at_ms : UINT64_MAX;
    return calls->unwritten && calls->retry_ms < at_ms ? calls->retry_ms : at_ms;
}

bool mn_calls_step(struct mn_calls *calls)
{
    struct mn_call_now now = calls->now();
    struct next next = take_next(calls, now.mono_ms);
    if (next.call)
        mn_calls_timeout(calls, next.call, next.wait, now);
    else if (next.act)
        mn_calls_act(calls, next.act, now);
    mn_free(next.act);
    if (calls->unwritten && now.mono_ms >= calls->retry_ms)
        mn_calls_retry(calls, now);
    return next.call || next.act;
}

/* Returns when there is something to do; false: the end. */
static bool wait_for_work(struct mn_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    while (!calls->first && !calls->stopping) {
        uint64_t at_ms = next_deadline(calls);
        if (at_ms == UINT64_MAX) {
            pthread_cond_wait(&calls->wake, &calls->lock);
            continue;
        }
        const struct timespec until = {.tv_sec = (time_t)(at_ms / 1000),
                                       .tv_nsec = (long)(at_ms % 1000) * 1000000};
        if (calls->now().mono_ms >= at_ms ||
            pthread_cond_timedwait(&calls->wake, &calls->lock, &until) == ETIMEDOUT)
            break;
    }
    bool goes_on = calls->first || !calls->stopping;
    pthread_mutex_unlock(&calls->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct mn_calls *calls = arg;
    pthread_setname_np(pthread_self(), "minim-calls"); /* only a name: failure does not matter */
    while (wait_for_work(calls))
        while (mn_calls_step(calls)) {
        }
    return NULL;
}

/* ---- life ---- */

static struct mn_call_now time_now(void)
{
    return (struct mn_call_now){.mono_ms = mn_mono_ms(), .unix_ms = mn_unix_ms()};
}

struct mn_calls *mn_calls_new(const struct mn_calls_config *config)
{
    struct mn_calls *calls = mn_new(struct mn_calls);
    pthread_condattr_t attr;
    calls->config = *config;
    calls->now = time_now;
    calls->metrics = mn_metrics_claim(config->metrics);
    calls->last = &calls->first;
    calls->unwritten_last = &calls->unwritten;
    mn_call_table_init(&calls->table, config->max_active);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&calls->lock, NULL);
    pthread_cond_init(&calls->wake, &attr);
    pthread_condattr_destroy(&attr);
    return calls;
}

enum mn_err mn_calls_start(struct mn_calls *calls)
{
    sigset_t all, before;
    /* Threads inherit the mask: signals stay with the threads that expect them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int errnum = pthread_create(&calls->thread, NULL, run, calls);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    calls->has_thread = errnum == 0;
    return mn_err_from_errno(errnum);
}

void mn_calls_stop(struct mn_calls *calls)
{
    if (!calls)
        return;
    pthread_mutex_lock(&calls->lock);
    calls->stopping = true;
    pthread_mutex_unlock(&calls->lock);
    pthread_cond_signal(&calls->wake);
    if (calls->has_thread)
        pthread_join(calls->thread, NULL);
    calls->has_thread = false;
    for (struct mn_call *call; (call = mn_call_table_first(&calls->table)) != NULL;)
        mn_calls_abandon(calls, call, MN_CALL_SERVER_RESTART, calls->now());
    mn_calls_retry(calls, calls->now());
}

void mn_calls_free(struct mn_calls *calls)
{
    if (!calls)
        return;
    for (struct mn_call_act *act = calls->first, *next; act; act = next) {
        next = act->next;
        mn_free(act);
    }
    for (struct mn_call_unwritten *u = calls->unwritten, *next; u; u = next) {
        next = u->next;
        mn_free(u);
    }
    mn_call_table_deinit(&calls->table);
    pthread_mutex_destroy(&calls->lock);
    pthread_cond_destroy(&calls->wake);
    mn_free(calls);
}
