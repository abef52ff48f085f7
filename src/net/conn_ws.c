/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket side of a connection: frames in, pings answered, the closing
 * handshake.  After any decision to close, further input is dropped
 * (W-1.6), and exactly one close frame leaves (W-1.4.6).
 */
#include "net/net_internal.h"

#define FLOOD_LOG_MS 5000

void mn_conn_ws_open(struct mn_conn *conn)
{
    struct mn_loop *loop = conn->loop;
    const struct mn_net_ws_handler *handler = &loop->net->ws;
    mn_conn_set_state(conn, MN_CONN_OPEN);
    mn_ws_rx_init(&conn->rx, MN_WS_SERVER, loop->cfg.max_message);
    memset(mn_conn_session(conn), 0, loop->cfg.session_size);
    conn->last_read_ms = conn->last_write_ms = conn->last_said_ms = mn_loop_now(loop);
    mn_conn_update_timer(conn);
    if (handler->on_ws_open != NULL)
        handler->on_ws_open(handler->ctx, conn);
}

static void queue_close_frame(struct mn_conn *conn, const char *p, size_t n)
{
    struct mn_chunk *frame = mn_chunk_new(n);
    if (frame == NULL)
        return; /* the peer sees the FIN alone */
    if (n > 0)
        memcpy(mn_chunk_payload(frame), p, n);
    mn_chunk_seal_ws(frame, MN_WS_OP_CLOSE, n);
    if (mn_conn_queue(conn, frame))
        mn_metric_inc(conn->loop->metrics, MN_M_FRAME_OUT_CONTROL);
}

void mn_conn_ws_close_raw(struct mn_conn *conn, enum mn_close_cause cause, const char *p, size_t n)
{
    queue_close_frame(conn, p, n);
    mn_conn_begin_close(conn, cause, false);
}

void mn_conn_close(struct mn_conn *conn, enum mn_close_cause cause, uint16_t code,
                   const char *reason)
{
    mn_loop_assert_thread(conn->loop);
    if (!mn_conn_is_ws(conn))
        return;
    if (code == 0) {
        mn_conn_begin_close(conn, cause, false);
        return;
    }
    char payload[MN_WS_CONTROL_MAX];
    size_t n = reason != NULL ? strlen(reason) : 0;
    if (n > sizeof(payload) - 2)
        n = sizeof(payload) - 2;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    memcpy(payload + 2, reason != NULL ? reason : "", n);
    mn_conn_ws_close_raw(conn, cause, payload, n + 2);
}

/*
 * Starts full; a refill adds whole tokens and moves the clock by the time
 * that they stand for (W-10).
 */
bool mn_conn_take_token(struct mn_conn *conn)
{
    const struct mn_net_config *cfg = &conn->loop->cfg;
    uint64_t now_ms = mn_loop_now(conn->loop), rate = cfg->control_rate;
    if (rate == 0)
        return true;
    if (conn->tokens_ms == 0) {
        conn->tokens = cfg->control_burst;
        conn->tokens_ms = now_ms;
    }
    uint64_t fresh = (now_ms - conn->tokens_ms) * rate / 1000;
    conn->tokens_ms += fresh * 1000 / rate;
    uint64_t tokens = conn->tokens + fresh;
    conn->tokens = tokens < cfg->control_burst ? (uint32_t)tokens : cfg->control_burst;
    if (conn->tokens == 0)
        return false;
    conn->tokens--;
    return true;
}

static void end_flood(struct mn_conn *conn)
{
    struct mn_net *net = conn->loop->net;
    uint64_t suppressed = 0;
    mn_metric_inc(conn->loop->metrics, MN_M_RATE_LIMITED);
    if (mn_log_gate_pass(&net->flood_gate, FLOOD_LOG_MS, &suppressed)) {
        char peer[64];
        mn_conn_peer(conn, peer);
        mn_log(net->log, MN_LOG_WARN, "ws_control_flood", MN_KV_U("conn", conn->id),
               MN_KV_Z("peer", peer), MN_KV_U("suppressed", suppressed));
    }
    mn_conn_close(conn, MN_CLOSE_PROTOCOL, MN_WS_CLOSE_POLICY, "too many control frames");
}

/* A PING, PONG or binary frame. */
static void on_control(struct mn_conn *conn, enum mn_ws_event event, const struct mn_ws_in *in)
{
    mn_metric_inc(conn->loop->metrics,
                  event == MN_WS_BINARY ? MN_M_FRAME_IN_BINARY : MN_M_FRAME_IN_CONTROL);
    if (event == MN_WS_PONG && conn->pings_open > 0) {
        const struct mn_net_ws_handler *handler = &conn->loop->net->ws;
        conn->pings_open--; /* we asked for it */
        if (handler->on_ws_pong)
            handler->on_ws_pong(handler->ctx, conn, in->p, in->n);
        return;
    }
    if (!mn_conn_take_token(conn))
        end_flood(conn);
    else if (event == MN_WS_PING)
        mn_conn_send_pong(conn, in->p, in->n);
}

static void on_event(struct mn_conn *conn, enum mn_ws_event event, struct mn_ws_in *in)
{
    const struct mn_net_ws_handler *handler = &conn->loop->net->ws;
    switch (event) {
    case MN_WS_TEXT:
        handler->on_ws_text(handler->ctx, conn, in->p, in->n);
        break;
    case MN_WS_BINARY:
    case MN_WS_PING:
    case MN_WS_PONG:
        on_control(conn, event, in);
        break;
    case MN_WS_CLOSED:
        mn_metric_inc(conn->loop->metrics, MN_M_FRAME_IN_CONTROL);
        mn_conn_ws_close_raw(conn, MN_CLOSE_PEER, in->p, in->n);
        break;
    case MN_WS_FAIL:
        mn_conn_close(conn, MN_CLOSE_PROTOCOL, in->code, in->reason);
        break;
    case MN_WS_MORE:
        break;
    }
}

size_t mn_conn_ws_input(struct mn_conn *conn, char *p, size_t n)
{
    size_t done = 0;
    /* Asked until it wants more, also with nothing left: that frees a joined message. */
    while (conn->state == MN_CONN_OPEN && !conn->held && !conn->congested && conn->turn_left > 0) {
        struct mn_ws_in in;
        size_t used = 0;
        enum mn_ws_event event = mn_ws_rx_next(&conn->rx, p + done, n - done, &used, &in);
        done += used;
        if (event == MN_WS_MORE) {
            conn->need = (uint32_t)in.need;
            break;
        }
        conn->turn_left--;
        on_event(conn, event, &in);
    }
    return done;
}
