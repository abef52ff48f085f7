/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SQLITE_FILE_H
#define MN_STORE_SQL_SQLITE_FILE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/sql/sqlite_page.h"

/*
 * The accounts file before SQLite opens it with its sums: whether they fit,
 * and how they come into a file that has none.  Descriptors of the file are
 * closed here, which lets go of every lock that this process has on it: not
 * while it is open elsewhere in the process.
 */

/*
 * Makes the file one that mn_sqlite_vfs() can open.  Sums are given to what
 * cannot have fitting ones: a file of before there were sums, or one that
 * another program has written into (sqlite_page.h); the integrity check of
 * SQLite must find nothing in it, what is there is then taken for true, and
 * *ret_trusted gets the number of pages.  MN_ECORRUPT: it is damaged, and
 * unchanged.  `why` gets a sentence then.
 */
MN_MUSTCHECK enum mn_err mn_sqlite_file_prepare(const char *path, uint64_t *ret_trusted,
                                                struct mn_buf *why);

/* What the file is; MN_PAGE_FILE_OTHER when it cannot be read. */
enum mn_page_file mn_sqlite_file_kind(const char *path);
/*
 * Page numbers whose sums do not fit; none with a log or a journal beside it,
 * which may replace them: then SQLite's reads tell.
 */
MN_MUSTCHECK enum mn_err mn_sqlite_file_scan(const char *path, void (*fn)(void *arg, uint32_t page),
                                             void *arg);
/*
 * Whether the write-ahead log, if there is one, ends where it was cut off.
 * MN_ECORRUPT: something before a synced commit does not fit, and SQLite would
 * go back to before it.
 */
MN_MUSTCHECK enum mn_err mn_sqlite_wal_check(const char *path, struct mn_buf *why);
/* Makes names that were made and removed beside the file stay so. */
MN_MUSTCHECK enum mn_err mn_sqlite_file_sync_names(const char *path);

#endif
