/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_LINEQ_H
#define MN_BASE_LINEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Lines for a descriptor that may block (a pipe nobody reads, a stopped
 * terminal, a disk that hangs): a thread of the queue's own writes them, so
 * that whoever adds a line never waits.  What finds no room, or cannot be
 * written, is lost and counted.  The descriptor's flags stay as they are:
 * O_NONBLOCK would be its other owners' too.
 */
struct mn_lineq;

/*
 * `fd` stays the caller's.  `cap`: bytes that may wait.  `told` makes the
 * line that is written once writing works again after lines were lost, at
 * most `size` bytes; NULL: none.  It runs on the queue's thread.
 * On failure no thread could be started, and errno says why.
 */
typedef size_t mn_lineq_told_fn(void *ctx, uint64_t lost, char *ret_line, size_t size);
MN_MUSTCHECK enum mn_err mn_lineq_new(int fd, size_t cap, mn_lineq_told_fn *told, void *ctx,
                                      struct mn_lineq **ret);
/* The whole line or nothing; false: lost, and counted.  Any thread, never waits for the descriptor. */
bool mn_lineq_add(struct mn_lineq *q, struct mn_str line);
/* Lines lost since the start.  Any thread. */
uint64_t mn_lineq_lost(const struct mn_lineq *q);
/* Why the last write failed, an errno value; 0: none failed.  Any thread. */
int mn_lineq_error(const struct mn_lineq *q);
/* Waits until everything is written (or lost), at most `wait_ms`. False: not all of it. */
bool mn_lineq_flush(struct mn_lineq *q, uint32_t wait_ms);
/*
 * Writes what waits, at most for `wait_ms`, and frees the queue.  A thread
 * that is still stuck in a write then keeps its memory, to the process's
 * end.  No line may be added any more.  NULL: nothing happens.
 */
void mn_lineq_free(struct mn_lineq *q, uint32_t wait_ms);

#endif
