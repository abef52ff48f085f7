/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_HTTP_LOAD_H
#define MN_TOOL_BENCH_HTTP_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hist.h"
#include "tool/bench/profile.h"
#include "tool/load/load.h"

/*
 * The HTTP part of `bench mixed`: an open loop.  One thread decides when
 * requests are due and puts them into a bounded queue; others, a blocking
 * keep-alive connection each, take and make them.  A request is timed from
 * when it was due, however long it waited for a connection; only when the
 * queue is full is it skipped, and counted.  Load threads have no part in it.
 */
struct http_load;

/* Requests that may wait for a connection. */
#define HTTP_LOAD_QUEUE 4096

/* Of one kind, over the whole run; attempted = skipped + ok + failed + unanswered. */
struct http_load_count {
    uint64_t attempted;
    uint64_t skipped;
    uint64_t ok;
    uint64_t failed;
    uint64_t unanswered; /* still waiting when the run ended */
    uint64_t steady_ok;  /* of these: due in the steady phase */
};

struct http_load_result {
    unsigned connections;
    bool balanced;
    struct http_load_count count[PROFILE_KIND_COUNT];
    struct mn_hist *hist[PROFILE_KIND_COUNT]; /* due to answered, steady phase; NULL: no HTTP */
    struct mn_hist *wait;                     /* due to begun */
    struct load_reasons failures;             /* "history: 500 internal_error" */
};

/* `profile` and `run` outlive it; NULL after a message: bad address. */
struct http_load *http_load_new(struct load_run *run, const struct profile *profile,
                                const char *http, unsigned connections);
/* Stops first; NULL is a no-op. */
void http_load_free(struct http_load *load);
/* Begins with the warm-up, in whose phase the run is; new requests end with its steady phase. */
void http_load_start(struct http_load *load);
/* Nothing waits and nothing is being asked. */
bool http_load_is_idle(struct http_load *load);
/* Ends the threads; what still waits is unanswered. */
void http_load_stop(struct http_load *load);
/* Answered well and badly so far, all kinds together; any thread. */
void http_load_shown(struct http_load *load, uint64_t *ret_ok, uint64_t *ret_failed);
/* After http_load_stop(). */
const struct http_load_result *http_load_result(const struct http_load *load);

#endif
