/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smoke session: a login ends the sessions before it.  The first
 * connection goes, and the first access token gets 401 session_invalid.
 */
#include <inttypes.h>

#include "tool/kit/login.h"
#include "tool/smoke/smoke.h"

static bool log_in(struct smoke *s, const char *name, const char *user, struct login *ret)
{
    char cause[LOGIN_CAUSE_MAX] = "";
    bool ok = login_request(&s->http, user, "smoke-password", ret, cause) == MN_OK;
    return smoke_step(s, ok, name, "HTTP 200 with accessToken and a string userId",
                      mn_str_c(ok               ? "both"
                               : s->http.why[0] ? s->http.why
                                                : cause));
}

static bool get_profile(struct smoke *s, const char *name, const struct login *session,
                        int want_status, const char *want_text)
{
    const struct http_client_request req = {.method = "GET", .path = "/me/profile"};
    return smoke_ask(s, name, session->token, &req, want_status, want_text);
}

static struct ws_client *auth(struct smoke *s, const char *name, const struct login *session)
{
    struct ws_client *c = smoke_connect(s, name);
    struct smoke_want want = {.type = MN_TYPE_AUTH_OK, .from = session->uid};
    if (!c)
        return NULL;
    mn_ignore(smoke_send(c, "{\"type\":\"AUTH\",\"token\":\"%s\"}", session->token));
    return smoke_expect(s, c, name, &want, NULL) ? c : NULL;
}

/* Told `kicked` or `session_invalid`, whichever finds it first, and closed. */
static bool is_put_out(struct smoke *s, struct ws_client *c)
{
    struct ws_client_in in;
    enum ws_client_event event = WS_CLIENT_TEXT;
    do {
        event = ws_client_next(c, s->timeout_ms, &in);
    } while (event == WS_CLIENT_TEXT && in.env.type != MN_TYPE_ERROR);
    bool ok = event == WS_CLIENT_TEXT &&
              (mn_str_is(in.env.reason, "kicked") || mn_str_is(in.env.reason, "session_invalid"));
    return smoke_step(s, ok, "the first connection is put out", "ERROR kicked or session_invalid",
                      event == WS_CLIENT_TEXT ? in.text : MN_STR("no ERROR frame")) &&
           smoke_expect_close(s, c, "and closed", 1000);
}

void smoke_session(struct smoke *s)
{
    char user[48];
    struct login first, second;
    snprintf(user, sizeof user, "smoke%" PRId64, s->next_uid++);
    if (!log_in(s, "first login (also registers)", user, &first))
        return;
    struct ws_client *c1 = auth(s, "the first token authenticates", &first);
    if (!c1 || !get_profile(s, "the first token on HTTP", &first, 200, "\"ok\":true") ||
        !log_in(s, "second login", user, &second))
        return;
    struct ws_client *c2 = auth(s, "the second token authenticates", &second);
    if (!c2 || !is_put_out(s, c1) ||
        !get_profile(s, "the first token is over", &first, 401, "session_invalid"))
        return;
    mn_ignore(get_profile(s, "the second token is good", &second, 200, "\"ok\":true"));
}
