/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smoke idempotency: a client id is a message once and for ever; a repeat
 * with another body, also after a reconnect, gets the first one's answer.
 */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

static void send_chat(struct ws_client *c, const char *id, int64_t to, const char *body)
{
    mn_ignore(smoke_send(c,
                         "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"%s\",\"to\":\"%" PRId64
                         "\",\"body\":\"%s\"}",
                         id, to, body));
}

static bool repeat(struct smoke *s, struct ws_client *c, const char *name, int64_t to,
                   const char *body, const struct smoke_got *first)
{
    struct smoke_want want = {.type = MN_TYPE_ACK,
                              .ack_type = "saved",
                              .client_id = "once",
                              .server_id = first->server_id,
                              .msg_seq = first->msg_seq};
    send_chat(c, "once", to, body);
    return smoke_expect(s, c, name, &want, NULL);
}

void smoke_idempotency(struct smoke *s)
{
    int64_t a_uid = smoke_uid(s), b_uid = smoke_uid(s);
    struct smoke_got first;
    struct ws_client *a = smoke_login(s, "A", a_uid);
    struct ws_client *b = a ? smoke_login(s, "B", b_uid) : NULL;
    if (!b)
        return;
    struct smoke_want ack = {
        .type = MN_TYPE_ACK, .ack_type = "saved", .client_id = "once", .has_ids = true};
    struct smoke_want push = {.type = MN_TYPE_SINGLE_CHAT, .client_id = "once", .body = "first"};
    send_chat(a, "once", b_uid, "first");
    if (!smoke_expect(s, a, "A gets ACK saved", &ack, &first) ||
        !smoke_expect(s, b, "B gets the message", &push, NULL) ||
        !repeat(s, a, "the same id, another body: the first answer", b_uid, "second", &first))
        return;
    smoke_hang_up(s, a);
    a = smoke_login(s, "A again", a_uid);
    if (!a || !repeat(s, a, "the same after a reconnect", b_uid, "first", &first))
        return;
    /* What comes next to B must be the marker: both repeats would have come before it. */
    struct smoke_want marker = {
        .type = MN_TYPE_SINGLE_CHAT, .client_id = "marker", .msg_seq = first.msg_seq + 1};
    send_chat(a, "marker", b_uid, "marker");
    mn_ignore(smoke_expect(s, b, "B gets only what is new", &marker, NULL));
}
