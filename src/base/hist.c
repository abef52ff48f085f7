/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log-linear histogram: bucket v for v < 2048; above, each doubling
 * [2^e, 2^(e+1)) is cut into 1024 equal buckets, so a value is known to
 * within 0.1 %.  Owner: caller.
 */
#include "base/hist.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum {
    EXACT = 2048,
    EXACT_BITS = 11,
    SUB = 1024,
    SUB_BITS = 10,
    TOP_BITS = 43,
    BUCKETS = EXACT + (TOP_BITS - EXACT_BITS) * SUB
};

struct mn_hist {
    uint64_t count, min, max;
    double sum; /* nanoseconds of a day times a billion do not fit 64 bits */
    uint64_t bucket[BUCKETS];
};

struct mn_hist *mn_hist_new(void)
{
    struct mn_hist *hist = mn_new(struct mn_hist);

    mn_hist_reset(hist);
    return hist;
}

void mn_hist_free(struct mn_hist *hist) { mn_free(hist); }

void mn_hist_reset(struct mn_hist *hist)
{
    memset(hist, 0, sizeof *hist);
    hist->min = UINT64_MAX;
}

static unsigned bucket_of(uint64_t value)
{
    if (value < EXACT)
        return (unsigned)value;
    unsigned e = 63 - (unsigned)__builtin_clzll(value);
    if (e >= TOP_BITS)
        return BUCKETS - 1;
    return EXACT + (e - EXACT_BITS) * SUB + (unsigned)(value >> (e - SUB_BITS)) - SUB;
}

/* Greatest value that counts in bucket `i`. */
static uint64_t bucket_upper(unsigned i)
{
    if (i < EXACT)
        return i;
    unsigned e = EXACT_BITS + (i - EXACT) / SUB, sub = (i - EXACT) % SUB;
    return ((uint64_t)(SUB + sub + 1) << (e - SUB_BITS)) - 1;
}

void mn_hist_add(struct mn_hist *hist, uint64_t value)
{
    hist->bucket[bucket_of(value)]++;
    hist->count++;
    hist->sum += (double)value;
    if (value < hist->min)
        hist->min = value;
    if (value > hist->max)
        hist->max = value;
}

void mn_hist_merge(struct mn_hist *into, const struct mn_hist *from)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
    into->count += from->count;
    into->sum += from->sum;
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t mn_hist_count(const struct mn_hist *hist) { return hist->count; }

uint64_t mn_hist_min(const struct mn_hist *hist) { return hist->count ? hist->min : 0; }

uint64_t mn_hist_max(const struct mn_hist *hist) { return hist->max; }

double mn_hist_mean(const struct mn_hist *hist)
{
    return hist->count ? hist->sum / (double)hist->count : 0;
}

/* The last bucket has no upper end of its own, and no bucket reaches above the maximum. */
static uint64_t upper_seen(const struct mn_hist *hist, unsigned i)
{
    uint64_t upper = bucket_upper(i);

    return i == BUCKETS - 1 || upper > hist->max ? hist->max : upper;
}

uint64_t mn_hist_percentile(const struct mn_hist *hist, double percent)
{
    if (hist->count == 0)
        return 0;
    /* The factor keeps 99.9 % of 2000, which is 1998.0000000000002 in binary, from being 1999. */
    double rank = ceil(percent / 100 * (double)hist->count * (1 - 1e-12));
    uint64_t want = rank < 1 ? 1 : (uint64_t)rank, seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += hist->bucket[i];
        if (seen >= want)
            return upper_seen(hist, i);
    }
    return hist->max;
}

int mn_hist_next(const struct mn_hist *hist, unsigned *pos, uint64_t *ret_upper,
                 uint64_t *ret_count)
{
    while (*pos < BUCKETS) {
        unsigned i = (*pos)++;
        if (hist->bucket[i]) {
            *ret_upper = upper_seen(hist, i);
            *ret_count = hist->bucket[i];
            return 1;
        }
    }
    return 0;
}
