/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relational store's front: hands each call to the driver that was
 * chosen at open, and remembers whether the last write worked.
 * Any worker thread; silent.
 */
#include "store/db.h"

#include "store/db_driver.h"

enum mn_err mn_db_open(const struct mn_db_config *config, struct mn_db **ret, struct mn_buf *why)
{
    return mn_sqlite_open(config, ret, why);
}

void mn_db_close(struct mn_db *db)
{
    if (db)
        db->ops->close(db);
}

bool mn_db_is_writable(const struct mn_db *db)
{
    return atomic_load_explicit(&db->writable, memory_order_relaxed);
}

/*
 * A write that was refused for what it said (taken name, unknown token) did
 * reach the store; MN_EBUSY is another process's doing and says nothing.
 */
static enum mn_err judge(struct mn_db *db, enum mn_err err)
{
    bool failed = err == MN_EIO || err == MN_ENOSPC || err == MN_ECORRUPT || err == MN_ESYS;
    if (err != MN_EBUSY)
        atomic_store_explicit(&db->writable, !failed, memory_order_relaxed);
    if (err == MN_OK)
        atomic_fetch_add_explicit(&db->writes, 1, memory_order_relaxed);
    return err;
}

uint64_t mn_db_writes(const struct mn_db *db)
{
    return atomic_load_explicit(&db->writes, memory_order_relaxed);
}

enum mn_err mn_db_witness(struct mn_db *db, struct mn_witness *ret)
{
    return db->ops->witness(db, ret);
}

/* No write of anybody's: it neither counts nor says that a user's write would succeed. */
enum mn_err mn_db_witness_put(struct mn_db *db, const struct mn_witness *witness)
{
    return db->ops->witness_put(db, witness);
}

enum mn_err mn_db_probe(struct mn_db *db) { return judge(db, db->ops->probe(db)); }

enum mn_err mn_db_user_by_id(struct mn_db *db, int64_t id, struct mn_user *ret)
{
    return db->ops->user_by_id(db, id, ret);
}

enum mn_err mn_db_user_by_key(struct mn_db *db, struct mn_str key, struct mn_user *ret)
{
    return db->ops->user_by_key(db, key, ret);
}

enum mn_err mn_db_user_by_friend_code(struct mn_db *db, struct mn_str code, struct mn_user *ret)
{
    return db->ops->user_by_friend_code(db, code, ret);
}

enum mn_err mn_db_user_create(struct mn_db *db, const struct mn_user *user, struct mn_str key)
{
    return judge(db, db->ops->user_create(db, user, key));
}

enum mn_err mn_db_user_claim(struct mn_db *db, int64_t id, const char *hash, int64_t now_ms)
{
    return judge(db, db->ops->user_claim(db, id, hash, now_ms));
}

enum mn_err mn_db_user_set_friend_code(struct mn_db *db, int64_t id, const char *code,
                                       int64_t old_ms, int64_t now_ms)
{
    return judge(db, db->ops->user_set_friend_code(db, id, code, old_ms, now_ms));
}

enum mn_err mn_db_max_user_id(struct mn_db *db, int64_t *ret_id)
{
    return db->ops->max_user_id(db, ret_id);
}

enum mn_err mn_db_session(struct mn_db *db, int64_t user, int64_t *ret_sv, bool *ret_known)
{
    return db->ops->session(db, user, ret_sv, ret_known);
}

enum mn_err mn_db_session_begin(struct mn_db *db, int64_t user, const char *hash,
                                int64_t expires_ms, int64_t *ret_sv)
{
    return judge(db, db->ops->session_begin(db, user, hash, expires_ms, ret_sv));
}

enum mn_err mn_db_session_slide(struct mn_db *db, const char *hash, int64_t now_ms,
                                int64_t expires_ms, int64_t *ret_user, int64_t *ret_sv)
{
    return judge(db, db->ops->session_slide(db, hash, now_ms, expires_ms, ret_user, ret_sv));
}

enum mn_err mn_db_session_end(struct mn_db *db, int64_t user, int64_t *ret_sv)
{
    return judge(db, db->ops->session_end(db, user, ret_sv));
}
