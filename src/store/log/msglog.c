/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message log's front: the queue that leads to the writer, opening and
 * closing, reads.
 *
 * The queue is a list under a mutex that loops take once a turn, for a whole
 * chain; its ceiling is kept apart in two atomics, so that a loop learns
 * without a lock that it is full.  The writer is woken only when it sleeps,
 * and not for what its submitter can do in its place: cursors that are in memory.
 */
#include "store/log/msglog.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/log/impl.h"

enum {
    MIN_BATCH_OPS = 1,
    MIN_RECENT = 64,
    AT_ONCE_MAX = 16 /* cursors moved by a submitter, who has other things to do */
};

/* ---- queue ---- */

bool mn_msglog_reserve(struct mn_msglog *log, uint32_t bytes)
{
    struct mn_op_queue *q = &log->queue;
    if (atomic_fetch_add_explicit(&q->ops, 1, memory_order_relaxed) >= log->config.queue_ops) {
        atomic_fetch_sub_explicit(&q->ops, 1, memory_order_relaxed);
        return false;
    }
    uint64_t before = atomic_fetch_add_explicit(&q->bytes, bytes, memory_order_relaxed);
    if (before + bytes > log->config.queue_bytes) {
        atomic_fetch_sub_explicit(&q->bytes, bytes, memory_order_relaxed);
        atomic_fetch_sub_explicit(&q->ops, 1, memory_order_relaxed);
        return false;
    }
    return true;
}

/* How many cursor moves the chain is; 0: too many, or other operations too. */
static size_t count_moves(struct mn_op *first, struct mn_op *ops[AT_ONCE_MAX])
{
    size_t count = 0;
    for (struct mn_op *op = first; op; op = op->next) {
        if (op->kind != MN_OP_CURSOR || count == AT_ONCE_MAX)
            return 0;
        ops[count++] = op;
    }
    return count;
}

/*
 * Cursors that move in memory, while the writer sleeps: moved here, as waking
 * it costs ten times what that does.  With the queue's lock to the end, so
 * that the results are told in the order of the moves.
 */
static bool move_at_once(struct mn_msglog *log, struct mn_op **ops, size_t count)
{
    uint64_t now_ms = mn_mono_ms();
    if (!log->queue.sleeping || !log->driver->is_in_memory(log->store, ops, count, now_ms))
        return false;
    MN_BUG_ON(log->queue.first); /* it would not sleep */
    for (size_t i = 0; i < count; i++)
        ops[i]->next = NULL;
    log->driver->commit(log->store, ops, count, now_ms, false);
    mn_msglog_give_room(log, ops, count);
    log->config.on_commit(log->config.ctx, ops, count);
    return true;
}

void mn_msglog_submit(struct mn_msglog *log, struct mn_op *first)
{
    if (!first)
        return;
    struct mn_op *moves[AT_ONCE_MAX];
    size_t count = count_moves(first, moves);
    struct mn_op *last = first;
    while (last->next)
        last = last->next;
    struct mn_op_queue *q = &log->queue;
    pthread_mutex_lock(&q->lock);
    MN_BUG_ON(q->stopping);
    if (count > 0 && move_at_once(log, moves, count)) {
        pthread_mutex_unlock(&q->lock);
        return;
    }
    MN_BUG_ON(*q->tail); /* an operation that is in the queue was submitted again */
    *q->tail = first;
    q->tail = &last->next;
    bool wake = q->sleeping;
    q->sleeping = false;
    pthread_mutex_unlock(&q->lock);
    if (wake)
        sem_post(&q->wake);
}

static void queue_init(struct mn_op_queue *q)
{
    pthread_mutex_init(&q->lock, NULL);
    sem_init(&q->wake, 0, 0);
    q->tail = &q->first;
}

/* ---- open and close ---- */

static void clamp_config(struct mn_msglog_config *c)
{
    if (c->batch_ops < MIN_BATCH_OPS)
        c->batch_ops = MIN_BATCH_OPS;
    /* Every operation of a batch may be of another chat, and holds on to its entry; chats that
     * moved wait in tables as large. */
    if (c->chat_cache < 4 * c->batch_ops)
        c->chat_cache = 4 * c->batch_ops;
    if (c->recent_cache < MIN_RECENT)
        c->recent_cache = MIN_RECENT;
}

static void log_free(struct mn_msglog *log)
{
    if (log->store)
        log->driver->close(log->store);
    mn_recent_deinit(&log->recent);
    pthread_mutex_destroy(&log->queue.lock);
    sem_destroy(&log->queue.wake);
    mn_free(log);
}

static enum mn_err open_store(struct mn_msglog *log, struct mn_buf *why)
{
    struct mn_log_found found = {.store = NULL};
    enum mn_err err = log->driver->open(log, &found, why);
    if (err)
        return err;
    log->store = found.store;
    log->end = found.end;
    atomic_store(&log->reach, found.end.reach);
    atomic_store(&log->max_id, found.max_id);
    return MN_OK;
}

enum mn_err mn_msglog_open_with(const struct mn_log_driver *driver,
                                const struct mn_msglog_config *config, struct mn_metrics *metrics,
                                struct mn_msglog **ret, struct mn_buf *why)
{
    MN_BUG_ON(!config->idgen);
    struct mn_msglog *log = mn_new(struct mn_msglog);
    log->driver = driver;
    log->config = *config;
    clamp_config(&log->config);
    log->shard = mn_metrics_claim(metrics);
    queue_init(&log->queue);
    mn_recent_init(&log->recent, log->config.recent_cache);
    atomic_store(&log->writable, true);
    enum mn_err err = open_store(log, why);
    if (!err && pthread_create(&log->thread, NULL, mn_msglog_writer_run, log) != 0) {
        mn_buf_add_z(why, "cannot start the message writer's thread; see the limits on threads");
        err = MN_ESYS;
    }
    if (err) {
        log_free(log);
        return err;
    }
    *ret = log;
    return MN_OK;
}

uint64_t mn_msglog_close(struct mn_msglog *log)
{
    if (!log)
        return 0;
    pthread_mutex_lock(&log->queue.lock);
    log->queue.stopping = true;
    pthread_mutex_unlock(&log->queue.lock);
    sem_post(&log->queue.wake);
    pthread_join(log->thread, NULL);
    uint64_t reach = mn_msglog_reach(log);
    log_free(log);
    return reach;
}

struct mn_log_end mn_msglog_end(struct mn_msglog *log) { return log->end; }

uint64_t mn_msglog_reach(struct mn_msglog *log)
{
    return atomic_load_explicit(&log->reach, memory_order_relaxed);
}

void mn_msglog_set_generation(struct mn_msglog *log, uint64_t generation)
{
    atomic_store_explicit(&log->generation, generation, memory_order_relaxed);
}

enum mn_err mn_msglog_judge(struct mn_msglog *log, enum mn_err err, const char *what, int64_t chat)
{
    if (err != MN_ECORRUPT)
        return err;
    atomic_store_explicit(&log->corrupt, true, memory_order_relaxed);
    if (log->config.on_damage)
        log->config.on_damage(log->config.damage_ctx, what, chat);
    return err;
}

bool mn_msglog_is_corrupt(struct mn_msglog *log)
{
    return atomic_load_explicit(&log->corrupt, memory_order_relaxed);
}

bool mn_msglog_is_writable(struct mn_msglog *log)
{
    return atomic_load_explicit(&log->writable, memory_order_relaxed);
}

int64_t mn_msglog_max_id(struct mn_msglog *log)
{
    return atomic_load_explicit(&log->max_id, memory_order_relaxed);
}

/* ---- for the driver ---- */

const struct mn_msglog_config *mn_msglog_config_of(const struct mn_msglog *log)
{
    return &log->config;
}

struct mn_metrics_shard *mn_msglog_shard(struct mn_msglog *log) { return log->shard; }

void mn_msglog_stored(struct mn_msglog *log, const struct mn_op *op)
{
    const struct mn_msg_ref ref = {
        .id = op->id, .at = op->at, .kind = op->key.kind, .from = op->from, .to = op->to};
    mn_recent_put(&log->recent, &ref);
    if (op->id > atomic_load_explicit(&log->max_id, memory_order_relaxed))
        atomic_store_explicit(&log->max_id, op->id, memory_order_relaxed);
}

void mn_msglog_set_reach(struct mn_msglog *log, uint64_t reach)
{
    atomic_store_explicit(&log->reach, reach, memory_order_relaxed);
}

void mn_msglog_set_writable(struct mn_msglog *log, bool writable)
{
    atomic_store_explicit(&log->writable, writable, memory_order_relaxed);
}

uint64_t mn_msglog_generation(const struct mn_msglog *log)
{
    return atomic_load_explicit(&log->generation, memory_order_relaxed);
}

/* ---- reads ---- */

bool mn_msglog_recent(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret)
{
    return mn_recent_get(&log->recent, id, ret);
}

enum mn_err mn_msglog_find(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret)
{
    return mn_recent_get(&log->recent, id, ret) ? MN_OK : log->driver->find(log->store, id, ret);
}

enum mn_err mn_msglog_pair(struct mn_msglog *log, int64_t a, int64_t b, int64_t *ret_chat)
{
    return log->driver->pair(log->store, a, b, ret_chat);
}

enum mn_err mn_msglog_read(struct mn_msglog *log, const struct mn_range *range, mn_msg_fn fn,
                           void *arg)
{
    return log->driver->read(log->store, range, fn, arg);
}

enum mn_err mn_msglog_chat(struct mn_msglog *log, int64_t chat, int64_t user,
                           struct mn_chat_view *ret)
{
    return log->driver->chat(log->store, chat, user, ret);
}

enum mn_err mn_msglog_chats(struct mn_msglog *log, int64_t user, int64_t after_chat, mn_chat_fn fn,
                            void *arg)
{
    return log->driver->chats(log->store, user, after_chat, fn, arg);
}

enum mn_err mn_msglog_count_chats(struct mn_msglog *log, int64_t user, int64_t *ret)
{
    return log->driver->count_chats(log->store, user, ret);
}

enum mn_err mn_msglog_conversations(struct mn_msglog *log,
                                    const struct mn_conversation_query *query,
                                    mn_conversation_fn fn, void *arg)
{
    return log->driver->conversations(log->store, query, fn, arg);
}

enum mn_err mn_msglog_group_conversations(struct mn_msglog *log,
                                          const struct mn_conversation_query *query,
                                          mn_conversation_fn fn, void *arg)
{
    return log->driver->group_conversations(log->store, query, fn, arg);
}

enum mn_err mn_msglog_backlog(struct mn_msglog *log, int64_t user, struct mn_place *pos,
                              unsigned limit, size_t bytes, mn_msg_fn fn, void *arg, bool *ret_done)
{
    return log->driver->backlog(log->store, user, pos, limit, bytes, fn, arg, ret_done);
}

enum mn_err mn_msglog_revocations(struct mn_msglog *log, int64_t user, int64_t after,
                                  unsigned limit, struct mn_revocation *ret, unsigned *ret_count)
{
    return log->driver->revocations(log->store, user, after, limit, ret, ret_count);
}
