/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws one chart, see svg.h.  Pure functions over caller-owned arrays; the
 * layout is in user units of a viewBox, which the page scales.
 *
 * Order of drawing: spans, grid, areas, lines, marks, axis text, legend, and
 * last the invisible columns that carry the tooltips.
 */
#include "tool/report/svg.h"

#include <math.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"

#define WIDTH 680.0
#define HEIGHT 300.0
#define MARGIN_LEFT 66.0
#define MARGIN_RIGHT 18.0
#define MARGIN_BOTTOM 44.0
#define LINE_HEIGHT 18.0
/* Of 12-unit text, on average; only used to place things beside each other. */
#define CHAR_WIDTH 6.4
#define SWATCH 22.0
#define TICKS_WANTED 5

struct plot {
    struct mn_buf *out;
    const struct svg_chart *chart;
    double left, top, width, height; /* of the plotting area */
    double x_min, x_max, y_min, y_max;
    double x_ticks[SVG_TICKS_MAX], y_ticks[SVG_TICKS_MAX];
    size_t x_tick_count, y_tick_count;
};

/* ---- scales ---- */

static double round_step(double raw)
{
    double decade = pow(10, floor(log10(raw)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < MN_ARRAY_LEN(steps); i++)
        if (raw <= steps[i] * decade * 1.0001)
            return steps[i] * decade;
    return 10 * decade;
}

static size_t linear_ticks(double min, double max, enum fmt fmt, double ret[SVG_TICKS_MAX],
                           double *ret_min, double *ret_max)
{
    double divisor;
    const char *unit;
    /* Round in the unit that is shown: steps of 50 MiB, not of 50,000,000 bytes. */
    fmt_axis(fmt, max, &divisor, &unit);
    double step = round_step((max - min) / divisor / TICKS_WANTED) * divisor;
    double first = floor(min / step + 1e-9);
    double last = ceil(max / step - 1e-9);
    size_t n = 0;
    for (double i = first; i <= last && n < SVG_TICKS_MAX; i++)
        ret[n++] = i * step;
    *ret_min = first * step;
    *ret_max = last * step;
    return n;
}

static size_t log_ticks(double min, double max, double ret[SVG_TICKS_MAX], double *ret_min,
                        double *ret_max)
{
    static const double fine[] = {1, 2, 5}, coarse[] = {1};
    double decades = log10(max / min);
    bool is_fine = decades < 2.2;
    const double *steps = is_fine ? fine : coarse;
    size_t step_count = is_fine ? MN_ARRAY_LEN(fine) : MN_ARRAY_LEN(coarse);
    size_t n = 0;
    double end = min;
    *ret_min = min;
    for (double e = floor(log10(min)); e < 310 && end < max; e++) {
        for (size_t s = 0; s < step_count && end < max && n < SVG_TICKS_MAX; s++) {
            double tick = steps[s] * pow(10, e);
            if (tick <= min * 1.0001) {
                n = 0; /* the last one that is not above the values begins the axis */
                *ret_min = tick;
            }
            ret[n++] = end = tick;
        }
        if (n == SVG_TICKS_MAX)
            break;
    }
    *ret_max = end > max ? end : max;
    return n;
}

size_t svg_ticks(double min, double max, bool log, enum fmt fmt, double ret_ticks[SVG_TICKS_MAX],
                 double *ret_min, double *ret_max)
{
    if (log)
        return log_ticks(min, max, ret_ticks, ret_min, ret_max);
    return linear_ticks(min, max, fmt, ret_ticks, ret_min, ret_max);
}

static double fraction(double v, double min, double max, bool log)
{
    return log ? log10(v / min) / log10(max / min) : (v - min) / (max - min);
}

static double x_of(const struct plot *p, double v)
{
    double f = fraction(v, p->x_min, p->x_max, p->chart->x_log);
    return p->left + (f < 0 ? 0 : f > 1 ? 1 : f) * p->width;
}

static double y_of(const struct plot *p, double v)
{
    return p->top + (1 - fraction(v, p->y_min, p->y_max, p->chart->y_log)) * p->height;
}

static bool is_drawn(const struct svg_chart *chart, double v)
{
    return isfinite(v) && (!chart->y_log || v > 0);
}

/* Least and greatest value that can be drawn; false when there is none. */
static bool y_range(const struct svg_chart *chart, double *ret_min, double *ret_max)
{
    double min = INFINITY, max = -INFINITY;
    for (size_t s = 0; s < chart->series_count; s++) {
        for (size_t i = 0; i < chart->count; i++) {
            double v = chart->series[s].y[i];
            if (!is_drawn(chart, v))
                continue;
            min = fmin(min, v);
            max = fmax(max, v);
        }
    }
    *ret_min = min;
    *ret_max = max;
    return min <= max;
}

static bool set_scales(struct plot *p)
{
    const struct svg_chart *c = p->chart;
    double min, max;
    if (c->count == 0 || !y_range(c, &min, &max))
        return false;
    if (!c->y_log)
        min = fmin(min, 0);
    if (min == max)
        max = c->y_log ? min * 1.5 : min + 1;
    p->y_tick_count = svg_ticks(min, max, c->y_log, c->y_fmt, p->y_ticks, &p->y_min, &p->y_max);
    p->x_min = c->x_zero ? fmin(c->x[0], 0) : c->x[0];
    p->x_max = c->x[c->count - 1];
    if (!(p->x_max > p->x_min))
        p->x_max = p->x_min > 0 ? p->x_min * 2 : p->x_min + 1;
    double lo, hi;
    /* The x axis ends where its values do: round ends would leave empty margins. */
    p->x_tick_count = svg_ticks(p->x_min, p->x_max, c->x_log, c->x_fmt, p->x_ticks, &lo, &hi);
    return true;
}

/* ---- text ---- */

/* Characters, as far as their number can be told without a font. */
static double text_width(const char *z)
{
    double n = 0;
    for (; *z; z++)
        n += ((unsigned char)*z & 0xc0) != 0x80;
    return n * CHAR_WIDTH;
}

static void text(const struct plot *p, double x, double y, const char *cls, const char *z)
{
    mn_ignore(mn_buf_addf(p->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", cls, x, y));
    fmt_escape(p->out, z);
    mn_ignore(mn_buf_add_z(p->out, "</text>"));
}

/* The value alone on a linear axis, whose unit is in its title; with its unit on a log one. */
static void tick_text(char *out, size_t cap, const double *ticks, size_t n, size_t i, bool log,
                      enum fmt fmt)
{
    if (log || n < 2) {
        fmt_print(out, cap, fmt, ticks[i]);
        return;
    }
    double divisor;
    const char *unit;
    fmt_axis(fmt, ticks[n - 1], &divisor, &unit);
    double step = (ticks[1] - ticks[0]) / divisor;
    double decimals = step < 1 ? ceil(-log10(step) - 1e-9) : 0;
    fmt_fixed(out, cap, ticks[i] / divisor, (unsigned)decimals);
}

static void axis_title(char *out, size_t cap, const char *title, bool log, enum fmt fmt, double max)
{
    double divisor;
    const char *unit = "";
    if (!log)
        fmt_axis(fmt, max, &divisor, &unit);
    snprintf(out, cap, "%s%s%s%s", title ? title : "", *unit ? ", " : "", unit,
             log ? " (log scale)" : "");
}

/* ---- parts ---- */

static void draw_spans(const struct plot *p)
{
    for (size_t i = 0; i < p->chart->span_count; i++) {
        const struct svg_span *span = &p->chart->spans[i];
        double from = x_of(p, span->from), to = x_of(p, span->to);
        if (to - from < 1)
            continue;
        mn_ignore(mn_buf_addf(p->out,
                              "<rect class=\"span\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                              "height=\"%.1f\"/>",
                              from, p->top, to - from, p->height));
        if (text_width(span->label) < to - from)
            text(p, (from + to) / 2, p->top + p->height - 7, "note mid", span->label);
    }
}

static void draw_y_axis(const struct plot *p)
{
    char label[48];
    for (size_t i = 0; i < p->y_tick_count; i++) {
        double y = y_of(p, p->y_ticks[i]);
        mn_ignore(mn_buf_addf(p->out, "<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>", p->left, y,
                              p->width));
        tick_text(label, sizeof label, p->y_ticks, p->y_tick_count, i, p->chart->y_log,
                  p->chart->y_fmt);
        text(p, p->left - 8, y + 4, "tick end", label);
    }
}

static void x_tick(const struct plot *p, double at, const char *label)
{
    double x = x_of(p, at);
    mn_ignore(
        mn_buf_addf(p->out, "<path class=\"grid\" d=\"M%.1f %.1fv%.1f\"/>", x, p->top, p->height));
    /* The last one may be as far right as the picture goes: it would be cut in its middle. */
    bool cut = x + text_width(label) / 2 > WIDTH;
    text(p, cut ? WIDTH : x, p->top + p->height + 17, cut ? "tick end" : "tick mid", label);
}

static void draw_x_axis(const struct plot *p)
{
    const struct svg_chart *c = p->chart;
    char label[96];
    for (size_t i = 0; i < c->x_tick_count; i++)
        if (c->x_ticks[i].at >= p->x_min && c->x_ticks[i].at <= p->x_max)
            x_tick(p, c->x_ticks[i].at, c->x_ticks[i].label);
    for (size_t i = 0; i < p->x_tick_count && c->x_tick_count == 0; i++) {
        if (p->x_ticks[i] < p->x_min * (1 - 1e-9) || p->x_ticks[i] > p->x_max * (1 + 1e-9))
            continue;
        tick_text(label, sizeof label, p->x_ticks, p->x_tick_count, i, c->x_log, c->x_fmt);
        x_tick(p, p->x_ticks[i], label);
    }
    mn_ignore(mn_buf_addf(p->out, "<path class=\"axis\" d=\"M%.1f %.1fh%.1f\"/>", p->left,
                          p->top + p->height, p->width));
    axis_title(label, sizeof label, c->x_title, c->x_log && c->x_tick_count == 0, c->x_fmt,
               p->x_max);
    text(p, p->left + p->width / 2, HEIGHT - 8, "title mid", label);
}

static void point(const struct plot *p, const char *op, double x, double y)
{
    mn_ignore(mn_buf_addf(p->out, "%s%.1f %.1f", op, x, y));
}

/* One unbroken stretch from `from` to `to` (exclusive); an area is closed along the axis. */
static void stretch(const struct plot *p, const struct svg_series *s, size_t from, size_t to,
                    bool area)
{
    const struct svg_chart *c = p->chart;
    double base = p->top + p->height;
    double end_x = x_of(p, c->x[to - 1]);
    if (area)
        point(p, "M", x_of(p, c->x[from]), base);
    for (size_t i = from; i < to; i++) {
        double x = x_of(p, c->x[i]), y = y_of(p, s->y[i]);
        point(p, i == from && !area ? "M" : "L", x, y);
        if (c->steps && i + 1 < c->count) {
            end_x = x_of(p, c->x[i + 1]);
            mn_ignore(mn_buf_addf(p->out, "H%.1f", end_x));
        }
    }
    if (area)
        mn_ignore(mn_buf_addf(p->out, "L%.1f %.1fZ", end_x, base));
    else if (to == from + 1)
        mn_ignore(mn_buf_add_z(p->out, "h0")); /* a point on its own: the round cap shows it */
}

static void draw_path(const struct plot *p, const struct svg_series *s, bool area)
{
    const struct svg_chart *c = p->chart;
    mn_ignore(mn_buf_addf(p->out, "<path class=\"%s k%d%s\" d=\"", area ? "area" : "line",
                          (int)s->colour, s->dashed && !area ? " dash" : ""));
    for (size_t i = 0; i < c->count; i++) {
        size_t from = i;
        while (i < c->count && is_drawn(c, s->y[i]))
            i++;
        if (i > from)
            stretch(p, s, from, i, area);
    }
    mn_ignore(mn_buf_add_z(p->out, "\"/>"));
}

static void draw_series(const struct plot *p)
{
    const struct svg_chart *c = p->chart;
    for (size_t s = 0; s < c->series_count; s++)
        if (c->series[s].area)
            draw_path(p, &c->series[s], true);
    for (size_t s = 0; s < c->series_count; s++)
        draw_path(p, &c->series[s], false);
}

static void draw_marks(const struct plot *p)
{
    double taken_to = -1; /* right end of the label before, and its row */
    unsigned row = 0;
    for (size_t i = 0; i < p->chart->mark_count; i++) {
        const struct svg_mark *mark = &p->chart->marks[i];
        double x = x_of(p, mark->at), width = text_width(mark->label);
        bool flip = x + width + 6 > p->left + p->width;
        double begin = flip ? x - width - 6 : x;
        row = begin < taken_to ? row + 1 : 0;
        taken_to = fmax(taken_to, x + (flip ? 0 : width + 8));
        mn_ignore(mn_buf_addf(p->out, "<path class=\"mark\" d=\"M%.1f %.1fV%.1f\"/>", x, p->top,
                              p->top + p->height));
        text(p, flip ? x - 5 : x + 5, p->top + 12 + 15 * row, flip ? "note end" : "note",
             mark->label);
    }
}

static double legend_width(const struct svg_chart *c)
{
    double width = 0;
    for (size_t s = 0; s < c->series_count; s++)
        width += SWATCH + text_width(c->series[s].name) + 14;
    return width - 14;
}

static void draw_legend(const struct plot *p, double x, double y)
{
    for (size_t s = 0; s < p->chart->series_count; s++) {
        const struct svg_series *series = &p->chart->series[s];
        mn_ignore(mn_buf_addf(p->out, "<path class=\"line k%d%s\" d=\"M%.1f %.1fh15\"/>",
                              (int)series->colour, series->dashed ? " dash" : "", x, y - 4));
        text(p, x + SWATCH, y, "name", series->name);
        x += SWATCH + text_width(series->name) + 14;
    }
}

static void readout_text(const struct plot *p, size_t i)
{
    const struct svg_chart *c = p->chart;
    char value[48];
    mn_ignore(mn_buf_add_z(p->out, "<title>"));
    fmt_print(value, sizeof value, c->x_fmt, c->x[i]);
    fmt_escape(p->out, value);
    for (size_t s = 0; s < c->series_count; s++) {
        if (!is_drawn(c, c->series[s].y[i]))
            continue;
        mn_ignore(mn_buf_add_char(p->out, '\n'));
        fmt_escape(p->out, c->series[s].name);
        fmt_print(value, sizeof value, c->y_fmt, c->series[s].y[i]);
        mn_ignore(mn_buf_add_z(p->out, ": "));
        fmt_escape(p->out, value);
    }
    mn_ignore(mn_buf_add_z(p->out, "</title>"));
}

/* A column around each x, half way to its neighbours (from x to the next one for steps). */
static void draw_readout(const struct plot *p)
{
    const struct svg_chart *c = p->chart;
    for (size_t i = 0; i < c->count; i++) {
        double at = x_of(p, c->x[i]);
        double prev = i > 0 ? x_of(p, c->x[i - 1]) : at;
        double next = i + 1 < c->count ? x_of(p, c->x[i + 1]) : at;
        double from = c->steps ? at : (prev + at) / 2, to = c->steps ? next : (at + next) / 2;
        mn_ignore(mn_buf_addf(p->out,
                              "<rect class=\"hit\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                              "height=\"%.1f\">",
                              from, p->top, fmax(to - from, 0.5), p->height));
        readout_text(p, i);
        mn_ignore(mn_buf_add_z(p->out, "</rect>"));
    }
}

/* ---- the whole ---- */

static void open_svg(const struct plot *p)
{
    const struct svg_chart *c = p->chart;
    mn_ignore(mn_buf_add_z(p->out, "<svg class=\"chart\" role=\"img\""));
    if (c->standalone)
        mn_ignore(mn_buf_addf(
            p->out, " xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\"", WIDTH,
            HEIGHT));
    mn_ignore(mn_buf_addf(p->out, " viewBox=\"0 0 %.0f %.0f\" aria-label=\"", WIDTH, HEIGHT));
    fmt_escape(p->out, c->title);
    mn_ignore(mn_buf_add_z(p->out, "\">"));
    if (!c->standalone)
        return;
    mn_ignore(mn_buf_add_z(p->out, "<style>"));
    mn_ignore(mn_buf_add_z(p->out, svg_style()));
    mn_ignore(mn_buf_addf(p->out, "</style><rect class=\"back\" width=\"%.0f\" height=\"%.0f\"/>",
                          WIDTH, HEIGHT));
    text(p, 14, 22, "head", c->title);
}

/* The lines above the plotting area: the y axis' title, and the legend, beside it if it fits. */
static void draw_head(struct plot *p)
{
    const struct svg_chart *c = p->chart;
    char title[96];
    axis_title(title, sizeof title, c->y_title, c->y_log, c->y_fmt, p->y_max);
    double y = c->standalone ? 46 : 14;
    text(p, 14, y, "title", title);
    if (c->series_count > 1) {
        double width = legend_width(c);
        bool beside = 14 + text_width(title) + 24 + width < WIDTH - MARGIN_RIGHT;
        if (!beside)
            y += LINE_HEIGHT;
        draw_legend(p, beside ? WIDTH - MARGIN_RIGHT - width : 14, y);
    }
    p->top = y + 14;
    p->height = HEIGHT - MARGIN_BOTTOM - p->top;
}

bool svg_chart(struct mn_buf *out, const struct svg_chart *chart)
{
    struct plot p = {.out = out,
                     .chart = chart,
                     .left = MARGIN_LEFT,
                     .width = WIDTH - MARGIN_LEFT - MARGIN_RIGHT};
    if (!set_scales(&p))
        return false;
    open_svg(&p);
    draw_head(&p);
    draw_spans(&p);
    draw_y_axis(&p);
    draw_x_axis(&p);
    draw_series(&p);
    draw_marks(&p);
    if (chart->readout)
        draw_readout(&p);
    mn_ignore(mn_buf_add_z(out, "</svg>\n"));
    return true;
}
