/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The charts of a result, see charts.h.  Those over time are rows of a
 * table (which members, how they are merged when there are more seconds
 * than points); the two of the latencies are computed from the buckets.
 */
#include "tool/report/charts.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tool/report/result.h"
#include "tool/report/svg.h"

/* More would be drawn within the width of a line. */
#define POINTS_MAX 400
#define COLUMNS_MAX 6
/* Bins of 12%, or of 6% where the values are within two decades. */
#define BINS_COARSE 20
#define BINS_FINE 40
/* Of a latency, in nanoseconds: 1 ns to 11 days. */
#define LATENCY_DECADES 15
#define NINES_MAX 6

enum merge { MERGE_MEAN = 0, MERGE_MAX, MERGE_SUM };

struct column {
    const char *path;
    const char *name;
    enum svg_colour colour;
    bool area;
    bool dashed;
};

struct recipe {
    const char *name;
    const char *title;
    const char *y_title;
    enum fmt y_fmt;
    bool y_log;
    enum merge merge;
    struct column columns[COLUMNS_MAX]; /* NULL path: end */
};

static const struct recipe recipes[CHARTS_COUNT] = {
    [CHARTS_PERCENTILES] = {"percentiles",
                            "Latency over time",
                            "of each second",
                            FMT_NS,
                            true,
                            MERGE_MAX,
                            {{"max_ns", "max", SVG_GREY, false, true},
                             {"p99_ns", "p99", SVG_RAMP_3, false, false},
                             {"p90_ns", "p90", SVG_RAMP_2, false, false},
                             {"p50_ns", "p50", SVG_RAMP_1, false, false}}},
    [CHARTS_DISTRIBUTION] = {"distribution",
                             "Latency distribution",
                             "share of all",
                             FMT_PERCENT,
                             false,
                             MERGE_SUM,
                             {{0}}},
    [CHARTS_TAIL] = {"tail", "Latency by percentile", "latency", FMT_NS, true, MERGE_MAX, {{0}}},
    [CHARTS_RATES] = {"rates",
                      "Rates over time",
                      "a second",
                      FMT_COUNT,
                      false,
                      MERGE_MEAN,
                      {{"sent_per_s", "sent", SVG_BLUE, false, false},
                       {"saved_per_s", "saved", SVG_ORANGE, false, false},
                       {"delivered_per_s", "delivered", SVG_GREEN, false, false},
                       {"pongs_per_s", "answered", SVG_VIOLET, false, false},
                       {"http_per_s", "http answers", SVG_RED, false, false},
                       {"connect_attempts", "connect attempts", SVG_TEAL, false, false}}},
    [CHARTS_CONNECTIONS] = {"connections",
                            "Authenticated connections over time",
                            "connections",
                            FMT_COUNT,
                            false,
                            MERGE_MEAN,
                            {{"connected", "authenticated", SVG_BLUE, true, false}}},
    [CHARTS_MEMORY] = {"memory",
                       "Memory of the server over time",
                       "resident",
                       FMT_BYTES,
                       false,
                       MERGE_MAX,
                       {{"server.rss_bytes", "resident", SVG_BLUE, true, false}}},
    [CHARTS_CPU] = {"cpu",
                    "CPU over time",
                    "cores",
                    FMT_COUNT,
                    false,
                    MERGE_MEAN,
                    {{"server.cpu", "server", SVG_BLUE, true, false},
                     {"tool_cpu", "load generator", SVG_ORANGE, false, false}}},
    [CHARTS_TROUBLE] = {"trouble",
                        "Trouble over time",
                        "a second",
                        FMT_COUNT,
                        false,
                        MERGE_MEAN,
                        {{"errors", "ERROR frames", SVG_RED, false, false},
                         {"skipped", "sends skipped", SVG_ORANGE, false, false},
                         {"connect_failures", "connects failed", SVG_VIOLET, false, false},
                         {"connections_lost", "connections lost", SVG_BLUE, false, false},
                         {"delivered_resend", "delivered by resend", SVG_TEAL, false, false}}},
};

/* What one chart is drawn from; about 25 KiB, on the heap while it is drawn. */
struct work {
    struct svg_chart chart;
    double x[POINTS_MAX];
    double y[SVG_SERIES_MAX][POINTS_MAX];
    struct svg_span spans[8];
    struct svg_mark marks[4];
    char mark_text[4][48];
    char title[160];
    double bins_per_decade; /* of the distribution, from 1 ns on */
    size_t first_bin;
};

const char *charts_name(enum charts_id id) { return recipes[id].name; }

const char *charts_title(enum charts_id id) { return recipes[id].title; }

static struct work *new_work(enum charts_id id)
{
    const struct recipe *r = &recipes[id];
    struct work *w = mn_new(struct work);
    w->chart = (struct svg_chart){.title = r->title,
                                  .y_title = r->y_title,
                                  .y_fmt = r->y_fmt,
                                  .y_log = r->y_log,
                                  .x = w->x,
                                  .readout = true};
    return w;
}

static void add_series(struct work *w, const struct column *column, const char *name,
                       enum svg_colour colour)
{
    size_t n = w->chart.series_count++;
    w->chart.series[n] = (struct svg_series){.name = name,
                                             .colour = colour,
                                             .y = w->y[n],
                                             .area = column && column->area,
                                             .dashed = column && column->dashed};
}

/* ---- over time ---- */

/*
 * Member `path` of the rows from..to of the series, `group` rows a point;
 * false when it is nowhere above 0.
 */
static bool read_column(const json_t *series, const char *path, size_t from, size_t to,
                        size_t group, enum merge merge, double *ret)
{
    bool any = false;
    for (size_t i = from, n = 0; i < to; i += group, n++) {
        double sum = 0, max = (double)NAN;
        size_t count = 0;
        for (size_t k = i; k < to && k < i + group; k++) {
            double v = result_num(json_array_get(series, k), path);
            if (isnan(v))
                continue;
            sum += v;
            count++;
            max = isnan(max) || v > max ? v : max;
        }
        ret[n] = merge == MERGE_MAX ? max : count ? sum / (double)count : (double)NAN;
        any = any || ret[n] > 0;
    }
    return any;
}

static size_t group_of(size_t rows)
{
    return rows / POINTS_MAX + (rows % POINTS_MAX != 0) + (rows == 0);
}

static void add_phases(struct work *w, const json_t *doc)
{
    static const char *const shaded[] = {"connect", "warmup", "drain", "recover"};
    const json_t *phases = result_get(doc, "phases");
    size_t n = json_array_size(phases);
    for (size_t i = 0; i < n && w->chart.span_count < MN_ARRAY_LEN(w->spans); i++) {
        const json_t *phase = json_array_get(phases, i);
        double to = result_num(json_array_get(phases, i + 1), "begin_s");
        for (size_t s = 0; s < MN_ARRAY_LEN(shaded); s++) {
            if (strcmp(result_str(phase, "name"), shaded[s]) != 0)
                continue;
            double from = result_num(phase, "begin_s");
            if (isfinite(from))
                w->spans[w->chart.span_count++] = (struct svg_span){
                    from, isfinite(to) ? to : w->x[w->chart.count - 1], shaded[s]};
        }
    }
    w->chart.spans = w->spans;
}

/* Modes whose subject is the connections: elsewhere they are shown only if they change. */
static bool is_about_connections(const json_t *doc)
{
    const char *mode = result_str(doc, "mode");
    return strcmp(mode, "connect") == 0 || strcmp(mode, "reconnect") == 0;
}

static bool is_wanted(const json_t *doc, const struct column *column)
{
    if (strcmp(column->path, "connect_attempts") == 0)
        return is_about_connections(doc);
    if (strcmp(column->path, "connected") == 0)
        return is_about_connections(doc) || result_num(doc, "figures.connections_lost") > 0 ||
               result_num(doc, "counters_total.flapped") > 0;
    return true;
}

static bool fill_rows(struct work *w, const json_t *doc, enum charts_id id)
{
    const json_t *series = result_get(doc, "series");
    size_t rows = json_array_size(series), group = group_of(rows);
    if (!read_column(series, "at_s", 0, rows, group, MERGE_MAX, w->x))
        return false;
    w->chart.count = (rows + group - 1) / group;
    w->chart.x_title = "time";
    w->chart.x_fmt = FMT_SECONDS;
    w->chart.x_zero = true;
    for (const struct column *c = recipes[id].columns;
         c < recipes[id].columns + COLUMNS_MAX && c->path; c++)
        if (is_wanted(doc, c) && read_column(series, c->path, 0, rows, group, recipes[id].merge,
                                             w->y[w->chart.series_count]))
            add_series(w, c, c->name, c->colour);
    add_phases(w, doc);
    return w->chart.series_count > 0;
}

/* ---- from the buckets ---- */

/* Messages have end-to-end latencies; where there are none, connecting is what was measured. */
static const char *main_latency(const json_t *doc)
{
    return result_num(doc, "latency.response.count") > 0 ? "latency.response" : "latency.connect";
}

static bool bucket(const json_t *buckets, size_t i, double *ret_ns, double *ret_count)
{
    const json_t *b = json_array_get(buckets, i);
    *ret_ns = json_number_value(json_array_get(b, 0));
    *ret_count = json_number_value(json_array_get(b, 1));
    return *ret_ns >= 1 && *ret_ns < pow(10, LATENCY_DECADES) && *ret_count > 0;
}

/* Least and greatest value, of those that are there. */
static void find_range(const json_t *latency, double *min, double *max)
{
    const json_t *buckets = result_get(latency, "buckets");
    double ns, count;
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        if (!bucket(buckets, i, &ns, &count))
            continue;
        *min = fmin(*min, ns);
        *max = fmax(*max, ns);
    }
}

static size_t bin_of(const struct work *w, double ns)
{
    return (size_t)(log10(ns) * w->bins_per_decade);
}

/* Sets the x axis to the bins of all `count` latencies; false: there are no values. */
static bool set_bins(struct work *w, const json_t *const *latencies, size_t count)
{
    double min = INFINITY, max = 0;
    for (size_t i = 0; i < count; i++)
        find_range(latencies[i], &min, &max);
    if (max <= 0)
        return false;
    w->bins_per_decade = max / min < 100 ? BINS_FINE : BINS_COARSE;
    w->first_bin = bin_of(w, min);
    /* An empty bin after the last one closes the last step. */
    w->chart.count = bin_of(w, max) - w->first_bin + 2;
    MN_BUG_ON(w->chart.count > POINTS_MAX);
    for (size_t i = 0; i < w->chart.count; i++)
        w->x[i] = pow(10, (double)(w->first_bin + i) / w->bins_per_decade);
    w->chart.x_log = w->chart.steps = true;
    w->chart.x_title = "latency";
    w->chart.x_fmt = FMT_NS;
    return true;
}

static bool fill_bins(const struct work *w, const json_t *latency, double *ret)
{
    const json_t *buckets = result_get(latency, "buckets");
    double ns, count, total = 0;
    for (size_t i = 0; i < w->chart.count; i++)
        ret[i] = 0;
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        if (!bucket(buckets, i, &ns, &count))
            continue;
        ret[bin_of(w, ns) - w->first_bin] += count;
        total += count;
    }
    for (size_t i = 0; i < w->chart.count && total > 0; i++)
        ret[i] /= total;
    return total > 0;
}

static void add_marks(struct work *w, const json_t *latency)
{
    static const struct {
        const char *name, *path;
    } points[] = {{"p50", "p50_ns"}, {"p99", "p99_ns"}, {"p99.9", "p999_ns"}};
    for (size_t i = 0; i < MN_ARRAY_LEN(points); i++) {
        double ns = result_num(latency, points[i].path);
        char value[32];
        if (!(ns > 0))
            continue;
        fmt_print(value, sizeof value, FMT_NS, ns);
        char *label = w->mark_text[w->chart.mark_count];
        snprintf(label, sizeof w->mark_text[0], "%s %s", points[i].name, value);
        w->marks[w->chart.mark_count++] = (struct svg_mark){ns, label};
    }
    w->chart.marks = w->marks;
}

/* The latencies of a result that are shown together. */
static const struct column kinds[] = {
    {"latency.response", "end to end", SVG_BLUE, true, false},
    {"latency.saved", "send to saved", SVG_ORANGE, false, false},
    {"latency.impaired_response", "impaired receivers", SVG_VIOLET, false, false},
    {"latency.read_receipt", "receipts of reading", SVG_GREEN, false, false},
    {"latency.cursor_lag", "cursor over HTTP", SVG_TEAL, false, false},
    {"latency.http_history", "a history page", SVG_RED, false, false},
    {"latency.connect", "connect", SVG_BLUE, true, false},
};

/* Fills `ret`; how many have values.  Connecting is shown where nothing else was measured. */
static size_t pick_kinds(const json_t *doc, const struct column *ret[MN_ARRAY_LEN(kinds)],
                         const json_t *ret_latencies[MN_ARRAY_LEN(kinds)])
{
    size_t n = 0;
    for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++) {
        const json_t *latency = result_get(doc, kinds[i].path);
        bool last = i + 1 == MN_ARRAY_LEN(kinds);
        if (!(result_num(latency, "count") > 0) || (last && n > 0))
            continue;
        ret[n] = &kinds[i];
        ret_latencies[n++] = latency;
    }
    return n;
}

static const char *kind_name(const json_t *doc, const struct column *kind)
{
    bool ping = strcmp(result_str(doc, "mode"), "ping") == 0;
    return ping && kind == &kinds[0] ? "PING to PONG" : kind->name;
}

static bool fill_distribution(struct work *w, const json_t *doc)
{
    const struct column *columns[MN_ARRAY_LEN(kinds)];
    const json_t *latencies[MN_ARRAY_LEN(kinds)];
    size_t n = pick_kinds(doc, columns, latencies);
    if (!set_bins(w, latencies, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (fill_bins(w, latencies[i], w->y[w->chart.series_count]))
            add_series(w, columns[i], kind_name(doc, columns[i]), columns[i]->colour);
    add_marks(w, result_get(doc, main_latency(doc)));
    return true;
}

/* x is -log10(1 - q): each further nine has the same width. */
static void set_nines(struct work *w, double most)
{
    static const struct svg_tick ticks[] = {{0, "0"},        {0.30103, "50 %"}, {1, "90 %"},
                                            {2, "99 %"},     {3, "99.9 %"},     {4, "99.99 %"},
                                            {5, "99.999 %"}, {6, "99.9999 %"}};
    double end = fmin(fmax(log10(most), 1), NINES_MAX);
    w->chart.count = POINTS_MAX / 2;
    for (size_t i = 0; i < w->chart.count; i++)
        w->x[i] = end * (double)i / (double)(w->chart.count - 1);
    w->chart.x_ticks = ticks;
    w->chart.x_tick_count = MN_ARRAY_LEN(ticks);
    w->chart.x_title = "percentile";
    w->chart.readout = false;
}

static bool fill_nines(const struct work *w, const json_t *latency, double *ret)
{
    const json_t *buckets = result_get(latency, "buckets");
    double total = 0, seen = 0, ns = 0, count;
    size_t n = json_array_size(buckets), at = 0;
    for (size_t i = 0; i < n; i++)
        total += bucket(buckets, i, &ns, &count) ? count : 0;
    for (size_t i = 0; i < w->chart.count; i++) {
        double wanted = total * (1 - pow(10, -w->x[i]));
        ret[i] = (double)NAN;
        /* Beyond the nines that so many values can tell apart there is nothing to be drawn. */
        if (!(total > 0) || w->x[i] > fmax(log10(total), 1) + 1e-9)
            continue;
        while (at < n && (seen < wanted || seen <= 0)) {
            double value;
            if (bucket(buckets, at++, &value, &count)) {
                seen += count;
                ns = value;
            }
        }
        ret[i] = ns;
    }
    return total > 0;
}

static bool fill_tail(struct work *w, const json_t *doc)
{
    const struct column *columns[MN_ARRAY_LEN(kinds)];
    const json_t *latencies[MN_ARRAY_LEN(kinds)];
    size_t n = pick_kinds(doc, columns, latencies);
    double most = 1;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, result_num(latencies[i], "count"));
    set_nines(w, most);
    for (size_t i = 0; i < n; i++)
        if (fill_nines(w, latencies[i], w->y[w->chart.series_count]))
            add_series(w, NULL, kind_name(doc, columns[i]), columns[i]->colour);
    return w->chart.series_count > 0;
}

bool charts_draw(struct mn_buf *out, const json_t *doc, enum charts_id id, bool standalone)
{
    struct work *w = new_work(id);
    snprintf(w->title, sizeof w->title, "%s: %s", result_name(doc), recipes[id].title);
    w->chart.title = standalone ? w->title : recipes[id].title;
    w->chart.standalone = standalone;
    bool ok = id == CHARTS_DISTRIBUTION ? fill_distribution(w, doc)
              : id == CHARTS_TAIL       ? fill_tail(w, doc)
                                        : fill_rows(w, doc, id);
    ok = ok && svg_chart(out, &w->chart);
    mn_free(w);
    return ok;
}

/* ---- several results ---- */

/* The one member of a chart over time that is compared. */
static const char *main_column(const json_t *doc, enum charts_id id)
{
    if (id == CHARTS_PERCENTILES)
        return "p99_ns";
    if (id == CHARTS_RATES)
        return strcmp(result_str(doc, "mode"), "ping") == 0 ? "pongs_per_s" : "delivered_per_s";
    return recipes[id].columns[0].path;
}

/* Rows of the steady phase. */
static void steady_rows(const json_t *series, size_t *ret_from, size_t *ret_to)
{
    size_t n = json_array_size(series), from = 0;
    while (from < n && strcmp(result_str(json_array_get(series, from), "phase"), "steady") != 0)
        from++;
    size_t to = from;
    while (to < n && strcmp(result_str(json_array_get(series, to), "phase"), "steady") == 0)
        to++;
    *ret_from = from;
    *ret_to = to;
}

static bool overlay_rows(struct work *w, const json_t *const *docs, const char *const *names,
                         size_t count, enum charts_id id)
{
    size_t from, to, most = 0;
    for (size_t i = 0; i < count; i++) {
        steady_rows(result_get(docs[i], "series"), &from, &to);
        most = to - from > most ? to - from : most;
    }
    size_t group = group_of(most);
    w->chart.count = (most + group - 1) / group;
    for (size_t i = 0; i < w->chart.count; i++)
        w->x[i] = (double)((i + 1) * group);
    w->chart.x_title = "time in the steady phase";
    w->chart.x_fmt = FMT_SECONDS;
    w->chart.x_zero = true;
    for (size_t i = 0; i < count; i++) {
        const json_t *series = result_get(docs[i], "series");
        double *y = w->y[w->chart.series_count];
        for (size_t k = 0; k < w->chart.count; k++)
            y[k] = (double)NAN;
        steady_rows(series, &from, &to);
        if (is_wanted(docs[i], &recipes[id].columns[0]) &&
            read_column(series, main_column(docs[i], id), from, to, group, recipes[id].merge, y))
            add_series(w, NULL, names[i], (enum svg_colour)i);
    }
    return w->chart.series_count > 0;
}

static bool overlay_latencies(struct work *w, const json_t *const *docs, const char *const *names,
                              size_t count, enum charts_id id)
{
    const json_t *latencies[CHARTS_OVERLAY_MAX] = {NULL};
    double most = 1;
    for (size_t i = 0; i < count; i++) {
        latencies[i] = result_get(docs[i], main_latency(docs[i]));
        most = fmax(most, result_num(latencies[i], "count"));
    }
    if (id == CHARTS_TAIL)
        set_nines(w, most);
    else if (!set_bins(w, latencies, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        double *y = w->y[w->chart.series_count];
        bool any = id == CHARTS_TAIL ? fill_nines(w, latencies[i], y)
                                     : fill_bins(w, latencies[i], y);
        if (any)
            add_series(w, NULL, names[i], (enum svg_colour)i);
    }
    return w->chart.series_count > 0;
}

bool charts_overlay(struct mn_buf *out, const json_t *const *docs, const char *const *names,
                    size_t count, enum charts_id id)
{
    struct work *w = new_work(id);
    if (count > CHARTS_OVERLAY_MAX)
        count = CHARTS_OVERLAY_MAX;
    if (id == CHARTS_PERCENTILES)
        w->chart.y_title = "p99 of each second";
    bool ok = id == CHARTS_DISTRIBUTION || id == CHARTS_TAIL
                  ? overlay_latencies(w, docs, names, count, id)
                  : overlay_rows(w, docs, names, count, id);
    ok = ok && svg_chart(out, &w->chart);
    mn_free(w);
    return ok;
}
