/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate as a whole: made and ended by app, wired to the transport here.
 * Settings that can change are an immutable snapshot with a count of its
 * users; each loop swaps in the new one itself, so no lock is needed where
 * they are read.
 */
#include "gate/gate.h"

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gate/behind.h"
#include "gate/dispatch.h"
#include "gate/fanout.h"
#include "gate/members.h"
#include "gate/moves.h"
#include "gate/push.h"
#include "gate/resend.h"
#include "gate/session.h"

enum {
    WORKER_QUEUE = 200000,    /* a reconnect of every allowed connection at once */
    FILTERED_MAX = 256 * 1024 /* a 64 KiB body, should every second letter become three */
};

/* ---- settings ---- */

static struct mn_gate_snapshot *snapshot_new(const struct mn_gate_settings *settings)
{
    struct mn_gate_snapshot *snapshot = mn_new(struct mn_gate_snapshot);
    atomic_init(&snapshot->refs, 1);
    snapshot->s = *settings;
    return snapshot;
}

static void snapshot_unref(struct mn_gate_snapshot *snapshot)
{
    if (atomic_fetch_sub(&snapshot->refs, 1) > 1)
        return;
    mn_filter_free(snapshot->s.filter);
    mn_free(snapshot);
}

struct swap {
    struct mn_task task;
    struct mn_gate_snapshot *snapshot; /* one reference */
};

static void run_swap(struct mn_task *task, struct mn_loop *loop)
{
    struct swap *swap = mn_container_of(task, struct swap, task);
    struct mn_gate_loop *gl = mn_loop_user(loop);
    snapshot_unref(gl->snapshot);
    gl->snapshot = swap->snapshot;
    mn_free(swap);
}

void mn_gate_reload(struct mn_gate *gate, const struct mn_gate_settings *settings)
{
    struct mn_gate_snapshot *snapshot = snapshot_new(settings);
    mn_fanout_configure(gate->fanout, settings);
    for (unsigned i = 0; i < gate->loop_count; i++) {
        struct swap *swap = mn_new(struct swap);
        atomic_fetch_add(&snapshot->refs, 1);
        *swap = (struct swap){.task.run = run_swap, .snapshot = snapshot};
        mn_loop_post(mn_net_loop(gate->net, i), &swap->task);
    }
    snapshot_unref(snapshot);
}

/* ---- transport's callbacks, on the loops ---- */

static void on_ws_open(void *ctx, struct mn_conn *conn)
{
    (void)ctx;
    mn_session_on_open(conn);
}

static void on_ws_writer_idle(void *ctx, struct mn_conn *conn)
{
    (void)ctx;
    mn_session_on_writer_idle(conn);
}

static void on_ws_timer(void *ctx, struct mn_conn *conn)
{
    (void)ctx;
    mn_session_on_timer(conn);
}

/* There is room again: what was dropped meanwhile is in the store. */
static void on_ws_pressure(void *ctx, struct mn_conn *conn, bool congested)
{
    (void)ctx;
    struct mn_session *session = mn_session_of(conn);
    if (congested || session->state != MN_SESSION_LIVE || !session->lossy)
        return;
    mn_resend_start(conn);
    mn_revoked_start(conn);
}

static void on_ws_pong(void *ctx, struct mn_conn *conn, const char *p, size_t n)
{
    (void)ctx;
    mn_revoked_on_pong(conn, p, n);
}

static void on_ws_close(void *ctx, struct mn_conn *conn, enum mn_close_cause cause)
{
    (void)ctx;
    (void)cause;
    mn_session_on_close(conn);
}

void mn_gate_submit(struct mn_gate_loop *gl, struct mn_op *take_op)
{
    MN_BUG_ON(take_op->next != NULL);
    if (gl->last)
        gl->last->next = take_op;
    else
        gl->first = take_op;
    gl->last = take_op;
}

static void on_turn_end(void *ctx, struct mn_loop *loop)
{
    (void)ctx;
    struct mn_gate_loop *gl = mn_loop_user(loop);
    if (!gl || !gl->first) /* no gl: the start failed before mn_gate_attach() */
        return;
    struct mn_op *first = gl->first;
    gl->first = gl->last = NULL;
    mn_msglog_submit(gl->gate->msglog, first);
}

struct mn_net_ws_handler mn_gate_handler(void)
{
    return (struct mn_net_ws_handler){
        .on_ws_open = on_ws_open,
        .on_ws_text = mn_dispatch_on_text,
        .on_ws_pong = on_ws_pong,
        .on_ws_writer_idle = on_ws_writer_idle,
        .on_ws_pressure = on_ws_pressure,
        .on_ws_timer = on_ws_timer,
        .on_ws_close = on_ws_close,
        .on_turn_end = on_turn_end,
    };
}

/* ---- life ---- */

size_t mn_gate_session_size(void) { return sizeof(struct mn_session); }

struct mn_gate *mn_gate_new(const struct mn_gate_config *config)
{
    struct mn_gate *gate = mn_new(struct mn_gate);
    gate->config = *config;
    gate->user_limits = mn_user_limits_new();
    gate->fanout = mn_fanout_new(gate);
    gate->ice_limits = mn_user_limits_new();
    gate->pool = mn_pool_new(config->workers, WORKER_QUEUE, "gate");
    if (!gate->pool) {
        int errnum = errno;
        mn_gate_free(gate);
        errno = errnum;
        return NULL;
    }
    return gate;
}

void mn_gate_attach(struct mn_gate *gate, struct mn_net *net)
{
    struct mn_gate_snapshot *snapshot = snapshot_new(&gate->config.settings);
    gate->net = net;
    gate->loop_count = mn_net_loop_count(net);
    gate->loops = mn_alloc_array(gate->loop_count, sizeof(*gate->loops));
    for (unsigned i = 0; i < gate->loop_count; i++) {
        struct mn_gate_loop *gl = &gate->loops[i];
        gl->gate = gate;
        gl->loop = mn_net_loop(net, i);
        gl->metrics = mn_loop_metrics(gl->loop);
        gl->snapshot = snapshot;
        atomic_fetch_add(&snapshot->refs, 1);
        gl->rng = mn_new(struct mn_rng);
        mn_rng_seed(gl->rng, mn_mono_ns() + i);
        mn_buf_init(&gl->filtered, FILTERED_MAX);
        gl->members = mn_members_new(net, gl->loop, gate->config.presence);
        mn_loop_set_user(gl->loop, gl);
    }
    snapshot_unref(snapshot);
}

void mn_gate_open(struct mn_gate *gate, struct mn_msglog *msglog, const struct mn_gate_users *users,
                  struct mn_friends *friends, struct mn_calls *calls)
{
    gate->msglog = msglog;
    gate->friends = friends;
    gate->calls = calls;
    gate->users = *users;
}

void mn_gate_on_commit(void *gate, struct mn_op **ops, size_t count)
{
    mn_push_commit(gate, ops, count);
}

static void bump(void *ctx, int64_t uid, int64_t sv)
{
    struct mn_gate *gate = ctx;
    /* Before the look for a session: a check that makes one findable afterwards sees it. */
    atomic_fetch_add(&gate->bump_epoch, 1);
    mn_push_bump(gate, uid, sv);
}

static void push(void *ctx, const int64_t *uids, size_t n, const struct mn_envelope *env)
{
    mn_push_frame(ctx, uids, n, env);
}

struct mn_sink mn_gate_sink(struct mn_gate *gate)
{
    return (struct mn_sink){.ctx = gate, .bump = bump, .push = push};
}

void mn_gate_stop(struct mn_gate *gate)
{
    gate->stopped = true;
    mn_pool_stop(gate->pool);
}

void mn_gate_free(struct mn_gate *gate)
{
    if (!gate)
        return;
    for (unsigned i = 0; i < gate->loop_count; i++) {
        struct mn_gate_loop *gl = &gate->loops[i];
        for (struct mn_op *op = gl->first, *next; op; op = next) {
            next = op->next;
            if (op->kind == MN_OP_CURSOR)
                mn_moves_done(op);
            if (op->kind == MN_OP_BARRIER)
                mn_behind_done(op);
            mn_op_unref(op);
        }
        snapshot_unref(gl->snapshot);
        mn_buf_deinit(&gl->filtered);
        mn_members_free(gl->members);
        mn_free(gl->rng);
    }
    if (!gate->loops) /* never attached: no snapshot has taken the filter */
        mn_filter_free(gate->config.settings.filter);
    mn_free(gate->loops);
    mn_pool_free(gate->pool);
    mn_fanout_free(gate->fanout);
    mn_user_limits_free(gate->user_limits);
    mn_user_limits_free(gate->ice_limits);
    mn_free(gate);
}
