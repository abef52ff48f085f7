/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cache of chats: an array of entries in hash chains, evicted by a
 * clock hand that passes over entries used since its last visit and over
 * those of the batch at hand, to which the writer holds pointers.
 */
#include "store/rocks/chats.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

void mn_chats_init(struct mn_chats *chats, uint32_t cap)
{
    size_t buckets = 16;
    while (buckets < cap)
        buckets *= 2;
    *chats = (struct mn_chats){.cap = cap, .mask = buckets - 1, .batch = 1};
    chats->entries = mn_alloc_array(cap, sizeof(*chats->entries));
    chats->buckets = mn_alloc_array(buckets, sizeof(*chats->buckets));
    mn_rand_bytes(&chats->seed, sizeof(chats->seed));
}

void mn_chats_deinit(struct mn_chats *chats)
{
    mn_free(chats->entries);
    mn_free(chats->buckets);
    *chats = (struct mn_chats){0};
}

void mn_chats_begin(struct mn_chats *chats) { chats->batch++; }

/* A group's b is 0, which no pair has: the kind need not be looked at. */
static uint32_t *bucket_of(const struct mn_chats *chats, struct mn_chat_key key)
{
    uint64_t h = mn_hash_u64(mn_hash_u64((uint64_t)key.a ^ chats->seed) ^ (uint64_t)key.b);
    return &chats->buckets[h & chats->mask];
}

static void unlink_entry(struct mn_chats *chats, const struct mn_chat *chat)
{
    uint32_t *link = bucket_of(chats, chat->key);
    while (&chats->entries[*link - 1] != chat)
        link = &chats->entries[*link - 1].next;
    *link = chat->next;
}

/* An entry that may be overwritten, in no chain; NULL when all are in use by this batch. */
static struct mn_chat *take_entry(struct mn_chats *chats)
{
    if (chats->count < chats->cap)
        return &chats->entries[chats->count++];
    for (uint64_t steps = 2 * (uint64_t)chats->cap; steps > 0; steps--) {
        struct mn_chat *chat = &chats->entries[chats->hand];
        chats->hand = (chats->hand + 1) % chats->cap;
        if (chat->batch == chats->batch)
            continue;
        if (chat->referenced) {
            chat->referenced = false;
            continue;
        }
        unlink_entry(chats, chat);
        return chat;
    }
    return NULL;
}

struct mn_chat *mn_chats_find(struct mn_chats *chats, struct mn_chat_key key)
{
    uint32_t *bucket = bucket_of(chats, key);
    for (uint32_t i = *bucket; i != 0;) {
        struct mn_chat *chat = &chats->entries[i - 1];
        if (chat->key.a == key.a && chat->key.b == key.b) {
            chat->batch = chats->batch;
            chat->referenced = true;
            return chat;
        }
        i = chat->next;
    }
    struct mn_chat *chat = take_entry(chats);
    if (!chat)
        return NULL;
    *chat = (struct mn_chat){.key = key, .batch = chats->batch, .next = *bucket};
    *bucket = (uint32_t)(chat - chats->entries) + 1;
    return chat;
}

const struct mn_chat *mn_chats_peek(const struct mn_chats *chats, struct mn_chat_key key)
{
    for (uint32_t i = *bucket_of(chats, key); i != 0; i = chats->entries[i - 1].next) {
        const struct mn_chat *chat = &chats->entries[i - 1];
        if (chat->key.a == key.a && chat->key.b == key.b)
            return chat->loaded ? chat : NULL;
    }
    return NULL;
}

void mn_chats_clear(struct mn_chats *chats)
{
    memset(chats->buckets, 0, (chats->mask + 1) * sizeof(*chats->buckets));
    chats->count = 0;
    chats->hand = 0;
}
