/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the sources in their order, and what is said when one of them is
 * wrong.  All mistakes are reported, not just the first.  Silent.
 */
#include "app/options_impl.h"

#include "base/mem.h"

static bool is_action_final(enum mn_options_action action)
{
    return action == MN_OPTIONS_HELP || action == MN_OPTIONS_VERSION ||
           action == MN_OPTIONS_DOC_MARKDOWN || action == MN_OPTIONS_DOC_SAMPLE ||
           action == MN_OPTIONS_DOC_ENDPOINTS;
}

/* ---- one setting ---- */

void mn_options_ignore(struct mn_options *options, struct mn_str name, const char *where,
                       const char *why)
{
    size_t i = options->ignored_count;

    if (i == MN_OPTIONS_IGNORED)
        return;
    options->ignored[i].name = mn_try_strndup(name.p, name.n < 256 ? name.n : 256);
    options->ignored[i].where = mn_try_strndup(where, strlen(where));
    options->ignored[i].why = why;
    options->ignored_count++;
}

/* Text that somebody wrote, in quotes: cut, and without what could disturb a terminal. */
static void add_quoted(struct mn_buf *why, struct mn_str text)
{
    size_t n = text.n < 100 ? text.n : 100;

    mn_buf_add_char(why, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        mn_buf_add_char(why, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
    mn_buf_add_z(why, n < text.n ? "...\"" : "\"");
}

/* What was given, unless it is a secret. */
static void add_given(struct mn_buf *why, const struct mn_option *option, struct mn_str value)
{
    if (option->flags & MN_OPTION_SECRET) {
        mn_buf_addf(why, " (%zu bytes)", value.n);
        return;
    }
    mn_buf_add_z(why, " = ");
    add_quoted(why, value);
}

bool mn_options_set(struct mn_options *options, const struct mn_option_where *where,
                    const struct mn_option *option, struct mn_str value, struct mn_buf *why)
{
    struct mn_buf problem;
    bool good;

    mn_buf_init(&problem, 8192);
    good = mn_option_set(option, &options->config, value, &problem) == MN_OK;
    if (good) {
        options->origin[option - mn_options_table] = (struct mn_option_origin){where->source,
                                                                               where->line};
    } else {
        mn_buf_addf(why, "%s: %s", where->text, option->name);
        add_given(why, option, value);
        mn_buf_add_z(why, ": ");
        mn_buf_add_str(why, mn_buf_str(&problem));
        mn_buf_add_char(why, '\n');
    }
    mn_buf_deinit(&problem);
    return good;
}

static void complain_unknown(const char *where, struct mn_str name, struct mn_buf *why)
{
    const struct mn_option *nearest = mn_option_nearest(name);

    mn_buf_addf(why, "%s: unknown option ", where);
    add_quoted(why, name);
    if (nearest)
        mn_buf_addf(why, ", did you mean %s?", nearest->name);
    mn_buf_add_char(why, '\n');
}

bool mn_options_assign(struct mn_options *options, const struct mn_option_where *where,
                       struct mn_str name, struct mn_str value, struct mn_buf *why)
{
    const struct mn_option *option = mn_option_find(name);
    const char *ignored;

    if (option)
        return mn_options_set(options, where, option, value, why);
    ignored = mn_option_legacy_why(name, false);
    if (ignored) {
        mn_options_ignore(options, name, where->text, ignored);
        return true;
    }
    complain_unknown(where->text, name, why);
    return false;
}

/* ---- command line ---- */

struct argument {
    struct mn_str name, value;
    bool has_value;
};

/* Splits "--name=value"; false if it is nothing of the kind. */
static bool split_argument(const char *arg, struct argument *ret)
{
    if (strcmp(arg, "-h") == 0)
        arg = "--help";
    if (strcmp(arg, "-V") == 0)
        arg = "--version";
    if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
        return false;
    const char *name = arg + 2, *equals = strchr(name, '=');
    ret->has_value = equals != NULL;
    ret->name = mn_str_make(name, equals ? (size_t)(equals - name) : strlen(name));
    ret->value = mn_str_c(equals ? equals + 1 : NULL);
    return true;
}

static bool is_word_action(struct mn_str name, enum mn_options_action *ret)
{
    static const struct {
        const char *name;
        enum mn_options_action action;
    } words[] = {
        {"help", MN_OPTIONS_HELP},
        {"version", MN_OPTIONS_VERSION},
        {"check-config", MN_OPTIONS_CHECK},
        {"print-config", MN_OPTIONS_PRINT},
    };

    for (size_t i = 0; i < MN_ARRAY_LEN(words); i++)
        if (mn_str_is(name, words[i].name)) {
            *ret = words[i].action;
            return true;
        }
    return false;
}

/* Help and documents win over everything, the first of them; then the last action given. */
static void choose_action(struct mn_options *options, enum mn_options_action action)
{
    if (!is_action_final(options->action))
        options->action = action;
}

static bool set_document(struct mn_options *options, struct mn_str value, struct mn_buf *why)
{
    if (mn_str_is(value, "markdown")) {
        choose_action(options, MN_OPTIONS_DOC_MARKDOWN);
    } else if (mn_str_is(value, "sample")) {
        choose_action(options, MN_OPTIONS_DOC_SAMPLE);
    } else if (mn_str_is(value, "endpoints")) {
        choose_action(options, MN_OPTIONS_DOC_ENDPOINTS);
    } else {
        mn_buf_add_z(why,
                     "command line: --generate-docs: expected markdown, sample or endpoints\n");
        return false;
    }
    return true;
}

/* `from` goes before what is said about the file: the command line names it anyway. */
static bool set_file(struct mn_options *options, const char *where, const char *from,
                     struct mn_str value, struct mn_buf *why)
{
    if (value.n == 0 || value.n >= sizeof options->file) {
        mn_buf_addf(why, "%s: config: expected the path of a file, at most %zu bytes\n", where,
                    sizeof options->file - 1);
        return false;
    }
    memcpy(options->file, value.p, value.n);
    options->file[value.n] = '\0';
    options->file_from = from;
    return true;
}

/* A pass over argv: first for what is no option of the table, then for the options. */
enum pass { PASS_CONTROL = 1, PASS_OPTIONS };

static bool take_argument(struct mn_options *options, enum pass pass, const struct argument *a,
                          struct mn_buf *why)
{
    static const struct mn_option_where where = {"command line", MN_OPTION_FROM_ARGS, 0};
    bool is_config = mn_str_is(a->name, "config"), is_doc = mn_str_is(a->name, "generate-docs");

    if (!a->has_value) {
        if (pass == PASS_CONTROL)
            return true;
        if (!is_config && !is_doc && !mn_option_find(a->name) &&
            !mn_option_legacy_why(a->name, false)) {
            complain_unknown(where.text, a->name, why);
            return false;
        }
        mn_buf_add_z(why, "command line: ");
        add_quoted(why, a->name);
        mn_buf_add_z(why, ": expected a value\n");
        return false;
    }
    if (pass == PASS_CONTROL) {
        if (is_config)
            return set_file(options, where.text, "", a->value, why);
        return is_doc ? set_document(options, a->value, why) : true;
    }
    return is_config || is_doc || mn_options_assign(options, &where, a->name, a->value, why);
}

static bool complain_argument(const char *arg, struct mn_buf *why)
{
    mn_buf_add_z(why, "command line: ");
    add_quoted(why, mn_str_c(arg));
    mn_buf_add_z(why, ": expected --name=value (see --help)\n");
    return false;
}

static bool read_arguments(struct mn_options *options, enum pass pass, int argc, char *const *argv,
                           struct mn_buf *why)
{
    bool good = true;

    for (int i = 1; i < argc; i++) {
        struct argument a;
        enum mn_options_action action;
        if (!split_argument(argv[i], &a)) {
            good &= pass == PASS_CONTROL || complain_argument(argv[i], why);
            continue;
        }
        if (!a.has_value && is_word_action(a.name, &action)) {
            choose_action(options, action);
            continue;
        }
        /* "--name value", unless what follows is the next option. */
        if (!a.has_value && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0) {
            a.value = mn_str_c(argv[++i]);
            a.has_value = true;
        }
        good &= take_argument(options, pass, &a, why);
    }
    return good;
}

/* ---- environment ---- */

/*
 * Kubernetes describes every service of a namespace to every container: a
 * service called "minim" appears as MINIM_SERVICE_HOST, MINIM_PORT=tcp://...,
 * MINIM_PORT_8080_TCP_ADDR and so on.  None of these is meant for us.
 */
static bool is_service_link(struct mn_str name, struct mn_str value)
{
    static const struct mn_str port = {"_PORT", 5};
    bool ends_in_port = name.n > port.n && memcmp(name.p + name.n - port.n, port.p, port.n) == 0;

    if (memmem(name.p, name.n, "_SERVICE_HOST", 13) || memmem(name.p, name.n, "_SERVICE_PORT", 13))
        return true;
    if (memmem(name.p, name.n, "_TCP", 4) || memmem(name.p, name.n, "_UDP", 4))
        return memmem(name.p, name.n, "_PORT_", 6) != NULL;
    return ends_in_port && value.n && memmem(value.p, value.n, "://", 3);
}

static bool has_prefix(struct mn_str s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.n > n && memcmp(s.p, prefix, n) == 0;
}

/*
 * MINIM_* is ours alone; so is what looks like a misspelt option of IM_*: a
 * secret that is not taken is worse than a start refused.  Other IM_* may be
 * the original's, and SERVER_* is anybody's: those are told, and ignored.
 */
static bool take_unknown_variable(struct mn_options *options, const char *where, struct mn_str name,
                                  struct mn_buf *why)
{
    const struct mn_option *nearest = mn_option_nearest_env(name);
    struct mn_buf known;

    if (!has_prefix(name, "MINIM_") && !(has_prefix(name, "IM_") && nearest)) {
        if (has_prefix(name, "IM_") || nearest)
            mn_options_ignore(options, name, "environment", "no option has this name");
        return true;
    }
    mn_buf_addf(why, "%s: no option has this name", where);
    if (nearest) {
        mn_buf_init(&known, 256);
        mn_option_env_name(nearest->name, &known);
        mn_buf_addf(why, ", did you mean %.*s?", (int)known.n, known.p);
        mn_buf_deinit(&known);
    }
    mn_buf_add_char(why, '\n');
    return false;
}

static bool read_variable(struct mn_options *options, struct mn_str name, struct mn_str value,
                          struct mn_buf *why)
{
    char text[160];
    struct mn_option_where where = {text, MN_OPTION_FROM_ENV, 0};
    const struct mn_option *option;
    const char *ignored;

    if (!has_prefix(name, "MINIM_") && !has_prefix(name, "IM_") && !has_prefix(name, "SERVER_"))
        return true;
    if (value.n == 0 || is_service_link(name, value) || mn_str_is(name, "MINIM_CONFIG"))
        return true; /* empty means unset, as compose files have it */
    snprintf(text, sizeof text, "environment %.*s", (int)(name.n < 120 ? name.n : 120), name.p);
    option = mn_option_find_env(name);
    if (option)
        return mn_options_set(options, &where, option, value, why);
    ignored = mn_option_legacy_why(name, true);
    if (ignored) {
        mn_options_ignore(options, name, "environment", ignored);
        return true;
    }
    return take_unknown_variable(options, text, name, why);
}

static bool read_environment(struct mn_options *options, char *const *envp, struct mn_buf *why)
{
    bool good = true;

    for (; envp && *envp; envp++) {
        const char *equals = strchr(*envp, '=');
        if (equals)
            good &= read_variable(options, mn_str_make(*envp, (size_t)(equals - *envp)),
                                  mn_str_c(equals + 1), why);
    }
    return good;
}

static bool find_file_in_environment(struct mn_options *options, char *const *envp,
                                     struct mn_buf *why)
{
    static const char name[] = "MINIM_CONFIG=";

    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, sizeof name - 1) == 0 && (*envp)[sizeof name - 1])
            return set_file(options, "environment MINIM_CONFIG",
                            "environment MINIM_CONFIG: ", mn_str_c(*envp + sizeof name - 1), why);
    return true;
}

/* ---- all of it ---- */

enum mn_err mn_options_read(struct mn_options *options, int argc, char *const *argv,
                            char *const *envp, struct mn_buf *why)
{
    bool good = find_file_in_environment(options, envp, why);

    good &= read_arguments(options, PASS_CONTROL, argc, argv, why);
    if (is_action_final(options->action)) {
        /* Who asks for help shall get it, whatever else is wrong. */
        mn_buf_reset(why);
        return MN_OK;
    }
    if (good && options->file[0])
        good &= mn_options_read_file(options, why);
    good &= read_environment(options, envp, why);
    good &= read_arguments(options, PASS_OPTIONS, argc, argv, why);
    if (good)
        good = mn_options_check_together(&options->config, why);
    return good ? MN_OK : MN_EINVAL;
}
