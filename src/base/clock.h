/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_CLOCK_H
#define MN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Monotonic time for intervals and deadlines; any thread. */
uint64_t mn_mono_ns(void);
uint64_t mn_mono_ms(void);
/* Wall clock, milliseconds since the Unix epoch; any thread. */
int64_t mn_unix_ms(void);

/*
 * Zone-less local date-time of H-3.2, e.g. 2026-01-24T15:56:07.12
 * (fraction without trailing zeros, absent when zero), in the process's
 * time zone (TZ).  Any thread.
 */
enum mn_err mn_date_print(struct mn_buf *buf, int64_t unix_ms);
/* A date as it was written: an instant, or with `zoned` false the time that clocks show. */
struct mn_date {
    int64_t ms; /* zoned: since the Unix epoch; else the same of the shown time read as UTC */
    bool zoned;
};
/*
 * Parses the same form (seconds optional, fraction 0 to 9 digits), and with
 * a trailing Z or +hh:mm offset (H-3.2).  MN_EINVAL if it
 * is no date.
 */
MN_MUSTCHECK enum mn_err mn_date_parse(struct mn_str s, struct mn_date *ret);
/* Whether the date names this instant, or clocks here showed it then. */
bool mn_date_is(const struct mn_date *date, int64_t unix_ms);
#define MN_DATE_INSTANTS 4
/*
 * The instants that the date may mean, in ascending order: one; more when
 * clocks were set back over it; none when they were set forward over it,
 * and then ret[0] is the first instant behind the gap.  Asks the zone some
 * 200 times: when mn_date_is() did not help.
 */
unsigned mn_date_instants(const struct mn_date *date, int64_t ret[MN_DATE_INSTANTS]);
/* UTC with milliseconds and Z for log lines: 2026-01-24T15:56:07.120Z (24 bytes + NUL into p[25]). */
void mn_date_print_utc(char p[25], int64_t unix_ms);

#endif
