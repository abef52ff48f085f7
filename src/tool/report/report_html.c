/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page of a result, see report_html.h: what is to be known first, the
 * figures, the charts, the tables.  It is made from the result document
 * alone, so that a recorded result gives the same page as the run did.
 */
#include "tool/report/report_html.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/kit/bar.h"
#include "tool/report/charts.h"
#include "tool/report/page.h"
#include "tool/report/result.h"

static void count_text(char *out, size_t cap, const json_t *doc, const char *path)
{
    fmt_print(out, cap, FMT_COUNT, result_num(doc, path));
}

/* ---- what comes first ---- */

static void header(struct mn_buf *page, const json_t *doc)
{
    char when[25], memory[32], line[512];
    double ms = result_num(doc, "started_unix_ms");
    mn_date_print_utc(when, ms > 0 && ms < 1e14 ? (int64_t)ms : 0);
    fmt_print(memory, sizeof memory, FMT_BYTES, result_num(doc, "machine.memory_bytes"));
    page_open(page, "header", NULL);
    page_element(page, "h1", NULL, result_name(doc));
    const char *title = result_str(doc, "title");
    if (*title)
        page_element(page, "p", NULL, title);
    snprintf(line, sizeof line,
             "minim bench %.40s, %.16s UTC, version %.40s; %.0f cores, %s, %.120s",
             result_str(doc, "mode"), when, result_str(doc, "version"),
             result_num(doc, "machine.cores"), memory, result_str(doc, "machine.cpu"));
    for (char *p = line; *p; p++)
        *p = *p == 'T' && p > line && p[-1] >= '0' && p[-1] <= '9' ? ' ' : *p;
    page_element(page, "p", NULL, line);
    page_close(page, "header");
}

static void gates_notice(struct mn_buf *page, const json_t *doc)
{
    const json_t *gates = result_get(doc, "gates");
    size_t n = json_array_size(gates), held = 0;
    char line[128];
    for (size_t i = 0; i < n; i++)
        held += result_true(json_array_get(gates, i), "held");
    if (n == 0)
        return;
    if (held == n)
        snprintf(line, sizeof line, "\u2713 %s", n == 1 ? "The gate held." : "All gates held.");
    else
        snprintf(line, sizeof line, "\u2717 %zu of %zu gates missed.", n - held, n);
    page_notice(page, held == n ? "good" : "bad", line);
}

static void notices(struct mn_buf *page, const json_t *doc)
{
    char asked[32], had[32], line[192];
    gates_notice(page, doc);
    if (result_true(doc, "interrupted"))
        page_notice(page, "warn", "The run was ended early.");
    if (result_true(doc, "generator.saturated"))
        page_notice(page, "warn",
                    "The load generator was saturated: the figures are a limit of the "
                    "generator, not of the server.");
    const json_t *balanced = result_get(doc, "ledger.balanced");
    if (json_is_false(balanced))
        page_notice(page, "bad", "\u2717 The ledger does not balance.");
    if (result_num(doc, "parameters.clients_asked") > result_num(doc, "parameters.clients")) {
        count_text(asked, sizeof asked, doc, "parameters.clients_asked");
        count_text(had, sizeof had, doc, "parameters.clients");
        snprintf(line, sizeof line,
                 "%s clients were asked for; the descriptor limit of this machine allowed %s.",
                 asked, had);
        page_notice(page, "warn", line);
    }
}

/* ---- figures ---- */

static const struct {
    const char *field;
    const char *name;
    const char *note;
    const char *only; /* the modes that show it, NULL: all that measured it */
    bool zero;        /* anything else than 0 is bad */
} tiles[] = {
    {"delivered_per_s", "delivered", "messages a second", NULL, false},
    {"pongs_per_s", "answered", "pings a second", NULL, false},
    {"connected", "connected", "clients authenticated", "connect reconnect", false},
    {"connect_s", "all connected", "after the first connect", "connect", false},
    {"recovery_s", "all back", "after the port opened", NULL, false},
    {"p50", "median", "latency", NULL, false},
    {"p99", "p99", "latency", NULL, false},
    {"p999", "p99.9", "latency", NULL, false},
    {"lost", "lost", "messages", NULL, true},
    {"dup", "doubled", "messages", NULL, true},
    {"reordered", "reordered", "messages", NULL, true},
    {"read_receipt_p99", "receipt p99", "of reading", NULL, false},
    {"receipts_missing", "missing", "receipts", NULL, true},
    {"receipts_backwards", "backwards", "receipts", NULL, true},
    {"receipts_repeated", "repeated", "receipts", NULL, true},
    {"cursor_lag_p99", "cursor lag p99", "over HTTP", NULL, false},
    {"cursors_behind", "behind", "cursors", NULL, true},
    {"unanswered", "unanswered", "pings", NULL, true},
    {"http_per_s", "http", "answers a second", NULL, false},
    {"history_p99", "history p99", "a page", NULL, false},
    {"http_login_p99", "login p99", "under load", NULL, false},
    {"http_errors", "failed", "HTTP requests", NULL, true},
    {"rss_per_conn_bytes", "a connection", "of server memory", "connect ping", false},
    {"server_rss_bytes", "server memory", "at the end of the load", NULL, false},
    {"server_cpu_us_per_msg", "server CPU", "\u00b5s a message", "single-e2e group mixed ack",
     false},
};

/* Whether `word` is one of the words of `list`. */
static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
        if (strncmp(p, word, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
            return n > 0;
    return false;
}

static void summary(struct mn_buf *page, const json_t *doc)
{
    const json_t *figures = result_get(doc, "figures");
    page_open(page, "div", "tiles");
    for (size_t i = 0; i < MN_ARRAY_LEN(tiles); i++) {
        double value = result_num(figures, tiles[i].field);
        enum bar_unit unit = BAR_COUNT;
        char text[48];
        if (isnan(value) || (tiles[i].only && !has_word(tiles[i].only, result_str(doc, "mode"))))
            continue;
        mn_ignore(bar_find_unit(tiles[i].field, &unit));
        fmt_print(text, sizeof text, fmt_of_unit(unit), value);
        page_tile(page, tiles[i].name, text, tiles[i].note,
                  tiles[i].zero && value > 0 ? "bad" : NULL);
    }
    page_close(page, "div");
}

static void charts(struct mn_buf *page, const json_t *doc)
{
    page_open(page, "div", "grid2");
    for (int id = 0; id < CHARTS_COUNT; id++) {
        size_t before = page->n;
        page_section(page, charts_title((enum charts_id)id));
        if (charts_draw(page, doc, (enum charts_id)id, false))
            page_close(page, "section");
        else if (!page->failed)
            page->n = before; /* nothing to be drawn: the heading goes too */
    }
    page_close(page, "div");
}

/* ---- tables ---- */

static void latencies(struct mn_buf *page, const json_t *doc)
{
    static const char *const heads[] = {"ms",  "min", "mean",  "p50", "p90",
                                        "p95", "p99", "p99.9", "max", "count"};
    static const char *const columns[] = {"min_ns", "mean_ns", "p50_ns",  "p90_ns",
                                          "p95_ns", "p99_ns",  "p999_ns", "max_ns"};
    static const char *const rows[][2] = {{"response", "from the intended send"},
                                          {"service", "from the actual send"},
                                          {"impaired_response", "impaired receivers"},
                                          {"saved", "send to saved"},
                                          {"receipt", "ACK delivered to its receipt"},
                                          {"read_receipt", "ACK read to its receipt"},
                                          {"cursor_lag", "ACK read to its cursor over HTTP"},
                                          {"connect", "connect to AUTH_OK"},
                                          {"http_history", "a history page"},
                                          {"http_conversations", "the conversations"},
                                          {"http_login", "a login under load"},
                                          {"http_wait", "wait for a connection"},
                                          {"login", "login before the run"}};
    char text[48];
    page_section(page, "Latencies");
    page_table(page, heads, MN_ARRAY_LEN(heads));
    for (size_t r = 0; r < MN_ARRAY_LEN(rows); r++) {
        const json_t *latency = result_get(result_get(doc, "latency"), rows[r][0]);
        double count = result_num(latency, "count");
        if (!(count > 0))
            continue;
        page_open(page, "tr", NULL);
        page_element(page, "th", NULL, rows[r][1]);
        for (size_t c = 0; c < MN_ARRAY_LEN(columns); c++) {
            fmt_fixed(text, sizeof text, result_num(latency, columns[c]) / 1e6, 3);
            page_element(page, "td", NULL, text);
        }
        page_cell(page, FMT_COUNT, count, "soft");
        page_close(page, "tr");
    }
    page_table_end(page);
    page_close(page, "section");
}

/* "a 12 = b 12 + c 0": the first path, then what it is the sum of. */
static void equation(struct mn_buf *page, const json_t *ledger, const char *const *paths,
                     size_t count)
{
    char number[48];
    count_text(number, sizeof number, ledger, paths[0]);
    page_open(page, "dt", NULL);
    mn_ignore(mn_buf_addf(page, "%s %s", paths[0], number));
    page_close(page, "dt");
    page_open(page, "dd", NULL);
    for (size_t i = 1; i < count; i++) {
        count_text(number, sizeof number, ledger, paths[i]);
        mn_ignore(mn_buf_addf(page, "%s ", i == 1 ? "=" : " +"));
        for (const char *p = paths[i]; *p; p++)
            mn_ignore(mn_buf_add_char(page, *p == '_' ? ' ' : *p));
        mn_ignore(mn_buf_addf(page, " <b>%s</b>", number));
    }
    page_close(page, "dd");
}

/* A table of the members of an object, with an optional head for the name. */
static void counts(struct mn_buf *page, const json_t *o, const char *head)
{
    const char *heads[] = {head, "count"};
    const char *key;
    json_t *value;
    if (json_object_size(o) == 0)
        return;
    page_table(page, heads, MN_ARRAY_LEN(heads));
    /* The macro wants an object that is not const, and changes nothing. */
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        page_open(page, "tr", NULL);
        page_element(page, "th", NULL, key);
        page_cell(page, FMT_COUNT, json_number_value(value), NULL);
        page_close(page, "tr");
    }
    page_table_end(page);
}

/* bench mixed: what became of every request, by kind. */
static void http_section(struct mn_buf *page, const json_t *doc)
{
    static const char *const heads[] = {"requests", "attempted", "skipped",   "ok",
                                        "failed",   "per_s",     "unanswered"};
    static const char *const kinds[] = {"history", "conversations", "login"};
    const json_t *http = result_get(doc, "http");
    if (!http)
        return;
    page_section(page, "HTTP: what became of every request");
    page_table(page, heads, MN_ARRAY_LEN(heads));
    for (size_t k = 0; k < MN_ARRAY_LEN(kinds); k++) {
        const json_t *kind = result_get(http, kinds[k]);
        page_open(page, "tr", NULL);
        page_element(page, "th", NULL, kinds[k]);
        for (size_t c = 1; c < MN_ARRAY_LEN(heads); c++) {
            double n = result_num(kind, heads[c]);
            bool fault = strcmp(heads[c], "failed") == 0 || strcmp(heads[c], "skipped") == 0;
            page_cell(page, FMT_COUNT, isnan(n) ? 0 : n, fault && n > 0 ? "bad" : NULL);
        }
        page_close(page, "tr");
    }
    page_table_end(page);
    counts(page, result_get(http, "failures"), "failed, by cause");
    page_close(page, "section");
}

static void ledger_section(struct mn_buf *page, const json_t *doc)
{
    static const char *const attempted[] = {"attempted", "skipped", "failed", "sent"};
    static const char *const sent[] = {"sent", "saved", "refused", "unknown"};
    static const char *const saved[] = {"saved", "delivered_live", "delivered_resend", "lost"};
    static const char *const troubles[] = {"lost",        "unknown",     "dup",
                                           "redelivered", "reordered",   "reordered_resend",
                                           "gaps",        "corrupt",     "misrouted",
                                           "phantom",     "seq_mismatch"};
    static const char *const heads[] = {"found", "messages"};
    const json_t *ledger = result_get(doc, "ledger");
    if (!ledger)
        return;
    page_section(page, "Ledger: what became of every message");
    page_open(page, "dl", "sum");
    equation(page, ledger, attempted, MN_ARRAY_LEN(attempted));
    equation(page, ledger, sent, MN_ARRAY_LEN(sent));
    equation(page, ledger, saved, MN_ARRAY_LEN(saved));
    page_close(page, "dl");
    page_table(page, heads, MN_ARRAY_LEN(heads));
    for (size_t i = 0; i < MN_ARRAY_LEN(troubles); i++) {
        double n = result_num(ledger, troubles[i]);
        if (isnan(n))
            continue;
        page_open(page, "tr", NULL);
        page_element(page, "th", NULL, troubles[i]);
        /* A second copy by resend is what at-least-once means; it is no fault. */
        bool fault = n > 0 && strcmp(troubles[i], "redelivered") != 0;
        page_cell(page, FMT_COUNT, n, fault ? "bad" : NULL);
        page_close(page, "tr");
    }
    page_table_end(page);
    counts(page, result_get(ledger, "refused_by_reason"), "refused, by reason");
    page_close(page, "section");
}

static void gates_section(struct mn_buf *page, const json_t *doc)
{
    static const char *const heads[] = {"gate", "found", ""};
    const json_t *gates = result_get(doc, "gates");
    if (json_array_size(gates) == 0)
        return;
    page_section(page, "Gates");
    page_table(page, heads, MN_ARRAY_LEN(heads));
    for (size_t i = 0; i < json_array_size(gates); i++) {
        const json_t *gate = json_array_get(gates, i);
        bool held = result_true(gate, "held");
        page_open(page, "tr", NULL);
        page_element(page, "th", NULL, result_str(gate, "gate"));
        page_element(page, "td", NULL, result_str(gate, "got"));
        page_element(page, "td", held ? "good" : "bad", held ? "\u2713 held" : "\u2717 missed");
        page_close(page, "tr");
    }
    page_table_end(page);
    page_close(page, "section");
}

static bool ends_with(const char *z, const char *end)
{
    size_t n = strlen(z), m = strlen(end);
    return n >= m && strcmp(z + n - m, end) == 0;
}

/* A member of an object for a person: the unit is the last word of its name. */
static void any_value(struct mn_buf *page, const char *key, const json_t *value)
{
    char text[48];
    enum bar_unit unit;
    enum fmt fmt = FMT_COUNT;
    if (ends_with(key, "_ns"))
        fmt = FMT_NS;
    else if (ends_with(key, "_bytes"))
        fmt = FMT_BYTES;
    else if (bar_find_unit(key, &unit))
        fmt = fmt_of_unit(unit);
    else if (ends_with(key, "_s") && !strstr(key, "_per_"))
        fmt = FMT_SECONDS;
    if (json_is_string(value)) {
        page_element(page, "td", "text", json_string_value(value));
    } else if (json_is_number(value)) {
        /* Ids and seeds are names, not quantities. */
        bool id = strcmp(key, "user_base") == 0;
        if (id)
            snprintf(text, sizeof text, "%.0f", json_number_value(value));
        else
            fmt_print(text, sizeof text, fmt, json_number_value(value));
        page_element(page, "td", NULL, text);
    } else if (json_is_array(value)) {
        page_open(page, "td", "text");
        for (size_t i = 0; i < json_array_size(value); i++) {
            const json_t *item = json_array_get(value, i);
            const char *z = json_string_value(item);
            fmt_escape(page, i > 0 ? " " : "");
            if (json_is_integer(item))
                mn_ignore(mn_buf_add_i64(page, (int64_t)json_integer_value(item)));
            fmt_escape(page, z ? z : "");
        }
        page_close(page, "td");
    } else {
        page_element(page, "td", NULL, json_is_true(value) ? "yes" : "no");
    }
}

/* The value is printed with the unit that suits it: the name is not to claim another one. */
static void name_of(char *out, size_t cap, const char *key)
{
    size_t n = strlen(key);
    if (ends_with(key, "_ns"))
        n -= strlen("_ns");
    else if (ends_with(key, "_bytes"))
        n -= strlen("_bytes");
    snprintf(out, cap, "%.*s", (int)n, key);
}

static void object_section(struct mn_buf *page, const char *heading, const json_t *o)
{
    char name[64];
    const char *key;
    json_t *value;
    if (json_object_size(o) == 0)
        return;
    page_section(page, heading);
    page_table(page, NULL, 0);
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        if (json_is_object(value) || json_is_null(value))
            continue;
        page_open(page, "tr", NULL);
        name_of(name, sizeof name, key);
        page_element(page, "th", NULL, name);
        any_value(page, key, value);
        page_close(page, "tr");
    }
    page_table_end(page);
    page_close(page, "section");
}

static void failures_section(struct mn_buf *page, const json_t *doc)
{
    const json_t *failures = result_get(doc, "failures");
    if (json_object_size(failures) == 0)
        return;
    page_section(page, "Failures by cause");
    counts(page, failures, "cause");
    page_close(page, "section");
}

bool report_html(const json_t *doc, struct outputs *outputs)
{
    struct mn_buf page;
    mn_buf_init(&page, PAGE_MAX_BYTES);
    page_begin(&page, result_name(doc));
    header(&page, doc);
    notices(&page, doc);
    summary(&page, doc);
    charts(&page, doc);
    latencies(&page, doc);
    page_open(&page, "div", "columns");
    ledger_section(&page, doc);
    gates_section(&page, doc);
    failures_section(&page, doc);
    http_section(&page, doc);
    object_section(&page, "Logins", result_get(doc, "logins"));
    object_section(&page, "Receipts", result_get(doc, "receipts"));
    object_section(&page, "Cursors over HTTP", result_get(doc, "cursors"));
    object_section(&page, "All figures", result_get(doc, "figures"));
    object_section(&page, "Parameters", result_get(doc, "parameters"));
    object_section(&page, "Machine", result_get(doc, "machine"));
    object_section(&page, "Load generator", result_get(doc, "generator"));
    page_close(&page, "div");
    page_end(&page);
    bool ok = page_put(&page, outputs, OUTPUT_HTML);
    mn_buf_deinit(&page);
    return ok;
}

/* The name comes out of a file: nothing in it may lead out of the directory. */
static void file_name(char *out, size_t cap, const char *name)
{
    snprintf(out, cap, "%s", name);
    for (char *p = out; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '-' || *p == '_'))
            *p = '_';
}

bool report_svg(const json_t *doc, const char *dir)
{
    bool ok = true;
    char name[100];
    file_name(name, sizeof name, result_name(doc));
    for (int id = 0; id < CHARTS_COUNT && ok; id++) {
        struct mn_buf file;
        char path[512];
        mn_buf_init(&file, PAGE_MAX_BYTES);
        snprintf(path, sizeof path, "%.300s/%s-%s.svg", dir, name, charts_name((enum charts_id)id));
        if (charts_draw(&file, doc, (enum charts_id)id, true))
            ok = page_write(&file, path);
        mn_buf_deinit(&file);
    }
    return ok;
}
