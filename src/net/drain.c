/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving gracefully: no new connections, clients are told to come back
 * (1012) evenly over a time span, so that they do not all arrive at the
 * next server at once.  Walks over the slots in step with the clock.
 */
#include "net/net_internal.h"

#define DRAIN_TICK_MS 20

static void close_slot(struct mn_conn *conn)
{
    if (conn->state == MN_CONN_OPEN)
        mn_conn_close(conn, MN_CLOSE_SHUTDOWN, MN_WS_CLOSE_RESTART, "server restarting");
}

static void close_up_to(struct mn_loop *loop, unsigned slot)
{
    struct mn_conn *conn;
    while (loop->drain_slot < slot && (conn = mn_loop_slot(loop, loop->drain_slot)) != NULL) {
        close_slot(conn);
        loop->drain_slot++;
    }
}

void mn_loop_on_drain_timer(uv_timer_t *timer)
{
    struct mn_loop *loop = mn_container_of(timer, struct mn_loop, drain_timer);
    mn_loop_turn_begin(loop);
    uint64_t elapsed_ms = mn_loop_now(loop) - loop->drain_start_ms;
    if (elapsed_ms >= loop->drain_spread_ms) {
        uv_timer_stop(timer);
        close_up_to(loop, UINT32_MAX);
        return;
    }
    uint64_t slots = (uint64_t)loop->slab_count * MN_SLAB_SLOTS;
    close_up_to(loop, (unsigned)(slots * elapsed_ms / loop->drain_spread_ms));
}

void mn_loop_drain(struct mn_loop *loop, uint32_t spread_ms)
{
    struct mn_conn *conn;
    loop->draining = true;
    mn_loop_close_listeners(loop);
    for (unsigned i = 0; (conn = mn_loop_slot(loop, i)) != NULL; i++)
        if (conn->state == MN_CONN_HTTP && conn->http == NULL)
            mn_conn_begin_close(conn, MN_CLOSE_SHUTDOWN, true);
    loop->drain_start_ms = mn_loop_now(loop);
    loop->drain_spread_ms = spread_ms;
    uv_timer_start(&loop->drain_timer, mn_loop_on_drain_timer, 0, DRAIN_TICK_MS);
}
