/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_POWER_H
#define TESTS_SUPPORT_POWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rand.h"

/*
 * Power cuts.  A test executable that is linked with support/power*.c has
 * its own open(), write(), fsync(), rename() and their kin, which RocksDB
 * and SQLite call too.  While a folder is recorded they note every change
 * below it and every sync.  Afterwards the folder can be made again as a
 * disk may have it that lost its power at any position of the trace: what
 * was synced by then, and an arbitrary part of the rest.  One recorded run
 * is good for any number of cuts.
 *
 * What counts as synced: a file's bytes and length when fsync() or
 * fdatasync() of it was called after they were written and has returned;
 * a name when the same holds for its folder.  sync_file_range() promises
 * nothing.  What was not synced may be lost by sectors of 512 bytes, in any
 * order; lengths may be kept without bytes (zeros) and the other way round; new
 * names in the order in which they were made.
 *
 * Syncs do nothing real while the test has them "free" or records.
 */
struct power_trace;

/* Whether syncs of this process return at once (tests that care for the disk leave it off). */
void power_set_free_syncs(bool free_syncs);

/* Begins: what `root` (an absolute path, at most one folder deep below) holds now is on the disk. */
void power_record(const char *root);
/* Position in the trace at hand: what was written or synced before is below it. Any thread. */
size_t power_now(void);
/* Writes below `root` fail with ENOSPC while it is set. */
void power_set_full(bool full);
/* Ends; all files below `root` must have been closed. The caller frees. */
struct power_trace *power_stop(void);
void power_trace_free(struct power_trace *trace);

size_t power_length(const struct power_trace *trace);
/* First position at or behind `from` that follows a sync; the length when there is none. */
size_t power_next_sync(const struct power_trace *trace, size_t from);
/*
 * Whether the trace, with everything kept, is what `root` holds now: nothing
 * was written behind its back.  `ret_what` gets the first file that differs.
 */
bool power_is_whole(const struct power_trace *trace, char *ret_what, size_t cap);

/* A disk that lives through a trace; positions only grow. */
struct power_disk;
struct power_disk *power_disk_new(const struct power_trace *trace);
void power_disk_free(struct power_disk *disk);
void power_disk_advance(struct power_disk *disk, size_t position);
/* All that was written so far is on the disk, synced or not: what a killed process leaves. */
void power_disk_settle(struct power_disk *disk);
/* Makes `dir` (which must not exist) as the disk may have it after a power cut now. */
void power_disk_write(const struct power_disk *disk, struct mn_rng *rng, const char *dir);

/* Removes a folder with all that is in it. */
void power_remove(const char *dir);

#endif
