/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CALL_CALLS_IMPL_H
#define MN_IM_CALL_CALLS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "im/call/calls.h"
#include "im/call/table.h"

/* What calls.c (queue and thread) and act.c (what comes of a frame) share; and their tests. */

/* A frame on its way; its texts stand behind it. */
struct mn_call_act {
    struct mn_call_act *next;
    int64_t from;
    uint64_t mono_ms; /* when it came */
    size_t bytes;
    struct mn_envelope env;
};

/* A record whose write failed; tried again. */
struct mn_call_unwritten {
    struct mn_call_unwritten *next;
    struct mn_call_record record;
};

/* Time, as the thread sees it in one step. */
struct mn_call_now {
    uint64_t mono_ms;
    int64_t unix_ms;
};

struct mn_calls {
    struct mn_calls_config config;
    struct mn_call_now (*now)(void);  /* may be replaced before the first use */
    struct mn_metrics_shard *metrics; /* the thread's */
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* for the table's changes, and all up to `stopping` */
    pthread_cond_t wake;
    struct mn_call_table table; /* the thread reads it without the lock: only it adds and removes */
    struct mn_call_act *first, **last;
    size_t queued_bytes;
    bool stopping;
    _Atomic size_t active; /* calls in the table */

    /* The thread's own. */
    struct mn_call_unwritten *unwritten, **unwritten_last;
    size_t unwritten_count;
    uint64_t retry_ms; /* when they are tried again */
};

/* Carries out one thing that waits or is due; false: there is none. */
bool mn_calls_step(struct mn_calls *calls);

/* ---- act.c ---- */

void mn_calls_act(struct mn_calls *calls, const struct mn_call_act *act, struct mn_call_now now);
/* The deadline has passed. */
void mn_calls_timeout(struct mn_calls *calls, struct mn_call *call, enum mn_call_wait wait,
                      struct mn_call_now now);
/* Ends the call as FAILED, without a word to anybody. */
void mn_calls_abandon(struct mn_calls *calls, struct mn_call *call, const char *reason,
                      struct mn_call_now now);
/* Writes what could not be written before, as far as that works now. */
void mn_calls_retry(struct mn_calls *calls, struct mn_call_now now);

#endif
