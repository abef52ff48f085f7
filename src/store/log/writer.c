/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer thread: takes whatever waits, makes one batch of it, writes and
 * syncs it once, hands the operations back, and begins again.  While it
 * waits for the disk the next batch gathers in the queue, so the batches
 * grow with the load and no timer is needed.
 *
 * Invariant: what is known in memory (chats, sequence numbers) is never
 * ahead of the disk across two batches.  When a write fails nobody can say
 * what reached the disk, so everything remembered is dropped, and read anew
 * after the database was reopened.  Cursors that moved are kept: they are
 * true whatever happened to the batch.
 *
 * A batch without appends and without cursors that are due writes nothing.
 */
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/rocks/impl.h"

enum {
    /* How much longer an idle writer sleeps than a busy one before it looks at the disk. */
    IDLE_LOOK_MS = 750
};

static void writer_init(struct mn_writer *w, struct mn_msglog *log)
{
    uint32_t ops = log->config.batch_ops;
    uint64_t buckets = 16;
    while (buckets < 2 * (uint64_t)ops)
        buckets *= 2;
    *w = (struct mn_writer){.log = log, .map_mask = buckets - 1};
    w->pending_tail = &w->pending;
    w->batch = mn_rocks_batch_new();
    w->slots = mn_alloc_array(ops, sizeof(*w->slots));
    w->ops = mn_alloc_array(ops, sizeof(void *));
    w->index = mn_alloc_array(2 * (size_t)ops, sizeof(*w->index));
    w->map = mn_alloc_array(buckets, sizeof(*w->map));
    mn_chats_init(&w->chats, log->config.chat_cache);
    mn_counts_init(&w->counts);
}

static void writer_deinit(struct mn_writer *w)
{
    mn_chats_deinit(&w->chats);
    mn_counts_deinit(&w->counts);
    mn_rocks_batch_free(w->batch);
    mn_free(w->slots);
    mn_free(w->ops);
    mn_free(w->index);
    mn_free(w->map);
}

/* ---- the queue's end ---- */

/* When to wake up although nothing was submitted. */
static uint64_t next_deadline_ms(const struct mn_writer *w)
{
    uint64_t deadline = w->look_ms + (w->cause ? 0 : IDLE_LOOK_MS);
    if (w->cursors_due_ms && !w->cause && w->cursors_due_ms < deadline)
        deadline = w->cursors_due_ms;
    if (mn_lists_deadline_ms(w) < deadline)
        deadline = mn_lists_deadline_ms(w);
    return deadline;
}

static void wait_for_work(struct mn_writer *w, struct mn_op_queue *q)
{
    uint64_t deadline_ms = next_deadline_ms(w);
    const struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                   .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    while (!q->first && !q->stopping) {
        q->sleeping = true;
        if (pthread_cond_timedwait(&q->wake, &q->lock, &until) != 0)
            break;
    }
    q->sleeping = false;
}

/* Moves what was submitted to `pending`, waiting if there is nothing to do. True: stopping. */
static bool take(struct mn_writer *w)
{
    struct mn_op_queue *q = &w->log->queue;
    pthread_mutex_lock(&q->lock);
    if (!w->pending && (w->cause || w->log->moves.writing.count == 0))
        wait_for_work(w, q);
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
static void update_gauges(struct mn_writer *w)
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

static void gather(struct mn_writer *w)
{
    w->count = 0;
    while (w->pending && w->count < w->log->config.batch_ops) {
        struct mn_op *op = w->pending;
        w->pending = op->next;
        op->next = NULL;
        w->slots[w->count] = (struct mn_op_slot){.op = op};
        w->ops[w->count++] = op;
    }
    if (!w->pending)
        w->pending_tail = &w->pending;
}

static bool cursors_are_due(const struct mn_writer *w, uint64_t now_ms, bool stopping)
{
    const struct mn_cursors *c = &w->log->cursors;
    if (c->count == 0 || w->cause)
        return false;
    return stopping || now_ms >= w->cursors_due_ms || c->count > c->limit / 2;
}

static enum mn_err write_batch(struct mn_writer *w)
{
    struct mn_msglog *log = w->log;
    uint64_t begin_ns = mn_mono_ns();
    enum mn_err err = mn_msglog_fault(log, MN_FAULT_WRITE);
    if (!err)
        err = mn_rocks_write(log->db, w->batch);
    if (!err)
        err = mn_msglog_fault(log, MN_FAULT_AFTER_WRITE);
    if (err)
        return err;
    atomic_store_explicit(&log->reach, mn_rocks_sequence(log->db), memory_order_relaxed);
    mn_metric_inc(log->shard, MN_M_COMMITS);
    mn_metric_observe(log->shard, MN_MH_COMMIT_OPS, w->count);
    mn_metric_observe(log->shard, MN_MH_COMMIT_US, (mn_mono_ns() - begin_ns) / 1000);
    return MN_OK;
}

static void finish_new(struct mn_msglog *log, struct mn_op *op, enum mn_err err)
{
    op->result = err;
    if (err) {
        op->at = (struct mn_place){0, 0};
        return;
    }
    const struct mn_msg_ref ref = {
        .id = op->id, .at = op->at, .kind = op->key.kind, .from = op->from, .to = op->to};
    mn_recent_put(&log->recent, &ref);
    if (op->id > atomic_load_explicit(&log->max_id, memory_order_relaxed))
        atomic_store_explicit(&log->max_id, op->id, memory_order_relaxed);
}

/* The same message twice in one batch: the second has the first one's outcome. */
static void finish_twin(struct mn_op *op, const struct mn_op *first)
{
    op->result = first->result;
    op->at = first->at;
    if (first->result == MN_OK) {
        op->id = first->id;
        op->duplicate = true;
    }
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

/* Results that waited for the write, then everything back in the order of submission. */
static void hand_back(struct mn_writer *w, enum mn_err err)
{
    struct mn_msglog *log = w->log;
    struct mn_op_queue *q = &log->queue;
    uint64_t bytes = 0;
    uint64_t now_ns = mn_mono_ns();
    for (size_t i = 0; i < w->count; i++) {
        struct mn_op_slot *slot = &w->slots[i];
        if (slot->is_new)
            finish_new(log, slot->op, err);
        else if (slot->twin)
            finish_twin(slot->op, w->slots[slot->twin - 1].op);
        else if (slot->is_put && err)
            slot->op->result = err;
        if (slot->op->kind == MN_OP_APPEND)
            count_append(log, slot->op, now_ns);
        bytes += slot->op->bytes;
    }
    mn_writer_forget(w);
    /* Before the callback: whoever learns the result may send the next one at once. */
    atomic_fetch_sub_explicit(&q->ops, (uint32_t)w->count, memory_order_relaxed);
    atomic_fetch_sub_explicit(&q->bytes, bytes, memory_order_relaxed);
    update_gauges(w);
    if (w->count > 0)
        log->config.on_commit(log->config.ctx, w->ops, w->count);
}

/* Everything that the batch will have; `ret_listed`: chats of the lists. True: cursors too. */
static bool fill_batch(struct mn_writer *w, bool stopping, uint64_t now_ms, uint32_t *ret_listed)
{
    mn_rocks_batch_reset(w->batch);
    mn_chats_begin(&w->chats);
    mn_counts_begin(&w->counts);
    mn_writer_prepare(w);
    mn_writer_apply(w);
    if (w->log->cursors.count > 0 && w->cursors_due_ms == 0)
        w->cursors_due_ms = now_ms + w->log->config.cursor_flush_ms;
    bool with_cursors = cursors_are_due(w, now_ms, stopping);
    if (with_cursors)
        mn_writer_put_cursors(w);
    mn_lists_lower_mark(w);
    *ret_listed = mn_lists_put(w, now_ms, stopping);
    return with_cursors;
}

static void run_batch(struct mn_writer *w, bool stopping)
{
    uint32_t listed = 0;
    gather(w);
    uint64_t now_ms = mn_mono_ms();
    bool with_cursors = fill_batch(w, stopping, now_ms, &listed);
    enum mn_err err = MN_OK;
    uint64_t generation = atomic_load_explicit(&w->log->generation, memory_order_relaxed);
    /* It rides along, so that it costs no sync of its own; the last one waits for nobody. */
    bool with_generation = generation != w->log->generation_written &&
                           (stopping || !mn_rocks_batch_is_empty(w->batch));
    if (with_generation)
        mn_msglog_put_generation(w->log->db, w->batch, generation);
    if (!mn_rocks_batch_is_empty(w->batch))
        err = write_batch(w);
    if (!err && with_generation)
        w->log->generation_written = generation;
    if (err) {
        mn_writer_fail(w, mn_msglog_judge(w->log, err, "commit", 0), now_ms);
    } else {
        mn_lists_wrote(w, listed);
        mn_lists_note(w);
        if (with_cursors) {
            mn_cursors_clear(&w->log->cursors);
            w->cursors_due_ms = 0;
        }
    }
    hand_back(w, err);
}

static bool generation_is_due(struct mn_msglog *log)
{
    return atomic_load_explicit(&log->generation, memory_order_relaxed) != log->generation_written;
}

void *mn_msglog_writer_run(void *arg)
{
    struct mn_writer *w = mn_new(struct mn_writer);
    writer_init(w, arg);
    mn_rocks_thread_init();
    pthread_setname_np(pthread_self(), "minim-writer");
    for (;;) {
        bool stopping = take(w);
        uint64_t now_ms = mn_mono_ms();
        mn_writer_check_disk(w, now_ms);
        update_gauges(w);
        bool last_words = stopping && !w->cause && generation_is_due(w->log);
        if (w->pending || cursors_are_due(w, now_ms, stopping) ||
            mn_lists_are_due(w, now_ms, stopping) || last_words)
            run_batch(w, stopping);
        else if (stopping)
            break;
    }
    writer_deinit(w);
    mn_free(w);
    return NULL;
}
