/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP side of a connection: one request at a time, answers in order.
 * While a request is with the handler, or the peer does not take an answer,
 * pipelined input waits: at most one read here, the rest in the kernel.
 */
#include "net/net_internal.h"
#include "net/upgrade.h"

static bool queue_text(struct mn_conn *conn, const char *text, size_t n)
{
    struct mn_chunk *chunk = mn_chunk_new(n);
    if (chunk != NULL) {
        memcpy(mn_chunk_payload(chunk), text, n);
        mn_chunk_seal(chunk, n);
    }
    if (mn_conn_queue(conn, chunk))
        return true;
    mn_conn_abort(conn, MN_CLOSE_MEMORY);
    return false;
}

void mn_conn_http_refuse(struct mn_conn *conn, const struct mn_http_request *req, unsigned status,
                         enum mn_close_cause cause)
{
    mn_metric_inc(conn->loop->metrics, status >= 500 ? MN_M_HTTP_5XX : MN_M_HTTP_4XX);
    if (!mn_conn_queue(conn, mn_http_refusal(conn->loop->net, req, status)))
        mn_conn_abort(conn, MN_CLOSE_MEMORY);
    else
        mn_conn_begin_close(conn, cause, true);
}

static bool begin_request(struct mn_conn *conn)
{
    const struct mn_net_config *cfg = &conn->loop->cfg;
    conn->http = mn_http_parse_new(
        (struct mn_http_limits){.request_line = cfg->http_max_request_line,
                                .headers = cfg->http_max_headers,
                                .body = cfg->http_max_body});
    if (conn->http == NULL) {
        mn_conn_abort(conn, MN_CLOSE_MEMORY);
        return false;
    }
    if (conn->served) { /* the first request's time runs since the accept */
        conn->deadline_ms = mn_loop_now(conn->loop) + cfg->handshake_timeout_ms;
        mn_conn_update_timer(conn);
    }
    return true;
}

static void await_request(struct mn_conn *conn)
{
    conn->deadline_ms = mn_loop_now(conn->loop) + conn->loop->cfg.http_idle_ms;
    mn_conn_update_timer(conn);
}

/* The request is refused when its head is whole, and soon in any case. */
static void await_rest_of_head(struct mn_conn *conn)
{
    uint64_t at_ms = mn_loop_now(conn->loop) + MN_LINGER_MS;
    if (at_ms < conn->deadline_ms)
        conn->deadline_ms = at_ms;
    mn_conn_update_timer(conn);
}

bool mn_conn_http_refuse_doomed(struct mn_conn *conn)
{
    unsigned status = conn->state == MN_CONN_HTTP ? mn_http_parse_status(conn->http) : 0;
    if (status != 0)
        mn_conn_http_refuse(conn, mn_http_parse_partial(conn->http), status, MN_CLOSE_PROTOCOL);
    return status != 0;
}

static void accept_upgrade(struct mn_conn *conn, const char *accept)
{
    char text[160];
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                     "connection: upgrade\r\nsec-websocket-accept: %s\r\n\r\n",
                     accept);
    if (queue_text(conn, text, (size_t)n))
        mn_conn_ws_open(conn);
}

static void refuse_version(struct mn_conn *conn)
{
    static const char text[] = "HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13\r\n"
                               "content-length: 0\r\n\r\n";
    if (queue_text(conn, text, sizeof(text) - 1))
        await_request(conn);
}

static void refuse_upgrade(struct mn_conn *conn, const char *why)
{
    char text[192];
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
                     "connection: close\r\n\r\n%s",
                     why);
    if (queue_text(conn, text, (size_t)n))
        mn_conn_begin_close(conn, MN_CLOSE_PROTOCOL, true);
}

static void hand_over(struct mn_conn *conn, struct mn_http_request *req)
{
    struct mn_loop *loop = conn->loop;
    const struct mn_net_http_handler *handler = &loop->net->http;
    req->loop = loop;
    req->conn_id = conn->id;
    mn_conn_peer(conn, req->peer);
    mn_conn_set_state(conn, MN_CONN_BUSY);
    mn_metric_inc(loop->metrics, MN_M_HTTP_REQUESTS);
    if (handler->on_http != NULL) {
        req->memory = mn_http_request_memory(req);
        loop->held += (int64_t)req->memory;
        handler->on_http(handler->ctx, loop, req);
        return;
    }
    mn_conn_http_refuse(conn, req, 404, MN_CLOSE_APP);
    mn_http_request_free(req);
}

/* What must not even begin; 0: go on. */
static unsigned judge(const struct mn_conn *conn, const struct mn_http_request *req,
                      enum mn_upgrade verdict, enum mn_close_cause *ret_cause)
{
    *ret_cause = MN_CLOSE_PROTOCOL;
    /* RFC 9112, 3.2; an upgrade without one is accepted (W-1.2). */
    if (verdict == MN_UPGRADE_NONE && !req->http_1_0 && mn_http_header(req, "host").p == NULL)
        return 400;
    *ret_cause = MN_CLOSE_SHUTDOWN;
    if (verdict == MN_UPGRADE_OK && conn->loop->draining)
        return 503;
    *ret_cause = MN_CLOSE_MEMORY;
    return mn_loop_is_full(conn->loop) ? 503 : 0;
}

static void on_request(struct mn_conn *conn, struct mn_http_request *req)
{
    struct mn_upgrade_answer answer;
    enum mn_upgrade verdict = mn_upgrade_judge(req, mn_str_c(conn->loop->cfg.ws_path), &answer);
    enum mn_close_cause cause;
    unsigned status = judge(conn, req, verdict, &cause);
    conn->served = true;
    if (status != 0) {
        mn_conn_http_refuse(conn, req, status, cause);
        mn_http_request_free(req);
        return;
    }
    if (verdict == MN_UPGRADE_NONE) {
        hand_over(conn, req);
        return;
    }
    bool keep_alive = req->keep_alive;
    mn_http_request_free(req);
    if (verdict == MN_UPGRADE_OK)
        accept_upgrade(conn, answer.accept);
    else if (verdict == MN_UPGRADE_VERSION && keep_alive)
        refuse_version(conn);
    else
        refuse_upgrade(conn, answer.why);
}

size_t mn_conn_http_input(struct mn_conn *conn, char *p, size_t n)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t done = 0;
    while (done < n && conn->state == MN_CONN_HTTP && conn->out.memory <= MN_HTTP_OUT_MAX &&
           conn->turn_left > 0) {
        if (conn->http == NULL && !begin_request(conn))
            break;
        size_t used = 0;
        enum mn_http_progress progress = mn_http_parse_feed(conn->http, p + done, n - done, &used);
        done += used;
        if (progress == MN_HTTP_DONE) {
            struct mn_http_request *req = mn_http_parse_take(conn->http);
            mn_http_parse_free(conn->http);
            conn->http = NULL;
            conn->turn_left -= MN_TURN_REQUEST_COST;
            on_request(conn, req);
        } else if (progress == MN_HTTP_BAD) {
            mn_conn_http_refuse(conn, mn_http_parse_partial(conn->http),
                                mn_http_parse_status(conn->http), MN_CLOSE_PROTOCOL);
        } else if (progress == MN_HTTP_DOOMED) {
            await_rest_of_head(conn);
        } else if (progress == MN_HTTP_CONTINUE) {
            queue_text(conn, go_on, sizeof(go_on) - 1);
        }
    }
    return done;
}

void mn_conn_http_answered(struct mn_conn *conn, bool keep_alive)
{
    if (!keep_alive) {
        mn_conn_begin_close(conn, MN_CLOSE_APP, true);
        return;
    }
    mn_conn_set_state(conn, MN_CONN_HTTP);
    await_request(conn);
    mn_conn_http_drained(conn);
}

void mn_conn_http_drained(struct mn_conn *conn)
{
    bool stopped = (conn->poll_events & UV_READABLE) == 0;
    if (conn->state == MN_CONN_HTTP && (stopped || conn->rest_n > 0))
        mn_conn_schedule_resume(conn);
}
