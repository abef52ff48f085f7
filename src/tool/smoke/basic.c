/* SPDX-License-Identifier: Apache-2.0 */
/* smoke basic: a message, its delivery, its receipts, and a heartbeat. */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

static bool receipt(struct smoke *s, struct ws_client *a, struct ws_client *b, const char *kind,
                    const struct smoke_got *saved, int64_t a_uid, int64_t b_uid)
{
    char step[64];
    mn_ignore(smoke_send(b,
                         "{\"type\":\"ACK\",\"ackType\":\"%s\",\"serverMsgId\":\"%s\","
                         "\"to\":\"%" PRId64 "\"}",
                         kind, saved->server_id, a_uid));
    snprintf(step, sizeof step, "A gets the receipt (%s)", kind);
    struct smoke_want want = {.type = MN_TYPE_ACK,
                              .ack_type = kind,
                              .server_id = saved->server_id,
                              .msg_seq = saved->msg_seq,
                              .from = b_uid,
                              .to = a_uid};
    return smoke_expect(s, a, step, &want, NULL);
}

void smoke_basic(struct smoke *s)
{
    int64_t a_uid = smoke_uid(s), b_uid = smoke_uid(s);
    struct smoke_got saved;
    struct ws_client *a = smoke_login(s, "A", a_uid);
    struct ws_client *b = a ? smoke_login(s, "B", b_uid) : NULL;
    if (!b)
        return;
    mn_ignore(smoke_send(a,
                         "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"basic-1\","
                         "\"to\":\"%" PRId64 "\",\"body\":\"hello \\u00e9\\ud83d\\ude00\","
                         "\"msgType\":\"TEXT\"}",
                         b_uid));
    struct smoke_want ack = {.type = MN_TYPE_ACK,
                             .ack_type = "saved",
                             .client_id = "basic-1",
                             .body = "hello \xc3\xa9\xf0\x9f\x98\x80",
                             .from = a_uid,
                             .has_ids = true};
    if (!smoke_expect(s, a, "A gets ACK saved", &ack, &saved))
        return;
    struct smoke_want push = {.type = MN_TYPE_SINGLE_CHAT,
                              .client_id = "basic-1",
                              .server_id = saved.server_id,
                              .msg_seq = saved.msg_seq,
                              .body = "hello \xc3\xa9\xf0\x9f\x98\x80",
                              .from = a_uid,
                              .to = b_uid};
    if (!smoke_expect(s, b, "B gets the message", &push, NULL) ||
        !receipt(s, a, b, "delivered", &saved, a_uid, b_uid) ||
        !receipt(s, a, b, "read", &saved, a_uid, b_uid))
        return;
    struct smoke_want pong = {.type = MN_TYPE_PONG};
    mn_ignore(smoke_send(a, "{\"type\":\"PING\"}"));
    mn_ignore(smoke_expect(s, a, "A gets PONG", &pong, NULL));
}
