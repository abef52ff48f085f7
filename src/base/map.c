/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map, 16 bytes a slot.  Owner: caller.  Key 0 marks a free slot; the
 * real key 0 lives in one slot of its own behind the table, slots[cap],
 * whose key field tells whether it is there.  cap is a power of two, at most
 * three quarters of it are used.  Deletion shifts the followers back, so
 * that there are no tombstones and a map that lives for months does not
 * degrade.
 */
#include "base/map.h"

#include <string.h>

#include "base/mem.h"
#include "base/rand.h"

enum { FIRST_SLOTS = 16 };

struct mn_map_slot {
    uint64_t key, value;
};

void mn_map_init(struct mn_map *map)
{
    *map = (struct mn_map){0};
    mn_rand_bytes(&map->seed, sizeof map->seed);
}

void mn_map_deinit(struct mn_map *map)
{
    mn_free(map->slots);
    map->slots = NULL;
    map->cap = map->count = 0;
}

static size_t home(const struct mn_map *map, uint64_t key)
{
    return (size_t)mn_hash_u64(key ^ map->seed) & (map->cap - 1);
}

/* The slot of `key`, or the free slot where it belongs. */
static struct mn_map_slot *find(const struct mn_map *map, uint64_t key)
{
    if (key == 0)
        return &map->slots[map->cap];
    size_t i = home(map, key);
    while (map->slots[i].key != key && map->slots[i].key != 0)
        i = (i + 1) & (map->cap - 1);
    return &map->slots[i];
}

static enum mn_err resize(struct mn_map *map, size_t cap)
{
    struct mn_map bigger = {.cap = cap, .count = map->count, .seed = map->seed};

    if (cap > SIZE_MAX / sizeof *map->slots - 1)
        return MN_ENOMEM;
    bigger.slots = mn_try_alloc((cap + 1) * sizeof *map->slots);
    if (!bigger.slots)
        return MN_ENOMEM;
    memset(bigger.slots, 0, (cap + 1) * sizeof *map->slots);
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key)
            *find(&bigger, map->slots[i].key) = map->slots[i];
    if (map->cap)
        bigger.slots[cap] = map->slots[map->cap];
    mn_free(map->slots);
    *map = bigger;
    return MN_OK;
}

enum mn_err mn_map_put(struct mn_map *map, uint64_t key, uint64_t value)
{
    if (map->cap) {
        struct mn_map_slot *slot = find(map, key);
        if (slot->key) { /* also true of a present key 0, see above */
            slot->value = value;
            return MN_OK;
        }
    }
    if (map->count >= map->cap / 4 * 3) {
        enum mn_err err = resize(map, map->cap ? map->cap * 2 : FIRST_SLOTS);
        if (err)
            return err;
    }
    *find(map, key) = (struct mn_map_slot){.key = key ? key : 1, .value = value};
    map->count++;
    return MN_OK;
}

bool mn_map_get(const struct mn_map *map, uint64_t key, uint64_t *ret_value)
{
    if (map->count == 0)
        return false;
    const struct mn_map_slot *slot = find(map, key);
    if (!slot->key)
        return false;
    *ret_value = slot->value;
    return true;
}

bool mn_map_remove(struct mn_map *map, uint64_t key)
{
    if (map->count == 0)
        return false;
    struct mn_map_slot *slot = find(map, key);
    if (!slot->key)
        return false;
    map->count--;
    if (key != 0) {
        size_t mask = map->cap - 1, hole = (size_t)(slot - map->slots);
        for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
            /* It may move back unless its home lies between the hole (exclusive) and itself. */
            size_t from_home = (i - home(map, map->slots[i].key)) & mask;
            if (from_home >= ((i - hole) & mask)) {
                map->slots[hole] = map->slots[i];
                hole = i;
            }
        }
        slot = &map->slots[hole];
    }
    *slot = (struct mn_map_slot){0};
    return true;
}

bool mn_map_next(const struct mn_map *map, size_t *pos, uint64_t *ret_key, uint64_t *ret_value)
{
    size_t end = map->cap ? map->cap + 1 : 0;

    while (*pos < end) {
        size_t i = (*pos)++;
        if (map->slots[i].key) {
            *ret_key = i == map->cap ? 0 : map->slots[i].key;
            *ret_value = map->slots[i].value;
            return true;
        }
    }
    return false;
}
