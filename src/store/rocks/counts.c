/* SPDX-License-Identifier: Apache-2.0 */
/* Running counts in memory: open addressing, linear probing, nothing is ever taken out alone. */
#include "store/rocks/counts.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

enum {
    CAP_MIN = 1024,
    KEEP_MAX = 65536 /* kept across batches; a batch at hand may have more */
};

void mn_counts_init(struct mn_counts *counts)
{
    *counts = (struct mn_counts){.cap = CAP_MIN};
    counts->slots = mn_alloc_array(CAP_MIN, sizeof(*counts->slots));
    mn_rand_bytes(&counts->seed, sizeof(counts->seed));
}

void mn_counts_deinit(struct mn_counts *counts)
{
    mn_free(counts->slots);
    *counts = (struct mn_counts){0};
}

/* The key's slot, or the free one where it belongs. */
static struct mn_count *slot_of(const struct mn_counts *counts, enum mn_count_kind kind,
                                int64_t group, int64_t user)
{
    uint64_t h = mn_hash_u64(mn_hash_u64((uint64_t)group ^ counts->seed) ^ (uint64_t)user) + kind;
    for (;; h++) {
        struct mn_count *slot = &counts->slots[h & (counts->cap - 1)];
        if (slot->group == 0 || (slot->group == group && slot->user == user && slot->kind == kind))
            return slot;
    }
}

bool mn_counts_get(const struct mn_counts *counts, enum mn_count_kind kind, int64_t group,
                   int64_t user, int64_t *ret)
{
    const struct mn_count *slot = slot_of(counts, kind, group, user);
    if (slot->group == 0)
        return false;
    *ret = slot->value;
    return true;
}

static void grow(struct mn_counts *counts)
{
    struct mn_counts old = *counts;
    counts->cap *= 2;
    counts->slots = mn_alloc_array(counts->cap, sizeof(*counts->slots));
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].group != 0)
            *slot_of(counts, old.slots[i].kind, old.slots[i].group,
                     old.slots[i].user) = old.slots[i];
    mn_free(old.slots);
}

void mn_counts_put(struct mn_counts *counts, enum mn_count_kind kind, int64_t group, int64_t user,
                   int64_t value)
{
    if (counts->count >= counts->cap / 2)
        grow(counts);
    struct mn_count *slot = slot_of(counts, kind, group, user);
    counts->count += slot->group == 0;
    *slot = (struct mn_count){group, user, value, kind};
}

void mn_counts_clear(struct mn_counts *counts)
{
    if (counts->count == 0)
        return;
    mn_counts_deinit(counts);
    mn_counts_init(counts);
}

void mn_counts_begin(struct mn_counts *counts)
{
    if (counts->count > KEEP_MAX)
        mn_counts_clear(counts);
}
