/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_FRIEND_H
#define MN_STORE_SQL_FRIEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Who is whose friend (t_friend_relation; H-7.3): a row a pair.  Any worker
 * thread; errors besides those named are those of store/sql/db.h.
 */
struct mn_db;

/* Whether the two are friends; nobody is his own. */
MN_MUSTCHECK enum mn_err mn_db_friend_is(struct mn_db *db, int64_t user, int64_t other, bool *ret);

#endif
