/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_SCENARIO_H
#define MN_TOOL_BENCH_SCENARIO_H

#include <stddef.h>

#include "base/err.h"
#include "tool/kit/opts.h"

/*
 * A scenario file: lines `name = value`, `#` begins a comment, the first one
 * is `mode = ...`, `title = ...` may follow, everything else is an option of
 * that mode as on the command line (flags: true or false).
 */

/* What a file may hold. */
#define SCENARIO_LINES_MAX 64
#define SCENARIO_BYTES_MAX 16384

struct scenario_line {
    const char *name;
    const char *value;
    unsigned number; /* of the line, from 1 */
};

struct scenario {
    const char *path; /* the caller's */
    char *text;       /* what the strings point into */
    char name[64];    /* of the file, without directory and .conf */
    const char *mode;
    const char *title; /* or NULL */
    struct scenario_line line[SCENARIO_LINES_MAX];
    size_t line_count;
};

/*
 * Reads `path`; on failure `why` (200 bytes or more) says where and what.
 * The lines are checked for their form only.
 */
MN_MUSTCHECK enum mn_err scenario_load(struct scenario *ret, const char *path, char *why,
                                       size_t why_cap);
/* Sets its options; they point into `scenario`, which must outlive them. */
MN_MUSTCHECK enum mn_err scenario_apply(const struct scenario *scenario, struct opts *opts,
                                        enum opts_cmd cmd, char *why, size_t why_cap);
/* May be called twice, and on zeroed memory. */
void scenario_deinit(struct scenario *scenario);

#endif
