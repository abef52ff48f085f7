/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_REPORT_CHARTS_H
#define MN_TOOL_REPORT_CHARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct mn_buf;

/*
 * The charts of a result document, and of several beside each other: what
 * is drawn from which members.  Pure; all memory is released on return.
 */
enum charts_id {
    CHARTS_PERCENTILES = 0, /* over time */
    CHARTS_DISTRIBUTION,    /* share of the messages by latency */
    CHARTS_TAIL,            /* latency by percentile, nines evenly spaced */
    CHARTS_RATES,
    CHARTS_CONNECTIONS,
    CHARTS_MEMORY,
    CHARTS_CPU,
    CHARTS_TROUBLE, /* errors, refusals, lost connections */
    CHARTS_COUNT
};

/* Word for a file's name, and heading. */
const char *charts_name(enum charts_id id);
const char *charts_title(enum charts_id id);
/*
 * Appends the chart of one result; false when the result has nothing for
 * it.  standalone: a file of its own, titled with the result's name.
 */
bool charts_draw(struct mn_buf *out, const json_t *doc, enum charts_id id, bool standalone);

/* As many results fit into one chart. */
#define CHARTS_OVERLAY_MAX 6
/*
 * The same of several results, one line each, the times counted from the
 * start of their steady phases.
 */
bool charts_overlay(struct mn_buf *out, const json_t *const *docs, const char *const *names,
                    size_t count, enum charts_id id);

#endif
