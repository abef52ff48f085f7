/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills stores, see fill.h.  A group is a transaction; the
 * message log has its own thread, which takes what is queued in batches and
 * gives it back to on_commit().
 */
#include "tool/bench/fill.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "store/log/msglog.h"
#include "store/sql/db.h"
#include "store/sql/group.h"

#define QUEUE_OPS 65536
#define QUEUE_BYTES (64u << 20)
#define BATCH_OPS 2048
#define MEMTABLE_BYTES (64u << 20)
#define CACHE_BYTES (64u << 20)

struct fill {
    struct mn_db *db;
    struct mn_msglog *log;
    struct mn_metrics *metrics;
    struct mn_idgen ids;
    uint64_t number;    /* of the last message: its client id */
    pthread_mutex_t mu; /* guards the rest */
    pthread_cond_t moved;
    uint64_t open; /* operations that have not come back */
    enum mn_err err;
};

static void fail(struct fill *fill, enum mn_err err)
{
    pthread_mutex_lock(&fill->mu);
    if (!fill->err && err)
        fill->err = err;
    pthread_mutex_unlock(&fill->mu);
}

/* On the log's thread. */
static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct fill *fill = ctx;
    for (size_t i = 0; i < count; i++) {
        fail(fill, ops[i]->result);
        mn_op_unref(ops[i]);
    }
    pthread_mutex_lock(&fill->mu);
    fill->open -= count;
    pthread_cond_signal(&fill->moved);
    pthread_mutex_unlock(&fill->mu);
}

static enum mn_err open_stores(struct fill *fill, const char *data_dir, struct mn_buf *why)
{
    struct mn_db_config db = {.readers = 1, .busy_timeout_ms = 5000, .sync = true};
    struct mn_msglog_config log = {.sync = true,
                                   .queue_ops = QUEUE_OPS,
                                   .queue_bytes = QUEUE_BYTES,
                                   .batch_ops = BATCH_OPS,
                                   .cursor_flush_ms = 1000,
                                   .cache_bytes = CACHE_BYTES,
                                   .memtable_bytes = MEMTABLE_BYTES,
                                   .chat_cache = 131072,
                                   .recent_cache = 1024,
                                   .idgen = &fill->ids,
                                   .on_commit = on_commit,
                                   .ctx = fill};
    snprintf(db.path, sizeof db.path, "%.4000s/minim.db", data_dir);
    snprintf(log.dir, sizeof log.dir, "%.3900s/messages", data_dir);
    enum mn_err err = mn_db_open(&db, &fill->db, why);
    if (!err)
        err = mn_db_witness(fill->db, &log.witness);
    if (!err)
        err = mn_msglog_open(&log, fill->metrics, &fill->log, why);
    return err;
}

struct fill *fill_open(const char *data_dir)
{
    struct fill *fill = mn_new(struct fill);
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    pthread_mutex_init(&fill->mu, NULL);
    pthread_cond_init(&fill->moved, NULL);
    mn_idgen_init(&fill->ids, 31, 31);
    fill->metrics = mn_metrics_new();
    fill->err = open_stores(fill, data_dir, &why);
    if (!fill->err)
        mn_idgen_raise(&fill->ids, mn_msglog_max_id(fill->log));
    else
        fprintf(stderr, "minim bench: the stores could not be opened: %.*s\n", (int)why.n,
                why.n ? why.p : "");
    mn_buf_deinit(&why);
    if (!fill->err)
        return fill;
    mn_ignore(fill_close(fill));
    return NULL;
}

bool fill_close(struct fill *fill)
{
    if (!fill)
        return true;
    pthread_mutex_lock(&fill->mu);
    while (fill->open > 0)
        pthread_cond_wait(&fill->moved, &fill->mu);
    pthread_mutex_unlock(&fill->mu);
    if (fill->log)
        mn_ignore(mn_msglog_close(fill->log)); /* older than it is, is what the accounts know */
    mn_db_close(fill->db);
    mn_metrics_free(fill->metrics);
    pthread_cond_destroy(&fill->moved);
    pthread_mutex_destroy(&fill->mu);
    enum mn_err err = fill->err;
    if (err)
        fprintf(stderr, "minim bench: the stores could not be filled: %s\n", mn_err_text(err));
    mn_free(fill);
    return !err;
}

int64_t fill_id(struct fill *fill) { return mn_idgen_next(&fill->ids); }

/* ---- the log ---- */

static void submit(struct fill *fill, struct mn_op *take_op)
{
    MN_BUG_ON(!take_op);
    pthread_mutex_lock(&fill->mu);
    while (!fill->err && !mn_msglog_reserve(fill->log, take_op->bytes))
        pthread_cond_wait(&fill->moved, &fill->mu);
    bool failed = fill->err != MN_OK;
    fill->open += !failed;
    pthread_mutex_unlock(&fill->mu);
    if (failed)
        mn_op_unref(take_op);
    else
        mn_msglog_submit(fill->log, take_op);
}

static void join(struct fill *fill, int64_t group, int64_t uid)
{
    struct mn_op *op = mn_op_new(MN_OP_JOIN, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    MN_BUG_ON(!op);
    op->from = uid;
    op->key = mn_chat_group(group);
    op->unix_ms = mn_unix_ms();
    submit(fill, op);
}

static struct mn_op *append_op(struct fill *fill, struct mn_str body, struct mn_str mentions)
{
    char client_id[32];
    int n = snprintf(client_id, sizeof client_id, "fill-%llu", (unsigned long long)fill->number++);
    struct mn_op *op = mn_op_new_append(mn_str_make(client_id, (size_t)n), MN_STR("TEXT"), body,
                                        mentions);
    MN_BUG_ON(!op);
    op->id = mn_idgen_next(&fill->ids);
    op->unix_ms = mn_unix_ms();
    return op;
}

void fill_message(struct fill *fill, int64_t from, int64_t to, struct mn_str body)
{
    struct mn_op *op = append_op(fill, body, MN_STR_NONE);
    mn_op_set_pair(op, from, to);
    submit(fill, op);
}

void fill_group_message(struct fill *fill, int64_t from, int64_t group, int64_t mentioned,
                        struct mn_str body)
{
    char uid[MN_UID_BYTES];
    mn_uids_set(uid, 0, mentioned);
    struct mn_op *op = append_op(fill, body, mn_str_make(uid, mentioned ? sizeof uid : 0));
    op->from = from;
    op->key = mn_chat_group(group);
    submit(fill, op);
}

/* ---- rows ---- */

void fill_group(struct fill *fill, int64_t id, const int64_t *uids, uint32_t count)
{
    struct mn_group group = {.id = id, .created_by = uids[0], .created_ms = mn_unix_ms()};
    group.updated_ms = group.code_updated_ms = group.created_ms;
    snprintf(group.name, sizeof group.name, "bench");
    enum mn_err err = mn_db_group_fill(fill->db, &group, uids, count);
    fail(fill, err);
    for (uint32_t i = 0; i < count && !err; i++)
        join(fill, id, uids[i]);
}
