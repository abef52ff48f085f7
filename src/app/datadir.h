/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_DATADIR_H
#define MN_APP_DATADIR_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The directory of everything embedded: made with mode 0700 if missing,
 * and locked for one minimd at a time.  Main thread, at start.
 */
struct mn_datadir {
    int lock_fd; /* -1: not open; the lock goes with it, also when the process is killed */
};

/*
 * MN_ELOCKED: another minimd has it.  MN_EIO, MN_EPERM, MN_ENOSPC: cannot be
 * made or written.  `why` gets a sentence for the operator.
 */
MN_MUSTCHECK enum mn_err mn_datadir_open(struct mn_datadir *dir, const char *path,
                                         struct mn_buf *why);
void mn_datadir_close(struct mn_datadir *dir);
/*
 * The secret that signs tokens, kept in <path>/jwt-secret (mode 0600): read,
 * or made from random bytes at the first start.  NUL-terminated text of at
 * least 32 bytes into `out`.  MN_ECORRUPT: the file is too short or too long.
 */
MN_MUSTCHECK enum mn_err mn_datadir_secret(const char *path, char *out, size_t cap,
                                           struct mn_buf *why);
/*
 * The mode of a file in the directory (of itself for "."), if it has one of
 * the bits in `mask`; else 0, also when it is not there.
 */
unsigned mn_datadir_exposed(const char *path, const char *name, unsigned mask);

#endif
