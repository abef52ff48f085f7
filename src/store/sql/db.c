/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relational store as a whole: opening it with its driver, whether it
 * can be written, and what it knows of the message log beside it.
 * Any worker thread; silent.
 */
#include "store/sql/db.h"

#include "base/clock.h"
#include "store/sql/sql_driver.h"

static const struct mn_sql probe = MN_SQL("REPLACE INTO t_probe(id, at) VALUES (1, ?)");

static const struct mn_sql witness_get = MN_SQL(
    "SELECT store_id, generation, log_reach, manifest, manifest_bytes FROM t_witness"
    " WHERE id = 1");

static const struct mn_sql witness_put = MN_SQL(
    "REPLACE INTO t_witness(id, store_id, generation, log_reach, manifest, manifest_bytes)"
    " VALUES (1, ?, ?, ?, ?, ?)");

enum mn_err mn_db_open_with(const struct mn_sql_driver *driver, const struct mn_db_config *config,
                            struct mn_db **ret, struct mn_buf *why)
{
    struct mn_db *db = NULL;
    enum mn_err err = driver->open(config, &db, why);
    if (err)
        return err;
    db->driver = driver;
    db->on_damage = config->on_damage;
    db->damage_ctx = config->damage_ctx;
    atomic_store(&db->is_writable, true);
    *ret = db;
    return MN_OK;
}

enum mn_err mn_db_open(const struct mn_db_config *config, struct mn_db **ret, struct mn_buf *why)
{
    return mn_db_open_with(&mn_sqlite_driver, config, ret, why);
}

void mn_db_close(struct mn_db *db)
{
    if (db)
        db->driver->close(db);
}

bool mn_db_is_writable(const struct mn_db *db)
{
    return atomic_load_explicit(&db->is_writable, memory_order_relaxed);
}

bool mn_db_is_corrupt(const struct mn_db *db)
{
    return atomic_load_explicit(&db->is_corrupt, memory_order_relaxed);
}

uint64_t mn_db_trusted_pages(const struct mn_db *db) { return db->trusted_pages; }

uint64_t mn_db_writes(const struct mn_db *db)
{
    return atomic_load_explicit(&db->writes, memory_order_relaxed);
}

enum mn_err mn_db_probe(struct mn_db *db)
{
    struct mn_sql_use use = mn_sql_write(db, &probe);
    mn_sql_put_i64(&use, mn_unix_ms());
    return mn_sql_end(&use);
}

enum mn_err mn_db_witness(struct mn_db *db, struct mn_witness *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &witness_get);
    struct mn_witness witness = {0};
    if (mn_sql_row(&use)) {
        witness.is_known = mn_sql_text(&use, "store_id", witness.store_id,
                                       sizeof(witness.store_id));
        witness.generation = (uint64_t)mn_sql_i64(&use, "generation");
        witness.reach = (uint64_t)mn_sql_i64(&use, "log_reach");
        witness.manifest = (uint64_t)mn_sql_i64(&use, "manifest");
        witness.manifest_bytes = (uint64_t)mn_sql_i64(&use, "manifest_bytes");
    }
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret = witness;
    return err;
}

/* No write of anybody's: it neither counts nor says that a user's write would succeed. */
enum mn_err mn_db_witness_put(struct mn_db *db, const struct mn_witness *witness)
{
    struct mn_sql_use use = mn_sql_write_quietly(db, &witness_put);
    mn_sql_put_str(&use, mn_str_c(witness->store_id));
    mn_sql_put_i64(&use, (int64_t)witness->generation);
    mn_sql_put_i64(&use, (int64_t)witness->reach);
    mn_sql_put_i64(&use, (int64_t)witness->manifest);
    mn_sql_put_i64(&use, (int64_t)witness->manifest_bytes);
    return mn_sql_end(&use);
}
