/* SPDX-License-Identifier: Apache-2.0 */
/*
 * im.auth.require-known-user for recipients (ws-protocol.md 18, B9): a
 * message to a user who does not exist is answered with user_not_found.
 * Each loop remembers users that it has seen to exist; others are asked for
 * on a worker, while the sender's input is held, so that order is kept.
 */
#include "base/map.h"
#include "base/mem.h"
#include "gate/internal.h"

struct lookup {
    struct mn_job job;
    struct mn_task task;
    struct mn_gate *gate;
    struct mn_op *op;
    enum mn_err err;
    bool known;
};

static int64_t *known_slot(struct mn_gate_loop *gl, int64_t uid)
{
    return &gl->known[mn_hash_u64((uint64_t)uid) % MN_ARRAY_LEN(gl->known)];
}

/* The message goes on, or comes back as an error in its turn. */
static void settle(struct mn_gate_loop *gl, struct mn_op *op, enum mn_reason reason)
{
    if (reason != MN_REASON_NONE) {
        op->kind = MN_OP_ECHO;
        op->tag = (uint16_t)reason;
    }
    mn_gate_queue_op(gl, op);
}

static void on_looked_up(struct mn_task *task, struct mn_loop *loop)
{
    struct lookup *lookup = mn_container_of(task, struct lookup, task);
    struct mn_gate_loop *gl = mn_loop_user(loop);
    struct mn_op *op = lookup->op;
    struct mn_conn *conn = mn_loop_find(loop, op->conn);
    if (lookup->err)
        settle(gl, op, MN_REASON_SERVER_BUSY);
    else if (!lookup->known)
        settle(gl, op, MN_REASON_USER_NOT_FOUND);
    else
        settle(gl, op, MN_REASON_NONE);
    if (lookup->known && !lookup->err)
        *known_slot(gl, op->to) = op->to;
    if (conn)
        mn_conn_resume(conn);
    mn_free(lookup);
}

static void run_lookup(struct mn_job *job, unsigned worker)
{
    (void)worker;
    struct lookup *lookup = mn_container_of(job, struct lookup, job);
    const struct mn_gate_config *config = &lookup->gate->config;
    int64_t sv = 0;
    lookup->err = config->session(config->session_ctx, lookup->op->to, &sv, &lookup->known);
    lookup->task.run = on_looked_up;
    mn_loop_post(mn_net_loop_of(lookup->gate->net, lookup->op->conn), &lookup->task);
}

void mn_known_check(struct mn_conn *conn, struct mn_op *op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    if (*known_slot(gl, op->to) == op->to) {
        settle(gl, op, MN_REASON_NONE);
        return;
    }
    struct lookup *lookup = mn_new(struct lookup);
    *lookup = (struct lookup){.job.run = run_lookup, .gate = gl->gate, .op = op};
    if (mn_pool_submit(gl->gate->pool, &lookup->job)) {
        mn_free(lookup);
        settle(gl, op, MN_REASON_SERVER_BUSY);
        return;
    }
    mn_conn_hold(conn);
}
