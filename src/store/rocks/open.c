/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message log's driver on RocksDB: opening, closing, its table.
 */
#include "base/mem.h"
#include "store/rocks/driver.h"
#include "store/rocks/impl.h"

enum {
    /* Cursor moves merged in memory; beyond it they are written early. */
    CURSORS_LIMIT = 32768
};

static enum mn_err last_key_id(struct mn_rlog *log, enum mn_cf cf, int64_t *ret)
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

static void raise_to(int64_t *id, int64_t to)
{
    if (to > *id)
        *id = to;
}

/* Messages and chats have their ids from one generator; of a chat without a message a row tells. */
static enum mn_err read_max_id(struct mn_rlog *log)
{
    int64_t id = 0, chat = 0, bare = 0;
    enum mn_err err = last_key_id(log, MN_CF_MSG, &id);
    if (!err)
        err = last_key_id(log, MN_CF_INDEX, &chat);
    if (!err)
        err = mn_rlog_read_bare_id(log->db, &bare);
    raise_to(&id, chat);
    raise_to(&id, bare);
    log->floor_id = id;
    return err;
}

static enum mn_err open_database(struct mn_rlog *log, struct mn_buf *why)
{
    const struct mn_rocks_config config = {.dir = log->config->dir,
                                           .cache_bytes = log->config->cache_bytes,
                                           .memtable_bytes = log->config->memtable_bytes,
                                           .sync = log->config->sync};
    enum mn_err err = mn_witness_check_files(&log->config->witness, log->config->dir, why);
    if (!err)
        err = mn_rocks_open(&config, &log->db, why);
    if (!err)
        err = mn_rlog_schema(log, why);
    return err;
}

static enum mn_err read_what_is_there(struct mn_rlog *log, struct mn_log_end *ret_end,
                                      struct mn_buf *why)
{
    enum mn_err err = mn_rlog_read_end(log->db, ret_end);
    if (!err)
        err = read_max_id(log);
    if (!err) {
        err = mn_witness_check_log(&log->config->witness, ret_end, log->config->dir, why);
        if (err)
            return err;
        err = mn_lists_recover(log); /* writes: nothing before it is known that all is there */
    }
    if (err)
        mn_buf_addf(why, "cannot read the message log %s (%s); restore it from a backup",
                    log->config->dir, mn_err_text(err));
    return err;
}

static void close_log(void *store)
{
    struct mn_rlog *log = store;
    mn_writer_free(log->writer);
    mn_rocks_close(log->db);
    mn_cursors_deinit(&log->cursors);
    mn_moved_chats_deinit(&log->moves);
    pthread_rwlock_destroy(&log->db_lock);
    mn_free(log);
}

static enum mn_err open_log(struct mn_msglog *front, struct mn_log_found *ret, struct mn_buf *why)
{
    struct mn_rlog *log = mn_new(struct mn_rlog);
    log->front = front;
    log->config = mn_msglog_config_of(front);
    log->shard = mn_msglog_shard(front);
    log->hash_mask = UINT64_MAX;
    pthread_rwlock_init(&log->db_lock, NULL);
    mn_cursors_init(&log->cursors, CURSORS_LIMIT);
    mn_moved_chats_init(&log->moves, log->config->chat_cache);
    enum mn_err err = open_database(log, why);
    if (!err)
        err = read_what_is_there(log, &ret->end, why);
    if (err) {
        close_log(log);
        return err;
    }
    log->writer = mn_writer_new(log);
    ret->store = log;
    ret->max_id = log->floor_id;
    return MN_OK;
}

static void begin(void *store)
{
    (void)store;
    mn_rocks_thread_init();
}

const struct mn_log_driver mn_rocks_log_driver = {
    .open = open_log,
    .close = close_log,
    .begin = begin,
    .wake_ms = mn_rlog_wake_ms,
    .turn = mn_rlog_turn,
    .commit = mn_rlog_commit,
    .is_in_memory = mn_rlog_is_in_memory,
    .find = mn_rlog_find,
    .pair = mn_rlog_pair,
    .read = mn_rlog_read,
    .chat = mn_rlog_chat,
    .chats = mn_rlog_chats,
    .count_chats = mn_rlog_count_chats,
    .conversations = mn_rlog_conversations,
    .group_conversations = mn_rlog_group_conversations,
    .backlog = mn_rlog_backlog,
    .revocations = mn_rlog_revocations,
};
