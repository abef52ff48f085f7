/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking WebSocket client, see ws_client.h. */
#include "tool/kit/ws_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"

#define MESSAGE_MAX (1024 * 1024)
#define SEND_TIMEOUT_MS 10000

/* At least one more byte: MN_ECLOSED at the end. */
static enum mn_err receive(struct ws_client *c, uint64_t until_ms)
{
    mn_buf_consume(&c->in, c->used);
    c->used = 0;
    enum mn_err err = mn_buf_reserve(&c->in, 16384);
    if (!err)
        err = dial_wait(c->fd, POLLIN, until_ms);
    if (err)
        return err;
    ssize_t n = recv(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return MN_OK;
    if (n <= 0)
        return MN_ECLOSED;
    c->in.n += (size_t)n;
    return MN_OK;
}

static enum mn_err upgrade(struct ws_client *c, const struct url *url, uint64_t until_ms)
{
    static const char key[] = "bWluaW0gc21va2UgY2xpZQ==";
    char accept[29], request[640];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n",
                     url->path, url->authority, key);
    enum mn_err err = ws_client_send_raw(c, request, (size_t)n);
    const char *end = NULL;
    while (!err && !end) {
        err = receive(c, until_ms);
        end = err ? NULL : memmem(c->in.p, c->in.n, "\r\n\r\n", 4);
    }
    if (err)
        return err;
    c->used = (size_t)(end - c->in.p) + 4;
    mn_ws_accept_key(mn_str_c(key), accept);
    bool ok = c->used > 12 && memcmp(c->in.p + 8, " 101", 4) == 0 &&
              memmem(c->in.p, c->used, accept, strlen(accept));
    return ok ? MN_OK : MN_EPROTO;
}

/* Why there is no WebSocket although there is a connection: what was answered instead. */
static void say_answer(struct ws_client *c, const struct url *url, enum mn_err err)
{
    char line[80], text[100];
    size_t n = 0;
    while (n < c->in.n && n + 1 < sizeof line && c->in.p[n] >= ' ' && c->in.p[n] < 0x7f) {
        line[n] = c->in.p[n];
        n++;
    }
    line[n] = '\0';
    if (n > 0)
        snprintf(text, sizeof text, "answered \"%s\"", line);
    else
        snprintf(text, sizeof text, "%s",
                 err == MN_ETIMEOUT  ? "no answer within the limit"
                 : err == MN_ECLOSED ? "closed the connection without an answer"
                                     : mn_err_text(err));
    dial_say(url, text, c->why);
}

enum mn_err ws_client_open(struct ws_client *c, const struct url *url, uint64_t timeout_ms)
{
    uint64_t until_ms = mn_mono_ms() + timeout_ms;
    *c = (struct ws_client){.fd = -1};
    mn_ws_rx_init(&c->rx, MN_WS_CLIENT, MESSAGE_MAX);
    mn_buf_init(&c->in, MESSAGE_MAX + 65536);
    mn_buf_init(&c->text, MESSAGE_MAX);
    enum mn_err err = dial(url, until_ms, &c->fd, c->why);
    if (err)
        return err;
    err = upgrade(c, url, until_ms);
    if (err)
        say_answer(c, url, err);
    if (err)
        ws_client_close(c);
    return err;
}

void ws_client_close(struct ws_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    mn_ws_rx_deinit(&c->rx);
    mn_buf_deinit(&c->in);
    mn_buf_deinit(&c->text);
    c->used = 0;
}

enum mn_err ws_client_send_raw(struct ws_client *c, const void *p, size_t n)
{
    uint64_t until_ms = mn_mono_ms() + SEND_TIMEOUT_MS;
    const char *at = p;
    if (c->fd < 0)
        return MN_ECLOSED;
    while (n > 0) {
        ssize_t done = send(c->fd, at, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EAGAIN) {
            enum mn_err err = dial_wait(c->fd, POLLOUT, until_ms);
            if (err)
                return err;
        } else if (done < 0) {
            return MN_ECLOSED;
        } else {
            at += done;
            n -= (size_t)done;
        }
    }
    return MN_OK;
}

static enum mn_err send_frame(struct ws_client *c, enum mn_ws_opcode op, const char *p, size_t n)
{
    uint8_t mask[4];
    char header[MN_WS_HEADER_MAX];
    struct mn_buf out;
    mn_rand_bytes(mask, sizeof mask);
    mn_buf_init(&out, n + sizeof header);
    mn_ignore(mn_buf_add(&out, header, mn_ws_header_masked(header, op, n, mask)));
    size_t at = out.n;
    mn_ignore(mn_buf_add(&out, p, n));
    enum mn_err err = out.failed ? MN_ENOMEM : MN_OK;
    if (!err) {
        mn_ws_mask(out.p + at, n, mask, 0);
        err = ws_client_send_raw(c, out.p, out.n);
    }
    mn_buf_deinit(&out);
    return err;
}

enum mn_err ws_client_send(struct ws_client *c, struct mn_str text)
{
    return send_frame(c, MN_WS_OP_TEXT, text.p, text.n);
}

static enum ws_client_event take_text(struct ws_client *c, char *p, size_t n,
                                      struct ws_client_in *ret)
{
    mn_buf_reset(&c->text);
    mn_ignore(mn_buf_add(&c->text, p, n)); /* its limit is that of a message */
    ret->text = mn_buf_str(&c->text);
    return mn_envelope_parse(p, n, &ret->env) == MN_OK ? WS_CLIENT_TEXT : WS_CLIENT_BAD;
}

/* One frame of what has been received; false when there is none that the caller should see. */
static bool take_event(struct ws_client *c, struct ws_client_in *ret,
                       enum ws_client_event *ret_event)
{
    struct mn_ws_in in;
    size_t used = 0;
    enum mn_ws_event ev = MN_WS_PONG;
    while (ev == MN_WS_PONG || ev == MN_WS_PING || ev == MN_WS_BINARY) {
        ev = mn_ws_rx_next(&c->rx, c->in.p + c->used, c->in.n - c->used, &used, &in);
        c->used += used;
        if (ev == MN_WS_PING)
            mn_ignore(
                send_frame(c, MN_WS_OP_PONG, in.p, in.n)); /* a break shows at the next read */
    }
    if (ev == MN_WS_MORE)
        return false;
    *ret_event = WS_CLIENT_BAD;
    if (ev == MN_WS_TEXT)
        *ret_event = take_text(c, in.p, in.n, ret);
    if (ev == MN_WS_CLOSED) {
        *ret_event = WS_CLIENT_CLOSE;
        ret->code = in.code;
    }
    return true;
}

enum ws_client_event ws_client_next(struct ws_client *c, uint64_t timeout_ms,
                                    struct ws_client_in *ret)
{
    uint64_t until_ms = mn_mono_ms() + timeout_ms;
    enum ws_client_event event = WS_CLIENT_END;
    *ret = (struct ws_client_in){.text = MN_STR("")};
    if (c->fd < 0)
        return WS_CLIENT_END;
    for (;;) {
        if (c->in.n > c->used && take_event(c, ret, &event))
            return event;
        enum mn_err err = receive(c, until_ms);
        if (err == MN_ETIMEOUT)
            return WS_CLIENT_TIMEOUT;
        if (err)
            return WS_CLIENT_END;
    }
}
