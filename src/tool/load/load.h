/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LOAD_LOAD_H
#define MN_TOOL_LOAD_LOAD_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/hist.h"
#include "base/rand.h"
#include "proto/jwt.h"
#include "proto/ws.h"
#include "tool/kit/opts.h"
#include "tool/load/wire.h"

/*
 * The load generator: threads with an epoll each, which own their
 * connections and everything reachable from them.  The main thread moves
 * all of them from phase to phase and reads what they publish once a second.
 *
 * What a connection does once it is authenticated is a mode's business
 * (struct load_mode: connect.c, ping.c, single.c, group.c).
 * Client i (0..clients-1) belongs to thread (i / bundle) % threads, so that both
 * ends of a pair (all members of a group) share a thread, and no lock is needed on the hot path.
 */

enum load_phase {
    LOAD_CONNECT = 0, /* connect and authenticate everybody */
    LOAD_WARMUP,
    LOAD_STEADY,
    LOAD_DRAIN,   /* nothing new is sent; until quiet */
    LOAD_RECOVER, /* slow and lost receivers come back and read what they missed */
    LOAD_STOP,
    LOAD_PHASE_COUNT
};

/* Everything that is counted; one set a thread, added up by the main thread. */
#define LOAD_COUNTER_MAP(X)                                                                        \
    X(connect_attempts)                                                                            \
    X(connect_failures)                                                                            \
    X(authenticated)                                                                               \
    X(connections_lost) /* after AUTH_OK, not by our own doing */                                  \
    X(deaf_closed)      /* closed by the server while they did not read */                         \
    X(flapped)          /* cut by --flap */                                                        \
    X(frames_in)                                                                                   \
    X(frames_out)                                                                                  \
    X(bytes_in)                                                                                    \
    X(bytes_out)                                                                                   \
    X(reads)                                                                                       \
    X(writes)                                                                                      \
    X(bad_frames) /* not WebSocket, or not an envelope */                                          \
    X(errors)     /* ERROR frames */                                                               \
    X(attempted)                                                                                   \
    X(skipped_inflight) /* open loop: the window was full */                                       \
    X(skipped_offline)  /* open loop: not connected */                                             \
    X(failed)           /* the socket or the ledger took no more */                                \
    X(sent)                                                                                        \
    X(retried) /* sent again after a reconnect, same client id */                                  \
    X(saved)                                                                                       \
    X(saved_again) /* another ACK for the same message */                                          \
    X(refused)                                                                                     \
    X(timed_out) /* given up; may be answered later */                                             \
    X(late)      /* answered after that */                                                         \
    X(delivered_live)                                                                              \
    X(delivered_resend)                                                                            \
    X(delivered_slow)      /* of these, to slow or non-reading receivers */                        \
    X(expected)            /* copies of what was saved: one, or one for each watched member */     \
    X(delivered_unwatched) /* to the others */                                                     \
    X(dup)                                                                                         \
    X(redelivered)                                                                                 \
    X(reordered)                                                                                   \
    X(reordered_resend)                                                                            \
    X(reordered_sender) /* groups: behind a later one of its sender */                             \
    X(notices)          /* GROUP_NOTIFY */                                                         \
    X(corrupt)                                                                                     \
    X(phantom)                                                                                     \
    X(misrouted) /* came to a client that it was not for */                                        \
    X(seq_mismatch)                                                                                \
    X(foreign)                                                                                     \
    X(acks_sent)                                                                                   \
    X(group_acks) /* to messages of groups, which give no receipts */                              \
    X(reads_sent) /* ACK read */                                                                   \
    X(receipts)                                                                                    \
    X(receipts_delivered)                                                                          \
    X(receipts_read)                                                                               \
    X(receipts_repeated) /* moved no cursor (W-8.5) */                                             \
    X(receipts_backward)                                                                           \
    X(receipts_unasked) /* for what was not acknowledged, or to somebody else */                   \
    X(receipts_cut)     /* an end of the conversation went before they came */                     \
    X(pings)                                                                                       \
    X(pongs)                                                                                       \
    X(pings_cut) /* their connection went before the answer */                                     \
    X(pongs_unasked)

struct load_counters {
#define LOAD_COUNTER_FIELD(name) uint64_t name;
    LOAD_COUNTER_MAP(LOAD_COUNTER_FIELD)
#undef LOAD_COUNTER_FIELD
};

/* Occurrences by text: refusals by reason, connect failures by cause. */
#define LOAD_REASONS_MAX 32
struct load_reasons {
    struct {
        char text[40];
        uint64_t count;
    } item[LOAD_REASONS_MAX]; /* the last one is "other" once the table is full */
    unsigned count;
};

/* A server address. */
struct load_target {
    const char *url; /* the caller's */
    struct sockaddr_storage addr;
    socklen_t addr_len;
    bool is_loopback4;
    char request[512]; /* the upgrade request */
    size_t request_len;
};

enum load_conn_state {
    LOAD_CONN_IDLE = 0, /* not started, or waiting to reconnect */
    LOAD_CONN_CONNECTING,
    LOAD_CONN_UPGRADING,
    LOAD_CONN_AUTHING,
    LOAD_CONN_READY,
    LOAD_CONN_DEAD /* failed for good */
};

enum load_conn_kind { LOAD_CONN_NORMAL = 0, LOAD_CONN_SLOW, LOAD_CONN_NO_READ };

/* One client.  Owner: its thread; lives as long as the run.  About 250 bytes. */
struct load_conn {
    int fd; /* -1 when there is none */
    uint8_t state;
    uint8_t kind;
    bool want_write; /* EPOLLOUT is armed */
    bool paused;     /* EPOLLIN is not armed */
    bool recovering; /* counted as pending until it is ready again */
    uint8_t mask[4];
    uint32_t index;    /* client number of the run */
    uint32_t failures; /* attempts in a row that failed, for the backoff */
    uint32_t heap_pos; /* position in the timers + 1, 0: none */
    uint32_t retry_after_ms;
    int64_t uid;
    uint64_t due_ns;     /* timer */
    uint64_t started_ns; /* of the attempt at hand */
    struct mn_ws_rx rx;
    struct mn_buf in;  /* incomplete frame */
    struct mn_buf out; /* what the socket did not take */
    void *user;        /* the mode's */
};

/* Latencies of a thread, or merged; nanoseconds. */
#define LOAD_HIST_MAP(X)                                                                           \
    X(response)      /* intended send to receiver, receivers that read */                          \
    X(service)       /* actual send to receiver */                                                 \
    X(slow_response) /* the same of slow and non-reading receivers */                              \
    X(saved)         /* intended send to ACK saved */                                              \
    X(connect)       /* start of an attempt to AUTH_OK */                                          \
    X(receipt)       /* ACK delivered to the sender's knowing it */                                \
    X(read_receipt)  /* ACK read to the same */                                                    \
    X(first_member)  /* groups: intended send to the first member that had it */                   \
    X(median_member) /* to half of them */                                                         \
    X(last_member)   /* to all */                                                                  \
    X(lag)           /* open loop: intended to actual send; else length of a turn */

struct load_hists {
#define LOAD_HIST_FIELD(name) struct mn_hist *name;
    LOAD_HIST_MAP(LOAD_HIST_FIELD)
#undef LOAD_HIST_FIELD
};

struct bench_cursors;
struct bench_groups;
struct bench_pair;
struct load_run;
struct logins;
struct ledger_out;

struct load_thread {
    struct load_run *run;
    pthread_t thread;
    unsigned number;
    int epfd;
    int wake_fd;
    enum load_phase phase; /* the thread's own copy */
    struct load_conn *conns;
    uint32_t conn_count;
    uint32_t started;       /* conns whose first connect was begun */
    uint64_t next_start_ns; /* when the next may begin */
    uint64_t next_flap_ns;
    uint64_t next_second_ns;
    struct load_conn **heap; /* timers, earliest first */
    uint32_t heap_count;
    char *rbuf; /* shared by all connections */
    char *wbuf; /* frames of out_conn, written together */
    size_t wbuf_n;
    struct load_conn *out_conn;
    struct mn_rng rng;
    struct wire_tpl tpl;
    struct load_counters count;
    struct load_counters at_steady; /* when the steady phase began, and when it ended */
    struct load_counters at_drain;
    struct load_reasons refusals;
    struct load_reasons failures;
    struct load_hists hist;
    struct mn_hist *second; /* responses of the second at hand */
    uint64_t open;          /* what the mode still waits for; kept in DRAIN and RECOVER */
    uint32_t recovering;    /* connections that drain waits for */
    uint64_t cpu_at_steady_ns;
    uint64_t cpu_at_drain_ns;
    void *mode;                  /* the mode's */
    struct bench_groups *groups; /* NULL: the mode has none */
    struct bench_pair *pairs;    /* single-e2e: read by the main thread after the end */
    uint32_t pair_count;
    struct ledger_out *ledger; /* --ledger: lines of this thread; NULL without */

    /* Published for the main thread. */
    _Atomic uint32_t ready;     /* connections in state READY */
    _Atomic uint32_t dead;      /* failed for good */
    _Atomic int at_phase;       /* phase that `pending` is of */
    _Atomic uint64_t pending;   /* what drain waits for: unanswered, undelivered, recovering */
    _Atomic uint64_t active_ns; /* last time that something came */
    struct load_counters shown; /* under run->mu, once a second */
};

struct load_mode {
    const char *name;
    /* Sets th->mode and conns' user and kind; before the thread starts. */
    void (*init)(struct load_thread *th);
    void (*deinit)(struct load_thread *th);
    /* All of these may be NULL, and run on the thread. */
    void (*on_phase)(struct load_thread *th, uint64_t now_ns);
    void (*on_ready)(struct load_thread *th, struct load_conn *conn, uint64_t now_ns);
    void (*on_down)(struct load_thread *th, struct load_conn *conn, uint64_t now_ns);
    void (*on_frame)(struct load_thread *th, struct load_conn *conn, const struct wire_in *in,
                     uint64_t now_ns);
    /* Sends what is due; returns when the next is, UINT64_MAX for never. */
    uint64_t (*on_turn)(struct load_thread *th, uint64_t now_ns);
    void (*on_second)(struct load_thread *th, uint64_t now_ns);
};

#define LOAD_TARGETS_MAX OPTS_LIST_MAX

struct load_run {
    const struct opts *opts;
    const struct load_mode *mode;
    struct load_target targets[LOAD_TARGETS_MAX];
    unsigned target_count;
    struct mn_jwt_key key;
    int64_t user_base;
    uint32_t run_id;
    uint64_t seed;
    unsigned source_addresses;
    int ledger_fd;                 /* --ledger: of all threads */
    double message_rate;           /* open loop: messages a second in all, of pairs */
    double group_rate;             /* the same, to groups */
    double read_pct;               /* share of the messages that receivers also read */
    bool asks_receipts;            /* the mode follows acknowledgements to their receipts */
    struct logins *logins;         /* --login: the clients' accounts, else NULL */
    struct bench_cursors *cursors; /* watches cursors over HTTP; NULL: nobody does */
    int64_t *group_ids;            /* bench group: of each, made before; else NULL */
    unsigned clients;
    unsigned bundle; /* clients that share a thread */
    unsigned thread_count;
    struct load_thread *threads;
    uint64_t start_ns;
    _Atomic int phase;                           /* enum load_phase */
    _Atomic uint64_t phase_ns[LOAD_PHASE_COUNT]; /* when each began, 0: not */
    _Atomic uint64_t first_up_ns; /* bench reconnect: first connect since it was set to 0 */
    pthread_mutex_t mu;           /* guards threads[].shown and row_hist */
    struct mn_hist *row_hist;
};

/* thread.c */

/* Sets up the threads and their connections; nothing is connected. */
void load_run_init(struct load_run *run, const struct opts *opts, const struct load_mode *mode);
void load_run_deinit(struct load_run *run);
void load_run_start(struct load_run *run);
/* Tells all threads; main thread. */
void load_run_set_phase(struct load_run *run, enum load_phase phase);
void load_run_join(struct load_run *run);
/* After the join: what the threads have not published yet, as they do once a second. */
void load_run_publish(struct load_run *run);
/* An access token of client `index` at `out` (MN_JWT_MAX bytes), by --login or signed; any thread. */
MN_MUSTCHECK enum mn_err load_run_token(const struct load_run *run, uint32_t index, char *out);
/* Number of clients of thread `number`, and the run's number of its k-th client. */
uint32_t load_thread_clients(const struct load_run *run, unsigned number);
uint32_t load_thread_client_index(const struct load_run *run, unsigned number, uint32_t k);

/* Whether messages are sent now. */
static inline bool load_may_send(const struct load_thread *th)
{
    return th->phase == LOAD_WARMUP || th->phase == LOAD_STEADY;
}

/* conn.c: on the owning thread */

/* Size of th->rbuf. */
size_t load_conn_rbuf_size(void);
void load_conn_start(struct load_thread *th, struct load_conn *conn, uint64_t now_ns);
void load_conn_event(struct load_thread *th, struct load_conn *conn, uint32_t events);
void load_conn_timer(struct load_thread *th, struct load_conn *conn, uint64_t now_ns);
/* Closes the socket; `ours`: not to be counted as lost.  It reconnects if that is wanted. */
void load_conn_drop(struct load_thread *th, struct load_conn *conn, bool ours, uint64_t now_ns);
/* Final close, with a close frame. */
void load_conn_bye(struct load_thread *th, struct load_conn *conn);
/* Connects again whatever it was, as a client that reads; drain waits for it. */
void load_conn_revive(struct load_thread *th, struct load_conn *conn, uint64_t now_ns);
/* A slow reader becomes a normal one. */
void load_conn_cure(struct load_thread *th, struct load_conn *conn, uint64_t now_ns);

/* out.c: on the owning thread */

void load_out_init(struct load_conn *conn);
/* Size of th->wbuf. */
size_t load_out_buffer_size(void);
/*
 * Room for one frame of at most `need` bytes on this connection; NULL when its backlog is full.
 * Frames for one connection that follow each other leave in one write.
 */
char *load_out_room(struct load_thread *th, struct load_conn *conn, size_t need);
void load_out_commit(struct load_thread *th, size_t n);
void load_out_flush(struct load_thread *th);
/* The socket takes more. */
void load_out_resume(struct load_thread *th, struct load_conn *conn);
/* Tells epoll what the connection's flags say. */
void load_conn_arm(struct load_thread *th, struct load_conn *conn);

/* timer.c */

/* (Re)sets the connection's one timer; UINT64_MAX takes it out. */
void load_timer_set(struct load_thread *th, struct load_conn *conn, uint64_t due_ns);
/* Earliest, or NULL. */
struct load_conn *load_timer_first(const struct load_thread *th);

/* stats.c */

void load_counters_add(struct load_counters *into, const struct load_counters *from);
void load_counters_sub(struct load_counters *from, const struct load_counters *what);
#define LOAD_COUNTER_COUNT (sizeof(struct load_counters) / sizeof(uint64_t))
const char *load_counter_name(size_t i);
uint64_t load_counter_value(const struct load_counters *counters, size_t i);
/* Copies that came, by whichever way and to whomever. */
uint64_t load_delivered(const struct load_counters *counters);
void load_reason_add(struct load_reasons *reasons, struct mn_str text, uint64_t count);
void load_reasons_merge(struct load_reasons *into, const struct load_reasons *from);
void load_hists_init(struct load_hists *hists);
void load_hists_deinit(struct load_hists *hists);
void load_hists_merge(struct load_hists *into, const struct load_hists *from);

#endif
