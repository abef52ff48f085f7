/* SPDX-License-Identifier: Apache-2.0 */
/* What was found and how it is shown, see report.h. */
#include "tool/verify/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/kit/term.h"

/* Version of the JSON document; raised when a field changes its meaning. */
#define SCHEMA_VERSION 1
#define PROGRESS_NS UINT64_C(200000000)

enum { EXAMPLE_BYTES = 400 };

static const struct {
    const char *name, *text;
} checks[VERIFY_CHECK_COUNT] = {
#define CHECK_ROW(sym, name, text) [VERIFY_##sym] = {(name), (text)},
    VERIFY_MAP(CHECK_ROW)
#undef CHECK_ROW
};

static const char *const stat_names[] = {
#define STAT_NAME(name) #name,
    VERIFY_STAT_MAP(STAT_NAME)
#undef STAT_NAME
};
_Static_assert(sizeof(struct verify_stats) == sizeof(stat_names) / sizeof(char *) * 8,
               "the statistics are an array of numbers");

const char *verify_name(enum verify_check check) { return checks[check].name; }

void verify_report_init(struct verify_report *report, unsigned example_max, bool show_progress)
{
    *report = (struct verify_report){
        .example_max = example_max, .show_progress = show_progress, .start_ns = mn_mono_ns()};
}

static void forget(struct verify_examples *examples)
{
    for (unsigned k = 0; k < examples->count; k++)
        mn_free(examples->text[k]);
    mn_free(examples->text);
    *examples = (struct verify_examples){0};
}

void verify_report_deinit(struct verify_report *report)
{
    for (size_t i = 0; i < VERIFY_CHECK_COUNT; i++)
        forget(&report->examples[i]);
    forget(&report->notes);
}

MN_PRINTF(3, 0)
static void keep(const struct verify_report *report, struct verify_examples *examples,
                 const char *fmt, va_list ap)
{
    if (examples->count == report->example_max)
        return;
    if (!examples->text)
        examples->text = mn_alloc_array(report->example_max, sizeof *examples->text);
    char *text = mn_alloc(EXAMPLE_BYTES);
    mn_ignore(vsnprintf(text, EXAMPLE_BYTES, fmt, ap));
    examples->text[examples->count++] = text;
}

void verify_found(struct verify_report *report, enum verify_check check, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report->found[check]++;
    keep(report, &report->examples[check], fmt, ap);
    va_end(ap);
}

void verify_note(struct verify_report *report, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    keep(report, &report->notes, fmt, ap);
    va_end(ap);
}

bool verify_is_clean(const struct verify_report *report)
{
    for (size_t i = 0; i < VERIFY_CHECK_COUNT; i++)
        if (report->found[i] > 0)
            return false;
    return true;
}

void verify_progress(struct verify_report *report, const char *what, uint64_t done)
{
    if (!report->show_progress)
        return;
    if (!what) {
        term_clear();
        return;
    }
    uint64_t now_ns = mn_mono_ns();
    if (now_ns - report->shown_ns < PROGRESS_NS)
        return;
    report->shown_ns = now_ns;
    struct term_line line;
    term_begin(&line);
    term_add(&line, "%s: %" PRIu64, what, done);
    term_show(&line);
    mn_ignore(fflush(stderr));
}

static double seconds(const struct verify_report *report)
{
    return (double)(mn_mono_ns() - report->start_ns) / 1e9;
}

static uint64_t peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

/* ---- for people ---- */

static void print_stats(const struct verify_stats *stats, FILE *out)
{
    fprintf(out, "  %" PRIu64 " messages in %" PRIu64 " chats", stats->messages, stats->chats);
    if (stats->users > 0 || stats->sessions > 0)
        fprintf(out, ", %" PRIu64 " users, %" PRIu64 " sessions", stats->users, stats->sessions);
    if (stats->groups > 0)
        fprintf(out, ", %" PRIu64 " groups with %" PRIu64 " members", stats->groups,
                stats->group_members);
    if (stats->ledger_lines > 0)
        fprintf(out, ", %" PRIu64 " lines of the ledger", stats->ledger_lines);
    if (stats->passes > 1)
        fprintf(out, ", in %" PRIu64 " passes", stats->passes);
    fputc('\n', out);
    if (stats->ledger_cut)
        fputs("  note: the last line of the ledger has no end and was left out\n", out);
    if (stats->ids_raced)
        fprintf(out,
                "  note: %" PRIu64 " ids in another order than their numbers, by moments: two "
                "threads took them\n",
                stats->ids_raced);
    if (stats->client_ids_unchecked)
        fprintf(out, "  note: %" PRIu64 " client ids were not looked at for being unique\n",
                stats->client_ids_unchecked);
}

void verify_print_text(const struct verify_report *report, const char *target, FILE *out)
{
    fprintf(out, "%s\n", target);
    print_stats(&report->stats, out);
    for (unsigned k = 0; k < report->notes.count; k++)
        fprintf(out, "  note: %s\n", report->notes.text[k]);
    unsigned kinds = 0;
    uint64_t all = 0;
    for (size_t i = 0; i < VERIFY_CHECK_COUNT; i++) {
        uint64_t found = report->found[i];
        if (found == 0)
            continue;
        kinds++;
        all += found;
        fprintf(out, "WRONG %s (%" PRIu64 "): %s\n", checks[i].name, found, checks[i].text);
        const struct verify_examples *examples = &report->examples[i];
        for (unsigned k = 0; k < examples->count; k++)
            fprintf(out, "  %s\n", examples->text[k]);
        if (examples->count > 0 && found > examples->count)
            fprintf(out, "  ... and %" PRIu64 " more\n", found - examples->count);
    }
    double took_s = seconds(report);
    if (kinds == 0)
        fprintf(out, "all is well");
    else
        fprintf(out, "%" PRIu64 " wrong, of %u kinds", all, kinds);
    fprintf(out, " (%.1f s, %.0f messages a second, %.0f MiB)\n", took_s,
            (double)report->stats.messages / took_s, (double)peak_bytes() / (1 << 20));
}

/* ---- for programs ---- */

/* Fails only without memory, when there is nothing left to be done. */
static void put(json_t *object, const char *key, json_t *value)
{
    mn_ignore(json_object_set_new(object, key, value));
}

static json_t *stats_json(const struct verify_stats *stats)
{
    const uint64_t *values = (const uint64_t *)stats;
    json_t *object = json_object();
    for (size_t i = 0; i < MN_ARRAY_LEN(stat_names); i++)
        put(object, stat_names[i], json_integer((json_int_t)values[i]));
    return object;
}

static json_t *texts_json(const struct verify_examples *examples)
{
    json_t *list = json_array();
    for (unsigned k = 0; k < examples->count; k++)
        mn_ignore(json_array_append_new(list, json_string(examples->text[k])));
    return list;
}

static json_t *problems_json(const struct verify_report *report)
{
    json_t *object = json_object();
    for (size_t i = 0; i < VERIFY_CHECK_COUNT; i++) {
        if (report->found[i] == 0)
            continue;
        json_t *problem = json_object();
        put(problem, "text", json_string(checks[i].text));
        put(problem, "count", json_integer((json_int_t)report->found[i]));
        put(problem, "examples", texts_json(&report->examples[i]));
        put(object, checks[i].name, problem);
    }
    return object;
}

bool verify_print_json(const struct verify_report *report, const char *target, const char *ledger,
                       struct outputs *outputs)
{
    json_t *root = json_object();
    put(root, "schema", json_integer(SCHEMA_VERSION));
    put(root, "kind", json_string("minim-verify"));
    put(root, "version", json_string(MN_VERSION));
    put(root, "target", json_string(target));
    put(root, "ledger", ledger ? json_string(ledger) : json_null());
    put(root, "ok", json_boolean(verify_is_clean(report)));
    put(root, "seconds", json_real(seconds(report)));
    put(root, "peak_bytes", json_integer((json_int_t)peak_bytes()));
    put(root, "looked_at", stats_json(&report->stats));
    put(root, "notes", texts_json(&report->notes));
    put(root, "problems", problems_json(report));
    bool ok = outputs_write_json(outputs, root, JSON_INDENT(2));
    json_decref(root);
    return ok;
}
