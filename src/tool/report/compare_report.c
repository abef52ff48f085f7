/* SPDX-License-Identifier: Apache-2.0 */
/* A comparison as a table for a terminal, and as a page.  Main thread. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tool/kit/term.h"
#include "tool/report/charts.h"
#include "tool/report/compare.h"
#include "tool/report/page.h"
#include "tool/report/result.h"

/* Of the ratio bars: twice as much, or half, fills one side. */
#define BAR_WIDTH 120.0

const char compare_note[] =
    "Noise: \"runs\" is the distance between the least and the greatest of several runs, "
    "\"seconds\" the middle half of the seconds of a single one, relative to their median "
    "(for p95 and p99.9 those of p90 and of the maximum). A difference counts when it is greater.";

static double ratio_of(const struct compare_row *row, size_t i)
{
    const struct compare_value *a = &row->value[0], *b = &row->value[i];
    return a->known && b->known && a->median > 0 ? b->median / a->median : (double)NAN;
}

static void ratio_text(const struct compare_row *row, size_t i, char *out, size_t cap)
{
    double ratio = ratio_of(row, i);
    if (isnan(ratio))
        snprintf(out, cap, "-");
    else
        snprintf(out, cap, ratio < 10 ? "%.3f" : "%.1f", ratio);
}

static void value_text(const struct compare_row *row, size_t i, char *out, size_t cap)
{
    if (row->value[i].known)
        fmt_print(out, cap, row->fmt, row->value[i].median);
    else
        snprintf(out, cap, "-");
}

/* ---- terminal ---- */

/* Columns of a terminal, not bytes: units may have other letters than ASCII. */
static void print_right(FILE *out, const char *text, int width)
{
    int columns = 0;
    for (const char *p = text; *p; p++)
        columns += ((unsigned char)*p & 0xc0) != 0x80;
    fprintf(out, "%*s%s", columns < width ? width - columns : 0, "", text);
}

struct differences {
    FILE *out;
    unsigned count;
};

static void print_sides(const struct compare *compare, FILE *out)
{
    for (size_t i = 0; i < compare->side_count; i++) {
        const struct compare_side *side = &compare->side[i];
        fprintf(out, "%c  %s, version %s:", side->letter, side->name,
                result_str(side->docs[0], "version"));
        for (size_t k = 0; k < side->count; k++)
            fprintf(out, " %s", side->paths[k]);
        fputc('\n', out);
    }
}

/* One side beside the first: four of them in one table would not fit a terminal. */
static void print_row(const struct compare *compare, const struct compare_row *row, size_t i,
                      FILE *out)
{
    char text[48];
    fprintf(out, "%-22s", row->field);
    value_text(row, 0, text, sizeof text);
    print_right(out, text, 10);
    value_text(row, i, text, sizeof text);
    print_right(out, text, 10);
    ratio_text(row, i, text, sizeof text);
    print_right(out, text, 7);
    fprintf(out, "  %-15s", compare_verdict_text(row->verdict[i]));
    compare_noise_text(compare, row, text, sizeof text);
    fprintf(out, "%s\n", text);
}

static void print_table(const struct compare *compare, size_t i, FILE *out)
{
    char letter = compare->side[i].letter;
    fprintf(out, "\n%-22s%10c%10c%5c/A  %-15snoise\n", "", compare->side[0].letter, letter, letter,
            "verdict");
    for (size_t k = 0; k < compare->row_count; k++)
        print_row(compare, &compare->row[k], i, out);
}

static void print_difference(void *arg, const char *text)
{
    struct differences *differences = arg;
    if (differences->count++ == 0)
        fputs("\nnot the same (of the first runs):\n", differences->out);
    fprintf(differences->out, "  %s\n", text);
}

static void print_all(const struct compare *compare, FILE *out)
{
    struct differences differences = {.out = out};
    fprintf(out, "minim bench compare: %s\n", result_str(compare->side[0].docs[0], "mode"));
    print_sides(compare, out);
    compare_differences(compare, print_difference, &differences);
    for (size_t i = 1; i < compare->side_count; i++)
        print_table(compare, i, out);
    fprintf(out, "\n%s\n", compare_note);
}

void compare_text(const struct compare *compare, FILE *out)
{
    char *text = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&text, &n);
    MN_BUG_ON(!memory);
    print_all(compare, memory);
    MN_BUG_ON(fclose(memory) != 0);
    term_print(out, text);
    free(text); /* open_memstream's own */
}

/* ---- page ---- */

static void page_sides(const struct compare *compare, struct mn_buf *page)
{
    page_open(page, "dl", "sum");
    for (size_t i = 0; i < compare->side_count; i++) {
        const struct compare_side *side = &compare->side[i];
        char letter[2] = {side->letter, '\0'};
        page_element(page, "dt", NULL, letter);
        page_open(page, "dd", NULL);
        fmt_escape(page, side->name);
        fmt_escape(page, ", version ");
        fmt_escape(page, result_str(side->docs[0], "version"));
        fmt_escape(page, side->count > 1 ? ", runs:" : ", run:");
        for (size_t k = 0; k < side->count; k++) {
            fmt_escape(page, " ");
            fmt_escape(page, side->paths[k]);
        }
        page_close(page, "dd");
    }
    page_close(page, "dl");
}

static void page_line(void *arg, const char *text) { page_element(arg, "li", NULL, text); }

static void page_differences(const struct compare *compare, struct mn_buf *page)
{
    size_t before = page->n;
    page_section(page, "Not the same");
    page_open(page, "ul", NULL);
    size_t empty = page->n;
    compare_differences(compare, page_line, page);
    if (page->n == empty && !page->failed) {
        page->n = before;
        return;
    }
    page_close(page, "ul");
    page_close(page, "section");
}

/* A bar from the middle, to the right for more, to the left for less. */
static void page_bar(struct mn_buf *page, double ratio, const char *cls)
{
    double half = BAR_WIDTH / 2;
    page_open(page, "td", "bar");
    if (ratio > 0) {
        double length = fmin(fabs(log2(ratio)), 1) * half;
        mn_ignore(mn_buf_addf(page,
                              "<svg class=\"ratio\" viewBox=\"0 0 %.0f 12\" aria-hidden=\"true\">"
                              "<rect class=\"%s\" x=\"%.1f\" y=\"2\" width=\"%.1f\" height=\"8\"/>"
                              "<path class=\"axis\" d=\"M%.1f 0v12\"/></svg>",
                              BAR_WIDTH, cls, ratio > 1 ? half : half - length, length, half));
    }
    page_close(page, "td");
}

static const char *verdict_class(enum compare_verdict verdict)
{
    return verdict == COMPARE_BETTER ? "good" : verdict == COMPARE_WORSE ? "bad" : "soft";
}

static void page_row(const struct compare *compare, const struct compare_row *row,
                     struct mn_buf *page)
{
    char text[48];
    page_open(page, "tr", NULL);
    page_element(page, "th", NULL, row->field);
    value_text(row, 0, text, sizeof text);
    page_element(page, "td", NULL, text);
    for (size_t i = 1; i < compare->side_count; i++) {
        const char *cls = verdict_class(row->verdict[i]);
        value_text(row, i, text, sizeof text);
        page_element(page, "td", NULL, text);
        ratio_text(row, i, text, sizeof text);
        page_element(page, "td", NULL, text);
        page_bar(page, ratio_of(row, i), cls);
        page_element(page, "td", cls, compare_verdict_text(row->verdict[i]));
    }
    compare_noise_text(compare, row, text, sizeof text);
    page_element(page, "td", "soft", text);
    page_close(page, "tr");
}

static void put_table(const struct compare *compare, struct mn_buf *page)
{
    const char *heads[3 + 4 * COMPARE_SIDES_MAX];
    char names[COMPARE_SIDES_MAX][2][8];
    size_t n = 0;
    heads[n++] = "figure";
    for (size_t i = 0; i < compare->side_count; i++) {
        char letter = compare->side[i].letter;
        snprintf(names[i][0], sizeof names[i][0], "%c", letter);
        snprintf(names[i][1], sizeof names[i][1], "%c / A", letter);
        heads[n++] = names[i][0];
        if (i == 0)
            continue;
        heads[n++] = names[i][1];
        heads[n++] = "half \u00b7 twice";
        heads[n++] = "";
    }
    heads[n++] = "noise";
    page_section(page, "Figures");
    page_table(page, heads, n);
    for (size_t i = 0; i < compare->row_count; i++)
        page_row(compare, &compare->row[i], page);
    page_table_end(page);
    page_element(page, "p", "soft", compare_note);
    page_close(page, "section");
}

static void page_charts(const struct compare *compare, struct mn_buf *page)
{
    const json_t *docs[COMPARE_SIDES_MAX];
    const char *names[COMPARE_SIDES_MAX];
    char name[COMPARE_SIDES_MAX][64];
    for (size_t i = 0; i < compare->side_count; i++) {
        snprintf(name[i], sizeof name[i], "%c %s", compare->side[i].letter, compare->side[i].name);
        docs[i] = compare->side[i].docs[0];
        names[i] = name[i];
    }
    page_open(page, "div", "grid2");
    for (int id = 0; id < CHARTS_COUNT; id++) {
        size_t before = page->n;
        page_section(page, charts_title((enum charts_id)id));
        if (id != CHARTS_TROUBLE &&
            charts_overlay(page, docs, names, compare->side_count, (enum charts_id)id))
            page_close(page, "section");
        else if (!page->failed)
            page->n = before;
    }
    page_close(page, "div");
}

bool compare_html(const struct compare *compare, struct outputs *outputs)
{
    struct mn_buf page;
    mn_buf_init(&page, PAGE_MAX_BYTES);
    page_begin(&page, "Comparison");
    page_open(&page, "header", NULL);
    page_open(&page, "h1", NULL);
    for (size_t i = 0; i < compare->side_count; i++) {
        fmt_escape(&page, i > 0 ? " \u2194 " : "");
        fmt_escape(&page, compare->side[i].name);
    }
    page_close(&page, "h1");
    page_element(&page, "p", NULL, result_str(compare->side[0].docs[0], "mode"));
    page_close(&page, "header");
    page_sides(compare, &page);
    put_table(compare, &page);
    page_charts(compare, &page);
    page_differences(compare, &page);
    page_end(&page);
    bool ok = page_put(&page, outputs, OUTPUT_HTML);
    mn_buf_deinit(&page);
    return ok;
}
