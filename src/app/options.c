/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading of the options as an object: defaults, what was ignored, and the
 * comparison with another reading.  Owner: main thread.
 */
#include "app/options.h"

#include <sys/stat.h>

#include "app/options_impl.h"
#include "base/file.h"
#include "base/mem.h"

struct mn_options *mn_options_new(void)
{
    struct mn_options *options = mn_new(struct mn_options);
    struct mn_buf problem;

    mn_buf_init(&problem, 8192);
    for (size_t i = 0; i < mn_options_count; i++) {
        const struct mn_option *option = &mn_options_table[i];
        enum mn_err err = mn_option_set(option, &options->config, mn_str_c(option->default_text),
                                        &problem);
        MN_BUG_ON(err); /* a default of our own that does not hold */
    }
    mn_buf_deinit(&problem);
    options->file_from = "";
    return options;
}

void mn_options_free(struct mn_options *options)
{
    if (!options)
        return;
    for (size_t i = 0; i < options->ignored_count; i++) {
        mn_free(options->ignored[i].name);
        mn_free(options->ignored[i].where);
    }
    for (size_t i = 0; i < mn_options_count; i++)
        if (mn_options_table[i].flags & MN_OPTION_SECRET)
            explicit_bzero(mn_option_field(&mn_options_table[i], &options->config),
                           mn_options_table[i].size);
    mn_free(options);
}

enum mn_options_action mn_options_action(const struct mn_options *options)
{
    return options->action;
}

const struct mn_config *mn_options_config(const struct mn_options *options)
{
    return &options->config;
}

bool mn_options_can_reload(const struct mn_options *options)
{
    struct stat st;

    return !options->file[0] || !mn_file_is_inherited(options->file) ||
           (stat(options->file, &st) == 0 && S_ISREG(st.st_mode));
}

bool mn_options_ignored(const struct mn_options *options, size_t index,
                        struct mn_option_ignored *ret)
{
    if (index >= options->ignored_count)
        return false;
    ret->name = options->ignored[index].name ? options->ignored[index].name : "?";
    ret->where = options->ignored[index].where ? options->ignored[index].where : "?";
    ret->why = options->ignored[index].why;
    return true;
}

static void print_value(const struct mn_option *option, const struct mn_config *config, char *out,
                        size_t cap)
{
    struct mn_buf text;
    size_t n;

    if (option->flags & MN_OPTION_SECRET) {
        snprintf(out, cap, "(hidden)");
        return;
    }
    mn_buf_init(&text, MN_CONFIG_LIST);
    mn_option_print(option, config, &text);
    n = text.n < cap ? text.n : cap - 1;
    if (n)
        memcpy(out, text.p, n);
    out[n] = '\0';
    mn_buf_deinit(&text);
}

bool mn_options_change(const struct mn_options *before, const struct mn_options *after, size_t *pos,
                       struct mn_option_change *ret)
{
    while (*pos < mn_options_count) {
        const struct mn_option *option = &mn_options_table[(*pos)++];
        if (mn_option_equal(option, &before->config, &after->config))
            continue;
        ret->name = option->name;
        ret->reloadable = option->flags & MN_OPTION_RELOAD;
        print_value(option, &before->config, ret->before, sizeof ret->before);
        print_value(option, &after->config, ret->after, sizeof ret->after);
        return true;
    }
    return false;
}

void mn_options_keep_fixed(struct mn_options *next, const struct mn_options *running)
{
    for (size_t i = 0; i < mn_options_count; i++) {
        const struct mn_option *option = &mn_options_table[i];
        if (option->flags & MN_OPTION_RELOAD)
            continue;
        memcpy(mn_option_field(option, &next->config), mn_option_value(option, &running->config),
               option->size);
        next->origin[i] = running->origin[i];
    }
}
