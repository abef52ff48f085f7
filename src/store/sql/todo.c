/* SPDX-License-Identifier: Apache-2.0 */
/* What the message log has to do yet: t_log_todo.  Contracts are in todo.h.  Silent. */
#include "store/sql/todo.h"

#include "store/sql/sql.h"

static const struct mn_sql insert = MN_SQL(
    "INSERT INTO t_log_todo(id, kind, a, b, created_at) VALUES (?, ?, ?, ?, ?)");

#define SELECT "SELECT id, kind, a, b, created_at FROM t_log_todo WHERE id > ?"
static const struct mn_sql all = MN_SQL(SELECT " ORDER BY id LIMIT ?");
static const struct mn_sql of_one = MN_SQL(SELECT " AND a = ? ORDER BY id LIMIT ?");

static const struct mn_sql done = MN_SQL("DELETE FROM t_log_todo WHERE id = ?");

static const struct mn_sql max_id = MN_SQL("SELECT coalesce(max(id), 0) AS id FROM t_log_todo");

void mn_db_todo_add(struct mn_sql_tx *tx, const struct mn_todo *todo)
{
    struct mn_sql_use use = mn_sql_in(tx, &insert);
    mn_sql_put_i64(&use, todo->id);
    mn_sql_put_i64(&use, todo->kind);
    mn_sql_put_i64(&use, todo->a);
    mn_sql_put_i64(&use, todo->b);
    mn_sql_put_i64(&use, todo->created_ms);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

enum mn_err mn_db_todos(struct mn_db *db, int64_t a, int64_t after, struct mn_todo *ret, size_t cap,
                        size_t *ret_count)
{
    size_t count = 0;
    struct mn_sql_use use = mn_sql_read(db, a ? &of_one : &all);
    mn_sql_put_i64(&use, after);
    if (a)
        mn_sql_put_i64(&use, a);
    mn_sql_put_i64(&use, (int64_t)cap);
    while (count < cap && mn_sql_row(&use)) {
        ret[count].id = mn_sql_i64(&use, "id");
        ret[count].kind = (enum mn_todo_kind)mn_sql_i64(&use, "kind");
        ret[count].a = mn_sql_i64(&use, "a");
        ret[count].b = mn_sql_i64(&use, "b");
        ret[count].created_ms = mn_sql_i64(&use, "created_at");
        count++;
    }
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_count = count;
    return err;
}

enum mn_err mn_db_todo_done(struct mn_db *db, int64_t id)
{
    struct mn_sql_use use = mn_sql_write_quietly(db, &done);
    mn_sql_put_i64(&use, id);
    return mn_sql_end(&use);
}

enum mn_err mn_db_max_todo_id(struct mn_db *db, int64_t *ret_id)
{
    struct mn_sql_use use = mn_sql_read(db, &max_id);
    int64_t id = mn_sql_row(&use) ? mn_sql_i64(&use, "id") : 0;
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_id = id;
    return err;
}
