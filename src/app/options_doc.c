/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the table says to readers: --help, --version, --print-config,
 * docs/configuration.md and the sample file packaging/minim.conf.  Silent.
 */
#include "app/options_impl.h"

#include "api/route.h"
#include "base/mem.h"

enum { COLUMNS = 80 };

void mn_options_wrap(struct mn_buf *out, const char *indent, const char *text, size_t columns)
{
    size_t width = columns - strlen(indent);

    while (*text) {
        size_t n = strlen(text);
        if (n > width) {
            n = width;
            while (n > 0 && text[n] != ' ')
                n--;
            if (n == 0) /* a word longer than the line stays whole */
                n = strcspn(text, " ");
        }
        mn_buf_addf(out, "%s%.*s\n", indent, (int)n, text);
        text += n;
        text += strspn(text, " ");
    }
}

/* A value as the file takes it: in quotes if it needs them. */
static void add_file_value(struct mn_buf *out, struct mn_str value)
{
    struct mn_str trimmed = mn_str_trim(value);
    bool plain = value.n > 0 && trimmed.n == value.n && value.p[0] != '"' &&
                 !memchr(value.p, '#', value.n);

    if (plain) {
        mn_buf_add_str(out, value);
        return;
    }
    mn_buf_add_char(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\')
            mn_buf_add_char(out, '\\');
        mn_buf_add_char(out, value.p[i]);
    }
    mn_buf_add_char(out, '"');
}

/* ---- help ---- */

static void print_help(struct mn_buf *out)
{
    mn_buf_addf(out,
                "minimd %s - self-hosted instant-messaging server\n"
                "\n"
                "Usage: minimd [--config=FILE] [--NAME=VALUE ...]\n"
                "\n"
                "  --config=FILE      read options from FILE, lines \"name = value\"\n"
                "                     (also MINIM_CONFIG)\n"
                "  --check-config     check all options and the files they name, then exit\n"
                "  --print-config     print the values in force and where each comes from,\n"
                "                     then exit\n"
                "  --generate-docs=markdown|sample|endpoints\n"
                "                     print the reference of all options, a sample file,\n"
                "                     or the endpoints\n"
                "  --help, --version\n"
                "\n"
                "Later wins: defaults, file, environment, command line. An option in the\n"
                "environment is its name in upper case, dots and dashes as underscores:\n"
                "IM_GATEWAY_WS_PORT.\n"
                "(r) takes effect on SIGHUP, all others at the next start.\n"
                "\n"
                "Exit codes: 0 ended on request, 1 could not start, 2 options are wrong.\n",
                MN_VERSION);
    for (unsigned group = 0; group < MN_OPTION_GROUP_COUNT; group++) {
        mn_buf_addf(out, "\n%s\n", mn_option_group_title((enum mn_option_group)group));
        for (size_t i = 0; i < mn_options_count; i++) {
            const struct mn_option *option = &mn_options_table[i];
            if (option->group != group)
                continue;
            mn_buf_addf(out, "  --%s=%s%s\n", option->name, option->default_text,
                        option->flags & MN_OPTION_RELOAD ? "  (r)" : "");
            mn_options_wrap(out, "      ", option->help, COLUMNS);
            mn_buf_add_z(out, "      [");
            mn_option_describe(option, out);
            mn_buf_add_z(out, "]\n");
        }
    }
}

/* ---- values in force ---- */

static void add_origin(const struct mn_options *options, size_t i, struct mn_buf *out)
{
    const struct mn_option_origin *origin = &options->origin[i];

    switch (origin->source) {
    case MN_OPTION_FROM_DEFAULT:
        mn_buf_add_z(out, "default");
        break;
    case MN_OPTION_FROM_FILE:
        mn_buf_addf(out, "%s:%u", options->file, origin->line);
        break;
    case MN_OPTION_FROM_ENV:
        mn_buf_add_z(out, "environment");
        break;
    case MN_OPTION_FROM_ARGS:
        mn_buf_add_z(out, "command line");
        break;
    }
}

/* Reads back as an options file, secrets aside. */
static void print_config(const struct mn_options *options, struct mn_buf *out)
{
    struct mn_buf value;

    mn_buf_init(&value, MN_CONFIG_LIST);
    for (size_t i = 0; i < mn_options_count; i++) {
        const struct mn_option *option = &mn_options_table[i];
        mn_buf_reset(&value);
        mn_option_print(option, &options->config, &value);
        mn_buf_add_z(out, "# ");
        add_origin(options, i, out);
        if (option->flags & MN_OPTION_SECRET && value.n) {
            mn_buf_addf(out, "\n#%s = (hidden)\n", option->name);
            continue;
        }
        mn_buf_addf(out, "\n%s = ", option->name);
        add_file_value(out, mn_buf_str(&value));
        mn_buf_add_char(out, '\n');
    }
    mn_buf_deinit(&value);
}

/* ---- generated files ---- */

static void add_cell(struct mn_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '*' || *text == '<') /* Markdown would take them for its own */
            mn_buf_add_char(out, '\\');
        mn_buf_add_char(out, *text);
    }
}

static void add_markdown_row(struct mn_buf *out, const struct mn_option *option)
{
    mn_buf_addf(out, "| `%s` | ", option->name);
    if (option->default_text[0])
        mn_buf_addf(out, "`%s`", option->default_text);
    mn_buf_add_z(out, " | ");
    mn_option_describe(option, out);
    mn_buf_addf(out, " | %s | ", option->flags & MN_OPTION_RELOAD ? "reload" : "restart");
    add_cell(out, option->help);
    mn_buf_add_z(out, " |\n");
}

void mn_options_doc_markdown(struct mn_buf *out)
{
    mn_buf_add_z(
        out,
        "<!-- Generated by `minimd --generate-docs=markdown`; do not edit. -->\n"
        "# Configuration\n"
        "\n"
        "Every option of `minimd`. Sources, later wins: defaults; a file (`--config=FILE` or\n"
        "`MINIM_CONFIG`); environment; command line (`--name=value` or `--name value`).\n"
        "\n"
        "- In the file: lines `name = value`; lines that start with `#` are comments. A value in\n"
        "  double quotes may hold anything, with `\\\"` and `\\\\` for the two that need it.\n"
        "- In the environment: the name in upper case, dots and dashes as underscores, for example\n"
        "  `IM_GATEWAY_WS_PORT`. An empty variable counts as not set.\n"
        "- An unknown name, a bad value or a missing file is reported with its place, and `minimd`\n"
        "  exits with 2 before it opens anything. `--check-config` does just this check,\n"
        "  `--print-config` prints the values in force and where each comes from.\n"
        "- `SIGHUP` reads everything again. Options marked *reload* take effect at once, for others\n"
        "  the log says `option_needs_restart`. A mistake changes nothing.\n"
        "- A list is separated by commas.\n"
        "- Bytes may be written as `64KiB`, `1MiB`, `2GiB` (or `KB`, `MB`, `GB` for powers of 1000),\n"
        "  times with a unit: `500ms`, `90s`, `5m`, `1h`, `30d`.\n"
        "- No secret is ever printed.\n");
    for (unsigned group = 0; group < MN_OPTION_GROUP_COUNT; group++) {
        mn_buf_addf(out,
                    "\n## %s\n\n| option | default | value | effect on | meaning |\n"
                    "|---|---|---|---|---|\n",
                    mn_option_group_title((enum mn_option_group)group));
        for (size_t i = 0; i < mn_options_count; i++)
            if (mn_options_table[i].group == group)
                add_markdown_row(out, &mn_options_table[i]);
    }
    mn_buf_add_z(
        out, "\n## Options of mini-im without effect\n\n"
             "They are accepted, so that old command lines and files keep working, and logged as\n"
             "`option_ignored`. A name that ends in a dot stands for all that begin with it.\n\n"
             "| option | why |\n|---|---|\n");
    for (size_t i = 0; i < mn_options_legacy_count; i++)
        mn_buf_addf(out, "| `%s` | %s |\n", mn_options_legacy[i].name, mn_options_legacy[i].why);
}

void mn_options_doc_sample(struct mn_buf *out)
{
    mn_buf_add_z(
        out, "# Options of minimd, all at their defaults: take the '#' off a line to change it.\n"
             "# Environment and command line win over this file. Check it with\n"
             "#     minimd --config=minim.conf --check-config\n"
             "# Generated by `minimd --generate-docs=sample`.\n");
    for (unsigned group = 0; group < MN_OPTION_GROUP_COUNT; group++) {
        mn_buf_addf(out, "\n# ---- %s ----\n", mn_option_group_title((enum mn_option_group)group));
        for (size_t i = 0; i < mn_options_count; i++) {
            const struct mn_option *option = &mn_options_table[i];
            if (option->group != group)
                continue;
            mn_buf_add_char(out, '\n');
            mn_options_wrap(out, "# ", option->help, COLUMNS);
            mn_buf_add_z(out, "# [");
            mn_option_describe(option, out);
            mn_buf_addf(out, "%s]\n#%s = ", option->flags & MN_OPTION_RELOAD ? "; reload" : "",
                        option->name);
            add_file_value(out, mn_str_c(option->default_text));
            mn_buf_add_char(out, '\n');
        }
    }
}

enum mn_err mn_options_print(const struct mn_options *options, struct mn_buf *out)
{
    switch (options->action) {
    case MN_OPTIONS_RUN:
        break;
    case MN_OPTIONS_CHECK:
        mn_buf_add_z(out, "the options are in order\n");
        break;
    case MN_OPTIONS_HELP:
        print_help(out);
        break;
    case MN_OPTIONS_VERSION:
        mn_buf_addf(out, "minimd %s\n", MN_VERSION);
        break;
    case MN_OPTIONS_PRINT:
        print_config(options, out);
        break;
    case MN_OPTIONS_DOC_MARKDOWN:
        mn_options_doc_markdown(out);
        break;
    case MN_OPTIONS_DOC_SAMPLE:
        mn_options_doc_sample(out);
        break;
    case MN_OPTIONS_DOC_ENDPOINTS:
        mn_api_routes_markdown(out);
        break;
    }
    return out->failed ? MN_ELIMIT : MN_OK;
}
