/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two arrays of entries with chains by chat and by user, each emptied as a
 * whole.  An entry of the table at work overrides that of the one being
 * written; a user's entries are found by his chain, which is as long as the
 * number of his chats that moved lately.
 */
#include "store/rocks/moved.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

static void table_init(struct mn_moved_table *table, uint32_t cap, uint64_t buckets)
{
    table->entries = mn_alloc_array(cap, sizeof(*table->entries));
    table->by_chat = mn_alloc_array(buckets, sizeof(*table->by_chat));
    table->by_user = mn_alloc_array(buckets, sizeof(*table->by_user));
}

static void table_clear(struct mn_moved_table *table, uint64_t mask)
{
    if (table->count == 0)
        return;
    memset(table->by_chat, 0, (mask + 1) * sizeof(*table->by_chat));
    memset(table->by_user, 0, (mask + 1) * sizeof(*table->by_user));
    table->count = table->written = 0;
}

static void table_deinit(struct mn_moved_table *table)
{
    mn_free(table->entries);
    mn_free(table->by_chat);
    mn_free(table->by_user);
}

void mn_moved_chats_init(struct mn_moved_chats *moves, uint32_t cap)
{
    uint64_t buckets = 16;
    while (buckets < cap)
        buckets *= 2;
    *moves = (struct mn_moved_chats){.cap = cap, .mask = buckets - 1};
    pthread_mutex_init(&moves->lock, NULL);
    table_init(&moves->now, cap, buckets);
    table_init(&moves->writing, cap, buckets);
    mn_rand_bytes(&moves->seed, sizeof(moves->seed));
}

void mn_moved_chats_deinit(struct mn_moved_chats *moves)
{
    if (!moves->now.entries)
        return;
    table_deinit(&moves->now);
    table_deinit(&moves->writing);
    pthread_mutex_destroy(&moves->lock);
    *moves = (struct mn_moved_chats){.cap = 0};
}

static uint32_t *bucket(const struct mn_moved_chats *moves, uint32_t *buckets, int64_t key)
{
    return &buckets[mn_hash_u64((uint64_t)key ^ moves->seed) & moves->mask];
}

static struct mn_moved *find(const struct mn_moved_chats *moves, const struct mn_moved_table *table,
                             int64_t chat)
{
    uint32_t i = *bucket(moves, table->by_chat, chat);
    while (i != 0 && table->entries[i - 1].chat != chat)
        i = table->entries[i - 1].next_chat;
    return i == 0 ? NULL : &table->entries[i - 1];
}

void mn_moved_chats_put(struct mn_moved_chats *moves, const struct mn_moved *moved)
{
    struct mn_moved_table *table = &moves->now;
    struct mn_moved *entry = find(moves, table, moved->chat);
    if (entry) {
        entry->updated_ms = moved->updated_ms;
        for (int side = 0; side < 2; side++)
            if (moved->waiting[side] != MN_WAITING_KEEP)
                entry->waiting[side] = moved->waiting[side];
        return;
    }
    MN_BUG_ON(table->count >= moves->cap);
    uint32_t index = table->count++;
    entry = &table->entries[index];
    *entry = *moved;
    uint32_t *chain = bucket(moves, table->by_chat, moved->chat);
    entry->next_chat = *chain;
    *chain = index + 1;
    for (uint32_t side = 0; side < 2; side++) {
        chain = bucket(moves, table->by_user, moved->user[side]);
        entry->next_user[side] = *chain;
        *chain = 2 * index + side + 1;
    }
}

void mn_moved_chats_turn(struct mn_moved_chats *moves)
{
    MN_BUG_ON(moves->writing.count != 0);
    pthread_mutex_lock(&moves->lock);
    struct mn_moved_table table = moves->writing;
    moves->writing = moves->now;
    moves->now = table;
    pthread_mutex_unlock(&moves->lock);
}

void mn_moved_chats_wrote(struct mn_moved_chats *moves, uint32_t count)
{
    struct mn_moved_table *table = &moves->writing;
    pthread_mutex_lock(&moves->lock);
    table->written += count;
    if (table->written == table->count)
        table_clear(table, moves->mask);
    pthread_mutex_unlock(&moves->lock);
}

void mn_moved_chats_clear(struct mn_moved_chats *moves)
{
    pthread_mutex_lock(&moves->lock);
    table_clear(&moves->now, moves->mask);
    table_clear(&moves->writing, moves->mask);
    pthread_mutex_unlock(&moves->lock);
}

/* ---- a user's ---- */

struct own {
    struct mn_moved_own *list;
    size_t count, cap;
};

static bool own_add(struct own *own, const struct mn_moved *moved, uint8_t waiting, bool is_created)
{
    if (own->count == own->cap) {
        size_t cap = own->cap ? 2 * own->cap : 64;
        void *p = mn_try_realloc_array(own->list, cap, sizeof(*own->list));
        if (!p)
            return false;
        own->list = p;
        own->cap = cap;
    }
    own->list[own->count++] = (struct mn_moved_own){.chat = moved->chat,
                                                    .updated_ms = moved->updated_ms,
                                                    .waiting = (enum mn_waiting)waiting,
                                                    .is_created = is_created};
    return true;
}

/* What the table being written says of a chat, if that is not on disk yet. */
static const struct mn_moved *find_unwritten(const struct mn_moved_chats *moves, int64_t chat)
{
    const struct mn_moved_table *table = &moves->writing;
    const struct mn_moved *entry = table->count ? find(moves, table, chat) : NULL;
    return entry && entry >= table->entries + table->written ? entry : NULL;
}

static bool add_from(const struct mn_moved_chats *moves, const struct mn_moved_table *table,
                     int64_t user, struct own *own)
{
    uint32_t i = table->count ? *bucket(moves, table->by_user, user) : 0;
    while (i != 0) {
        const struct mn_moved *entry = &table->entries[(i - 1) / 2];
        uint32_t side = (i - 1) % 2;
        i = entry->next_user[side];
        if (entry->user[side] != user)
            continue;
        uint8_t waiting = entry->waiting[side];
        bool is_created = entry->is_created;
        if (table == &moves->now) {
            const struct mn_moved *before = find_unwritten(moves, entry->chat);
            if (waiting == MN_WAITING_KEEP && before)
                waiting = before->waiting[side];
            if (before && before->is_created)
                is_created = true;
        } else if (entry < table->entries + table->written ||
                   (moves->now.count && find(moves, &moves->now, entry->chat))) {
            continue;
        }
        if (!own_add(own, entry, waiting, is_created))
            return false;
    }
    return true;
}

enum mn_err mn_moved_chats_of_user(const struct mn_moved_chats *moves, int64_t user,
                                   struct mn_moved_own **ret, size_t *ret_count)
{
    struct own own = {.count = 0};
    if (!add_from(moves, &moves->now, user, &own) ||
        !add_from(moves, &moves->writing, user, &own)) {
        mn_free(own.list);
        return MN_ENOMEM;
    }
    *ret = own.list;
    *ret_count = own.count;
    return MN_OK;
}
