/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts: login and registration, the two kinds of token, session
 * versions, profiles and friend codes.
 *
 * Stateless but for the switch of auto-registration: all state is in the
 * store, so any number of workers may be in here, and a restart or another
 * node sees the same sessions (H-5.5).
 *
 * Silent: errors go up, where api/ logs them.  Not here: HTTP, call limits.
 */
#include "im/account/account.h"

#include <openssl/evp.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "im/account/code.h"
#include "im/account/key.h"
#include "im/account/password.h"
#include "proto/base64url.h"
#include "store/sql/session.h"

struct mn_account {
    struct mn_account_config config;
    _Atomic bool auto_register;
};

struct mn_account *mn_account_new(const struct mn_account_config *config)
{
    struct mn_account *account = mn_new(struct mn_account);
    account->config = *config;
    account->config.friend_code_len = mn_code_len(config->friend_code_len);
    atomic_store(&account->auto_register, config->auto_register);
    /* The clock may have stepped back since the last run; without an answer it most likely has not. */
    int64_t most = 0;
    if (mn_db_max_user_id(config->db, &most) == MN_OK)
        mn_idgen_raise(config->ids, most);
    return account;
}

void mn_account_free(struct mn_account *account) { mn_free(account); }

void mn_account_set_auto_register(struct mn_account *account, bool on)
{
    atomic_store_explicit(&account->auto_register, on, memory_order_relaxed);
}

static enum mn_err refuse(enum mn_err err, const char *reason, const char **ret_reason)
{
    *ret_reason = reason;
    return err;
}

/* ---- friend codes -------------------------------------------------------- */

/* Gives the user a new code; the store's unique index finds the collisions. */
static enum mn_err set_code(struct mn_account *account, struct mn_user *user)
{
    int64_t now_ms = mn_unix_ms();
    enum mn_err err = MN_EEXIST;
    for (unsigned i = 0; i < MN_CODE_TRIES && err == MN_EEXIST; i++) {
        char code[MN_CODE_MAX + 1];
        mn_code_make(code, account->config.friend_code_len);
        err = mn_db_user_set_friend_code(account->config.db, user->id, code,
                                         user->friend_code_updated_ms, now_ms);
        if (err == MN_OK) {
            memcpy(user->friend_code, code, sizeof(code));
            user->friend_code_updated_ms = now_ms;
        }
    }
    return err;
}

static void ensure_code(struct mn_account *account, struct mn_user *user)
{
    if (user->friend_code[0] != '\0')
        return;
    if (set_code(account, user) == MN_ENOTFOUND) {
        /* Another request was faster: show its code. */
        struct mn_user now;
        if (mn_db_user_by_id(account->config.db, user->id, &now) == MN_OK)
            *user = now;
    }
}

int64_t mn_account_next_reset_ms(const struct mn_account *account, const struct mn_user *user)
{
    return mn_code_next_reset_ms(user->friend_code_updated_ms,
                                 account->config.code_reset_cooldown_s);
}

enum mn_err mn_account_profile(struct mn_account *account, int64_t user, struct mn_user *ret)
{
    enum mn_err err = mn_db_user_by_id(account->config.db, user, ret);
    if (err == MN_OK)
        ensure_code(account, ret);
    return err;
}

enum mn_err mn_account_briefs(struct mn_account *account, const int64_t *ids, size_t n,
                              struct mn_user_brief *ret, size_t *ret_count)
{
    return mn_db_users_by_ids(account->config.db, ids, n, ret, ret_count);
}

enum mn_err mn_account_reset_code(struct mn_account *account, int64_t user, struct mn_user *ret)
{
    enum mn_err err = mn_db_user_by_id(account->config.db, user, ret);
    if (err != MN_OK)
        return err;
    if (mn_unix_ms() < mn_account_next_reset_ms(account, ret))
        return MN_EPERM;
    err = set_code(account, ret);
    if (err == MN_ENOTFOUND) { /* another reset was faster, so the cooldown runs */
        err = mn_db_user_by_id(account->config.db, user, ret);
        return err == MN_OK ? MN_EPERM : err;
    }
    /* No free code in MN_CODE_TRIES draws is our trouble, not "exists already". */
    return err == MN_EEXIST ? MN_ELIMIT : err;
}

/* ---- tokens -------------------------------------------------------------- */

static void make_refresh_token(char out[MN_REFRESH_TOKEN_LEN + 1])
{
    unsigned char raw[32];
    _Static_assert(MN_BASE64URL_ENCODED(sizeof(raw)) == MN_REFRESH_TOKEN_LEN, "5.4");
    mn_rand_bytes(raw, sizeof(raw));
    out[mn_base64url_encode(raw, sizeof(raw), out)] = '\0';
    explicit_bzero(raw, sizeof(raw));
}

static enum mn_err hash_refresh_token(struct mn_str token, char out[MN_REFRESH_HASH_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[32];
    if (EVP_Digest(token.p, token.n, digest, NULL, EVP_sha256(), NULL) != 1)
        return MN_ENOMEM;
    for (unsigned i = 0; i < sizeof(digest); i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[MN_REFRESH_HASH_LEN] = '\0';
    return MN_OK;
}

static enum mn_err sign_access(struct mn_account *account, struct mn_login *login, int64_t now_ms)
{
    login->access_ttl_s = account->config.access_ttl_s;
    login->refresh_ttl_s = account->config.refresh_ttl_s;
    return mn_jwt_sign(&account->config.jwt, login->user, login->sv, now_ms, login->access_ttl_s,
                       login->access, sizeof(login->access));
}

static void bumped(struct mn_account *account, int64_t user, int64_t sv)
{
    mn_sink_bump(&account->config.sink, user, sv);
}

/* New refresh token and session version; all earlier tokens of the user are void from here on. */
static enum mn_err begin_session(struct mn_account *account, int64_t user, struct mn_login *ret)
{
    char hash[MN_REFRESH_HASH_LEN + 1];
    int64_t now_ms = mn_unix_ms();
    ret->user = user;
    make_refresh_token(ret->refresh);
    enum mn_err err = hash_refresh_token(mn_str_c(ret->refresh), hash);
    if (err == MN_OK)
        err = mn_db_session_begin(account->config.db, user, hash, now_ms,
                                  now_ms + account->config.refresh_ttl_s * 1000, &ret->sv);
    if (err != MN_OK)
        return err;
    bumped(account, user, ret->sv);
    return sign_access(account, ret, now_ms);
}

enum mn_err mn_account_refresh(struct mn_account *account, struct mn_str token,
                               struct mn_login *ret, const char **ret_reason)
{
    char hash[MN_REFRESH_HASH_LEN + 1];
    int64_t now_ms = mn_unix_ms();
    if (!mn_idgen_is_open(account->config.ids)) /* a token of that time would be good for decades */
        return MN_EBUSY;
    enum mn_err err = hash_refresh_token(token, hash);
    if (err == MN_OK)
        err = mn_db_session_slide(account->config.db, hash, now_ms,
                                  now_ms + account->config.refresh_ttl_s * 1000, &ret->user,
                                  &ret->sv);
    if (err == MN_ENOTFOUND)
        return refuse(MN_EAUTH, "invalid_refresh_token", ret_reason);
    struct mn_user user;
    if (err == MN_OK)
        err = mn_db_user_by_id(account->config.db, ret->user, &user);
    if (err == MN_ENOTFOUND)
        return refuse(MN_EAUTH, "invalid_refresh_token", ret_reason);
    if (err != MN_OK)
        return err;
    if (user.status == MN_USER_DISABLED)
        return refuse(MN_EPERM, "user_disabled", ret_reason);
    ret->refresh[0] = '\0';
    return sign_access(account, ret, now_ms);
}

enum mn_err mn_account_verify(struct mn_account *account, struct mn_str token, int64_t *ret_user,
                              const char **ret_reason)
{
    struct mn_jwt_claims claims = {0};
    const char *why = "invalid_token";
    enum mn_err err = mn_jwt_verify(&account->config.jwt, token, mn_unix_ms(), &claims, &why);
    if (err == MN_EEXPIRED)
        return refuse(err, "JWT expired", ret_reason);
    if (err != MN_OK)
        return refuse(err, why, ret_reason);
    if (claims.uid <= 0)
        return refuse(MN_EAUTH, "session_invalid", ret_reason);
    int64_t sv = 0;
    bool known = false;
    err = mn_db_session(account->config.db, claims.uid, &sv, &known);
    if (err != MN_OK)
        return err;
    if (sv != claims.sv)
        return refuse(MN_EAUTH, "session_invalid", ret_reason);
    *ret_user = claims.uid;
    return MN_OK;
}

enum mn_err mn_account_logout(struct mn_account *account, int64_t user)
{
    int64_t sv = 0;
    enum mn_err err = mn_db_session_end(account->config.db, user, &sv);
    if (err == MN_OK)
        bumped(account, user, sv);
    return err;
}

/* ---- login --------------------------------------------------------------- */

static enum mn_err hash_new(struct mn_account *account, struct mn_str password, char *out,
                            size_t cap, const char **ret_reason)
{
    if (password.n > MN_PASSWORD_MAX)
        return refuse(MN_EINVAL, "password_too_long", ret_reason);
    enum mn_err err = mn_password_hash(password, account->config.bcrypt_cost, out, cap);
    return err == MN_EINVAL ? refuse(err, "bad_password", ret_reason) : err;
}

static enum mn_err create(struct mn_account *account, struct mn_str name, struct mn_str key,
                          struct mn_str password, struct mn_user *ret, const char **ret_reason)
{
    struct mn_user user = {.status = MN_USER_ACTIVE};
    enum mn_err err = hash_new(account, password, user.password_hash, sizeof(user.password_hash),
                               ret_reason);
    if (err != MN_OK)
        return err;
    memcpy(user.username, name.p, name.n);
    user.id = mn_idgen_next(account->config.ids);
    if (user.id <= 0)
        return MN_EBUSY;
    user.created_ms = user.updated_ms = mn_unix_ms();
    err = mn_db_user_create(account->config.db, &user, key);
    if (err == MN_OK)
        *ret = user;
    return err;
}

/* The password of a user that exists: claims, or compares. */
static enum mn_err check_password(struct mn_account *account, const struct mn_user *user,
                                  struct mn_str password, const char **ret_reason)
{
    if (!mn_str_is_blank(mn_str_c(user->password_hash))) {
        if (mn_password_matches(password, user->password_hash))
            return MN_OK;
        return refuse(MN_EAUTH, "invalid_username_or_password", ret_reason);
    }
    char hash[MN_PASSWORD_HASH_BYTES];
    enum mn_err err = hash_new(account, password, hash, sizeof(hash), ret_reason);
    if (err == MN_OK)
        err = mn_db_user_claim(account->config.db, user->id, hash, mn_unix_ms());
    if (err == MN_EEXIST) /* claimed by another login meanwhile */
        return refuse(MN_EAUTH, "invalid_username_or_password", ret_reason);
    return err;
}

/* Finds the user and checks the password, or makes the account. */
static enum mn_err identify(struct mn_account *account, struct mn_str name, struct mn_str key,
                            struct mn_str password, struct mn_user *ret, const char **ret_reason)
{
    enum mn_err err = mn_db_user_by_key(account->config.db, key, ret);
    if (err == MN_ENOTFOUND) {
        if (!atomic_load_explicit(&account->auto_register, memory_order_relaxed)) {
            mn_password_waste(password, account->config.bcrypt_cost);
            return refuse(MN_EAUTH, "invalid_username_or_password", ret_reason);
        }
        err = create(account, name, key, password, ret, ret_reason);
        if (err != MN_EEXIST)
            return err;
        /* Two first logins at once: the loser logs in to what the winner made. */
        err = mn_db_user_by_key(account->config.db, key, ret);
        if (err == MN_ENOTFOUND)
            return refuse(MN_EINVAL, "duplicate_key", ret_reason);
    }
    return err == MN_OK ? check_password(account, ret, password, ret_reason) : err;
}

static enum mn_err check_name(struct mn_str name, const char **ret_reason)
{
    if (mn_str_is_blank(name))
        return refuse(MN_EINVAL, "must not be blank", ret_reason);
    if (!mn_utf8_valid(name.p, name.n) || memchr(name.p, '\0', name.n))
        return refuse(MN_EINVAL, "bad_username", ret_reason);
    if (mn_utf8_utf16_len(name) > MN_USERNAME_MAX)
        return refuse(MN_EINVAL, "username_too_long", ret_reason);
    return MN_OK;
}

enum mn_err mn_account_login(struct mn_account *account, struct mn_str username,
                             struct mn_str password, struct mn_login *ret, const char **ret_reason)
{
    enum mn_err err = check_name(username, ret_reason);
    if (err != MN_OK)
        return err;
    if (!mn_idgen_is_open(account->config.ids)) /* a token of that time would be good for decades */
        return MN_EBUSY;
    char key_bytes[MN_USER_KEY_BYTES];
    struct mn_str key;
    err = mn_account_key(username, key_bytes, sizeof(key_bytes), &key);
    if (err != MN_OK)
        return refuse(MN_EINVAL, "bad_username", ret_reason);
    struct mn_user user;
    err = identify(account, username, key, password, &user, ret_reason);
    if (err != MN_OK)
        return err;
    if (user.status == MN_USER_DISABLED)
        return refuse(MN_EPERM, "user_disabled", ret_reason);
    ensure_code(account, &user);
    return begin_session(account, user.id, ret);
}
