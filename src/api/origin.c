/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CORS.  The API's credentials are bearer tokens that a page must already
 * hold, never cookies, so admitting an origin gives its pages no more than
 * any other program has; the list keeps honest browsers from being used
 * against a server on the local network.
 */
#include "api/origin.h"

#include "api/client.h"
#include "base/num.h"

static enum mn_err add_pattern(struct mn_origins *origins, struct mn_str entry)
{
    if (mn_str_is(entry, "same-host")) {
        origins->same_host = true;
        return MN_OK;
    }
    bool good = mn_str_is(entry, "null") || mn_str_is(entry, "*") ||
                memmem(entry.p, entry.n, "://", 3);
    for (size_t i = 0; i < entry.n; i++)
        good = good && entry.p[i] > ' ' && entry.p[i] < 0x7f;
    if (!good)
        return MN_EINVAL;
    if (origins->count == MN_ORIGINS_MAX)
        return MN_ELIMIT;
    origins->pattern[origins->count++] = entry;
    return MN_OK;
}

enum mn_err mn_origins_parse(struct mn_origins *origins, const char *list, struct mn_buf *why)
{
    size_t n = strlen(list), pos = 0;
    struct mn_str entry;
    *origins = (struct mn_origins){0};
    if (n >= sizeof(origins->text)) {
        mn_buf_addf(why, "the list of origins is longer than %zu bytes", sizeof(origins->text) - 1);
        return MN_ELIMIT;
    }
    memcpy(origins->text, list, n + 1);
    while (mn_list_next(mn_str_make(origins->text, n), &pos, &entry)) {
        if (entry.n == 0)
            continue;
        enum mn_err err = add_pattern(origins, entry);
        if (err != MN_OK) {
            mn_buf_addf(why, "origin \"%.*s\": %s", (int)entry.n, entry.p,
                        err == MN_ELIMIT ? "too many entries, at most 64"
                                         : "expected same-host, null, or a pattern such as "
                                           "https://chat.example.org or http://localhost:*");
            return err;
        }
    }
    return MN_OK;
}

/* '*' matches any text, also none. */
static bool matches(struct mn_str pattern, struct mn_str s)
{
    size_t p = 0, i = 0, star = SIZE_MAX, retry = 0;
    while (i < s.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            retry = i;
        } else if (p < pattern.n && pattern.p[p] == s.p[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

/* Host and port of "host:port" or "[v6]:port"; an absent port is `port`. */
static void split_host(struct mn_str authority, struct mn_str port, struct mn_str *ret_host,
                       struct mn_str *ret_port)
{
    const char *bracket = authority.n > 0 ? memrchr(authority.p, ']', authority.n) : NULL;
    const char *colon = authority.n > 0 ? memrchr(authority.p, ':', authority.n) : NULL;
    *ret_host = authority;
    *ret_port = port;
    if (colon && colon > bracket) {
        ret_host->n = (size_t)(colon - authority.p);
        *ret_port = mn_str_make(colon + 1, authority.n - ret_host->n - 1);
    }
}

/* A host of letters that stand in one, or an address in brackets. */
static bool is_host(struct mn_str host)
{
    bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    size_t from = bracketed ? 1 : 0, to = bracketed ? host.n - 1 : host.n;
    for (size_t i = from; i < to; i++)
        if ((unsigned char)host.p[i] <= ' ' || strchr("/?#@\\[]", host.p[i]) ||
            (host.p[i] == ':' && !bracketed))
            return false;
    return to > from;
}

/*
 * scheme://host or scheme://host:port, as browsers send it (RFC 6454 6.1);
 * what comes behind the scheme goes to *ret_rest.  A pattern's '*' is to
 * stand for a port or a host, not for whatever somebody makes up.
 */
static bool is_origin(struct mn_str origin, struct mn_str *ret_rest)
{
    const char *slashes = memmem(origin.p, origin.n, "://", 3);
    struct mn_str host, port;
    uint64_t number;
    if (!slashes || slashes == origin.p)
        return false;
    *ret_rest = mn_str_make(slashes + 3, origin.n - (size_t)(slashes - origin.p) - 3);
    split_host(*ret_rest, MN_STR("80"), &host, &port);
    return is_host(host) && mn_parse_u64(port, 0, UINT64_MAX, &number) == MN_OK;
}

/* Same host as the request's; with_port: and the same port, i.e. the server's own origin. */
static bool is_own_host(struct mn_str origin, struct mn_str host, bool with_port)
{
    struct mn_str port, rest, a_host, a_port, b_host, b_port;
    if (!is_origin(origin, &rest))
        return false;
    const struct mn_str scheme = mn_str_make(origin.p, origin.n - rest.n);
    if (mn_str_is(scheme, "http://"))
        port = MN_STR("80");
    else if (mn_str_is(scheme, "https://"))
        port = MN_STR("443");
    else
        return false;
    split_host(rest, port, &a_host, &a_port);
    split_host(host, port, &b_host, &b_port);
    return b_host.n > 0 && mn_str_eq_nocase(a_host, b_host) &&
           (!with_port || mn_str_eq(a_port, b_port));
}

static bool is_listed(const struct mn_origins *origins, struct mn_str origin, struct mn_str host)
{
    struct mn_str rest;
    if (!mn_str_is(origin, "null") && !is_origin(origin, &rest))
        return false;
    if (origins->same_host && is_own_host(origin, host, false))
        return true;
    for (unsigned i = 0; i < origins->count; i++)
        if (matches(origins->pattern[i], origin))
            return true;
    return false;
}

enum mn_cors mn_origins_judge(const struct mn_origins *origins, const struct mn_http_request *req,
                              struct mn_str method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "OPTIONS"};
    struct mn_str origin = mn_http_header(req, "Origin"), host = mn_http_header(req, "Host");
    if (!origin.p || is_own_host(origin, host, true))
        return MN_CORS_NONE;
    if (!is_listed(origins, origin, host))
        return MN_CORS_REFUSED;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (mn_str_is(method, methods[i]))
            return MN_CORS_ALLOWED;
    return MN_CORS_REFUSED;
}

bool mn_cors_is_preflight(const struct mn_http_request *req)
{
    return req->method == MN_HTTP_OPTIONS && mn_http_header(req, "Origin").p &&
           mn_http_header(req, "Access-Control-Request-Method").p;
}

void mn_cors_headers(const struct mn_http_request *req, enum mn_cors cors,
                     struct mn_http_response *res)
{
    (void)mn_http_response_header(res, "Vary", MN_STR("Origin"));
    (void)mn_http_response_header(res, "Vary", MN_STR("Access-Control-Request-Method"));
    (void)mn_http_response_header(res, "Vary", MN_STR("Access-Control-Request-Headers"));
    if (cors != MN_CORS_ALLOWED)
        return;
    (void)mn_http_response_header(res, "Access-Control-Allow-Origin",
                                  mn_http_header(req, "Origin"));
    (void)mn_http_response_header(res, "Access-Control-Allow-Credentials", MN_STR("true"));
}

void mn_cors_preflight_headers(const struct mn_http_request *req, struct mn_http_response *res)
{
    struct mn_str asked = mn_http_header(req, "Access-Control-Request-Headers");
    (void)mn_http_response_header(res, "Access-Control-Allow-Methods",
                                  MN_STR("GET,POST,PUT,DELETE,OPTIONS"));
    (void)mn_http_response_header(res, "Access-Control-Max-Age", MN_STR("3600"));
    if (!asked.p)
        return;
    struct mn_buf list;
    struct mn_str entry;
    size_t pos = 0;
    mn_buf_init(&list, 2 * asked.n + 2); /* ", " for "," at most doubles it */
    while (mn_list_next(asked, &pos, &entry)) {
        if (list.n > 0)
            mn_buf_add(&list, ", ", 2);
        mn_buf_add_str(&list, entry);
    }
    if (list.n > 0 && !list.failed)
        (void)mn_http_response_header(res, "Access-Control-Allow-Headers", mn_buf_str(&list));
    mn_buf_deinit(&list);
}
