/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_LOOP_H
#define MN_GATE_LOOP_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/pool.h"
#include "base/rand.h"
#include "gate/gate.h"
#include "gate/limit.h"

/* The gate's own state: of the process, and of each loop. */

/* Settings as they are at one time; freed with the last user. */
struct mn_gate_snapshot {
    _Atomic int refs;
    struct mn_gate_settings s;
};

struct mn_members; /* gate/members.h */
struct mn_fanout;  /* gate/fanout.h */

/* One per loop; only its thread touches it. */
struct mn_gate_loop {
    struct mn_gate *gate;
    struct mn_loop *loop;
    struct mn_metrics_shard *metrics;
    struct mn_gate_snapshot *snapshot;
    struct mn_op *first, *last; /* operations of this turn, reserved, not yet submitted */
    struct mn_bucket auth_bucket;
    struct mn_buf filtered; /* scratch of the text filter */
    struct mn_rng *rng;
    struct mn_members *members; /* of groups that are here: members.h */
    int64_t known[1024];        /* users known to exist, by hash: recipient.c */
    struct {
        int64_t low, high;
    } friends[1024]; /* pairs known to be friends: recipient.c */
};

struct mn_gate {
    struct mn_gate_config config;
    struct mn_msglog *msglog; /* these four: mn_gate_open() */
    struct mn_gate_users users;
    struct mn_friends *friends;
    struct mn_calls *calls;
    struct mn_net *net; /* mn_gate_attach() */
    struct mn_gate_loop *loops;
    unsigned loop_count;
    struct mn_pool *pool;
    struct mn_fanout *fanout;
    struct mn_user_limits *user_limits, *ice_limits;
    bool stopped;                /* mn_gate_stop(): the store is about to be closed */
    _Atomic uint64_t bump_epoch; /* raised by each session version bump */
    struct mn_log_gate busy_log;
};

static inline struct mn_gate_loop *mn_gate_loop_of(struct mn_conn *conn)
{
    return mn_loop_user(mn_conn_loop(conn));
}

static inline const struct mn_gate_settings *mn_gate_settings_of(const struct mn_gate_loop *gl)
{
    MN_BUG_ON(atomic_load_explicit(&gl->snapshot->refs, memory_order_relaxed) <= 0);
    return &gl->snapshot->s;
}

/* Appends a reserved operation to what this turn submits to the writer. */
void mn_gate_submit(struct mn_gate_loop *gl, struct mn_op *take_op);

#endif
