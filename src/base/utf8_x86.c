/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 check with vectors (Keiser and Lemire, "Validating UTF-8 in less
 * than one instruction per byte", 2021), for SSSE3 and AVX2.
 *
 * Every error but one shows in two neighbouring bytes: the high half of the
 * first, its low half, and the high half of the second are each looked up
 * in a table of 16 entries whose bits stand for kinds of error; a bit that
 * is in all three is that error.  What is left are the third and fourth
 * byte of a sequence, which must be continuations exactly where the bytes
 * two or three before ask for them: the bit TWO_CONTS says that two
 * continuations follow each other, and is an error unless one was asked for.
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8_impl.h"

enum {
    TOO_SHORT = 1 << 0,      /* lead, then no continuation */
    TOO_LONG = 1 << 1,       /* ASCII, then a continuation */
    OVERLONG_3 = 1 << 2,     /* E0 80..9F */
    TOO_LARGE = 1 << 3,      /* F4 90..BF, F5..FF 90..BF */
    SURROGATE = 1 << 4,      /* ED A0..BF */
    OVERLONG_2 = 1 << 5,     /* C0, C1 */
    TOO_LARGE_1000 = 1 << 6, /* F5..FF 80..8F */
    OVERLONG_4 = 1 << 6,     /* F0 80..8F */
    TWO_CONTS = 1 << 7,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS /* errors that do not depend on a low half */
};

/* clang-format off */
#define FIRST_HIGH                                                                                 \
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,                \
    (char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS,                            \
    TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,                         \
    TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4
#define LARGE (char)(CARRY | TOO_LARGE | TOO_LARGE_1000)
#define FIRST_LOW                                                                                  \
    (char)(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(CARRY | OVERLONG_2),              \
    (char)CARRY, (char)CARRY, (char)(CARRY | TOO_LARGE), LARGE, LARGE, LARGE,                      \
    LARGE, LARGE, LARGE, LARGE, LARGE, (char)(LARGE | SURROGATE), LARGE, LARGE
#define SECOND_CONT (TOO_LONG | OVERLONG_2 | TWO_CONTS)
#define SECOND_HIGH                                                                                \
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,        \
    (char)(SECOND_CONT | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4),                                \
    (char)(SECOND_CONT | OVERLONG_3 | TOO_LARGE),                                                  \
    (char)(SECOND_CONT | SURROGATE | TOO_LARGE), (char)(SECOND_CONT | SURROGATE | TOO_LARGE),      \
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT
/* Greatest last three bytes after which nothing is owed to the next block. */
#define LAST_COMPLETE (char)(0xf0 - 1), (char)(0xe0 - 1), (char)(0xc0 - 1)
#define FF13 -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
/* clang-format on */

#define TARGET_SSSE3 __attribute__((target("ssse3")))
#define TARGET_AVX2 __attribute__((target("avx2")))

struct state128 {
    __m128i error, previous, incomplete;
};

TARGET_SSSE3 static inline __m128i high128(__m128i x)
{
    return _mm_and_si128(_mm_srli_epi16(x, 4), _mm_set1_epi8(0x0f));
}

TARGET_SSSE3 static inline void step128(struct state128 *s, __m128i in)
{
    if (_mm_movemask_epi8(in) == 0) { /* all ASCII */
        s->error = _mm_or_si128(s->error, s->incomplete);
        s->incomplete = _mm_setzero_si128();
        s->previous = in;
        return;
    }
    __m128i prev1 = _mm_alignr_epi8(in, s->previous, 15);
    __m128i prev2 = _mm_alignr_epi8(in, s->previous, 14);
    __m128i prev3 = _mm_alignr_epi8(in, s->previous, 13);
    __m128i special = _mm_and_si128(
        _mm_and_si128(_mm_shuffle_epi8(_mm_setr_epi8(FIRST_HIGH), high128(prev1)),
                      _mm_shuffle_epi8(_mm_setr_epi8(FIRST_LOW),
                                       _mm_and_si128(prev1, _mm_set1_epi8(0x0f)))),
        _mm_shuffle_epi8(_mm_setr_epi8(SECOND_HIGH), high128(in)));
    /* High bit set where the byte two (three) before leads three (four) bytes. */
    __m128i third = _mm_subs_epu8(prev2, _mm_set1_epi8(0xe0 - 0x80));
    __m128i fourth = _mm_subs_epu8(prev3, _mm_set1_epi8(0xf0 - 0x80));
    __m128i asked = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
    s->error = _mm_or_si128(s->error, _mm_xor_si128(asked, special));
    s->incomplete = _mm_subs_epu8(in, _mm_setr_epi8(FF13, LAST_COMPLETE));
    s->previous = in;
}

TARGET_SSSE3 bool mn_utf8_valid_ssse3(const char *p, size_t n)
{
    struct state128 s = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        step128(&s, _mm_loadu_si128((const __m128i *)(const void *)(p + i)));
    if (i < n) {
        char rest[16] = {0}; /* zeroes are ASCII: they end an unfinished sequence */
        memcpy(rest, p + i, n - i);
        step128(&s, _mm_loadu_si128((const __m128i *)(const void *)rest));
    }
    s.error = _mm_or_si128(s.error, s.incomplete);
    return _mm_movemask_epi8(_mm_cmpeq_epi8(s.error, _mm_setzero_si128())) == 0xffff;
}

struct state256 {
    __m256i error, previous, incomplete;
};

TARGET_AVX2 static inline __m256i high256(__m256i x)
{
    return _mm256_and_si256(_mm256_srli_epi16(x, 4), _mm256_set1_epi8(0x0f));
}

TARGET_AVX2 static inline void step256(struct state256 *s, __m256i in)
{
    if (_mm256_movemask_epi8(in) == 0) { /* all ASCII */
        s->error = _mm256_or_si256(s->error, s->incomplete);
        s->incomplete = _mm256_setzero_si256();
        s->previous = in;
        return;
    }
    /* Upper half of the block before and lower half of this one: alignr works by halves. */
    __m256i middle = _mm256_permute2x128_si256(s->previous, in, 0x21);
    __m256i prev1 = _mm256_alignr_epi8(in, middle, 15);
    __m256i prev2 = _mm256_alignr_epi8(in, middle, 14);
    __m256i prev3 = _mm256_alignr_epi8(in, middle, 13);
    __m256i special = _mm256_and_si256(
        _mm256_and_si256(_mm256_shuffle_epi8(_mm256_setr_epi8(FIRST_HIGH, FIRST_HIGH),
                                             high256(prev1)),
                         _mm256_shuffle_epi8(_mm256_setr_epi8(FIRST_LOW, FIRST_LOW),
                                             _mm256_and_si256(prev1, _mm256_set1_epi8(0x0f)))),
        _mm256_shuffle_epi8(_mm256_setr_epi8(SECOND_HIGH, SECOND_HIGH), high256(in)));
    __m256i third = _mm256_subs_epu8(prev2, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(prev3, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i asked = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    s->error = _mm256_or_si256(s->error, _mm256_xor_si256(asked, special));
    s->incomplete = _mm256_subs_epu8(in, _mm256_setr_epi8(FF13, -1, -1, -1, FF13, LAST_COMPLETE));
    s->previous = in;
}

TARGET_AVX2 bool mn_utf8_valid_avx2(const char *p, size_t n)
{
    struct state256 s = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
    size_t i = 0;

    for (; i + 32 <= n; i += 32)
        step256(&s, _mm256_loadu_si256((const __m256i *)(const void *)(p + i)));
    if (i < n) {
        char rest[32] = {0};
        memcpy(rest, p + i, n - i);
        step256(&s, _mm256_loadu_si256((const __m256i *)(const void *)rest));
    }
    s.error = _mm256_or_si256(s.error, s.incomplete);
    return _mm256_testz_si256(s.error, s.error);
}

mn_utf8_valid_fn *mn_utf8_valid_vectorised(void)
{
    __builtin_cpu_init(); /* may run before the library's own constructor */
    if (__builtin_cpu_supports("avx2"))
        return mn_utf8_valid_avx2;
    if (__builtin_cpu_supports("ssse3"))
        return mn_utf8_valid_ssse3;
    return NULL;
}

#else

#include "base/utf8_impl.h"

mn_utf8_valid_fn *mn_utf8_valid_vectorised(void) { return NULL; }

#endif
