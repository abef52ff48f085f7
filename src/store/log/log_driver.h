/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_LOG_LOG_DRIVER_H
#define MN_STORE_LOG_LOG_DRIVER_H

#include "store/log/msglog.h"

/*
 * The line between the message log's front and what keeps the messages.  The
 * front (log/) has the operations, the queue, the writer's loop and what is
 * remembered of recent messages; a driver (rocks/) has the rest.  Only
 * store/open.c knows both (docs/decisions/0025-the-logs-driver-line.md).
 */

/* What an opened log has. */
struct mn_log_found {
    void *store; /* the driver's, first argument of all its other functions */
    struct mn_log_end end;
    int64_t max_id; /* of messages and chats; 0: empty */
};

struct mn_log_driver {
    /*
     * As mn_msglog_open() says; the log's configuration is there already.  On
     * an error nothing is left behind.
     */
    MN_MUSTCHECK enum mn_err (*open)(struct mn_msglog *log, struct mn_log_found *ret,
                                     struct mn_buf *why);
    /* The writer's thread is gone, and so are all readers. */
    void (*close)(void *store);

    /* ---- on the writer's thread, or before there is one and after it; in its place while it sleeps ---- */

    /* Once, before the others. */
    void (*begin)(void *store);
    /* When turn() wants to be called although nothing was submitted (mn_mono_ms()); 0: at once. */
    uint64_t (*wake_ms)(const void *store);
    /*
     * What is to be done from time to time (a look at the disk, a try to
     * recover).  True: something has to be written, call commit() even if no
     * operation waits.  Stopping: that holds for everything that is kept back.
     */
    bool (*turn)(void *store, uint64_t now_ms, bool stopping);
    /*
     * Does what `count` <= batch_ops operations ask for, in their order, and
     * returns when it is decided: each has its `result` and what else comes
     * out, and what is MN_OK is on disk, cursor moves apart.  New messages
     * were told by mn_msglog_stored().  A failed write is the result of each
     * operation that was in it.  Without operations: what turn() spoke of.
     */
    void (*commit)(void *store, struct mn_op **ops, size_t count, uint64_t now_ms, bool stopping);
    /*
     * Whether commit() of these cursor moves would neither read nor write a
     * file nor bring turn() forward, but only change memory.  While the writer
     * sleeps, any thread asks this and then commits, under the queue's lock.
     */
    bool (*is_in_memory)(const void *store, struct mn_op *const *ops, size_t count,
                         uint64_t now_ms);

    /* ---- reads: as the functions of msglog.h with these names; damage is told already ---- */

    MN_MUSTCHECK enum mn_err (*find)(void *store, int64_t id, struct mn_msg_ref *ret);
    MN_MUSTCHECK enum mn_err (*pair)(void *store, int64_t a, int64_t b, int64_t *ret_chat);
    MN_MUSTCHECK enum mn_err (*read)(void *store, const struct mn_range *range, mn_msg_fn fn,
                                     void *arg);
    MN_MUSTCHECK enum mn_err (*chat)(void *store, int64_t chat, int64_t user,
                                     struct mn_chat_view *ret);
    MN_MUSTCHECK enum mn_err (*chats)(void *store, int64_t user, int64_t after_chat, mn_chat_fn fn,
                                      void *arg);
    MN_MUSTCHECK enum mn_err (*count_chats)(void *store, int64_t user, int64_t *ret);
    MN_MUSTCHECK enum mn_err (*conversations)(void *store,
                                              const struct mn_conversation_query *query,
                                              mn_conversation_fn fn, void *arg);
    MN_MUSTCHECK enum mn_err (*group_conversations)(void *store,
                                                    const struct mn_conversation_query *query,
                                                    mn_conversation_fn fn, void *arg);
    MN_MUSTCHECK enum mn_err (*backlog)(void *store, int64_t user, struct mn_place *pos,
                                        unsigned limit, size_t bytes, mn_msg_fn fn, void *arg,
                                        bool *ret_done);
    MN_MUSTCHECK enum mn_err (*revocations)(void *store, int64_t user, int64_t after,
                                            unsigned limit, struct mn_revocation *ret,
                                            unsigned *ret_count);
};

/* mn_msglog_open() with this driver. */
MN_MUSTCHECK enum mn_err mn_msglog_open_with(const struct mn_log_driver *driver,
                                             const struct mn_msglog_config *config,
                                             struct mn_metrics *metrics, struct mn_msglog **ret,
                                             struct mn_buf *why);

/* ---- what the front does for its driver ---- */

/* Constant, with its values brought into their limits. */
const struct mn_msglog_config *mn_msglog_config_of(const struct mn_msglog *log);
struct mn_metrics_shard *mn_msglog_shard(struct mn_msglog *log);
/* Tells of damage if `err` is that; returns `err`. Any thread but a loop's. */
enum mn_err mn_msglog_judge(struct mn_msglog *log, enum mn_err err, const char *what, int64_t chat);
/* Writer: an APPEND is on disk, new, with its place. */
void mn_msglog_stored(struct mn_msglog *log, const struct mn_op *op);
/* Writer: how far the log reaches now, for the witness. */
void mn_msglog_set_reach(struct mn_msglog *log, uint64_t reach);
/* Writer: whether appends are taken. */
void mn_msglog_set_writable(struct mn_msglog *log, bool writable);
/* The accounts' generation as it is known now (0: not), to be written with the next batch. */
uint64_t mn_msglog_generation(const struct mn_msglog *log);

#endif
