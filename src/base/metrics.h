/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_METRICS_H
#define MN_BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * The names of everything that is counted, in one table: (symbol, kind,
 * Prometheus name, labels or "", help).  Each thread adds to its own shard
 * with relaxed atomics, so a count costs one uncontended add; ops/ sums the
 * shards when /metrics is asked.  Gauges are kept as sums of increments and
 * decrements (a shard alone may be "negative").
 */
#define MN_METRIC_MAP(X)                                                                           \
    X(CONN_OPEN, GAUGE, "minim_connections", "", "Open TCP connections")                           \
    X(WS_OPEN, GAUGE, "minim_ws_connections", "", "Open WebSocket connections")                    \
    X(SESSIONS, GAUGE, "minim_sessions", "", "Authenticated sessions")                             \
    X(ACCEPTED, COUNTER, "minim_accepted_total", "", "Connections accepted")                       \
    X(ACCEPT_SHED, COUNTER, "minim_accept_shed_total", "",                                         \
      "Connections closed at accept for want of descriptors or by the connection ceiling")         \
    X(ADDRESS_REFUSED, COUNTER, "minim_address_refused_total", "",                                 \
      "Connections closed at accept because their address has as many as it may")                  \
    X(CONN_SHED, COUNTER, "minim_connections_shed_total", "",                                      \
      "Connections without a session that made room for newcomers")                                \
    X(ACCEPT_DEFERRED, COUNTER, "minim_accept_deferred_total", "",                                 \
      "Times accepting paused because the accept bucket was empty")                                \
    X(BYTES_IN, COUNTER, "minim_received_bytes_total", "", "Bytes read from sockets")              \
    X(BYTES_OUT, COUNTER, "minim_sent_bytes_total", "", "Bytes written to sockets")                \
    X(READS, COUNTER, "minim_socket_reads_total", "", "recv calls that returned data")             \
    X(WRITES, COUNTER, "minim_socket_writes_total", "", "send calls")                              \
    X(BYTES_QUEUED, GAUGE, "minim_queued_bytes", "",                                               \
      "Memory held for peers: queues, unfinished input, HTTP requests and answers")                \
    X(MEMORY_TRIMS, COUNTER, "minim_memory_trims_total", "",                                       \
      "Times that freed memory was given back to the system")                                      \
    X(FRAME_IN_BINARY, COUNTER, "minim_frames_in_total", "type=\"binary\"",                        \
      "Frames received by type")                                                                   \
    X(FRAME_IN_CONTROL, COUNTER, "minim_frames_in_total", "type=\"control\"", "")                  \
    X(FRAME_OUT_CONTROL, COUNTER, "minim_frames_out_total", "type=\"control\"",                    \
      "Frames queued by type")                                                                     \
    X(CLOSE_PEER, COUNTER, "minim_closes_total", "cause=\"peer\"", "Connections closed by cause")  \
    X(CLOSE_PROTOCOL, COUNTER, "minim_closes_total", "cause=\"protocol\"", "")                     \
    X(CLOSE_APP, COUNTER, "minim_closes_total", "cause=\"application\"", "")                       \
    X(CLOSE_IDLE, COUNTER, "minim_closes_total", "cause=\"idle\"", "")                             \
    X(CLOSE_HANDSHAKE, COUNTER, "minim_closes_total", "cause=\"handshake\"", "")                   \
    X(CLOSE_SLOW, COUNTER, "minim_closes_total", "cause=\"slow_consumer\"", "")                    \
    X(CLOSE_MEMORY, COUNTER, "minim_closes_total", "cause=\"memory\"", "")                         \
    X(CLOSE_CROWD, COUNTER, "minim_closes_total", "cause=\"crowd\"", "")                           \
    X(CLOSE_SHUTDOWN, COUNTER, "minim_closes_total", "cause=\"shutdown\"", "")                     \
    X(KICKS, COUNTER, "minim_kicks_total", "",                                                     \
      "Sessions replaced by a newer one of the same user")                                         \
    X(AUTH_FAILS, COUNTER, "minim_auth_failures_total", "", "AUTH and REAUTH refused")             \
    X(VIOLATIONS, COUNTER, "minim_violations_total", "",                                           \
      "bad_json, missing_type and not_implemented frames")                                         \
    X(RATE_LIMITED, COUNTER, "minim_rate_limited_total", "", "Frames refused by a token bucket")   \
    X(SERVER_BUSY, COUNTER, "minim_server_busy_total", "", "Requests answered server_busy")        \
    X(PUSH_DROPPED, COUNTER, "minim_pushes_dropped_total", "",                                     \
      "Pushes left to resend because the connection was above its high watermark")                 \
    X(RESENT, COUNTER, "minim_resent_total", "", "Messages queued by resend")                      \
    X(RESEND_RUNS, COUNTER, "minim_resend_runs_total", "", "Resend runs started")                  \
    X(MSG_COMMITTED, COUNTER, "minim_messages_committed_total", "", "Messages committed")          \
    X(MSG_DUPLICATE, COUNTER, "minim_messages_duplicate_total", "",                                \
      "Appends answered from an earlier result")                                                   \
    X(MSG_FAILED, COUNTER, "minim_messages_failed_total", "", "Appends that the store refused")    \
    X(ACCOUNTS_CORRUPT, COUNTER, "minim_accounts_corrupt_total", "",                               \
      "Times that damage was met in the accounts")                                                 \
    X(MSG_FILTERED, COUNTER, "minim_messages_filtered_total", "",                                  \
      "Bodies changed by the text filter")                                                         \
    X(CURSOR_MOVES, COUNTER, "minim_cursor_moves_total", "", "Delivered and read cursors moved")   \
    X(COMMITS, COUNTER, "minim_commits_total", "", "Synced batches written")                       \
    X(WRITER_QUEUE, GAUGE, "minim_writer_queue", "", "Operations waiting for the message writer")  \
    X(WRITER_QUEUE_BYTES, GAUGE, "minim_writer_queue_bytes", "",                                   \
      "Bytes waiting for the message writer")                                                      \
    X(HTTP_REQUESTS, COUNTER, "minim_http_requests_total", "", "HTTP requests")                    \
    X(HTTP_4XX, COUNTER, "minim_http_errors_total", "class=\"4xx\"", "HTTP error answers")         \
    X(HTTP_5XX, COUNTER, "minim_http_errors_total", "class=\"5xx\"", "")                           \
    X(HTTP_RATE_LIMITED, COUNTER, "minim_http_rate_limited_total", "",                             \
      "HTTP requests refused with 429")                                                            \
    X(HTTP_FAILED, COUNTER, "minim_http_failed_total", "", "HTTP calls that a store failed")       \
    X(LOOP_POSTS, COUNTER, "minim_loop_posts_total", "", "Tasks posted between threads")           \
    X(ROSTERS, GAUGE, "minim_rosters", "", "Groups whose members are kept in memory")              \
    X(ROSTER_BYTES, GAUGE, "minim_roster_bytes", "", "Memory of these")                            \
    X(ROSTER_READS, COUNTER, "minim_roster_reads_total", "",                                       \
      "Lists of members read from the store")                                                      \
    X(ROSTER_EVICTIONS, COUNTER, "minim_roster_evictions_total", "",                               \
      "Lists of members forgotten for want of room")                                               \
    X(CALLS, GAUGE, "minim_calls", "", "Calls that ring or are accepted")                          \
    X(CALLS_REJECTED, COUNTER, "minim_calls_ended_total", "status=\"rejected\"",                   \
      "Calls that ended, by their status")                                                         \
    X(CALLS_CANCELED, COUNTER, "minim_calls_ended_total", "status=\"canceled\"", "")               \
    X(CALLS_ENDED, COUNTER, "minim_calls_ended_total", "status=\"ended\"", "")                     \
    X(CALLS_MISSED, COUNTER, "minim_calls_ended_total", "status=\"missed\"", "")                   \
    X(CALLS_FAILED, COUNTER, "minim_calls_ended_total", "status=\"failed\"", "")                   \
    X(CALL_QUEUE_BYTES, GAUGE, "minim_call_queue_bytes", "",                                       \
      "Memory of CALL_* frames that wait for their thread")                                        \
    X(CALL_RECORDS_UNWRITTEN, GAUGE, "minim_call_records_unwritten", "",                           \
      "Records of ended calls that the store refused, to be tried again")                          \
    X(CALL_RECORDS_LOST, COUNTER, "minim_call_records_lost_total", "",                             \
      "Records of ended calls given up because too many waited")                                   \
    X(CACHE_MISSES, COUNTER, "minim_store_cache_misses_total", "",                                 \
      "Look-ups that had to ask RocksDB")

enum mn_metric {
#define MN_METRIC_ENUM(sym, kind, name, labels, help) MN_M_##sym,
    MN_METRIC_MAP(MN_METRIC_ENUM)
#undef MN_METRIC_ENUM
        MN_M_COUNT
};

/*
 * Counters by the value of a label that another layer names: (symbol,
 * Prometheus name, label, help).  ops/ prints the members that it knows; the
 * same name may have rows above too.
 */
#define MN_METRIC_FAMILY_MAP(X)                                                                    \
    X(FRAMES_IN, "minim_frames_in_total", "type", "Frames received by type")                       \
    X(FRAMES_OUT, "minim_frames_out_total", "type", "Frames queued by type")

enum mn_metric_family {
#define MN_METRIC_ENUM(sym, name, label, help) MN_MF_##sym,
    MN_METRIC_FAMILY_MAP(MN_METRIC_ENUM)
#undef MN_METRIC_ENUM
        MN_MF_COUNT
};
#define MN_METRIC_MEMBERS 48 /* a family has at most so many */

/* Histograms with fixed buckets (powers of two), for Prometheus. */
#define MN_METRIC_HIST_MAP(X)                                                                      \
    X(COMMIT_OPS, "minim_commit_operations", "Operations in a committed batch", 1)                 \
    X(COMMIT_US, "minim_commit_seconds", "Time of a synced batch", 1000000)                        \
    X(APPEND_US, "minim_append_seconds", "Time from receiving a message to its commit", 1000000)   \
    X(HTTP_US, "minim_http_seconds", "Time from a complete HTTP request to its answer", 1000000)   \
    X(LOOP_US, "minim_loop_turn_seconds", "Time of a loop turn without its wait", 1000000)

enum mn_metric_hist {
#define MN_METRIC_ENUM(sym, name, help, divisor) MN_MH_##sym,
    MN_METRIC_HIST_MAP(MN_METRIC_ENUM)
#undef MN_METRIC_ENUM
        MN_MH_COUNT
};
/* Bucket i counts values below 2^i that are in no lower bucket; the last one all the rest. */
#define MN_METRIC_BUCKETS 32

#define MN_METRIC_SHARDS 80 /* loops (at most 64), workers, writer, others */

struct mn_metrics_shard {
    _Atomic int64_t value[MN_M_COUNT];
    _Atomic int64_t family[MN_MF_COUNT][MN_METRIC_MEMBERS];
    struct {
        _Atomic uint64_t bucket[MN_METRIC_BUCKETS];
        _Atomic uint64_t sum;
    } hist[MN_MH_COUNT];
} __attribute__((aligned(64)));

struct mn_metrics {
    _Atomic unsigned used; /* shards handed out */
    struct mn_metrics_shard *shard[MN_METRIC_SHARDS];
};

struct mn_metrics *mn_metrics_new(void);
void mn_metrics_free(struct mn_metrics *metrics);
/* A shard for the calling thread, for the process's life; the last one is shared when all are taken. */
struct mn_metrics_shard *mn_metrics_claim(struct mn_metrics *metrics);
int64_t mn_metrics_sum(const struct mn_metrics *metrics, enum mn_metric metric);
int64_t mn_metrics_sum_of(const struct mn_metrics *metrics, enum mn_metric_family family,
                          unsigned member);
/* Counts of each bucket (not cumulated) and the sum of the observed values. */
void mn_metrics_sum_hist(const struct mn_metrics *metrics, enum mn_metric_hist h,
                         uint64_t ret_bucket[MN_METRIC_BUCKETS], uint64_t *ret_sum);

static inline void mn_metric_add(struct mn_metrics_shard *shard, enum mn_metric m, int64_t n)
{
    atomic_fetch_add_explicit(&shard->value[m], n, memory_order_relaxed);
}
static inline void mn_metric_inc(struct mn_metrics_shard *shard, enum mn_metric m)
{
    mn_metric_add(shard, m, 1);
}
/* Counts one of the family's member, below MN_METRIC_MEMBERS. */
static inline void mn_metric_inc_of(struct mn_metrics_shard *shard, enum mn_metric_family family,
                                    unsigned member)
{
    atomic_fetch_add_explicit(&shard->family[family][member], 1, memory_order_relaxed);
}
void mn_metric_observe(struct mn_metrics_shard *shard, enum mn_metric_hist h, uint64_t value);

#endif
