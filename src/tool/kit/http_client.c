/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 client, see http_client.h: Content-Length and chunked bodies, keep-alive. */
#include "tool/kit/http_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

#define BODY_MAX (4 * 1024 * 1024)
#define HEAD_MAX (64 * 1024)
#define TIMEOUT_MS 10000

enum mn_err http_client_open(struct http_client *http, const char *url, char *why, size_t why_cap)
{
    *http = (struct http_client){.fd = -1, .timeout_ms = TIMEOUT_MS};
    mn_buf_init(&http->in, BODY_MAX + HEAD_MAX);
    mn_buf_init(&http->body, BODY_MAX);
    return url_parse(url, "http", &http->url, why, why_cap);
}

static void disconnect(struct http_client *http)
{
    if (http->fd >= 0)
        close(http->fd);
    http->fd = -1;
    mn_buf_reset(&http->in);
}

void http_client_close(struct http_client *http)
{
    disconnect(http);
    mn_buf_deinit(&http->in);
    mn_buf_deinit(&http->body);
}

static enum mn_err send_all(struct http_client *http, const char *p, size_t n, uint64_t until_ms)
{
    while (n > 0) {
        ssize_t done = send(http->fd, p, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN) {
            enum mn_err err = dial_wait(http->fd, POLLOUT, until_ms);
            if (err)
                return err;
        } else if (done < 0) {
            return errno == EPIPE || errno == ECONNRESET ? MN_ECLOSED : mn_err_from_errno(errno);
        } else {
            p += done;
            n -= (size_t)done;
        }
    }
    return MN_OK;
}

/* Receives at least one more byte. */
static enum mn_err receive(struct http_client *http, uint64_t until_ms)
{
    enum mn_err err = mn_buf_reserve(&http->in, 16384);
    if (!err)
        err = dial_wait(http->fd, POLLIN, until_ms);
    if (err)
        return err;
    ssize_t n = recv(http->fd, http->in.p + http->in.n, http->in.cap - http->in.n, 0);
    if (n < 0)
        return errno == EAGAIN ? MN_OK : MN_ECLOSED;
    http->in.n += (size_t)n;
    return n == 0 ? MN_ECLOSED : MN_OK;
}

static enum mn_err need(struct http_client *http, size_t n, uint64_t until_ms)
{
    enum mn_err err = MN_OK;
    while (!err && http->in.n < n)
        err = receive(http, until_ms);
    return err;
}

/* Bytes up to and including the next `mark`; *ret_n is their number. */
static enum mn_err need_mark(struct http_client *http, const char *mark, uint64_t until_ms,
                             size_t *ret_n)
{
    for (;;) {
        const char *at = http->in.n ? memmem(http->in.p, http->in.n, mark, strlen(mark)) : NULL;
        if (at) {
            *ret_n = (size_t)(at - http->in.p) + strlen(mark);
            return MN_OK;
        }
        if (http->in.n > HEAD_MAX)
            return MN_ELIMIT;
        enum mn_err err = receive(http, until_ms);
        if (err)
            return err;
    }
}

struct head {
    int status;
    bool chunked;
    bool close;
    bool has_length;
    uint64_t length;
};

static void take_header(struct mn_str name, struct mn_str value, struct head *head)
{
    if (mn_str_eq_nocase(name, MN_STR("content-length")))
        head->has_length = mn_parse_u64(value, 0, BODY_MAX, &head->length) == MN_OK;
    if (mn_str_eq_nocase(name, MN_STR("transfer-encoding")))
        head->chunked = mn_str_eq_nocase(value, MN_STR("chunked"));
    if (mn_str_eq_nocase(name, MN_STR("connection")))
        head->close = mn_str_eq_nocase(value, MN_STR("close"));
}

static enum mn_err parse_head(const char *p, size_t n, struct head *head)
{
    uint64_t status;
    *head = (struct head){0};
    if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 ||
        mn_parse_u64(mn_str_make(p + 9, 3), 100, 599, &status) != MN_OK)
        return MN_EPROTO;
    head->status = (int)status;
    const char *end = p + n;
    while ((p = memmem(p, (size_t)(end - p), "\r\n", 2))) {
        p += 2;
        const char *eol = memmem(p, (size_t)(end - p), "\r\n", 2);
        const char *colon = eol ? memchr(p, ':', (size_t)(eol - p)) : NULL;
        if (colon)
            take_header(mn_str_make(p, (size_t)(colon - p)),
                        mn_str_trim(mn_str_make(colon + 1, (size_t)(eol - colon) - 1)), head);
    }
    return MN_OK;
}

static enum mn_err move_body(struct http_client *http, size_t n, uint64_t until_ms)
{
    enum mn_err err = need(http, n, until_ms);
    if (!err && n > 0)
        err = mn_buf_add(&http->body, http->in.p, n);
    if (!err)
        mn_buf_consume(&http->in, n);
    return err;
}

static bool parse_hex(const char *p, size_t n, size_t *ret)
{
    size_t v = 0;
    size_t i = 0;
    for (; i < n; i++) {
        const char *digit = memchr("0123456789abcdef", p[i] | 32, 16);
        if (!digit || v > BODY_MAX)
            break;
        v = v * 16 + (size_t)(digit - "0123456789abcdef");
    }
    *ret = v;
    return i > 0 && v <= BODY_MAX;
}

static enum mn_err read_chunks(struct http_client *http, uint64_t until_ms)
{
    for (;;) {
        size_t line = 0, n = 0;
        enum mn_err err = need_mark(http, "\r\n", until_ms, &line);
        if (!err && !parse_hex(http->in.p, line - 2, &n))
            err = MN_EPROTO;
        if (err)
            return err;
        mn_buf_consume(&http->in, line);
        err = move_body(http, n, until_ms);
        if (!err)
            err = need(http, 2, until_ms);
        if (err)
            return err;
        mn_buf_consume(&http->in, 2);
        if (n == 0)
            return MN_OK;
    }
}

static enum mn_err read_to_end(struct http_client *http, uint64_t until_ms)
{
    enum mn_err err = MN_OK;
    while (!err)
        err = receive(http, until_ms);
    return err == MN_ECLOSED ? move_body(http, http->in.n, until_ms) : err;
}

static enum mn_err read_answer(struct http_client *http, uint64_t until_ms, int *ret_status)
{
    size_t n;
    struct head head;
    enum mn_err err = need_mark(http, "\r\n\r\n", until_ms, &n);
    if (!err)
        err = parse_head(http->in.p, n, &head);
    if (err)
        return err;
    mn_buf_consume(&http->in, n);
    bool to_end = false;
    if (head.chunked)
        err = read_chunks(http, until_ms);
    else if (head.has_length)
        err = move_body(http, (size_t)head.length, until_ms);
    else if (head.status != 204 && head.status != 304 && (to_end = true))
        err = read_to_end(http, until_ms);
    if (head.close || to_end)
        disconnect(http);
    if (!err)
        *ret_status = head.status;
    return err;
}

static enum mn_err attempt(struct http_client *http, const struct mn_buf *text, uint64_t until_ms,
                           int *ret_status)
{
    mn_buf_reset(&http->body);
    http->why[0] = '\0';
    enum mn_err err = http->fd < 0 ? dial(&http->url, until_ms, &http->fd, http->why) : MN_OK;
    if (!err)
        err = send_all(http, text->p, text->n, until_ms);
    if (!err)
        err = read_answer(http, until_ms, ret_status);
    if (err && !http->why[0])
        dial_say(&http->url, mn_err_text(err), http->why);
    if (err)
        disconnect(http);
    return err;
}

enum mn_err http_client_do(struct http_client *http, const struct http_client_request *req,
                           int *ret_status)
{
    struct mn_buf text;
    size_t body_len = req->body ? strlen(req->body) : 0;
    mn_buf_init(&text, HEAD_MAX + BODY_MAX);
    mn_ignore(mn_buf_addf(&text, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", req->method, http->url.path,
                          req->path, http->url.authority));
    if (req->bearer)
        mn_ignore(mn_buf_addf(&text, "Authorization: Bearer %s\r\n", req->bearer));
    if (req->body)
        mn_ignore(mn_buf_addf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                              body_len));
    mn_ignore(mn_buf_add_z(&text, "\r\n"));
    mn_ignore(mn_buf_add(&text, req->body ? req->body : "", body_len));
    enum mn_err err = text.failed ? MN_ELIMIT : MN_OK;
    uint64_t until_ms = mn_mono_ms() + http->timeout_ms;
    bool kept = http->fd >= 0;
    if (!err)
        err = attempt(http, &text, until_ms, ret_status);
    /* A kept connection may have been closed by the server meanwhile: once more on a new one. */
    if (err == MN_ECLOSED && kept)
        err = attempt(http, &text, until_ms, ret_status);
    mn_buf_deinit(&text);
    return err;
}

const char *http_client_cause(const struct http_client *http)
{
    const char *gap = strstr(http->why, ": ");
    return gap ? gap + 2 : http->why;
}
