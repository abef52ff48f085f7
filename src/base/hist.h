/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_HIST_H
#define MN_BASE_HIST_H

#include <stdint.h>

/*
 * Log-linear histogram (HDR style) of unsigned values, 3 significant
 * digits: 1..2047 exact, then 1024 buckets for each doubling, up to 2^43
 * (2.4 hours in nanoseconds); greater values count in the last bucket.
 * Caller-owned, one thread at a time; merge afterwards.
 */
struct mn_hist; /* opaque, about 270 KiB */

struct mn_hist *mn_hist_new(void);
void mn_hist_free(struct mn_hist *hist);
void mn_hist_reset(struct mn_hist *hist);
void mn_hist_add(struct mn_hist *hist, uint64_t value);
void mn_hist_merge(struct mn_hist *into, const struct mn_hist *from);
uint64_t mn_hist_count(const struct mn_hist *hist);
uint64_t mn_hist_min(const struct mn_hist *hist);
uint64_t mn_hist_max(const struct mn_hist *hist);
double mn_hist_mean(const struct mn_hist *hist);
/* Value at or below which `percent` (0..100) of the values lie; 0 when empty. */
uint64_t mn_hist_percentile(const struct mn_hist *hist, double percent);
/* Iterates over non-empty buckets: start with *pos = 0. */
int mn_hist_next(const struct mn_hist *hist, unsigned *pos, uint64_t *ret_upper,
                 uint64_t *ret_count);

#endif
