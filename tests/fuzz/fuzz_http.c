/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds bytes to the request parser and the upgrade table as a connection
 * would: pipelined requests, once in one piece and once cut up by the first
 * input byte.  Both must see the same requests and the same end, except that
 * of two things wrong the one seen first decides the status, and that what
 * surrounds the payload is weighed from time to time, not at every byte.
 *
 * The oracle is a second, naive reading of what was accepted: line by line,
 * by CRLF only.  Where it disagrees about the end of a request, so could a
 * proxy.
 */
#include <ctype.h>
#include <strings.h>

#include "base/mem.h"
#include "net/http_parse.h"
#include "net/upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mn_http_limits limits = {.request_line = 128, .headers = 256, .body = 64};

#define REQUESTS_MAX 16

struct outcome {
    struct mn_http_request *req[REQUESTS_MAX];
    unsigned count;
    unsigned status; /* of the refusal that ended it, or 0 */
    size_t used;     /* by complete requests */
};

static void check_text(struct mn_str s, const struct mn_http_request *req)
{
    /* Everything points into the request's own text, or is a constant. */
    if (s.n > 0 && s.p >= req->text.p && s.p < req->text.p + req->text.n)
        MN_BUG_ON(s.p + s.n > req->text.p + req->text.n);
    volatile char sum = 0; /* touches every byte under ASan */
    for (size_t i = 0; i < s.n; i++)
        sum = (char)(sum + s.p[i]);
}

static void check_request(struct mn_http_request *req)
{
    struct mn_upgrade_answer answer = {{0}, {0}};
    check_text(req->path, req);
    check_text(req->query, req);
    check_text(req->body, req);
    MN_BUG_ON(req->body.n > limits.body || req->header_count > MN_HTTP_HEADERS_MAX);
    MN_BUG_ON(req->path.n == 0);
    for (unsigned i = 0; i < req->header_count; i++) {
        check_text(req->headers[i].name, req);
        check_text(req->headers[i].value, req);
    }
    if (mn_upgrade_judge(req, MN_STR("/ws"), &answer) == MN_UPGRADE_BAD)
        MN_BUG_ON(answer.why[0] == '\0');
}

/* End of the line that begins at `at`: no lone CR or LF, no control character. */
static size_t line_end(const char *p, size_t n, size_t at)
{
    const char *cr = memmem(p + at, n - at, "\r\n", 2);
    MN_BUG_ON(cr == NULL);
    for (const char *c = p + at; c < cr; c++)
        MN_BUG_ON(((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f);
    return (size_t)(cr - p);
}

/* Value of a header line of this name, or NULL. */
static const char *value_of(const char *p, size_t n, const char *name)
{
    size_t len = strlen(name);
    if (n <= len || strncasecmp(p, name, len) != 0 || p[len] != ':')
        return NULL;
    return p + len + 1;
}

static size_t digit_of(char c)
{
    return c <= '9' ? (size_t)(c - '0') : (size_t)((c | 0x20) - 'a') + 10;
}

static size_t number_at(const char *p)
{
    size_t n = 0;
    while (*p == ' ' || *p == '\t')
        p++;
    for (; isdigit((unsigned char)*p); p++) /* CRLF follows */
        n = n * 10 + digit_of(*p);
    return n;
}

static size_t skip_chunks(const char *p, size_t n, size_t at)
{
    for (;;) {
        size_t eol = line_end(p, n, at), digits = 0, size = 0;
        for (; digits < eol - at && isxdigit((unsigned char)p[at + digits]); digits++)
            size = size * 16 + digit_of(p[at + digits]);
        MN_BUG_ON(digits == 0 || (at + digits < eol && p[at + digits] != ';'));
        at = eol + 2;
        if (size == 0)
            break;
        MN_BUG_ON(size > n - at || n - at - size < 2 || memcmp(p + at + size, "\r\n", 2) != 0);
        at += size + 2;
    }
    for (size_t eol; (eol = line_end(p, n, at)) != at; at = eol + 2)
        MN_BUG_ON(p[at] == ' ' || p[at] == '\t' || memchr(p + at, ':', eol - at) == NULL);
    return at + 2;
}

/* p[0..n) was accepted as one request: it is one for everybody. */
static void check_framing(const char *p, size_t n)
{
    size_t at = 0, lengths = 0, codings = 0, hosts = 0, length = 0;
    while (n - at > 2 && memcmp(p + at, "\r\n", 2) == 0) /* empty lines ahead of a request */
        at += 2;
    at = line_end(p, n, at) + 2;
    for (size_t eol; (eol = line_end(p, n, at)) != at; at = eol + 2) {
        const char *value = value_of(p + at, eol - at, "content-length");
        MN_BUG_ON(p[at] == ' ' || p[at] == '\t' || memchr(p + at, ':', eol - at) == NULL);
        MN_BUG_ON(((const char *)memchr(p + at, ':', eol - at))[-1] <= ' ');
        if (value != NULL) {
            lengths++;
            length = number_at(value);
        }
        codings += value_of(p + at, eol - at, "transfer-encoding") != NULL;
        hosts += value_of(p + at, eol - at, "host") != NULL;
    }
    at += 2;
    MN_BUG_ON(lengths + codings > 1 || hosts > 1);
    MN_BUG_ON((codings == 1 ? skip_chunks(p, n, at) : at + length) != n);
}

static void run(const uint8_t *data, size_t size, size_t step, struct outcome *out)
{
    struct mn_http_parse *parse = mn_http_parse_new(limits);
    size_t at = 0;
    while (at < size && out->count < REQUESTS_MAX && out->status == 0) {
        size_t piece = size - at < step ? size - at : step, used = 0;
        char *copy = mn_alloc(piece); /* exact size: an overread is seen */
        memcpy(copy, data + at, piece);
        enum mn_http_progress progress = mn_http_parse_feed(parse, copy, piece, &used);
        mn_free(copy);
        MN_BUG_ON(used > piece);
        at += used;
        if (progress == MN_HTTP_BAD) {
            out->status = mn_http_parse_status(parse);
        } else if (progress == MN_HTTP_DONE) {
            struct mn_http_request *req = mn_http_parse_take(parse);
            check_request(req);
            check_framing((const char *)data + out->used, at - out->used);
            out->req[out->count++] = req;
            out->used = at;
            mn_http_parse_free(parse);
            parse = mn_http_parse_new(limits);
        } else {
            MN_BUG_ON(used != piece);
        }
    }
    mn_http_parse_free(parse);
}

static void check_same(const struct mn_http_request *a, const struct mn_http_request *b)
{
    MN_BUG_ON(a->method != b->method || a->keep_alive != b->keep_alive);
    MN_BUG_ON(!mn_str_eq(a->path, b->path) || !mn_str_eq(a->query, b->query));
    MN_BUG_ON(!mn_str_eq(a->body, b->body) || a->header_count != b->header_count);
    for (unsigned i = 0; i < a->header_count; i++)
        MN_BUG_ON(!mn_str_eq(a->headers[i].name, b->headers[i].name) ||
                  !mn_str_eq(a->headers[i].value, b->headers[i].value));
}

static void free_requests(struct outcome *out)
{
    for (unsigned i = 0; i < out->count; i++)
        mn_http_request_free(out->req[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = {0}, cut = {0};
    if (size < 1)
        return 0;
    run(data + 1, size - 1, size, &whole);
    run(data + 1, size - 1, data[0] % 32 + 1, &cut);
    if (whole.status != 431 && cut.status != 431) {
        MN_BUG_ON(whole.count != cut.count || whole.used != cut.used);
        MN_BUG_ON((whole.status == 0) != (cut.status == 0));
    }
    for (unsigned i = 0; i < whole.count && i < cut.count; i++)
        check_same(whole.req[i], cut.req[i]);
    free_requests(&whole);
    free_requests(&cut);
    return 0;
}
