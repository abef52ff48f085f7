/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_ACCOUNT_ACCOUNT_H
#define MN_IM_ACCOUNT_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "im/sink.h"
#include "proto/jwt.h"
#include "store/sql/db.h"
#include "store/sql/user.h"

/*
 * Accounts: login (which is registration), tokens, session versions and
 * profiles (H-5, H-7.1, H-7.2, H-8.6).
 *
 * All functions that take a `struct mn_account *` block on the store, login
 * on a password hash (50 ms of CPU) besides: workers only.  Any number of
 * them at once.
 */
struct mn_account;

struct mn_account_config {
    struct mn_db *db; /* outlives the account, as do ids and jwt's text */
    struct mn_idgen *ids;
    struct mn_jwt_key jwt;
    int64_t access_ttl_s, refresh_ttl_s;
    bool auto_register;            /* an unknown name at login makes an account */
    unsigned bcrypt_cost;          /* 2^cost rounds of a password's hash */
    unsigned friend_code_len;      /* of a new code, clamped to 6..16 */
    int64_t code_reset_cooldown_s; /* <= 0: a day */
    struct mn_sink sink; /* told after a committed change of a session version, on the worker */
};

/* Raises the id generator above all stored users; blocks on one SELECT. */
struct mn_account *mn_account_new(const struct mn_account_config *config);
void mn_account_free(struct mn_account *account);
/* Reload. Any thread. */
void mn_account_set_auto_register(struct mn_account *account, bool on);

/* ---- tokens ------------------------------------------------------------ */

#define MN_REFRESH_TOKEN_LEN 43 /* 32 random bytes, base64url */

struct mn_login {
    int64_t user, sv;
    char access[MN_JWT_MAX];
    char refresh[MN_REFRESH_TOKEN_LEN + 1]; /* "" from mn_account_refresh() */
    int64_t access_ttl_s, refresh_ttl_s;
};

/*
 * Refusals are MN_EINVAL, MN_EAUTH or MN_EPERM with *ret_reason set to the
 * stable text for the client: "must not be blank", "username_too_long",
 * "bad_username", "password_too_long", "bad_password",
 * "invalid_username_or_password", "user_disabled", "duplicate_key".  Other
 * errors are the store's; *ret_reason is then untouched.
 */
MN_MUSTCHECK enum mn_err mn_account_login(struct mn_account *account, struct mn_str username,
                                          struct mn_str password, struct mn_login *ret,
                                          const char **ret_reason);
/* Refused: MN_EAUTH "invalid_refresh_token", MN_EPERM "user_disabled". Does not rotate (5.4). */
MN_MUSTCHECK enum mn_err mn_account_refresh(struct mn_account *account, struct mn_str token,
                                            struct mn_login *ret, const char **ret_reason);
/*
 * Verifies an access token and its session version.  MN_EAUTH or
 * MN_EEXPIRED with *ret_reason; "session_invalid" when only the version is
 * not the current one.
 */
MN_MUSTCHECK enum mn_err mn_account_verify(struct mn_account *account, struct mn_str token,
                                           int64_t *ret_user, const char **ret_reason);
/* Ends all sessions of the user: refresh token deleted, session version bumped. */
MN_MUSTCHECK enum mn_err mn_account_logout(struct mn_account *account, int64_t user);
/* ---- profiles ---------------------------------------------------------- */

/* MN_ENOTFOUND.  A missing friend code is generated (failure ignored). */
MN_MUSTCHECK enum mn_err mn_account_profile(struct mn_account *account, int64_t user,
                                            struct mn_user *ret);
/* What others see of those of `ids` that exist, as mn_db_users_by_ids(). */
MN_MUSTCHECK enum mn_err mn_account_briefs(struct mn_account *account, const int64_t *ids, size_t n,
                                           struct mn_user_brief *ret, size_t *ret_count);
/* Unix milliseconds from which the user may reset his code; 0 when he never had one. */
int64_t mn_account_next_reset_ms(const struct mn_account *account, const struct mn_user *user);
/* New friend code.  MN_EPERM: cooldown not reached (ret is the unchanged user). MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_account_reset_code(struct mn_account *account, int64_t user,
                                               struct mn_user *ret);

#endif
