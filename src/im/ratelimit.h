/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_RATELIMIT_H
#define MN_IM_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Fixed-window call limits in memory (H-6.1): the window starts
 * with the first call of a key; refused calls count too.  The memory is
 * fixed: when a new key finds its place taken, the key with the fewest
 * calls there is forgotten (and counted), so an attacker with many
 * addresses can weaken the limit of others, never the process.
 * Any thread.
 */
struct mn_ratelimit;

/* `keys` is rounded up to a power of two, 24 bytes each. */
struct mn_ratelimit *mn_ratelimit_new(uint32_t keys);
void mn_ratelimit_free(struct mn_ratelimit *limit);
/*
 * Counts a call of (rule, a, b) at now_mono_ms; false when it is more than
 * the `max`-th in its window, with the whole seconds (>= 1) until the
 * window ends.
 */
bool mn_ratelimit_hit(struct mn_ratelimit *limit, uint32_t rule, struct mn_str a, struct mn_str b,
                      uint32_t max, uint32_t window_s, uint64_t now_mono_ms, uint32_t *ret_retry_s);
/* Live keys that were forgotten for want of room. */
uint64_t mn_ratelimit_forgotten(const struct mn_ratelimit *limit);

#endif
