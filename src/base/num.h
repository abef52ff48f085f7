/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_NUM_H
#define MN_BASE_NUM_H

#include <stdint.h>

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
/* Decimal fraction such as 0.5; no exponent, no sign. */
MN_MUSTCHECK enum mn_err mn_parse_double(struct mn_str s, double min, double max, double *ret);
/* "64KiB", "512", "1MiB", "2GiB" (also KB/MB/GB as powers of 1000) to bytes. */
MN_MUSTCHECK enum mn_err mn_parse_bytes(struct mn_str s, uint64_t min, uint64_t max, uint64_t *ret);
/* Decimal text of `v` at `p` (room for 20 bytes), not NUL-terminated; returns its length. */
size_t mn_print_u64(char *p, uint64_t v);
/* The same with a sign: room for 21 bytes. */
size_t mn_print_i64(char *p, int64_t v);

#endif
