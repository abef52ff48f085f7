/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SQLITE_VFS_H
#define MN_STORE_SQL_SQLITE_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The layer between SQLite and the file system that gives every page its sum
 * when it is written into the file, and checks it, or the frame that it comes
 * from, when it is read (sqlite_page.h).  What does not fit never gets to
 * SQLite: the read fails with SQLITE_IOERR_DATA.
 */

/* For sqlite3_open_v2(); made known to SQLite by the first call.  Any thread. */
const char *mn_sqlite_vfs(void);

/* Of one connection, in whose thread it changes. */
struct mn_sqlite_watch {
    uint32_t page;  /* the first that did not fit; 0: all did.  The reader sets it back */
    uint32_t frame; /* the first frame of the write-ahead log, from 1; the same */
    /*
     * Only this connection may take the log into the file, from its first
     * checkpoint on: another program that did would leave pages without
     * sums.
     */
    bool keeps_checkpoints;
};
/* From now on `watch`, which must outlive the connection, is told. */
void mn_sqlite_watch(sqlite3 *raw, struct mn_sqlite_watch *watch);

#endif
