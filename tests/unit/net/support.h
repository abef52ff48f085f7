/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_NET_SUPPORT_H
#define MN_TESTS_UNIT_NET_SUPPORT_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/http.h"
#include "net/net.h"
#include "unit/net/tests.h"

/*
 * A running net with a handler that counts what happens, and clients made
 * of blocking sockets with a time limit.  A test waits on counters, never
 * on time.
 */
enum server_event {
    SERVER_OPEN = 0,
    SERVER_TEXT,
    SERVER_WRITER_IDLE,
    SERVER_PRESSURE_ON,
    SERVER_PRESSURE_OFF,
    SERVER_TIMER,
    SERVER_CLOSE,
    SERVER_HTTP,
    SERVER_RELIEF,
    SERVER_EVENT_COUNT
};

struct server {
    struct mn_net_config cfg; /* change it between server_init() and server_start() */
    struct mn_net *net;
    struct mn_metrics *metrics;
    struct mn_log log;
    int log_fd; /* read end of what was logged */
    uint16_t port;
    _Atomic unsigned count[SERVER_EVENT_COUNT];
    _Atomic unsigned closed[MN_CLOSE_COUNT];
    _Atomic uint64_t last_id; /* of the latest opened connection */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void *user;
    /* Instead of the echo; NULL: echo. */
    void (*on_text)(struct server *server, struct mn_conn *conn, char *p, size_t n);
    void (*on_open)(struct server *server, struct mn_conn *conn);
    void (*on_timer)(struct server *server, struct mn_conn *conn);
    void (*on_pressure)(struct server *server, struct mn_conn *conn, bool congested);
    /* Instead of answering with the request's description. */
    void (*on_http)(struct server *server, struct mn_loop *loop, struct mn_http_request *req);
};

/* Sensible values, one loop, a port of the system's choice. */
void server_init(struct server *server);
void server_start(struct server *server);
void server_stop(struct server *server);
/* Init, start with defaults. */
void server_up(struct server *server);
/* Waits until the event has happened `n` times; fails after 10 s. */
void server_await(struct server *server, enum server_event event, unsigned n);
void server_await_closed(struct server *server, enum mn_close_cause cause, unsigned n);
/* Waits until no more connections than that hold a place. */
void server_await_open(struct server *server, int64_t at_most);
/* Waits until the metric has at least this value. */
void server_await_metric(struct server *server, enum mn_metric metric, int64_t at_least);
/* Runs fn on a loop's thread and waits until it is done. */
void server_run(struct server *server, unsigned loop, void (*fn)(struct mn_loop *loop, void *arg),
                void *arg);
struct mn_chunk *text_frame(const char *p, size_t n);

/* Answers with "METHOD path?query [body]". */
void server_describe(struct mn_http_request *req);

int client_connect(const struct server *server);
void client_send(int fd, const void *p, size_t n);
void client_send_z(int fd, const char *z);
/* Exactly n bytes. */
void client_read(int fd, void *p, size_t n);
/* Up to and with the empty line; NUL-terminated; returns its length. */
size_t client_read_head(int fd, char *p, size_t cap);
/* Status of an answer that begins at p. */
unsigned client_status(const char *p);
/* A whole answer with Content-Length; NUL-terminated. Returns the status. */
unsigned client_read_answer(int fd, char *p, size_t cap);
/* All until the peer's FIN; NUL-terminated; returns its length. */
size_t client_read_all(int fd, char *p, size_t cap);
/* The peer closes or resets: reads (and drops) until then. */
void client_await_close(int fd);

#define CLIENT_UPGRADE                                                                             \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

/* Connects and upgrades. */
int client_ws(struct server *server);
/* One masked frame; first is the first byte (FIN, RSV, opcode). */
size_t client_frame(char *out, uint8_t first, const void *p, size_t n);
void client_ws_send(int fd, uint8_t first, const void *p, size_t n);
void client_ws_text(int fd, const char *z);
struct client_frame {
    uint8_t first;
    size_t n;
    char p[1 << 17];
};
void client_ws_read(int fd, struct client_frame *ret);
void client_ws_expect(int fd, uint8_t first, const void *p, size_t n);
void client_ws_expect_text(int fd, const char *z);
/* A close frame with this, then the end of the connection. */
void client_ws_expect_close(int fd, unsigned code, const char *reason);

#endif
