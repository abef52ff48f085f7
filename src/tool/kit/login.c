/* SPDX-License-Identifier: Apache-2.0 */
/* Logins over HTTP, see login.h.  Any thread; tokens and passwords are never printed. */
#include "tool/kit/login.h"

#include <jansson.h>

#include "base/num.h"

/* Copies a string member that must be there and fit. */
static bool take_text(const json_t *data, const char *key, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(data, key));
    if (!text || !*text || strlen(text) >= cap)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool take_data(const json_t *data, bool has_refresh, struct login *login)
{
    const char *uid = json_string_value(json_object_get(data, "userId"));
    json_int_t ttl_s = json_integer_value(json_object_get(data, "accessTokenExpiresInSeconds"));
    if (!uid || mn_parse_i64(mn_str_c(uid), 1, INT64_MAX, &login->uid) != MN_OK || ttl_s < 1)
        return false;
    login->ttl_s = (uint64_t)ttl_s;
    return take_text(data, "accessToken", login->token, sizeof login->token) &&
           (!has_refresh || take_text(data, "refreshToken", login->refresh, sizeof login->refresh));
}

static enum mn_err post(struct http_client *http, const char *path, const char *body,
                        bool has_refresh, struct login *login, char *cause)
{
    int status = 0;
    struct http_client_request req = {.method = "POST", .path = path, .body = body};
    enum mn_err err = http_client_do(http, &req, &status);
    if (err) {
        snprintf(cause, LOGIN_CAUSE_MAX, "%.39s", http_client_cause(http));
        return err;
    }
    json_t *root = json_loadb(http->body.p, http->body.n, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "message"));
    bool ok = status == 200 && json_is_true(json_object_get(root, "ok"));
    if (!ok)
        err = MN_EAUTH;
    else if (!take_data(json_object_get(root, "data"), has_refresh, login))
        err = MN_EPROTO;
    if (err)
        snprintf(cause, LOGIN_CAUSE_MAX, "%d %.28s", status,
                 err == MN_EPROTO ? "without a usable token"
                 : message        ? message
                                  : "");
    json_decref(root);
    return err;
}

enum mn_err login_request(struct http_client *http, const char *user, const char *password,
                          struct login *ret, char *cause)
{
    char body[256];
    snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", user, password);
    return post(http, "/auth/login", body, true, ret, cause);
}

enum mn_err login_refresh(struct http_client *http, struct login *login, char *cause)
{
    char body[256];
    snprintf(body, sizeof body, "{\"refreshToken\":\"%s\"}", login->refresh);
    return post(http, "/auth/refresh", body, false, login, cause);
}
