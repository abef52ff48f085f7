/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request head means, judged strictly: whatever two servers could
 * read differently (RFC 9112, sections 3, 6 and 11.2) is refused, because
 * a proxy in front would be one of the two.  Pure.
 */
#include "base/clock.h"
#include "net/http_parse_impl.h"

#define LENGTH_DIGITS 19 /* fit into 64 bits */

struct mn_str mn_http_text(const struct mn_http_parse *parse, struct mn_http_span span)
{
    return mn_str_make(span.len > 0 ? parse->req->text.p + span.off : "", span.len);
}

/* ---- the request line -------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alpha(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

/* http://host/path: "://" behind letters, before any path or query. */
static const char *find_authority(struct mn_str target)
{
    size_t n = 0;
    while (n < target.n && is_alpha(target.p[n]))
        n++;
    bool has = n > 0 && target.n - n >= 3 && memcmp(target.p + n, "://", 3) == 0;
    return has ? target.p + n + 3 : NULL;
}

static bool is_target(struct mn_str target, bool connect)
{
    if (target.n == 0)
        return false;
    if (connect)
        return is_alpha(target.p[0]) || is_digit(target.p[0]) || target.p[0] == '[';
    return target.p[0] == '/' || mn_str_is(target, "*") || find_authority(target) != NULL;
}

unsigned mn_http_judge_line(const struct mn_http_parse *parse)
{
    const char *version = parse->version;
    if (memcmp(version, "HTTP/", 5) != 0 || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]))
        return 400;
    if (version[5] != '1' || version[7] > '1')
        return 505;
    bool connect = mn_str_is(mn_http_text(parse, parse->method), "CONNECT");
    return is_target(mn_http_text(parse, parse->target), connect) ? 0 : 400;
}

/* ---- headers ----------------------------------------------------------- */

/* Value of the next header of that name from *at on, or absent. */
static struct mn_str next_value(const struct mn_http_request *req, const char *name, unsigned *at)
{
    while (*at < req->header_count) {
        const struct mn_http_header *header = &req->headers[(*at)++];
        if (mn_str_eq_nocase(header->name, mn_str_c(name)))
            return header->value;
    }
    return MN_STR_NONE;
}

/* How often the header is there; *ret is the first one's value. */
static unsigned count_headers(const struct mn_http_request *req, const char *name,
                              struct mn_str *ret)
{
    unsigned at = 0, count = 0;
    for (struct mn_str value; (value = next_value(req, name, &at)).p != NULL; count++)
        if (count == 0)
            *ret = value;
    return count;
}

bool mn_http_has_token(const struct mn_http_request *req, const char *name, struct mn_str token)
{
    unsigned at = 0;
    for (struct mn_str rest; (rest = next_value(req, name, &at)).p != NULL;) {
        while (rest.n > 0) {
            const char *comma = memchr(rest.p, ',', rest.n);
            size_t n = comma != NULL ? (size_t)(comma - rest.p) : rest.n;
            if (mn_str_eq_nocase(mn_str_trim(mn_str_make(rest.p, n)), token))
                return true;
            size_t skip = comma != NULL ? n + 1 : n;
            rest = mn_str_make(rest.p + skip, rest.n - skip);
        }
    }
    return false;
}

/* Host: at most one, and nothing that could be read as another part of an address. */
static bool is_host_good(const struct mn_http_request *req)
{
    struct mn_str host = MN_STR_NONE;
    unsigned count = count_headers(req, "host", &host);
    if (count > 1)
        return false;
    for (size_t i = 0; i < host.n; i++)
        if ((unsigned char)host.p[i] <= ' ' || strchr("/\\@?#<>\"", host.p[i]) != NULL)
            return false;
    return true;
}

static bool parse_length(struct mn_str text, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (!is_digit(text.p[i]))
            return false;
        *ret = *ret * 10 + (uint64_t)(text.p[i] - '0');
    }
    return text.n > 0 && text.n <= LENGTH_DIGITS;
}

/* RFC 9112, 6.3, without its tolerance: one length, or "chunked" alone in HTTP/1.1. */
static unsigned judge_framing(struct mn_http_parse *parse)
{
    const struct mn_http_request *req = parse->req;
    struct mn_str length = MN_STR_NONE, coding = MN_STR_NONE;
    unsigned lengths = count_headers(req, "content-length", &length);
    unsigned codings = count_headers(req, "transfer-encoding", &coding);
    if (lengths + codings > 1)
        return 400;
    if (codings == 1) {
        parse->chunked = true;
        return mn_str_eq_nocase(coding, MN_STR("chunked")) && !req->http_1_0 ? 0 : 400;
    }
    if (lengths == 1 && !parse_length(length, &parse->left))
        return 400;
    return parse->left > parse->limits.body ? 413 : 0;
}

unsigned mn_http_judge_head(struct mn_http_parse *parse)
{
    struct mn_str expect = MN_STR_NONE;
    mn_http_fill(parse);
    if (!is_host_good(parse->req))
        return 400;
    unsigned status = judge_framing(parse);
    if (status != 0)
        return status;
    if ((parse->left > 0 || parse->chunked) && !parse->req->http_1_0 &&
        count_headers(parse->req, "expect", &expect) > 0)
        parse->expects_continue = mn_str_eq_nocase(expect, MN_STR("100-continue"));
    return 0;
}

bool mn_http_trailer_is_bad(struct mn_str name)
{
    static const char *const bad[] = {"content-length", "transfer-encoding", "host", "connection",
                                      "upgrade"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (mn_str_eq_nocase(name, mn_str_c(bad[i])))
            return true;
    return false;
}

/* ---- the request ------------------------------------------------------- */

static enum mn_http_method method_of(struct mn_str text)
{
    static const struct {
        const char *name;
        enum mn_http_method method;
    } known[] = {
        {"GET", MN_HTTP_GET}, {"HEAD", MN_HTTP_HEAD},     {"POST", MN_HTTP_POST},
        {"PUT", MN_HTTP_PUT}, {"DELETE", MN_HTTP_DELETE}, {"OPTIONS", MN_HTTP_OPTIONS},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (mn_str_is(text, known[i].name))
            return known[i].method;
    return MN_HTTP_OTHER;
}

/* Splits the target; the absolute form (http://host/path) is cut down to its path. */
static void set_target(struct mn_http_request *req, struct mn_str target)
{
    const char *end = target.p + target.n, *host = find_authority(target);
    if (host != NULL) {
        while (host < end && *host != '/' && *host != '?')
            host++;
        target = mn_str_make(host, (size_t)(end - host));
    }
    const char *query = memchr(target.p, '?', target.n);
    req->path = target;
    req->query = MN_STR_NONE;
    if (query != NULL) {
        req->path.n = (size_t)(query - target.p);
        req->query = mn_str_make(query + 1, (size_t)(end - query) - 1);
    }
    if (req->path.n == 0)
        req->path = MN_STR("/");
}

void mn_http_fill(struct mn_http_parse *parse)
{
    struct mn_http_request *req = parse->req;
    req->method_text = mn_http_text(parse, parse->method);
    req->method = method_of(req->method_text);
    set_target(req, mn_http_text(parse, parse->target));
    for (unsigned i = 0; i < req->header_count; i++) {
        req->headers[i].name = mn_http_text(parse, parse->name[i]);
        req->headers[i].value = mn_str_trim(mn_http_text(parse, parse->value[i]));
    }
    req->body = mn_http_text(parse, parse->body);
    req->http_1_0 = parse->version[7] == '0';
    req->keep_alive = req->http_1_0 ? mn_http_has_token(req, "connection", MN_STR("keep-alive"))
                                    : !mn_http_has_token(req, "connection", MN_STR("close"));
    req->mono_ns = mn_mono_ns();
}
