/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_LOG_MSGLOG_H
#define MN_STORE_LOG_MSGLOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/metrics.h"
#include "base/str.h"
#include "store/witness.h"

/*
 * The message log: chats, messages, cursors.  Writes are operations on a
 * bounded queue; one writer thread takes whatever waits, makes one atomic
 * batch of it, writes and syncs it once, and then hands the operations back
 * through on_commit().  Reads are blocking calls for worker threads.
 *
 * Promise: when on_commit() sees an operation with result MN_OK, what it
 * did is on disk (fdatasync), except cursor moves, which follow within
 * cursor_flush_ms (docs/architecture.md).
 *
 * Order: operations submitted by one thread are applied, and handed back,
 * in the order of submission.
 */
struct mn_msglog;

/* Where a message is: the chat's id, and its number there (msgSeq, from 1, no gaps). */
struct mn_place {
    int64_t chat, seq;
};
/* Order of a backlog: by chat, then by number. */
static inline bool mn_place_is_behind(struct mn_place a, struct mn_place b)
{
    return a.chat > b.chat || (a.chat == b.chat && a.seq > b.seq);
}

enum mn_chat_kind { MN_CHAT_PAIR = 1, MN_CHAT_GROUP };
/* Which chat.  PAIR: its users, a < b, both positive.  GROUP: a is the group's id, b is 0. */
struct mn_chat_key {
    enum mn_chat_kind kind;
    int64_t a, b;
};
/* The users in either order. */
static inline struct mn_chat_key mn_chat_pair(int64_t x, int64_t y)
{
    return (struct mn_chat_key){MN_CHAT_PAIR, x < y ? x : y, x < y ? y : x};
}
static inline struct mn_chat_key mn_chat_group(int64_t group)
{
    return (struct mn_chat_key){MN_CHAT_GROUP, group, 0};
}

enum mn_op_kind {
    MN_OP_APPEND = 1, /* store a message of `from` in the chat `key`, made when need be */
    MN_OP_CURSOR,     /* move a cursor of `from` in the chat `key` to `at`, never back */
    MN_OP_REVOKE,     /* mark the message `id` as revoked at `unix_ms`; its content is kept */
    MN_OP_LEARNT,     /* `from` has learnt of the revocations up to number `id` */
    MN_OP_BARRIER,    /* nothing: it comes back behind what was submitted, or committed, before */
    MN_OP_CHAT,       /* make the chat of two users, without a message, if it is not there */
    /* Of one user and group the next one of these two only after the one before came back. */
    MN_OP_JOIN, /* `from` is a member of the group `key` from its next message on */
    MN_OP_LEAVE /* ... and no longer; his cursors are forgotten */
};

/*
 * Users, as an operation and a message's row have them: eight bytes each,
 * big-endian.
 */
#define MN_UID_BYTES 8
static inline size_t mn_uids_count(struct mn_str uids) { return uids.n / MN_UID_BYTES; }
static inline int64_t mn_uids_get(struct mn_str uids, size_t i)
{
    uint64_t v;
    memcpy(&v, uids.p + i * MN_UID_BYTES, sizeof(v));
    return (int64_t)__builtin_bswap64(v);
}
static inline void mn_uids_set(char *uids, size_t i, int64_t uid)
{
    uint64_t v = __builtin_bswap64((uint64_t)uid);
    memcpy(uids + i * MN_UID_BYTES, &v, sizeof(v));
}
static inline bool mn_uids_have(struct mn_str uids, int64_t uid)
{
    size_t n = mn_uids_count(uids), i = 0;
    while (i < n && mn_uids_get(uids, i) != uid)
        i++;
    return i < n;
}

enum mn_cursor_kind { MN_CURSOR_DELIVERED = 1, MN_CURSOR_READ }; /* read moves both */

/* One operation.  Reference-counted; made by mn_op_new(), immutable between submit and on_commit. */
struct mn_op {
    struct mn_op *next; /* chain for mn_msglog_submit(); free for the owner after on_commit */
    _Atomic int refs;
    uint8_t kind;           /* enum mn_op_kind */
    uint8_t cursor;         /* CURSOR: enum mn_cursor_kind */
    uint32_t bytes;         /* accounted against the queue's ceiling; set by mn_op_new */
    uint64_t who;           /* the submitter's, untouched */
    uint64_t mono_ns;       /* when it was received, for the latency histogram */
    int64_t from;           /* APPEND: sender. CURSOR: the reader. REVOKE: the message's sender. */
    int64_t to;             /* the other user of a PAIR; 0 in a GROUP. REVOKE: out */
    struct mn_chat_key key; /* REVOKE: out */
    struct mn_place at;     /* CURSOR: in. APPEND, CHAT, REVOKE: out. */
    /* CURSOR: of the message at `at`. APPEND: to use for a new one; out: the first one's when duplicate */
    int64_t id;
    int64_t unix_ms; /* APPEND, CHAT, REVOKE, JOIN: time of processing, which is stored */
    /* APPEND to a GROUP: the message of the same group that it answers, and whom that addresses; 0: none */
    int64_t reply_to, reply_author;
    /* REVOKE: in, of the message's time: not one that is older. Out: the revocation's number, 0: none. */
    int64_t oldest_ms, number;
    /* out */
    /*
     * MN_OK, MN_ENOSPC, MN_EIO, MN_EBUSY (store not usable now), MN_EINVAL
     * (bad key or ids), MN_ECORRUPT (what has to be read is damaged); REVOKE:
     * MN_ENOTFOUND, MN_EPERM (not the sender), MN_EEXPIRED (too old)
     */
    enum mn_err result;
    bool duplicate; /* APPEND: client id seen before; id and seq are the first one's */
    bool advanced;  /* CURSOR: it moved. CHAT, REVOKE, JOIN, LEAVE: it was not so before */
    /* text: client id, message type as the client wrote it, body, mentions; not NUL-terminated */
    uint16_t client_id_len;
    uint16_t msg_type_len;
    bool has_msg_type;
    uint16_t mention_count; /* APPEND to a GROUP: users that it mentions, each once */
    uint32_t body_len;
    char text[];
};

/* NULL when there is no memory. The text is copied. One reference. */
struct mn_op *mn_op_new(enum mn_op_kind kind, struct mn_str client_id, struct mn_str msg_type,
                        struct mn_str body);
/* An APPEND that mentions users, at most 65,535. */
struct mn_op *mn_op_new_append(struct mn_str client_id, struct mn_str msg_type, struct mn_str body,
                               struct mn_str mentions);
/* Sets whose it is and which chat: that of two users. */
static inline void mn_op_set_pair(struct mn_op *op, int64_t from, int64_t to)
{
    op->from = from;
    op->to = to;
    op->key = mn_chat_pair(from, to);
}
static inline struct mn_op *mn_op_ref(struct mn_op *op)
{
    atomic_fetch_add_explicit(&op->refs, 1, memory_order_relaxed);
    return op;
}
void mn_op_unref(struct mn_op *op);
static inline struct mn_str mn_op_client_id(const struct mn_op *op)
{
    return mn_str_make(op->text, op->client_id_len);
}
static inline struct mn_str mn_op_msg_type(const struct mn_op *op)
{
    return op->has_msg_type ? mn_str_make(op->text + op->client_id_len, op->msg_type_len)
                            : MN_STR_NONE;
}
static inline struct mn_str mn_op_body(const struct mn_op *op)
{
    return mn_str_make(op->text + op->client_id_len + op->msg_type_len, op->body_len);
}

static inline struct mn_str mn_op_mentions(const struct mn_op *op)
{
    return mn_str_make(op->text + op->client_id_len + op->msg_type_len + op->body_len,
                       (size_t)op->mention_count * MN_UID_BYTES);
}

struct mn_msglog_config {
    char dir[4000];           /* RocksDB's directory, created if missing */
    bool sync;                /* false only for tests and comparison */
    uint32_t queue_ops;       /* ceiling of operations that wait or are in the batch at hand */
    uint64_t queue_bytes;     /* ceiling of their bytes */
    uint32_t batch_ops;       /* most operations in a batch */
    uint32_t cursor_flush_ms; /* how long moved cursors are collected */
    uint64_t cache_bytes;     /* block cache, filters and indexes included */
    uint64_t
        memtable_bytes;    /* of what is not yet sorted into files; up to twice as much is in use */
    uint32_t chat_cache;   /* chats kept in the writer's memory */
    uint32_t recent_cache; /* messages whose (chat, seq) is kept in memory for ACKs */
    struct mn_idgen *idgen; /* for new chats; raise it over mn_msglog_max_id() after opening */
    /*
     * Damage was met: `what` was being done, to `chat` (0: none in particular).
     * Called each time, any thread but a loop's; must not block.  May be NULL.
     */
    void (*on_damage)(void *ctx, const char *what, int64_t chat);
    void *damage_ctx;
    /*
     * After the commit; owns one reference of each op.  Must not block.  On the
     * writer's thread; for cursor moves also within mn_msglog_submit(), so it
     * submits nothing.
     */
    void (*on_commit)(void *ctx, struct mn_op **ops, size_t count);
    void *ctx;
    struct mn_witness witness; /* what the accounts know of this log */
};

/*
 * Opens and, if need be, creates or migrates.  MN_EVERSION: written by a
 * newer minimd; MN_ECORRUPT: damaged, or not what the witness saw;
 * MN_ELOCKED; MN_EIO.  `why` gets a sentence for the operator: what is wrong
 * and what to do.
 */
MN_MUSTCHECK enum mn_err mn_msglog_open(const struct mn_msglog_config *config,
                                        struct mn_metrics *metrics, struct mn_msglog **ret,
                                        struct mn_buf *why);
/*
 * Commits what waits (handing it back), flushes cursors, syncs, joins the
 * writer, closes.  Where the log ends now (0 when it is broken): for the
 * witness, see mn_msglog_reach().
 */
uint64_t mn_msglog_close(struct mn_msglog *log);

/*
 * Reserves room in the queue for one operation of `bytes`; false = full
 * (answer server_busy).  Every reservation must be followed by a submit.
 * Any thread, lock-free.
 */
bool mn_msglog_reserve(struct mn_msglog *log, uint32_t bytes);
/* Queues a chain of reserved operations (linked by next, last->next == NULL). Any thread. */
void mn_msglog_submit(struct mn_msglog *log, struct mn_op *first);
/* False while the store refuses appends (disk full, I/O error): for /readyz. Any thread. */
bool mn_msglog_is_writable(struct mn_msglog *log);
/* True once damage was met, until the next start: for /readyz. Any thread. */
bool mn_msglog_is_corrupt(struct mn_msglog *log);
/* As it was found at open. */
struct mn_log_end mn_msglog_end(struct mn_msglog *log);
/* Writes that are committed and synced; any thread. */
uint64_t mn_msglog_reach(struct mn_msglog *log);
/* The accounts' generation, to be written with the next batch or at the close; any thread. */
void mn_msglog_set_generation(struct mn_msglog *log, uint64_t generation);
/* Greatest id of a message or chat in the store, 0 when empty (for mn_idgen_raise). */
int64_t mn_msglog_max_id(struct mn_msglog *log);

/*
 * ---- reads: blocking, any thread but a loop's ----
 *
 * MN_ECORRUPT: what is there cannot be read, or something is missing that
 * must be there.  A chat's numbers have no gaps, so a read that was cut short
 * by damage is noticed, whatever the database itself says: what a callback
 * was given is true, but not all.
 */

/* Where a message is and whose; what an ACK needs to know. */
struct mn_msg_ref {
    int64_t id;
    struct mn_place at; /* a group's chat has the group's id */
    enum mn_chat_kind kind;
    int64_t from, to; /* to: 0 in a GROUP */
};
/* From memory only, never blocks: any thread, loops too. */
bool mn_msglog_recent(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret);
/* MN_ENOTFOUND; MN_EIO. */
MN_MUSTCHECK enum mn_err mn_msglog_find(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret);

enum mn_msg_status { MN_MSG_SAVED = 1, MN_MSG_REVOKED = 4 };

struct mn_msg {
    int64_t id;
    struct mn_place at;
    enum mn_chat_kind kind;
    int64_t from, to; /* to: 0 in a GROUP */
    int64_t created_ms, updated_ms;
    enum mn_msg_status status;
    int64_t reply_to, reply_author; /* of a GROUP: as in the operation */
    struct mn_str client_id, body;  /* valid during the callback */
    struct mn_str mentions;         /* the same; mn_uids_get() */
};
/* Whether a message of a group is for this user in particular: mentioned, or answered. */
static inline bool mn_msg_addresses(const struct mn_msg *msg, int64_t user)
{
    return msg->reply_author == user || mn_uids_have(msg->mentions, user);
}
/* Return false to stop. */
typedef bool (*mn_msg_fn)(void *arg, const struct mn_msg *msg);

/* That a message was revoked, for who has it already. Numbers grow, and are not dense. */
struct mn_revocation {
    int64_t number;
    int64_t id; /* of the message */
    struct mn_place at;
    enum mn_chat_kind kind;
    int64_t from, to; /* of the message; to: 0 in a GROUP */
    int64_t unix_ms;
};
/*
 * Revocations that the user has not learnt of (MN_OP_LEARNT): of messages to
 * him, and of those in his groups since he joined; behind `after`, the first
 * `limit` (at most 256) in the order of their numbers, into ret[].
 */
MN_MUSTCHECK enum mn_err mn_msglog_revocations(struct mn_msglog *log, int64_t user, int64_t after,
                                               unsigned limit, struct mn_revocation *ret,
                                               unsigned *ret_count);

/* Chat of a pair of users, in either order; MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_msglog_pair(struct mn_msglog *log, int64_t a, int64_t b,
                                        int64_t *ret_chat);
/* Messages of a chat with after < msgSeq < before. */
struct mn_range {
    int64_t chat, after, before;
    bool descending;
    unsigned limit; /* most messages */
};
MN_MUSTCHECK enum mn_err mn_msglog_read(struct mn_msglog *log, const struct mn_range *range,
                                        mn_msg_fn fn, void *arg);

/* A single chat as one of its users sees it. */
struct mn_chat_view {
    int64_t chat, user;
    int64_t peer;                   /* 0: a group, whose id `chat` is */
    int64_t created_ms, updated_ms; /* updated: the last message's time */
    int64_t last_seq, last_id;      /* 0 when there is no message */
    int64_t delivered, read, peer_delivered,
        peer_read; /* cursors; 0 with has_* false = never set */
    bool has_read, has_peer_delivered, has_peer_read;
    int64_t unread;      /* messages of others behind `read` (H-8.5) */
    int64_t undelivered; /* messages of others behind `delivered` */
    int64_t
        mentions; /* of a group: those behind `read` that address the user, revoked ones apart */
};
MN_MUSTCHECK enum mn_err mn_msglog_chat(struct mn_msglog *log, int64_t chat, int64_t user,
                                        struct mn_chat_view *ret);
/* A place in a conversation list: newest `updated_ms` first, then the greatest chat id. */
struct mn_chat_pos {
    int64_t updated_ms, chat;
};
#define MN_CHAT_POS_TOP ((struct mn_chat_pos){INT64_MAX, INT64_MAX})
/* `last`: the last message, NULL in a chat without one; valid during the callback. False: stop. */
typedef bool (*mn_conversation_fn)(void *arg, const struct mn_chat_view *chat,
                                   const struct mn_msg *last);
struct mn_conversation_query {
    int64_t user;
    struct mn_chat_pos before; /* only what stands behind this place */
    uint64_t skip;             /* of those, not the first ones */
    unsigned limit;
};
/*
 * A user's chats of two, newest first.  What it costs follows skip + limit and
 * the chats that moved within the last minutes, not all he has.
 */
MN_MUSTCHECK enum mn_err mn_msglog_conversations(struct mn_msglog *log,
                                                 const struct mn_conversation_query *query,
                                                 mn_conversation_fn fn, void *arg);
/*
 * The same of his groups; the time of one without a message is when he joined.  What it costs follows the number of his groups.
 */
MN_MUSTCHECK enum mn_err mn_msglog_group_conversations(struct mn_msglog *log,
                                                       const struct mn_conversation_query *query,
                                                       mn_conversation_fn fn, void *arg);
/* How many chats of two he has. */
MN_MUSTCHECK enum mn_err mn_msglog_count_chats(struct mn_msglog *log, int64_t user, int64_t *ret);
typedef bool (*mn_chat_fn)(void *arg, const struct mn_chat_view *chat);
/* All single chats of a user in order of chat id, beginning behind `after_chat`. */
MN_MUSTCHECK enum mn_err mn_msglog_chats(struct mn_msglog *log, int64_t user, int64_t after_chat,
                                         mn_chat_fn fn, void *arg);

/*
 * Next messages to the user that are behind his delivered cursor and behind
 * *pos, in order of chat and then msgSeq, at most `limit` messages and about
 * `bytes` of text.  Advances *pos over what it gave ({0, 0}: nothing yet);
 * *ret_done when there is no more.
 */
MN_MUSTCHECK enum mn_err mn_msglog_backlog(struct mn_msglog *log, int64_t user,
                                           struct mn_place *pos, unsigned limit, size_t bytes,
                                           mn_msg_fn fn, void *arg, bool *ret_done);

#endif
