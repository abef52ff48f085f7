/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8: the portable check, the choice of a vectorised one, and the length
 * in UTF-16 units.  `valid` is written once, before main, and only read
 * afterwards; any thread.
 */
#include "base/utf8.h"

#include <stdint.h>

#include "base/utf8_impl.h"

/* Below this the set-up of a vector check costs more than it saves. */
enum { VECTOR_MIN_BYTES = 16 };

static const uint64_t ones = UINT64_C(0x0101010101010101);

static mn_utf8_valid_fn *valid = mn_utf8_valid_portable;

__attribute__((constructor)) static void choose(void)
{
    mn_utf8_valid_fn *fn = mn_utf8_valid_vectorised();

    if (fn)
        valid = fn;
}

bool mn_utf8_valid(const char *p, size_t n)
{
    return n < VECTOR_MIN_BYTES ? mn_utf8_valid_portable(p, n) : valid(p, n);
}

/* Length of the well-formed multi-byte sequence at `p`, 0 if there is none (RFC 3629, section 4). */
static size_t sequence_len(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf; /* range of the second byte */
    size_t len;

    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0)
        low = 0xa0; /* below: overlong */
    else if (p[0] == 0xed)
        high = 0x9f; /* above: surrogates */
    else if (p[0] == 0xf0)
        low = 0x90; /* below: overlong */
    else if (p[0] == 0xf4)
        high = 0x8f; /* above: beyond U+10FFFF */
    if (n < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool mn_utf8_valid_portable(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;

    while (i < n) {
        uint64_t word;
        if (i + 8 <= n) {
            memcpy(&word, p + i, 8);
            if (!(word & ones << 7)) {
                i += 8;
                continue;
            }
        }
        size_t len = p[i] < 0x80 ? 1 : sequence_len(p + i, n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

size_t mn_utf8_utf16_len(struct mn_str s)
{
    size_t units = 0, i = 0;

    /* Each byte that is no continuation is a unit, and each lead of four bytes one more. */
    for (; i + 8 <= s.n; i += 8) {
        uint64_t x;
        memcpy(&x, s.p + i, 8);
        uint64_t continuation = (x >> 7) & ~(x >> 6) & ones;
        uint64_t lead4 = (x >> 7) & (x >> 6) & (x >> 5) & (x >> 4) & ones;
        units += (size_t)(((lead4 + ones - continuation) * ones) >> 56);
    }
    for (; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        units += (size_t)((c & 0xc0) != 0x80) + (c >= 0xf0);
    }
    return units;
}
