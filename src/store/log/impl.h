/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_LOG_IMPL_H
#define MN_STORE_LOG_IMPL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "store/log/log_driver.h"
#include "store/log/recent.h"

/*
 * Inside the message log's front; only the files of log/ and its unit tests include this.
 *
 *   msglog.c   open, close, the queue's front, reads
 *   op.c       operations
 *   writer.c   the writer thread: takes, lets the driver commit, hands back
 *   recent.c   recent messages by id
 *   cursors.c  cursors that wait for their turn on disk, for drivers
 */

/* Operations between the loops and the writer. */
struct mn_op_queue {
    _Atomic uint32_t ops; /* reserved: waiting or in the batch at hand */
    _Atomic uint64_t bytes;
    sem_t wake;           /* not a condition: waking from one costs a system call more */
    pthread_mutex_t lock; /* for what follows */
    struct mn_op *first, **tail;
    bool sleeping; /* the writer waits on `wake`: who has the lock may do its work */
    bool stopping;
};

struct mn_msglog {
    struct mn_msglog_config config;
    struct mn_metrics_shard *shard; /* the writer's; readers add to it too */
    const struct mn_log_driver *driver;
    void *store; /* the driver's */
    struct mn_op_queue queue;
    struct mn_recent recent;
    _Atomic bool writable;
    _Atomic bool corrupt; /* damage was met */
    _Atomic int64_t max_id;
    struct mn_log_end end; /* at open */
    _Atomic uint64_t reach;
    _Atomic uint64_t generation; /* of the accounts, as far as it is known */
    pthread_t thread;
};

void *mn_msglog_writer_run(void *log);
/* The operations have their results. Before on_commit(): who learns of one may send the next at once. */
void mn_msglog_give_room(struct mn_msglog *log, struct mn_op *const *ops, size_t count);

#endif
