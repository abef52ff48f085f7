/* SPDX-License-Identifier: Apache-2.0 */
/* POST /auth/...: login (which is registration), refresh, verify, logout (H-7.1). */
#include "api/endpoint/handlers.h"
#include "api/input.h"
#include "api/limit.h"
#include "base/mem.h"
#include "im/account/key.h"

/* The account's refusals are 400 with its text; everything else is the store's failure. */
static void refused(struct mn_api_call *call, const char *what, enum mn_err err, const char *reason)
{
    if (reason)
        mn_api_bad(call, reason);
    else
        mn_api_broken(call, what, err);
}

/* A text field that the original's bean validation wants non-blank. */
static bool need_text(struct mn_api_call *call, const char *name, struct mn_str *ret)
{
    if (!mn_body_text(call, name, ret))
        return false;
    if (mn_str_is_blank(*ret)) {
        mn_api_bad(call, "must not be blank");
        return false;
    }
    return true;
}

/* All three limits are counted whatever the others say; the longest wait is told. */
static bool login_limited(struct mn_api_call *call, struct mn_str username)
{
    char bytes[MN_USER_KEY_BYTES];
    struct mn_str who = mn_str_trim(username), ip = mn_client_str(&call->client);
    /* Spellings of one account count together; a name too long for a key will be refused anyway. */
    mn_ignore(mn_account_key(who, bytes, sizeof(bytes), &who));
    uint32_t wait[] = {
        mn_api_limit_hit(call, MN_API_RULE_LOGIN_PAIR, ip, who),
        mn_api_limit_hit(call, MN_API_RULE_LOGIN_ADDRESS, ip, MN_STR_NONE),
        mn_api_limit_hit(call, MN_API_RULE_LOGIN_ACCOUNT, who, MN_STR_NONE),
    };
    uint32_t longest = 0;
    for (unsigned i = 0; i < MN_ARRAY_LEN(wait); i++)
        longest = wait[i] > longest ? wait[i] : longest;
    return mn_api_limited(call, longest);
}

void mn_api_auth_login(struct mn_api_call *call)
{
    struct mn_str username, password;
    if (!need_text(call, "username", &username) || !need_text(call, "password", &password) ||
        login_limited(call, username))
        return;
    struct mn_login login;
    const char *reason = NULL;
    enum mn_err err = mn_account_login(call->api->config.account, username, password, &login,
                                       &reason);
    if (err != MN_OK) {
        refused(call, "login", err, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "userId", login.user);
    mn_jout_str(&out, "accessToken", mn_str_c(login.access));
    mn_jout_str(&out, "refreshToken", mn_str_c(login.refresh));
    mn_jout_num(&out, "accessTokenExpiresInSeconds", login.access_ttl_s);
    mn_jout_num(&out, "refreshTokenExpiresInSeconds", login.refresh_ttl_s);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

void mn_api_auth_refresh(struct mn_api_call *call)
{
    struct mn_str token, ip = mn_client_str(&call->client);
    if (!need_text(call, "refreshToken", &token) ||
        mn_api_limited(call, mn_api_limit_hit(call, MN_API_RULE_REFRESH_ADDRESS, ip, MN_STR_NONE)))
        return;
    struct mn_login login;
    const char *reason = NULL;
    enum mn_err err = mn_account_refresh(call->api->config.account, token, &login, &reason);
    if (err != MN_OK) {
        refused(call, "refresh", err, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "userId", login.user);
    mn_jout_str(&out, "accessToken", mn_str_c(login.access));
    mn_jout_num(&out, "accessTokenExpiresInSeconds", login.access_ttl_s);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

void mn_api_auth_verify(struct mn_api_call *call)
{
    struct mn_str token, ip = mn_client_str(&call->client);
    if (!need_text(call, "accessToken", &token) ||
        mn_api_limited(call, mn_api_limit_hit(call, MN_API_RULE_VERIFY_ADDRESS, ip, MN_STR_NONE)))
        return;
    int64_t user = 0;
    const char *reason = NULL;
    enum mn_err err = mn_account_verify(call->api->config.account, token, &user, &reason);
    if (err != MN_OK && !reason) {
        mn_api_broken(call, "verify", err);
        return;
    }
    if (err != MN_OK) {
        mn_api_error(call, 401, 40100, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_bool(&out, "ok", true);
    mn_jout_id(&out, "userId", user);
    mn_jout_null(&out, "reason");
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

void mn_api_auth_logout(struct mn_api_call *call)
{
    enum mn_err err = mn_account_logout(call->api->config.account, call->user);
    if (err != MN_OK)
        mn_api_broken(call, "logout", err);
    else
        mn_api_ok(call);
}
