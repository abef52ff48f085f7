/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for newcomers.  Connections of which nobody has vouched for the peer
 * (kept-alive HTTP, unfinished requests, WebSockets before their session,
 * what is about to end) stand in their loop's crowd, in the order in which
 * they began to wait.  At the ceiling on connections, or when descriptors
 * run out, who has waited longest makes room: a peer that holds places
 * without using them turns away nobody, and costs no session.
 *
 * Nobody is sent away in the first moments, so that a newcomer has the time
 * to say what it came for; until then the next one waits in the kernel's
 * backlog.  A loop that finds nobody to send away asks the loop with most
 * connections of that kind, and looks again a moment later.
 */
#include "net/net_internal.h"

#define GRACE_MS 500  /* from the beginning of a wait; a round trip and more */
#define ASKED_MOST 16 /* connections that one question to another loop costs it */
#define LOG_EVERY_MS 5000

void mn_crowd_leave(struct mn_conn *conn) { mn_list_remove(&conn->crowd); }

void mn_crowd_join(struct mn_conn *conn)
{
    mn_crowd_leave(conn);
    if (conn->vouched)
        return;
    conn->crowd_ms = mn_loop_now(conn->loop);
    mn_list_push(&conn->loop->crowd, &conn->crowd);
}

void mn_crowd_count(struct mn_conn *conn, int sign)
{
    if (!conn->vouched)
        atomic_fetch_add_explicit(&conn->loop->strangers, sign, memory_order_release);
}

void mn_conn_vouch(struct mn_conn *conn)
{
    mn_loop_assert_thread(conn->loop);
    mn_crowd_count(conn, -1);
    conn->vouched = true;
    mn_crowd_leave(conn);
}

static void log_shed(const struct mn_conn *conn, uint64_t waited_ms)
{
    struct mn_net *net = conn->loop->net;
    uint64_t suppressed;
    char peer[64];
    if (!mn_log_gate_pass(&net->crowd_gate, LOG_EVERY_MS, &suppressed))
        return;
    mn_conn_peer(conn, peer);
    mn_log(net->log, MN_LOG_WARN, "connection_shed", MN_KV_U("conn", conn->id),
           MN_KV_Z("peer", peer), MN_KV_U("waited_ms", waited_ms),
           MN_KV_U("connections", atomic_load(&net->conn_count)),
           MN_KV_U("suppressed", suppressed));
}

/* Ends the connection that has waited longest; false: nobody has waited long enough. */
static bool shed_oldest(struct mn_loop *loop)
{
    if (mn_list_is_empty(&loop->crowd))
        return false;
    struct mn_conn *conn = mn_container_of(loop->crowd.next, struct mn_conn, crowd);
    uint64_t waited_ms = mn_loop_now(loop) - conn->crowd_ms;
    if (waited_ms < GRACE_MS)
        return false;
    log_shed(conn, waited_ms);
    mn_metric_inc(loop->metrics, MN_M_CONN_SHED);
    mn_conn_abort(conn, MN_CLOSE_CROWD);
    return true;
}

/* Its crowd, and requests that are being answered: they stand there again in a moment. */
static int strangers_of(const struct mn_loop *loop)
{
    return atomic_load_explicit(&loop->strangers, memory_order_acquire);
}

enum mn_room mn_loop_make_room(struct mn_loop *loop)
{
    struct mn_net *net = loop->net;
    struct mn_loop *most = loop;
    if (shed_oldest(loop))
        return MN_ROOM_MADE;
    for (unsigned i = 0; i < net->loop_count; i++)
        if (strangers_of(net->loops[i]) > strangers_of(most))
            most = net->loops[i];
    if (most != loop) {
        atomic_store(&most->room_asked, true);
        mn_loop_wake(most);
    }
    return strangers_of(most) > 0 ? MN_ROOM_SOON : MN_ROOM_NONE;
}

void mn_loop_give_room(struct mn_loop *loop)
{
    if (!atomic_load_explicit(&loop->room_asked, memory_order_relaxed) ||
        !atomic_exchange(&loop->room_asked, false))
        return;
    for (unsigned i = 0; i < ASKED_MOST && shed_oldest(loop); i++)
        ;
}
