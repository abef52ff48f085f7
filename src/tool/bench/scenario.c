/* SPDX-License-Identifier: Apache-2.0 */
/* Reads scenario files, see scenario.h.  Main thread, before anything is started. */
#include "tool/bench/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static enum mn_err read_text(const char *path, char **ret_text, char *why, size_t cap)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        snprintf(why, cap, "%.100s: %s", path, strerror(errno));
        return MN_EIO;
    }
    char *text = mn_alloc(SCENARIO_BYTES_MAX + 1);
    size_t n = fread(text, 1, SCENARIO_BYTES_MAX + 1, in);
    bool failed = ferror(in) != 0;
    fclose(in);
    if (failed || n > SCENARIO_BYTES_MAX || memchr(text, '\0', n)) {
        snprintf(why, cap, "%.100s: is no scenario file", path);
        mn_free(text);
        return MN_EINVAL;
    }
    text[n] = '\0';
    *ret_text = text;
    return MN_OK;
}

static void set_name(struct scenario *scenario, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t n = strlen(base);
    if (n > 5 && strcmp(base + n - 5, ".conf") == 0)
        n -= 5;
    snprintf(scenario->name, sizeof scenario->name, "%.*s", (int)n, base);
}

/* NUL-terminates the trimmed part of p[0..n) in place. */
static char *trim(char *p, size_t n)
{
    struct mn_str s = mn_str_trim(mn_str_make(p, n));
    char *begin = p + (s.p - p);
    begin[s.n] = '\0';
    return begin;
}

/* One line, without its newline; returns what is wrong with it, or NULL. */
static const char *take_line(struct scenario *scenario, char *line, unsigned number)
{
    line[strcspn(line, "#")] = '\0';
    line = trim(line, strlen(line));
    if (!*line)
        return NULL;
    char *eq = strchr(line, '=');
    if (!eq)
        return "expected name = value";
    const char *value = trim(eq + 1, strlen(eq + 1));
    const char *name = trim(line, (size_t)(eq - line));
    if (!*name || !*value)
        return "expected name = value";
    if (!scenario->mode && strcmp(name, "mode") != 0)
        return "the first line must be mode = ...";
    if (strcmp(name, "mode") == 0) {
        if (scenario->mode)
            return "mode is given twice";
        scenario->mode = value;
    } else if (strcmp(name, "title") == 0) {
        scenario->title = value;
    } else if (scenario->line_count == SCENARIO_LINES_MAX) {
        return "too many lines";
    } else {
        scenario->line[scenario->line_count++] = (struct scenario_line){name, value, number};
    }
    return NULL;
}

enum mn_err scenario_load(struct scenario *ret, const char *path, char *why, size_t why_cap)
{
    struct scenario scenario = {.path = path};
    enum mn_err err = read_text(path, &scenario.text, why, why_cap);
    if (err)
        return err;
    set_name(&scenario, path);
    const char *bad = NULL;
    unsigned number = 0;
    for (char *line = scenario.text; line && !bad;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        bad = take_line(&scenario, line, ++number);
        line = end ? end + 1 : NULL;
    }
    if (!bad && !scenario.mode)
        bad = "the first line must be mode = ...";
    if (bad) {
        snprintf(why, why_cap, "%.100s:%u: %s", path, number, bad);
        scenario_deinit(&scenario);
        return MN_EINVAL;
    }
    *ret = scenario;
    return MN_OK;
}

enum mn_err scenario_apply(const struct scenario *scenario, struct opts *opts, enum opts_cmd cmd,
                           char *why, size_t why_cap)
{
    for (size_t i = 0; i < scenario->line_count; i++) {
        const struct scenario_line *line = &scenario->line[i];
        char what[160];
        if (opts_set(opts, cmd, mn_str_c(line->name), line->value, what, sizeof what) != MN_OK) {
            snprintf(why, why_cap, "%.80s:%u: %.150s", scenario->path, line->number, what);
            return MN_EINVAL;
        }
    }
    opts->scenario_name = scenario->name;
    opts->scenario_path = scenario->path;
    opts->title = scenario->title;
    return MN_OK;
}

void scenario_deinit(struct scenario *scenario)
{
    mn_free(scenario->text);
    *scenario = (struct scenario){.text = NULL};
}
