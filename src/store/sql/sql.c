/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements and transactions over a driver.  Statements are prepared once a
 * connection and found again by their text.  Every first error is kept; a
 * write that is over, alone or as a transaction, is judged in one place:
 * does it say that the store can be written, does it count as a change.
 *
 * Any worker thread; silent.
 */
#include "store/sql/sql.h"

#include "base/mem.h"
#include "store/sql/sql_driver.h"

/* Of a transaction that another one was preferred to. */
enum { TRIES = 4 };

/*
 * Only a commit that changed something proves that the store can be written:
 * what was refused for what it said (a taken name, an unknown token), or found
 * nothing to change, may have been refused before anything was written.
 */
static enum mn_err judge(struct mn_db *db, enum mn_err err, bool has_changed)
{
    bool failed = err == MN_EIO || err == MN_ENOSPC || err == MN_ECORRUPT || err == MN_ESYS;
    if (failed || (err == MN_OK && has_changed))
        atomic_store_explicit(&db->is_writable, !failed, memory_order_relaxed);
    if (err == MN_EAGAIN)
        err = MN_EBUSY;
    if (err == MN_OK)
        atomic_fetch_add_explicit(&db->writes, 1, memory_order_relaxed);
    return err;
}

/* Also where the driver went on without: a checkpoint that a commit set off. */
static void tell_damage(struct mn_db *db, struct mn_sql_conn *conn, enum mn_err err,
                        const char *reading)
{
    struct mn_db_damage damage = {.reading = reading};
    if (!db->driver->damage(conn, &damage) && err != MN_ECORRUPT)
        return;
    atomic_store_explicit(&db->is_corrupt, true, memory_order_relaxed);
    if (db->on_damage)
        db->on_damage(db->damage_ctx, &damage);
}

/* ---- statements ---------------------------------------------------------- */

static enum mn_err prepare(const struct mn_sql_driver *driver, struct mn_sql_conn *conn,
                           const struct mn_sql *sql, void **ret_stmt)
{
    const char *text = driver->text(sql);
    uint64_t known = 0;
    if (mn_map_get(&conn->stmts, (uint64_t)(uintptr_t)text, &known)) {
        *ret_stmt = (void *)(uintptr_t)known;
        return MN_OK;
    }
    void *stmt = NULL;
    enum mn_err err = driver->prepare(conn, text, &stmt);
    if (!err)
        err = mn_map_put(&conn->stmts, (uint64_t)(uintptr_t)text, (uint64_t)(uintptr_t)stmt);
    if (err)
        driver->finalize(stmt);
    else
        *ret_stmt = stmt;
    return err;
}

void mn_sql_conn_deinit(const struct mn_sql_driver *driver, struct mn_sql_conn *conn)
{
    size_t pos = 0;
    uint64_t text = 0, stmt = 0;
    while (mn_map_next(&conn->stmts, &pos, &text, &stmt))
        driver->finalize((void *)(uintptr_t)stmt);
    mn_map_deinit(&conn->stmts);
}

static struct mn_sql_use alone(struct mn_db *db, const struct mn_sql *sql, bool is_writing)
{
    struct mn_sql_use use = {.db = db, .sql = sql, .is_writing = is_writing};
    use.conn = db->driver->take(db, is_writing);
    use.changes = db->driver->changes(use.conn);
    use.err = prepare(db->driver, use.conn, sql, &use.stmt);
    return use;
}

struct mn_sql_use mn_sql_read(struct mn_db *db, const struct mn_sql *sql)
{
    return alone(db, sql, false);
}

struct mn_sql_use mn_sql_write(struct mn_db *db, const struct mn_sql *sql)
{
    return alone(db, sql, true);
}

struct mn_sql_use mn_sql_write_quietly(struct mn_db *db, const struct mn_sql *sql)
{
    struct mn_sql_use use = alone(db, sql, true);
    use.is_quiet = true;
    return use;
}

struct mn_sql_use mn_sql_in(struct mn_sql_tx *tx, const struct mn_sql *sql)
{
    MN_BUG_ON(!tx->is_open);
    struct mn_sql_use use = {.db = tx->db, .conn = tx->conn, .tx = tx, .sql = sql, .err = tx->err};
    use.changes = tx->db->driver->changes(use.conn);
    if (!use.err)
        use.err = prepare(tx->db->driver, use.conn, sql, &use.stmt);
    return use;
}

void mn_sql_put_i64(struct mn_sql_use *use, int64_t value)
{
    use->put++;
    if (!use->err)
        use->err = use->db->driver->bind_i64(use->stmt, use->put, value);
}

void mn_sql_put_str(struct mn_sql_use *use, struct mn_str value)
{
    use->put++;
    if (!use->err)
        use->err = use->db->driver->bind_text(use->stmt, use->put, value);
}

void mn_sql_put_ids(struct mn_sql_use *use, const int64_t *ids, size_t n)
{
    MN_BUG_ON(n > MN_SQL_IDS_MAX);
    for (size_t i = 0; i < MN_SQL_IDS_MAX; i++) {
        if (n == 0)
            mn_sql_put_str(use, MN_STR_NONE); /* nothing is equal to NULL */
        else
            mn_sql_put_i64(use, ids[i < n ? i : n - 1]);
    }
}

bool mn_sql_row(struct mn_sql_use *use)
{
    bool row = false;
    if (use->err || use->is_done)
        return false;
    use->err = use->db->driver->step(use->stmt, &row);
    use->is_done = use->err || !row;
    use->column = 0;
    return !use->is_done;
}

static unsigned column_of(struct mn_sql_use *use, const char *name)
{
    const struct mn_sql_driver *driver = use->db->driver;
    unsigned count = driver->column_count(use->stmt);
    for (unsigned i = 0; i < count; i++) {
        unsigned column = use->column++ % count;
        if (strcmp(driver->column_name(use->stmt, column), name) == 0)
            return column;
    }
    mn_bug(__FILE__, __LINE__, name);
}

int64_t mn_sql_i64(struct mn_sql_use *use, const char *column)
{
    return use->db->driver->column_i64(use->stmt, column_of(use, column));
}

bool mn_sql_text(struct mn_sql_use *use, const char *column, char *p, size_t cap)
{
    struct mn_str text = use->db->driver->column_text(use->stmt, column_of(use, column));
    p[0] = '\0';
    if (!text.p)
        return false;
    size_t n = text.n;
    if (n >= cap) {
        n = cap - 1;
        while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(p, text.p, n);
    p[n] = '\0';
    return true;
}

enum mn_err mn_sql_end_changes(struct mn_sql_use *use, int64_t *ret_changes)
{
    const struct mn_sql_driver *driver = use->db->driver;
    while (mn_sql_row(use)) /* a write is over when it has been stepped to its end */
        continue;
    int64_t changes = driver->changes(use->conn) - use->changes;
    if (use->stmt) {
        enum mn_err err = driver->reset(use->stmt);
        use->err = use->err ? use->err : err;
    }
    if (!use->tx || mn_sql_tx_is_good(use->tx)) /* else it was told, or is the caller's */
        tell_damage(use->db, use->conn, use->err, driver->text(use->sql));
    if (use->tx) {
        mn_sql_tx_note(use->tx, use->err);
    } else {
        driver->give(use->db, use->conn, use->is_writing);
        if (use->is_writing && !use->is_quiet)
            use->err = judge(use->db, use->err, changes > 0);
    }
    if (!use->err)
        *ret_changes = changes;
    return use->err;
}

enum mn_err mn_sql_end(struct mn_sql_use *use)
{
    int64_t changes = 0;
    return mn_sql_end_changes(use, &changes);
}

enum mn_err mn_sql_end_found(struct mn_sql_use *use, bool found)
{
    enum mn_err err = mn_sql_end(use);
    return !err && !found ? MN_ENOTFOUND : err;
}

/* ---- transactions -------------------------------------------------------- */

static void tx_begin(struct mn_sql_tx *tx)
{
    const struct mn_sql_driver *driver = tx->db->driver;
    tx->tries++;
    tx->conn = driver->take(tx->db, true);
    tx->changes = driver->changes(tx->conn);
    tx->err = driver->begin(tx->conn);
    tell_damage(tx->db, tx->conn, tx->err, "BEGIN");
    tx->is_open = true;
}

static void tx_close(struct mn_sql_tx *tx)
{
    const struct mn_sql_driver *driver = tx->db->driver;
    if (!tx->err) {
        tx->err = driver->commit(tx->conn);
        tell_damage(tx->db, tx->conn, tx->err, "COMMIT");
    }
    if (tx->err)
        driver->rollback(tx->conn);
    bool has_changed = driver->changes(tx->conn) != tx->changes;
    driver->give(tx->db, tx->conn, true);
    tx->is_open = false;
    tx->is_over = tx->err != MN_EAGAIN || tx->tries == TRIES;
    if (tx->is_over)
        tx->err = judge(tx->db, tx->err, has_changed);
}

bool mn_sql_tx_run(struct mn_sql_tx *tx)
{
    for (;;) {
        if (tx->is_open)
            tx_close(tx);
        if (tx->is_over)
            return false;
        tx_begin(tx);
        if (!tx->err)
            return true;
    }
}

void mn_sql_tx_note(struct mn_sql_tx *tx, enum mn_err err)
{
    if (!tx->err)
        tx->err = err;
}

enum mn_err mn_sql_tx_end(struct mn_sql_tx *tx)
{
    if (tx->is_open) { /* left by break: for a reason that was noted */
        MN_BUG_ON(!tx->err);
        tx_close(tx);
        return tx->err == MN_EAGAIN ? MN_EBUSY : tx->err;
    }
    return tx->err;
}

void mn_sql_tx_drop(struct mn_sql_tx *tx)
{
    if (!tx->is_open)
        return;
    mn_sql_tx_note(tx, MN_ECLOSED);
    tx_close(tx);
}
