/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_CHATS_H
#define MN_TOOL_VERIFY_CHATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of each chat while a store is checked: a hash table of fixed size.  One thread. */
enum verify_chat_flag {
    VERIFY_LOW_SEEN = 1u << 0, /* the member's row of the lower user */
    VERIFY_HIGH_SEEN = 1u << 1,
    VERIFY_BARE = 1u << 2,      /* made without a message, so it may have none */
    VERIFY_DISAGREES = 1u << 3, /* its rows do: to be looked at one by one */
    VERIFY_GROUP = 1u << 4,     /* its id is a group's: no pair leads to it */
    VERIFY_WAITED = 1u << 5     /* it became known from a row of somebody's backlog */
};

struct verify_chat {
    int64_t id;        /* 0: free */
    int64_t low, high; /* of the pair that leads here; 0: none does */
    int64_t head;      /* greatest number, 0: none */
    uint64_t sum;      /* hashes of rows, less those of the rows that should be there */
    uint32_t flags;    /* enum verify_chat_flag */
};

struct verify_chats {
    struct verify_chat *slots;
    size_t mask, count;
    uint64_t seed;
};

/* Chats that fit well into so many bytes. */
size_t verify_chats_room(uint64_t bytes);
/* Room for `count` chats and some that nobody expects, in at most `bytes` (64 KiB or more). */
void verify_chats_init(struct verify_chats *chats, size_t count, uint64_t bytes);
void verify_chats_deinit(struct verify_chats *chats);
/* NULL when it is not there. */
struct verify_chat *verify_chats_find(const struct verify_chats *chats, int64_t id);
/* Finds or adds; NULL when the table is full. */
struct verify_chat *verify_chats_add(struct verify_chats *chats, int64_t id);

#endif
