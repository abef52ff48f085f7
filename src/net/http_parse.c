/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.x request parsing, byte by byte, and strict (RFC 9112): lines end
 * with CRLF and nothing else, no control character passes, no line is
 * folded, a name ends at its colon, chunk data ends with CRLF.  What a head
 * means is judged in http_head.c.
 *
 * All of a request's text goes into one growing buffer; positions are kept
 * as offsets until it is complete, as the buffer moves.  Something too long
 * is refused only after the rest of the head was looked through, whatever the
 * pieces it comes in, so that the refusal can carry the headers that the
 * Origin asks for; but not for ever, see LOOKED_MOST.
 */
#include "net/http_parse_impl.h"

#include "base/mem.h"

/* Bytes beyond the limits of a head and beside a body that are parsed but not kept. */
#define HEAD_SLACK 1024
#define LOOKED_MOST (64 * 1024) /* bytes of a head that is refused already */
#define CHUNK_OVERHEAD 8        /* "1", CRLF, a byte and CRLF, with two to spare */
#define HEADER_OVERHEAD 4       /* ": " and CRLF of a header line */
#define SIZE_DIGITS 8           /* of a chunk: more is no size that anybody sends */

/* Characters of tokens (1), of targets (2), of values (4) and of chunk extensions (8). */
enum { TOKEN = 1, TARGET = 2, VALUE = 4, EXTENSION = 8 };

static unsigned class_of(char c)
{
    unsigned char u = (unsigned char)c;
    bool is_alnum = (u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z');
    if (is_alnum || (u > ' ' && u < 0x7f && strchr("!#$%&'*+-.^_`|~", c) != NULL))
        return TOKEN | TARGET | VALUE | EXTENSION;
    if (u > ' ' && u < 0x7f)
        return TARGET | VALUE | EXTENSION;
    if (u >= 0x80)
        return TARGET | VALUE;
    return u == ' ' || u == '\t' ? VALUE | EXTENSION : 0;
}

/* Bytes at p that belong to the class. */
static size_t run_of(const char *p, size_t n, unsigned class)
{
    size_t i = 0;
    while (i < n && (class_of(p[i]) & class) != 0)
        i++;
    return i;
}

static void refuse(struct mn_http_parse *parse, unsigned status)
{
    if (parse->status == 0)
        parse->status = status;
    parse->state = MN_HS_OVER;
}

/* Too much of something: what follows is still looked through, see above. */
static void refuse_later(struct mn_http_parse *parse, unsigned status)
{
    if (parse->status == 0)
        parse->status = status;
}

/* Appends text and lets `span`, which is the last thing in the buffer, grow over it. */
static void add_text(struct mn_http_parse *parse, struct mn_http_span *span, const char *p,
                     size_t n)
{
    struct mn_buf *text = &parse->req->text;
    if (span->len == 0)
        span->off = (uint32_t)text->n;
    if (mn_buf_add(text, p, n) != MN_OK)
        refuse(parse, 500);
    else
        span->len += (uint32_t)n;
}

/* Exactly this byte, then the next state. */
static size_t expect_byte(struct mn_http_parse *parse, const char *p, char wanted,
                          enum mn_http_state next)
{
    if (*p == wanted)
        parse->state = next;
    else
        refuse(parse, 400);
    return 1;
}

/* ---- request line ------------------------------------------------------ */

static void count_line_bytes(struct mn_http_parse *parse, size_t n)
{
    if (n > parse->limits.request_line - parse->line_bytes) {
        parse->line_bytes = parse->limits.request_line;
        refuse_later(parse, 414);
    } else {
        parse->line_bytes += (uint32_t)n;
    }
}

static size_t on_start(struct mn_http_parse *parse, const char *p)
{
    if (*p == '\r') {
        if (parse->fed > 2)
            refuse(parse, 400);
        else
            parse->state = MN_HS_START_LF;
        return 1;
    }
    parse->state = MN_HS_METHOD;
    return 0;
}

/* A word of the request line: characters of the class, then a blank. */
static size_t on_word(struct mn_http_parse *parse, const char *p, size_t n, unsigned class,
                      struct mn_http_span *span, enum mn_http_state next)
{
    size_t run = run_of(p, n, class);
    count_line_bytes(parse, run + (run < n ? 1 : 0));
    if (run > 0 && parse->status == 0)
        add_text(parse, span, p, run);
    if (run == n)
        return n;
    if (p[run] != ' ' || (span->len == 0 && parse->status == 0))
        refuse(parse, 400);
    else if (parse->state != MN_HS_OVER)
        parse->state = next;
    return run + 1;
}

static size_t on_version(struct mn_http_parse *parse, const char *p)
{
    if (*p == '\r') {
        parse->state = MN_HS_LINE_LF;
        return 1;
    }
    count_line_bytes(parse, 1);
    if (parse->piece == MN_HTTP_VERSION_LEN)
        refuse(parse, 400);
    else
        parse->version[parse->piece++] = *p;
    return 1;
}

static size_t on_line_end(struct mn_http_parse *parse, const char *p)
{
    size_t used = expect_byte(parse, p, '\n', MN_HS_LINE);
    if (parse->state != MN_HS_LINE)
        return used;
    unsigned status = parse->piece == MN_HTTP_VERSION_LEN ? mn_http_judge_line(parse) : 400;
    if (parse->status != 0) /* too long: its target was not kept */
        return used;
    if (status == 505)
        refuse_later(parse, status);
    else if (status != 0)
        refuse(parse, status);
    return used;
}

/* ---- header and trailer lines ------------------------------------------ */

static void count_header_bytes(struct mn_http_parse *parse, size_t n)
{
    if (parse->status == 0 && n > parse->limits.headers - parse->header_bytes)
        refuse_later(parse, 431);
    else
        parse->header_bytes += (uint32_t)n;
}

/* What is looked through after something was too long is kept only if an answer depends on it. */
static bool is_wanted(struct mn_str name)
{
    return mn_str_eq_nocase(name, MN_STR("origin")) || mn_str_eq_nocase(name, MN_STR("host"));
}

static void begin_line(struct mn_http_parse *parse)
{
    struct mn_http_request *req = parse->req;
    parse->state = MN_HS_NAME;
    parse->piece = 0;
    if (parse->head_done)
        return;
    count_header_bytes(parse, HEADER_OVERHEAD);
    if (req->header_count == MN_HTTP_HEADERS_MAX) {
        refuse_later(parse, 431);
        req->header_count--; /* its place is needed to look for the Origin */
    }
    parse->name[req->header_count] = parse->value[req->header_count] = (struct mn_http_span){0, 0};
    req->header_count++;
}

static size_t on_line(struct mn_http_parse *parse, const char *p)
{
    if (*p == '\r') {
        parse->state = MN_HS_END_LF;
        return 1;
    }
    begin_line(parse); /* a blank is no token: a folded line is refused there */
    return 0;
}

static void on_colon(struct mn_http_parse *parse)
{
    struct mn_http_request *req = parse->req;
    parse->state = MN_HS_BLANKS;
    if (parse->head_done) {
        size_t n = parse->piece < MN_HTTP_TRAILER_NAME ? parse->piece : MN_HTTP_TRAILER_NAME;
        if (mn_http_trailer_is_bad(mn_str_make(parse->trailer, n)))
            refuse(parse, 400);
    } else if (parse->status != 0 &&
               !is_wanted(mn_http_text(parse, parse->name[req->header_count - 1]))) {
        req->text.n -= parse->name[req->header_count - 1].len; /* the last text there is */
        req->header_count--;
        parse->piece = 0; /* no name: the value is not kept either */
    }
}

static size_t on_name(struct mn_http_parse *parse, const char *p, size_t n)
{
    size_t run = run_of(p, n, TOKEN);
    count_header_bytes(parse, run);
    if (parse->head_done) {
        for (size_t i = 0; i < run && parse->piece + i < MN_HTTP_TRAILER_NAME; i++)
            parse->trailer[parse->piece + i] = p[i];
    } else if (run > 0 && (parse->status == 0 || parse->piece + run < MN_HTTP_TRAILER_NAME)) {
        add_text(parse, &parse->name[parse->req->header_count - 1], p, run);
    }
    parse->piece += (uint32_t)run;
    if (run == n || parse->state == MN_HS_OVER)
        return run;
    if (p[run] != ':' || parse->piece == 0)
        refuse(parse, 400);
    else
        on_colon(parse);
    return run + 1;
}

static size_t on_blanks(struct mn_http_parse *parse, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t'))
        i++;
    if (i < n)
        parse->state = MN_HS_VALUE;
    return i;
}

static size_t on_value(struct mn_http_parse *parse, const char *p, size_t n)
{
    size_t run = run_of(p, n, VALUE);
    unsigned at = parse->req->header_count;
    count_header_bytes(parse, run);
    bool keeps = !parse->head_done && parse->piece > 0 && at > 0 &&
                 (parse->status == 0 || parse->value[at - 1].len + run <= parse->limits.headers);
    if (keeps && run > 0)
        add_text(parse, &parse->value[at - 1], p, run);
    if (run == n || parse->state == MN_HS_OVER)
        return run;
    return run + expect_byte(parse, p + run, '\r', MN_HS_VALUE_LF);
}

/* ---- body -------------------------------------------------------------- */

static void finish(struct mn_http_parse *parse)
{
    parse->done = true;
    parse->expects_continue = false;
    parse->state = MN_HS_OVER;
}

static size_t on_empty_line(struct mn_http_parse *parse, const char *p)
{
    expect_byte(parse, p, '\n', MN_HS_LINE);
    if (parse->state == MN_HS_OVER)
        return 1;
    if (parse->head_done) { /* behind the trailers */
        finish(parse);
        return 1;
    }
    parse->head_done = true;
    unsigned status = parse->status != 0 ? parse->status : mn_http_judge_head(parse);
    parse->piece = 0;
    if (status != 0)
        refuse(parse, status);
    else if (parse->chunked)
        parse->state = MN_HS_SIZE;
    else if (parse->left > 0)
        parse->state = MN_HS_BODY;
    else
        finish(parse);
    return 1;
}

/* Bytes of the body or of a chunk; `next` when all are there. */
static size_t on_data(struct mn_http_parse *parse, const char *p, size_t n, enum mn_http_state next)
{
    size_t take = n < parse->left ? n : (size_t)parse->left;
    parse->expects_continue = false; /* it did not wait */
    parse->left -= take;
    add_text(parse, &parse->body, p, take);
    if (parse->left == 0 && parse->state != MN_HS_OVER) {
        parse->state = next;
        if (next == MN_HS_OVER)
            finish(parse);
    }
    return take;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t on_size(struct mn_http_parse *parse, const char *p)
{
    int digit = hex_value(*p);
    parse->expects_continue = false;
    if (digit >= 0 && parse->piece < SIZE_DIGITS) {
        parse->left = parse->left << 4 | (unsigned)digit;
        parse->piece++;
    } else if (parse->piece == 0 || (*p != '\r' && *p != ';')) {
        refuse(parse, 400);
    } else if (parse->left > parse->limits.body - parse->body.len) {
        refuse(parse, 413);
    } else {
        parse->state = *p == ';' ? MN_HS_EXTENSION : MN_HS_SIZE_LF;
    }
    return 1;
}

static size_t on_extension(struct mn_http_parse *parse, const char *p, size_t n)
{
    size_t run = run_of(p, n, EXTENSION);
    return run == n ? n : run + expect_byte(parse, p + run, '\r', MN_HS_SIZE_LF);
}

static size_t on_size_end(struct mn_http_parse *parse, const char *p)
{
    parse->piece = 0;
    return expect_byte(parse, p, '\n', parse->left > 0 ? MN_HS_CHUNK : MN_HS_LINE);
}

/* ---- the whole --------------------------------------------------------- */

/* Takes at least one byte, or changes the state. */
static size_t step(struct mn_http_parse *parse, const char *p, size_t n)
{
    switch (parse->state) {
    case MN_HS_START:
        return on_start(parse, p);
    case MN_HS_START_LF:
        return expect_byte(parse, p, '\n', MN_HS_START);
    case MN_HS_METHOD:
        return on_word(parse, p, n, TOKEN, &parse->method, MN_HS_TARGET);
    case MN_HS_TARGET:
        return on_word(parse, p, n, TARGET, &parse->target, MN_HS_VERSION);
    case MN_HS_VERSION:
        return on_version(parse, p);
    case MN_HS_LINE_LF:
        return on_line_end(parse, p);
    case MN_HS_LINE:
        return on_line(parse, p);
    case MN_HS_NAME:
        return on_name(parse, p, n);
    case MN_HS_BLANKS:
        return on_blanks(parse, p, n);
    case MN_HS_VALUE:
        return on_value(parse, p, n);
    case MN_HS_VALUE_LF:
        return expect_byte(parse, p, '\n', MN_HS_LINE);
    case MN_HS_END_LF:
        return on_empty_line(parse, p);
    case MN_HS_BODY:
        return on_data(parse, p, n, MN_HS_OVER);
    case MN_HS_SIZE:
        return on_size(parse, p);
    case MN_HS_EXTENSION:
        return on_extension(parse, p, n);
    case MN_HS_SIZE_LF:
        return on_size_end(parse, p);
    case MN_HS_CHUNK:
        return on_data(parse, p, n, MN_HS_CHUNK_CR);
    case MN_HS_CHUNK_CR:
        return expect_byte(parse, p, '\r', MN_HS_CHUNK_LF);
    case MN_HS_CHUNK_LF:
        return expect_byte(parse, p, '\n', MN_HS_SIZE);
    case MN_HS_OVER:
        break;
    }
    return n;
}

/*
 * Whether there is more around the payload than a client has reason to send:
 * blanks, chunk headers and their extensions, trailers.  One byte a chunk
 * is the worst that an honest one does.
 */
static bool is_flooded(const struct mn_http_parse *parse)
{
    uint64_t allowed = (uint64_t)parse->limits.request_line + parse->limits.headers + HEAD_SLACK +
                       (uint64_t)parse->body.len * CHUNK_OVERHEAD;
    return parse->fed - parse->body.len > allowed;
}

enum mn_http_progress mn_http_parse_feed(struct mn_http_parse *parse, const char *p, size_t n,
                                         size_t *ret_used)
{
    *ret_used = 0;
    while (*ret_used < n && parse->state != MN_HS_OVER) {
        size_t used = step(parse, p + *ret_used, n - *ret_used);
        *ret_used += used;
        parse->fed += used;
        if (parse->state != MN_HS_OVER && parse->status == 0 && is_flooded(parse))
            refuse(parse, 431);
    }
    if (parse->status != 0 && parse->fed > LOOKED_MOST)
        parse->state = MN_HS_OVER;
    if (parse->status != 0)
        return parse->state == MN_HS_OVER ? MN_HTTP_BAD : MN_HTTP_DOOMED;
    if (parse->done)
        return MN_HTTP_DONE;
    if (!parse->expects_continue)
        return MN_HTTP_MORE;
    parse->expects_continue = false;
    return MN_HTTP_CONTINUE;
}

unsigned mn_http_parse_status(const struct mn_http_parse *parse)
{
    return parse != NULL ? parse->status : 0;
}

const struct mn_http_request *mn_http_parse_partial(struct mn_http_parse *parse)
{
    if (parse == NULL || parse->req == NULL)
        return NULL;
    /* A header whose line is not whole says nothing yet. */
    if (!parse->head_done && parse->req->header_count > 0 &&
        (parse->state == MN_HS_NAME || parse->state == MN_HS_BLANKS || parse->state == MN_HS_VALUE))
        parse->req->header_count--;
    mn_http_fill(parse);
    return parse->req;
}

struct mn_http_request *mn_http_parse_take(struct mn_http_parse *parse)
{
    struct mn_http_request *req = parse->req;
    MN_BUG_ON(!parse->done || req == NULL);
    mn_http_fill(parse);
    parse->req = NULL;
    return req;
}

/* ---- life -------------------------------------------------------------- */

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
    /* Twice the headers: those that are wanted after something was too long come on top. */
    mn_buf_init(&req->text, (size_t)limits.request_line + 2 * (size_t)limits.headers + limits.body);
    parse->limits = limits;
    parse->req = req;
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
