/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proxies and browsers say of a caller in headers.  Input, in lines:
 * trusted proxies, allowed origins, the peer's address, then headers, each
 * as a digit for its name, a space and its value.
 */
#include "api/client.h"
#include "api/origin.h"
#include "fuzz/fuzz.h"

enum { LINES = 3 + MN_HTTP_HEADERS_MAX };

static const char *const names[] = {"X-Forwarded-For",
                                    "X-Real-IP",
                                    "Origin",
                                    "Host",
                                    "Access-Control-Request-Method",
                                    "Access-Control-Request-Headers"};

struct lines {
    char *text[LINES]; /* each a string of exactly its size */
    size_t n[LINES];
    unsigned count;
};

static struct lines split(const char *p, size_t n)
{
    struct lines lines = {.count = 0};

    for (const char *end = p + n; lines.count < LINES;) {
        const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
        size_t len = (size_t)((nl ? nl : end) - p);
        char *copy = mn_alloc(len + 1);
        if (len > 0)
            memcpy(copy, p, len);
        copy[len] = '\0';
        lines.n[lines.count] = strlen(copy);
        lines.text[lines.count++] = copy;
        if (!nl)
            break;
        p = nl + 1;
    }
    return lines;
}

static const char *line_of(const struct lines *lines, unsigned i)
{
    return i < lines->count ? lines->text[i] : "";
}

/* Values without the byte behind them, so that a sanitizer sees who looks there. */
static void add_headers(struct mn_http_request *req, const struct lines *lines)
{
    for (unsigned i = 3; i < lines->count; i++) {
        size_t n = lines->n[i];
        if (n < 2 || lines->text[i][0] < '0' || lines->text[i][0] > '5')
            continue;
        req->headers[req->header_count++] = (struct mn_http_header){
            mn_str_c(names[lines->text[i][0] - '0']),
            mn_str_make(fuzz_copy(lines->text[i] + 2, n - 2), n - 2)};
    }
}

/* Every line of the answer's headers is one of ours: none was smuggled in. */
static void check_answer(const struct mn_http_response *res)
{
    const char *p = res->headers.p, *end = p + res->headers.n;

    while (p < end) {
        const char *cr = memchr(p, '\r', (size_t)(end - p));
        FUZZ_CHECK(cr != NULL && cr + 1 < end && cr[1] == '\n');
        FUZZ_CHECK(memcmp(p, "Vary: ", 6) == 0 || memcmp(p, "Access-Control-", 15) == 0);
        p = cr + 2;
    }
}

static void check_cors(const struct mn_http_request *req, const char *list)
{
    struct mn_origins *origins = mn_new(struct mn_origins);
    struct mn_http_response *res = mn_http_response_new(100);
    struct mn_buf why;

    mn_buf_init(&why, 10000);
    if (mn_origins_parse(origins, list, &why) == MN_OK) {
        enum mn_cors cors = mn_origins_judge(origins, req, MN_STR("GET"));
        FUZZ_CHECK(mn_http_header(req, "Origin").p || cors == MN_CORS_NONE);
        mn_cors_headers(req, cors, res);
        if (mn_cors_is_preflight(req))
            mn_cors_preflight_headers(req, res);
        check_answer(res);
    } else {
        FUZZ_CHECK(why.n > 0);
    }
    mn_buf_deinit(&why);
    mn_http_response_free(res);
    mn_free(origins);
}

static void check_client(const struct mn_http_request *req, const char *list)
{
    struct mn_proxies *proxies = mn_new(struct mn_proxies);
    struct mn_buf why;

    mn_buf_init(&why, 10000);
    if (mn_proxies_parse(proxies, list, &why) == MN_OK) {
        struct mn_client client = mn_client_of(proxies, req);
        FUZZ_CHECK(client.n == 0 || client.n == 8 || client.n == 16);
        for (unsigned i = 0; i < proxies->count; i++)
            FUZZ_CHECK(mn_proxies_have(proxies, proxies->net[i].addr));
    } else {
        FUZZ_CHECK(why.n > 0);
    }
    mn_buf_deinit(&why);
    mn_free(proxies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lines lines = split((const char *)data, size);
    struct mn_http_request *req = mn_new(struct mn_http_request);

    req->method = MN_HTTP_OPTIONS;
    (void)snprintf(req->peer, sizeof(req->peer), "%.63s", line_of(&lines, 2));
    add_headers(req, &lines);
    check_client(req, line_of(&lines, 0));
    check_cors(req, line_of(&lines, 1));
    for (unsigned i = 0; i < req->header_count; i++)
        mn_free((char *)req->headers[i].value.p);
    mn_free(req);
    for (unsigned i = 0; i < lines.count; i++)
        mn_free(lines.text[i]);
    return 0;
}
