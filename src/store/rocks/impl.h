/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_IMPL_H
#define MN_STORE_ROCKS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "store/log/cursors.h"
#include "store/log/log_driver.h"
#include "store/rocks/chats.h"
#include "store/rocks/counts.h"
#include "store/rocks/moved.h"
#include "store/rocks/rocks.h"

/*
 * Inside the message log on RocksDB; only the files of rocks/ and their unit
 * tests include this.
 *
 *   open.c     the driver: its table, opening, closing
 *   schema.c   format version, migrations, hash key
 *   commit.c   a commit of operations, on the writer's thread
 *   append.c   ... what an append and a cursor move do to a batch
 *   group.c    ... and what is different in a group
 *   rows.c     ... the rows that are in it
 *   lists.c    ... the lists that conversations and backlogs are read from
 *   recover.c  ... full disks and I/O errors
 *   read.c     reads: messages, history, chats
 *   revoke.c   revocations, and who has learnt of them
 *   backlog.c  ... what a user has not acknowledged
 *   convs.c    ... conversations, newest first
 *   groups.c   ... those with groups
 *   walk.c     ... what they are made of
 *   scan.c     reads of a log at rest, by scan.h
 */

/* Where a test can make things fail, as a disk would. */
enum mn_fault_point {
    MN_FAULT_WRITE = 1,   /* the batch is not written */
    MN_FAULT_AFTER_WRITE, /* it is written, but an error is reported */
    MN_FAULT_SPACE,       /* the look at the free space */
    MN_FAULT_REOPEN
};
typedef enum mn_err (*mn_fault_fn)(void *ctx, enum mn_fault_point point);

/* The message log on RocksDB: the driver's `store`. */
struct mn_rlog {
    struct mn_msglog *front;
    const struct mn_msglog_config *config; /* the front's, as is the next one */
    struct mn_metrics_shard *shard;
    struct mn_cursors cursors;
    struct mn_moved_chats moves;

    /* The database. Readers hold `db_lock` shared; recovery replaces db under it. */
    pthread_rwlock_t db_lock;
    struct mn_rocks *db; /* NULL while recovery has not been able to reopen it */

    int64_t floor_id;            /* ids up to this one were there at open */
    int64_t lists_mark;          /* the lists on disk know all messages up to this id; writer */
    uint64_t generation_written; /* of the accounts; writer */
    uint64_t hash_key[2];        /* of client ids */
    uint64_t hash_mask;          /* all ones; tests make collisions */

    struct mn_writer *writer;
    _Atomic(mn_fault_fn) fault; /* tests only; fault_ctx is set before it */
    void *fault_ctx;
};

static inline enum mn_err mn_rlog_fault(struct mn_rlog *log, enum mn_fault_point point)
{
    mn_fault_fn fault = atomic_load_explicit(&log->fault, memory_order_acquire);
    return MN_UNLIKELY(fault != NULL) ? fault(log->fault_ctx, point) : MN_OK;
}

/* See mn_msglog_judge(). */
static inline enum mn_err mn_rlog_judge(struct mn_rlog *log, enum mn_err err, const char *what,
                                        int64_t chat)
{
    return mn_msglog_judge(log->front, err, what, chat);
}

/* schema.c: creates or migrates; fills log->hash_key. */
MN_MUSTCHECK enum mn_err mn_rlog_schema(struct mn_rlog *log, struct mn_buf *why);
/* Its two reads. The format is 0 for a new database; MN_ECORRUPT: messages without a format or key. */
MN_MUSTCHECK enum mn_err mn_rlog_read_format(struct mn_rocks *db, uint64_t *ret_version);
MN_MUSTCHECK enum mn_err mn_rlog_read_hash_key(struct mn_rocks *db, uint64_t ret_key[2]);
/* Name of the store, and the accounts' generation that it saw (0: none). MN_ECORRUPT. */
MN_MUSTCHECK enum mn_err mn_rlog_read_end(struct mn_rocks *db, struct mn_log_end *ret);
void mn_rlog_put_generation(struct mn_rocks *db, struct mn_rocks_batch *batch, uint64_t generation);
/* Greatest id of a chat made without a message: no other row says it.  0: there is none. MN_ECORRUPT. */
MN_MUSTCHECK enum mn_err mn_rlog_read_bare_id(struct mn_rocks *db, int64_t *ret_id);
void mn_rlog_put_bare_id(struct mn_rocks *db, struct mn_rocks_batch *batch, int64_t id);
/* Newest format this program writes. */
#define MN_MSGLOG_FORMAT 2u

/* ---- the writer thread ---- */

/* What an operation became while its batch was made. */
struct mn_op_slot {
    struct mn_op *op;
    struct mn_chat *chat;        /* NULL for REVOKE, LEARNT and for what is invalid */
    uint64_t hash;               /* APPEND: of sender and client id */
    struct mn_rocks_value found; /* APPEND: the client id's row, before the batch */
    uint32_t twin;               /* APPEND: index + 1 of the same message in this batch */
    uint32_t map_next;           /* in the batch's map, index + 1 */
    int64_t count;               /* APPEND: of the row of `index`: low_count or own_count */
    bool is_new;                 /* APPEND: its rows are in the batch */
    bool is_created;             /* APPEND, CHAT: it made the pair's chat */
    bool caught_up;              /* CURSOR: nothing is undelivered any more */
    bool is_put;                 /* CHAT, REVOKE, LEARNT, JOIN, LEAVE: its rows are in the batch */
};

/* A row of `index` that the batch will have; as numbers, to be sorted. */
struct mn_index_key {
    uint64_t chat, second; /* halves of the key */
    uint32_t slot;
};

struct mn_writer {
    struct mn_rlog *log;
    struct mn_chats chats;
    struct mn_counts counts;
    struct mn_rocks_batch *batch;
    struct mn_op_slot *slots; /* the batch at hand: config.batch_ops */
    size_t count;
    struct mn_index_key *index; /* of the batch at hand: two an append */
    size_t index_count;
    uint32_t *map; /* appends of the batch by (chat, hash): index + 1 */
    uint64_t map_mask;
    uint64_t cursors_due_ms; /* 0: no cursor waits */
    uint64_t lists_due_ms;   /* 0: no chat has moved */
    int64_t lists_mark;      /* the next log->lists_mark */
    uint64_t lists_messages; /* operations since the lists were begun to be written */
    /* recover.c */
    enum mn_err cause; /* why appends are refused; MN_OK while they are not */
    bool broken;       /* the database has to be reopened */
    uint64_t look_ms;  /* next look at the free space, or try to reopen */
    uint32_t backoff_ms;
};

/* commit.c */
struct mn_writer *mn_writer_new(struct mn_rlog *log);
void mn_writer_free(struct mn_writer *w);

/* append.c: fills the batch from the slots, sets the operations' results. */
void mn_writer_prepare(struct mn_writer *w);
void mn_writer_apply(struct mn_writer *w);
/* Whether all that a cursor's move asks for is in memory; its chat is one of two. */
bool mn_writer_has_cursor(const struct mn_writer *w, const struct mn_op *op);
/* A cursor's move in its row and into the table of those that wait; sets the operation's result. */
void mn_writer_move(struct mn_writer *w, struct mn_op *op, struct mn_membership *row);
/* Releases what the slots hold. */
void mn_writer_forget(struct mn_writer *w);

/* group.c: what is in a batch for a group. */
/*
 * Sees to it that all counts which a message changes are in memory: its
 * sender's, and those of whom it addresses.  Nothing has changed yet.
 */
MN_MUSTCHECK enum mn_err mn_writer_load_counts(struct mn_writer *w, const struct mn_op_slot *slot);
/* Counts the message, and puts the rows that say so. */
void mn_writer_put_counts(struct mn_writer *w, struct mn_op_slot *slot);
void mn_writer_group_cursor(struct mn_writer *w, struct mn_op_slot *slot);
void mn_writer_member(struct mn_writer *w, struct mn_op_slot *slot);

/*
 * rows.c: a new chat and its members' rows, which the chat then has in memory
 * too; `is_bare`: without a message, so it says of itself what a message would.
 */
void mn_writer_put_chat(struct mn_writer *w, struct mn_chat *chat, int64_t unix_ms, bool is_bare);
/* A new message; its rows of `index` follow with mn_writer_put_index(). */
void mn_writer_put_message(struct mn_writer *w, const struct mn_op_slot *slot);
void mn_writer_put_chat_row(struct mn_writer *w, const char *key, size_t key_len,
                            struct mn_str value);
void mn_writer_put_index(struct mn_writer *w);
/* Marks a stored message as revoked (group.c). */
void mn_writer_revoke(struct mn_writer *w, struct mn_op_slot *slot);
/* revoke.c: so that those who have the message learn of it; MN_EBUSY: no number can be given now. */
MN_MUSTCHECK enum mn_err mn_writer_put_revoked(struct mn_writer *w, struct mn_op *op);
void mn_writer_learnt(struct mn_writer *w, struct mn_op_slot *slot);
void mn_writer_put_member(struct mn_writer *w, int64_t user, int64_t chat,
                          const struct mn_membership *row);
/* ... and forgets a cursor of his that waits. */
void mn_writer_delete_member(struct mn_writer *w, int64_t user, int64_t chat);
/* A backlog is to look at this chat, or not; a group's it looks at as long as one is a member. */
void mn_writer_put_waiting(struct mn_writer *w, int64_t user, int64_t chat, bool is_waiting);
void mn_writer_put_row(struct mn_writer *w, int64_t id, const struct mn_row_msg *row);
/* Puts every waiting cursor into the batch. */
void mn_writer_put_cursors(struct mn_writer *w);

/* lists.c: before the write of a batch with appends. */
void mn_lists_lower_mark(struct mn_writer *w);
/* After the batch was written: the chats that it moved. */
void mn_lists_note(struct mn_writer *w);
bool mn_lists_are_due(const struct mn_writer *w, uint64_t now_ms, bool stopping);
uint64_t mn_lists_deadline_ms(const struct mn_writer *w);
/* Puts chats that moved into the batch when it is time; how many, for mn_lists_wrote() after it. */
uint32_t mn_lists_put(struct mn_writer *w, uint64_t now_ms, bool stopping);
void mn_lists_wrote(struct mn_writer *w, uint32_t count);
/* The step to a format with lists: they have to be made. */
void mn_lists_begin(struct mn_rlog *log, struct mn_rocks_batch *batch);
/* Makes them, or completes them after a crash or a failed write; then no chat has moved. */
MN_MUSTCHECK enum mn_err mn_lists_recover(struct mn_rlog *log);

/* recover.c: looks at the disk when it is time, reopens; when to be called again. */
void mn_writer_check_disk(struct mn_writer *w, uint64_t now_ms);
/* A write failed: no appends until the database has been reopened. */
void mn_writer_fail(struct mn_writer *w, enum mn_err cause, uint64_t now_ms);

/* ---- shared by writer and readers ---- */

/* An iterator over all of the seq rows, for mn_rlog_head(). */
struct mn_rocks_iter *mn_rlog_heads(struct mn_rocks *db);
/* Last message of a chat; *ret_seq 0 and a zeroed row when there is none. */
MN_MUSTCHECK enum mn_err mn_rlog_head(struct mn_rocks_iter *heads, int64_t chat, int64_t *ret_seq,
                                      struct mn_row_seq *ret_row);
/* The same without the look whether the chat really ends there: see mn_rlog_ends(). */
MN_MUSTCHECK enum mn_err mn_rlog_find_head(struct mn_rocks_iter *heads, int64_t chat,
                                           int64_t *ret_seq, struct mn_row_seq *ret_row);
/* What views of chats are made from: for many of them, as making an iterator costs more than its use. */
struct mn_viewer {
    struct mn_rlog *log;
    struct mn_rocks_iter *heads;
    struct mn_rocks_iter *counts; /* made when first needed, so never older than `heads` */
};
/* While the database is held. */
void mn_viewer_begin(struct mn_viewer *viewer, struct mn_rlog *log);
void mn_viewer_end(struct mn_viewer *viewer);
/* read.c: a chat as one of its users sees it. MN_ECORRUPT. */
MN_MUSTCHECK enum mn_err mn_rlog_view(struct mn_viewer *viewer, int64_t chat, int64_t user,
                                      const struct mn_membership *mine, struct mn_chat_view *ret);
/* The same when its last message is known; last_seq 0: there is none. */
MN_MUSTCHECK enum mn_err mn_rlog_view_at(struct mn_viewer *viewer, struct mn_place last,
                                         const struct mn_row_seq *head, int64_t user,
                                         const struct mn_membership *mine,
                                         struct mn_chat_view *ret);
/* A member's row as of now, waiting cursors included. MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_rlog_member(struct mn_rlog *log, int64_t user, int64_t chat,
                                        struct mn_membership *ret);
/* That a chat ends behind `seq`, by a point read, which does not miss damage; MN_ECORRUPT: it goes on. */
MN_MUSTCHECK enum mn_err mn_rlog_ends(struct mn_rocks_iter *it, int64_t chat, int64_t seq);
/* Rows by key, parsed. MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_rlog_get_seq(struct mn_rocks *db, int64_t chat, int64_t seq,
                                         struct mn_row_seq *ret);
/* An iterator over the counts of groups ... */
struct mn_rocks_iter *mn_rlog_counts(struct mn_rocks *db);
/* ... for how many of these messages the user has in the group up to `seq`. */
MN_MUSTCHECK enum mn_err mn_rlog_count_up_to(struct mn_rocks_iter *counts, enum mn_key_counted kind,
                                             int64_t chat, int64_t user, int64_t seq, int64_t *ret);
MN_MUSTCHECK enum mn_err mn_rlog_get_pair(struct mn_rocks *db, int64_t low, int64_t high,
                                          int64_t *ret_chat);

/* ---- the driver's table (open.c); `store` is a struct mn_rlog ---- */

uint64_t mn_rlog_wake_ms(const void *store);
bool mn_rlog_is_in_memory(const void *store, struct mn_op *const *ops, size_t count,
                          uint64_t now_ms);
bool mn_rlog_turn(void *store, uint64_t now_ms, bool stopping);
void mn_rlog_commit(void *store, struct mn_op **ops, size_t count, uint64_t now_ms, bool stopping);
enum mn_err mn_rlog_find(void *store, int64_t id, struct mn_msg_ref *ret);
enum mn_err mn_rlog_pair(void *store, int64_t a, int64_t b, int64_t *ret_chat);
enum mn_err mn_rlog_read(void *store, const struct mn_range *range, mn_msg_fn fn, void *arg);
enum mn_err mn_rlog_chat(void *store, int64_t chat, int64_t user, struct mn_chat_view *ret);
enum mn_err mn_rlog_chats(void *store, int64_t user, int64_t after_chat, mn_chat_fn fn, void *arg);
enum mn_err mn_rlog_count_chats(void *store, int64_t user, int64_t *ret);
enum mn_err mn_rlog_conversations(void *store, const struct mn_conversation_query *query,
                                  mn_conversation_fn fn, void *arg);
enum mn_err mn_rlog_group_conversations(void *store, const struct mn_conversation_query *query,
                                        mn_conversation_fn fn, void *arg);
enum mn_err mn_rlog_backlog(void *store, int64_t user, struct mn_place *pos, unsigned limit,
                            size_t bytes, mn_msg_fn fn, void *arg, bool *ret_done);
enum mn_err mn_rlog_revocations(void *store, int64_t user, int64_t after, unsigned limit,
                                struct mn_revocation *ret, unsigned *ret_count);

#endif
