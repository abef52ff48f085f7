/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_WITNESS_H
#define MN_STORE_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * The two halves of the data directory, accounts (minim.db) and message log
 * (messages/), know of each other, so that one that is gone, cut, foreign or
 * older than the other is missed and refused.
 *
 *   accounts  hold a struct mn_witness: the message log as it was last seen
 *   log       holds the accounts' generation, as it was last seen
 *
 * Each says only what was on disk in the other half before it was written
 * down.  So a loss of power, at any time, never makes one of them wrong.
 * They are renewed at most once a second and at shutdown: what was lost must
 * be more than the last second before a crash to be missed.
 */
#define MN_STORE_ID_HEX 32

struct mn_witness {
    bool is_known; /* false: the accounts never saw a message log */
    char store_id[MN_STORE_ID_HEX + 1];
    uint64_t generation;               /* of the accounts: grows when they change */
    uint64_t reach;                    /* writes that the log had committed */
    uint64_t manifest, manifest_bytes; /* number and synced length of its table of contents */
};

/* A message log, as it is. */
struct mn_log_end {
    char store_id[MN_STORE_ID_HEX + 1];
    uint64_t reach;
    uint64_t generation; /* of the accounts that it saw; 0: none */
};

/* Before anything is opened.  MN_ECORRUPT: a message log whose accounts are gone. */
MN_MUSTCHECK enum mn_err mn_witness_check_accounts(const char *db_path, const char *log_dir,
                                                   struct mn_buf *why);
/* Before the log is opened, which may throw away what it does not know.  MN_ECORRUPT. */
MN_MUSTCHECK enum mn_err mn_witness_check_files(const struct mn_witness *witness,
                                                const char *log_dir, struct mn_buf *why);
/* With the log open.  MN_ECORRUPT. */
MN_MUSTCHECK enum mn_err mn_witness_check_log(const struct mn_witness *witness,
                                              const struct mn_log_end *end, const char *log_dir,
                                              struct mn_buf *why);

/* ---- keeping it up to date ---- */

struct mn_db;
struct mn_msglog;
struct mn_witness_keeper;

/*
 * Begins once both halves are open, with a thread of its own.  What cannot
 * be written (a full disk) is tried again every `look_ms`.  Both must outlive it.
 */
struct mn_witness_keeper *mn_witness_keep(struct mn_db *db, struct mn_msglog *log,
                                          const char *log_dir, uint32_t look_ms);
/* Looks a last time at the accounts; before the log is closed.  NULL is a no-op, here and below. */
void mn_witness_stop(struct mn_witness_keeper *keeper);
/* Writes down where the closed log ended, and frees. */
void mn_witness_end(struct mn_witness_keeper *keeper, uint64_t reach);

#endif
