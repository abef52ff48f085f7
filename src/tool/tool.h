/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_TOOL_H
#define MN_TOOL_TOOL_H

/* What every `minim` command shares: exit codes and the table of commands. */

/* Exit codes of tools.md 1.6. */
enum mn_tool_exit {
    MN_TOOL_EXIT_OK = 0,
    MN_TOOL_EXIT_FAILED = 1, /* a scenario failed, a gate was missed, or the run was impossible */
    MN_TOOL_EXIT_USAGE = 2   /* bad arguments; verify: the store cannot be opened */
};

/* argv[0] is the command's own name; returns an enum mn_tool_exit. */
typedef int (*mn_tool_run_fn)(int argc, char **argv);

int mn_tool_smoke(int argc, char **argv);
int mn_tool_bench(int argc, char **argv);
int mn_tool_verify(int argc, char **argv);
/* minim bench NAME: argv[0] is NAME. */
int mn_tool_plot(int argc, char **argv);
int mn_tool_floor(int argc, char **argv);
int mn_tool_compare(int argc, char **argv);

#endif
