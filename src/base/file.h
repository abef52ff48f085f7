/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_FILE_H
#define MN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Reads a file that an operator named: a regular one, or what the process
 * was given open (/dev/stdin, /dev/fd/N), or /dev/null.  Anything else is
 * refused, as a pipe that nobody writes would hold up its reader for ever.
 *
 * Appends to `text`; `max`: bytes that the file may have.  On failure `why`
 * gets a sentence that names the file.  MN_ELIMIT: larger than `max`;
 * MN_EINVAL: of another kind; else what the system said.  Any thread.
 */
MN_MUSTCHECK enum mn_err mn_file_read(const char *path, size_t max, struct mn_buf *text,
                                      struct mn_buf *why);
/* A path that names what the process was given open: it can be read only once when it is a pipe. */
bool mn_file_is_inherited(const char *path);

#endif
