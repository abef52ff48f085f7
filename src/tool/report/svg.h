/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_REPORT_SVG_H
#define MN_TOOL_REPORT_SVG_H

#include <stdbool.h>
#include <stddef.h>

#include "tool/kit/fmt.h"

/*
 * One chart as SVG: lines over a common x axis, linear or logarithmic axes
 * with units, gridlines, a legend, shaded spans, marked values.  Pure: all
 * memory is the caller's, all text is escaped here.  Colours are classes
 * that svg_style() defines for light and dark.
 */

struct mn_buf;

/* Colours: categories in their fixed order, and a ramp for values that have an order. */
enum svg_colour {
    SVG_BLUE = 0,
    SVG_ORANGE,
    SVG_GREEN,
    SVG_VIOLET,
    SVG_RED,
    SVG_TEAL,
    SVG_RAMP_1, /* the least */
    SVG_RAMP_2,
    SVG_RAMP_3,
    SVG_GREY
};

struct svg_series {
    const char *name; /* in the legend */
    enum svg_colour colour;
    const double *y; /* `count` values of the chart; NAN is a gap */
    bool area;       /* filled down to the axis */
    bool dashed;
};

/* A shaded part of the x axis, e.g. the warm-up. */
struct svg_span {
    double from;
    double to;
    const char *label;
};

/* A line across at a value of x. */
struct svg_mark {
    double at;
    const char *label;
};

struct svg_tick {
    double at;
    const char *label;
};

#define SVG_SERIES_MAX 8
#define SVG_TICKS_MAX 32

struct svg_chart {
    const char *title; /* spoken by screen readers; shown when `standalone` */
    const char *x_title;
    const char *y_title;
    enum fmt x_fmt;
    enum fmt y_fmt;
    bool x_log;
    bool x_zero; /* the x axis begins at 0, before the first x */
    bool y_log;
    bool steps;      /* y[i] holds from x[i] to x[i + 1]; otherwise points are joined */
    bool readout;    /* the values of each x in a tooltip */
    bool standalone; /* a file of its own: with namespace, style, background, title */
    const double *x; /* ascending */
    size_t count;
    struct svg_series series[SVG_SERIES_MAX];
    size_t series_count;
    const struct svg_span *spans;
    size_t span_count;
    const struct svg_mark *marks;
    size_t mark_count;
    const struct svg_tick *x_ticks; /* instead of computed ones */
    size_t x_tick_count;
};

/* Appends the chart.  Without a single value that can be drawn: nothing, false. */
bool svg_chart(struct mn_buf *out, const struct svg_chart *chart);
/* The style sheet that the charts' classes need, for one <style> of a page. */
const char *svg_style(void);

/*
 * Ticks of an axis over min..max (min < max; both > 0 when `log`): round
 * values, at most SVG_TICKS_MAX; returns their number.  *ret_min and
 * *ret_max are the axis' ends, which include min and max.
 */
size_t svg_ticks(double min, double max, bool log, enum fmt fmt, double ret_ticks[SVG_TICKS_MAX],
                 double *ret_min, double *ret_max);

#endif
