/* SPDX-License-Identifier: Apache-2.0 */
/* Do not disturb: t_dnd.  Contracts are in dnd.h.  Any worker thread; silent. */
#include "store/sql/dnd.h"

#include "store/sql/sql.h"

static const struct mn_sql put = MN_SQL(
    "REPLACE INTO t_dnd(user_id, kind, target_id, created_at) VALUES (?, ?, ?, ?)");
static const struct mn_sql drop = MN_SQL(
    "DELETE FROM t_dnd WHERE user_id = ? AND kind = ? AND target_id = ?");
static const struct mn_sql page = MN_SQL("SELECT target_id, created_at FROM t_dnd WHERE user_id = ?"
                                         " AND kind = ? ORDER BY target_id LIMIT ?");

enum mn_err mn_db_dnd_set(struct mn_db *db, const struct mn_dnd_change *change)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        struct mn_sql_use use = mn_sql_in(&tx, change->is_muted ? &put : &drop);
        mn_sql_put_i64(&use, change->user);
        mn_sql_put_i64(&use, change->kind);
        mn_sql_put_i64(&use, change->target);
        if (change->is_muted)
            mn_sql_put_i64(&use, change->now_ms);
        mn_sql_tx_note(&tx, mn_sql_end(&use));
        if (change->todo)
            mn_db_todo_add(&tx, change->todo);
    }
    return mn_sql_tx_end(&tx);
}

enum mn_err mn_db_dnd(struct mn_db *db, int64_t user, enum mn_dnd_kind kind, unsigned limit,
                      mn_dnd_fn fn, void *arg)
{
    struct mn_sql_use use = mn_sql_read(db, &page);
    mn_sql_put_i64(&use, user);
    mn_sql_put_i64(&use, kind);
    mn_sql_put_i64(&use, limit);
    while (mn_sql_row(&use)) {
        int64_t target = mn_sql_i64(&use, "target_id");
        if (!fn(arg, target, mn_sql_i64(&use, "created_at")))
            return mn_sql_end_found(&use, true);
    }
    return mn_sql_end(&use);
}
