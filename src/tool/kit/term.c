/* SPDX-License-Identifier: Apache-2.0 */
/* Text for a terminal, see term.h. */
#include "tool/kit/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

enum {
    COLUMNS_MIN = 20,
    INDENT_MAX = 24 /* of what goes on below */
};

static size_t columns_of_terminal(void)
{
    struct winsize size;
    uint64_t columns = 0;
    const char *text = getenv("COLUMNS");
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    else if (!text || mn_parse_u64(mn_str_c(text), 1, 10000, &columns) != MN_OK)
        columns = TERM_COLUMNS;
    return columns < COLUMNS_MIN ? COLUMNS_MIN : (size_t)columns;
}

void term_begin(struct term_line *line)
{
    *line = (struct term_line){.columns = columns_of_terminal() - 1};
    if (line->columns >= sizeof line->text)
        line->columns = sizeof line->text - 1;
}

void term_add(struct term_line *line, const char *fmt, ...)
{
    char field[sizeof line->text];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(field, sizeof field, fmt, ap);
    va_end(ap);
    size_t gap = line->n > 0 ? 2 : 0;
    if (n <= 0 || line->n + gap + (size_t)n > line->columns)
        return;
    memset(line->text + line->n, ' ', gap);
    memcpy(line->text + line->n + gap, field, (size_t)n + 1);
    line->n += gap + (size_t)n;
}

void term_show(const struct term_line *line)
{
    fprintf(stderr, "\r\033[K%s", line->text);
    fflush(stderr);
}

void term_clear(void) { fputs("\r\033[K", stderr); }

/* ---- reports ---- */

/* Columns of `n` bytes of UTF-8 whose characters are one column wide. */
static size_t width(const char *p, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n; i++)
        columns += ((unsigned char)p[i] & 0xc0) != 0x80;
    return columns;
}

/* Where the text of a line begins: behind a name and its gap, or behind its blanks. */
static size_t indent_of(const char *line, size_t n)
{
    size_t at = strspn(line, " ");
    for (size_t i = at; i + 2 < n && i < INDENT_MAX; i++)
        if (line[i] == ' ' && line[i + 1] == ' ' && line[i + 2] != ' ')
            return i + 2;
    return at + 2 < INDENT_MAX ? at + 2 : INDENT_MAX;
}

/* Bytes of `text` that fit into `room` columns, up to a blank; at least one word. */
static size_t fitting(const char *text, size_t n, size_t room)
{
    size_t best = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && text[i] != ' ')
            continue;
        if (best > 0 && width(text, i) > room)
            break;
        if (i > strspn(text, " "))
            best = i;
        if (width(text, i) > room)
            break;
    }
    return best ? best : n;
}

static void print_line(FILE *out, const char *line, size_t n)
{
    size_t indent = 0, next = indent_of(line, n);
    while (width(line, n) > TERM_COLUMNS - indent) {
        size_t take = fitting(line, n, TERM_COLUMNS - indent);
        fprintf(out, "%*s%.*s\n", (int)indent, "", (int)take, line);
        size_t skip = take + strspn(line + take, " ");
        line += skip < n ? skip : n;
        n -= skip < n ? skip : n;
        indent = next;
        if (n == 0)
            return;
    }
    fprintf(out, "%*s%.*s\n", (int)indent, "", (int)n, line);
}

void term_print(FILE *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        print_line(out, text, n);
        text += n + (text[n] == '\n');
    }
}
