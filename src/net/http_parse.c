/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.x request parsing on top of http-parser, which does the grammar
 * (and refuses Content-Length together with Transfer-Encoding, repeated
 * lengths, and unknown codings).  This file adds the ceilings and collects
 * the text: all of a request's bytes go into one growing buffer, positions
 * are kept as offsets until it is complete, as the buffer moves.
 */
#include "net/http_parse.h"

#include <http_parser.h>

#include "base/clock.h"
#include "base/mem.h"

/* Bytes beyond the limits of a head and beside a body that are parsed but not kept. */
#define HEAD_SLACK 1024
#define CHUNK_OVERHEAD 8 /* "1", CRLF, a byte and CRLF, with two to spare */
/* Pieces in which the library gets the bytes: ceilings are looked at once a piece at the latest. */
#define SLICE 1024
#define HEADER_OVERHEAD 4 /* ": " and CRLF of a header line */

struct span {
    uint32_t off, len;
};

struct mn_http_parse {
    http_parser parser;
    struct mn_http_limits limits;
    struct mn_http_request *req; /* NULL after mn_http_parse_take() */
    struct span target, body;
    struct span name[MN_HTTP_HEADERS_MAX], value[MN_HTTP_HEADERS_MAX];
    uint64_t fed;          /* bytes seen in all */
    uint32_t header_bytes; /* counted against limits.headers */
    unsigned status;       /* of the error, or 0 */
    bool in_value;         /* the latest header piece was a value */
    bool head_done, done, expects_continue;
};

static int fail(struct mn_http_parse *parse, unsigned status)
{
    if (parse->status == 0)
        parse->status = status;
    return -1;
}

/* Appends text and lets `span`, which is the last thing in the buffer, grow over it. */
static int add_text(struct mn_http_parse *parse, struct span *span, const char *p, size_t n)
{
    struct mn_buf *text = &parse->req->text;
    if (span->len == 0)
        span->off = (uint32_t)text->n;
    if (mn_buf_add(text, p, n) != MN_OK)
        return fail(parse, 500);
    span->len += (uint32_t)n;
    return 0;
}

static int on_url(http_parser *parser, const char *p, size_t n)
{
    struct mn_http_parse *parse = parser->data;
    const char *method = http_method_str((enum http_method)parser->method);
    size_t line = strlen(method) + 1 + parse->target.len + n + strlen(" HTTP/1.1");
    if (line > parse->limits.request_line)
        return fail(parse, 414);
    return add_text(parse, &parse->target, p, n);
}

static int count_header_bytes(struct mn_http_parse *parse, size_t n)
{
    if (n > parse->limits.headers - parse->header_bytes)
        return fail(parse, 431);
    parse->header_bytes += (uint32_t)n;
    return 0;
}

static int on_header_field(http_parser *parser, const char *p, size_t n)
{
    struct mn_http_parse *parse = parser->data;
    struct mn_http_request *req = parse->req;
    if (count_header_bytes(parse, n) != 0)
        return -1;
    /* The library lets blanks pass, which other servers read differently (RFC 9112, 5.1). */
    if (memchr(p, ' ', n) != NULL)
        return fail(parse, 400);
    if (parse->head_done)
        return 0; /* a trailer: nobody needs it */
    if (req->header_count == 0 || parse->in_value) {
        if (req->header_count == MN_HTTP_HEADERS_MAX ||
            count_header_bytes(parse, HEADER_OVERHEAD) != 0)
            return fail(parse, 431);
        req->header_count++;
        parse->in_value = false;
    }
    return add_text(parse, &parse->name[req->header_count - 1], p, n);
}

static int on_header_value(http_parser *parser, const char *p, size_t n)
{
    struct mn_http_parse *parse = parser->data;
    if (count_header_bytes(parse, n) != 0)
        return -1;
    if (parse->head_done)
        return 0;
    parse->in_value = true;
    return add_text(parse, &parse->value[parse->req->header_count - 1], p, n);
}

static struct mn_str text_of(const struct mn_http_parse *parse, struct span span)
{
    return mn_str_make(span.len > 0 ? parse->req->text.p + span.off : "", span.len);
}

static bool expects_continue(const struct mn_http_parse *parse)
{
    if (parse->parser.http_major != 1 || parse->parser.http_minor < 1)
        return false;
    for (unsigned i = 0; i < parse->req->header_count; i++)
        if (mn_str_eq_nocase(text_of(parse, parse->name[i]), MN_STR("expect")) &&
            mn_str_eq_nocase(mn_str_trim(text_of(parse, parse->value[i])), MN_STR("100-continue")))
            return true;
    return false;
}

static int on_headers_complete(http_parser *parser)
{
    struct mn_http_parse *parse = parser->data;
    parse->head_done = true;
    bool has_length = (parser->flags & F_CONTENTLENGTH) != 0;
    if (has_length && parser->content_length > parse->limits.body)
        return fail(parse, 413);
    if ((has_length && parser->content_length > 0) || (parser->flags & F_CHUNKED) != 0)
        parse->expects_continue = expects_continue(parse);
    return 0;
}

static int on_body(http_parser *parser, const char *p, size_t n)
{
    struct mn_http_parse *parse = parser->data;
    parse->expects_continue = false; /* it did not wait */
    if (n > parse->limits.body - parse->body.len)
        return fail(parse, 413);
    return add_text(parse, &parse->body, p, n);
}

static int on_message_complete(http_parser *parser)
{
    struct mn_http_parse *parse = parser->data;
    parse->done = true;
    parse->expects_continue = false;
    http_parser_pause(parser, 1); /* stop here: what follows is not ours */
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

struct mn_http_parse *mn_http_parse_new(struct mn_http_limits limits)
{
    struct mn_http_parse *parse = mn_try_alloc(sizeof(*parse));
    struct mn_http_request *req = mn_try_alloc(sizeof(*req));
    if (parse == NULL || req == NULL) {
        mn_free(parse);
        mn_free(req);
        return NULL;
    }
    memset(parse, 0, sizeof(*parse));
    memset(req, 0, sizeof(*req));
    size_t limit = (size_t)limits.request_line + limits.headers + limits.body;
    mn_buf_init(&req->text, limit);
    parse->limits = limits;
    parse->req = req;
    http_parser_init(&parse->parser, HTTP_REQUEST);
    parse->parser.data = parse;
    return parse;
}

void mn_http_parse_free(struct mn_http_parse *parse)
{
    if (parse == NULL)
        return;
    mn_http_request_free(parse->req);
    mn_free(parse);
}

size_t mn_http_request_memory(const struct mn_http_request *req)
{
    return req == NULL ? 0 : mn_mem_cost(sizeof(*req)) + mn_mem_cost(req->text.cap);
}

size_t mn_http_parse_memory(const struct mn_http_parse *parse)
{
    return parse == NULL ? 0 : mn_mem_cost(sizeof(*parse)) + mn_http_request_memory(parse->req);
}

void mn_http_request_free(struct mn_http_request *req)
{
    if (req == NULL)
        return;
    mn_buf_deinit(&req->text);
    mn_free(req);
}

/*
 * Whether there is more around the payload than a client has reason to send:
 * blanks, blank lines, chunk headers and their extensions, trailers.  One
 * byte a chunk is the worst that an honest one does.
 */
static bool is_flooded(const struct mn_http_parse *parse)
{
    uint64_t allowed = (uint64_t)parse->limits.request_line + parse->limits.headers + HEAD_SLACK +
                       (uint64_t)parse->body.len * CHUNK_OVERHEAD;
    return parse->fed - parse->body.len > allowed;
}

/* False when the request is complete or refused. */
static bool feed_slice(struct mn_http_parse *parse, const char *p, size_t n, size_t *ret_used)
{
    *ret_used = http_parser_execute(&parse->parser, &settings, p, n);
    if (parse->status != 0 || parse->done)
        return false;
    enum http_errno err = HTTP_PARSER_ERRNO(&parse->parser);
    if (err != HPE_OK)
        return fail(parse, err == HPE_HEADER_OVERFLOW ? 431 : 400) == 0;
    parse->fed += n;
    if (is_flooded(parse))
        return fail(parse, 431) == 0;
    return true;
}

enum mn_http_progress mn_http_parse_feed(struct mn_http_parse *parse, const char *p, size_t n,
                                         size_t *ret_used)
{
    *ret_used = 0;
    while (*ret_used < n && parse->status == 0 && !parse->done) {
        size_t slice = n - *ret_used < SLICE ? n - *ret_used : SLICE, used = 0;
        bool goes_on = feed_slice(parse, p + *ret_used, slice, &used);
        *ret_used += used;
        if (!goes_on)
            break;
    }
    if (parse->status != 0)
        return MN_HTTP_BAD;
    if (parse->done)
        return MN_HTTP_DONE;
    if (!parse->expects_continue)
        return MN_HTTP_MORE;
    parse->expects_continue = false;
    return MN_HTTP_CONTINUE;
}

unsigned mn_http_parse_status(const struct mn_http_parse *parse) { return parse->status; }

static enum mn_http_method method_of(const http_parser *parser)
{
    switch (parser->method) {
    case HTTP_GET:
        return MN_HTTP_GET;
    case HTTP_HEAD:
        return MN_HTTP_HEAD;
    case HTTP_POST:
        return MN_HTTP_POST;
    case HTTP_PUT:
        return MN_HTTP_PUT;
    case HTTP_DELETE:
        return MN_HTTP_DELETE;
    case HTTP_OPTIONS:
        return MN_HTTP_OPTIONS;
    default:
        return MN_HTTP_OTHER;
    }
}

/* Splits the target; the absolute form (http://host/path) is cut down to its path. */
static void set_target(struct mn_http_request *req, struct mn_str target)
{
    const char *scheme = target.n > 0 && target.p[0] != '/' ? memmem(target.p, target.n, "://", 3)
                                                            : NULL;
    const char *query = memchr(target.p, '?', target.n);
    if (scheme != NULL && (query == NULL || scheme < query)) {
        const char *host = scheme + 3;
        const char *end = target.p + target.n;
        while (host < end && *host != '/' && *host != '?')
            host++;
        target = mn_str_make(host, (size_t)(end - host));
    }
    query = memchr(target.p, '?', target.n);
    if (query != NULL) {
        size_t path_len = (size_t)(query - target.p);
        req->path = mn_str_make(target.p, path_len);
        req->query = mn_str_make(query + 1, target.n - path_len - 1);
    } else {
        req->path = target;
        req->query = MN_STR_NONE;
    }
    if (req->path.n == 0)
        req->path = MN_STR("/");
}

struct mn_http_request *mn_http_parse_take(struct mn_http_parse *parse)
{
    struct mn_http_request *req = parse->req;
    MN_BUG_ON(!parse->done || req == NULL);
    req->method = method_of(&parse->parser);
    req->method_text = mn_str_c(http_method_str((enum http_method)parse->parser.method));
    set_target(req, text_of(parse, parse->target));
    for (unsigned i = 0; i < req->header_count; i++) {
        req->headers[i].name = text_of(parse, parse->name[i]);
        req->headers[i].value = mn_str_trim(text_of(parse, parse->value[i]));
    }
    req->body = text_of(parse, parse->body);
    req->keep_alive = http_should_keep_alive(&parse->parser) != 0;
    req->http_1_0 = parse->parser.http_major == 1 && parse->parser.http_minor == 0;
    req->mono_ns = mn_mono_ns();
    parse->req = NULL;
    return req;
}
