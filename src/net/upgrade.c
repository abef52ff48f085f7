/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges WebSocket upgrade requests, row by row as W-1.2 has
 * them.  Pure.  Query, Authorization, Origin, Cookie, subprotocols and
 * extensions have no effect, and a malformed key is accepted, as is the
 * absence of a Host.
 */
#include "net/upgrade.h"

#include "proto/ws.h"

static bool is_ws_path(struct mn_str path, struct mn_str ws_path)
{
    if (path.n < ws_path.n || memcmp(path.p, ws_path.p, ws_path.n) != 0)
        return false;
    return path.n == ws_path.n || path.p[ws_path.n] == '/';
}

static bool is_supported(struct mn_str version)
{
    return mn_str_is(version, "13") || mn_str_is(version, "8") || mn_str_is(version, "7");
}

enum mn_upgrade mn_upgrade_judge(const struct mn_http_request *req, struct mn_str ws_path,
                                 struct mn_upgrade_answer *ret)
{
    if (!is_ws_path(req->path, ws_path))
        return MN_UPGRADE_NONE;
    struct mn_str version = mn_http_header(req, "sec-websocket-version");
    struct mn_str key = mn_http_header(req, "sec-websocket-key");
    const char *why = NULL;
    if (version.p != NULL && !is_supported(version))
        return MN_UPGRADE_VERSION;
    if (req->method != MN_HTTP_GET) {
        snprintf(ret->why, sizeof(ret->why), "Invalid WebSocket handshake method: %.*s",
                 (int)req->method_text.n, req->method_text.p);
        return MN_UPGRADE_BAD;
    }
    if (version.p == NULL)
        why = "not a WebSocket handshake request: missing upgrade";
    else if (!mn_http_has_token(req, "connection", MN_STR("upgrade")))
        why = "not a WebSocket request: a |Connection| header must includes a token 'Upgrade'";
    else if (!mn_http_has_token(req, "upgrade", MN_STR("websocket")))
        why = "not a WebSocket request: a |Upgrade| header must containing the value 'websocket'";
    else if (key.p == NULL)
        why = "not a WebSocket request: missing key";
    if (why != NULL) {
        snprintf(ret->why, sizeof(ret->why), "%s", why);
        return MN_UPGRADE_BAD;
    }
    mn_ws_accept_key(key, ret->accept);
    return MN_UPGRADE_OK;
}
