/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_USER_H
#define MN_STORE_SQL_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Accounts (t_user).  Any worker thread; errors besides those named are
 * those of store/sql/db.h.
 */
struct mn_db;

/* Bytes incl. NUL: the columns of 8.1 count UTF-16 units, at most 3 bytes each. */
#define MN_USERNAME_MAX 64 /* UTF-16 units */
#define MN_USERNAME_BYTES (MN_USERNAME_MAX * 3 + 1)
#define MN_NICKNAME_BYTES (64 * 3 + 1)
#define MN_AVATAR_BYTES (255 * 3 + 1)
#define MN_PASSWORD_HASH_BYTES 256
#define MN_FRIEND_CODE_BYTES 17
#define MN_USER_KEY_BYTES 4096 /* comparison key of a name, im/account/key.h */

enum mn_user_status { MN_USER_DISABLED = 0, MN_USER_ACTIVE = 1 };

struct mn_user {
    int64_t id;
    char username[MN_USERNAME_BYTES];
    char password_hash[MN_PASSWORD_HASH_BYTES]; /* "" when there is none: first login sets it */
    char nickname[MN_NICKNAME_BYTES];
    char avatar_url[MN_AVATAR_BYTES];
    char friend_code[MN_FRIEND_CODE_BYTES]; /* "" when there is none */
    bool has_nickname, has_avatar_url;
    enum mn_user_status status;
    int64_t friend_code_updated_ms; /* Unix; 0 when never set */
    int64_t created_ms, updated_ms;
};

/* MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_db_user_by_id(struct mn_db *db, int64_t id, struct mn_user *ret);
/* What others see of a user. */
struct mn_user_brief {
    int64_t id;
    char username[MN_USERNAME_BYTES];
    char nickname[MN_NICKNAME_BYTES];
    char avatar_url[MN_AVATAR_BYTES];
    bool has_nickname, has_avatar_url;
};

/*
 * Those of `ids` that exist, in their order, with one statement.  `n` <=
 * MN_SQL_IDS_MAX (store/sql/sql.h) different ids; ret[n] is filled from its
 * beginning.
 */
MN_MUSTCHECK enum mn_err mn_db_users_by_ids(struct mn_db *db, const int64_t *ids, size_t n,
                                            struct mn_user_brief *ret, size_t *ret_count);
/* By comparison key (H-5.7). MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_db_user_by_key(struct mn_db *db, struct mn_str key,
                                           struct mn_user *ret);
/* MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_db_user_by_friend_code(struct mn_db *db, struct mn_str code,
                                                   struct mn_user *ret);
/* Inserts id, username, key, password_hash, status and times.  MN_EEXIST: name or id is taken. */
MN_MUSTCHECK enum mn_err mn_db_user_create(struct mn_db *db, const struct mn_user *user,
                                           struct mn_str key);
/* Sets the hash of a user who has none; MN_EEXIST when he has one by now. */
MN_MUSTCHECK enum mn_err mn_db_user_claim(struct mn_db *db, int64_t id, const char *hash,
                                          int64_t now_ms);
/*
 * Sets the friend code if the present one was set at `old_ms` (0: there is
 * none), so that of two racing changes one wins.  MN_EEXIST: another user
 * has the code.  MN_ENOTFOUND: no such user, or changed meanwhile.
 */
MN_MUSTCHECK enum mn_err mn_db_user_set_friend_code(struct mn_db *db, int64_t id, const char *code,
                                                    int64_t old_ms, int64_t now_ms);

/* Greatest user id, 0 without users (for mn_idgen_raise: the clock may have stepped back). */
MN_MUSTCHECK enum mn_err mn_db_max_user_id(struct mn_db *db, int64_t *ret_id);

#endif
