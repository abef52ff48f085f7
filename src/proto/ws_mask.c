/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XOR masking of WebSocket payloads (RFC 6455 section 5.3).  Payloads are
 * unmasked in place as they arrive, so this runs over every byte that a
 * client sends: 16 bytes a step with SSE2, 32 with AVX2, 8 elsewhere.  The
 * widest version is chosen once, before main(); afterwards the choice is
 * constant.  Any thread.
 */
#include "proto/ws.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* The mask as it applies from p[0] on, in memory order. */
static uint32_t rotated(const uint8_t mask[4], unsigned phase)
{
    uint8_t turned[4];
    uint32_t word;

    for (unsigned i = 0; i < 4; i++)
        turned[i] = mask[(phase + i) & 3u];
    memcpy(&word, turned, sizeof(word));
    return word;
}

/* Every step is a multiple of four bytes, so `key` keeps its phase until the last bytes. */
static inline void xor_words(char *p, size_t n, uint32_t key)
{
    uint64_t wide = key | (uint64_t)key << 32;
    uint8_t last[4];

    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;

        memcpy(&v, p, 8);
        v ^= wide;
        memcpy(p, &v, 8);
    }
    memcpy(last, &key, 4);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)((uint8_t)p[i] ^ last[i & 3u]);
}

void mn_ws_mask_portable(char *p, size_t n, const uint8_t mask[4], unsigned phase)
{
    xor_words(p, n, rotated(mask, phase));
}

#if defined(__x86_64__)

static void xor_sse2(char *p, size_t n, uint32_t key)
{
    const __m128i wide = _mm_set1_epi32((int)key);

    for (; n >= 16; p += 16, n -= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

        _mm_storeu_si128((__m128i *)(void *)p, _mm_xor_si128(v, wide));
    }
    xor_words(p, n, key);
}

__attribute__((target("avx2"))) static void xor_avx2(char *p, size_t n, uint32_t key)
{
    const __m256i wide = _mm256_set1_epi32((int)key);

    for (; n >= 32; p += 32, n -= 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);

        _mm256_storeu_si256((__m256i *)(void *)p, _mm256_xor_si256(v, wide));
    }
    xor_sse2(p, n, key);
}

static void (*xor_widest)(char *p, size_t n, uint32_t key) = xor_sse2;

__attribute__((constructor)) static void choose(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        xor_widest = xor_avx2;
}

void mn_ws_mask(char *p, size_t n, const uint8_t mask[4], unsigned phase)
{
    uint32_t key = rotated(mask, phase);

    if (n < 32)
        xor_words(p, n, key); /* the indirect call would cost more than it saves */
    else
        xor_widest(p, n, key);
}

#else

void mn_ws_mask(char *p, size_t n, const uint8_t mask[4], unsigned phase)
{
    xor_words(p, n, rotated(mask, phase));
}

#endif
