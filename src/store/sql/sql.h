/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SQL_H
#define MN_STORE_SQL_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Statements and transactions, the same for every driver: what an operation
 * (user.c, session.c) is written with.  docs/relational.md shows how.
 *
 * One thread uses a `use` or a `tx`.  A thread has at most one of them that
 * writes: a write that is not in the transaction at hand would wait for it
 * for ever, and is our bug.
 */
struct mn_db;
struct mn_sql_conn;

/*
 * A statement, one text a dialect: a `static const` in the file of its
 * operation.  Parameters are `?`, in the order in which they are put.
 * SQLite's ON CONFLICT and RETURNING are not MySQL's: either do without
 * (REPLACE INTO is both's), or give two texts.
 */
struct mn_sql {
    const char *sqlite, *mysql;
};
/* The same text for both. */
#define MN_SQL(text)                                                                               \
    {                                                                                              \
        (text), (text)                                                                             \
    }

/* "id IN (" MN_SQL_IDS ")": filled by mn_sql_put_ids(), with any number of ids up to the maximum. */
#define MN_SQL_IDS_MAX 100
#define MN_SQL_TEN_IDS "?,?,?,?,?,?,?,?,?,?"
#define MN_SQL_FIFTY_IDS                                                                           \
    MN_SQL_TEN_IDS "," MN_SQL_TEN_IDS "," MN_SQL_TEN_IDS "," MN_SQL_TEN_IDS "," MN_SQL_TEN_IDS
#define MN_SQL_IDS MN_SQL_FIFTY_IDS "," MN_SQL_FIFTY_IDS

/* ---- one use of a statement ---------------------------------------------- */

/*
 * What is put and asked for after a failure does nothing; mn_sql_end() tells
 * the first one.
 *
 *   struct mn_sql_use use = mn_sql_read(db, &session_of);
 *   mn_sql_put_i64(&use, user);
 *   if (mn_sql_row(&use))
 *       sv = mn_sql_i64(&use, "session_version");
 *   return mn_sql_end(&use);
 */
struct mn_sql_use {
    /* private */
    struct mn_db *db;
    struct mn_sql_conn *conn;
    struct mn_sql_tx *tx; /* NULL: alone */
    const struct mn_sql *sql;
    void *stmt;
    int64_t changes;      /* of the connection when it began */
    unsigned put, column; /* parameters so far; where the next column is looked for */
    enum mn_err err;
    bool is_writing, is_quiet, is_done;
};

/* Alone: sees one moment of the database.  Waits for a connection. */
struct mn_sql_use mn_sql_read(struct mn_db *db, const struct mn_sql *sql);
/* Alone: a transaction of its own, committed by mn_sql_end(). */
struct mn_sql_use mn_sql_write(struct mn_db *db, const struct mn_sql *sql);
/* The same for our own bookkeeping: it says nothing of users' writes (mn_db_writes, _is_writable). */
struct mn_sql_use mn_sql_write_quietly(struct mn_db *db, const struct mn_sql *sql);

void mn_sql_put_i64(struct mn_sql_use *use, int64_t value);
/* The text must stay until mn_sql_end(); an absent one is NULL. */
void mn_sql_put_str(struct mn_sql_use *use, struct mn_str value);
/* The ids of MN_SQL_IDS; `n` <= MN_SQL_IDS_MAX, none match when it is 0. */
void mn_sql_put_ids(struct mn_sql_use *use, const int64_t *ids, size_t n);

/* Runs the statement; true when there is a (further) row. */
bool mn_sql_row(struct mn_sql_use *use);
/*
 * A column of the row by its name (AS for what is no column of a table); no
 * such column is our bug.  Cheapest in the order of the statement.  NULL is 0.
 */
int64_t mn_sql_i64(struct mn_sql_use *use, const char *column);
/* Copies text into p[cap], cut at a character boundary if need be; false (and "") when NULL. */
bool mn_sql_text(struct mn_sql_use *use, const char *column, char *p, size_t cap);

/* Runs the statement to its end and lets go of it.  MN_EEXIST: a unique value is taken. */
MN_MUSTCHECK enum mn_err mn_sql_end(struct mn_sql_use *use);
/* The same; *ret_changes gets the rows that a write changed or found as they should be. */
MN_MUSTCHECK enum mn_err mn_sql_end_changes(struct mn_sql_use *use, int64_t *ret_changes);
/* The same for a read that ends before its first row, or after it: MN_ENOTFOUND if `!found`. */
MN_MUSTCHECK enum mn_err mn_sql_end_found(struct mn_sql_use *use, bool found);

/* ---- several statements in one commit ------------------------------------ */

/*
 *   MN_SQL_TX(tx, db);
 *   while (mn_sql_tx_run(&tx)) {
 *       struct mn_sql_use use = mn_sql_in(&tx, &take_member);
 *       ...
 *       mn_sql_tx_note(&tx, mn_sql_end_changes(&use, &changes));
 *       if (changes == 0)
 *           mn_sql_tx_note(&tx, MN_ENOTFOUND);
 *   }
 *   return mn_sql_tx_end(&tx);
 *
 * Nobody sees anything of it before its commit, which is after the last line
 * of the loop; after a failure (of a statement, or noted by the caller) the
 * rest does nothing and it is rolled back.  The loop's body runs again when
 * the store could not keep it apart from another transaction, so all that it
 * sets it must set anew.  `continue`, `break` and `return` are safe: the
 * first ends the body, the others roll back.
 */
struct mn_sql_tx {
    /* private */
    struct mn_db *db;
    struct mn_sql_conn *conn;
    enum mn_err err;
    int64_t changes; /* of the connection when it began */
    unsigned tries;
    bool is_open, is_over;
};

#define MN_SQL_TX(name, store)                                                                     \
    __attribute__((cleanup(mn_sql_tx_drop))) struct mn_sql_tx name = {.db = (store)}

/* Begins, or ends what was begun; true when the body has to run. */
bool mn_sql_tx_run(struct mn_sql_tx *tx);
/* A statement of the transaction, read or write. */
struct mn_sql_use mn_sql_in(struct mn_sql_tx *tx, const struct mn_sql *sql);
/* Keeps the first error; MN_OK is a no-op. */
void mn_sql_tx_note(struct mn_sql_tx *tx, enum mn_err err);
/* Whether nothing has failed, nor was noted, so far: what was read is true. */
static inline bool mn_sql_tx_is_good(const struct mn_sql_tx *tx) { return tx->err == MN_OK; }
/* After the loop: MN_OK is committed, with anything else nothing has happened. */
MN_MUSTCHECK enum mn_err mn_sql_tx_end(struct mn_sql_tx *tx);
/* Rolls back what is still open; MN_SQL_TX calls it. */
void mn_sql_tx_drop(struct mn_sql_tx *tx);

#endif
