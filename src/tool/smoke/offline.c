/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smoke offline: what was sent while B was away comes when it
 * authenticates, in order.  smoke resend: what B does not acknowledge comes
 * again on the same connection.
 */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

#define MESSAGES 3

static bool send_and_save(struct smoke *s, struct ws_client *a, int64_t to, const char *id,
                          struct smoke_got *ret)
{
    char step[64];
    struct smoke_want ack = {
        .type = MN_TYPE_ACK, .ack_type = "saved", .client_id = id, .has_ids = true};
    mn_ignore(smoke_send(a,
                         "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"%s\",\"to\":\"%" PRId64
                         "\",\"body\":\"text of %s\"}",
                         id, to, id));
    snprintf(step, sizeof step, "%s is saved", id);
    return smoke_expect(s, a, step, &ack, ret);
}

static bool arrives(struct smoke *s, struct ws_client *b, const char *step, const char *id,
                    int64_t from, const struct smoke_got *saved, uint64_t timeout_ms)
{
    char body[64];
    snprintf(body, sizeof body, "text of %s", id);
    struct smoke_want want = {.type = MN_TYPE_SINGLE_CHAT,
                              .client_id = id,
                              .server_id = saved->server_id,
                              .msg_seq = saved->msg_seq,
                              .body = body,
                              .from = from};
    return smoke_expect_in(s, b, step, &want, timeout_ms, NULL);
}

void smoke_offline(struct smoke *s)
{
    static const char *const ids[MESSAGES] = {"away-1", "away-2", "away-3"};
    int64_t a_uid = smoke_uid(s), b_uid = smoke_uid(s);
    struct smoke_got saved[MESSAGES];
    struct ws_client *a = smoke_login(s, "A", a_uid);
    if (!a)
        return;
    for (int i = 0; i < MESSAGES; i++)
        if (!send_and_save(s, a, b_uid, ids[i], &saved[i]))
            return;
    struct ws_client *b = smoke_login(s, "B", b_uid);
    for (int i = 0; b && i < MESSAGES; i++) {
        char step[64];
        snprintf(step, sizeof step, "B gets %s", ids[i]);
        if (!arrives(s, b, step, ids[i], a_uid, &saved[i], s->timeout_ms))
            return;
    }
}

void smoke_resend(struct smoke *s)
{
    int64_t a_uid = smoke_uid(s), b_uid = smoke_uid(s);
    struct smoke_got saved;
    struct ws_client *a = smoke_login(s, "A", a_uid);
    struct ws_client *b = a ? smoke_login(s, "B", b_uid) : NULL;
    if (!b || !send_and_save(s, a, b_uid, "again", &saved) ||
        !arrives(s, b, "B gets it, and does not acknowledge", "again", a_uid, &saved,
                 s->timeout_ms) ||
        !arrives(s, b, "B gets it again", "again", a_uid, &saved, s->opts.resend_wait_ns / 1000000))
        return;
    struct smoke_want receipt = {
        .type = MN_TYPE_ACK, .ack_type = "delivered", .server_id = saved.server_id};
    mn_ignore(smoke_send(b,
                         "{\"type\":\"ACK\",\"ackType\":\"delivered\",\"serverMsgId\":\"%s\","
                         "\"to\":\"%" PRId64 "\"}",
                         saved.server_id, a_uid));
    mn_ignore(smoke_expect(s, a, "the late acknowledgement counts", &receipt, NULL));
}
