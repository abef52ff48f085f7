/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_TODO_H
#define MN_STORE_SQL_TODO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * What the message log has to do for a transaction that is committed here
 * (t_log_todo; docs/decisions/0028): a row comes with the transaction, and
 * goes when the log has done it.  im/log_todo.h is what does it.
 */
struct mn_db;
struct mn_sql_tx;

/* The numbers are the column's. */
enum mn_todo_kind {
    MN_TODO_CHAT = 1, /* users a < b have a chat */
    MN_TODO_JOIN,     /* user b is a member of group a */
    MN_TODO_LEAVE     /* ... and no longer */
};

struct mn_todo {
    int64_t id; /* of one `a`, they are done in this order */
    enum mn_todo_kind kind;
    int64_t a, b;
    int64_t created_ms; /* Unix: when it was so */
};

/* Adds it to the transaction, which gets the error. */
void mn_db_todo_add(struct mn_sql_tx *tx, const struct mn_todo *todo);
/* Those of one `a` (0: all) behind `after`, in their order, at most `cap`.  Any worker thread. */
MN_MUSTCHECK enum mn_err mn_db_todos(struct mn_db *db, int64_t a, int64_t after,
                                     struct mn_todo *ret, size_t cap, size_t *ret_count);
/* It is done. */
MN_MUSTCHECK enum mn_err mn_db_todo_done(struct mn_db *db, int64_t id);
/* Greatest id, 0 without any (for mn_idgen_raise). */
MN_MUSTCHECK enum mn_err mn_db_max_todo_id(struct mn_db *db, int64_t *ret_id);

#endif
