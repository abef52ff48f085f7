/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_OPTS_TABLE_H
#define MN_TOOL_KIT_OPTS_TABLE_H

#include "tool/kit/opts.h"

/* The table of options behind opts.h: for opts.c, which parses, and opts_help.c, which explains. */

enum opts_kind {
    OPTS_KIND_FLAG = 0,
    OPTS_KIND_U64,
    OPTS_KIND_DOUBLE,
    OPTS_KIND_DURATION,
    OPTS_KIND_BYTES,
    OPTS_KIND_STR,
    OPTS_KIND_LIST,
    OPTS_KIND_ENUM,
    OPTS_KIND_FLAP
};

struct opts_def {
    const char *name;
    enum opts_kind kind;
    unsigned cmds; /* enum opts_cmd */
    size_t offset;
    double min;
    double max;
    const char *arg;   /* shown in the help; of an enum its values, separated by | */
    const char *deflt; /* shown in the help */
    const char *help;
};

/* Commands that take arguments which are no options. */
#define OPTS_WORDS (CMD_COMPARE | CMD_PLOT)

extern const struct opts_def opts_defs[];
extern const size_t opts_def_count;

/* What a value of the option must be, for messages; at `out` (100 bytes or more), which is returned. */
const char *opts_expected(const struct opts_def *def, char *out, size_t cap);
/* The option of `cmd` whose name is nearest to `name`, if it is near; else NULL. */
const struct opts_def *opts_nearest(struct mn_str name, enum opts_cmd cmd);

#endif
