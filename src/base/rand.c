/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes from the kernel for everything secret, and xoshiro256**
 * (Blackman and Vigna) for everything that must only be fast and even.
 */
#include "base/rand.h"

#include <errno.h>
#include <sys/random.h>

#include "base/err.h"

void mn_rand_bytes(void *p, size_t n)
{
    unsigned char *at = p;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        MN_BUG_ON(got <= 0); /* no token or salt without randomness */
        at += got;
        n -= (size_t)got;
    }
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void mn_rng_seed(struct mn_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix64(&seed);
}

static uint64_t rotl(uint64_t x, int k) { return x << k | x >> (64 - k); }

uint64_t mn_rng_next(struct mn_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t mn_rng_below(struct mn_rng *rng, uint64_t bound)
{
    if (bound == 0)
        return 0;
    /* Values below 2^64 mod bound would make small results likelier (Lemire). */
    uint64_t threshold = (0 - bound) % bound;
    for (;;) {
        unsigned __int128 m = (unsigned __int128)mn_rng_next(rng) * bound;
        if ((uint64_t)m >= threshold)
            return (uint64_t)(m >> 64);
    }
}

double mn_rng_double(struct mn_rng *rng) { return (double)(mn_rng_next(rng) >> 11) * 0x1.0p-53; }
