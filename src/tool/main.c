/* SPDX-License-Identifier: Apache-2.0 */
/* minim: the companion of minimd.  One table of commands; each has a file of its own. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/std.h"
#include "tool/tool.h"

static int show_version(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "minim version: %.60s: unexpected argument\n", argv[1]);
        return TOOL_EXIT_USAGE;
    }
    puts("minim " MN_VERSION);
    return TOOL_EXIT_OK;
}

static int version_command(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("usage: minim version");
        return TOOL_EXIT_OK;
    }
    return show_version(argc, argv);
}

static const struct {
    const char *name;
    tool_command_fn run;
    const char *help;
} commands[] = {
    {"smoke", smoke_command, "does a running server do what it should? scenarios, seconds"},
    {"bench", bench_command, "how fast, how many, and is anything lost?"},
    {"verify", verify_command, "is a store, at rest or behind a server, whole and consistent?"},
    {"version", version_command, "version of this program"},
};

static int usage(FILE *out, int code)
{
    fputs("usage: minim COMMAND [options]\n\ncommands:\n", out);
    for (size_t i = 0; i < MN_ARRAY_LEN(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n`minim COMMAND --help` explains a command.\n", out);
    return code;
}

/* A result that did not reach its reader is none. */
static int end(int code)
{
    errno = 0;
    bool failed = ferror(stdout);
    failed = fflush(stdout) != 0 || failed;
    if (!failed)
        return code;
    fprintf(stderr, "minim: standard output: %s\n",
            errno ? strerror(errno) : "could not be written to");
    return code == TOOL_EXIT_OK ? TOOL_EXIT_FAILED : code;
}

static int run(int argc, char **argv);

/* "help COMMAND ..." is "COMMAND ... --help". */
static int help(int argc, char **argv)
{
    static char option[] = "--help";
    for (int i = 1; i + 1 < argc; i++)
        argv[i] = argv[i + 1];
    argv[argc - 1] = option;
    return run(argc, argv);
}

static int run(int argc, char **argv)
{
    mn_std_reserve();
    if (argc < 2)
        return usage(stderr, TOOL_EXIT_USAGE);
    if (strcmp(argv[1], "help") == 0)
        return help(argc, argv);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout, TOOL_EXIT_OK);
    if (strcmp(argv[1], "--version") == 0)
        return show_version(argc - 1, argv + 1);
    for (size_t i = 0; i < MN_ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "minim: no such command \"%.60s\"\n", argv[1]);
    return usage(stderr, TOOL_EXIT_USAGE);
}

int main(int argc, char **argv)
{
    mn_std_reserve();
    return end(run(argc, argv));
}
