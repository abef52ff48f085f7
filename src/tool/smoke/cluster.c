/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smoke cluster: A is at the first node, B at the second: messages, their
 * order, receipts, a group, and the one session of a user who changes over.
 * Two ports of one server pass as well: a client cannot tell.
 */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

enum { FIRST, SECOND };

static void say(struct ws_client *c, int64_t to, const char *id)
{
    mn_ignore(smoke_send(c,
                         "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"%s\",\"to\":\"%" PRId64
                         "\",\"body\":\"%s\"}",
                         id, to, id));
}

static bool saved(struct smoke *s, struct ws_client *c, const char *id, struct smoke_got *ret)
{
    const struct smoke_want ack = {
        .type = MN_TYPE_ACK, .ack_type = "saved", .client_id = id, .has_ids = true};
    return smoke_expect(s, c, "a message is saved", &ack, ret);
}

static bool heard(struct smoke *s, struct ws_client *c, const char *name, const char *id,
                  const struct smoke_got *message)
{
    const struct smoke_want push = {.type = MN_TYPE_SINGLE_CHAT,
                                    .client_id = id,
                                    .server_id = message->server_id,
                                    .msg_seq = message->msg_seq,
                                    .body = id};
    return smoke_expect(s, c, name, &push, NULL);
}

/* Two in a row arrive in their order, and the receipt finds its way back. */
static bool there_and_back(struct smoke *s, struct ws_client *a, struct ws_client *b, int64_t b_uid)
{
    struct smoke_got one, two;
    say(a, b_uid, "cluster-1");
    say(a, b_uid, "cluster-2");
    if (!saved(s, a, "cluster-1", &one) || !saved(s, a, "cluster-2", &two) ||
        !heard(s, b, "the first arrives at the other node", "cluster-1", &one) ||
        !heard(s, b, "then the second", "cluster-2", &two))
        return false;
    const struct smoke_want receipt = {
        .type = MN_TYPE_ACK, .ack_type = "delivered", .server_id = two.server_id, .from = b_uid};
    mn_ignore(smoke_send(b, "{\"type\":\"ACK\",\"ackType\":\"delivered\",\"serverMsgId\":\"%s\"}",
                         two.server_id));
    return smoke_expect(s, a, "the receipt comes back", &receipt, NULL);
}

/* B moves to the first node: the second one puts him out, and messages follow. */
static bool move(struct smoke *s, struct ws_client *a, struct ws_client *b, int64_t b_uid)
{
    struct smoke_got message;
    const struct smoke_want kicked = {.type = MN_TYPE_ERROR, .reason = "kicked"};
    struct ws_client *moved = smoke_login_at(s, "B at the first node", b_uid, FIRST);
    if (!moved || !smoke_expect(s, b, "B is put out at the second", &kicked, NULL) ||
        !smoke_expect_close(s, b, "and closed", 1000))
        return false;
    say(a, b_uid, "cluster-3");
    return saved(s, a, "cluster-3", &message) &&
           heard(s, moved, "messages follow him", "cluster-3", &message);
}

void smoke_cluster(struct smoke *s)
{
    int64_t a_uid = smoke_uid(s), b_uid = a_uid ? smoke_uid(s) : 0;
    struct ws_client *a = b_uid ? smoke_login_at(s, "A at the first node", a_uid, FIRST) : NULL;
    struct ws_client *b = a ? smoke_login_at(s, "B at the second node", b_uid, SECOND) : NULL;
    if (b && there_and_back(s, a, b, b_uid) && smoke_talk_in_group(s, a, a_uid, b, b_uid))
        mn_ignore(move(s, a, b, b_uid));
}
