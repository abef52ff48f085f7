/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_JSON_H
#define MN_PROTO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/*
 * Pieces of a strict JSON reader for the envelope (RFC 8259; what
 * ws-protocol.md 2.2 lists as bad is refused).  Pure, any thread.  Every
 * reader takes p and end, and returns the place behind what it read, or
 * NULL if that is no JSON.  Nothing at or behind `end` is ever read.
 */

/* Nesting counted with the outermost object. */
#define MN_JSON_DEPTH_MAX 1000

static inline bool mn_json_is_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/*
 * First byte that cannot stand unescaped in a string (quote, backslash,
 * below U+0020), or `end`.
 */
static inline const char *mn_json_scan(const char *p, const char *end)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);

    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        unsigned bits;

        /* Unsigned v <= 0x1f, which SSE2 has no comparison for. */
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        bits = (unsigned)_mm_movemask_epi8(hit);
        if (bits != 0)
            return p + __builtin_ctz(bits);
    }
#else
    for (; end - p >= 8; p += 8) {
        const uint64_t ones = UINT64_C(0x0101010101010101);
        uint64_t v;
        uint64_t quote;
        uint64_t backslash;

        memcpy(&v, p, sizeof(v));
        quote = v ^ ones * '"';
        backslash = v ^ ones * '\\';
        /* A top bit for a zero byte, or for one below 0x20; a false alarm only ends the fast part. */
        if ((((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
             ((v - ones * 0x20) & ~v)) &
            ones * 0x80)
            break;
    }
#endif
    while (p < end && !mn_json_is_special(*p))
        p++;
    return p;
}

static inline const char *mn_json_skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/*
 * Decodes the escape whose backslash is at p[0] into UTF-8 (`out`, 1 to 4
 * bytes, *ret_n).  A surrogate without its partner gives '?'.
 */
const char *mn_json_unescape(const char *p, const char *end, char out[4], unsigned *ret_n);

/* Passes a string whose opening quote is at p[-1]. */
const char *mn_json_skip_string(const char *p, const char *end);

/* Passes a number (p[0] is '-' or a digit); *ret_integer: no fraction and no exponent. */
const char *mn_json_skip_number(const char *p, const char *end, bool *ret_integer);

/*
 * Passes `true`, `false` or `null`; p[0] is the letter that it begins with.
 */
const char *mn_json_skip_literal(const char *p, const char *end);

/* Passes any value at p[0] (no space before it), inside `depth` containers already. */
const char *mn_json_skip_value(const char *p, const char *end, unsigned depth);

/*
 * The number p[0..n), as mn_json_skip_number() passed it, truncated toward
 * zero; exact, not by way of a double.  MN_EINVAL: not within min..max.
 */
MN_MUSTCHECK enum mn_err mn_json_int(const char *p, size_t n, int64_t min, int64_t max,
                                     int64_t *ret);

#endif
