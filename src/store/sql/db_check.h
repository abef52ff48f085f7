/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_DB_CHECK_H
#define MN_STORE_SQL_DB_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/sql/todo.h"
#include "store/witness.h"

/*
 * Checks an accounts database at rest, as it is on disk (`minim verify`).
 * The file is not changed, and what a killed minimd left in its write-ahead
 * log is read too.  The caller sees to it that no minimd has it.
 */
enum mn_db_problem {
    MN_DB_DAMAGED = 1, /* pages, or an index that does not fit its table */
    MN_DB_SCHEMA,      /* a table or index is missing or another than minimd makes */
    MN_DB_USER,
    MN_DB_SESSION,
    MN_DB_CALL,
    MN_DB_FRIEND,
    MN_DB_GROUP,
    MN_DB_MOMENT,
    MN_DB_TODO
};
typedef void (*mn_db_check_fn)(void *arg, enum mn_db_problem problem, const char *text);

/*
 * What the accounts know of the message log beside them; is_known is false
 * when nothing can be read, which mn_db_check() tells.
 */
void mn_db_check_witness(const char *path, struct mn_witness *ret);

/*
 * Who must have a chat in the message log: friends, and who does not want to
 * be disturbed with the other; but for those for whom it is still to be made
 * (t_log_todo).  None when nothing can be read, which mn_db_check() tells.
 */
typedef void (*mn_db_friends_fn)(void *arg, int64_t low, int64_t high);
void mn_db_check_friends(const char *path, mn_db_friends_fn fn, void *arg);

/*
 * What the message log has to do yet, in its order: the next start does it.
 * None when nothing can be read, which mn_db_check() tells.
 */
typedef void (*mn_db_todos_fn)(void *arg, enum mn_todo_kind kind, int64_t a, int64_t b);
void mn_db_check_todos(const char *path, mn_db_todos_fn fn, void *arg);

/* All members of groups, by user and then by group: the order of their rows in the message log. */
struct mn_db_members;
/* Errors as of mn_db_check(), which tells them. */
MN_MUSTCHECK enum mn_err mn_db_members_open(const char *path, struct mn_db_members **ret);
/* NULL is a no-op. */
void mn_db_members_close(struct mn_db_members *members);
/* MN_ENOTFOUND: no more; others: cannot be read on. */
MN_MUSTCHECK enum mn_err mn_db_members_next(struct mn_db_members *members, int64_t *ret_user,
                                            int64_t *ret_group);
/* Whether the message log is still to be told that he joined or left. */
bool mn_db_members_is_left(struct mn_db_members *members, int64_t user, int64_t group);

struct mn_db_counts {
    int64_t users, sessions, groups, members;
};

/*
 * Calls `fn` for everything that is wrong.  MN_ENOTFOUND: there is no such
 * file.  MN_EVERSION: newer, or older and not migrated yet.  MN_ECORRUPT: no
 * database at all, or too damaged to be asked further.  MN_EIO, MN_EPERM.
 * `why` gets a sentence for the operator.
 */
MN_MUSTCHECK enum mn_err mn_db_check(const char *path, mn_db_check_fn fn, void *arg,
                                     struct mn_db_counts *ret_counts, struct mn_buf *why);

#endif
