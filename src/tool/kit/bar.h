/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_BAR_H
#define MN_TOOL_KIT_BAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * `--gate EXPR`, a bar that the run must clear: a field of the result, a comparison, a number, such as
 * "p99<5ms", "delivered_per_s>30000", "lost=0".  Latencies need a unit (us,
 * ms, s), bytes may have one (KiB, MiB); anything else is a plain number.
 */
enum bar_op { BAR_LT = 0, BAR_LE, BAR_GT, BAR_GE, BAR_EQ, BAR_NE };

/* How the number of a field is written. */
enum bar_unit { BAR_COUNT = 0, BAR_TIME /* in ns */, BAR_BYTES, BAR_SECONDS };

struct bar {
    const char *text; /* as given; the caller's */
    char field[32];
    enum bar_op op;
    double value; /* times in nanoseconds, seconds of SECONDS fields in seconds */
};

/* A field of a result; a mode has a table of them, ending with a NULL name. */
struct bar_field {
    const char *name;
    enum bar_unit unit;
    double value;
    bool measured; /* a bar on a field that was not measured is missed */
};

/* Unit of a field name; false when no result has such a field. */
bool bar_find_unit(const char *field, enum bar_unit *ret);
/* MN_EINVAL: `why` says what is wrong. */
MN_MUSTCHECK enum mn_err bar_parse(const char *text, struct bar *ret, char *why, size_t why_cap);
/*
 * Whether the bar holds.  `got` (64 bytes or more) receives the value found, printed.
 * A field that is missing or was not measured: false.
 */
bool bar_holds(const struct bar *bar, const struct bar_field *fields, char *got, size_t got_cap);

#endif
