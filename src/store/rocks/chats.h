/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_CHATS_H
#define MN_STORE_ROCKS_CHATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/log/msglog.h"
#include "store/rocks/codec.h"

/*
 * The writer's memory of chats, by pair of users or group: what the next
 * message needs without asking the database.  Fixed memory, second-chance
 * eviction.  Everything in it can be thrown away at any time between
 * batches, as the database has it too.  Writer thread only.
 */
struct mn_chat {
    /* set by mn_chats_find */
    struct mn_chat_key key;
    bool loaded;          /* what follows is known */
    enum mn_err load_err; /* why not */
    /* the owner's */
    int64_t id; /* 0: there is no such chat yet */
    int64_t last_seq;
    int64_t low_count;  /* of a pair: messages sent by key.a */
    int64_t last_ms;    /* when its last message was made */
    int64_t last_of[2]; /* of a pair: the last number of key.a, of key.b; 0: not known */
    int64_t stored_seq; /* last_seq before the batch at hand */
    bool has_member[2]; /* of a pair: member[] is known: 0 key.a, 1 key.b */
    struct mn_membership member[2];
    /* private */
    uint64_t batch; /* last batch that used it: not evicted during that one */
    uint32_t next;  /* in the hash chain, index + 1 */
    bool referenced;
};

struct mn_chats {
    struct mn_chat *entries;
    uint32_t *buckets; /* index + 1 of the first entry */
    uint32_t cap, count, hand;
    uint64_t mask, seed, batch;
};

void mn_chats_init(struct mn_chats *chats, uint32_t cap);
void mn_chats_deinit(struct mn_chats *chats);
/* Begins a batch: entries found from now on stay until the next one begins. */
void mn_chats_begin(struct mn_chats *chats);
/*
 * The chat's entry, made (not loaded) if it was not there.  NULL only when a
 * batch holds more chats than the cache has room for.
 */
struct mn_chat *mn_chats_find(struct mn_chats *chats, struct mn_chat_key key);
/* The entry if it is there and loaded, otherwise NULL. Changes nothing. */
const struct mn_chat *mn_chats_peek(const struct mn_chats *chats, struct mn_chat_key key);
/* Forgets everything. Pointers become invalid. */
void mn_chats_clear(struct mn_chats *chats);

#endif
