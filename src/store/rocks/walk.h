/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_WALK_H
#define MN_STORE_ROCKS_WALK_H

#include "store/rocks/impl.h"

/*
 * The steps that reads of the message log are made of; only read.c,
 * backlog.c and walk.c include this.  Between mn_rlog_hold()
 * and mn_rlog_release() the database stays; both may be nested.
 */

/* NULL while it cannot be opened; give back in any case. */
struct mn_rocks *mn_rlog_hold(struct mn_rlog *log);
void mn_rlog_release(struct mn_rlog *log);

/* ---- messages by id, many at once ---- */

enum { MN_FETCH = 64 };

/* Messages to be fetched, in the order in which they are to be given. */
struct mn_fetch {
    struct mn_rocks *db;
    mn_msg_fn fn;
    void *arg;
    size_t room; /* bytes of text that may still be given */
    size_t count;
    int64_t ids[MN_FETCH];
    bool stopped;         /* by the callback, or because `room` is used up */
    struct mn_place last; /* of the last message given */
};

/* Gives what has gathered when that is MN_FETCH messages. */
MN_MUSTCHECK enum mn_err mn_fetch_add(struct mn_fetch *fetch, int64_t id);
MN_MUSTCHECK enum mn_err mn_fetch_flush(struct mn_fetch *fetch);
/* A message's row as callers see it; the texts point into `value`. */
MN_MUSTCHECK enum mn_err mn_msg_parse(int64_t id, struct mn_str value, struct mn_msg *ret);

/* ---- index rows of a chat ---- */

/* The bounds of an iterator, which must outlive it. */
struct mn_seq_bounds {
    char lower[MN_KEY_SEQ_BYTES], upper[MN_KEY_SEQ_BYTES];
};
/* Over after < seq < before. */
struct mn_rocks_iter *mn_seq_iter(struct mn_rocks *db, int64_t chat, int64_t after, int64_t before,
                                  struct mn_seq_bounds *bounds);
/* The row under the iterator. MN_ENOTFOUND at the end. */
MN_MUSTCHECK enum mn_err mn_seq_iter_row(struct mn_rocks_iter *it, int64_t *ret_seq,
                                         struct mn_row_seq *ret);
/* Messages of the higher (or of the lower) user in 1 to `seq`, whose row this is. */
static inline int64_t mn_seq_count(bool high, int64_t seq, const struct mn_row_seq *row)
{
    return high ? seq - row->low_count : row->low_count;
}

/* ---- a user's chats ---- */

/*
 * Chats of his that the lists on disk do not have yet, and an iterator over
 * the lists of that very moment.
 */
struct mn_own_chats {
    struct mn_moved_own *list; /* by chat */
    size_t count;
    struct mn_rocks_iter *it;
};
/* The bounds must outlive it. MN_ENOMEM. */
MN_MUSTCHECK enum mn_err mn_own_chats_begin(struct mn_own_chats *own, struct mn_rlog *log,
                                            int64_t user, struct mn_str lower, struct mn_str upper);
void mn_own_chats_end(struct mn_own_chats *own);
/* NULL: what the list on disk says of the chat is true. */
const struct mn_moved_own *mn_own_chats_find(const struct mn_own_chats *own, int64_t chat);

/* A walk over them in order of their ids. */
struct mn_member_walk {
    struct mn_rlog *log;
    struct mn_rocks_iter *it;
    int64_t user;
    char lower[MN_KEY_CHAT_BYTES], upper[MN_KEY_CHAT_BYTES];
};
void mn_member_walk_begin(struct mn_member_walk *walk, struct mn_rlog *log, int64_t user,
                          int64_t first_chat);
/* The next chat, with its cursors as of now. MN_ENOTFOUND at the end. */
MN_MUSTCHECK enum mn_err mn_member_walk_next(struct mn_member_walk *walk, int64_t *ret_chat,
                                             struct mn_membership *ret);
void mn_member_walk_end(struct mn_member_walk *walk);

#endif
