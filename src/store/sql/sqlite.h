/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SQLITE_H
#define MN_STORE_SQL_SQLITE_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What the files of the SQLite driver share; for nobody else. */

/* SQLite's result code as ours. */
enum mn_err mn_sqlite_err(int code);

/* What is behind an error for the operator: the system's own words where it has some. */
const char *mn_sqlite_cause(sqlite3 *raw, enum mn_err err);

/* First column of the only row of a query without parameters; without a row *ret stays. */
MN_MUSTCHECK enum mn_err mn_sqlite_ask(sqlite3 *raw, const char *sql, int64_t *ret);

/* Refuses a newer schema without touching it. */
MN_MUSTCHECK enum mn_err mn_sqlite_schema_check(sqlite3 *raw, const char *path, struct mn_buf *why);
/* Applies the steps that are missing. */
MN_MUSTCHECK enum mn_err mn_sqlite_schema_update(sqlite3 *raw, const char *path,
                                                 struct mn_buf *why);

/* Opens a database that nobody has, so that nothing is changed or made beside it.  The caller closes *ret, on errors too. */
MN_MUSTCHECK enum mn_err mn_sqlite_open_at_rest(const char *path, sqlite3 **ret,
                                                struct mn_buf *why);

#endif
