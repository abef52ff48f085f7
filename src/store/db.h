/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_DB_H
#define MN_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/witness.h"

/*
 * The relational store: accounts and sessions (H-8; friends,
 * groups and moments join later).  SQLite today; db_driver.h is the seam
 * for a second driver.
 *
 * Every call blocks: workers only, never a loop thread.  Any number of
 * threads may call at once: reads each borrow a connection of their own,
 * writes are serialised.  A write that returned MN_OK is on disk.
 *
 * Besides what a function names: MN_EIO, MN_ENOSPC, MN_ECORRUPT, MN_EBUSY
 * (another process held the file longer than busy_timeout_ms), MN_ENOMEM.
 */
struct mn_db;

struct mn_db_config {
    char path[4096];          /* SQLite file; created with mode 0600 if missing */
    unsigned readers;         /* connections for reading: as many as there are worker threads */
    uint32_t busy_timeout_ms; /* 5,000 */
    bool sync;                /* false only for tests */
};

/*
 * Opens, checks, and brings the schema up to date.  MN_EVERSION: written by
 * a newer minimd, untouched; MN_ECORRUPT.  `why` gets a sentence for the
 * operator: what is wrong and what to do.
 */
MN_MUSTCHECK enum mn_err mn_db_open(const struct mn_db_config *config, struct mn_db **ret,
                                    struct mn_buf *why);
/* All callers must be gone.  NULL is a no-op. */
void mn_db_close(struct mn_db *db);
/* False after a failed write until one succeeds: for /readyz.  Any thread, never blocks. */
bool mn_db_is_writable(const struct mn_db *db);
/* Writes and commits a little row, so that mn_db_is_writable() tells the present. */
MN_MUSTCHECK enum mn_err mn_db_probe(struct mn_db *db);

/* Writes that succeeded since the open: whether something changed.  Any thread, never blocks. */
uint64_t mn_db_writes(const struct mn_db *db);
/* What the accounts know of the message log; is_known is false at first. */
MN_MUSTCHECK enum mn_err mn_db_witness(struct mn_db *db, struct mn_witness *ret);
MN_MUSTCHECK enum mn_err mn_db_witness_put(struct mn_db *db, const struct mn_witness *witness);

/* ---- accounts (t_user) ------------------------------------------------- */

/* Bytes incl. NUL: the columns of 8.1 count UTF-16 units, at most 3 bytes each. */
#define MN_USERNAME_MAX 64 /* UTF-16 units */
#define MN_USERNAME_BYTES (MN_USERNAME_MAX * 3 + 1)
#define MN_NICKNAME_BYTES (64 * 3 + 1)
#define MN_AVATAR_BYTES (255 * 3 + 1)
#define MN_PASSWORD_HASH_BYTES 256
#define MN_FRIEND_CODE_BYTES 17
#define MN_USER_KEY_BYTES 4096 /* comparison key of a name, im/account_key.h */

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

/* ---- sessions (t_session; H-5.4, H-5.5) ------------ */

/* SHA-256 of the token's text in lower-case hex. */
#define MN_REFRESH_HASH_LEN 64

/* Current session version, 0 without one; *ret_known: the user exists.  One SELECT. */
MN_MUSTCHECK enum mn_err mn_db_session(struct mn_db *db, int64_t user, int64_t *ret_sv,
                                       bool *ret_known);
/* Next session version, and `hash` instead of the user's former refresh token; in one commit. */
MN_MUSTCHECK enum mn_err mn_db_session_begin(struct mn_db *db, int64_t user, const char *hash,
                                             int64_t expires_ms, int64_t *ret_sv);
/* Slides the life of an unexpired token to `expires_ms`.  MN_ENOTFOUND: unknown or expired. */
MN_MUSTCHECK enum mn_err mn_db_session_slide(struct mn_db *db, const char *hash, int64_t now_ms,
                                             int64_t expires_ms, int64_t *ret_user,
                                             int64_t *ret_sv);
/* Deletes the user's refresh token and makes the next session version; in one commit. */
MN_MUSTCHECK enum mn_err mn_db_session_end(struct mn_db *db, int64_t user, int64_t *ret_sv);

#endif
