/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_OPTIONS_H
#define MN_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "app/config.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * Options: one table (options_table.c) that parses, checks, prints, documents
 * and compares.  Sources, later wins: defaults, the file of --config (or of
 * MINIM_CONFIG), environment, command line.  Reading has no side effects
 * beyond reading files that options name.  Main thread.
 */
struct mn_options;

/* What the command line asks for. All but RUN: mn_options_print(), then exit 0. */
enum mn_options_action {
    MN_OPTIONS_RUN = 0,
    MN_OPTIONS_HELP,
    MN_OPTIONS_VERSION,
    MN_OPTIONS_CHECK,
    MN_OPTIONS_PRINT,
    MN_OPTIONS_DOC_MARKDOWN,
    MN_OPTIONS_DOC_SAMPLE,
    MN_OPTIONS_DOC_ENDPOINTS
};

struct mn_options *mn_options_new(void);
void mn_options_free(struct mn_options *options);

/*
 * Reads all sources.  MN_EINVAL: `why` has one line for each mistake (where
 * it is, what was given, what was expected; never a secret), and the program
 * should print it and exit with 2.  Call once on a fresh object; a reload
 * reads into another one, with the same arguments.
 */
MN_MUSTCHECK enum mn_err mn_options_read(struct mn_options *options, int argc, char *const *argv,
                                         char *const *envp, struct mn_buf *why);
enum mn_options_action mn_options_action(const struct mn_options *options);
/* Lives as long as the options. */
const struct mn_config *mn_options_config(const struct mn_options *options);
/* False: the file came through a pipe that was given open, and is read up. */
bool mn_options_can_reload(const struct mn_options *options);
/* What the action asks for: help, version, the values, or a generated document. */
enum mn_err mn_options_print(const struct mn_options *options, struct mn_buf *out);

/*
 * Settings that were accepted and have no effect: mini-im's properties that
 * minim has no use for, and unknown IM_* variables.  False: no more.
 */
struct mn_option_ignored {
    const char *name;
    const char *where; /* "minim.conf:12", "environment", "command line" */
    const char *why;
};
bool mn_options_ignored(const struct mn_options *options, size_t index,
                        struct mn_option_ignored *ret);

/* Whether the C library knows the zone that TZ may name: else it silently takes UTC. */
bool mn_options_is_zone(const char *tz);

/*
 * Differences between two readings: start with *pos = 0, ends with false.
 * The texts are valid until `ret` is used again; secrets read "(hidden)".
 */
struct mn_option_change {
    const char *name;
    bool reloadable; /* false: takes effect at the next start */
    char before[256], after[256];
};
bool mn_options_change(const struct mn_options *before, const struct mn_options *after, size_t *pos,
                       struct mn_option_change *ret);
/*
 * Sets what needs a restart back to what it is in `running`, so that `next`
 * says what really is in force.
 */
void mn_options_keep_fixed(struct mn_options *next, const struct mn_options *running);

#endif
