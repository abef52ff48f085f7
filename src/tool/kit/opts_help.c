/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about options: the help, what a value must be, which name was meant.  Pure. */
#include <string.h>

#include "base/mem.h"
#include "tool/kit/fmt.h"
#include "tool/kit/opts_table.h"

enum {
    HELP_COLUMNS = 80, /* the narrowest terminal that is usual */
    HELP_INDENT = 26,
    NAME_MAX_LEN = 40,
    /* A name is near when it differs by no more than a third of its letters. */
    NEAR_SHARE = 3
};

/* ---- the help ---- */

/* Prints `text` from column `at` on, broken at blanks. */
static void print_wrapped(FILE *out, const char *text, size_t at)
{
    size_t column = at;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > HELP_INDENT && column + 1 + n > HELP_COLUMNS) {
            fprintf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
        } else if (column > HELP_INDENT) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)n, text);
        column += n;
        text += n + strspn(text + n, " ");
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct opts_def *def)
{
    char left[80], text[400];
    int n = snprintf(left, sizeof left, "  --%s%s%s", def->name, def->arg ? " " : "",
                     def->arg ? def->arg : "");
    snprintf(text, sizeof text, "%s%s%s%s", def->help, def->deflt ? " [" : "",
             def->deflt ? def->deflt : "", def->deflt ? "]" : "");
    if (n + 2 > HELP_INDENT)
        fprintf(out, "%s\n%*s", left, HELP_INDENT, "");
    else
        fprintf(out, "%-*s", HELP_INDENT, left);
    print_wrapped(out, text, HELP_INDENT);
}

void opts_help(FILE *out, enum opts_cmd cmd)
{
    for (size_t i = 0; i < opts_def_count; i++)
        if (opts_defs[i].cmds & cmd)
            print_option(out, &opts_defs[i]);
}

/* ---- what a value must be ---- */

static void add_limits(const struct opts_def *def, char *out, size_t cap)
{
    char low[32], high[32];
    enum fmt fmt = def->kind == OPTS_KIND_DURATION ? FMT_NS : FMT_COUNT;
    double scale = def->kind == OPTS_KIND_DURATION ? 1e9 : 1;
    size_t n = strlen(out);
    if (fmt == FMT_NS) {
        fmt_print(low, sizeof low, fmt, def->min * scale);
        fmt_print(high, sizeof high, fmt, def->max * scale);
    } else {
        snprintf(low, sizeof low, "%.15g", def->min);
        snprintf(high, sizeof high, "%.15g", def->max);
    }
    snprintf(out + n, cap - n, fmt == FMT_NS ? "; %s to %s" : ", %s to %s", low, high);
}

const char *opts_expected(const struct opts_def *def, char *out, size_t cap)
{
    static const char *const kinds[] = {
        [OPTS_KIND_FLAG] = "true|false",
        [OPTS_KIND_U64] = "integer",
        [OPTS_KIND_DOUBLE] = "number",
        [OPTS_KIND_DURATION] = "time such as 250ms, 5s, 1.5m, 1h",
        [OPTS_KIND_BYTES] = "bytes, with KiB, MiB or GiB behind the number if wanted",
        [OPTS_KIND_STR] = "text that is not empty",
        [OPTS_KIND_LIST] = "text that is not empty",
        [OPTS_KIND_ENUM] = "",
        [OPTS_KIND_FLAP] = "percent and time, such as 20/2s: 0.001 to 100, 10 ms or more"};
    snprintf(out, cap, "%s", def->kind == OPTS_KIND_ENUM ? def->arg : kinds[def->kind]);
    if (def->kind == OPTS_KIND_U64 || def->kind == OPTS_KIND_DOUBLE ||
        def->kind == OPTS_KIND_DURATION || def->kind == OPTS_KIND_BYTES)
        add_limits(def, out, cap);
    size_t n = strlen(out);
    if (def->kind == OPTS_KIND_LIST)
        snprintf(out + n, cap - n, ", at most %d times", OPTS_LIST_MAX);
    return out;
}

/* ---- which one was meant ---- */

/* Letters to insert, delete or exchange (Levenshtein). */
static size_t distance(struct mn_str a, struct mn_str b)
{
    size_t row[NAME_MAX_LEN + 1];
    for (size_t k = 0; k <= b.n; k++)
        row[k] = k;
    for (size_t i = 1; i <= a.n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b.n; k++) {
            size_t best = corner + (a.p[i - 1] != b.p[k - 1]);
            corner = row[k];
            if (row[k] + 1 < best)
                best = row[k] + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            row[k] = best;
        }
    }
    return row[b.n];
}

const struct opts_def *opts_nearest(struct mn_str name, enum opts_cmd cmd)
{
    const struct opts_def *nearest = NULL;
    size_t least = name.n / NEAR_SHARE + 1 + (name.n > NEAR_SHARE); /* two letters exchanged */
    for (size_t i = 0; i < opts_def_count && name.n <= NAME_MAX_LEN; i++) {
        if (!(opts_defs[i].cmds & cmd))
            continue;
        size_t far = distance(name, mn_str_c(opts_defs[i].name));
        if (far < least) {
            least = far;
            nearest = &opts_defs[i];
        }
    }
    return nearest;
}
