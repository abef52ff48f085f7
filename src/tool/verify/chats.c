/* SPDX-License-Identifier: Apache-2.0 */
/* Table of chats, see chats.h: linear probing, never shrinks, at most 7/8 full. */
#include "tool/verify/chats.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

/* Room for chats that no pair leads to, however few pairs there are: 768 KiB. */
#define SLOTS_FIRST 16384
#define SLOTS_MIN 64

/* Greatest power of two that fits into `bytes`. */
static size_t slots_in(uint64_t bytes)
{
    size_t slots = SLOTS_MIN;
    while (2 * slots * sizeof(struct verify_chat) <= bytes)
        slots *= 2;
    return slots;
}

size_t verify_chats_room(uint64_t bytes) { return slots_in(bytes) / 8 * 5; }

void verify_chats_init(struct verify_chats *chats, size_t count, uint64_t bytes)
{
    size_t most = slots_in(bytes);
    size_t slots = most < SLOTS_FIRST ? most : SLOTS_FIRST;
    while (slots < most && slots / 8 * 5 < count)
        slots *= 2;
    *chats = (struct verify_chats){.mask = slots - 1};
    chats->slots = mn_alloc_array(slots, sizeof *chats->slots);
    mn_rand_bytes(&chats->seed, sizeof chats->seed);
}

void verify_chats_deinit(struct verify_chats *chats)
{
    mn_free(chats->slots);
    *chats = (struct verify_chats){0};
}

/* Its slot, or the free one where it would be. */
static struct verify_chat *slot_of(const struct verify_chats *chats, int64_t id)
{
    for (size_t i = mn_hash_u64((uint64_t)id ^ chats->seed);; i++) {
        struct verify_chat *slot = &chats->slots[i & chats->mask];
        if (slot->id == id || slot->id == 0)
            return slot;
    }
}

struct verify_chat *verify_chats_find(const struct verify_chats *chats, int64_t id)
{
    struct verify_chat *slot = slot_of(chats, id);
    return slot->id ? slot : NULL;
}

struct verify_chat *verify_chats_add(struct verify_chats *chats, int64_t id)
{
    struct verify_chat *slot = slot_of(chats, id);
    if (slot->id)
        return slot;
    if (chats->count >= (chats->mask + 1) / 8 * 7)
        return NULL;
    chats->count++;
    slot->id = id;
    return slot;
}
