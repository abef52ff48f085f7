/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presence for one process: 64 shards, each a mutex and a hash map.  A lock
 * is held for one look-up, so loops and the writer do not wait on each
 * other.  Owner: app; used by every thread.  Ceiling: one entry per open
 * session, which max-connections bounds.
 */
#include "cluster/presence.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/mem.h"

enum { SHARD_COUNT = 64 };

struct shard {
    pthread_mutex_t lock;
    struct mn_map users;
} __attribute__((aligned(64)));

struct mn_presence {
    _Atomic uint64_t changes;
    struct shard shards[SHARD_COUNT];
};

static struct shard *shard_of(struct mn_presence *presence, int64_t user)
{
    return &presence->shards[mn_hash_u64((uint64_t)user) % SHARD_COUNT];
}

struct mn_presence *mn_presence_new(void)
{
    struct mn_presence *presence = mn_new(struct mn_presence);
    for (int i = 0; i < SHARD_COUNT; i++) {
        pthread_mutex_init(&presence->shards[i].lock, NULL);
        mn_map_init(&presence->shards[i].users);
    }
    return presence;
}

void mn_presence_free(struct mn_presence *presence)
{
    if (!presence)
        return;
    for (int i = 0; i < SHARD_COUNT; i++) {
        pthread_mutex_destroy(&presence->shards[i].lock);
        mn_map_deinit(&presence->shards[i].users);
    }
    mn_free(presence);
}

enum mn_err mn_presence_take(struct mn_presence *presence, int64_t user, uint64_t conn,
                             uint64_t *ret_old)
{
    struct shard *shard = shard_of(presence, user);
    uint64_t old = 0;
    pthread_mutex_lock(&shard->lock);
    mn_ignore(mn_map_get(&shard->users, (uint64_t)user, &old)); /* absent leaves 0 */
    enum mn_err err = mn_map_put(&shard->users, (uint64_t)user, conn);
    pthread_mutex_unlock(&shard->lock);
    if (!err)
        *ret_old = old;
    atomic_fetch_add_explicit(&presence->changes, 1, memory_order_release);
    return err;
}

void mn_presence_drop(struct mn_presence *presence, int64_t user, uint64_t conn)
{
    struct shard *shard = shard_of(presence, user);
    uint64_t now = 0;
    pthread_mutex_lock(&shard->lock);
    if (mn_map_get(&shard->users, (uint64_t)user, &now) && now == conn)
        mn_map_remove(&shard->users, (uint64_t)user);
    pthread_mutex_unlock(&shard->lock);
    atomic_fetch_add_explicit(&presence->changes, 1, memory_order_release);
}

uint64_t mn_presence_changes(struct mn_presence *presence)
{
    return atomic_load_explicit(&presence->changes, memory_order_acquire);
}

uint64_t mn_presence_find(struct mn_presence *presence, int64_t user)
{
    struct shard *shard = shard_of(presence, user);
    uint64_t conn = 0;
    pthread_mutex_lock(&shard->lock);
    mn_ignore(mn_map_get(&shard->users, (uint64_t)user, &conn));
    pthread_mutex_unlock(&shard->lock);
    return conn;
}
