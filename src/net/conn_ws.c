/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket side of a connection: frames in, pings answered, the closing
 * handshake.  After any decision to close, further input is dropped
 * (ws-protocol.md B1), and exactly one close frame leaves (B28).
 */
#include "net/net_internal.h"

#define CLOSE_PAYLOAD_MAX 125

void mn_conn_ws_open(struct mn_conn *conn)
{
    struct mn_loop *loop = conn->loop;
    const struct mn_net_handler *handler = &loop->net->handler;
    mn_conn_set_state(conn, MN_CONN_OPEN);
    mn_ws_rx_init(&conn->rx, MN_WS_SERVER, loop->cfg.max_message);
    memset(mn_conn_session(conn), 0, loop->cfg.session_size);
    conn->last_read_ms = conn->last_write_ms = mn_loop_now(loop);
    mn_conn_update_timer(conn);
    if (handler->on_ws_open != NULL)
        handler->on_ws_open(handler->ctx, conn);
}

static void queue_close_frame(struct mn_conn *conn, const char *p, size_t n)
{
    struct mn_frame *frame = mn_frame_new(n);
    if (frame == NULL)
        return; /* the peer sees the FIN alone */
    if (n > 0)
        memcpy(mn_frame_payload(frame), p, n);
    mn_frame_seal(frame, MN_WS_OP_CLOSE, n);
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
    if (conn->state != MN_CONN_OPEN)
        return;
    if (code == 0) {
        mn_conn_begin_close(conn, cause, false);
        return;
    }
    char payload[CLOSE_PAYLOAD_MAX];
    size_t n = reason != NULL ? strlen(reason) : 0;
    if (n > sizeof(payload) - 2)
        n = sizeof(payload) - 2;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    memcpy(payload + 2, reason != NULL ? reason : "", n);
    mn_conn_ws_close_raw(conn, cause, payload, n + 2);
}

static void on_ping(struct mn_conn *conn, const struct mn_ws_in *in)
{
    struct mn_frame *frame = mn_frame_new(in->n);
    if (frame == NULL) {
        mn_conn_doom(conn, MN_CLOSE_MEMORY);
        return;
    }
    memcpy(mn_frame_payload(frame), in->p, in->n);
    mn_frame_seal(frame, MN_WS_OP_PONG, in->n);
    mn_ignore(mn_conn_send(conn, frame, MN_SEND_REPLY)); /* refused only while closing */
}

static void on_event(struct mn_conn *conn, enum mn_ws_event event, struct mn_ws_in *in)
{
    const struct mn_net_handler *handler = &conn->loop->net->handler;
    struct mn_metrics_shard *metrics = conn->loop->metrics;
    switch (event) {
    case MN_WS_TEXT:
        handler->on_ws_text(handler->ctx, conn, in->p, in->n);
        break;
    case MN_WS_BINARY:
    case MN_WS_PONG:
        mn_metric_inc(metrics,
                      event == MN_WS_BINARY ? MN_M_FRAME_IN_BINARY : MN_M_FRAME_IN_CONTROL);
        if (handler->on_ws_other != NULL)
            handler->on_ws_other(handler->ctx, conn, event == MN_WS_BINARY);
        break;
    case MN_WS_PING:
        mn_metric_inc(metrics, MN_M_FRAME_IN_CONTROL);
        on_ping(conn, in);
        break;
    case MN_WS_CLOSED:
        mn_metric_inc(metrics, MN_M_FRAME_IN_CONTROL);
        if (in->code == 0) /* not a code that may be sent */
            mn_conn_close(conn, MN_CLOSE_PEER, MN_WS_CLOSE_NORMAL, "Bye");
        else
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
    while (conn->state == MN_CONN_OPEN && !conn->held && !conn->doomed) {
        struct mn_ws_in in;
        size_t used = 0;
        enum mn_ws_event event = mn_ws_rx_next(&conn->rx, p + done, n - done, &used, &in);
        done += used;
        if (event == MN_WS_MORE) {
            conn->need = (uint32_t)in.need;
            break;
        }
        on_event(conn, event, &in);
    }
    return done;
}
