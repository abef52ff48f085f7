/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_APP_SUPPORT_H
#define MN_TESTS_UNIT_APP_SUPPORT_H

#include <stddef.h>

#include "app/options_impl.h"

/* A reading for tests: arguments and environment as one text each, separated by blanks. */
struct reading {
    struct mn_options *options;
    enum mn_err err;
    char why[8192]; /* what mn_options_read() said, NUL-terminated */
    char *text[2];  /* copies that argv and envp point into */
};

void reading_init(struct reading *r, const char *args, const char *env);
void reading_deinit(struct reading *r);
/* Reads, expects success, and gives the configuration. */
const struct mn_config *reading_good(struct reading *r, const char *args, const char *env);
/* Reads, expects the very text of `why`. */
void assert_mistakes(const char *args, const char *env, const char *why);

/* A file under /tmp with the text; the path goes to `path`. */
void temp_file(char path[64], const char *text);

#endif
