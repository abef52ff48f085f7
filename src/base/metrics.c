/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards of counters: a thread adds to its own, a reader sums them all.
 * All shards are allocated at once, so that a reader never meets one that is
 * just being made.  A sum is not a snapshot: counts that are added meanwhile
 * may or may not be in it, but none is lost.
 */
#include "base/metrics.h"

#include <string.h>

#include "base/mem.h"

enum { CACHE_LINE = 64 };

struct mn_metrics *mn_metrics_new(void)
{
    struct mn_metrics *metrics = mn_new(struct mn_metrics);
    struct mn_metrics_shard *shards = mn_alloc_aligned(CACHE_LINE, MN_METRIC_SHARDS,
                                                       sizeof *shards);

    for (unsigned i = 0; i < MN_METRIC_SHARDS; i++)
        metrics->shard[i] = &shards[i];
    return metrics;
}

void mn_metrics_free(struct mn_metrics *metrics)
{
    if (!metrics)
        return;
    mn_free(metrics->shard[0]); /* the first of the block */
    mn_free(metrics);
}

struct mn_metrics_shard *mn_metrics_claim(struct mn_metrics *metrics)
{
    unsigned i = atomic_load_explicit(&metrics->used, memory_order_relaxed);

    do {
        if (i >= MN_METRIC_SHARDS)
            return metrics->shard[MN_METRIC_SHARDS - 1];
    } while (!atomic_compare_exchange_weak_explicit(&metrics->used, &i, i + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return metrics->shard[i];
}

static unsigned used(const struct mn_metrics *metrics)
{
    return atomic_load_explicit(&metrics->used, memory_order_relaxed);
}

int64_t mn_metrics_sum(const struct mn_metrics *metrics, enum mn_metric metric)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < used(metrics); i++)
        sum += atomic_load_explicit(&metrics->shard[i]->value[metric], memory_order_relaxed);
    return sum;
}

int64_t mn_metrics_sum_of(const struct mn_metrics *metrics, enum mn_metric_family family,
                          unsigned member)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < used(metrics); i++)
        sum += atomic_load_explicit(&metrics->shard[i]->family[family][member],
                                    memory_order_relaxed);
    return sum;
}

void mn_metrics_sum_hist(const struct mn_metrics *metrics, enum mn_metric_hist h,
                         uint64_t ret_bucket[MN_METRIC_BUCKETS], uint64_t *ret_sum)
{
    memset(ret_bucket, 0, MN_METRIC_BUCKETS * sizeof *ret_bucket);
    *ret_sum = 0;
    for (unsigned i = 0; i < used(metrics); i++) {
        const struct mn_metrics_shard *shard = metrics->shard[i];
        for (unsigned b = 0; b < MN_METRIC_BUCKETS; b++)
            ret_bucket[b] += atomic_load_explicit(&shard->hist[h].bucket[b], memory_order_relaxed);
        *ret_sum += atomic_load_explicit(&shard->hist[h].sum, memory_order_relaxed);
    }
}

void mn_metric_observe(struct mn_metrics_shard *shard, enum mn_metric_hist h, uint64_t value)
{
    unsigned b = value ? 64 - (unsigned)__builtin_clzll(value) : 0;

    if (b >= MN_METRIC_BUCKETS)
        b = MN_METRIC_BUCKETS - 1;
    atomic_fetch_add_explicit(&shard->hist[h].bucket[b], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&shard->hist[h].sum, value, memory_order_relaxed);
}
