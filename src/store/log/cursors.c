/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moved cursors that wait for their turn on disk: a fixed hash table with
 * linear probing, at most half full, emptied as a whole after each flush.
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
    size_t slots = 16;
    while (slots < 2 * (size_t)limit)
        slots *= 2;
    pthread_mutex_init(&cursors->lock, NULL);
    cursors->slots = mn_alloc_array(slots, sizeof(*cursors->slots));
    cursors->mask = slots - 1;
    cursors->count = 0;
    cursors->limit = limit;
    mn_rand_bytes(&cursors->seed, sizeof(cursors->seed));
}

void mn_cursors_deinit(struct mn_cursors *cursors)
{
    if (!cursors->slots)
        return;
    mn_free(cursors->slots);
    cursors->slots = NULL;
    pthread_mutex_destroy(&cursors->lock);
}

/* The pair's slot, or the free one where it would be. */
static struct mn_cursor_slot *slot_of(const struct mn_cursors *cursors, int64_t user, int64_t chat)
{
    size_t i = mn_hash_u64(mn_hash_u64((uint64_t)user ^ cursors->seed) ^ (uint64_t)chat);
    for (;; i++) {
        struct mn_cursor_slot *slot = &cursors->slots[i & cursors->mask];
        if (slot->user == 0 || (slot->user == user && slot->chat == chat))
            return slot;
    }
}

bool mn_cursors_get(struct mn_cursors *cursors, int64_t user, int64_t chat,
                    struct mn_membership *ret)
{
    pthread_mutex_lock(&cursors->lock);
    const struct mn_cursor_slot *slot = slot_of(cursors, user, chat);
    bool found = slot->user != 0 && !slot->dropped;
    if (found)
        *ret = slot->row;
    pthread_mutex_unlock(&cursors->lock);
    return found;
}

bool mn_cursors_put(struct mn_cursors *cursors, int64_t user, int64_t chat,
                    const struct mn_membership *row)
{
    struct mn_cursor_slot *slot = slot_of(cursors, user, chat);
    if (slot->user == 0 && cursors->count >= cursors->limit)
        return false;
    pthread_mutex_lock(&cursors->lock);
    if (slot->user == 0)
        cursors->count++;
    *slot = (struct mn_cursor_slot){.user = user, .chat = chat, .row = *row};
    pthread_mutex_unlock(&cursors->lock);
    return true;
}

void mn_cursors_drop(struct mn_cursors *cursors, int64_t user, int64_t chat)
{
    struct mn_cursor_slot *slot = slot_of(cursors, user, chat);
    if (slot->user == 0)
        return;
    pthread_mutex_lock(&cursors->lock);
    slot->dropped = true;
    pthread_mutex_unlock(&cursors->lock);
}

const struct mn_cursor_slot *mn_cursors_next(const struct mn_cursors *cursors, size_t *pos)
{
    while (*pos <= cursors->mask) {
        const struct mn_cursor_slot *slot = &cursors->slots[(*pos)++];
        if (slot->user != 0 && !slot->dropped)
            return slot;
    }
    return NULL;
}

void mn_cursors_clear(struct mn_cursors *cursors)
{
    if (cursors->count == 0)
        return;
    pthread_mutex_lock(&cursors->lock);
    memset(cursors->slots, 0, (cursors->mask + 1) * sizeof(*cursors->slots));
    cursors->count = 0;
    pthread_mutex_unlock(&cursors->lock);
}
