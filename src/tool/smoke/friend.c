/* SPDX-License-Identifier: Apache-2.0 */
/* smoke friend: a request, told and accepted; the chat of new friends (W-3.10, H-7.3). */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

static void ask(struct ws_client *a, const char *client_id, int64_t to)
{
    mn_ignore(smoke_send(a,
                         "{\"type\":\"FRIEND_REQUEST\",\"clientMsgId\":\"%s\",\"to\":\"%" PRId64
                         "\",\"body\":\"hello\"}",
                         client_id, to));
}

/* A asks B over its connection, twice with the same client id. */
static bool request(struct smoke *s, struct ws_client *a, struct ws_client *b, int64_t from,
                    int64_t to, struct smoke_got *ret)
{
    struct smoke_want ack = {.type = MN_TYPE_ACK, .ack_type = "saved", .client_id = "friend-1"};
    struct smoke_want told = {
        .type = MN_TYPE_FRIEND_REQUEST, .client_id = "friend-1", .body = "hello", .from = from};
    ask(a, "friend-1", to);
    if (!smoke_expect(s, a, "a request is saved", &ack, ret))
        return false;
    ack.server_id = told.server_id = ret->server_id;
    if (!smoke_expect(s, b, "B is told", &told, NULL))
        return false;
    ask(a, "friend-1", to);
    return smoke_expect(s, a, "a retry gets the same answer", &ack, NULL) &&
           smoke_expect_none(s, b, "B is told once", MN_TYPE_FRIEND_REQUEST);
}

static bool decide(struct smoke *s, struct ws_client *a, int64_t a_uid, int64_t b_uid,
                   const struct smoke_got *request)
{
    char body[120];
    struct smoke_want told = {.type = MN_TYPE_FRIEND_DECISION,
                              .server_id = request->server_id,
                              .body = "accepted",
                              .from = b_uid};
    snprintf(body, sizeof body, "{\"requestId\":\"%.40s\",\"action\":\"accept\"}",
             request->server_id);
    return smoke_post(s, "A may not decide", a_uid, "/friend/request/decide", body, 200,
                      "forbidden") &&
           smoke_post(s, "B accepts", b_uid, "/friend/request/decide", body, 200,
                      "\"singleChatId\":\"") &&
           smoke_expect(s, a, "A is told", &told, NULL);
}

/* It lies where each of them looks for it. */
static bool boxes(struct smoke *s, int64_t a_uid, int64_t b_uid, const struct smoke_got *request)
{
    char id[80];
    snprintf(id, sizeof id, "\"id\":\"%.60s\"", request->server_id);
    return smoke_get(s, "it is in B's inbox", b_uid, "/friend/request/cursor?box=inbox", id) &&
           smoke_get(s, "and in A's outbox", a_uid, "/friend/request/cursor?box=outbox", id);
}

/* Both have each other in their lists. */
static bool lists(struct smoke *s, int64_t a_uid, int64_t b_uid)
{
    char of_a[80], of_b[80];
    snprintf(of_a, sizeof of_a, "\"peerUserId\":\"%" PRId64 "\"", b_uid);
    snprintf(of_b, sizeof of_b, "\"peerUserId\":\"%" PRId64 "\"", a_uid);
    return smoke_get(s, "A has the chat", a_uid, "/single-chat/conversation/cursor", of_a) &&
           smoke_get(s, "B has it", b_uid, "/single-chat/conversation/cursor", of_b) &&
           smoke_get(s, "without a message", b_uid, "/single-chat/conversation/cursor",
                     "\"lastMessage\":null") &&
           smoke_get(s, "A has a friend", a_uid, "/friend/relation/list", "\"user1Id\"") &&
           smoke_get(s, "and B has", b_uid, "/friend/relation/list", "\"user1Id\"");
}

bool smoke_befriend(struct smoke *s, struct ws_client *a, int64_t a_uid, int64_t b_uid)
{
    char body[120];
    struct smoke_got asked;
    const struct smoke_want ack = {.type = MN_TYPE_ACK, .ack_type = "saved"};
    const struct smoke_want told = {
        .type = MN_TYPE_FRIEND_DECISION, .body = "accepted", .from = b_uid, .to = a_uid};
    ask(a, "friend-0", b_uid);
    if (!smoke_expect(s, a, "A asks B to be a friend", &ack, &asked))
        return false;
    snprintf(body, sizeof body, "{\"requestId\":\"%.40s\",\"action\":\"accept\"}", asked.server_id);
    return smoke_post(s, "B accepts", b_uid, "/friend/request/decide", body, 200, "\"ok\":true") &&
           smoke_expect(s, a, "they are friends", &told, NULL);
}

void smoke_friend(struct smoke *s)
{
    struct smoke_got asked;
    int64_t a_uid = smoke_uid(s), b_uid = a_uid ? smoke_uid(s) : 0;
    struct ws_client *a = b_uid ? smoke_login(s, "A", a_uid) : NULL;
    struct ws_client *b = a ? smoke_login(s, "B", b_uid) : NULL;
    if (!b || !request(s, a, b, a_uid, b_uid, &asked) || !boxes(s, a_uid, b_uid, &asked) ||
        !decide(s, a, a_uid, b_uid, &asked) || !lists(s, a_uid, b_uid))
        return;
    struct smoke_want refused = {.type = MN_TYPE_ERROR, .reason = "already_friends"};
    ask(a, "friend-2", b_uid);
    mn_ignore(smoke_expect(s, a, "friends cannot ask each other", &refused, NULL));
}
