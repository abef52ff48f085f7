/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maths of a comparison, see compare.h.  Pure.
 *
 * A difference counts when it is greater than the noise of either side:
 * with several runs what lies between the least and the greatest of them,
 * with one the middle half (quartile to quartile) of the seconds of its
 * steady phase, relative to their median.  That is wide on purpose: two runs
 * on one machine differ by more than their seconds suggest.
 */
#include "tool/report/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/kit/bar.h"
#include "tool/report/result.h"

enum better { BETTER_NEITHER = 0, BETTER_HIGHER, BETTER_LOWER };

static const struct field {
    const char *name;
    enum better better;
    bool exact;         /* a count of faults: every difference is one */
    const char *series; /* the seconds whose spread stands for its noise */
} fields[] = {
    {"delivered_per_s", BETTER_HIGHER, false, "delivered_per_s"},
    {"saved_per_s", BETTER_HIGHER, false, "saved_per_s"},
    {"sent_per_s", BETTER_HIGHER, false, "sent_per_s"},
    {"pongs_per_s", BETTER_HIGHER, false, "pongs_per_s"},
    {"p50", BETTER_LOWER, false, "p50_ns"},
    {"p90", BETTER_LOWER, false, "p90_ns"},
    {"p95", BETTER_LOWER, false, "p90_ns"},
    {"p99", BETTER_LOWER, false, "p99_ns"},
    {"p999", BETTER_LOWER, false, "max_ns"},
    {"max", BETTER_LOWER, false, "max_ns"},
    {"mean", BETTER_LOWER, false, "p50_ns"},
    {"min", BETTER_LOWER, false, NULL},
    {"saved_p50", BETTER_LOWER, false, "p50_ns"},
    {"saved_p99", BETTER_LOWER, false, "p99_ns"},
    {"receipt_p50", BETTER_LOWER, false, NULL},
    {"receipt_p99", BETTER_LOWER, false, NULL},
    {"read_receipt_p50", BETTER_LOWER, false, NULL},
    {"read_receipt_p99", BETTER_LOWER, false, NULL},
    {"cursor_lag_p50", BETTER_LOWER, false, NULL},
    {"cursor_lag_p99", BETTER_LOWER, false, NULL},
    {"cursor_lag_max", BETTER_LOWER, false, NULL},
    {"http_per_s", BETTER_HIGHER, false, "http_per_s"},
    {"history_p50", BETTER_LOWER, false, NULL},
    {"history_p99", BETTER_LOWER, false, NULL},
    {"conversations_p50", BETTER_LOWER, false, NULL},
    {"conversations_p99", BETTER_LOWER, false, NULL},
    {"http_login_p50", BETTER_LOWER, false, NULL},
    {"http_login_p99", BETTER_LOWER, false, NULL},
    {"login_p50", BETTER_LOWER, false, NULL},
    {"login_p99", BETTER_LOWER, false, NULL},
    {"connect_s", BETTER_LOWER, false, NULL},
    {"recovery_s", BETTER_LOWER, false, NULL},
    {"frames_per_cpu_s", BETTER_HIGHER, false, NULL},
    {"server_cpu_us_per_msg", BETTER_LOWER, false, "server.cpu"},
    {"server_rss_bytes", BETTER_LOWER, false, "server.rss_bytes"},
    {"rss_per_conn_bytes", BETTER_LOWER, false, NULL},
    {"lost", BETTER_LOWER, true, NULL},
    {"lost_gone", BETTER_LOWER, true, NULL},
    {"dup", BETTER_LOWER, true, NULL},
    {"reordered", BETTER_LOWER, true, NULL},
    {"gaps", BETTER_LOWER, true, NULL},
    {"corrupt", BETTER_LOWER, true, NULL},
    {"receipts_missing", BETTER_LOWER, true, NULL},
    {"receipts_repeated", BETTER_LOWER, true, NULL},
    {"receipts_backwards", BETTER_LOWER, true, NULL},
    {"receipts_unasked", BETTER_LOWER, true, NULL},
    {"cursors_behind", BETTER_LOWER, true, NULL},
    {"unanswered", BETTER_LOWER, true, NULL},
    {"unknown", BETTER_LOWER, true, NULL},
    {"refused", BETTER_LOWER, true, NULL},
    {"skipped", BETTER_LOWER, true, NULL},
    {"failed", BETTER_LOWER, true, NULL},
    {"errors", BETTER_LOWER, true, NULL},
    {"login_failures", BETTER_LOWER, true, NULL},
    {"http_errors", BETTER_LOWER, true, NULL},
    {"http_skipped", BETTER_LOWER, true, NULL},
    {"connect_failures", BETTER_LOWER, true, NULL},
    {"connections_lost", BETTER_NEITHER, true, NULL},
    {"connected", BETTER_HIGHER, true, NULL},
};

static const struct field *find_field(const char *name)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

/* ---- numbers ---- */

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Of sorted values, between them where need be; q from 0 to 1. */
static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n)
        return sorted[n - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

/* Middle half of the steady seconds relative to their median; false: fewer than three of them. */
static bool seconds_spread(const json_t *doc, const char *path, double *ret)
{
    const json_t *series = result_get(doc, "series");
    size_t rows = json_array_size(series), n = 0;
    double *values = mn_alloc_array(rows + 1, sizeof *values);
    for (size_t i = 0; i < rows; i++) {
        const json_t *row = json_array_get(series, i);
        double v = result_num(row, path);
        if (strcmp(result_str(row, "phase"), "steady") == 0 && isfinite(v) && v > 0)
            values[n++] = v;
    }
    bool ok = n >= 3;
    if (ok) {
        qsort(values, n, sizeof *values, ascending);
        *ret = (quantile(values, n, 0.75) - quantile(values, n, 0.25)) / quantile(values, n, 0.5);
    }
    mn_free(values);
    return ok;
}

struct compare_value compare_value(const struct compare_side *side, const char *name)
{
    struct compare_value value = {.known = false};
    const struct field *field = find_field(name);
    double runs[OPTS_LIST_MAX], relative;
    size_t n = 0;
    for (size_t i = 0; i < side->count; i++) {
        double v = result_num(result_get(side->docs[i], "figures"), name);
        if (isfinite(v))
            runs[n++] = v;
    }
    if (n == 0)
        return value;
    qsort(runs, n, sizeof *runs, ascending);
    value.known = true;
    value.median = quantile(runs, n, 0.5);
    if (field && field->exact) {
        /* A loss in one run of three is a loss. */
        value.median = field->better == BETTER_HIGHER ? runs[0] : runs[n - 1];
    } else if (n > 1) {
        value.spread = runs[n - 1] - runs[0];
        value.noise = COMPARE_NOISE_RUNS;
    } else if (field && field->series && seconds_spread(side->docs[0], field->series, &relative)) {
        value.spread = relative * value.median;
        value.noise = COMPARE_NOISE_SECONDS;
    }
    return value;
}

enum compare_verdict compare_judge(const char *name, const struct compare_value *a,
                                   const struct compare_value *b)
{
    const struct field *field = find_field(name);
    bool exact = field && field->exact;
    if (!a->known || !b->known)
        return COMPARE_UNKNOWN;
    double difference = b->median - a->median;
    if (difference == 0)
        return COMPARE_EQUAL;
    bool no_noise = a->noise == COMPARE_NOISE_NONE || b->noise == COMPARE_NOISE_NONE;
    if (!exact && no_noise)
        return COMPARE_UNKNOWN;
    if (!exact && fabs(difference) <= fmax(a->spread, b->spread))
        return COMPARE_WITHIN;
    if (!field || field->better == BETTER_NEITHER)
        return COMPARE_DIFFERS;
    return (difference > 0) == (field->better == BETTER_HIGHER) ? COMPARE_BETTER : COMPARE_WORSE;
}

const char *compare_verdict_text(enum compare_verdict verdict)
{
    switch (verdict) {
    case COMPARE_EQUAL:
        return "equal";
    case COMPARE_WITHIN:
        return "within noise";
    case COMPARE_BETTER:
        return "better";
    case COMPARE_WORSE:
        return "worse";
    case COMPARE_DIFFERS:
        return "differs";
    case COMPARE_UNKNOWN:
        break;
    }
    return "noise unknown";
}

/* ---- rows ---- */

static void add_row(struct compare *compare, const char *field)
{
    struct compare_row row = {.field = field};
    enum bar_unit unit = BAR_COUNT;
    bool any = false, any_set = false;
    mn_ignore(bar_find_unit(field, &unit));
    row.fmt = fmt_of_unit(unit);
    for (size_t i = 0; i < compare->side_count; i++) {
        row.value[i] = compare_value(&compare->side[i], field);
        row.verdict[i] = compare_judge(field, &row.value[0], &row.value[i]);
        any = any || row.value[i].known;
        any_set = any_set || (row.value[i].known && row.value[i].median != 0);
    }
    /* Faults that nobody had would fill the page. */
    if (any && (any_set || strcmp(field, "lost") == 0 || strcmp(field, "unanswered") == 0) &&
        compare->row_count < COMPARE_ROWS_MAX)
        compare->row[compare->row_count++] = row;
}

void compare_make(struct compare *compare)
{
    static const char *const not_compared[] = {"delivered", "saved", "saturated"};
    const json_t *figures = result_get(compare->side[0].docs[0], "figures");
    const char *key;
    json_t *value;
    for (size_t i = 0; i < MN_ARRAY_LEN(fields); i++)
        add_row(compare, fields[i].name);
    json_object_foreach((json_t *)(uintptr_t)figures, key, value)
    {
        bool skip = find_field(key) != NULL;
        for (size_t i = 0; i < MN_ARRAY_LEN(not_compared); i++)
            skip = skip || strcmp(key, not_compared[i]) == 0;
        if (!skip)
            add_row(compare, key);
    }
}

void compare_noise_text(const struct compare *compare, const struct compare_row *row, char *out,
                        size_t cap)
{
    double most = 0;
    bool unknown = false, seconds = false;
    const struct field *field = find_field(row->field);
    for (size_t i = 0; i < compare->side_count; i++) {
        const struct compare_value *v = &row->value[i];
        unknown = unknown || (v->known && v->noise == COMPARE_NOISE_NONE);
        seconds = seconds || v->noise == COMPARE_NOISE_SECONDS;
        if (v->known && v->median > 0)
            most = fmax(most, v->spread / v->median);
    }
    char percent[32];
    fmt_print(percent, sizeof percent, FMT_PERCENT, most);
    if (unknown)
        snprintf(out, cap, "%s", field && field->exact ? "exact" : "unknown");
    else
        snprintf(out, cap, "%s (%s)", percent, seconds ? "seconds" : "runs");
}

/* ---- what was not the same ---- */

/* One member of one side, as text; "-" when it is not there. */
static void member_text(const json_t *doc, const char *section, const char *key, char *out,
                        size_t cap)
{
    const json_t *v = json_object_get(result_get(doc, section), key);
    if (json_is_string(v))
        snprintf(out, cap, "%.60s", json_string_value(v));
    else if (json_is_number(v))
        fmt_print(out, cap, FMT_COUNT, json_number_value(v));
    else if (json_is_boolean(v))
        snprintf(out, cap, "%s", json_is_true(v) ? "yes" : "no");
    else
        snprintf(out, cap, "-");
}

static void section_differences(const struct compare *compare, const char *section,
                                void (*line)(void *arg, const char *text), void *arg)
{
    /* Chosen anew in every run. */
    static const char *const names[] = {"user_base", "http", "sync_dir", "sync_p50_ns",
                                        "sync_p99_ns"};
    const json_t *first = result_get(compare->side[0].docs[0], section);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)first, key, value)
    {
        bool skip = json_is_array(value) || json_is_object(value), differs = false;
        char text[COMPARE_SIDES_MAX][64], all[512];
        for (size_t i = 0; i < MN_ARRAY_LEN(names); i++)
            skip = skip || strcmp(key, names[i]) == 0;
        if (skip)
            continue;
        int n = snprintf(all, sizeof all, "%.40s:", key);
        for (size_t i = 0; i < compare->side_count; i++) {
            member_text(compare->side[i].docs[0], section, key, text[i], sizeof text[i]);
            differs = differs || strcmp(text[i], text[0]) != 0;
            n += snprintf(all + n, sizeof all - (size_t)n, " %c %s", compare->side[i].letter,
                          text[i]);
        }
        if (differs)
            line(arg, all);
    }
}

void compare_differences(const struct compare *compare, void (*line)(void *arg, const char *text),
                         void *arg)
{
    section_differences(compare, "parameters", line, arg);
    section_differences(compare, "machine", line, arg);
}
