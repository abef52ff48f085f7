/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_CLOCK_H
#define MN_BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Monotonic time for intervals and deadlines; any thread. */
uint64_t mn_mono_ns(void);
uint64_t mn_mono_ms(void);
/* Wall clock, milliseconds since the Unix epoch; any thread. */
int64_t mn_unix_ms(void);

/*
 * Zone-less local date-time of http-api.md 3.2, e.g. 2026-01-24T15:56:07.12
 * (fraction without trailing zeros, absent when zero), in the process's
 * time zone (TZ).  Any thread.
 */
enum mn_err mn_date_print(struct mn_buf *buf, int64_t unix_ms);
/*
 * Parses the same form (seconds optional, fraction 0 to 9 digits), and with
 * a trailing Z or +hh:mm offset (http-api.md 11, item 23).  MN_EINVAL if it
 * is no date.
 */
MN_MUSTCHECK enum mn_err mn_date_parse(struct mn_str s, int64_t *ret_unix_ms);
/* UTC with milliseconds and Z for log lines: 2026-01-24T15:56:07.120Z (24 bytes + NUL into p[25]). */
void mn_date_print_utc(char p[25], int64_t unix_ms);

#endif
