/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets and the violation window: see limit.h. */
#include "gate/limit.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"

bool mn_bucket_take(struct mn_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_us)
{
    if (rate == 0)
        return true;
    if (bucket->last_us == 0) {
        bucket->last_us = now_us;
        bucket->tokens = burst;
    } else if (now_us > bucket->last_us) {
        uint64_t elapsed = now_us - bucket->last_us;
        /* A day fills any bucket, and keeps the product below from overflowing. */
        if (elapsed > UINT64_C(86400000000))
            elapsed = UINT64_C(86400000000);
        uint64_t add = elapsed * rate / 1000000;
        if (add > 0) {
            bucket->last_us += add * 1000000 / rate;
            if (add + bucket->tokens >= burst) {
                bucket->tokens = burst;
                bucket->last_us = now_us;
            } else {
                bucket->tokens += (uint32_t)add;
            }
        }
    }
    if (bucket->tokens == 0)
        return false;
    bucket->tokens--;
    return true;
}

enum { USER_SETS = 32768, USER_WAYS = 2, USER_LOCKS = 256 };

struct user_slot {
    int64_t user;
    struct mn_bucket bucket;
};

struct mn_user_limits {
    pthread_mutex_t locks[USER_LOCKS];
    struct user_slot slots[USER_SETS][USER_WAYS];
};

struct mn_user_limits *mn_user_limits_new(void)
{
    struct mn_user_limits *limits = mn_new(struct mn_user_limits);
    for (int i = 0; i < USER_LOCKS; i++)
        pthread_mutex_init(&limits->locks[i], NULL);
    return limits;
}

void mn_user_limits_free(struct mn_user_limits *limits)
{
    if (!limits)
        return;
    for (int i = 0; i < USER_LOCKS; i++)
        pthread_mutex_destroy(&limits->locks[i]);
    mn_free(limits);
}

static struct user_slot *slot_of(struct user_slot set[USER_WAYS], int64_t user)
{
    struct user_slot *oldest = &set[0];
    for (int i = 0; i < USER_WAYS; i++) {
        if (set[i].user == user)
            return &set[i];
        if (set[i].bucket.last_us < oldest->bucket.last_us)
            oldest = &set[i];
    }
    *oldest = (struct user_slot){.user = user};
    return oldest;
}

bool mn_user_limits_take(struct mn_user_limits *limits, int64_t user, uint32_t rate, uint32_t burst,
                         uint64_t now_us)
{
    if (rate == 0)
        return true;
    uint64_t hash = mn_hash_u64((uint64_t)user);
    pthread_mutex_t *lock = &limits->locks[hash % USER_LOCKS];
    pthread_mutex_lock(lock);
    struct user_slot *slot = slot_of(limits->slots[hash % USER_SETS], user);
    bool ok = mn_bucket_take(&slot->bucket, rate, burst, now_us);
    pthread_mutex_unlock(lock);
    return ok;
}

void mn_asked_add(struct mn_asked *asked, enum mn_asked_kind kind)
{
    if (asked->due[kind] < UINT32_MAX)
        asked->due[kind]++;
    asked->last[kind] = 0; /* it may have been the same message again */
}

bool mn_asked_take(struct mn_asked *asked, enum mn_asked_kind kind, int64_t id)
{
    if (asked->due[kind] == 0 || (id != 0 && asked->last[kind] == id))
        return false;
    asked->due[kind]--;
    asked->last[kind] = id;
    return true;
}

void mn_asked_untake(struct mn_asked *asked, enum mn_asked_kind kind) { asked->due[kind]++; }

enum { VIOLATION_WINDOW_MS = 10000, VIOLATIONS_ALLOWED = 3 };

bool mn_violations_add(struct mn_violations *violations, uint64_t now_ms)
{
    if (violations->count == 0 || now_ms - violations->window_start_ms >= VIOLATION_WINDOW_MS) {
        violations->window_start_ms = now_ms;
        violations->count = 0;
    }
    violations->count++;
    return violations->count > VIOLATIONS_ALLOWED;
}
