/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_NET_INTERNAL_H
#define MN_NET_NET_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/http_parse.h"
#include "net/net.h"
#include "net/wheel.h"
#include "proto/ws.h"

/*
 * What the files of net/ share.  Everything reachable from a loop belongs
 * to its thread once it runs; `post` and the atomics of the net are the
 * only state that threads share.
 */

#define MN_NET_LOOPS_MAX 64
#define MN_READ_BUFFER ((size_t)256 * 1024) /* of a loop; grows with max_message */
#define MN_READ_TURN                                                                               \
    ((size_t)16 * 1024)                /* most bytes of a connection and turn, a long frame apart */
#define MN_TURN_FRAMES 64              /* most frames of a connection and turn */
#define MN_TURN_REQUEST_COST 4         /* frames that an HTTP request counts for */
#define MN_SCRATCH ((size_t)64 * 1024) /* small frames are copied together up to this */
#define MN_LINGER_MS 1000              /* wait for the peer's FIN */
#define MN_HTTP_STALL_MS 30000         /* an HTTP answer of which the peer takes nothing */
#define MN_HTTP_OUT_MAX ((size_t)64 * 1024) /* queued answers before pipelined requests wait */

#define MN_RING_CACHE 256
#define MN_SLAB_SLOTS 64

enum mn_conn_state {
    MN_CONN_FREE = 0, /* in loop->free */
    MN_CONN_HTTP,     /* between requests, or reading one */
    MN_CONN_BUSY,     /* a request is with the handler */
    MN_CONN_OPEN,     /* WebSocket */
    MN_CONN_DOOMED,  /* WebSocket that is closed in the write phase; takes and gives nothing more */
    MN_CONN_CLOSING, /* no more input; what is queued leaves */
    MN_CONN_LINGER,  /* our FIN is sent, waits for the peer's */
    MN_CONN_DEAD,    /* waits for libuv's close callback */
    MN_CONN_STATE_COUNT
};

/* Frames waiting for the socket: a ring of references, none while empty. */
struct mn_outq {
    struct mn_chunk **ring;
    uint32_t cap; /* power of two */
    uint32_t head, count;
    uint32_t skip;         /* bytes of the first chunk that are sent already */
    size_t bytes;          /* left to send */
    size_t memory;         /* of the frames, as if nobody shared them, and of the ring */
    struct mn_chunk *pong; /* in the ring: the only PONG that waits; NULL: none */
};

/*
 * One accepted socket.  Lives in a slab of its loop; the slot is used again
 * after libuv's close callback, under a new id.  Session memory follows.
 */
struct mn_conn {
    uv_poll_t poll; /* first */
    struct mn_loop *loop;
    uint64_t id;
    struct mn_list link;   /* loop->dirty, loop->stuck or loop->free */
    struct mn_list resume; /* loop->resume: input waits to be processed */
    struct mn_list crowd;  /* loop->crowd: nobody vouches for the peer */
    uint64_t crowd_ms;     /* since when it waits there */
    struct mn_wheel_node timer;
    struct mn_http_parse *http; /* the request being read, or NULL */
    struct mn_ws_rx rx;
    char *rest; /* input that is no whole frame yet, or held */
    uint32_t rest_n, rest_cap;
    uint32_t need;         /* bytes that `rest` must have before it makes sense to parse; 0: any */
    size_t session_memory; /* mn_conn_charge() */
    size_t in_memory;      /* of that, `rest`, fragments and the request being read, as charged */
    uint64_t turn;         /* in which `turn_left` was set */
    unsigned turn_left;    /* frames that may still be processed in that turn */
    uint32_t tokens;       /* of the bucket for control and binary frames */
    uint64_t tokens_ms;    /* up to when it is filled; 0: not used yet */
    int fd;
    struct mn_outq out;
    uint64_t last_read_ms, last_write_ms;
    uint64_t last_said_ms; /* as last_write_ms, our own idle pings apart */
    uint64_t deadline_ms;  /* end of the state, or of patience while congested, or 0 */
    uint64_t user_ms;      /* mn_conn_set_timer(), or 0 */
    uint8_t peer[16];      /* IPv6 or v4-mapped */
    enum mn_conn_state state;
    enum mn_close_cause doom; /* why, when DOOMED */
    uint8_t pings_open;       /* of ours, not answered yet: their PONGs are free */
    uint8_t poll_events;      /* what libuv watches now */
    bool dirty;               /* in loop->dirty */
    bool blocked;             /* the socket is full: wait for WRITABLE */
    bool held;                /* mn_conn_hold() */
    bool only_ping;           /* nothing is queued but an idle ping */
    bool congested, pressure_told;
    bool eof;     /* the peer's FIN was read */
    bool patient; /* CLOSING: wait for a full socket instead of giving up */
    bool served;  /* had a complete request */
    bool vouched; /* mn_conn_vouch() */
};

struct mn_slab;

struct mn_listener {
    uv_poll_t poll; /* first */
    struct mn_loop *loop;
    int fd;
    bool active;
};

struct mn_accept_bucket {
    uint64_t credit; /* in 1/(1000 * loops) connections */
    uint64_t last_ms;
};

struct mn_loop {
    struct mn_net *net;
    unsigned index;
    bool has_thread;         /* to be joined */
    _Atomic bool is_running; /* inside uv_run() */
    bool draining, stopping;
    uv_loop_t uv;
    uv_poll_t wake_poll; /* of wake_fd */
    int wake_fd;         /* an eventfd: others write to it when this thread sleeps */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t wheel_timer, accept_timer, drain_timer;
    pthread_t thread;
    struct mn_metrics_shard *metrics;
    void *user;
    struct mn_net_config cfg; /* own copy: a reload replaces it on this thread */

    char *read_buf; /* shared by all connections for one read */
    size_t read_size;
    char *scratch; /* shared by all connections for one write */
    struct mn_wheel wheel;
    uint64_t wheel_armed_ms;

    struct mn_slab **slabs;
    unsigned slab_count;
    size_t conn_size;
    unsigned conn_count;   /* not FREE */
    unsigned ws_count;     /* OPEN */
    struct mn_list free;   /* slots */
    struct mn_list dirty;  /* have something to write or to end in this turn */
    struct mn_list stuck;  /* wait for a full socket */
    struct mn_list resume; /* have buffered input to process */
    struct mn_list crowd;  /* who makes room for newcomers, the longest wait first: crowd.c */
    struct mn_chunk **ring_cache[MN_RING_CACHE]; /* rings of the smallest size */
    unsigned ring_cached;

    struct mn_listener listeners[MN_NET_LISTEN_MAX];
    unsigned listener_count;
    struct mn_accept_bucket bucket;
    int reserve_fd; /* given up for a moment when descriptors run out */

    unsigned drain_slot;  /* next slot to look at */
    unsigned drain_carry; /* remainder of the division in the previous tick */
    uint64_t drain_end_ms;

    bool in_turn;
    uint64_t turn; /* counts up */
    unsigned turn_events;
    uint64_t turn_start_ns;
    int64_t unix_ms;   /* 0: not asked yet in this turn */
    int64_t held;      /* bytes of memory held for peers: see memory.c */
    int64_t held_told; /* of it in the metrics */

    _Atomic int strangers;   /* connections that nobody vouched for; other loops read it */
    _Atomic bool room_asked; /* another loop needs a place */

    _Atomic int64_t held_shared; /* `held` and `carried` as other loops may read them */
    _Atomic int64_t carried;     /* bytes of answers on their way to this loop */
    struct {
        pthread_mutex_t lock;
        struct mn_task *first, *last;
        _Atomic bool waits;      /* `first` is not NULL; changed under the lock */
        bool is_open;            /* wake_fd may be used */
        bool asleep;             /* the thread polls, or is about to: a post must wake it */
        _Atomic unsigned wakers; /* threads that are about to write to wake_fd */
    } post;
};

struct mn_net {
    struct mn_net_config cfg;
    struct mn_net_ws_handler ws;
    struct mn_net_http_handler http;
    struct mn_log *log;
    struct mn_metrics *metrics;
    unsigned loop_count;
    bool started, stopped;
    uint16_t port[MN_NET_LISTEN_MAX];
    _Atomic unsigned conn_count;
    _Atomic bool draining;
    _Atomic bool swollen; /* much memory was held for peers since it was last given back */
    struct mn_log_gate accept_gate, address_gate, crowd_gate, flood_gate;
    struct {
        pthread_mutex_t lock;
        struct mn_map count; /* connections by address */
    } addresses;
    pthread_mutex_t idle_lock;
    pthread_cond_t idle; /* conn_count became 0 */
    struct mn_loop *loops[MN_NET_LOOPS_MAX];
};

/* loop.c */
MN_MUSTCHECK enum mn_err mn_loop_init(struct mn_loop *loop, struct mn_net *net, unsigned index);
void mn_loop_deinit(struct mn_loop *loop);
MN_MUSTCHECK enum mn_err mn_loop_start(struct mn_loop *loop);
/* Ends everything on the loop; uv_run() returns afterwards. */
void mn_loop_shutdown(struct mn_loop *loop);
/* Call first in each libuv callback. */
void mn_loop_turn_begin(struct mn_loop *loop);
/* Resumed input, on_turn_end, writes. */
void mn_loop_turn_finish(struct mn_loop *loop);
/* Counts an event; finishes the turn early when there were many. */
void mn_loop_event_done(struct mn_loop *loop);
void mn_loop_apply_config(struct mn_loop *loop, const struct mn_net_config *cfg);

/* post.c */
void mn_loop_run_tasks(struct mn_loop *loop);
/*
 * After a read, before what was read is looked at: runs the tasks that were
 * posted by then.  Whoever posts and then has something sent to a socket is
 * so sure that the task comes first (a login raises a version, then its answer
 * leaves, then the client's next frame comes).  epoll gives no such order: a
 * descriptor that was ready before is told first.
 */
void mn_loop_catch_up(struct mn_loop *loop);
void mn_loop_wake(struct mn_loop *loop);
/* From here on posts wake the loop. False: tasks wait, to be run before it sleeps. */
bool mn_loop_may_sleep(struct mn_loop *loop);
/* The loop is awake, and looks at its posts before it sleeps again. */
void mn_loop_awake(struct mn_loop *loop);
/* Nobody wakes the loop from here on: its wake_fd may be closed. */
void mn_loop_close_posts(struct mn_loop *loop);

/* listen.c */
MN_MUSTCHECK enum mn_err mn_listen_open(const struct mn_net_listen *where, uint16_t port,
                                        bool is_first, int *ret_fd, char why[256]);
uint16_t mn_listen_port(int fd);
MN_MUSTCHECK enum mn_err mn_loop_add_listener(struct mn_loop *loop, int take_fd);
/* Starts or resumes accepting. */
void mn_loop_listen(struct mn_loop *loop);
void mn_loop_close_listeners(struct mn_loop *loop);
void mn_loop_on_accept_timer(uv_timer_t *timer);

/* conn.c */
/*
 * A connection for an accepted socket, whose address has entered; NULL (the
 * socket and the entry stay the caller's) without memory.
 */
struct mn_conn *mn_conn_new(struct mn_loop *loop, int take_fd, const uint8_t peer[16]);
/* One connection, or one place kept for it, less of all. */
void mn_net_leave(struct mn_net *net);
/* Connection in slot 0.. or NULL behind the last slot; its state may be FREE. */
struct mn_conn *mn_loop_slot(struct mn_loop *loop, unsigned slot);
struct mn_conn *mn_loop_find_any(struct mn_loop *loop, uint64_t conn_id);
void mn_conn_set_state(struct mn_conn *conn, enum mn_conn_state state);
/* Computes the earliest deadline and moves the timer if it is earlier than armed. */
void mn_conn_update_timer(struct mn_conn *conn);
void mn_conn_on_timer(struct mn_conn *conn);
/* Makes libuv watch for what the state wants. */
void mn_conn_update_poll(struct mn_conn *conn, int events);
/* Ends input and the session; what is queued leaves at the end of the turn, then FIN. */
void mn_conn_begin_close(struct mn_conn *conn, enum mn_close_cause cause, bool patient);
/* Ends the connection now; nothing more is sent. */
void mn_conn_abort(struct mn_conn *conn, enum mn_close_cause cause);
/* After the last byte of a CLOSING connection was written. */
void mn_conn_finish_close(struct mn_conn *conn);
/* Closes in the write phase of this turn instead of inside the caller's call. */
void mn_conn_doom(struct mn_conn *conn, enum mn_close_cause cause);
void mn_loop_free_slabs(struct mn_loop *loop);

/* conn_in.c */
void mn_conn_on_poll(uv_poll_t *poll, int status, int events);
/* Processes buffered input in this turn. */
void mn_conn_schedule_resume(struct mn_conn *conn);
void mn_conn_run_resume(struct mn_conn *conn);
void mn_conn_drop_input(struct mn_conn *conn);

/* conn_http.c */
size_t mn_conn_http_input(struct mn_conn *conn, char *p, size_t n);
/* Refuses what was read (`req`: what was understood of it, or NULL) and closes. */
void mn_conn_http_refuse(struct mn_conn *conn, const struct mn_http_request *req, unsigned status,
                         enum mn_close_cause cause);
/* Refuses what will be refused anyway, before its head is whole; false: it is in order so far. */
bool mn_conn_http_refuse_doomed(struct mn_conn *conn);
/* The answer to the request at hand is queued. */
void mn_conn_http_answered(struct mn_conn *conn, bool keep_alive);
/* The queue is empty again: go on with the next request. */
void mn_conn_http_drained(struct mn_conn *conn);

/* conn_ws.c */
size_t mn_conn_ws_input(struct mn_conn *conn, char *p, size_t n);
/* The upgrade is accepted and its answer queued. */
void mn_conn_ws_open(struct mn_conn *conn);
/* Close with these exact bytes (code and reason) in the close frame. */
void mn_conn_ws_close_raw(struct mn_conn *conn, enum mn_close_cause cause, const char *p, size_t n);

/* Whether a PING, PONG or binary frame is within the connection's bucket. */
bool mn_conn_take_token(struct mn_conn *conn);

/* conn_out.c */
/* Appends, whatever the watermarks say; takes the reference. NULL or no memory: false. */
bool mn_conn_queue(struct mn_conn *conn, struct mn_chunk *take_chunk);
/* The write phase will look at it. */
void mn_conn_mark_dirty(struct mn_conn *conn);
/* The write phase for one connection that was on the dirty list. */
void mn_conn_flush(struct mn_conn *conn);
void mn_conn_drop_output(struct mn_conn *conn);
void mn_loop_free_rings(struct mn_loop *loop);
/* Queues a PONG in place of the one that waits for a peer that does not read. */
void mn_conn_send_pong(struct mn_conn *conn, const char *p, size_t n);

/* crowd.c */
/* The connection waits from now on; nothing when somebody vouched for it. */
void mn_crowd_join(struct mn_conn *conn);
void mn_crowd_leave(struct mn_conn *conn);
/* It has come (1) or gone (-1). */
void mn_crowd_count(struct mn_conn *conn, int sign);
enum mn_room {
    MN_ROOM_MADE, /* a connection has ended: its place and its descriptor are free */
    MN_ROOM_SOON, /* in a moment, here or on another loop */
    MN_ROOM_NONE  /* every connection has a session */
};
enum mn_room mn_loop_make_room(struct mn_loop *loop);
/* What another loop asked for. */
void mn_loop_give_room(struct mn_loop *loop);

/* address.c */
/* The address without port; IPv4 in its IPv6 form. */
void mn_peer_set(uint8_t ret_peer[16], const struct sockaddr *addr);
void mn_peer_text(const uint8_t peer[16], char ret[64]);
/* Counts a connection of the address; false: it has `limit` already (0: any number). */
bool mn_address_enter(struct mn_net *net, const uint8_t peer[16], uint32_t limit);
void mn_address_leave(struct mn_net *net, const uint8_t peer[16]);

/* memory.c */
/* Charges what the connection's input holds now, instead of what it held before. */
void mn_conn_charge_input(struct mn_conn *conn);
/* Tells the metrics and the other loops. */
void mn_loop_publish(struct mn_loop *loop);
/* Closes the fullest connections while the ceiling on memory is exceeded; true: some. */
bool mn_loop_shed_memory(struct mn_loop *loop);
/* Whether the ceiling is reached: nothing new is begun. */
bool mn_loop_is_full(const struct mn_loop *loop);

/* drain.c */
void mn_loop_drain(struct mn_loop *loop, uint32_t spread_ms);
void mn_loop_on_drain_timer(uv_timer_t *timer);

/* http.c */
/* A whole answer that refuses and closes; `req` is what was understood so far, or NULL. */
struct mn_chunk *mn_http_refusal(const struct mn_net *net, const struct mn_http_request *req,
                                 unsigned status);

/* Whether the connection has a session: on_ws_open was called, on_ws_close not yet. */
static inline bool mn_conn_is_ws(const struct mn_conn *conn)
{
    return conn->state == MN_CONN_OPEN || conn->state == MN_CONN_DOOMED;
}

static inline uint64_t mn_loop_now(const struct mn_loop *loop) { return uv_now(&loop->uv); }

/* Whether the caller is on the loop's thread. */
bool mn_loop_is_current(const struct mn_loop *loop);

/* Debug builds end when a connection is touched from a foreign thread. */
static inline void mn_loop_assert_thread(const struct mn_loop *loop)
{
#ifndef NDEBUG
    MN_BUG_ON(atomic_load(&loop->is_running) && !mn_loop_is_current(loop));
#else
    (void)loop;
#endif
}

#endif
