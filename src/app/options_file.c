/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options file: lines `name = value`, comment lines that start with '#',
 * empty lines.  A value may stand in double quotes, with \" and \\ for the
 * two characters that need it; it must when it begins or ends with a blank or
 * contains a '#'.  A name may be set once.  Silent.
 */
#include "app/options_impl.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { FILE_MAX_BYTES = 1024 * 1024, VALUE_MAX_BYTES = 8192, WHERE_MAX = MN_CONFIG_PATH + 16 };

/* Who names the wrong file by mistake shall not get a screen for each of its lines. */
enum { MISTAKES_MAX = 20 };

struct line_reader {
    struct mn_options *options;
    const char *name;
    unsigned line;
    unsigned set_at[MN_OPTIONS_MAX]; /* line where an option was set, 0: not yet */
    struct mn_buf *why;
    char where[WHERE_MAX];
};

static bool complain(struct line_reader *r, const char *text)
{
    mn_buf_addf(r->why, "%s: %s\n", r->where, text);
    return false;
}

/* What follows a quoted value: nothing, or a comment. */
static bool is_rest(struct mn_str s)
{
    s = mn_str_trim(s);
    return s.n == 0 || s.p[0] == '#';
}

/* Takes the quotes off; `text` begins with one. */
static bool unquote(struct line_reader *r, struct mn_str text, char *out, size_t *ret_n)
{
    size_t n = 0, i = 1;

    for (; i < text.n && text.p[i] != '"'; i++) {
        if (text.p[i] == '\\') {
            i++;
            if (i == text.n || (text.p[i] != '"' && text.p[i] != '\\'))
                return complain(r, "in quotes, expected \\\" or \\\\ after a \\");
        }
        if (n == VALUE_MAX_BYTES)
            return complain(r, "the value is too long");
        out[n++] = text.p[i];
    }
    if (i == text.n)
        return complain(r, "expected a closing quote");
    if (!is_rest(mn_str_make(text.p + i + 1, text.n - i - 1)))
        return complain(r, "expected nothing but a comment after the closing quote");
    *ret_n = n;
    return true;
}

/* An option set twice in one file is a mistake in nearly every case; a source above may override. */
static bool is_first(struct line_reader *r, struct mn_str name)
{
    const struct mn_option *option = mn_option_find(name);

    if (!option)
        return true;
    unsigned *set_at = &r->set_at[option - mn_options_table];
    if (*set_at) {
        mn_buf_addf(r->why, "%s: %s: already set on line %u\n", r->where, option->name, *set_at);
        return false;
    }
    *set_at = r->line;
    return true;
}

static bool read_line(struct line_reader *r, struct mn_str line)
{
    char unquoted[VALUE_MAX_BYTES];
    const char *equals;

    line = mn_str_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return true;
    snprintf(r->where, sizeof r->where, "%s:%u", r->name, r->line);
    if (!mn_utf8_valid(line.p, line.n))
        return complain(r, "not UTF-8");
    equals = memchr(line.p, '=', line.n);
    if (!equals)
        return complain(r, "expected \"name = value\"");
    struct mn_str name = mn_str_trim(mn_str_make(line.p, (size_t)(equals - line.p)));
    struct mn_str value = mn_str_trim(
        mn_str_make(equals + 1, line.n - (size_t)(equals - line.p) - 1));
    if (value.n && value.p[0] == '"') {
        size_t n = 0;
        if (!unquote(r, value, unquoted, &n))
            return false;
        value = mn_str_make(unquoted, n);
    } else if (value.n && memchr(value.p, '#', value.n)) {
        return complain(r, "a value with a '#' needs quotes; a comment needs its own line");
    }
    if (!is_first(r, name))
        return false;
    struct mn_option_where where = {r->where, MN_OPTION_FROM_FILE, r->line};
    return mn_options_assign(r->options, &where, name, value, r->why);
}

bool mn_options_parse_text(struct mn_options *options, const char *name, struct mn_str text,
                           struct mn_buf *why)
{
    struct line_reader *r = mn_new(struct line_reader);
    unsigned mistakes = 0;

    r->options = options;
    r->name = name;
    r->why = why;
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) { /* some editors' mark */
        text.p += 3;
        text.n -= 3;
    }
    while (text.n > 0 && mistakes < MISTAKES_MAX) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        r->line++;
        mistakes += !read_line(r, mn_str_make(text.p, n));
        n += end != NULL;
        text.p += n;
        text.n -= n;
    }
    if (mistakes == MISTAKES_MAX)
        mn_buf_addf(why, "%s:%u: %u mistakes, the rest was not read\n", name, r->line, mistakes);
    mn_free(r);
    return mistakes == 0;
}

bool mn_options_read_file(struct mn_options *options, struct mn_buf *why)
{
    struct mn_buf text, problem;
    bool good = false;

    mn_buf_init(&text, FILE_MAX_BYTES);
    mn_buf_init(&problem, 2 * MN_CONFIG_PATH);
    if (mn_file_read(options->file, FILE_MAX_BYTES, &text, &problem) == MN_OK)
        good = mn_options_parse_text(options, options->file, mn_buf_str(&text), why);
    else
        mn_buf_addf(why, "%s%.*s\n", options->file_from, (int)problem.n, problem.p);
    mn_buf_deinit(&problem);
    mn_buf_deinit(&text);
    return good;
}
