/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_POOL_H
#define MN_BASE_POOL_H

#include <stddef.h>

#include "base/err.h"

/*
 * Worker threads for everything that may block (HTTP handlers, password
 * hashes, store reads).  A job runs on one worker from start to end; its
 * result goes back to a loop with mn_loop_post().  The queue has a ceiling.
 */
struct mn_pool;

struct mn_job {
    struct mn_job *next; /* private */
    void (*run)(struct mn_job *job,
                unsigned worker); /* worker: 0..threads-1; owns the job from here on */
};

/* Starts the threads, with all signals blocked; NULL if the system gives no thread, errno says why. */
struct mn_pool *mn_pool_new(unsigned threads, size_t queue_limit, const char *name);
/* MN_EBUSY: queue full, the job stays the caller's. MN_ECLOSED after mn_pool_stop. Any thread. */
MN_MUSTCHECK enum mn_err mn_pool_submit(struct mn_pool *pool, struct mn_job *job);
/* Jobs waiting now. */
size_t mn_pool_depth(const struct mn_pool *pool);
/* Refuses new jobs, runs what is queued, joins the threads. */
void mn_pool_stop(struct mn_pool *pool);
/* Stops it; no other thread may be inside mn_pool_submit(). */
void mn_pool_free(struct mn_pool *pool);

#endif
