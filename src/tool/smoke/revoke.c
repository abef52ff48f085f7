/* SPDX-License-Identifier: Apache-2.0 */
/* smoke revoke: by its sender only, told to both, a placeholder from then on (W-3.9, W-8.6). */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

/* What stands for a text that was taken back. */
#define PLACEHOLDER "\u5df2\u64a4\u56de"

static bool say(struct smoke *s, struct ws_client *a, int64_t to, const char *id,
                struct smoke_got *ret)
{
    const struct smoke_want ack = {
        .type = MN_TYPE_ACK, .ack_type = "saved", .client_id = id, .has_ids = true};
    mn_ignore(smoke_send(a,
                         "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"%s\",\"to\":\"%" PRId64
                         "\",\"body\":\"a secret\"}",
                         id, to));
    return smoke_expect(s, a, "a message is saved", &ack, ret);
}

static void take_back(struct ws_client *c, const struct smoke_got *saved)
{
    mn_ignore(smoke_send(c,
                         "{\"type\":\"MESSAGE_REVOKE\",\"clientMsgId\":\"revoke\","
                         "\"serverMsgId\":\"%s\"}",
                         saved->server_id));
}

static bool refused(struct smoke *s, struct ws_client *c, const char *name,
                    const struct smoke_got *saved, const char *reason)
{
    const struct smoke_want want = {.type = MN_TYPE_ERROR,
                                    .client_id = "revoke",
                                    .server_id = saved->server_id,
                                    .reason = reason};
    take_back(c, saved);
    return smoke_expect(s, c, name, &want, NULL);
}

static bool revoked(struct smoke *s, struct ws_client *a, const struct smoke_got *saved)
{
    const struct smoke_want ack = {.type = MN_TYPE_ACK,
                                   .ack_type = "revoked",
                                   .client_id = "revoke",
                                   .server_id = saved->server_id};
    take_back(a, saved);
    return smoke_expect(s, a, "A takes it back", &ack, NULL);
}

static bool told(struct smoke *s, struct ws_client *c, const char *name, int64_t from, int64_t to,
                 const struct smoke_got *saved)
{
    const struct smoke_want want = {
        .type = MN_TYPE_MESSAGE_REVOKED, .server_id = saved->server_id, .from = from, .to = to};
    return smoke_expect(s, c, name, &want, NULL);
}

/* Both are there. */
static bool live(struct smoke *s, struct ws_client *a, struct ws_client *b, int64_t a_uid,
                 int64_t b_uid)
{
    struct smoke_got saved;
    if (!say(s, a, b_uid, "revoke-1", &saved))
        return false;
    const struct smoke_want push = {.type = MN_TYPE_SINGLE_CHAT,
                                    .client_id = "revoke-1",
                                    .server_id = saved.server_id,
                                    .msg_seq = saved.msg_seq,
                                    .body = "a secret",
                                    .from = a_uid};
    const struct smoke_got nothing = {.server_id = "1"};
    return smoke_expect(s, b, "B gets it", &push, NULL) &&
           refused(s, b, "B may not take it back", &saved, "not_message_sender") &&
           refused(s, a, "nor A what is not there", &nothing, "message_not_found") &&
           revoked(s, a, &saved) && told(s, a, "A is told", a_uid, b_uid, &saved) &&
           told(s, b, "B is told", a_uid, b_uid, &saved) && revoked(s, a, &saved) &&
           told(s, b, "twice is no error", a_uid, b_uid, &saved);
}

/* He is away: what waits for him shows the placeholder, and he is told behind it. */
static bool away(struct smoke *s, struct ws_client *a, int64_t a_uid, int64_t c_uid)
{
    struct smoke_got saved;
    char path[80];
    if (!say(s, a, c_uid, "revoke-2", &saved) || !revoked(s, a, &saved))
        return false;
    const struct smoke_want resent = {.type = MN_TYPE_SINGLE_CHAT,
                                      .client_id = "revoke-2",
                                      .server_id = saved.server_id,
                                      .msg_seq = saved.msg_seq,
                                      .body = PLACEHOLDER,
                                      .from = a_uid};
    struct ws_client *c = smoke_login(s, "C, who was away", c_uid);
    snprintf(path, sizeof path, "/single-chat/message/cursor?peerUserId=%" PRId64, a_uid);
    return c && smoke_expect(s, c, "he gets a placeholder", &resent, NULL) &&
           told(s, c, "he is told", a_uid, c_uid, &saved) &&
           smoke_get(s, "history has it too", c_uid, path, "\"content\":\"" PLACEHOLDER "\"");
}

void smoke_revoke(struct smoke *s)
{
    int64_t a_uid = smoke_uid(s), b_uid = a_uid ? smoke_uid(s) : 0;
    int64_t c_uid = b_uid ? smoke_uid(s) : 0;
    struct ws_client *a = c_uid ? smoke_login(s, "A", a_uid) : NULL;
    struct ws_client *b = a ? smoke_login(s, "B", b_uid) : NULL;
    if (b && live(s, a, b, a_uid, b_uid))
        mn_ignore(away(s, a, a_uid, c_uid));
}
