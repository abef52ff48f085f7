/* SPDX-License-Identifier: Apache-2.0 */
/* A comparison as a table for a terminal, and as a page.  Main thread. */
#include <math.h>

#include "base/mem.h"
#include "tool/report/charts.h"
#include "tool/report/compare.h"
#include "tool/report/page.h"
#include "tool/report/result.h"

/* Of the ratio bars: twice as much, or half, fills one side. */
#define BAR_WIDTH 120.0

const char mn_compare_note[] =
    "Noise: \"runs\" is the distance between the least and the greatest of several runs, "
    "\"seconds\" the middle half of the seconds of a single one, relative to their median "
    "(for p95 and p99.9 those of p90 and of the maximum). A difference counts when it is greater.";

static double ratio_of(const struct mn_compare_row *row, size_t i)
{
    const struct mn_compare_value *a = &row->value[0], *b = &row->value[i];
    return a->known && b->known && a->median > 0 ? b->median / a->median : (double)NAN;
}

static void ratio_text(const struct mn_compare_row *row, size_t i, char *out, size_t cap)
{
    double ratio = ratio_of(row, i);
    if (isnan(ratio))
        snprintf(out, cap, "-");
    else
        snprintf(out, cap, ratio < 10 ? "%.3f" : "%.1f", ratio);
}

static void value_text(const struct mn_compare_row *row, size_t i, char *out, size_t cap)
{
    if (row->value[i].known)
        mn_fmt_print(out, cap, row->fmt, row->value[i].median);
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

static void print_line(void *arg, const char *text) { fprintf(arg, "  %s\n", text); }

static void print_sides(const struct mn_compare *compare, FILE *out)
{
    for (size_t i = 0; i < compare->side_count; i++) {
        const struct mn_compare_side *side = &compare->side[i];
        fprintf(out, "%c  %s, version %s:", side->letter, side->name,
                mn_result_str(side->docs[0], "version"));
        for (size_t k = 0; k < side->count; k++)
            fprintf(out, " %s", side->paths[k]);
        fputc('\n', out);
    }
}

static void print_row(const struct mn_compare *compare, const struct mn_compare_row *row, FILE *out)
{
    char text[48];
    fprintf(out, "%-22s", row->field);
    value_text(row, 0, text, sizeof text);
    print_right(out, text, 12);
    for (size_t i = 1; i < compare->side_count; i++) {
        value_text(row, i, text, sizeof text);
        print_right(out, text, 12);
        ratio_text(row, i, text, sizeof text);
        print_right(out, text, 8);
        fprintf(out, "  %-14s", mn_compare_verdict_text(row->verdict[i]));
    }
    mn_compare_noise_text(compare, row, text, sizeof text);
    fprintf(out, "  %s\n", text);
}

void mn_compare_text(const struct mn_compare *compare, FILE *out)
{
    fprintf(out, "minim bench compare: %s\n", mn_result_str(compare->side[0].docs[0], "mode"));
    print_sides(compare, out);
    fputs("\nnot the same (of the first runs):\n", out);
    mn_compare_differences(compare, print_line, out);
    fprintf(out, "\n%-22s%12c", "", compare->side[0].letter);
    for (size_t i = 1; i < compare->side_count; i++) {
        char letter = compare->side[i].letter;
        fprintf(out, "%12c%6c/A  %-14s", letter, letter, "");
    }
    fputs("  noise\n", out);
    for (size_t i = 0; i < compare->row_count; i++)
        print_row(compare, &compare->row[i], out);
    fprintf(out, "\n%s\n", mn_compare_note);
}

/* ---- page ---- */

static void page_sides(const struct mn_compare *compare, struct mn_buf *page)
{
    mn_page_open(page, "dl", "sum");
    for (size_t i = 0; i < compare->side_count; i++) {
        const struct mn_compare_side *side = &compare->side[i];
        char letter[2] = {side->letter, '\0'};
        mn_page_element(page, "dt", NULL, letter);
        mn_page_open(page, "dd", NULL);
        mn_fmt_escape(page, side->name);
        mn_fmt_escape(page, ", version ");
        mn_fmt_escape(page, mn_result_str(side->docs[0], "version"));
        mn_fmt_escape(page, side->count > 1 ? ", runs:" : ", run:");
        for (size_t k = 0; k < side->count; k++) {
            mn_fmt_escape(page, " ");
            mn_fmt_escape(page, side->paths[k]);
        }
        mn_page_close(page, "dd");
    }
    mn_page_close(page, "dl");
}

static void page_line(void *arg, const char *text) { mn_page_element(arg, "li", NULL, text); }

static void page_differences(const struct mn_compare *compare, struct mn_buf *page)
{
    size_t before = page->n;
    mn_page_section(page, "Not the same");
    mn_page_open(page, "ul", NULL);
    size_t empty = page->n;
    mn_compare_differences(compare, page_line, page);
    if (page->n == empty && !page->failed) {
        page->n = before;
        return;
    }
    mn_page_close(page, "ul");
    mn_page_close(page, "section");
}

/* A bar from the middle, to the right for more, to the left for less. */
static void page_bar(struct mn_buf *page, double ratio, const char *cls)
{
    double half = BAR_WIDTH / 2;
    mn_page_open(page, "td", "bar");
    if (ratio > 0) {
        double length = fmin(fabs(log2(ratio)), 1) * half;
        mn_ignore(mn_buf_addf(page,
                              "<svg class=\"ratio\" viewBox=\"0 0 %.0f 12\" aria-hidden=\"true\">"
                              "<rect class=\"%s\" x=\"%.1f\" y=\"2\" width=\"%.1f\" height=\"8\"/>"
                              "<path class=\"axis\" d=\"M%.1f 0v12\"/></svg>",
                              BAR_WIDTH, cls, ratio > 1 ? half : half - length, length, half));
    }
    mn_page_close(page, "td");
}

static const char *verdict_class(enum mn_compare_verdict verdict)
{
    return verdict == MN_COMPARE_BETTER ? "good" : verdict == MN_COMPARE_WORSE ? "bad" : "soft";
}

static void page_row(const struct mn_compare *compare, const struct mn_compare_row *row,
                     struct mn_buf *page)
{
    char text[48];
    mn_page_open(page, "tr", NULL);
    mn_page_element(page, "th", NULL, row->field);
    value_text(row, 0, text, sizeof text);
    mn_page_element(page, "td", NULL, text);
    for (size_t i = 1; i < compare->side_count; i++) {
        const char *cls = verdict_class(row->verdict[i]);
        value_text(row, i, text, sizeof text);
        mn_page_element(page, "td", NULL, text);
        ratio_text(row, i, text, sizeof text);
        mn_page_element(page, "td", NULL, text);
        page_bar(page, ratio_of(row, i), cls);
        mn_page_element(page, "td", cls, mn_compare_verdict_text(row->verdict[i]));
    }
    mn_compare_noise_text(compare, row, text, sizeof text);
    mn_page_element(page, "td", "soft", text);
    mn_page_close(page, "tr");
}

static void page_table(const struct mn_compare *compare, struct mn_buf *page)
{
    const char *heads[3 + 4 * MN_COMPARE_SIDES_MAX];
    char names[MN_COMPARE_SIDES_MAX][2][8];
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
    mn_page_section(page, "Figures");
    mn_page_table(page, heads, n);
    for (size_t i = 0; i < compare->row_count; i++)
        page_row(compare, &compare->row[i], page);
    mn_page_table_end(page);
    mn_page_element(page, "p", "soft", mn_compare_note);
    mn_page_close(page, "section");
}

static void page_charts(const struct mn_compare *compare, struct mn_buf *page)
{
    const json_t *docs[MN_COMPARE_SIDES_MAX];
    const char *names[MN_COMPARE_SIDES_MAX];
    char name[MN_COMPARE_SIDES_MAX][64];
    for (size_t i = 0; i < compare->side_count; i++) {
        snprintf(name[i], sizeof name[i], "%c %s", compare->side[i].letter, compare->side[i].name);
        docs[i] = compare->side[i].docs[0];
        names[i] = name[i];
    }
    mn_page_open(page, "div", "grid2");
    for (int id = 0; id < MN_CHARTS_COUNT; id++) {
        size_t before = page->n;
        mn_page_section(page, mn_charts_title((enum mn_charts_id)id));
        if (id != MN_CHARTS_TROUBLE &&
            mn_charts_overlay(page, docs, names, compare->side_count, (enum mn_charts_id)id))
            mn_page_close(page, "section");
        else if (!page->failed)
            page->n = before;
    }
    mn_page_close(page, "div");
}

bool mn_compare_html(const struct mn_compare *compare, const char *path)
{
    struct mn_buf page;
    mn_buf_init(&page, MN_PAGE_MAX_BYTES);
    mn_page_begin(&page, "Comparison");
    mn_page_open(&page, "header", NULL);
    mn_page_open(&page, "h1", NULL);
    for (size_t i = 0; i < compare->side_count; i++) {
        mn_fmt_escape(&page, i > 0 ? " \u2194 " : "");
        mn_fmt_escape(&page, compare->side[i].name);
    }
    mn_page_close(&page, "h1");
    mn_page_element(&page, "p", NULL, mn_result_str(compare->side[0].docs[0], "mode"));
    mn_page_close(&page, "header");
    page_sides(compare, &page);
    page_table(compare, &page);
    page_charts(compare, &page);
    page_differences(compare, &page);
    mn_page_end(&page);
    bool ok = mn_page_write(&page, path);
    mn_buf_deinit(&page);
    return ok;
}
