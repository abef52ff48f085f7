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

struct mn_friend_relation {
    int64_t id;
    int64_t user1, user2; /* user1 < user2 */
    int64_t created_ms, updated_ms;
};
/* False ends the walk. */
typedef bool (*mn_friend_relation_fn)(void *arg, const struct mn_friend_relation *relation);

/* Whether the two are friends; nobody is his own. */
MN_MUSTCHECK enum mn_err mn_db_friend_is(struct mn_db *db, int64_t user, int64_t other, bool *ret);
/* Friendships of a user with ids below `before` (INT64_MAX: all), newest first. */
MN_MUSTCHECK enum mn_err mn_db_friends(struct mn_db *db, int64_t user, int64_t before,
                                       unsigned limit, mn_friend_relation_fn fn, void *arg);
/* Greatest id of a friendship or a request, 0 without any (for mn_idgen_raise). */
MN_MUSTCHECK enum mn_err mn_db_max_friend_id(struct mn_db *db, int64_t *ret_id);

#endif
