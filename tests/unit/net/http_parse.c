/* SPDX-License-Identifier: Apache-2.0 */
/* The request parser: bytes in, a request or a status out, however they are split. */
#include "net/http_parse.h"

#include "base/mem.h"
#include "unit/net/tests.h"

static const struct mn_http_limits limits = {.request_line = 100, .headers = 200, .body = 50};

/* Feeds in pieces of `step` bytes; returns the last progress, *ret_used in all. */
static enum mn_http_progress feed(struct mn_http_parse *parse, const char *p, size_t n, size_t step,
                                  size_t *ret_used)
{
    enum mn_http_progress progress = MN_HTTP_MORE;
    *ret_used = 0;
    while (*ret_used < n && progress != MN_HTTP_DONE && progress != MN_HTTP_BAD) {
        size_t piece = n - *ret_used < step ? n - *ret_used : step, used = 0;
        char *copy = mn_alloc(piece); /* its end is guarded under ASan */
        memcpy(copy, p + *ret_used, piece);
        progress = mn_http_parse_feed(parse, copy, piece, &used);
        mn_free(copy);
        *ret_used += used;
    }
    return progress;
}

static unsigned status_of(const char *text, size_t n, size_t step)
{
    struct mn_http_parse *parse = mn_http_parse_new(limits);
    size_t used;
    enum mn_http_progress progress = feed(parse, text, n, step, &used);
    bool refused = progress == MN_HTTP_BAD || progress == MN_HTTP_DOOMED;
    unsigned status = refused ? mn_http_parse_status(parse) : 0;
    if (progress == MN_HTTP_DONE)
        status = 200;
    mn_http_parse_free(parse);
    return status;
}

static bool is(struct mn_str s, const char *z) { return s.p != NULL && mn_str_is(s, z); }

static void same_request_at_every_split(void **state)
{
    static const char text[] =
        "POST /a/b?x=1&y=%20 HTTP/1.1\r\nHost: h\r\nX-Long:   some value  \r\n"
        "Empty:\r\nContent-Length: 5\r\n\r\nhelloGET /next";
    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        struct mn_http_parse *parse = mn_http_parse_new(limits);
        size_t used;
        assert_int_equal(feed(parse, text, sizeof(text) - 1, step, &used), MN_HTTP_DONE);
        assert_int_equal(used, sizeof(text) - 1 - strlen("GET /next"));
        struct mn_http_request *req = mn_http_parse_take(parse);
        assert_int_equal(req->method, MN_HTTP_POST);
        assert_true(is(req->method_text, "POST"));
        assert_true(is(req->path, "/a/b"));
        assert_true(is(req->query, "x=1&y=%20"));
        assert_true(is(req->body, "hello"));
        assert_true(is(mn_http_header(req, "x-long"), "some value"));
        assert_true(is(mn_http_header(req, "EMPTY"), ""));
        assert_null(mn_http_header(req, "absent").p);
        assert_int_equal(req->header_count, 4);
        assert_true(req->keep_alive);
        mn_http_request_free(req);
        mn_http_parse_free(parse);
    }
}

static void targets_are_split(void **state)
{
    static const struct {
        const char *line, *path, *query;
    } cases[] = {
        {"GET /x HTTP/1.1\r\n\r\n", "/x", NULL},
        {"GET /x? HTTP/1.1\r\n\r\n", "/x", ""},
        {"GET /x?a?b HTTP/1.1\r\n\r\n", "/x", "a?b"},
        {"GET http://h:1/x?q HTTP/1.1\r\n\r\n", "/x", "q"},
        {"GET http://h HTTP/1.1\r\n\r\n", "/", NULL},
        {"GET http://h?q HTTP/1.1\r\n\r\n", "/", "q"},
        {"GET /x?u=http://h/ HTTP/1.1\r\n\r\n", "/x", "u=http://h/"},
        {"OPTIONS * HTTP/1.1\r\n\r\n", "*", NULL},
        {"CONNECT h:443 HTTP/1.1\r\n\r\n", "h:443", NULL},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_http_parse *parse = mn_http_parse_new(limits);
        size_t used, n = strlen(cases[i].line);
        assert_int_equal(feed(parse, cases[i].line, n, n, &used), MN_HTTP_DONE);
        struct mn_http_request *req = mn_http_parse_take(parse);
        assert_true(is(req->path, cases[i].path));
        if (cases[i].query == NULL)
            assert_null(req->query.p);
        else
            assert_true(is(req->query, cases[i].query));
        mn_http_request_free(req);
        mn_http_parse_free(parse);
    }
}

static void chunks_are_joined_and_trailers_ignored(void **state)
{
    static const char text[] = "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "5;ext=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrail: er\r\n\r\n";
    (void)state;
    for (size_t step = 1; step < sizeof(text); step++) {
        struct mn_http_parse *parse = mn_http_parse_new(limits);
        size_t used;
        assert_int_equal(feed(parse, text, sizeof(text) - 1, step, &used), MN_HTTP_DONE);
        struct mn_http_request *req = mn_http_parse_take(parse);
        assert_true(is(req->body, "hello world"));
        assert_int_equal(req->header_count, 1);
        mn_http_request_free(req);
        mn_http_parse_free(parse);
    }
}

static void bad_requests(void **state)
{
    static const struct {
        const char *text;
        unsigned status;
    } cases[] = {
        {"\x16\x03\x01 tls", 400},
        {"GET\r\n\r\n", 400},
        {"GE T / HTTP/1.1\r\n\r\n", 400},
        {"PRI * HTTP/2.0\r\n\r\n", 505},
        {"GET / HTTP/9.9x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nX: a\x01z\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 51\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
         "1e\r\n123456789012345678901234567890\r\n"
         "1e\r\n123456789012345678901234567890\r\n",
         413},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].text);
        for (size_t step = 1; step <= n; step++) {
            unsigned status = status_of(cases[i].text, n, step);
            if (status != cases[i].status)
                fail_msg("case %zu, step %zu: %u", i, step, status);
        }
    }
}

#define CHUNKED "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
#define GET_ "GET / HTTP/1.1\r\n"

/* What a proxy in front could read differently than we do: never a request, always the end. */
static const struct {
    struct mn_str text;
    unsigned status;
} shapes[] = {
    /* chunk data and what ends it */
    {MN_STR(CHUNKED "3\r\nabcXX0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3\r\nabc\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3\r\nabc\r0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3\r\nabc0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3\r\nabcd\r\n0\r\n\r\n"), 400},
    /* chunk sizes */
    {MN_STR(CHUNKED "\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED " 3\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3 \r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "+3\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "-3\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3_0\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "000000003\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "100000003\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "ffffffff\r\nabc"), 413},
    {MN_STR(CHUNKED "3\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3\rabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3\r\nabc\r\n0\n\r\n"), 400},
    {MN_STR(CHUNKED "3\r\nabc\r\n0\r\n\n"), 400},
    /* chunk extensions */
    {MN_STR(CHUNKED "3;a\nb\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3;a\0b\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3;a=\"\x7f\"\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "3;\x80\r\nabc\r\n0\r\n\r\n"), 400},
    {MN_STR(CHUNKED "2;\nxx\r\n45\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 400},
    {MN_STR(CHUNKED "0;\n\r\n\r\n"), 400},
    /* trailers */
    {MN_STR(CHUNKED "0\r\nContent-Length: 5\r\n\r\n"), 400},
    {MN_STR(CHUNKED "0\r\ntransfer-encoding: chunked\r\n\r\n"), 400},
    {MN_STR(CHUNKED "0\r\nHost: other\r\n\r\n"), 400},
    {MN_STR(CHUNKED "0\r\nX : y\r\n\r\n"), 400},
    {MN_STR(CHUNKED "0\r\nX: y\n\r\n"), 400},
    {MN_STR(CHUNKED "0\r\nX: y\r\n folded\r\n\r\n"), 400},
    {MN_STR(CHUNKED "0\r\nno colon\r\n\r\n"), 400},
    /* codings and lengths */
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: identity, chunked\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: chunked;q=1\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"),
     400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
            "Transfer-Encoding: identity\r\n\r\n"),
     400},
    {MN_STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400},
    {MN_STR("POST / HTTP/1.1\r\nTransfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), 200},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 1 1\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 1;\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length:\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 00000000000000000001\r\n\r\nx"), 400},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\nx"), 400},
    /* lines */
    {MN_STR("GET / HTTP/1.1\nHost: x\r\n\r\n"), 400},
    {MN_STR(GET_ "Host: x\n\r\n"), 400},
    {MN_STR(GET_ "Host: x\r\n\n"), 400},
    {MN_STR(GET_ "Host: x\rY: z\r\n\r\n"), 400},
    {MN_STR(GET_ "X: a\0b\r\n\r\n"), 400},
    {MN_STR(GET_ "X: a\x7f\r\n\r\n"), 400},
    {MN_STR(GET_ "X: a\x0b\r\n\r\n"), 400},
    {MN_STR(GET_ "X: a\r\n b\r\n\r\n"), 400},
    {MN_STR(GET_ "X: a\r\n\tb\r\n\r\n"), 400},
    {MN_STR(GET_ " X: a\r\n\r\n"), 400},
    {MN_STR(GET_ "X : a\r\n\r\n"), 400},
    {MN_STR(GET_ "X\t: a\r\n\r\n"), 400},
    {MN_STR(GET_ "X\0: a\r\n\r\n"), 400},
    {MN_STR(GET_ "X\x80: a\r\n\r\n"), 400},
    {MN_STR(GET_ "X(y): a\r\n\r\n"), 400},
    {MN_STR(GET_ ": a\r\n\r\n"), 400},
    {MN_STR(GET_ "\r\r\n\r\n"), 400},
    /* the request line */
    {MN_STR(" GET / HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET  / HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET /  HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET / HTTP/1.1 \r\n\r\n"), 400},
    {MN_STR("GET /a b HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET\t/ HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET /\tHTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET /\0 HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET healthz HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET / http/1.1\r\n\r\n"), 400},
    {MN_STR("GET / HTTP/1.10\r\n\r\n"), 400},
    {MN_STR("GET / HTTP/01.1\r\n\r\n"), 400},
    {MN_STR("GET / HTTP/1,1\r\n\r\n"), 400},
    {MN_STR("GET / ICY/1.1\r\n\r\n"), 400},
    {MN_STR("G\x80T / HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("\nGET / HTTP/1.1\r\n\r\n"), 400},
    {MN_STR("GET /\r\n"), 400},
    {MN_STR("GET / HTTP/0.9\r\n\r\n"), 505},
    {MN_STR("GET / HTTP/1.2\r\n\r\n"), 505},
    {MN_STR("GET / HTTP/2.0\r\n\r\n"), 505},
    {MN_STR("GET / HTTP/9.9\r\n\r\n"), 505},
    /* the host */
    {MN_STR(GET_ "Host: a\r\nHost: a\r\n\r\n"), 400},
    {MN_STR(GET_ "Host: a\r\nhost: b\r\n\r\n"), 400},
    {MN_STR(GET_ "Host: a b\r\n\r\n"), 400},
    {MN_STR(GET_ "Host: a/b\r\n\r\n"), 400},
    {MN_STR(GET_ "Host: u@a\r\n\r\n"), 400},
    {MN_STR(GET_ "Host: a, b\r\n\r\n"), 400},
    /* what is allowed */
    {MN_STR("\r\n" GET_ "Host: [::1]:8080\r\n\r\n"), 200},
    {MN_STR(GET_ "Host:\r\n\r\n"), 200},
    {MN_STR(GET_ "Host:\tx\t\r\n\r\n"), 200},
    {MN_STR(CHUNKED "00000003;a=\"b c\";d\r\nabc\r\n0;x\r\nX: y\r\n\r\n"), 200},
    {MN_STR("POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"), 200},
    {MN_STR("POST / HTTP/1.1\r\nContent-Length: 01\r\n\r\nx"), 200},
    {MN_STR("BREW /pot HTTP/1.1\r\n\r\n"), 200},
    {MN_STR("get / HTTP/1.1\r\n\r\n"), 200},
};

static void shapes_of_smuggling(void **state)
{
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(shapes); i++)
        for (size_t step = 1; step <= shapes[i].text.n; step++) {
            unsigned status = status_of(shapes[i].text.p, shapes[i].text.n, step);
            if (status != shapes[i].status)
                fail_msg("case %zu, step %zu: %u", i, step, status);
        }
}

/* Refusals know who asked, if that was said before the mistake or behind something too long. */
static void refused_requests_name_their_origin(void **state)
{
    struct mn_buf text;
    (void)state;
    static const size_t steps[] = {1, 7, 100, 20000};
    for (unsigned i = 0; i < 4 * MN_ARRAY_LEN(steps); i++) {
        unsigned kind = i % 4;
        mn_buf_init(&text, 20000);
        mn_buf_addf(&text, "POST /%0*d HTTP/%s\r\n", kind == 0 ? 200 : 1, 0,
                    kind == 3 ? "3.0" : "1.1");
        for (unsigned k = 0; k < (kind == 1 ? 100u : 0u); k++)
            mn_buf_addf(&text, "X%u: %u\r\n", k, k);
        if (kind == 2)
            mn_buf_addf(&text, "Long-name-of-a-header-that-nobody-knows: %0300d\r\n", 0);
        mn_buf_add_z(&text, "Origin: http://localhost:5173\r\nOther: x\r\n\r\n");
        struct mn_http_parse *parse = mn_http_parse_new(limits);
        size_t used;
        assert_int_equal(feed(parse, text.p, text.n, steps[i / 4], &used), MN_HTTP_BAD);
        static const unsigned status[] = {414, 431, 431, 505};
        assert_int_equal(mn_http_parse_status(parse), status[kind]);
        const struct mn_http_request *req = mn_http_parse_partial(parse);
        assert_true(is(mn_http_header(req, "origin"), "http://localhost:5173"));
        mn_http_parse_free(parse);
        mn_buf_deinit(&text);
    }
}

/* prefix, n times c, suffix */
static unsigned status_of_long(const char *prefix, char c, size_t n, const char *suffix)
{
    size_t total = strlen(prefix) + n + strlen(suffix);
    char *text = mn_alloc(total);
    memcpy(text, prefix, strlen(prefix));
    memset(text + strlen(prefix), c, n);
    memcpy(text + strlen(prefix) + n, suffix, strlen(suffix));
    unsigned whole = status_of(text, total, total), pieces = status_of(text, total, 7);
    mn_free(text);
    assert_int_equal(whole, pieces);
    return whole;
}

static void limits_are_exact(void **state)
{
    (void)state;
    /* "GET /" and " HTTP/1.1" are 14 bytes of the line's 100. */
    assert_int_equal(status_of_long("GET /", 'a', 86, " HTTP/1.1\r\n\r\n"), 200);
    assert_int_equal(status_of_long("GET /", 'a', 87, " HTTP/1.1\r\n\r\n"), 414);
    assert_int_equal(status_of_long("GET /", 'a', 100000, ""), 414);
    /* "X: " and CRLF: 5 bytes of the headers' 200. */
    assert_int_equal(status_of_long("GET / HTTP/1.1\r\nX: ", 'a', 195, "\r\n\r\n"), 200);
    assert_int_equal(status_of_long("GET / HTTP/1.1\r\nX: ", 'a', 196, "\r\n\r\n"), 431);
    assert_int_equal(status_of_long("GET / HTTP/1.1\r\nX: ", 'a', 100000, ""), 431);
    assert_int_equal(status_of_long("GET / HTTP/1.1\r\n", 'a', 100000, ""), 431);
    assert_int_equal(status_of_long("POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\n", 'a', 50, ""),
                     200);
}

static void floods_of_nothing_end(void **state)
{
    (void)state;
    assert_int_equal(status_of_long("", '\n', 100000, ""), 400);
    assert_int_equal(status_of_long("GET / HTTP/1.1\r\nX:", ' ', 100000, ""), 431);
    assert_int_equal(status_of_long("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
                                    'a', 100000, ""),
                     431);
}

/* Chunks of one byte are honest; long extensions are not. */
static void chunk_headers_are_bounded(void **state)
{
    static const struct mn_http_limits wide = {.request_line = 100, .headers = 200, .body = 65536};
    (void)state;
    for (unsigned padding = 0; padding <= 200; padding += 200) {
        struct mn_http_parse *parse = mn_http_parse_new(wide);
        static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        char chunk[256];
        size_t used, fed = 0;
        enum mn_http_progress progress = feed(parse, head, sizeof(head) - 1, 1024, &used);
        memset(chunk, 'e', sizeof(chunk));
        memcpy(chunk, "1;", 2);
        size_t n = padding > 0 ? padding : 1;
        memcpy(chunk + n, "\r\nx\r\n", 5);
        for (unsigned i = 0; i < 65536 && progress == MN_HTTP_MORE; i++) {
            progress = feed(parse, chunk, n + 5, 1024, &used);
            fed += used;
        }
        assert_int_equal(progress, padding == 0 ? MN_HTTP_MORE : MN_HTTP_BAD);
        if (padding > 0)
            assert_in_range(fed, 1, 4096);
        mn_http_parse_free(parse);
    }
}

static void too_many_header_lines(void **state)
{
    static const struct mn_http_limits wide = {.request_line = 100, .headers = 8192, .body = 0};
    (void)state;
    for (unsigned lines = MN_HTTP_HEADERS_MAX; lines <= MN_HTTP_HEADERS_MAX + 1; lines++) {
        struct mn_buf text;
        mn_buf_init(&text, 8192);
        mn_buf_add_z(&text, "GET / HTTP/1.1\r\n");
        for (unsigned i = 0; i < lines; i++)
            mn_buf_addf(&text, "X%u: %u\r\n", i, i);
        mn_buf_add_z(&text, "\r\n");
        struct mn_http_parse *parse = mn_http_parse_new(wide);
        size_t used;
        enum mn_http_progress progress = feed(parse, text.p, text.n, text.n, &used);
        if (lines > MN_HTTP_HEADERS_MAX) {
            assert_int_equal(progress, MN_HTTP_BAD);
            assert_int_equal(mn_http_parse_status(parse), 431);
        } else {
            assert_int_equal(progress, MN_HTTP_DONE);
        }
        mn_http_parse_free(parse);
        mn_buf_deinit(&text);
    }
}

static void waiting_client_is_told_to_go_on_once(void **state)
{
    static const char head[] =
        "POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    size_t used;
    (void)state;
    struct mn_http_parse *parse = mn_http_parse_new(limits);
    assert_int_equal(mn_http_parse_feed(parse, head, sizeof(head) - 1, &used), MN_HTTP_CONTINUE);
    assert_int_equal(used, sizeof(head) - 1);
    assert_int_equal(mn_http_parse_feed(parse, "h", 1, &used), MN_HTTP_MORE);
    assert_int_equal(mn_http_parse_feed(parse, "i", 1, &used), MN_HTTP_DONE);
    mn_http_parse_free(parse);
    /* With the body right behind, or with nothing to wait for, there is no interim answer. */
    static const char whole[] =
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx";
    assert_int_equal(status_of(whole, sizeof(whole) - 1, sizeof(whole)), 200);
}

static void versions_and_keep_alive(void **state)
{
    static const struct {
        const char *text;
        bool keep_alive, http_1_0;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", true, false},
        {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false, false},
        {"GET / HTTP/1.0\r\n\r\n", false, true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, true},
        {"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", true,
         false},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_http_parse *parse = mn_http_parse_new(limits);
        size_t used, n = strlen(cases[i].text);
        assert_int_equal(feed(parse, cases[i].text, n, n, &used), MN_HTTP_DONE);
        assert_int_equal(used, n);
        struct mn_http_request *req = mn_http_parse_take(parse);
        assert_int_equal(req->keep_alive, cases[i].keep_alive);
        assert_int_equal(req->http_1_0, cases[i].http_1_0);
        mn_http_request_free(req);
        mn_http_parse_free(parse);
    }
}

int test_net_http_parse(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_request_at_every_split),
        cmocka_unit_test(targets_are_split),
        cmocka_unit_test(chunks_are_joined_and_trailers_ignored),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(shapes_of_smuggling),
        cmocka_unit_test(refused_requests_name_their_origin),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(floods_of_nothing_end),
        cmocka_unit_test(chunk_headers_are_bounded),
        cmocka_unit_test(too_many_header_lines),
        cmocka_unit_test(waiting_client_is_told_to_go_on_once),
        cmocka_unit_test(versions_and_keep_alive),
    };
    return cmocka_run_group_tests_name("net http_parse", tests, NULL, NULL);
}
