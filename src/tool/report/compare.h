/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_REPORT_COMPARE_H
#define MN_TOOL_REPORT_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tool/kit/fmt.h"
#include "tool/kit/opts.h"
#include "tool/kit/outputs.h"

/*
 * Results beside each other: sides of one or more runs each; the first side
 * is what the others are held against.  Pure, but for the page's file.
 */

#define COMPARE_SIDES_MAX 6

struct compare_side {
    char letter;
    char name[48]; /* short, for legends */
    const char *paths[OPTS_LIST_MAX];
    json_t *docs[OPTS_LIST_MAX]; /* the caller's */
    size_t count;
};

/* Where the noise of a figure comes from. */
enum compare_noise {
    COMPARE_NOISE_NONE = 0, /* one run, and no seconds of it: unknown */
    COMPARE_NOISE_RUNS,     /* greatest minus least of several runs */
    COMPARE_NOISE_SECONDS   /* middle half of the seconds of the one run */
};

struct compare_value {
    bool known;
    double median; /* of the runs; of faults and losses the worst run */
    double spread; /* in the figure's unit; 0 with COMPARE_NOISE_NONE */
    enum compare_noise noise;
};

enum compare_verdict {
    COMPARE_EQUAL = 0,
    COMPARE_WITHIN, /* the noise is greater than the difference */
    COMPARE_BETTER,
    COMPARE_WORSE,
    COMPARE_DIFFERS, /* beyond the noise, of a figure that is neither good nor bad */
    COMPARE_UNKNOWN  /* there is a difference, but nothing to hold it against */
};

/* A row of the comparison; at most COMPARE_ROWS_MAX are made. */
#define COMPARE_ROWS_MAX 96
struct compare_row {
    const char *field;
    enum fmt fmt;
    struct compare_value value[COMPARE_SIDES_MAX];
    enum compare_verdict verdict[COMPARE_SIDES_MAX]; /* [0]: unused */
};

struct compare {
    struct compare_side side[COMPARE_SIDES_MAX];
    size_t side_count;
    struct compare_row row[COMPARE_ROWS_MAX];
    size_t row_count;
};

struct compare_value compare_value(const struct compare_side *side, const char *field);
enum compare_verdict compare_judge(const char *field, const struct compare_value *a,
                                   const struct compare_value *b);
/* Fills the rows: every figure that any side has measured. */
void compare_make(struct compare *compare);
/* "better", "worse", ...; static storage. */
const char *compare_verdict_text(enum compare_verdict verdict);
/*
 * Parameters and machine that are not the same on all sides, one line each,
 * with the values; calls `line` for each.  `arg` is passed through.
 */
void compare_differences(const struct compare *compare, void (*line)(void *arg, const char *text),
                         void *arg);
/* Noise of a row, over all sides: "3.1 % (runs)", "unknown". */
void compare_noise_text(const struct compare *compare, const struct compare_row *row, char *out,
                        size_t cap);

/* compare_report.c */
void compare_text(const struct compare *compare, FILE *out);
bool compare_html(const struct compare *compare, struct outputs *outputs);
/* What the noise means, in two sentences. */
extern const char compare_note[];

#endif
