/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons and trimming of borrowed strings, with the protocol's own idea
 * of blank (W-0).  Nothing here depends on the C locale.
 */
#include "base/str.h"

#include <stdint.h>

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

bool mn_str_eq_nocase(struct mn_str a, struct mn_str b)
{
    if (a.n != b.n)
        return false;
    if (mn_str_eq(a, b)) /* nearly all texts are written as they should be */
        return true;
    for (size_t i = 0; i < a.n; i++)
        if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i]))
            return false;
    return true;
}

struct mn_str mn_str_trim(struct mn_str s)
{
    while (s.n > 0 && (unsigned char)s.p[0] <= 0x20) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= 0x20)
        s.n--;
    return s;
}

/* Length of the blank character at `p`, 0 if it is none. */
static size_t blank_len(const unsigned char *p, size_t n)
{
    if ((p[0] >= 0x09 && p[0] <= 0x0d) || (p[0] >= 0x1c && p[0] <= 0x20))
        return 1;
    if (n < 3 || p[0] < 0xe1 || p[0] > 0xe3)
        return 0;
    uint32_t c = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    if ((p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
        return 0;
    /* U+2007 (figure space) does not count, as it does not break. */
    if (c == 0x1680 || (c >= 0x2000 && c <= 0x200a && c != 0x2007) || c == 0x2028 || c == 0x2029 ||
        c == 0x205f || c == 0x3000)
        return 3;
    return 0;
}

size_t mn_str_blank_len(struct mn_str s)
{
    return s.n > 0 ? blank_len((const unsigned char *)s.p, s.n) : 0;
}

bool mn_str_is_blank(struct mn_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    while (i < s.n) {
        size_t len = blank_len(p + i, s.n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}
