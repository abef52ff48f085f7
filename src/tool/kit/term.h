/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_TERM_H
#define MN_TOOL_KIT_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

/*
 * Text for a terminal: a progress line that is written over, and reports
 * that fit the narrowest terminal that is usual.  Main thread.
 */
#define TERM_COLUMNS 80

/* One line on standard error; at most as long as the terminal is wide. */
struct term_line {
    char text[512];
    size_t n;
    size_t columns;
};

/*
 * Begins a line for the terminal as wide as it is now: what the terminal
 * says, else COLUMNS, else 80.  It is asked for every line, so a window may
 * change its size at any time.
 */
void term_begin(struct term_line *line);
/* Adds a field in whole, or leaves it out where there is no room: the important ones first. */
void term_add(struct term_line *line, const char *fmt, ...) MN_PRINTF(2, 3);
/* Writes it over the line before. */
void term_show(const struct term_line *line);
/* Takes the line away. */
void term_clear(void);

/*
 * Prints lines of text so that none is longer than 80 columns: longer ones
 * are broken at blanks, and go on below where their text began.
 */
void term_print(FILE *out, const char *text);

#endif
