/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_REPORT_COMPARE_H
#define MN_TOOL_REPORT_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tool/kit/fmt.h"
#include "tool/kit/opts.h"

/*
 * Results beside each other: sides of one or more runs each; the first side
 * is what the others are held against.  Pure, but for the page's file.
 */

#define MN_COMPARE_SIDES_MAX 6

struct mn_compare_side {
    char letter;
    char name[48]; /* short, for legends */
    const char *paths[MN_OPTS_LIST_MAX];
    json_t *docs[MN_OPTS_LIST_MAX]; /* the caller's */
    size_t count;
};

/* Where the noise of a figure comes from. */
enum mn_compare_noise {
    MN_COMPARE_NOISE_NONE = 0, /* one run, and no seconds of it: unknown */
    MN_COMPARE_NOISE_RUNS,     /* greatest minus least of several runs */
    MN_COMPARE_NOISE_SECONDS   /* middle half of the seconds of the one run */
};

struct mn_compare_value {
    bool known;
    double median; /* of the runs; of faults and losses the worst run */
    double spread; /* in the figure's unit; 0 with MN_COMPARE_NOISE_NONE */
    enum mn_compare_noise noise;
};

enum mn_compare_verdict {
    MN_COMPARE_EQUAL = 0,
    MN_COMPARE_WITHIN, /* the noise is greater than the difference */
    MN_COMPARE_BETTER,
    MN_COMPARE_WORSE,
    MN_COMPARE_DIFFERS, /* beyond the noise, of a figure that is neither good nor bad */
    MN_COMPARE_UNKNOWN  /* there is a difference, but nothing to hold it against */
};

/* A row of the comparison; at most MN_COMPARE_ROWS_MAX are made. */
#define MN_COMPARE_ROWS_MAX 96
struct mn_compare_row {
    const char *field;
    enum mn_fmt fmt;
    struct mn_compare_value value[MN_COMPARE_SIDES_MAX];
    enum mn_compare_verdict verdict[MN_COMPARE_SIDES_MAX]; /* [0]: unused */
};

struct mn_compare {
    struct mn_compare_side side[MN_COMPARE_SIDES_MAX];
    size_t side_count;
    struct mn_compare_row row[MN_COMPARE_ROWS_MAX];
    size_t row_count;
};

struct mn_compare_value mn_compare_value(const struct mn_compare_side *side, const char *field);
enum mn_compare_verdict mn_compare_judge(const char *field, const struct mn_compare_value *a,
                                         const struct mn_compare_value *b);
/* Fills the rows: every figure that any side has measured. */
void mn_compare_make(struct mn_compare *compare);
/* "better", "worse", ...; static storage. */
const char *mn_compare_verdict_text(enum mn_compare_verdict verdict);
/*
 * Parameters and machine that are not the same on all sides, one line each,
 * with the values; calls `line` for each.  `arg` is passed through.
 */
void mn_compare_differences(const struct mn_compare *compare,
                            void (*line)(void *arg, const char *text), void *arg);
/* Noise of a row, over all sides: "3.1 % (runs)", "unknown". */
void mn_compare_noise_text(const struct mn_compare *compare, const struct mn_compare_row *row,
                           char *out, size_t cap);

/* compare_report.c */
void mn_compare_text(const struct mn_compare *compare, FILE *out);
bool mn_compare_html(const struct mn_compare *compare, const char *path);
/* What the noise means, in two sentences. */
extern const char mn_compare_note[];

#endif
