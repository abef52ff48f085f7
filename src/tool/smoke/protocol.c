/* SPDX-License-Identifier: Apache-2.0 */
/* smoke protocol: what a broken or hostile client gets (W-1.3, W-1.7, W-10). */
#include "base/rand.h"
#include "tool/smoke/smoke.h"

#define FRAME_LIMIT 65536
/* User bucket 60 and connection bucket 120 (W-10): one of them must say no by then. */
#define FLOOD 400

static bool violation(struct smoke *s, struct ws_client *c, const char *name, const char *frame,
                      const char *reason)
{
    struct smoke_want want = {.type = MN_TYPE_ERROR, .reason = reason};
    mn_ignore(ws_client_send(c, mn_str_c(frame)) == MN_OK);
    return smoke_expect(s, c, name, &want, NULL);
}

static bool violations(struct smoke *s)
{
    struct ws_client *c = smoke_login(s, "a client", smoke_uid(s));
    return c && violation(s, c, "bad JSON", "{\"type\":", "bad_json") &&
           violation(s, c, "no type", "{\"body\":\"x\"}", "missing_type") &&
           violation(s, c, "an unknown type", "{\"type\":\"NO_SUCH\"}", "not_implemented") &&
           violation(s, c, "the fourth violation", "[]", "bad_json") &&
           smoke_expect_close(s, c, "closes", 1000);
}

static bool unauthenticated(struct smoke *s)
{
    struct ws_client *c = smoke_connect(s, "a client without AUTH");
    return c &&
           violation(s, c, "sends a message",
                     "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"x\",\"to\":\"1\",\"body\":\"x\"}",
                     "unauthorized") &&
           smoke_expect_close(s, c, "is closed", 1000);
}

static bool oversize(struct smoke *s)
{
    char header[MN_WS_HEADER_MAX];
    static const uint8_t mask[4] = {1, 2, 3, 4};
    struct ws_client *c = smoke_login(s, "a client", smoke_uid(s));
    if (!c)
        return false;
    /* The header is enough: the verdict comes before the payload. */
    size_t n = mn_ws_header_masked(header, MN_WS_OP_TEXT, FRAME_LIMIT + 1, mask);
    mn_ignore(ws_client_send_raw(c, header, n));
    return smoke_expect_close(s, c, "an oversize frame closes", MN_WS_CLOSE_TOO_BIG);
}

static bool unmasked(struct smoke *s)
{
    static const char frame[] = "\x81\x0f{\"type\":\"PING\"}";
    struct ws_client *c = smoke_login(s, "a client", smoke_uid(s));
    if (!c)
        return false;
    mn_ignore(ws_client_send_raw(c, frame, sizeof frame - 1));
    return smoke_expect_close(s, c, "an unmasked frame closes", MN_WS_CLOSE_PROTOCOL);
}

/* One fragment of a text message; the mask is zero, so the bytes are as they are. */
static void send_fragment(struct ws_client *c, enum mn_ws_opcode op, bool final, const char *text)
{
    char frame[64];
    static const uint8_t mask[4] = {0, 0, 0, 0};
    size_t n = mn_ws_header_masked(frame, op, strlen(text), mask);
    if (!final)
        frame[0] = (char)op;
    int end = snprintf(frame + n, sizeof frame - n, "%s", text);
    mn_ignore(ws_client_send_raw(c, frame, n + (size_t)end));
}

static bool fragments(struct smoke *s)
{
    struct smoke_want want = {.type = MN_TYPE_PONG};
    struct ws_client *c = smoke_login(s, "a client", smoke_uid(s));
    if (!c)
        return false;
    send_fragment(c, MN_WS_OP_TEXT, false, "{\"ty");
    send_fragment(c, MN_WS_OP_CONT, false, "pe\":\"PI");
    send_fragment(c, MN_WS_OP_CONT, true, "NG\"}");
    return smoke_expect(s, c, "a PING in three fragments is answered", &want, NULL);
}

static bool rate_limit(struct smoke *s)
{
    struct smoke_want want = {.type = MN_TYPE_ERROR, .reason = "too_many_requests"};
    struct ws_client *c = smoke_login(s, "a client", smoke_uid(s));
    if (!c)
        return false;
    bool open = true;
    for (int i = 0; i < FLOOD && open; i++) /* PONG is never answered: nothing piles up */
        open = smoke_send(c, "{\"type\":\"PONG\"}");
    return smoke_expect(s, c, "400 frames at once are too many", &want, NULL) &&
           smoke_expect_close(s, c, "closed", 0);
}

void smoke_protocol(struct smoke *s)
{
    (void)(violations(s) && unauthenticated(s) && oversize(s) && unmasked(s) && fragments(s) &&
           rate_limit(s));
}
