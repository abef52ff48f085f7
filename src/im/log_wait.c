/* SPDX-License-Identifier: Apache-2.0 */
#include "im/log_wait.h"

#include <pthread.h>

/* On the stack of who waits: it stands until `done` was seen under the lock. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

enum mn_err mn_log_do(struct mn_msglog *log, struct mn_op *op)
{
    if (!op)
        return MN_ENOMEM;
    if (!mn_msglog_reserve(log, op->bytes))
        return MN_EBUSY;
    struct waiter waiter = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    op->who = (uint64_t)(uintptr_t)&waiter;
    mn_msglog_submit(log, mn_op_ref(op));
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.done)
        pthread_cond_wait(&waiter.cond, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    pthread_cond_destroy(&waiter.cond);
    pthread_mutex_destroy(&waiter.lock);
    op->who = 0;
    return op->result;
}

void mn_log_done(struct mn_op *op)
{
    struct waiter *waiter = (struct waiter *)(uintptr_t)op->who;
    if (!waiter)
        return;
    pthread_mutex_lock(&waiter->lock);
    waiter->done = true;
    pthread_cond_signal(&waiter->cond); /* under the lock: the waiter is gone right after it */
    pthread_mutex_unlock(&waiter->lock);
}
