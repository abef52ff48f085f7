/* SPDX-License-Identifier: Apache-2.0 */
/* `minim bench plot`: page and pictures of a recorded result.  Main thread. */
#include <stdio.h>
#include <string.h>

#include "tool/kit/opts.h"
#include "tool/report/report_html.h"
#include "tool/report/result.h"
#include "tool/tool.h"

static int usage(FILE *out, int code)
{
    fputs("usage: minim bench plot RESULT.json [--html FILE] [--svg DIR]\n\n"
          "Draws the charts of a result that was written with --json.\n\n",
          out);
    mn_opts_help(out, MN_CMD_PLOT);
    return code;
}

static int fail(const char *why)
{
    fprintf(stderr, "minim bench plot: %s\n", why);
    return MN_TOOL_EXIT_USAGE;
}

int mn_tool_plot(int argc, char **argv)
{
    char why[256];
    struct mn_opts opts;
    json_t *doc = NULL;
    mn_opts_init(&opts, MN_CMD_PLOT);
    enum mn_err err = mn_opts_parse(&opts, MN_CMD_PLOT, argc, argv, why, sizeof why);
    if (err == MN_ENOTFOUND)
        return usage(stdout, MN_TOOL_EXIT_OK);
    if (err)
        return fail(why);
    if (opts.words.count != 1 || (!opts.html && !opts.svg))
        return usage(stderr, MN_TOOL_EXIT_USAGE);
    if (mn_result_load(opts.words.item[0], &doc, why, sizeof why) != MN_OK)
        return fail(why);
    bool ok = !opts.html || mn_report_html(doc, opts.html);
    ok = ok && (!opts.svg || mn_report_svg(doc, opts.svg));
    json_decref(doc);
    return ok ? MN_TOOL_EXIT_OK : MN_TOOL_EXIT_FAILED;
}
