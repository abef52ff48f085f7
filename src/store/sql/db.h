/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_DB_H
#define MN_STORE_SQL_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/witness.h"

/*
 * The relational store (H-8) as a whole: what is in it stands in one file a
 * subject beside this one (user.h, session.h), written with sql.h.  SQLite
 * today; sql_driver.h is the seam for a second driver.
 *
 * Every call blocks: workers only, never a loop thread.  Any number of
 * threads may call at once: reads each borrow a connection of their own,
 * writes are serialised.  A write that returned MN_OK is on disk.
 *
 * Besides what a function names: MN_EIO, MN_ENOSPC, MN_ECORRUPT, MN_EBUSY
 * (another process held the file longer than busy_timeout_ms), MN_ENOMEM.
 */
struct mn_db;

/* What could not be read as it had been written. */
struct mn_db_damage {
    const char *reading; /* the statement, without its values */
    uint32_t page;       /* of the file, from 1; 0: not of a page, or not known */
    uint32_t frame;      /* of the write-ahead log, the same */
};

struct mn_db_config {
    char path[4096];          /* SQLite file; created with mode 0600 if missing */
    unsigned readers;         /* connections for reading: as many as there are worker threads */
    uint32_t busy_timeout_ms; /* how long another process may hold the file */
    bool sync;                /* false only for tests */
    /* Damage was met (MN_ECORRUPT): in the thread that met it.  May be NULL. */
    void (*on_damage)(void *ctx, const struct mn_db_damage *damage);
    void *damage_ctx;
};

/*
 * Opens, checks, and brings the schema up to date.  MN_EVERSION: written by
 * a newer minimd, untouched; MN_ECORRUPT.  `why` gets a sentence for the
 * operator: what is wrong and what to do.
 */
MN_MUSTCHECK enum mn_err mn_db_open(const struct mn_db_config *config, struct mn_db **ret,
                                    struct mn_buf *why);
/* All callers must be gone.  NULL is a no-op. */
void mn_db_close(struct mn_db *db);
/* False after a failed write until one changes something: for /readyz.  Any thread, never blocks. */
bool mn_db_is_writable(const struct mn_db *db);
/* True from the first damage that was met on: for /readyz.  Any thread, never blocks. */
bool mn_db_is_corrupt(const struct mn_db *db);
/*
 * Pages that were taken for true when it was opened, as they had no sums or
 * another program had written into the file (docs/decisions/0027); 0 as a rule.
 */
uint64_t mn_db_trusted_pages(const struct mn_db *db);
/* Writes and commits a little row, so that mn_db_is_writable() tells the present. */
MN_MUSTCHECK enum mn_err mn_db_probe(struct mn_db *db);

/* Writes that succeeded since the open: whether something changed.  Any thread, never blocks. */
uint64_t mn_db_writes(const struct mn_db *db);
/* What the accounts know of the message log; is_known is false at first. */
MN_MUSTCHECK enum mn_err mn_db_witness(struct mn_db *db, struct mn_witness *ret);
MN_MUSTCHECK enum mn_err mn_db_witness_put(struct mn_db *db, const struct mn_witness *witness);

#endif
