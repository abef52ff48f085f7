/* SPDX-License-Identifier: Apache-2.0 */
/* minim: the companion of minimd.  One table of commands; each has a file of its own. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tool/tool.h"

static int show_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("minim " MN_VERSION);
    return MN_TOOL_EXIT_OK;
}

static const struct {
    const char *name;
    mn_tool_run_fn run;
    const char *help;
} commands[] = {
    {"smoke", mn_tool_smoke, "does a running server do what it should? scenarios, seconds"},
    {"bench", mn_tool_bench, "how fast, how many, and is anything lost?"},
    {"verify", mn_tool_verify, "is a store, at rest or behind a server, whole and consistent?"},
    {"version", show_version, "version of this program"},
};

static int usage(FILE *out, int code)
{
    fputs("usage: minim COMMAND [options]\n\ncommands:\n", out);
    for (size_t i = 0; i < MN_ARRAY_LEN(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n`minim COMMAND --help` explains a command.\n", out);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, MN_TOOL_EXIT_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout, MN_TOOL_EXIT_OK);
    if (strcmp(argv[1], "--version") == 0)
        return show_version(argc, argv);
    for (size_t i = 0; i < MN_ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "minim: no such command \"%.60s\"\n", argv[1]);
    return usage(stderr, MN_TOOL_EXIT_USAGE);
}
