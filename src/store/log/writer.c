/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer thread: takes whatever waits, has the driver make one commit of
 * it, hands the operations back, and begins again.  While it waits for the
 * disk the next batch gathers in the queue, so the batches grow with the load
 * and no timer is needed.
 */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/log/impl.h"

struct writer {
    struct mn_msglog *log;
    struct mn_op *pending; /* taken from the queue, not in a batch yet */
    struct mn_op **pending_tail;
    struct mn_op **ops; /* the batch at hand: config.batch_ops */
    size_t count;
    int64_t gauge_ops, gauge_bytes; /* what the queue's gauges stand at */
};

/* ---- the queue's end ---- */

/* With the lock, which it gives away meanwhile. A wake-up that comes too late ends a later wait early. */
static void wait_for_work(struct mn_op_queue *q, uint64_t deadline_ms)
{
    const struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                   .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    int err = 0;
    while (!q->first && !q->stopping && !err) {
        q->sleeping = true;
        pthread_mutex_unlock(&q->lock);
        err = sem_clockwait(&q->wake, CLOCK_MONOTONIC, &until) && errno != EINTR;
        pthread_mutex_lock(&q->lock);
    }
    q->sleeping = false;
}

/* Moves what was submitted to `pending`, waiting if there is nothing to do. True: stopping. */
static bool take(struct writer *w)
{
    struct mn_op_queue *q = &w->log->queue;
    uint64_t wake_ms = w->pending ? 0 : w->log->driver->wake_ms(w->log->store);
    pthread_mutex_lock(&q->lock);
    if (wake_ms > 0)
        wait_for_work(q, wake_ms);
    if (q->first) {
        *w->pending_tail = q->first;
        w->pending_tail = q->tail;
        q->first = NULL;
        q->tail = &q->first;
    }
    bool stopping = q->stopping;
    pthread_mutex_unlock(&q->lock);
    return stopping;
}

/* The gauges follow the reservations here, so that reserving stays two atomics. */
static void update_gauges(struct writer *w)
{
    const struct mn_op_queue *q = &w->log->queue;
    int64_t ops = (int64_t)atomic_load_explicit(&q->ops, memory_order_relaxed);
    int64_t bytes = (int64_t)atomic_load_explicit(&q->bytes, memory_order_relaxed);
    mn_metric_add(w->log->shard, MN_M_WRITER_QUEUE, ops - w->gauge_ops);
    mn_metric_add(w->log->shard, MN_M_WRITER_QUEUE_BYTES, bytes - w->gauge_bytes);
    w->gauge_ops = ops;
    w->gauge_bytes = bytes;
}

/* ---- a batch ---- */

static void gather(struct writer *w)
{
    w->count = 0;
    while (w->pending && w->count < w->log->config.batch_ops) {
        struct mn_op *op = w->pending;
        w->pending = op->next;
        op->next = NULL;
        w->ops[w->count++] = op;
    }
    if (!w->pending)
        w->pending_tail = &w->pending;
}

static void count_append(struct mn_msglog *log, const struct mn_op *op, uint64_t now_ns)
{
    if (op->result)
        mn_metric_inc(log->shard, MN_M_MSG_FAILED);
    else if (op->duplicate)
        mn_metric_inc(log->shard, MN_M_MSG_DUPLICATE);
    else
        mn_metric_inc(log->shard, MN_M_MSG_COMMITTED);
    if (op->mono_ns > 0 && op->mono_ns <= now_ns)
        mn_metric_observe(log->shard, MN_MH_APPEND_US, (now_ns - op->mono_ns) / 1000);
}

void mn_msglog_give_room(struct mn_msglog *log, struct mn_op *const *ops, size_t count)
{
    struct mn_op_queue *q = &log->queue;
    uint32_t n = (uint32_t)count;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += ops[i]->bytes;
    MN_BUG_ON(atomic_fetch_sub_explicit(&q->ops, n, memory_order_relaxed) < n);
    MN_BUG_ON(atomic_fetch_sub_explicit(&q->bytes, bytes, memory_order_relaxed) < bytes);
}

/* Everything back, in the order of submission. */
static void hand_back(struct writer *w)
{
    uint64_t now_ns = mn_mono_ns();
    for (size_t i = 0; i < w->count; i++)
        if (w->ops[i]->kind == MN_OP_APPEND)
            count_append(w->log, w->ops[i], now_ns);
    mn_msglog_give_room(w->log, w->ops, w->count);
    update_gauges(w);
    if (w->count > 0)
        w->log->config.on_commit(w->log->config.ctx, w->ops, w->count);
}

static void writer_loop(struct writer *w)
{
    const struct mn_log_driver *driver = w->log->driver;
    void *store = w->log->store;
    for (;;) {
        bool stopping = take(w);
        uint64_t now_ms = mn_mono_ms();
        bool due = driver->turn(store, now_ms, stopping);
        update_gauges(w);
        if (w->pending || due) {
            gather(w);
            driver->commit(store, w->ops, w->count, mn_mono_ms(), stopping);
            hand_back(w);
        } else if (stopping) {
            break;
        }
    }
}

void *mn_msglog_writer_run(void *arg)
{
    struct writer w = {.log = arg};
    w.pending_tail = &w.pending;
    w.ops = mn_alloc_array(w.log->config.batch_ops, sizeof(*w.ops));
    pthread_setname_np(pthread_self(), "minim-writer");
    w.log->driver->begin(w.log->store);
    writer_loop(&w);
    mn_free(w.ops);
    return NULL;
}
