/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of options: as written in a file or on the command line, as
 * environment variables, as mini-im had them, and misspelt.  Silent.
 */
#include "app/options_impl.h"

enum { NAME_MAX_BYTES = 96, NEAR = 3 };

const struct mn_option *mn_option_find(struct mn_str name)
{
    for (size_t i = 0; i < mn_options_count; i++)
        if (mn_str_is(name, mn_options_table[i].name))
            return &mn_options_table[i];
    return NULL;
}

static char env_char(char c)
{
    if (c == '.' || c == '-')
        return '_';
    return c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

void mn_option_env_name(const char *name, struct mn_buf *out)
{
    for (; *name; name++)
        mn_buf_add_char(out, env_char(*name));
}

/*
 * Spring writes im.auth.jwt-secret as IM_AUTH_JWTSECRET, others as
 * IM_AUTH_JWT_SECRET: so underscores do not count.  `prefix`: the variable
 * may go on after the name.
 */
static bool env_matches(const char *name, struct mn_str env, bool prefix)
{
    size_t i = 0;

    for (; *name; name++) {
        char c = env_char(*name);
        if (c == '_')
            continue;
        while (i < env.n && env.p[i] == '_')
            i++;
        if (i == env.n || env.p[i++] != c)
            return false;
    }
    while (i < env.n && env.p[i] == '_')
        i++;
    return prefix || i == env.n;
}

const struct mn_option *mn_option_find_env(struct mn_str name)
{
    for (size_t i = 0; i < mn_options_count; i++)
        if (env_matches(mn_options_table[i].name, name, false))
            return &mn_options_table[i];
    return NULL;
}

const char *mn_option_legacy_why(struct mn_str name, bool is_env)
{
    for (size_t i = 0; i < mn_options_legacy_count; i++) {
        const char *legacy = mn_options_legacy[i].name;
        size_t n = strlen(legacy);
        bool prefix = legacy[n - 1] == '.';
        bool match = is_env   ? env_matches(legacy, name, prefix)
                     : prefix ? name.n > n && memcmp(name.p, legacy, n) == 0
                              : mn_str_is(name, legacy);
        if (match)
            return mn_options_legacy[i].why;
    }
    return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Insertions, deletions and replacements between two names (Levenshtein). */
static unsigned distance(struct mn_str a, struct mn_str b)
{
    unsigned row[NAME_MAX_BYTES + 1];

    for (size_t j = 0; j <= b.n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a.p[i - 1] != b.p[j - 1]));
            diagonal = above;
        }
    }
    return row[b.n];
}

/* "auth-timeout-ms" for "im.gateway.ws.auth-timeout-ms". */
static bool is_tail(struct mn_str tail, struct mn_str name)
{
    return tail.n >= 4 && tail.n < name.n && name.p[name.n - tail.n - 1] == '.' &&
           memcmp(name.p + name.n - tail.n, tail.p, tail.n) == 0;
}

const struct mn_option *mn_option_nearest(struct mn_str name)
{
    const struct mn_option *best = NULL;
    unsigned best_distance = NEAR + 1;

    if (name.n > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < mn_options_count; i++) {
        struct mn_str known = mn_str_c(mn_options_table[i].name);
        unsigned d = is_tail(name, known)       ? 1
                     : known.n > NAME_MAX_BYTES ? NEAR + 1
                                                : distance(name, known);
        if (d < best_distance) {
            best = &mn_options_table[i];
            best_distance = d;
        }
    }
    return best;
}

/* Without its underscores, which do not count. */
static size_t squeeze(struct mn_str env, char out[NAME_MAX_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < env.n; i++)
        if (env.p[i] != '_' && n < NAME_MAX_BYTES)
            out[n++] = env.p[i];
    return n;
}

const struct mn_option *mn_option_nearest_env(struct mn_str name)
{
    char given[NAME_MAX_BYTES], known[NAME_MAX_BYTES];
    const struct mn_option *best = NULL;
    unsigned best_distance = NEAR + 1;

    if (name.n > NAME_MAX_BYTES)
        return NULL;
    struct mn_str text = mn_str_make(given, squeeze(name, given));
    for (size_t i = 0; i < mn_options_count; i++) {
        struct mn_buf env;
        mn_buf_init(&env, 2 * NAME_MAX_BYTES);
        mn_option_env_name(mn_options_table[i].name, &env);
        unsigned d = distance(text, mn_str_make(known, squeeze(mn_buf_str(&env), known)));
        mn_buf_deinit(&env);
        if (d < best_distance) {
            best = &mn_options_table[i];
            best_distance = d;
        }
    }
    return best;
}
