/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of `bench mixed`, see profile.h.  Main thread, before anything is started. */
#include "tool/bench/profile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

/* A chat of a small company: mostly messages, a page whenever somebody opens a conversation. */
const char profile_default[] = "single = 80\n"
                               "history = 12\n"
                               "conversations = 7\n"
                               "login = 1\n"
                               "read = 80\n"
                               "page = 20\n";

/* As a client of the web page asks for. */
#define PAGE_DEFAULT 20
/* The server gives no more (H-7.4). */
#define PAGE_MAX 100

static const char *const kinds[PROFILE_KIND_COUNT] = {"single", "group", "history", "conversations",
                                                      "login"};

const char *profile_name(enum profile_kind kind) { return kinds[kind]; }

double profile_share(const struct profile *profile, enum profile_kind kind)
{
    double sum = 0;
    for (int i = 0; i < PROFILE_KIND_COUNT; i++)
        sum += profile->weight[i];
    return sum > 0 ? profile->weight[kind] / sum : 0;
}

/* Returns what is wrong, or NULL. */
static const char *set(struct profile *profile, struct mn_str name, struct mn_str value)
{
    if (mn_str_is(name, "read"))
        return mn_parse_double(value, 0, 100, &profile->read_pct) ? "read: expected 0 to 100"
                                                                  : NULL;
    if (mn_str_is(name, "page"))
        return mn_parse_u64(value, 1, PAGE_MAX, &profile->page) ? "page: expected 1 to 100" : NULL;
    for (int i = 0; i < PROFILE_KIND_COUNT; i++) {
        if (!mn_str_is(name, kinds[i]))
            continue;
        if (mn_parse_double(value, 0, 1e9, &profile->weight[i]) != MN_OK)
            return "a weight is a number, 0 or more";
        return NULL;
    }
    return "no such kind: expected single, group, history, conversations, login, read or page";
}

/* One line without its newline. */
static const char *take_line(struct profile *profile, const char *line)
{
    struct mn_str s = mn_str_trim(mn_str_make(line, strcspn(line, "#")));
    if (s.n == 0)
        return NULL;
    const char *eq = memchr(s.p, '=', s.n);
    if (!eq)
        return "expected name = number";
    struct mn_str name = mn_str_trim(mn_str_make(s.p, (size_t)(eq - s.p)));
    struct mn_str value = mn_str_trim(mn_str_make(eq + 1, s.n - (size_t)(eq - s.p) - 1));
    return set(profile, name, value);
}

static const char *read_lines(struct profile *profile, FILE *in, unsigned *ret_number)
{
    char line[PROFILE_LINE_MAX + 2];
    const char *bad = NULL;
    while (!bad && fgets(line, sizeof line, in)) {
        size_t n = strcspn(line, "\n");
        if (++*ret_number > PROFILE_LINES_MAX)
            return "too many lines";
        if (n > PROFILE_LINE_MAX)
            return "the line is too long";
        line[n] = '\0';
        bad = take_line(profile, line);
    }
    if (!bad && ferror(in))
        bad = "cannot be read";
    return bad;
}

enum mn_err profile_load(struct profile *ret, const char *path, char *why, size_t why_cap)
{
    struct profile profile = {.page = PAGE_DEFAULT};
    unsigned number = 0;
    FILE *in = path ? fopen(path, "re")
                    : fmemopen((char *)(uintptr_t)profile_default, sizeof profile_default - 1, "r");
    if (!in) {
        snprintf(why, why_cap, "--profile %.100s: %s", path ? path : "", strerror(errno));
        return MN_EIO;
    }
    const char *bad = read_lines(&profile, in, &number);
    fclose(in);
    double sum = 0;
    for (int i = 0; i < PROFILE_KIND_COUNT; i++)
        sum += profile.weight[i];
    if (!bad && sum <= 0)
        bad = "every weight is 0: there is nothing to do";
    if (bad) {
        snprintf(why, why_cap, "--profile %.80s:%u: %.90s", path ? path : "", number, bad);
        return MN_EINVAL;
    }
    *ret = profile;
    return MN_OK;
}
