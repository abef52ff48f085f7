/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_DB_DRIVER_H
#define MN_STORE_DB_DRIVER_H

#include <stdatomic.h>

#include "store/db.h"

/*
 * The seam between store/db.h and a driver.  A driver's handle begins with
 * a `struct mn_db`; its functions have the contracts of db.h.  db.c chooses
 * the driver at open, and keeps the judgement of "writable".
 */
struct mn_db_ops {
    void (*close)(struct mn_db *db);
    enum mn_err (*probe)(struct mn_db *db);
    enum mn_err (*witness)(struct mn_db *db, struct mn_witness *ret);
    enum mn_err (*witness_put)(struct mn_db *db, const struct mn_witness *witness);
    enum mn_err (*user_by_id)(struct mn_db *db, int64_t id, struct mn_user *ret);
    enum mn_err (*user_by_key)(struct mn_db *db, struct mn_str key, struct mn_user *ret);
    enum mn_err (*user_by_friend_code)(struct mn_db *db, struct mn_str code, struct mn_user *ret);
    enum mn_err (*user_create)(struct mn_db *db, const struct mn_user *user, struct mn_str key);
    enum mn_err (*user_claim)(struct mn_db *db, int64_t id, const char *hash, int64_t now_ms);
    enum mn_err (*user_set_friend_code)(struct mn_db *db, int64_t id, const char *code,
                                        int64_t old_ms, int64_t now_ms);
    enum mn_err (*max_user_id)(struct mn_db *db, int64_t *ret_id);
    enum mn_err (*session)(struct mn_db *db, int64_t user, int64_t *ret_sv, bool *ret_known);
    enum mn_err (*session_begin)(struct mn_db *db, int64_t user, const char *hash,
                                 int64_t expires_ms, int64_t *ret_sv);
    enum mn_err (*session_slide)(struct mn_db *db, const char *hash, int64_t now_ms,
                                 int64_t expires_ms, int64_t *ret_user, int64_t *ret_sv);
    enum mn_err (*session_end)(struct mn_db *db, int64_t user, int64_t *ret_sv);
};

struct mn_db {
    const struct mn_db_ops *ops;
    _Atomic bool writable;
    _Atomic uint64_t writes;
};

/* The SQLite driver. */
MN_MUSTCHECK enum mn_err mn_sqlite_open(const struct mn_db_config *config, struct mn_db **ret,
                                        struct mn_buf *why);

#endif
