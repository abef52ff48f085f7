/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_BAR_H
#define MN_TOOL_KIT_BAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * `--gate EXPR`: a field of the result, a comparison, a number, such as
 * "p99<5ms", "delivered_per_s>30000", "lost=0".  Latencies need a unit (us,
 * ms, s), bytes may have one (KiB, MiB); anything else is a plain number.
 */
enum mn_gate_op { MN_GATE_LT = 0, MN_GATE_LE, MN_GATE_GT, MN_GATE_GE, MN_GATE_EQ, MN_GATE_NE };

/* How the number of a field is written. */
enum mn_gate_unit { MN_GATE_COUNT = 0, MN_GATE_TIME /* in ns */, MN_GATE_BYTES, MN_GATE_SECONDS };

struct mn_gate {
    const char *text; /* as given; the caller's */
    char field[32];
    enum mn_gate_op op;
    double value; /* times in nanoseconds, seconds of SECONDS fields in seconds */
};

/* A field of a result; a mode has a table of them, ending with a NULL name. */
struct mn_gate_field {
    const char *name;
    enum mn_gate_unit unit;
    double value;
    bool measured; /* a gate on a field that was not measured is missed */
};

/* Unit of a field name; false when no result has such a field. */
bool mn_gate_find_unit(const char *field, enum mn_gate_unit *ret);
/* MN_EINVAL: `why` says what is wrong. */
MN_MUSTCHECK enum mn_err mn_gate_parse(const char *text, struct mn_gate *ret, char *why,
                                       size_t why_cap);
/*
 * Whether the gate holds.  `got` (64 bytes or more) receives the value found, printed.
 * A field that is missing or was not measured: false.
 */
bool mn_gate_holds(const struct mn_gate *gate, const struct mn_gate_field *fields, char *got,
                   size_t got_cap);

#endif
