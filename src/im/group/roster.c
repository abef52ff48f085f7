/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rosters in memory: see roster.h.  Shards by group, each a mutex, a map and
 * a list in the order of use.
 *
 * A roster that is being read while its group changes must not stay: it may
 * have been read before the change.  So a group has an entry from the start
 * of a read on, and a change during the read is counted there.
 */
#include "im/group/roster.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum {
    SHARDS = 16,
    UNIT = sizeof(struct mn_roster_member),
    HEAD_UNITS = (sizeof(struct mn_roster) + UNIT - 1) / UNIT,
    FIRST_CAP = 16,
    TRIES = 4 /* reads of a group that changes all the time; the last one is right, but not kept */
};
_Static_assert(UNIT == 16, "a member takes 16 bytes");

struct entry {
    struct mn_list link; /* in the order of use; only with a roster */
    int64_t group;
    struct mn_roster *roster; /* NULL: not known */
    unsigned reads;           /* under way */
    unsigned changes;         /* since the first of them began */
};

struct shard {
    pthread_mutex_t lock;
    struct mn_map entries; /* group -> entry */
    struct mn_list used;   /* the latest last */
    size_t bytes;
} __attribute__((aligned(64)));

struct mn_rosters {
    struct mn_roster_source source;
    size_t shard_max;
    struct mn_metrics_shard *metrics;
    _Atomic uint64_t version;
    struct shard shards[SHARDS];
};

/* ---- a roster ---- */

static size_t bytes_of(const struct mn_roster *roster)
{
    return mn_mem_cost(sizeof(*roster) + roster->count * sizeof(roster->members[0])) +
           mn_mem_cost(sizeof(struct entry));
}

void mn_roster_unref(struct mn_roster *roster)
{
    if (roster && atomic_fetch_sub_explicit(&roster->refs, 1, memory_order_acq_rel) == 1)
        mn_free(roster);
}

const struct mn_roster_member *mn_roster_member(const struct mn_roster *roster, int64_t uid)
{
    const struct mn_roster_member *at = roster->members;
    for (uint32_t n = roster->count; n > 0;) {
        uint32_t half = n / 2;
        if (at[half].uid == uid)
            return &at[half];
        if (at[half].uid < uid) {
            at += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return NULL;
}

/* What the source has given so far. */
struct reading {
    struct mn_roster *roster;
    size_t cap;
    bool sorted, failed;
};

static bool make_room(struct reading *r)
{
    if (r->roster->count < r->cap)
        return true;
    size_t cap = r->cap * 2;
    struct mn_roster *roster = cap <= UINT32_MAX
                                   ? mn_try_realloc_array(r->roster, HEAD_UNITS + cap, UNIT)
                                   : NULL;
    if (!roster)
        return false;
    r->roster = roster;
    r->cap = cap;
    return true;
}

static void put(void *arg, int64_t uid, unsigned role, int64_t mute_until_ms)
{
    struct reading *r = arg;
    if (r->failed || !make_room(r)) {
        r->failed = true;
        return;
    }
    struct mn_roster *roster = r->roster;
    if (roster->count > 0 && roster->members[roster->count - 1].uid >= uid)
        r->sorted = false;
    roster->members[roster->count++] = (struct mn_roster_member){
        .uid = uid,
        .role = role & 0xff,
        .mute_until_ms = mute_until_ms > 0 ? (uint64_t)mute_until_ms & UINT64_C(0xffffffffffffff)
                                           : 0};
}

static int compare_members(const void *a, const void *b)
{
    const struct mn_roster_member *x = a, *y = b;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static enum mn_err read_roster(struct mn_rosters *rosters, int64_t group, struct mn_roster **ret)
{
    struct reading r = {.cap = FIRST_CAP, .sorted = true};
    r.roster = mn_try_alloc((HEAD_UNITS + FIRST_CAP) * UNIT);
    if (!r.roster)
        return MN_ENOMEM;
    *r.roster = (struct mn_roster){.group = group};
    atomic_init(&r.roster->refs, 1);
    enum mn_err err = rosters->source.members(rosters->source.ctx, group, put, &r);
    if (!err && r.failed)
        err = MN_ENOMEM;
    if (err) {
        mn_free(r.roster);
        return err;
    }
    if (!r.sorted)
        qsort(r.roster->members, r.roster->count, UNIT, compare_members);
    struct mn_roster *fit = mn_try_realloc_array(r.roster, HEAD_UNITS + r.roster->count, UNIT);
    *ret = fit ? fit : r.roster;
    (*ret)->version = atomic_fetch_add(&rosters->version, 1) + 1;
    mn_metric_inc(rosters->metrics, MN_M_ROSTER_READS);
    return MN_OK;
}

/* ---- those in memory; under the shard's lock ---- */

static struct shard *shard_of(struct mn_rosters *rosters, int64_t group)
{
    return &rosters->shards[mn_hash_u64((uint64_t)group) % SHARDS];
}

static struct entry *find_entry(struct shard *shard, int64_t group)
{
    uint64_t at = 0;
    return mn_map_get(&shard->entries, (uint64_t)group, &at) ? (struct entry *)(uintptr_t)at : NULL;
}

/* Forgets the entry's roster, and the entry unless it is being read. */
static void forget(struct mn_rosters *rosters, struct shard *shard, struct entry *entry)
{
    if (entry->roster) {
        size_t bytes = bytes_of(entry->roster);
        shard->bytes -= bytes;
        mn_metric_add(rosters->metrics, MN_M_ROSTER_BYTES, -(int64_t)bytes);
        mn_metric_add(rosters->metrics, MN_M_ROSTERS, -1);
        mn_list_remove(&entry->link);
        mn_roster_unref(entry->roster);
        entry->roster = NULL;
    }
    if (entry->reads == 0) {
        mn_map_remove(&shard->entries, (uint64_t)entry->group);
        mn_free(entry);
    }
}

static void evict(struct mn_rosters *rosters, struct shard *shard, const struct entry *kept)
{
    while (shard->bytes > rosters->shard_max) {
        struct entry *oldest = mn_container_of(shard->used.next, struct entry, link);
        if (oldest == kept)
            break;
        forget(rosters, shard, oldest);
        mn_metric_inc(rosters->metrics, MN_M_ROSTER_EVICTIONS);
    }
}

static void keep(struct mn_rosters *rosters, struct shard *shard, struct entry *entry,
                 struct mn_roster *roster)
{
    size_t bytes = bytes_of(roster);
    entry->reads++; /* so that the entry stays */
    forget(rosters, shard, entry);
    entry->reads--;
    entry->roster = mn_roster_ref(roster);
    mn_list_push(&shard->used, &entry->link);
    shard->bytes += bytes;
    mn_metric_add(rosters->metrics, MN_M_ROSTER_BYTES, (int64_t)bytes);
    mn_metric_add(rosters->metrics, MN_M_ROSTERS, 1);
    evict(rosters, shard, entry);
}

static struct entry *begin_read(struct shard *shard, int64_t group, unsigned *ret_changes)
{
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find_entry(shard, group);
    if (!entry) {
        entry = mn_new(struct entry);
        entry->group = group;
        if (mn_map_put(&shard->entries, (uint64_t)group, (uintptr_t)entry)) {
            mn_free(entry);
            entry = NULL;
        }
    }
    if (entry) {
        entry->reads++;
        *ret_changes = entry->changes;
    }
    pthread_mutex_unlock(&shard->lock);
    return entry;
}

/* False: the group has changed meanwhile, the roster may be old and was not kept. */
static bool end_read(struct mn_rosters *rosters, struct shard *shard, struct entry *entry,
                     unsigned changes, struct mn_roster *roster)
{
    pthread_mutex_lock(&shard->lock);
    bool is_current = entry->changes == changes;
    entry->reads--;
    /* An unknown group is not kept: whoever guesses ids must not push out the others. */
    if (is_current && roster && roster->count > 0)
        keep(rosters, shard, entry, roster);
    else if (!entry->roster)
        forget(rosters, shard, entry);
    pthread_mutex_unlock(&shard->lock);
    return is_current;
}

/* ---- from outside ---- */

struct mn_roster *mn_roster_find(struct mn_rosters *rosters, int64_t group)
{
    struct shard *shard = shard_of(rosters, group);
    struct mn_roster *roster = NULL;
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find_entry(shard, group);
    if (entry && entry->roster) {
        roster = mn_roster_ref(entry->roster);
        mn_list_remove(&entry->link);
        mn_list_push(&shard->used, &entry->link);
    }
    pthread_mutex_unlock(&shard->lock);
    return roster;
}

enum mn_err mn_roster_load(struct mn_rosters *rosters, int64_t group, struct mn_roster **ret)
{
    struct shard *shard = shard_of(rosters, group);
    *ret = mn_roster_find(rosters, group);
    for (unsigned tries = TRIES; !*ret; tries--) {
        unsigned changes = 0;
        struct entry *entry = begin_read(shard, group, &changes);
        if (!entry)
            return MN_ENOMEM;
        enum mn_err err = read_roster(rosters, group, ret);
        if (err) {
            mn_ignore(end_read(rosters, shard, entry, changes, NULL));
            return err;
        }
        if (!end_read(rosters, shard, entry, changes, *ret) && tries > 1) {
            mn_roster_unref(*ret);
            *ret = NULL;
        }
    }
    return MN_OK;
}

void mn_roster_changed(struct mn_rosters *rosters, int64_t group)
{
    struct shard *shard = shard_of(rosters, group);
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find_entry(shard, group);
    if (entry) {
        entry->changes++;
        forget(rosters, shard, entry);
    }
    pthread_mutex_unlock(&shard->lock);
}

struct mn_rosters *mn_rosters_new(const struct mn_roster_source *source, size_t max_bytes,
                                  struct mn_metrics *metrics)
{
    struct mn_rosters *rosters = mn_alloc_aligned(64, 1, sizeof(*rosters));
    rosters->source = *source;
    rosters->shard_max = max_bytes / SHARDS;
    rosters->metrics = mn_metrics_claim(metrics);
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&rosters->shards[i].lock, NULL);
        mn_map_init(&rosters->shards[i].entries);
        mn_list_init(&rosters->shards[i].used);
    }
    return rosters;
}

void mn_rosters_free(struct mn_rosters *rosters)
{
    if (!rosters)
        return;
    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &rosters->shards[i];
        while (!mn_list_is_empty(&shard->used))
            forget(rosters, shard, mn_container_of(shard->used.next, struct entry, link));
        mn_map_deinit(&shard->entries);
        pthread_mutex_destroy(&shard->lock);
    }
    mn_free(rosters);
}
