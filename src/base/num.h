/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_NUM_H
#define MN_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The one place where text becomes a number.  The whole of `s` must be the
 * number: no blanks, no trailing bytes.  MN_EINVAL: not a number.
 * MN_ELIMIT: outside min..max.
 */
MN_MUSTCHECK enum mn_err mn_parse_u64(struct mn_str s, uint64_t min, uint64_t max, uint64_t *ret);
/* Accepts one leading '+' or '-'. */
MN_MUSTCHECK enum mn_err mn_parse_i64(struct mn_str s, int64_t min, int64_t max, int64_t *ret);
/* Eight digits at once, which the first eight bytes at `p` have to be; false: they are not. */
static inline bool mn_parse_eight(const char *p, uint64_t *ret)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t v;

    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    v -= each * '0';
    /* 0..9 stay below 0x80 when 0x76 is added; a byte below '0' has borrowed, which shows too. */
    if (((v + each * 0x76) | v) & each * 0x80)
        return false;
    v = v * 10 + (v >> 8); /* pairs, in bytes 0, 2, 4, 6 */
    *ret = ((v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
    return true;
}
/* Decimal fraction such as 0.5; no exponent, no sign. */
MN_MUSTCHECK enum mn_err mn_parse_double(struct mn_str s, double min, double max, double *ret);
/* "64KiB", "512", "1MiB", "2GiB" (also KB/MB/GB as powers of 1000) to bytes. */
MN_MUSTCHECK enum mn_err mn_parse_bytes(struct mn_str s, uint64_t min, uint64_t max, uint64_t *ret);
/* Decimal text of `v` at `p` (room for 20 bytes), not NUL-terminated; returns its length. */
size_t mn_print_u64(char *p, uint64_t v);
/* The same with a sign: room for 21 bytes. */
size_t mn_print_i64(char *p, int64_t v);

#endif
