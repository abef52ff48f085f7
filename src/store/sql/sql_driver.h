/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SQL_DRIVER_H
#define MN_STORE_SQL_SQL_DRIVER_H

#include <stdatomic.h>

#include "base/map.h"
#include "store/sql/db.h"
#include "store/sql/sql.h"

/*
 * The seam between sql.c and a database.  A driver's handle begins with a
 * `struct mn_db`, its connection with a `struct mn_sql_conn`; a statement is
 * a pointer of its own.  Errors are ours; MN_EAGAIN means that the
 * transaction at hand was given up for another one and may be tried again.
 */
struct mn_sql_conn {
    struct mn_map stmts; /* text -> prepared statement; sql.c's */
};

struct mn_sql_driver {
    enum mn_err (*open)(const struct mn_db_config *config, struct mn_db **ret, struct mn_buf *why);
    void (*close)(struct mn_db *db);
    /* Which of the texts is this driver's. */
    const char *(*text)(const struct mn_sql *sql);
    /* A connection of the caller's own until it is given back; waits for one. */
    struct mn_sql_conn *(*take)(struct mn_db *db, bool is_writing);
    void (*give)(struct mn_db *db, struct mn_sql_conn *conn, bool is_writing);
    enum mn_err (*begin)(struct mn_sql_conn *conn);
    enum mn_err (*commit)(struct mn_sql_conn *conn);
    /* Whatever state the transaction is in; none is left. */
    void (*rollback)(struct mn_sql_conn *conn);
    enum mn_err (*prepare)(struct mn_sql_conn *conn, const char *text, void **ret_stmt);
    void (*finalize)(void *stmt);
    /* Parameters count from 1, columns from 0.  Text that is absent is NULL. */
    enum mn_err (*bind_i64)(void *stmt, unsigned index, int64_t value);
    enum mn_err (*bind_text)(void *stmt, unsigned index, struct mn_str value);
    enum mn_err (*step)(void *stmt, bool *ret_row);
    unsigned (*column_count)(void *stmt);
    const char *(*column_name)(void *stmt, unsigned column);
    int64_t (*column_i64)(void *stmt, unsigned column);
    /* Valid until the next step; absent for NULL. */
    struct mn_str (*column_text)(void *stmt, unsigned column);
    /* Ready for another use, without parameters; a step's error once more. */
    enum mn_err (*reset)(void *stmt);
    /* Rows that this connection has changed since it was opened, whether committed or not. */
    int64_t (*changes)(struct mn_sql_conn *conn);
    /* Whether, and where, it met damage since it was asked last; not all errors tell a place. */
    bool (*damage)(struct mn_sql_conn *conn, struct mn_db_damage *ret);
};

struct mn_db {
    const struct mn_sql_driver *driver;
    _Atomic bool is_writable;
    _Atomic uint64_t writes;
    _Atomic bool is_corrupt;
    void (*on_damage)(void *ctx, const struct mn_db_damage *damage);
    void *damage_ctx;
    uint64_t trusted_pages; /* the driver's, at its opening */
};

/* For a driver's close: finalizes what sql.c prepared on the connection. */
void mn_sql_conn_deinit(const struct mn_sql_driver *driver, struct mn_sql_conn *conn);

extern const struct mn_sql_driver mn_sqlite_driver;

/* mn_db_open() with a driver that the caller chose. */
MN_MUSTCHECK enum mn_err mn_db_open_with(const struct mn_sql_driver *driver,
                                         const struct mn_db_config *config, struct mn_db **ret,
                                         struct mn_buf *why);

#endif
