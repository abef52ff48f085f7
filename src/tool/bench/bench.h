/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_BENCH_H
#define MN_TOOL_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/bench/loopback.h"
#include "tool/bench/profile.h"
#include "tool/kit/bar.h"
#include "tool/kit/machine.h"
#include "tool/kit/opts.h"
#include "tool/kit/outputs.h"
#include "tool/kit/proc.h"
#include "tool/kit/spawn.h"
#include "tool/load/load.h"

/*
 * One run of `minim bench`: the load threads, the phases, what was measured.
 * Owner: the main thread.
 */

/* A second of the run. */
struct bench_row {
    double at_s; /* end of the second, from the start of the run */
    enum load_phase phase;
    uint32_t ready;              /* authenticated connections */
    double span_s;               /* seconds that it covers, about 1 */
    struct load_counters delta;  /* what happened in it */
    uint64_t p50, p90, p99, max; /* response times, ns; 0 when there were none */
    bool has_server;
    struct proc_sample server;
    double server_cpu; /* cores, over this second */
    double tool_cpu;
    uint64_t http_ok, http_failed; /* bench mixed: answers in it */
};

/* What is left open at the end, added up over all conversations. */
struct bench_ledger {
    bool measured;              /* the mode has messages */
    uint64_t skipped;           /* attempted = skipped + failed + sent */
    uint64_t unknown;           /* sent = saved + refused + unknown */
    uint64_t unknown_delivered; /* of these: came to the receiver */
    uint64_t lost;              /* saved = delivered - unknown_delivered + lost */
    uint64_t lost_normal;       /* of these: to receivers that read */
    uint64_t lost_stored;       /* of these: found in the history */
    uint64_t lost_gone;         /* not even there */
    uint64_t unknown_stored;    /* unknown, and found in the history */
    bool history_checked;
    uint64_t gaps;
    bool balanced; /* both identities hold */
};

/* Acknowledgements that no receipt has covered by the end, over all conversations. */
struct bench_receipts {
    bool measured;
    uint64_t missing; /* of delivery */
    uint64_t missing_read;
};

struct http_load;
struct lists;

struct bench {
    struct opts opts;
    struct outputs outputs;
    enum opts_cmd cmd;
    struct bar gates[OPTS_LIST_MAX];
    bool gate_held[OPTS_LIST_MAX];
    char gate_got[OPTS_LIST_MAX][64];
    struct load_run run;
    struct profile profile; /* bench mixed */
    struct http_load *http_load;
    struct lists *lists; /* bench lists */
    struct spawn spawn;
    char **daemon_options; /* of it, from wherever they came */
    struct loopback loopback;
    struct machine machine;
    int64_t started_unix_ms;
    uint64_t clients_asked; /* before --fit */
    int64_t pid;            /* of the server, 0: not known */
    bool interrupted;
    int interrupts_taken; /* signals that have ended a wait */
    bool ran;             /* the steady phase was reached */
    bool ledger_file_failed;
    struct bench_row *rows;
    size_t row_count;
    size_t row_cap;
    struct load_counters shown; /* of all threads, at the last row */
    uint64_t shown_ns;
    struct proc_sample shown_server;
    uint64_t shown_tool_cpu_ns;
    uint64_t shown_http_ok, shown_http_failed;
    bool progress; /* standard error is a terminal */
    struct proc_sample server_before, server_steady, server_drain, server_after;
    struct proc_sample tool_before, tool_after; /* around connecting */
    uint64_t tool_cpu_steady_ns, tool_cpu_drain_ns;
    /* results, after the threads have ended */
    struct load_counters total;
    struct load_counters steady;
    struct load_reasons refusals;
    struct load_reasons failures;
    struct load_hists hist;
    struct bench_ledger ledger;
    struct bench_receipts receipts;
    double groups_made_s; /* bench group: how long that took */
    double connect_s;     /* first connect to all authenticated */
    uint32_t connected;   /* at the end of the connect phase */
    double steady_s;
    double generator_cpu;            /* busiest thread, share of a core */
    double frames_per_cpu_s;         /* of the generator, both ways; 0: not measured */
    double generator_bytes_per_conn; /* its growth while connecting; < 0: too few to tell */
    bool saturated;
    double recovery_s;   /* bench reconnect: port open again to all authenticated, < 0: not */
    double outage_s;     /* bench reconnect: server ended to port open again */
    uint64_t unanswered; /* pings */
    uint64_t oldest_ns;  /* the oldest of these */
};

/* How often the modes look whether anything is still open in DRAIN and RECOVER. */
#define BENCH_DRAIN_LOOK_NS UINT64_C(20000000)

/* Modes (one file each): a table of functions, and what is to be added up after the run. */
extern const struct load_mode bench_mode_connect;
extern const struct load_mode bench_mode_ping;
extern const struct load_mode bench_mode_single;
extern const struct load_mode bench_mode_ack;
extern const struct load_mode bench_mode_mixed;
extern const struct load_mode bench_mode_group;
extern const struct load_mode bench_mode_lists; /* a name only */
/* After the threads have ended. */
void bench_ping_finish(struct bench *bench);
void bench_single_finish(struct bench *bench);
void bench_receipts_finish(struct bench *bench);

/* bench.c: the mode of that name; false: there is none. */
bool bench_find_cmd(const char *name, enum opts_cmd *ret);

/* bench.c, --fit: as many clients as both processes may have descriptors for; pairs stay pairs. */
void bench_fit_clients(struct opts *opts);

/* run.c */

/* From here on Ctrl-C ends a run early; before anything is started that must be cleaned up. */
void bench_catch_signals(void);

/* Phases from the first connect to the last thread's end; false: nobody could be authenticated. */
bool bench_run(struct bench *bench);
/*
 * Waits until `done` (may be NULL) says so: true; or the time is over, or an
 * interrupt.  Keeps rows and progress.
 */
bool bench_wait(struct bench *bench, uint64_t limit_ns, bool (*done)(struct bench *bench));
/* Authenticated connections at the moment. */
uint32_t bench_ready(const struct bench *bench);

/* finish.c: adds up what the threads measured, after they have ended. */
void bench_finish(struct bench *bench);

/* A Ctrl-C that has not ended anything yet. */
bool bench_is_interrupted(const struct bench *bench);

/* login.c: --login, before load_run_init(); false: nobody has an account, or interrupted. */
bool bench_login(struct bench *bench);

/* reconnect.c: ends the server and starts it again, under the connections. */
void bench_restart_server(struct bench *bench);

/* rows.c: makes the row of a second when it is over, and shows it on a terminal. */
void bench_rows_tick(struct bench *bench, uint64_t now_ns);
void bench_rows_end(struct bench *bench);
/* report_*.c */
const char *bench_phase_name(enum load_phase phase);
/* The result document; the caller releases it with json_decref(). */
struct json_t *bench_report_document(const struct bench *bench);
/* "-" is standard output; false when it could not be written (a message was printed). */
bool bench_report_json(const struct json_t *doc, struct outputs *outputs);
/*
 * outcome.c: whether the run was one (`ran`: it came to its steady phase); else, and where the
 * server's limits ended clients, standard error says what to do.
 */
bool bench_has_measured(const struct bench *bench, bool ran);
/* No line is longer than 80 columns. */
void bench_report_text(const struct bench *bench, FILE *out);
/* Fields that gates may ask for; a table that ends with a NULL name, static storage. */
const struct bar_field *bench_fields(const struct bench *bench);

#endif
