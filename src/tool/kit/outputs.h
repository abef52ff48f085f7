/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_OUTPUTS_H
#define MN_TOOL_KIT_OUTPUTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "tool/kit/opts.h"

/*
 * The files that a command writes its result to (--json, --html, --junit,
 * --svg).  They are opened before the work: an hour's result is not lost to a
 * wrong path.  What a file held stays until there is something to put into it.
 * Owner: the main thread.
 */
enum output_kind { OUTPUT_JSON = 0, OUTPUT_HTML, OUTPUT_JUNIT, OUTPUT_COUNT };

struct outputs {
    struct {
        const char *path; /* the caller's; NULL: not asked for */
        int fd;
        bool created; /* by us: taken away again if nothing is written */
        bool written;
    } file[OUTPUT_COUNT];
};

/*
 * Opens those that `opts` names; "-" is standard output, for one of them.
 * MN_EINVAL, with `why` (200 bytes or more): a path that cannot be written,
 * is named twice, or is a file that the command reads.
 */
MN_MUSTCHECK enum mn_err outputs_open(struct outputs *outputs, const struct opts *opts, char *why,
                                      size_t why_cap);
/* Closes; a file that was made and not written to is removed.  Zeroed memory is fine. */
void outputs_close(struct outputs *outputs);

bool outputs_has(const struct outputs *outputs, enum output_kind kind);
/* Whether it goes to standard output, where nothing else is to be printed then. */
bool outputs_to_stdout(const struct outputs *outputs, enum output_kind kind);
/*
 * Replaces what the file held by `n` bytes; false, after a message on
 * standard error, when they are not all there.
 */
bool outputs_write(struct outputs *outputs, enum output_kind kind, const char *p, size_t n);
/* The same with a document, as json_dumps() prints it with `flags`, and a line feed. */
bool outputs_write_json(struct outputs *outputs, const json_t *doc, size_t flags);

#endif
