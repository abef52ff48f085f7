/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_LOGIN_H
#define MN_TOOL_KIT_LOGIN_H

#include "proto/jwt.h"
#include "tool/kit/http_client.h"

/* One login over HTTP (H-7.1): blocking, on the caller's connection. */
struct login {
    int64_t uid;
    uint64_t ttl_s; /* of the access token */
    char token[MN_JWT_MAX];
    char refresh[128];
};

/* Why it failed, in words for a table of causes: "429 too_many_requests", "connection closed". */
#define LOGIN_CAUSE_MAX 40

/*
 * POST /auth/login, which registers whoever is new.  `user` and `password`
 * are ours: they need no escaping.  On failure `cause` (LOGIN_CAUSE_MAX)
 * is set: MN_EAUTH, the server refused; MN_EPROTO, it said something else; or
 * as http_client_do().
 */
MN_MUSTCHECK enum mn_err login_request(struct http_client *http, const char *user,
                                       const char *password, struct login *ret, char *cause);
/* POST /auth/refresh with login->refresh: a new token and its life. */
MN_MUSTCHECK enum mn_err login_refresh(struct http_client *http, struct login *login, char *cause);

#endif
