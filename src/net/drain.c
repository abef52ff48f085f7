/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving gracefully: no new connections, clients are told to come back
 * (1012) evenly over a time span, so that they do not all arrive at the
 * next server at once.
 */
#include <limits.h>

#include "net/net_internal.h"

#define DRAIN_TICK_MS 20

/* Closes the next `count` WebSocket connections. */
static void close_some(struct mn_loop *loop, unsigned count)
{
    struct mn_conn *conn;
    while (count > 0 && (conn = mn_loop_slot(loop, loop->drain_slot)) != NULL) {
        loop->drain_slot++;
        if (conn->state != MN_CONN_OPEN)
            continue;
        mn_conn_close(conn, MN_CLOSE_SHUTDOWN, MN_WS_CLOSE_RESTART, "server restarting");
        count--;
    }
}

void mn_loop_on_drain_timer(uv_timer_t *timer)
{
    struct mn_loop *loop = mn_container_of(timer, struct mn_loop, drain_timer);
    mn_loop_turn_begin(loop);
    uint64_t now_ms = mn_loop_now(loop);
    if (now_ms + DRAIN_TICK_MS >= loop->drain_end_ms) {
        uv_timer_stop(timer);
        close_some(loop, UINT_MAX);
        return;
    }
    /* So many that the rest, at this pace, is gone at the end. */
    uint64_t ticks = (loop->drain_end_ms - now_ms) / DRAIN_TICK_MS;
    uint64_t due = loop->ws_count + loop->drain_carry;
    close_some(loop, (unsigned)(due / ticks));
    loop->drain_carry = (unsigned)(due % ticks);
}

void mn_loop_drain(struct mn_loop *loop, uint32_t spread_ms)
{
    struct mn_conn *conn;
    loop->draining = true;
    mn_loop_close_listeners(loop);
    for (unsigned i = 0; (conn = mn_loop_slot(loop, i)) != NULL; i++)
        if (conn->state == MN_CONN_HTTP && conn->http == NULL)
            mn_conn_begin_close(conn, MN_CLOSE_SHUTDOWN, true);
    loop->drain_end_ms = mn_loop_now(loop) + spread_ms;
    uv_timer_start(&loop->drain_timer, mn_loop_on_drain_timer, 0, DRAIN_TICK_MS);
}
