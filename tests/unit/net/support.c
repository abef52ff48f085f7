/* SPDX-License-Identifier: Apache-2.0 */
/* See net_support.h.  Checks in here use cmocka's asserts: on the test's thread only. */
#include "unit/net/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/ws.h"
#include "support/pace.h"

#define PATIENCE_S 60

/* ---- handler ----------------------------------------------------------- */

static void note(struct server *server, enum server_event event)
{
    pthread_mutex_lock(&server->lock);
    atomic_fetch_add(&server->count[event], 1);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

struct mn_chunk *text_frame(const char *p, size_t n)
{
    struct mn_chunk *frame = mn_chunk_new(n);
    if (n > 0)
        memcpy(mn_chunk_payload(frame), p, n);
    mn_chunk_seal_ws(frame, MN_WS_OP_TEXT, n);
    return frame;
}

static void on_ws_open(void *ctx, struct mn_conn *conn)
{
    struct server *server = ctx;
    atomic_store(&server->last_id, mn_conn_id(conn));
    if (server->on_open != NULL)
        server->on_open(server, conn);
    note(server, SERVER_OPEN);
}

static void on_ws_text(void *ctx, struct mn_conn *conn, char *p, size_t n)
{
    struct server *server = ctx;
    if (server->on_text != NULL)
        server->on_text(server, conn, p, n);
    else
        mn_ignore(mn_conn_send(conn, text_frame(p, n), MN_SEND_REPLY));
    note(server, SERVER_TEXT);
}

static void on_ws_writer_idle(void *ctx, struct mn_conn *conn)
{
    (void)conn;
    note(ctx, SERVER_WRITER_IDLE);
}

static void on_ws_pressure(void *ctx, struct mn_conn *conn, bool congested)
{
    struct server *server = ctx;
    if (server->on_pressure != NULL)
        server->on_pressure(server, conn, congested);
    note(server, congested ? SERVER_PRESSURE_ON : SERVER_PRESSURE_OFF);
}

static void on_ws_timer(void *ctx, struct mn_conn *conn)
{
    struct server *server = ctx;
    if (server->on_timer != NULL)
        server->on_timer(server, conn);
    note(server, SERVER_TIMER);
}

static void on_ws_close(void *ctx, struct mn_conn *conn, enum mn_close_cause cause)
{
    struct server *server = ctx;
    (void)conn;
    atomic_fetch_add(&server->closed[cause], 1);
    note(server, SERVER_CLOSE);
}

void server_describe(struct mn_http_request *req)
{
    struct mn_http_response *res = mn_http_response_new(1 << 20);
    mn_buf_add_str(&res->body, req->method_text);
    mn_buf_add_char(&res->body, ' ');
    mn_buf_add_str(&res->body, req->path);
    if (req->query.p != NULL) {
        mn_buf_add_char(&res->body, '?');
        mn_buf_add_str(&res->body, req->query);
    }
    mn_buf_addf(&res->body, " [%.*s]", (int)req->body.n, req->body.p);
    mn_http_respond(req, res);
}

static void on_http(void *ctx, struct mn_loop *loop, struct mn_http_request *req)
{
    struct server *server = ctx;
    if (server->on_http != NULL)
        server->on_http(server, loop, req);
    else
        server_describe(req);
    note(server, SERVER_HTTP);
}

static void on_refusal(void *ctx, const struct mn_http_request *req, struct mn_http_response *res)
{
    struct mn_str origin = req != NULL ? mn_http_header(req, "origin") : MN_STR_NONE;
    (void)ctx;
    mn_ignore(mn_http_response_header(res, "X-Origin", origin.p != NULL ? origin : MN_STR("none")));
}

/* ---- server ------------------------------------------------------------ */

void server_init(struct server *server)
{
    memset(server, 0, sizeof(*server));
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->cfg = (struct mn_net_config){
        .loops = 1,
        .listen_count = 1,
        .max_connections = 20000,
        .handshake_timeout_ms = 10000,
        .http_idle_ms = 10000,
        .reader_idle_ms = 90000,
        .writer_idle_ms = 60000,
        .max_message = 65536,
        .http_max_request_line = 4096,
        .http_max_headers = 8192,
        .http_max_body = 65536,
        .low_watermark = 256 * 1024,
        .high_watermark = 512 * 1024,
        .close_unwritable_after_ms = 3000,
        .session_size = 48,
    };
    snprintf(server->cfg.ws_path, sizeof(server->cfg.ws_path), "/ws");
    snprintf(server->cfg.listen[0].host, sizeof(server->cfg.listen[0].host), "127.0.0.1");
}

static bool on_relief(void *ctx)
{
    struct server *server = ctx;
    note(server, SERVER_RELIEF);
    return server->count[SERVER_RELIEF] > 1; /* the first time it is not convenient */
}

void server_start(struct server *server)
{
    struct mn_net_ws_handler ws = {
        .ctx = server,
        .on_ws_open = on_ws_open,
        .on_ws_text = on_ws_text,
        .on_ws_writer_idle = on_ws_writer_idle,
        .on_ws_pressure = on_ws_pressure,
        .on_ws_timer = on_ws_timer,
        .on_ws_close = on_ws_close,
    };
    struct mn_net_http_handler http = {
        .ctx = server, .on_http = on_http, .on_refusal = on_refusal, .on_relief = on_relief};
    int fds[2];
    char why[256] = "";
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    server->log_fd = fds[0];
    mn_log_init(&server->log, MN_LOG_DEBUG, MN_LOG_TEXT);
    server->log.fd = fds[1];
    server->metrics = mn_metrics_new();
    enum mn_err err = mn_net_new(&server->cfg, &ws, &http, &server->log, server->metrics,
                                 &server->net, why);
    if (err != MN_OK)
        fail_msg("mn_net_new: %s", why);
    server->port = mn_net_port(server->net, 0);
    assert_int_equal(mn_net_start(server->net), MN_OK);
}

void server_up(struct server *server)
{
    server_init(server);
    server_start(server);
}

void server_stop(struct server *server)
{
    mn_net_stop(server->net, 0);
    assert_int_equal(server->count[SERVER_OPEN], server->count[SERVER_CLOSE]);
    assert_int_equal(mn_metrics_sum(server->metrics, MN_M_CONN_OPEN), 0);
    assert_int_equal(mn_metrics_sum(server->metrics, MN_M_WS_OPEN), 0);
    mn_net_free(server->net);
    assert_int_equal(mn_metrics_sum(server->metrics, MN_M_BYTES_QUEUED), 0);
    mn_metrics_free(server->metrics);
    close(server->log_fd);
    close(server->log.fd);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
}

static void await(struct server *server, _Atomic unsigned *counter, unsigned n, const char *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&server->lock);
    while (atomic_load(counter) < n)
        if (pthread_cond_timedwait(&server->changed, &server->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&server->lock);
    if (atomic_load(counter) < n)
        fail_msg("%s: %u, expected %u", what, atomic_load(counter), n);
}

void server_await(struct server *server, enum server_event event, unsigned n)
{
    await(server, &server->count[event], n, "events");
}

void server_await_closed(struct server *server, enum mn_close_cause cause, unsigned n)
{
    await(server, &server->closed[cause], n, "closes");
}

void server_await_metric(struct server *server, enum mn_metric metric, int64_t at_least)
{
    uint64_t until_ms = mn_mono_ms() + PATIENCE_S * 1000;
    while (mn_metrics_sum(server->metrics, metric) < at_least) {
        if (mn_mono_ms() > until_ms)
            fail_msg("metric %d: %lld, expected %lld", (int)metric,
                     (long long)mn_metrics_sum(server->metrics, metric), (long long)at_least);
        pace_us(500);
    }
}

void server_await_open(struct server *server, int64_t at_most)
{
    uint64_t until_ms = mn_mono_ms() + PATIENCE_S * 1000;
    while (mn_metrics_sum(server->metrics, MN_M_CONN_OPEN) > at_most) {
        if (mn_mono_ms() > until_ms)
            fail_msg("%lld open, expected %lld",
                     (long long)mn_metrics_sum(server->metrics, MN_M_CONN_OPEN),
                     (long long)at_most);
        pace_us(500);
    }
}

struct call {
    struct mn_task task;
    void (*fn)(struct mn_loop *loop, void *arg);
    void *arg;
    struct server *server;
    _Atomic unsigned done;
};

static void run_call(struct mn_task *task, struct mn_loop *loop)
{
    struct call *call = mn_container_of(task, struct call, task);
    call->fn(loop, call->arg);
    pthread_mutex_lock(&call->server->lock);
    atomic_store(&call->done, 1);
    pthread_cond_broadcast(&call->server->changed);
    pthread_mutex_unlock(&call->server->lock);
}

void server_run(struct server *server, unsigned loop, void (*fn)(struct mn_loop *loop, void *arg),
                void *arg)
{
    struct call call = {.task = {.run = run_call}, .fn = fn, .arg = arg, .server = server};
    mn_loop_post(mn_net_loop(server->net, loop), &call.task);
    await(server, &call.done, 1, "call");
}

/* ---- clients ----------------------------------------------------------- */

/* An interrupted connect() goes on by itself; its outcome is told by the socket. */
static void await_connected(int fd, int errnum)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    socklen_t size = sizeof(errnum);
    if (errnum == EINTR) {
        assert_int_equal(TEMP_FAILURE_RETRY(poll(&poll_fd, 1, PATIENCE_S * 1000)), 1);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size);
    }
    if (errnum)
        fail_msg("connect: %d", errnum);
}

int client_connect(const struct server *server)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        await_connected(fd, errno);
    return fd;
}

void client_send(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t sent = TEMP_FAILURE_RETRY(send(fd, at, n, MSG_NOSIGNAL));
        if (sent <= 0)
            fail_msg("send: %d", errno);
        at += sent;
        n -= (size_t)sent;
    }
}

void client_send_z(int fd, const char *z) { client_send(fd, z, strlen(z)); }

void client_read(int fd, void *p, size_t n)
{
    char *at = p;
    while (n > 0) {
        ssize_t got = TEMP_FAILURE_RETRY(recv(fd, at, n, 0));
        if (got <= 0)
            fail_msg("recv: %zd, errno %d, %zu bytes missing", got, errno, n);
        at += got;
        n -= (size_t)got;
    }
}

size_t client_read_head(int fd, char *p, size_t cap)
{
    size_t n = 0;
    while (n < 4 || memcmp(p + n - 4, "\r\n\r\n", 4) != 0) {
        assert_true(n + 1 < cap);
        client_read(fd, p + n, 1);
        n++;
    }
    p[n] = '\0';
    return n;
}

unsigned client_status(const char *p)
{
    return (unsigned)(p[9] - '0') * 100 + (unsigned)(p[10] - '0') * 10 + (unsigned)(p[11] - '0');
}

unsigned client_read_answer(int fd, char *p, size_t cap)
{
    size_t n = client_read_head(fd, p, cap);
    const char *length = strstr(p, "Content-Length: ");
    size_t body = 0;
    for (const char *c = length != NULL ? length + 16 : ""; *c >= '0' && *c <= '9'; c++)
        body = body * 10 + (size_t)(*c - '0');
    assert_true(n + body < cap);
    client_read(fd, p + n, body);
    p[n + body] = '\0';
    return client_status(p);
}

size_t client_read_all(int fd, char *p, size_t cap)
{
    size_t n = 0;
    for (;;) {
        assert_true(n + 1 < cap);
        ssize_t got = TEMP_FAILURE_RETRY(recv(fd, p + n, cap - n - 1, 0));
        if (got < 0)
            fail_msg("recv: errno %d", errno);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    p[n] = '\0';
    return n;
}

void client_await_close(int fd)
{
    char buf[65536];
    for (;;) {
        ssize_t got = TEMP_FAILURE_RETRY(recv(fd, buf, sizeof(buf), 0));
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return;
        if (got < 0)
            fail_msg("the connection stays open");
    }
}

int client_ws(struct server *server)
{
    char head[512];
    unsigned before = atomic_load(&server->count[SERVER_OPEN]);
    int fd = client_connect(server);
    client_send_z(fd, CLIENT_UPGRADE);
    client_read_head(fd, head, sizeof(head));
    assert_memory_equal(head, "HTTP/1.1 101 ", 13);
    server_await(server, SERVER_OPEN, before + 1);
    return fd;
}

size_t client_frame(char *out, uint8_t first, const void *p, size_t n)
{
    static const uint8_t mask[4] = {0x12, 0xfe, 0x07, 0x99};
    size_t header = mn_ws_header_masked(out, MN_WS_OP_TEXT, n, mask);
    out[0] = (char)first;
    if (n > 0)
        memcpy(out + header, p, n);
    mn_ws_mask_portable(out + header, n, mask, 0);
    return header + n;
}

void client_ws_send(int fd, uint8_t first, const void *p, size_t n)
{
    char *out = mn_alloc(n + MN_WS_HEADER_MAX);
    client_send(fd, out, client_frame(out, first, p, n));
    mn_free(out);
}

void client_ws_text(int fd, const char *z) { client_ws_send(fd, 0x81, z, strlen(z)); }

void client_ws_read(int fd, struct client_frame *ret)
{
    uint8_t head[10];
    client_read(fd, head, 2);
    ret->first = head[0];
    ret->n = head[1]; /* with a mask bit it would be out of range below */
    unsigned extended = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0;
    if (extended > 0) {
        client_read(fd, head + 2, extended);
        ret->n = 0;
        for (unsigned i = 0; i < extended; i++)
            ret->n = ret->n << 8 | head[2 + i];
    }
    assert_true(head[1] < 128);
    assert_true(ret->n < sizeof(ret->p));
    client_read(fd, ret->p, ret->n);
    ret->p[ret->n] = '\0';
}

void client_ws_expect(int fd, uint8_t first, const void *p, size_t n)
{
    struct client_frame *frame = mn_new(struct client_frame);
    client_ws_read(fd, frame);
    assert_int_equal(frame->first, first);
    assert_int_equal(frame->n, n);
    assert_memory_equal(frame->p, p, n);
    mn_free(frame);
}

void client_ws_expect_text(int fd, const char *z) { client_ws_expect(fd, 0x81, z, strlen(z)); }

void client_ws_expect_close(int fd, unsigned code, const char *reason)
{
    char payload[128] = {(char)(code >> 8), (char)(code & 0xff)};
    size_t n = 2 + strlen(reason);
    memcpy(payload + 2, reason, n - 2);
    char rest[16];
    client_ws_expect(fd, 0x88, payload, n);
    assert_int_equal(client_read_all(fd, rest, sizeof(rest)), 0);
}
