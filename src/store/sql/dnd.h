/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_DND_H
#define MN_STORE_SQL_DND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/sql/todo.h"

/*
 * What a user does not want to be disturbed by (t_dnd; H-7.8).  Any worker
 * thread; errors besides those named are those of store/sql/db.h.
 */
struct mn_db;

/* The numbers are the column's. */
enum mn_dnd_kind { MN_DND_PEER = 1, MN_DND_GROUP = 2 };

struct mn_dnd_change {
    int64_t user;
    enum mn_dnd_kind kind;
    int64_t target; /* user or group */
    bool is_muted;
    int64_t now_ms;
    const struct mn_todo *todo; /* what the message log has to do for it; NULL: nothing */
};
MN_MUSTCHECK enum mn_err mn_db_dnd_set(struct mn_db *db, const struct mn_dnd_change *change);

/* Those of a user, at most `limit`, by target; `since_ms`: when it was set.  False ends the walk. */
typedef bool (*mn_dnd_fn)(void *arg, int64_t target, int64_t since_ms);
MN_MUSTCHECK enum mn_err mn_db_dnd(struct mn_db *db, int64_t user, enum mn_dnd_kind kind,
                                   unsigned limit, mn_dnd_fn fn, void *arg);

#endif
