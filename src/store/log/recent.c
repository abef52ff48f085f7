/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recent messages by id, a set-associative table.
 *
 * One writer, many readers: every way is a sequence lock.  Its version is
 * odd while the writer is at it.  The fields are atomics with release stores
 * and acquire loads, which orders them against the version without fences
 * (and lets ThreadSanitizer follow); on x86 these are plain moves.
 *
 * Four ways a set, because with one a second's worth of newer messages
 * already overwrites a good part of the table at random.
 */
#include "store/log/recent.h"

#include "base/map.h"
#include "base/mem.h"

enum { WAYS = 4 };

struct way {
    _Atomic uint64_t version;
    _Atomic int64_t id, chat, seq, from, to;
};

struct mn_recent_set {
    struct way way[WAYS];
};

void mn_recent_init(struct mn_recent *recent, uint32_t messages)
{
    size_t sets = 1;
    while (sets * WAYS < messages)
        sets *= 2;
    recent->sets = mn_alloc_array(sets, sizeof(*recent->sets));
    recent->mask = sets - 1;
}

void mn_recent_deinit(struct mn_recent *recent)
{
    mn_free(recent->sets);
    *recent = (struct mn_recent){0};
}

static struct mn_recent_set *set_of(const struct mn_recent *recent, int64_t id)
{
    return &recent->sets[mn_hash_u64((uint64_t)id) & recent->mask];
}

static void store(_Atomic int64_t *field, int64_t v)
{
    atomic_store_explicit(field, v, memory_order_release);
}

static int64_t load(const _Atomic int64_t *field)
{
    return atomic_load_explicit(field, memory_order_acquire);
}

void mn_recent_put(struct mn_recent *recent, const struct mn_msg_ref *ref)
{
    struct mn_recent_set *set = set_of(recent, ref->id);
    struct way *way = &set->way[0];
    for (unsigned i = 1; i < WAYS; i++)
        if (load(&set->way[i].id) < load(&way->id))
            way = &set->way[i];
    uint64_t version = atomic_load_explicit(&way->version, memory_order_relaxed);
    atomic_store_explicit(&way->version, version + 1, memory_order_relaxed);
    store(&way->id, ref->id);
    store(&way->chat, ref->at.chat);
    store(&way->seq, ref->at.seq);
    store(&way->from, ref->from);
    store(&way->to, ref->to);
    atomic_store_explicit(&way->version, version + 2, memory_order_release);
}

bool mn_recent_get(const struct mn_recent *recent, int64_t id, struct mn_msg_ref *ret)
{
    const struct mn_recent_set *set = set_of(recent, id);
    for (unsigned i = 0; i < WAYS; i++) {
        const struct way *way = &set->way[i];
        uint64_t version = atomic_load_explicit(&way->version, memory_order_acquire);
        if (version == 0 || (version & 1) != 0 || load(&way->id) != id)
            continue;
        struct mn_msg_ref ref = {.id = id,
                                 .at = {load(&way->chat), load(&way->seq)},
                                 .from = load(&way->from),
                                 .to = load(&way->to)};
        ref.kind = ref.to > 0 ? MN_CHAT_PAIR : MN_CHAT_GROUP;
        if (atomic_load_explicit(&way->version, memory_order_relaxed) != version)
            return false;
        *ret = ref;
        return true;
    }
    return false;
}
