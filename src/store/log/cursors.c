/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moved cursors that wait for their turn on disk: in the order of their
 * first move, found by a hash table with linear probing, at most half full.
 * Emptied as a whole after each flush, at the price of what was in it.
 *
 * The writer is the only one who changes it and may look without the lock;
 * it takes the lock to change, readers to look.
 */
#include "store/log/cursors.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

void mn_cursors_init(struct mn_cursors *cursors, uint32_t limit)
{
    size_t buckets = 16;
    while (buckets < 2 * (size_t)limit)
        buckets *= 2;
    pthread_mutex_init(&cursors->lock, NULL);
    cursors->slots = mn_alloc_array(limit, sizeof(*cursors->slots));
    cursors->buckets = mn_alloc_array(buckets, sizeof(*cursors->buckets));
    cursors->mask = buckets - 1;
    cursors->count = 0;
    cursors->limit = limit;
    mn_rand_bytes(&cursors->seed, sizeof(cursors->seed));
}

void mn_cursors_deinit(struct mn_cursors *cursors)
{
    if (!cursors->slots)
        return;
    mn_free(cursors->slots);
    mn_free(cursors->buckets);
    cursors->slots = NULL;
    pthread_mutex_destroy(&cursors->lock);
}

/* The slot of the two, or NULL and the free bucket where it would be. */
static struct mn_cursor_slot *find(const struct mn_cursors *cursors, int64_t user, int64_t chat,
                                   uint32_t *ret_bucket)
{
    size_t i = mn_hash_u64(mn_hash_u64((uint64_t)user ^ cursors->seed) ^ (uint64_t)chat);
    for (;; i++) {
        uint32_t at = cursors->buckets[i & cursors->mask];
        *ret_bucket = (uint32_t)(i & cursors->mask);
        if (at == 0)
            return NULL;
        struct mn_cursor_slot *slot = &cursors->slots[at - 1];
        if (slot->user == user && slot->chat == chat)
            return slot;
    }
}

bool mn_cursors_get(struct mn_cursors *cursors, int64_t user, int64_t chat,
                    struct mn_membership *ret)
{
    uint32_t bucket;
    pthread_mutex_lock(&cursors->lock);
    const struct mn_cursor_slot *slot = find(cursors, user, chat, &bucket);
    bool found = slot && !slot->dropped;
    if (found)
        *ret = slot->row;
    pthread_mutex_unlock(&cursors->lock);
    return found;
}

bool mn_cursors_put(struct mn_cursors *cursors, int64_t user, int64_t chat,
                    const struct mn_membership *row)
{
    uint32_t bucket;
    struct mn_cursor_slot *slot = find(cursors, user, chat, &bucket);
    if (!slot && cursors->count >= cursors->limit)
        return false;
    pthread_mutex_lock(&cursors->lock);
    if (!slot) {
        slot = &cursors->slots[cursors->count++];
        cursors->buckets[bucket] = (uint32_t)cursors->count;
    }
    *slot = (struct mn_cursor_slot){.user = user, .chat = chat, .row = *row, .bucket = bucket};
    pthread_mutex_unlock(&cursors->lock);
    return true;
}

void mn_cursors_drop(struct mn_cursors *cursors, int64_t user, int64_t chat)
{
    uint32_t bucket;
    struct mn_cursor_slot *slot = find(cursors, user, chat, &bucket);
    if (!slot)
        return;
    pthread_mutex_lock(&cursors->lock);
    slot->dropped = true;
    pthread_mutex_unlock(&cursors->lock);
}

const struct mn_cursor_slot *mn_cursors_next(const struct mn_cursors *cursors, size_t *pos)
{
    while (*pos < cursors->count) {
        const struct mn_cursor_slot *slot = &cursors->slots[(*pos)++];
        if (!slot->dropped)
            return slot;
    }
    return NULL;
}

void mn_cursors_clear(struct mn_cursors *cursors)
{
    pthread_mutex_lock(&cursors->lock);
    for (size_t i = 0; i < cursors->count; i++)
        cursors->buckets[cursors->slots[i].bucket] = 0;
    cursors->count = 0;
    pthread_mutex_unlock(&cursors->lock);
}
