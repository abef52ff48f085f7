/* SPDX-License-Identifier: Apache-2.0 */
/* Steps over HTTP, see smoke.h. */
#include "tool/smoke/smoke.h"

enum { TOKEN_TTL_S = 3600 };

bool smoke_ask(struct smoke *s, const char *name, const char *token,
               const struct http_client_request *what, int want_status, const char *want_text)
{
    char expected[120], got[360];
    struct http_client_request req = *what;
    int status = 0;
    req.bearer = token;
    enum mn_err err = http_client_do(&s->http, &req, &status);
    snprintf(expected, sizeof expected, "HTTP %d with %s", want_status, want_text);
    snprintf(got, sizeof got, "%s, HTTP %d: %.*s", err ? s->http.why : "an answer", status,
             err ? 0 : (int)(s->http.body.n < 200 ? s->http.body.n : 200), s->http.body.p);
    bool ok = !err && status == want_status &&
              memmem(s->http.body.p, s->http.body.n, want_text, strlen(want_text));
    return smoke_step(s, ok, name, expected, mn_str_c(got));
}

static bool ask(struct smoke *s, const char *name, int64_t uid,
                const struct http_client_request *what, int want_status, const char *want_text)
{
    char token[MN_JWT_MAX];
    return smoke_token(s, uid, TOKEN_TTL_S, token) &&
           smoke_ask(s, name, token, what, want_status, want_text);
}

bool smoke_post(struct smoke *s, const char *name, int64_t uid, const char *path, const char *body,
                int want_status, const char *want_text)
{
    const struct http_client_request req = {.method = "POST", .path = path, .body = body};
    return ask(s, name, uid, &req, want_status, want_text);
}

bool smoke_get(struct smoke *s, const char *name, int64_t uid, const char *path,
               const char *want_text)
{
    const struct http_client_request req = {.method = "GET", .path = path};
    return ask(s, name, uid, &req, 200, want_text);
}

bool smoke_id_of(struct smoke *s, const char *key, char id[24])
{
    char pattern[40];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *at = memmem(s->http.body.p, s->http.body.n, pattern, strlen(pattern));
    size_t n = 0, left = at ? s->http.body.n - (size_t)(at - s->http.body.p) : 0;
    for (at = at ? at + strlen(pattern) : NULL; at && n < 20 && n + strlen(pattern) < left; n++) {
        if (at[n] < '0' || at[n] > '9')
            break;
        id[n] = at[n];
    }
    id[n] = '\0';
    return smoke_step(s, n > 0, "its id", "a decimal string", mn_str_c(n > 0 ? id : "none"));
}
