/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_ERRAND_H
#define MN_GATE_ERRAND_H

#include "base/pool.h"
#include "gate/behind.h"
#include "gate/loop.h"
#include "gate/reply.h"

/*
 * A round trip loop - worker - loop for a connection: something that blocks,
 * and what is done with its outcome.  The first member of the caller's own
 * struct; it belongs to whoever runs it and is freed after done().
 */
struct mn_errand {
    struct mn_job job;       /* private */
    struct mn_behind behind; /* private */
    struct mn_task task;     /* private */
    struct mn_gate *gate;
    uint64_t conn;
    struct mn_ids ids; /* copies of the request's, for the answer */
    /*
     * What work() has read may be committed but not told yet: done() is to
     * run behind what the writer has to tell, if there is room with it.
     */
    bool behind_commits;
    /* On a worker; may block. */
    void (*work)(struct mn_errand *errand);
    /*
     * On the loop, in any case; conn is NULL when the connection has gone or
     * its session is closed.
     */
    void (*done)(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn);
};

/*
 * `size` zeroed bytes, that of the caller's struct, with copies of `ids`
 * behind it; NULL when there is no memory.
 */
void *mn_errand_new(size_t size, struct mn_ids ids);
/*
 * Sends it to a worker.  False: the queue is full (or `take_errand` NULL),
 * done() is not called, the errand is freed.
 */
bool mn_errand_send(struct mn_conn *conn, struct mn_errand *take_errand);

#endif
