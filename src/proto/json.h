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
 * W-2.2 lists as bad is refused).  Pure, any thread.  Every
 * reader takes p and end, and returns the place behind what it read, or
 * NULL if that is no JSON.  Nothing at or behind `end` is ever read.
 */

/* Nesting counted with the outermost object. */
#define MN_JSON_DEPTH_MAX 1000

static inline bool mn_json_is_special(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/* Eight bytes at p as a word in which p[0] is lowest, and a word with `c` in each byte. */
static inline uint64_t mn_json_load8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}
static inline uint64_t mn_json_spread(unsigned char c) { return UINT64_C(0x0101010101010101) * c; }

/*
 * Top bits of the special bytes of v.  The lowest one set is exact; above a
 * special byte its borrow may mark others falsely.
 */
static inline uint64_t mn_json_special8(uint64_t v)
{
    uint64_t quote = v ^ mn_json_spread('"');
    uint64_t backslash = v ^ mn_json_spread('\\');

    return (((quote - mn_json_spread(1)) & ~quote) |
            ((backslash - mn_json_spread(1)) & ~backslash) | ((v - mn_json_spread(0x20)) & ~v)) &
           mn_json_spread(0x80);
}

#if defined(__SSE2__)
/* A bit for each special byte of v. */
static inline unsigned mn_json_special16(__m128i v)
{
    const __m128i control = _mm_set1_epi8(0x1f);
    __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                               _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

    /* Unsigned v <= 0x1f, which SSE2 has no comparison for. */
    hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
    return (unsigned)_mm_movemask_epi8(hit);
}
#endif

/* Fewer than 16 bytes: two words that overlap instead of a loop. */
static inline const char *mn_json_scan_short(const char *p, const char *end)
{
    size_t n = (size_t)(end - p);
    uint64_t bits;

    if (n >= 8) {
        bits = mn_json_special8(mn_json_load8(p));
        if (bits != 0)
            return p + __builtin_ctzll(bits) / 8;
        bits = mn_json_special8(mn_json_load8(end - 8));
        return bits != 0 ? end - 8 + __builtin_ctzll(bits) / 8 : end;
    }
    while (p < end && !mn_json_is_special(*p))
        p++;
    return p;
}

/*
 * First byte that cannot stand unescaped in a string (quote, backslash,
 * below U+0020), or `end`.  The last block overlaps the one before it: what
 * it shares with that is known to be plain.
 */
static inline const char *mn_json_scan(const char *p, const char *end)
{
#if defined(__SSE2__)
    const char *last = end - 16;
    unsigned bits;

    if (end - p < 16)
        return mn_json_scan_short(p, end);
    for (; p <= last; p += 16) {
        bits = mn_json_special16(_mm_loadu_si128((const __m128i *)(const void *)p));
        if (bits != 0)
            return p + __builtin_ctz(bits);
    }
    bits = mn_json_special16(_mm_loadu_si128((const __m128i *)(const void *)last));
    return bits != 0 ? last + __builtin_ctz(bits) : end;
#else
    for (; end - p >= 16; p += 8) {
        uint64_t bits = mn_json_special8(mn_json_load8(p));

        if (bits != 0)
            return p + __builtin_ctzll(bits) / 8;
    }
    return mn_json_scan_short(p, end);
#endif
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
 * The same for text that is in memory whole and whose nesting is nobody's
 * business: 65,536 containers deep, enough for any body of 64 KiB.
 * *ret_too_deep says that a NULL is for that and not for a mistake.
 */
#define MN_JSON_DEEP_MAX 65536
const char *mn_json_skip_deep(const char *p, const char *end, bool *ret_too_deep);

/*
 * The number p[0..n), as mn_json_skip_number() passed it, truncated toward
 * zero; exact, not by way of a double.  MN_EINVAL: not within min..max.
 */
MN_MUSTCHECK enum mn_err mn_json_int(const char *p, size_t n, int64_t min, int64_t max,
                                     int64_t *ret);

#endif
