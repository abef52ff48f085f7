/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message log's front: operations, the queue that leads to the writer,
 * opening and closing.
 *
 * The queue is a list under a mutex that loops take once a turn, for a whole
 * chain; its ceiling is kept apart in two atomics, so that a loop learns
 * without a lock that it is full.  The writer is woken only when it sleeps.
 */
#include "store/log/msglog.h"

#include "base/mem.h"
#include "store/rocks/impl.h"

enum {
    MIN_BATCH_OPS = 1,
    MIN_RECENT = 64,
    /* Cursor moves merged in memory; beyond it they are written early. */
    CURSORS_LIMIT = 32768
};

/* ---- operations ---- */

static struct mn_op *op_new(enum mn_op_kind kind, struct mn_str client_id, struct mn_str msg_type,
                            struct mn_str body, struct mn_str mentions)
{
    if (client_id.n > UINT16_MAX || msg_type.n > UINT16_MAX || body.n > INT32_MAX ||
        mn_uids_count(mentions) > UINT16_MAX)
        return NULL;
    size_t bytes = sizeof(struct mn_op) + client_id.n + msg_type.n + body.n + mentions.n;
    struct mn_op *op = mn_try_alloc(bytes);
    if (!op)
        return NULL;
    memset(op, 0, sizeof(*op));
    atomic_init(&op->refs, 1);
    op->kind = (uint8_t)kind;
    op->bytes = (uint32_t)bytes;
    op->client_id_len = (uint16_t)client_id.n;
    op->msg_type_len = (uint16_t)msg_type.n;
    op->has_msg_type = msg_type.p != NULL;
    op->body_len = (uint32_t)body.n;
    op->mention_count = (uint16_t)mn_uids_count(mentions);
    char *p = op->text;
    const struct mn_str texts[] = {client_id, msg_type, body, mentions};
    for (size_t i = 0; i < MN_ARRAY_LEN(texts); i++) {
        if (texts[i].n > 0)
            memcpy(p, texts[i].p, texts[i].n);
        p += texts[i].n;
    }
    return op;
}

struct mn_op *mn_op_new(enum mn_op_kind kind, struct mn_str client_id, struct mn_str msg_type,
                        struct mn_str body)
{
    return op_new(kind, client_id, msg_type, body, MN_STR_NONE);
}

struct mn_op *mn_op_new_append(struct mn_str client_id, struct mn_str msg_type, struct mn_str body,
                               struct mn_str mentions)
{
    return op_new(MN_OP_APPEND, client_id, msg_type, body, mentions);
}

void mn_op_unref(struct mn_op *op)
{
    if (op && atomic_fetch_sub_explicit(&op->refs, 1, memory_order_acq_rel) == 1)
        mn_free(op);
}

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

void mn_msglog_submit(struct mn_msglog *log, struct mn_op *first)
{
    if (!first)
        return;
    struct mn_op *last = first;
    while (last->next)
        last = last->next;
    struct mn_op_queue *q = &log->queue;
    pthread_mutex_lock(&q->lock);
    MN_BUG_ON(q->stopping);
    *q->tail = first;
    q->tail = &last->next;
    bool wake = q->sleeping;
    q->sleeping = false;
    pthread_mutex_unlock(&q->lock);
    if (wake)
        pthread_cond_signal(&q->wake);
}

static void queue_init(struct mn_op_queue *q)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->wake, &attr);
    pthread_condattr_destroy(&attr);
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

static enum mn_err last_key_id(struct mn_msglog *log, enum mn_cf cf, int64_t *ret)
{
    struct mn_str key, value;
    struct mn_rocks_iter *it = mn_rocks_iter_new(log->db, cf, MN_STR("\0\0\0\0\0\0\0\0"),
                                                 MN_STR("\xff\xff\xff\xff\xff\xff\xff\xff"));
    mn_rocks_iter_seek_last(it);
    enum mn_err err = MN_OK;
    *ret = 0;
    if (!mn_rocks_iter_get(it, &key, &value))
        err = mn_rocks_iter_err(it);
    else if (key.n >= MN_KEY_MSG_BYTES)
        err = mn_key_msg_parse(mn_str_make(key.p, MN_KEY_MSG_BYTES), ret);
    mn_rocks_iter_free(it);
    return err;
}

/* Messages and chats have their ids from one generator; of a chat without a message a row tells. */
static enum mn_err read_max_id(struct mn_msglog *log)
{
    int64_t id = 0, chat = 0, bare = 0;
    enum mn_err err = last_key_id(log, MN_CF_MSG, &id);
    if (!err)
        err = last_key_id(log, MN_CF_INDEX, &chat);
    if (!err)
        err = mn_msglog_read_bare_id(log->db, &bare);
    if (err)
        return err;
    if (chat > id)
        id = chat;
    if (bare > id)
        id = bare;
    log->floor_id = id;
    atomic_store(&log->max_id, id);
    return MN_OK;
}

static enum mn_err open_store(struct mn_msglog *log, struct mn_buf *why)
{
    const struct mn_rocks_config config = {.dir = log->config.dir,
                                           .cache_bytes = log->config.cache_bytes,
                                           .memtable_bytes = log->config.memtable_bytes,
                                           .sync = log->config.sync};
    enum mn_err err = mn_witness_check_files(&log->config.witness, log->config.dir, why);
    if (!err)
        err = mn_rocks_open(&config, &log->db, why);
    if (!err)
        err = mn_msglog_schema(log, why);
    if (err)
        return err;
    err = mn_msglog_read_end(log->db, &log->end);
    if (!err)
        err = read_max_id(log);
    if (!err) {
        atomic_store(&log->reach, log->end.reach);
        err = mn_witness_check_log(&log->config.witness, &log->end, log->config.dir, why);
        if (err)
            return err;
        err = mn_lists_recover(log); /* writes: nothing before it is known that all is there */
    }
    if (err)
        mn_buf_addf(why, "cannot read the message log %s (%s); restore it from a backup",
                    log->config.dir, mn_err_text(err));
    return err;
}

static void log_free(struct mn_msglog *log)
{
    mn_rocks_close(log->db);
    mn_recent_deinit(&log->recent);
    mn_cursors_deinit(&log->cursors);
    mn_moved_chats_deinit(&log->moves);
    pthread_rwlock_destroy(&log->db_lock);
    pthread_mutex_destroy(&log->queue.lock);
    pthread_cond_destroy(&log->queue.wake);
    mn_free(log);
}

enum mn_err mn_msglog_open(const struct mn_msglog_config *config, struct mn_metrics *metrics,
                           struct mn_msglog **ret, struct mn_buf *why)
{
    MN_BUG_ON(!config->idgen);
    struct mn_msglog *log = mn_new(struct mn_msglog);
    log->config = *config;
    clamp_config(&log->config);
    log->shard = mn_metrics_claim(metrics);
    log->hash_mask = UINT64_MAX;
    pthread_rwlock_init(&log->db_lock, NULL);
    queue_init(&log->queue);
    mn_recent_init(&log->recent, log->config.recent_cache);
    mn_cursors_init(&log->cursors, CURSORS_LIMIT);
    mn_moved_chats_init(&log->moves, log->config.chat_cache);
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
    pthread_cond_signal(&log->queue.wake);
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

bool mn_msglog_recent(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret)
{
    return mn_recent_get(&log->recent, id, ret);
}
