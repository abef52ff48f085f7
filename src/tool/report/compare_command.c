/* SPDX-License-Identifier: Apache-2.0 */
/* `minim bench compare`: arguments, files, output.  Main thread. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tool/report/compare.h"
#include "tool/report/result.h"
#include "tool/tool.h"

static int usage(FILE *out, int code)
{
    fputs("usage: minim bench compare A.json B.json [C.json ...] [--html FILE]\n"
          "       minim bench compare A1.json A2.json ... vs B1.json B2.json ... [vs ...]\n\n"
          "Holds results of one mode against the first one.  With vs every side has several\n"
          "runs, of which the medians are compared, and their spread is the noise.\n\n",
          out);
    opts_help(out, CMD_COMPARE);
    return code;
}

static int fail(const char *why)
{
    fprintf(stderr, "minim bench compare: %s\n", why);
    return TOOL_EXIT_USAGE;
}

/* NULL, or what is wrong with the words. */
static const char *make_sides(struct compare *compare, const struct opts_list *words)
{
    bool versus = false;
    for (size_t i = 0; i < words->count; i++)
        versus = versus || strcmp(words->item[i], "vs") == 0;
    compare->side_count = 1;
    for (size_t i = 0; i < words->count; i++) {
        bool is_word = strcmp(words->item[i], "vs") == 0;
        bool next = is_word || (!versus && i > 0);
        if (next && ++compare->side_count > COMPARE_SIDES_MAX)
            return "more than six sides";
        struct compare_side *side = &compare->side[compare->side_count - 1];
        if (!is_word)
            side->paths[side->count++] = words->item[i];
    }
    for (size_t i = 0; i < compare->side_count; i++) {
        compare->side[i].letter = (char)('A' + i);
        if (compare->side[i].count == 0)
            return "a side without a result";
    }
    return compare->side_count < 2 ? "two results are needed" : NULL;
}

static bool load(struct compare *compare, char *why, size_t cap)
{
    const char *mode = NULL, *path = NULL;
    for (size_t i = 0; i < compare->side_count; i++) {
        struct compare_side *side = &compare->side[i];
        for (size_t k = 0; k < side->count; k++) {
            if (result_load(side->paths[k], &side->docs[k], why, cap) != MN_OK)
                return false;
            const char *own = result_str(side->docs[k], "mode");
            if (mode && strcmp(mode, own) != 0) {
                snprintf(why, cap, "%.80s is of mode %.20s, %.80s of mode %.20s", path, mode,
                         side->paths[k], own);
                return false;
            }
            mode = mode ? mode : own;
            path = path ? path : side->paths[k];
        }
    }
    return true;
}

/* The scenario's name; the file's where those are the same on two sides. */
static void name_sides(struct compare *compare)
{
    bool same = false;
    for (size_t i = 1; i < compare->side_count; i++)
        same = same || strcmp(result_name(compare->side[0].docs[0]),
                              result_name(compare->side[i].docs[0])) == 0;
    for (size_t i = 0; i < compare->side_count; i++) {
        struct compare_side *side = &compare->side[i];
        const char *slash = strrchr(side->paths[0], '/');
        const char *file = slash ? slash + 1 : side->paths[0];
        int n = (int)strcspn(file, ".");
        if (same)
            snprintf(side->name, sizeof side->name, "%.*s", n > 40 ? 40 : n, file);
        else
            snprintf(side->name, sizeof side->name, "%.40s", result_name(side->docs[0]));
    }
}

static void release(struct compare *compare)
{
    for (size_t i = 0; i < COMPARE_SIDES_MAX; i++)
        for (size_t k = 0; k < compare->side[i].count; k++)
            json_decref(compare->side[i].docs[k]);
    mn_free(compare);
}

static int execute(struct compare *compare, const struct opts *opts, struct outputs *outputs)
{
    char why[256];
    const char *bad = make_sides(compare, &opts->words);
    if (bad)
        return fail(bad);
    if (!load(compare, why, sizeof why))
        return fail(why);
    name_sides(compare);
    compare_make(compare);
    if (!outputs_to_stdout(outputs, OUTPUT_HTML))
        compare_text(compare, stdout);
    bool ok = !opts->html || compare_html(compare, outputs);
    return ok ? TOOL_EXIT_OK : TOOL_EXIT_FAILED;
}

int compare_command(int argc, char **argv)
{
    char why[256];
    struct opts opts;
    opts_init(&opts, CMD_COMPARE);
    enum mn_err err = opts_parse(&opts, CMD_COMPARE, argc, argv, why, sizeof why);
    if (err == MN_ENOTFOUND)
        return usage(stdout, TOOL_EXIT_OK);
    if (err)
        return fail(why);
    if (opts.words.count == 0)
        return usage(stderr, TOOL_EXIT_USAGE);
    struct outputs outputs;
    if (outputs_open(&outputs, &opts, why, sizeof why) != MN_OK)
        return fail(why);
    struct compare *compare = mn_new(struct compare);
    int code = execute(compare, &opts, &outputs);
    release(compare);
    outputs_close(&outputs);
    return code;
}
