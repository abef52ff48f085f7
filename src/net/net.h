/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_NET_H
#define MN_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "net/chunk.h"

/*
 * The transport: loop threads, listeners (SO_REUSEPORT, one of each address
 * per loop), connections, HTTP/1.1 and WebSocket on every port.  Knows
 * bytes, frames and requests, nothing of users and messages: what happens
 * with them is the handler's (gate and api, wired in app).
 *
 * Threads: each connection belongs to one loop from accept to close.  All
 * functions on a `struct mn_conn *` and all handler callbacks run on its
 * loop's thread.  Other threads hold connection ids and reach a loop with
 * mn_loop_post().
 *
 * A loop turn: poll; read, parse and dispatch what came (one shared read
 * buffer per loop); run posted tasks; on_turn_end(); write each connection
 * that has something queued, once (one sendmsg); close what is to be
 * closed; timers.
 */
struct mn_net;
struct mn_loop;
struct mn_conn;
struct mn_http_request;  /* net/http.h */
struct mn_http_response; /* net/http.h */

enum mn_close_cause {
    MN_CLOSE_PEER = 0,  /* EOF, reset, or the peer's close frame */
    MN_CLOSE_PROTOCOL,  /* RFC 6455 or HTTP violation */
    MN_CLOSE_APP,       /* the handler decided: mn_conn_close() */
    MN_CLOSE_IDLE,      /* nothing read for reader_idle_ms */
    MN_CLOSE_HANDSHAKE, /* upgrade or request not complete in time */
    MN_CLOSE_SLOW,      /* above the high watermark for too long, or above the hard ceiling */
    MN_CLOSE_MEMORY,    /* the ceiling on all queued bytes */
    MN_CLOSE_CROWD,     /* nobody vouched for it, and a newcomer needed its place */
    MN_CLOSE_SHUTDOWN,
    MN_CLOSE_COUNT
};

struct mn_net_listen {
    char host[256]; /* numeric address or name, resolved at start */
    uint16_t port;  /* 0: the system picks; all loops then share what it picked */
};

#define MN_NET_LISTEN_MAX 4

struct mn_net_config {
    unsigned loops; /* threads, 1..64 */
    struct mn_net_listen listen[MN_NET_LISTEN_MAX];
    unsigned listen_count;
    char ws_path[256];        /* also matches what goes on with "/" or "?" */
    uint32_t max_connections; /* at it newcomers take the place of those nobody vouches for */
    uint32_t max_connections_per_address; /* beyond it new ones are closed at accept; 0: any */
    uint32_t accept_rate;                 /* token bucket per second over all loops, 0 = off */
    uint32_t accept_burst;
    uint32_t handshake_timeout_ms;  /* to a complete upgrade or request */
    uint32_t http_idle_ms;          /* between requests of a kept-alive connection */
    uint32_t reader_idle_ms;        /* silence of the peer: closed */
    uint32_t writer_idle_ms;        /* nothing written: on_ws_writer_idle */
    uint32_t ping_idle_ms;          /* nothing written: a ping of our own; 0: none */
    uint32_t max_message;           /* bytes of a WebSocket message */
    uint32_t http_max_request_line; /* bytes, as the next two */
    uint32_t http_max_headers;      /* of all together */
    uint32_t http_max_body;
    uint32_t control_rate;   /* PING, PONG and binary frames of one connection, per second */
    uint32_t control_burst;  /* and at once; beyond it 1008; rate 0: no limit */
    uint32_t low_watermark;  /* bytes of memory queued: congestion ends */
    uint32_t high_watermark; /* congestion begins; twice as much closes at once */
    int32_t close_unwritable_after_ms; /* of congestion; negative = never */
    uint64_t max_queued_bytes; /* memory of all connections; beyond it the fullest are closed */
    size_t session_size;       /* bytes of zeroed handler memory in each connection */
};

/* What happens with WebSockets; every function may be NULL.  All run on the connection's loop. */
struct mn_net_ws_handler {
    void *ctx;
    /* The upgrade is complete; the 101 leaves before anything queued here. */
    void (*on_ws_open)(void *ctx, struct mn_conn *conn);
    /* One whole text message, valid UTF-8; p is writable and valid during the call. */
    void (*on_ws_text)(void *ctx, struct mn_conn *conn, char *p, size_t n);
    /*
     * A PONG came for a PING that was sent with mn_conn_send(), with that
     * one's payload: the peer has received whatever was sent before it
     * (RFC 6455 5.5.3).  Not what the peer sends unasked.
     */
    void (*on_ws_pong)(void *ctx, struct mn_conn *conn, const char *p, size_t n);
    /* Nothing was written for writer_idle_ms, pings of ping_idle_ms apart. */
    void (*on_ws_writer_idle)(void *ctx, struct mn_conn *conn);
    /* Crossed the high watermark upwards (true) or the low one downwards (false); not nested. */
    void (*on_ws_pressure)(void *ctx, struct mn_conn *conn, bool congested);
    /* The deadline of mn_conn_set_timer() has come (it is cleared before the call). */
    void (*on_ws_timer)(void *ctx, struct mn_conn *conn);
    /* Last callback of a connection that had on_ws_open; its session memory is gone afterwards. */
    void (*on_ws_close)(void *ctx, struct mn_conn *conn, enum mn_close_cause cause);
    /* Once a turn or more often, after events and before the writes. */
    void (*on_turn_end)(void *ctx, struct mn_loop *loop);
};

/* What happens with HTTP requests, and who sends them; every function may be NULL. */
struct mn_net_http_handler {
    void *ctx;
    /* A complete request (never an upgrade to the WebSocket path), on its loop; owns `take_req`. */
    void (*on_http)(void *ctx, struct mn_loop *loop, struct mn_http_request *take_req);
    /*
     * An answer that the transport makes itself (400, 408, 413, 503, ...):
     * adds the header lines that every answer has.  `req` is what was
     * understood of the request, at least its headers up to the mistake, or
     * NULL.  Any thread.
     */
    void (*on_refusal)(void *ctx, const struct mn_http_request *req, struct mn_http_response *res);
    /*
     * Whether many clients share this address (a proxy), so that the ceiling
     * on connections of one does not hold for it.  On a loop's thread.
     */
    bool (*is_shared)(void *ctx, const uint8_t peer[16]);
    /*
     * Much memory was held for peers and is free again: the time to give it
     * back to the system, on another thread.  On a loop's thread.  False:
     * not now, ask again.
     */
    bool (*on_relief)(void *ctx);
};

/* ---- process ---------------------------------------------------------- */

/*
 * Resolves and binds everything; nothing is accepted yet.  On failure
 * `why` (256 bytes) says which address and what.  Handlers and config are
 * copied; log and metrics outlive the net.
 */
MN_MUSTCHECK enum mn_err mn_net_new(const struct mn_net_config *config,
                                    const struct mn_net_ws_handler *ws,
                                    const struct mn_net_http_handler *http, struct mn_log *log,
                                    struct mn_metrics *metrics, struct mn_net **ret, char why[256]);
/* Starts the loop threads and accepting. */
MN_MUSTCHECK enum mn_err mn_net_start(struct mn_net *net);
/* Port in use for listen[index] (after mn_net_new). */
uint16_t mn_net_port(const struct mn_net *net, unsigned index);
unsigned mn_net_loop_count(const struct mn_net *net);
struct mn_loop *mn_net_loop(struct mn_net *net, unsigned index);
/*
 * Stops accepting, closes every WebSocket with 1012 spread evenly over
 * `spread_ms`, idle HTTP connections at once and busy ones after their
 * answer.  Returns at once; mn_net_stop() waits.
 */
void mn_net_drain(struct mn_net *net, uint32_t spread_ms);
/* Waits at most `timeout_ms` for the connections to go, closes the rest, joins the threads. */
void mn_net_stop(struct mn_net *net, uint32_t timeout_ms);
void mn_net_free(struct mn_net *net);
/* Takes over the limits and timers of `config`, for what comes from now on; the rest is ignored. */
void mn_net_reload(struct mn_net *net, const struct mn_net_config *config);

/* ---- loops ------------------------------------------------------------ */

struct mn_task {
    struct mn_task *next;                                    /* private */
    void (*run)(struct mn_task *task, struct mn_loop *loop); /* owns the task */
};

/*
 * Runs the task on the loop's thread, in the order of posting per posting
 * thread.  Any thread; never blocks; one wake-up for many posts.  After the
 * loops have stopped, tasks are run by mn_net_free() so that they can free
 * themselves (mn_loop_find() finds nothing then).
 */
void mn_loop_post(struct mn_loop *loop, struct mn_task *task);
/* The same for a chain of tasks linked by `next` from first to last. */
void mn_loop_post_chain(struct mn_loop *loop, struct mn_task *first, struct mn_task *last);
unsigned mn_loop_index(const struct mn_loop *loop);
struct mn_metrics_shard *mn_loop_metrics(struct mn_loop *loop);
/* Monotonic and wall clock as of this turn; on the loop's thread. */
uint64_t mn_loop_mono_ms(const struct mn_loop *loop);
int64_t mn_loop_unix_ms(const struct mn_loop *loop);
/* Monotonic time at which this turn began, in nanoseconds; on the loop's thread. */
uint64_t mn_loop_turn_ns(const struct mn_loop *loop);
/* Handler's own state for a loop; set before mn_net_start(). */
void mn_loop_set_user(struct mn_loop *loop, void *user);
void *mn_loop_user(const struct mn_loop *loop);
/* The open WebSocket connection with this id on this loop, or NULL. */
struct mn_conn *mn_loop_find(struct mn_loop *loop, uint64_t conn_id);
/* Loop that a connection id belongs to; any thread. */
struct mn_loop *mn_net_loop_of(struct mn_net *net, uint64_t conn_id);

/* ---- connections ------------------------------------------------------ */

/* Never 0, not reused for the life of the process; the loop's index is in its top 8 bits. */
uint64_t mn_conn_id(const struct mn_conn *conn);
struct mn_loop *mn_conn_loop(const struct mn_conn *conn);
/* session_size bytes, zeroed at open. */
void *mn_conn_session(struct mn_conn *conn);
/* Peer's address without port into p[64], NUL-terminated. */
void mn_conn_peer(const struct mn_conn *conn, char p[64]);

enum mn_send {
    MN_SEND_PUSH = 0, /* refused while congested: MN_EBUSY */
    MN_SEND_REPLY     /* answer to the peer's own frame: queued up to the hard ceiling */
};
/*
 * Queues a frame; it is written at the end of the turn.  Takes one
 * reference in every case.  MN_EBUSY: congested, not queued.  MN_ECLOSED:
 * the connection is closing, or this frame was beyond the hard ceiling.
 * Never calls back: pressure is told, and a slow peer closed, in the writes
 * of this turn.  Above the high watermark the socket is tried at once, so
 * congestion means that the peer does not take it, not that much was said.
 */
enum mn_err mn_conn_send(struct mn_conn *conn, struct mn_chunk *take_chunk, enum mn_send kind);
bool mn_conn_is_congested(const struct mn_conn *conn);
/*
 * Closes: what is queued leaves first, with the close frame (code, reason;
 * code 0: none) behind it, in one send if the socket takes it; then the TCP
 * connection is shut down, and read (and discarded) until the peer closes
 * or a second has passed, so that the last frames are not lost to a reset.
 * No further input is processed.  on_ws_close runs inside this call; the
 * connection stays valid memory until the end of the turn.  Idempotent.
 */
void mn_conn_close(struct mn_conn *conn, enum mn_close_cause cause, uint16_t code,
                   const char *reason);
/*
 * The peer is known (its session has begun): the connection never makes
 * room for a newcomer from here on.
 */
void mn_conn_vouch(struct mn_conn *conn);
/*
 * Stops processing input / goes on, in this turn.  Meanwhile at most one
 * read buffer is kept, the rest waits in the kernel, and the reader's
 * idleness does not count.  Inside on_ws_text this is the last message.
 */
void mn_conn_hold(struct mn_conn *conn);
void mn_conn_resume(struct mn_conn *conn);
/*
 * Memory that the session holds for its peer from now on, instead of what
 * it said before: counts against the ceiling like input that waits.  What a
 * session held is given back with it.
 */
void mn_conn_charge(struct mn_conn *conn, size_t bytes);
/* One deadline per connection, in mn_loop_mono_ms() time, resolution 50 ms; 0 clears it. */
void mn_conn_set_timer(struct mn_conn *conn, uint64_t deadline_mono_ms);

#endif
