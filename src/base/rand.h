/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_RAND_H
#define MN_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Cryptographic random bytes (getrandom); aborts if the kernel has none. Any thread. */
void mn_rand_bytes(void *p, size_t n);

/* Small fast generator for jitter and test load (xoshiro256**), not for secrets. */
struct mn_rng {
    uint64_t s[4];
};
void mn_rng_seed(struct mn_rng *rng, uint64_t seed);
uint64_t mn_rng_next(struct mn_rng *rng);
/* Uniform in 0..bound-1; bound 0 gives 0. */
uint64_t mn_rng_below(struct mn_rng *rng, uint64_t bound);
/* Uniform in [0, 1). */
double mn_rng_double(struct mn_rng *rng);

#endif
