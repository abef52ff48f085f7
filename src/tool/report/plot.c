/* SPDX-License-Identifier: Apache-2.0 */
/* `minim bench plot`: page and pictures of a recorded result.  Main thread. */
#include <stdio.h>
#include <string.h>

#include "tool/kit/opts.h"
#include "tool/kit/outputs.h"
#include "tool/report/report_html.h"
#include "tool/report/result.h"
#include "tool/tool.h"

static int usage(FILE *out, int code)
{
    fputs("usage: minim bench plot RESULT.json [--html FILE] [--svg DIR]\n\n"
          "Draws the charts of a result that was written with --json.\n\n",
          out);
    opts_help(out, CMD_PLOT);
    return code;
}

static int fail(const char *why)
{
    fprintf(stderr, "minim bench plot: %s\n", why);
    return TOOL_EXIT_USAGE;
}

int plot_command(int argc, char **argv)
{
    char why[256];
    struct opts opts;
    json_t *doc = NULL;
    opts_init(&opts, CMD_PLOT);
    enum mn_err err = opts_parse(&opts, CMD_PLOT, argc, argv, why, sizeof why);
    if (err == MN_ENOTFOUND)
        return usage(stdout, TOOL_EXIT_OK);
    if (err)
        return fail(why);
    if (opts.words.count != 1)
        return fail("expected one result, RESULT.json");
    if (!opts.html && !opts.svg)
        return fail("nothing to write: --html FILE, --svg DIR, or both, are missing");
    struct outputs outputs;
    if (outputs_open(&outputs, &opts, why, sizeof why) != MN_OK)
        return fail(why);
    if (result_load(opts.words.item[0], &doc, why, sizeof why) != MN_OK) {
        outputs_close(&outputs);
        return fail(why);
    }
    bool ok = !opts.html || report_html(doc, &outputs);
    ok = ok && (!opts.svg || report_svg(doc, opts.svg));
    json_decref(doc);
    outputs_close(&outputs);
    return ok ? TOOL_EXIT_OK : TOOL_EXIT_FAILED;
}
