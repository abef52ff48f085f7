/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frame and elements of the reports' pages, see page.h.  Pure, but for
 * page_write().  The markup is XHTML-compatible: every element closed,
 * every attribute quoted.
 */
#include "tool/report/page.h"

#include <errno.h>
#include <stdio.h>

#include "tool/report/svg.h"

static const char style[] =
    ":root{color-scheme:light dark;--paper:#f6f6f4;--card:#ffffff;--ink:#16181d;--soft:#565c66;"
    "--hair:#e3e4e6;--good:#146c43;--bad:#b3261e;--warn:#8a5a00;--good-bg:#e5f4ec;"
    "--bad-bg:#fdeae9;--warn-bg:#fdf2dc;--accent:#2a78d6}"
    "@media (prefers-color-scheme:dark){:root{--paper:#121418;--card:#1a1d23;--ink:#eceded;"
    "--soft:#a3a9b4;--hair:#2c3038;--good:#6fd3a0;--bad:#ff9a92;--warn:#f0c069;"
    "--good-bg:#15291f;--bad-bg:#341a1a;--warn-bg:#2e2512;--accent:#5a9cf0}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"
    "'Segoe UI','Helvetica Neue','DejaVu Sans',sans-serif;font-variant-numeric:tabular-nums}"
    "main{max-width:1280px;margin:0 auto;padding:28px 24px 48px}"
    "header{margin-bottom:18px}"
    "h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}"
    "h2{font-size:16px;margin:0 0 10px}"
    "h3{font-size:14px;margin:0 0 6px;font-weight:600}"
    "header p,.soft,footer{color:var(--soft);margin:0}"
    "footer{font-size:13px;margin-top:24px}"
    "section{background:var(--card);border:1px solid var(--hair);border-radius:10px;"
    "padding:18px 20px;margin-top:18px}"
    ".notice{border-radius:8px;padding:8px 14px;margin:8px 0 0;font-weight:500}"
    ".notice.good{background:var(--good-bg);color:var(--good)}"
    ".notice.bad{background:var(--bad-bg);color:var(--bad)}"
    ".notice.warn{background:var(--warn-bg);color:var(--warn)}"
    ".tiles{display:flex;flex-wrap:wrap;gap:12px;"
    "margin-top:18px}"
    ".tile{flex:1 1 150px}"
    ".tile{background:var(--card);border:1px solid var(--hair);border-radius:10px;"
    "padding:12px 16px}"
    ".tile b{display:block;font-size:25px;line-height:1.25;font-weight:650;letter-spacing:-.01em;"
    "white-space:nowrap}"
    ".tile span{display:block;color:var(--soft);font-size:13px}"
    ".tile.bad b{color:var(--bad)}"
    ".grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));"
    "gap:18px;margin-top:18px}"
    ".grid2>section{margin-top:0;min-width:0;overflow-x:auto}"
    ".columns{columns:2 480px;column-gap:18px}.columns>section{break-inside:avoid;margin:0 0 18px}"
    "*+.columns{margin-top:18px}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:14px}"
    "th,td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--hair);"
    "white-space:nowrap}"
    "thead th{color:var(--soft);font-weight:500;font-size:13px;border-bottom-color:var(--soft)}"
    "tbody tr:last-child>*{border-bottom:0}"
    "th:first-child,td:first-child{text-align:left;padding-left:0}"
    "th:last-child,td:last-child{padding-right:0}"
    "tbody th{font-weight:500}"
    "td.text{white-space:normal;overflow-wrap:anywhere}"
    "td.good,.good td.verdict{color:var(--good)}td.bad,.bad td.verdict{color:var(--bad);"
    "font-weight:600}td.soft{color:var(--soft)}"
    ".sum{display:grid;grid-template-columns:max-content 1fr;gap:4px 14px;margin:0 0 12px}"
    ".scroll+.soft{margin-top:12px;font-size:13px}"
    ".sum dt{color:var(--soft)}.sum dd{margin:0}"
    "td.bar{padding:2px 10px}.ratio{display:block;width:120px;height:12px;margin-left:auto}"
    ".ratio .good{fill:#2f9e6b}.ratio .bad{fill:#d8574d}.ratio .soft{fill:#9ba1ab}"
    "ul{margin:0;padding-left:20px}"
    "a{color:var(--accent)}"
    "code{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:.92em}"
    "@media print{body{background:#fff}section,.tile{break-inside:avoid}}";

static void add(struct mn_buf *page, const char *z) { mn_ignore(mn_buf_add_z(page, z)); }

void page_open(struct mn_buf *page, const char *tag, const char *cls)
{
    if (cls)
        mn_ignore(mn_buf_addf(page, "<%s class=\"%s\">", tag, cls));
    else
        mn_ignore(mn_buf_addf(page, "<%s>", tag));
}

void page_close(struct mn_buf *page, const char *tag)
{
    mn_ignore(mn_buf_addf(page, "</%s>\n", tag));
}

void page_element(struct mn_buf *page, const char *tag, const char *cls, const char *text)
{
    page_open(page, tag, cls);
    fmt_escape(page, text);
    page_close(page, tag);
}

void page_begin(struct mn_buf *page, const char *title)
{
    add(page, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
              "<meta charset=\"utf-8\"/>\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
              "style-src 'unsafe-inline'\"/>\n"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
              "<meta name=\"color-scheme\" content=\"light dark\"/>\n");
    page_element(page, "title", NULL, title);
    add(page, "<style>/*<![CDATA[*/\n");
    add(page, style);
    add(page, svg_style());
    add(page, "\n/*]]>*/</style>\n</head>\n<body>\n<main>\n");
}

void page_end(struct mn_buf *page)
{
    add(page, "<footer>Made by minim bench " MN_VERSION
              "; this page is complete in itself and fetches nothing.</footer>\n"
              "</main>\n</body>\n</html>\n");
}

static bool is_whole(const struct mn_buf *page, const char *path)
{
    if (page->failed)
        fprintf(stderr, "minim: %s: the page is larger than %zu MiB\n", path, PAGE_MAX_BYTES >> 20);
    return !page->failed;
}

bool page_put(const struct mn_buf *page, struct outputs *outputs, enum output_kind kind)
{
    return is_whole(page, outputs->file[kind].path) &&
           outputs_write(outputs, kind, page->p, page->n);
}

bool page_write(const struct mn_buf *page, const char *path)
{
    if (!is_whole(page, path))
        return false;
    FILE *out = fopen(path, "we");
    bool ok = out && fwrite(page->p, 1, page->n, out) == page->n && fflush(out) == 0;
    if (!ok)
        fprintf(stderr, "minim: %s: %s\n", path, strerror(errno));
    if (out && fclose(out) != 0)
        ok = false;
    return ok;
}

void page_section(struct mn_buf *page, const char *heading)
{
    page_open(page, "section", NULL);
    page_element(page, "h2", NULL, heading);
}

void page_tile(struct mn_buf *page, const char *name, const char *value, const char *note,
               const char *cls)
{
    mn_ignore(mn_buf_addf(page, "<div class=\"tile%s%s\">", cls ? " " : "", cls ? cls : ""));
    page_element(page, "span", NULL, name);
    page_element(page, "b", NULL, value);
    if (note)
        page_element(page, "span", NULL, note);
    page_close(page, "div");
}

void page_notice(struct mn_buf *page, const char *cls, const char *text)
{
    mn_ignore(mn_buf_addf(page, "<p class=\"notice %s\">", cls));
    fmt_escape(page, text);
    page_close(page, "p");
}

void page_table(struct mn_buf *page, const char *const *heads, size_t count)
{
    add(page, "<div class=\"scroll\"><table>");
    if (count > 0)
        add(page, "<thead><tr>");
    for (size_t i = 0; i < count; i++)
        page_element(page, "th", NULL, heads[i]);
    add(page, count > 0 ? "</tr></thead><tbody>\n" : "<tbody>\n");
}

void page_table_end(struct mn_buf *page) { add(page, "</tbody></table></div>\n"); }

void page_cell(struct mn_buf *page, enum fmt fmt, double value, const char *cls)
{
    char text[48];
    fmt_print(text, sizeof text, fmt, value);
    page_element(page, "td", cls, text);
}
