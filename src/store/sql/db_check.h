/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_DB_CHECK_H
#define MN_STORE_SQL_DB_CHECK_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
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
    MN_DB_FRIEND
};
typedef void (*mn_db_check_fn)(void *arg, enum mn_db_problem problem, const char *text);

/*
 * What the accounts know of the message log beside them; is_known is false
 * when nothing can be read, which mn_db_check() tells.
 */
void mn_db_check_witness(const char *path, struct mn_witness *ret);

/*
 * Friends who must have a chat in the message log: all but those for whom it
 * is still to be made (t_log_todo).  None when nothing can be read, which
 * mn_db_check() tells.
 */
typedef void (*mn_db_friends_fn)(void *arg, int64_t low, int64_t high);
void mn_db_check_friends(const char *path, mn_db_friends_fn fn, void *arg);

struct mn_db_counts {
    int64_t users, sessions;
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
