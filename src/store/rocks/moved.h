/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_MOVED_H
#define MN_STORE_ROCKS_MOVED_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Chats of two whose place in their users' lists, or whose undelivered
 * messages, are not in the lists on disk yet (lists.c).  Two tables:
 * what moves now, and what is being written.  Fixed memory; only the writer
 * changes them, readers look under the lock.
 */

/* Whether a user has something undelivered in the chat. */
enum mn_waiting {
    MN_WAITING_KEEP = 0, /* as the list on disk says */
    MN_WAITING_SET,
    MN_WAITING_CLEAR
};

struct mn_moved {
    int64_t chat;       /* 0: none */
    int64_t user[2];    /* the smaller first */
    int64_t updated_ms; /* its place in both lists */
    uint8_t waiting[2]; /* enum mn_waiting, of user[i] */
    bool is_created;    /* the lists on disk do not have it at all */
    /* private: chains, index + 1; by user: 2 * index + side + 1 */
    uint32_t next_chat, next_user[2];
};

struct mn_moved_table {
    struct mn_moved *entries;
    uint32_t *by_chat, *by_user;
    uint32_t count;
    uint32_t written; /* of the table that is being written: its first entries that are on disk */
};

struct mn_moved_chats {
    pthread_mutex_t lock;
    struct mn_moved_table now, writing;
    uint32_t cap;
    uint64_t mask, seed;
};

void mn_moved_chats_init(struct mn_moved_chats *moves, uint32_t cap);
void mn_moved_chats_deinit(struct mn_moved_chats *moves);
/* Writer, with the lock: merges into what moves now; there must be room. */
void mn_moved_chats_put(struct mn_moved_chats *moves, const struct mn_moved *moved);
/* Writer: what has moved is what is to be written. All of the table before must be on disk. */
void mn_moved_chats_turn(struct mn_moved_chats *moves);
/* Writer: so many more are on disk. */
void mn_moved_chats_wrote(struct mn_moved_chats *moves, uint32_t count);
/* Writer: forgets everything. */
void mn_moved_chats_clear(struct mn_moved_chats *moves);
/*
 * Any thread, with the lock: the user's chats that are not on disk, newest
 * state, in no order, into a new array (free it with mn_free(); NULL when
 * there are none).  MN_ENOMEM.
 */
struct mn_moved_own {
    int64_t chat, updated_ms;
    enum mn_waiting waiting;
    bool is_created;
};
MN_MUSTCHECK enum mn_err mn_moved_chats_of_user(const struct mn_moved_chats *moves, int64_t user,
                                                struct mn_moved_own **ret, size_t *ret_count);

#endif
