/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set-associative table of counters: a key's hash names a set of eight
 * entries, and only those are looked at.  No growth, no sweeping; an entry
 * whose window has ended is free.  Sets share 16 locks.
 */
#include "im/ratelimit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

#define WAYS 8
#define LOCKS 16

struct entry {
    uint64_t tag;
    uint64_t end_ms; /* of the window; at or before now: free */
    uint64_t count;
};

struct mn_ratelimit {
    uint64_t seed[2]; /* peers choose keys, not places */
    uint32_t set_mask;
    _Atomic uint64_t forgotten;
    pthread_mutex_t lock[LOCKS];
    struct entry entries[]; /* WAYS to a set */
};

struct mn_ratelimit *mn_ratelimit_new(uint32_t keys)
{
    uint32_t sets = 1;
    while (sets < (UINT32_C(1) << 24) && sets * WAYS < keys)
        sets *= 2;
    struct mn_ratelimit *limit = mn_alloc(sizeof(*limit) +
                                          (size_t)sets * WAYS * sizeof(struct entry));
    mn_rand_bytes(limit->seed, sizeof(limit->seed));
    limit->set_mask = sets - 1;
    for (unsigned i = 0; i < LOCKS; i++)
        pthread_mutex_init(&limit->lock[i], NULL);
    return limit;
}

void mn_ratelimit_free(struct mn_ratelimit *limit)
{
    if (!limit)
        return;
    for (unsigned i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&limit->lock[i]);
    mn_free(limit);
}

/* The key's entry, or the one that makes room for it. */
static struct entry *find(struct mn_ratelimit *limit, struct entry *set, uint64_t tag,
                          uint64_t now_ms)
{
    struct entry *victim = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        struct entry *e = &set[i];
        if (e->tag == tag && e->end_ms > now_ms)
            return e;
        if (victim->end_ms > now_ms && (e->end_ms <= now_ms || e->count < victim->count))
            victim = e;
    }
    if (victim->end_ms > now_ms)
        atomic_fetch_add_explicit(&limit->forgotten, 1, memory_order_relaxed);
    *victim = (struct entry){.tag = tag};
    return victim;
}

bool mn_ratelimit_hit(struct mn_ratelimit *limit, uint32_t rule, struct mn_str a, struct mn_str b,
                      uint32_t max, uint32_t window_s, uint64_t now_mono_ms, uint32_t *ret_retry_s)
{
    uint64_t parts[5] = {rule}, hash[2];
    mn_hash128(limit->seed, a.p, a.n, &parts[1]);
    mn_hash128(limit->seed, b.p, b.n, &parts[3]);
    mn_hash128(limit->seed, parts, sizeof(parts), hash);
    uint32_t index = (uint32_t)hash[0] & limit->set_mask;
    pthread_mutex_t *lock = &limit->lock[index % LOCKS];

    pthread_mutex_lock(lock);
    struct entry *e = find(limit, &limit->entries[(size_t)index * WAYS], hash[1], now_mono_ms);
    if (e->count == 0)
        e->end_ms = now_mono_ms + (uint64_t)window_s * 1000;
    e->count++;
    bool allowed = e->count <= max;
    uint64_t left_ms = e->end_ms - now_mono_ms;
    pthread_mutex_unlock(lock);

    if (!allowed)
        *ret_retry_s = (uint32_t)((left_ms + 999) / 1000);
    return allowed;
}

uint64_t mn_ratelimit_forgotten(const struct mn_ratelimit *limit)
{
    return atomic_load_explicit(&limit->forgotten, memory_order_relaxed);
}
