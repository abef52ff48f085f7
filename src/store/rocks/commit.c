/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A commit: one atomic batch of what the operations ask for, written and
 * synced once.
 *
 * Invariant: what is known in memory (chats, sequence numbers) is never
 * ahead of the disk across two batches.  When a write fails nobody can say
 * what reached the disk, so everything remembered is dropped, and read anew
 * after the database was reopened.  Cursors that moved are kept: they are
 * true whatever happened to the batch.
 *
 * A batch without appends and without cursors that are due writes nothing;
 * if it reads nothing either it may be made by another thread while the
 * writer sleeps.  Otherwise: writer thread.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "store/rocks/impl.h"

enum {
    /* How much longer an idle writer sleeps than a busy one before it looks at the disk. */
    IDLE_LOOK_MS = 750
};

struct mn_writer *mn_writer_new(struct mn_rlog *log)
{
    struct mn_writer *w = mn_new(struct mn_writer);
    uint32_t ops = log->config->batch_ops;
    uint64_t buckets = 16;
    while (buckets < 2 * (uint64_t)ops)
        buckets *= 2;
    w->log = log;
    w->map_mask = buckets - 1;
    w->batch = mn_rocks_batch_new();
    w->slots = mn_alloc_array(ops, sizeof(*w->slots));
    w->index = mn_alloc_array(2 * (size_t)ops, sizeof(*w->index));
    w->map = mn_alloc_array(buckets, sizeof(*w->map));
    mn_chats_init(&w->chats, log->config->chat_cache);
    mn_counts_init(&w->counts);
    return w;
}

void mn_writer_free(struct mn_writer *w)
{
    if (!w)
        return;
    mn_chats_deinit(&w->chats);
    mn_counts_deinit(&w->counts);
    mn_rocks_batch_free(w->batch);
    mn_free(w->slots);
    mn_free(w->index);
    mn_free(w->map);
    mn_free(w);
}

/* ---- what is due ---- */

static bool cursors_are_due(const struct mn_writer *w, uint64_t now_ms, bool stopping)
{
    const struct mn_cursors *c = &w->log->cursors;
    if (c->count == 0 || w->cause)
        return false;
    return stopping || now_ms >= w->cursors_due_ms || c->count > c->limit / 2;
}

static bool generation_is_due(const struct mn_rlog *log)
{
    return mn_msglog_generation(log->front) != log->generation_written;
}

uint64_t mn_rlog_wake_ms(const void *store)
{
    const struct mn_rlog *log = store;
    const struct mn_writer *w = log->writer;
    if (!w->cause && log->moves.writing.count > 0)
        return 0;
    uint64_t wake_ms = w->look_ms + (w->cause ? 0 : IDLE_LOOK_MS);
    if (w->cursors_due_ms && !w->cause && w->cursors_due_ms < wake_ms)
        wake_ms = w->cursors_due_ms;
    if (mn_lists_deadline_ms(w) < wake_ms)
        wake_ms = mn_lists_deadline_ms(w);
    return wake_ms;
}

bool mn_rlog_turn(void *store, uint64_t now_ms, bool stopping)
{
    struct mn_rlog *log = store;
    struct mn_writer *w = log->writer;
    mn_writer_check_disk(w, now_ms);
    return cursors_are_due(w, now_ms, stopping) || mn_lists_are_due(w, now_ms, stopping) ||
           (stopping && !w->cause && generation_is_due(log));
}

/* The writer sleeps until the cursors are due, if it knows that some wait: the first one wakes it. */
bool mn_rlog_is_in_memory(const void *store, struct mn_op *const *ops, size_t count,
                          uint64_t now_ms)
{
    const struct mn_rlog *log = store;
    const struct mn_writer *w = log->writer;
    if (w->cause || w->cursors_due_ms <= now_ms || count > log->config->batch_ops ||
        log->cursors.count + count > log->cursors.limit / 2 || mn_lists_are_due(w, now_ms, false))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!mn_writer_has_cursor(w, ops[i]))
            return false;
    return true;
}

/* ---- a batch ---- */

static enum mn_err write_batch(struct mn_writer *w)
{
    struct mn_rlog *log = w->log;
    uint64_t begin_ns = mn_mono_ns();
    enum mn_err err = mn_rlog_fault(log, MN_FAULT_WRITE);
    if (!err)
        err = mn_rocks_write(log->db, w->batch);
    if (!err)
        err = mn_rlog_fault(log, MN_FAULT_AFTER_WRITE);
    if (err)
        return err;
    mn_msglog_set_reach(log->front, mn_rocks_sequence(log->db));
    mn_metric_inc(log->shard, MN_M_COMMITS);
    mn_metric_observe(log->shard, MN_MH_COMMIT_OPS, w->count);
    mn_metric_observe(log->shard, MN_MH_COMMIT_US, (mn_mono_ns() - begin_ns) / 1000);
    return MN_OK;
}

static void finish_new(struct mn_rlog *log, struct mn_op *op, enum mn_err err)
{
    op->result = err;
    if (err)
        op->at = (struct mn_place){0, 0};
    else
        mn_msglog_stored(log->front, op);
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

/* Results that waited for the write. */
static void finish(struct mn_writer *w, enum mn_err err)
{
    for (size_t i = 0; i < w->count; i++) {
        struct mn_op_slot *slot = &w->slots[i];
        if (slot->is_new)
            finish_new(w->log, slot->op, err);
        else if (slot->twin)
            finish_twin(slot->op, w->slots[slot->twin - 1].op);
        else if (slot->is_put && err)
            slot->op->result = err;
    }
    mn_writer_forget(w);
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
        w->cursors_due_ms = now_ms + w->log->config->cursor_flush_ms;
    bool with_cursors = cursors_are_due(w, now_ms, stopping);
    if (with_cursors)
        mn_writer_put_cursors(w);
    mn_lists_lower_mark(w);
    *ret_listed = mn_lists_put(w, now_ms, stopping);
    return with_cursors;
}

/* The accounts' generation rides along, so that it costs no sync of its own; the last one waits
 * for nobody. True: it is in the batch. */
static bool put_generation(struct mn_writer *w, uint64_t generation, bool stopping)
{
    if (generation == w->log->generation_written)
        return false;
    if (!stopping && mn_rocks_batch_is_empty(w->batch))
        return false;
    mn_rlog_put_generation(w->log->db, w->batch, generation);
    return true;
}

static void note_written(struct mn_writer *w, uint32_t listed, bool with_cursors)
{
    mn_lists_wrote(w, listed);
    mn_lists_note(w);
    if (!with_cursors)
        return;
    mn_cursors_clear(&w->log->cursors);
    w->cursors_due_ms = 0;
}

void mn_rlog_commit(void *store, struct mn_op **ops, size_t count, uint64_t now_ms, bool stopping)
{
    struct mn_rlog *log = store;
    struct mn_writer *w = log->writer;
    uint32_t listed = 0;
    w->count = count;
    for (size_t i = 0; i < count; i++)
        w->slots[i] = (struct mn_op_slot){.op = ops[i]};
    bool with_cursors = fill_batch(w, stopping, now_ms, &listed);
    uint64_t generation = mn_msglog_generation(log->front);
    bool with_generation = put_generation(w, generation, stopping);
    enum mn_err err = mn_rocks_batch_is_empty(w->batch) ? MN_OK : write_batch(w);
    if (err) {
        mn_writer_fail(w, mn_rlog_judge(log, err, "commit", 0), now_ms);
    } else {
        note_written(w, listed, with_cursors);
        if (with_generation)
            log->generation_written = generation;
    }
    finish(w, err);
}
