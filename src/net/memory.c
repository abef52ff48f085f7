/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory held for peers, and its ceiling.  A peer chooses how small the
 * pieces are that we keep for it, so what counts is the memory they take and
 * not their length on the wire: an empty PONG is 2 bytes there and 48 here.
 *
 * Charged to the loop of the connection (loop->held): frames that wait in at
 * least one queue, once however many share them; the rings of the queues;
 * input that is no whole frame or request yet; what a session keeps of it;
 * requests that are with the handler.  Answers on their way from another thread are in loop->carried.
 * A frame's charge may be taken by one loop and given back by another: only
 * the sum over all loops means something.
 *
 * Above the ceiling each loop that holds more than its share closes its
 * fullest connections, and a loop that finds the ceiling exceeded by others
 * wakes them for that.
 */
#include "net/net_internal.h"

#define SWOLLEN_BYTES ((int64_t)8 * 1024 * 1024)

void mn_conn_charge_input(struct mn_conn *conn)
{
    size_t memory = mn_mem_cost(conn->rest_cap) + mn_mem_cost(conn->rx.frag.cap) +
                    mn_http_parse_memory(conn->http) + conn->session_memory;
    conn->loop->held += (int64_t)memory - (int64_t)conn->in_memory;
    conn->in_memory = memory;
}

void mn_conn_charge(struct mn_conn *conn, size_t bytes)
{
    mn_loop_assert_thread(conn->loop);
    conn->session_memory = bytes;
    mn_conn_charge_input(conn);
}

static int64_t held_now(const struct mn_loop *loop)
{
    return loop->held + atomic_load_explicit(&loop->carried, memory_order_relaxed);
}

static int64_t held_by(const struct mn_loop *loop)
{
    return atomic_load_explicit(&loop->held_shared, memory_order_relaxed);
}

static int64_t held_everywhere(const struct mn_net *net)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < net->loop_count; i++)
        sum += held_by(net->loops[i]);
    return sum;
}

/*
 * The allocator keeps what an attack made us take: nobody else can use it.
 * Asked for when nearly all of it is free again, and not for the ups and downs
 * of ordinary work.
 */
static void watch_relief(struct mn_loop *loop)
{
    struct mn_net *net = loop->net;
    bool swollen = atomic_load_explicit(&net->swollen, memory_order_relaxed);
    if (net->http.on_relief == NULL ||
        (!swollen && held_by(loop) < SWOLLEN_BYTES / (int64_t)net->loop_count))
        return;
    int64_t held = held_everywhere(net);
    if (!swollen && held >= SWOLLEN_BYTES)
        atomic_store(&net->swollen, true);
    else if (swollen && held < SWOLLEN_BYTES / 4 && atomic_exchange(&net->swollen, false) &&
             !net->http.on_relief(net->http.ctx))
        atomic_store(&net->swollen, true);
}

void mn_loop_publish(struct mn_loop *loop)
{
    int64_t held = held_now(loop);
    if (held == loop->held_told)
        return;
    mn_metric_add(loop->metrics, MN_M_BYTES_QUEUED, held - loop->held_told);
    loop->held_told = held;
    atomic_store_explicit(&loop->held_shared, held, memory_order_relaxed);
    watch_relief(loop);
}

bool mn_loop_is_full(const struct mn_loop *loop)
{
    uint64_t ceiling = loop->cfg.max_queued_bytes;
    return ceiling != 0 && held_everywhere(loop->net) >= (int64_t)ceiling;
}

static int64_t memory_of(const struct mn_conn *conn)
{
    if (conn->state == MN_CONN_FREE || conn->state == MN_CONN_DEAD)
        return 0;
    return (int64_t)(conn->out.memory + conn->in_memory);
}

static int64_t fullest(struct mn_loop *loop)
{
    int64_t most = 0;
    struct mn_conn *conn;
    for (unsigned i = 0; (conn = mn_loop_slot(loop, i)) != NULL; i++)
        if (memory_of(conn) > most)
            most = memory_of(conn);
    return most;
}

/* Closes connections that hold `least` or more, until the loop holds no more than `aim`. */
static bool close_above(struct mn_loop *loop, int64_t least, int64_t aim)
{
    bool closed = false;
    struct mn_conn *conn;
    for (unsigned i = 0; held_now(loop) > aim && (conn = mn_loop_slot(loop, i)) != NULL; i++) {
        if (memory_of(conn) < least)
            continue;
        mn_conn_abort(conn, MN_CLOSE_MEMORY);
        closed = true;
    }
    return closed;
}

static void wake_holders(struct mn_loop *loop, int64_t share)
{
    struct mn_net *net = loop->net;
    for (unsigned i = 0; i < net->loop_count; i++)
        if (net->loops[i] != loop && held_by(net->loops[i]) > share)
            mn_loop_wake(net->loops[i]);
}

bool mn_loop_shed_memory(struct mn_loop *loop)
{
    int64_t ceiling = (int64_t)loop->cfg.max_queued_bytes;
    int64_t excess = held_everywhere(loop->net) - ceiling;
    if (ceiling == 0 || excess <= 0)
        return false;
    int64_t share = ceiling / loop->net->loop_count;
    if (held_now(loop) <= share) /* it is for others to give */
        wake_holders(loop, share);
    int64_t aim = held_now(loop) - excess > share ? held_now(loop) - excess : share;
    bool has_shed = false;
    /* The fullest first; those of its size with it, so that many are found in few rounds. */
    for (int64_t most; held_now(loop) > aim && (most = fullest(loop)) > 0;)
        has_shed = close_above(loop, most - most / 4, aim) || has_shed;
    return has_shed;
}
