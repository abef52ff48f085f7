/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_TOOL_H
#define MN_TOOL_TOOL_H

/* What every `minim` command shares: exit codes and the table of commands. */

/* Exit codes of docs/bench.md */
enum tool_exit {
    TOOL_EXIT_OK = 0,
    TOOL_EXIT_FAILED = 1, /* a scenario failed, a gate was missed, or the run was impossible */
    TOOL_EXIT_USAGE = 2   /* bad arguments; verify: the store cannot be opened */
};

/* argv[0] is the command's own name; returns an enum tool_exit. */
typedef int (*tool_command_fn)(int argc, char **argv);

int smoke_command(int argc, char **argv);
int bench_command(int argc, char **argv);
int verify_command(int argc, char **argv);
/* minim bench NAME: argv[0] is NAME. */
int plot_command(int argc, char **argv);
int floor_command(int argc, char **argv);
int compare_command(int argc, char **argv);

#endif
