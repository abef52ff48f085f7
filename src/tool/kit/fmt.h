/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_FMT_H
#define MN_TOOL_KIT_FMT_H

#include <stddef.h>

#include "tool/kit/bar.h"

/* Numbers for people, and text that is safe inside HTML and SVG.  Pure. */

struct mn_buf;

/* What a number is, so that it can be printed with its unit. */
enum fmt {
    FMT_COUNT = 0, /* 31,204; 16.4; 0.03 */
    FMT_NS,        /* nanoseconds: 850 ns, 41.2 us, 4.12 ms, 1.20 s */
    FMT_SECONDS,   /* 0.14 s, 12 s, 3 min */
    FMT_BYTES,     /* 1,024 B, 48.2 MiB */
    FMT_PERCENT    /* of 0..1: 12.5 % */
};

/* How the values of a field of the result are printed. */
enum fmt fmt_of_unit(enum bar_unit unit);
/*
 * `value` with three significant digits and its unit, "-" when it is no
 * finite number.  Room of 32 bytes is always enough.
 */
void fmt_print(char *out, size_t cap, enum fmt fmt, double value);
/* The same without rounding and without unit: thousands separated, `decimals` after the point. */
void fmt_fixed(char *out, size_t cap, double value, unsigned decimals);

/*
 * One unit for all ticks of an axis that ends at `max`: what the values are
 * divided by, and the unit's name ("" when it has none).
 */
void fmt_axis(enum fmt fmt, double max, double *ret_divisor, const char **ret_unit);

/* Appends `text` for an element or a quoted attribute; what XML cannot hold becomes U+FFFD. */
void fmt_escape(struct mn_buf *out, const char *text);

#endif
