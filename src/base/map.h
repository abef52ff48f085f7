/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_MAP_H
#define MN_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Hash map from 64-bit key to 64-bit value (a number or a pointer), open
 * addressing, linear probing, deletion by backward shift.  Keys are mixed
 * with a per-map random seed, so a peer who picks ids cannot pick slots.
 * Caller-owned, one thread at a time.  A zeroed struct is an empty map with
 * seed 0: use mn_map_init for maps whose keys peers choose.
 */
struct mn_map {
    struct mn_map_slot *slots;
    size_t cap, count;
    uint64_t seed;
};

void mn_map_init(struct mn_map *map);
void mn_map_deinit(struct mn_map *map);
/* MN_ENOMEM leaves the map as it was. */
MN_MUSTCHECK enum mn_err mn_map_put(struct mn_map *map, uint64_t key, uint64_t value);
bool mn_map_get(const struct mn_map *map, uint64_t key, uint64_t *ret_value);
bool mn_map_remove(struct mn_map *map, uint64_t key);
/* Iterates: start with *pos = 0, ends with false. Do not change the map meanwhile. */
bool mn_map_next(const struct mn_map *map, size_t *pos, uint64_t *ret_key, uint64_t *ret_value);
/* 64-bit mixer, also for other tables. */
static inline uint64_t mn_hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    return x;
}
/* Keyed SipHash-2-4 with 128 bits of result, for client ids and strings from peers. */
void mn_hash128(const uint64_t key[2], const void *p, size_t n, uint64_t ret_hash[2]);

#endif
