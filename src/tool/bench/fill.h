/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_FILL_H
#define MN_TOOL_BENCH_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Writes groups and messages into the stores of a daemon that does not run:
 * what would take hours over HTTP is there in seconds.  Through the stores'
 * own functions, so that what is written is what a daemon would have written.
 * Main thread.  After a failure, which was told, everything is a no-op.
 */
struct fill;

/* `data_dir` of a daemon that was there once.  NULL after a message. */
struct fill *fill_open(const char *data_dir);
/* Waits until everything is on disk, and frees; false: something went wrong.  NULL is a no-op. */
bool fill_close(struct fill *fill);
/* An id that nothing else has; 0 after a failure. */
int64_t fill_id(struct fill *fill);
/* A group of these members; the first is the owner. */
void fill_group(struct fill *fill, int64_t id, const int64_t *uids, uint32_t count);
/* A message of `from` to a user, or to a group that mentions `mentioned` (0: nobody). */
void fill_message(struct fill *fill, int64_t from, int64_t to, struct mn_str body);
void fill_group_message(struct fill *fill, int64_t from, int64_t group, int64_t mentioned,
                        struct mn_str body);

#endif
