/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_STD_H
#define MN_BASE_STD_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The standard descriptors as a program inherits them: some may be closed,
 * some may lead to somebody who does not read.
 */

/*
 * Opens /dev/null on whichever of 0, 1 and 2 is closed, so that no file of
 * ours gets such a number and other people's output with it.  First thing
 * in main().
 */
void mn_std_reserve(void);

#define MN_LAST_WORDS_MS 1000 /* the usual wait for them */

/*
 * Writes all of `text`, waiting at most `wait_ms` for room: for the last
 * words of a program, when no thread is left to wait in its place.  On
 * failure errno says why (EAGAIN: no room in time); a part may be written.
 * Any thread.
 */
MN_MUSTCHECK enum mn_err mn_std_write(int fd, struct mn_str text, uint32_t wait_ms);

#endif
