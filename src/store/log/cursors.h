/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_LOG_CURSORS_H
#define MN_STORE_LOG_CURSORS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A user's share in a chat: who the other one of a pair is, and the cursors. */
struct mn_membership {
    int64_t peer;            /* of a pair; 0: this is of a group */
    int64_t joined_seq;      /* of a group: its last number when he joined */
    int64_t created_ms;      /* of the pair's chat, or when he joined the group */
    int64_t delivered, read; /* 0 while has_* is false */
    bool has_delivered, has_read;
};

/*
 * Cursors that moved and are not on disk yet, merged per user and chat.
 * Only the writer changes the table; readers ask it before they ask the
 * database, so that a quick reconnect is not sent what was just acknowledged.
 * It has a ceiling; a full table is written early.
 */
struct mn_cursor_slot {
    int64_t user, chat;
    struct mn_membership row;
    uint32_t bucket;
    bool dropped; /* the row counts for nothing */
};
struct mn_cursors {
    pthread_mutex_t lock; /* for slots and buckets, between the writer's changes and the readers */
    struct mn_cursor_slot *slots; /* `count` of `limit` */
    uint32_t *buckets;            /* index + 1 in `slots`; 0: free */
    size_t mask, count, limit;
    uint64_t seed;
};

void mn_cursors_init(struct mn_cursors *cursors, uint32_t limit);
void mn_cursors_deinit(struct mn_cursors *cursors);
/* Any thread. */
bool mn_cursors_get(struct mn_cursors *cursors, int64_t user, int64_t chat,
                    struct mn_membership *ret);
/* Writer. False: full, nothing was kept. */
bool mn_cursors_put(struct mn_cursors *cursors, int64_t user, int64_t chat,
                    const struct mn_membership *row);
/* Writer: forgets the move of one who is no member any more. */
void mn_cursors_drop(struct mn_cursors *cursors, int64_t user, int64_t chat);
/* Writer: the next one, beginning with *pos = 0; NULL at the end. */
const struct mn_cursor_slot *mn_cursors_next(const struct mn_cursors *cursors, size_t *pos);
/* Writer: all of them are on disk. */
void mn_cursors_clear(struct mn_cursors *cursors);

#endif
