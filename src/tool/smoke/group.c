/* SPDX-License-Identifier: Apache-2.0 */
/* smoke group: made, joined, spoken in, and left; who is outside hears and says nothing (H-7.5). */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

struct crew {
    struct smoke *s;
    int64_t owner, member;
    struct ws_client *a, *b; /* their connections */
    char group[24];
};

/* A call about the member. */
static bool manage(struct crew *crew, const char *name, const char *path, const char *more)
{
    char body[160];
    snprintf(body, sizeof body, "{\"groupId\":\"%s\",\"userId\":\"%" PRId64 "\"%s}", crew->group,
             crew->member, more);
    return smoke_post(crew->s, name, crew->owner, path, body, 200, "\"ok\":true");
}

static bool told(struct crew *crew, struct ws_client *c, const char *name, const char *event)
{
    const struct smoke_want want = {
        .type = MN_TYPE_GROUP_EVENT, .body = event, .from = crew->owner, .to = crew->member};
    return smoke_expect(crew->s, c, name, &want, NULL);
}

static void say(struct ws_client *c, const struct crew *crew, const char *id)
{
    mn_ignore(smoke_send(c,
                         "{\"type\":\"GROUP_CHAT\",\"clientMsgId\":\"%s\",\"groupId\":\"%s\","
                         "\"body\":\"%s\"}",
                         id, crew->group, id));
}

/* He says something, and the other one hears it. */
static bool heard(struct crew *crew, struct ws_client *from, struct ws_client *by, const char *id)
{
    struct smoke_got saved;
    const struct smoke_want ack = {
        .type = MN_TYPE_ACK, .ack_type = "saved", .client_id = id, .has_ids = true};
    say(from, crew, id);
    if (!smoke_expect(crew->s, from, "a message is saved", &ack, &saved))
        return false;
    const struct smoke_want push = {.type = MN_TYPE_GROUP_CHAT,
                                    .server_id = saved.server_id,
                                    .msg_seq = saved.msg_seq,
                                    .body = id};
    return smoke_expect(crew->s, by, "and heard", &push, NULL);
}

static bool refused(struct crew *crew, const char *name, const char *id, const char *reason)
{
    const struct smoke_want want = {.type = MN_TYPE_ERROR, .client_id = id, .reason = reason};
    say(crew->b, crew, id);
    return smoke_expect(crew->s, crew->b, name, &want, NULL);
}

static bool join(struct crew *crew)
{
    struct smoke *s = crew->s;
    char path[80], body[120], code[24] = "", request[24];
    snprintf(path, sizeof path, "/group/profile/by-id?groupId=%s", crew->group);
    if (!smoke_get(s, "a stranger sees the group's code", crew->member, path, "\"isMember\":false"))
        return false;
    const char *at = memmem(s->http.body.p, s->http.body.n, "\"groupCode\":\"", 13);
    if (at && at + 13 + 16 < s->http.body.p + s->http.body.n)
        snprintf(code, sizeof code, "%.*s", (int)sizeof code - 1,
                 at + 13); /* 16 at most, and more */
    code[strcspn(code, "\"")] = '\0';
    snprintf(body, sizeof body, "{\"groupCode\":\"%s\",\"message\":\"let me in\"}", code);
    if (!smoke_post(s, "he asks to be let in", crew->member, "/group/join/request", body, 200,
                    "\"requestId\"") ||
        !smoke_id_of(s, "requestId", request))
        return false;
    const struct smoke_want asked = {.type = MN_TYPE_GROUP_JOIN_REQUEST,
                                     .server_id = request,
                                     .body = "let me in",
                                     .from = crew->member};
    snprintf(body, sizeof body, "{\"requestId\":\"%s\",\"action\":\"accept\"}", request);
    return smoke_expect(s, crew->a, "the owner is told", &asked, NULL) &&
           smoke_post(s, "he is let in", crew->owner, "/group/join/decide", body, 200,
                      "\"status\":\"ACCEPTED\"") &&
           told(crew, crew->b, "and told so", "member_joined");
}

static bool make(struct crew *crew)
{
    return smoke_post(crew->s, "a group", crew->owner, "/group/create", "{\"name\":\"smoke\"}", 200,
                      "\"groupId\"") &&
           smoke_id_of(crew->s, "groupId", crew->group) && join(crew);
}

/* The member is mentioned: the message addresses him, and can be fetched with whom it names. */
static bool mentioned(struct crew *crew)
{
    struct smoke_got saved;
    char path[120], names[48];
    const struct smoke_want ack = {
        .type = MN_TYPE_ACK, .ack_type = "saved", .client_id = "group-m", .has_ids = true};
    mn_ignore(smoke_send(crew->a,
                         "{\"type\":\"GROUP_CHAT\",\"clientMsgId\":\"group-m\",\"groupId\":\"%s\","
                         "\"body\":\"@you\",\"mentions\":[\"%" PRId64 "\"]}",
                         crew->group, crew->member));
    if (!smoke_expect(crew->s, crew->a, "a mention is saved", &ack, &saved))
        return false;
    const struct smoke_want push = {
        .type = MN_TYPE_GROUP_CHAT, .server_id = saved.server_id, .important = true};
    snprintf(path, sizeof path, "/group/message/since?groupId=%s&sinceSeq=%" PRId64, crew->group,
             saved.msg_seq - 1);
    snprintf(names, sizeof names, "\"mentions\":[\"%" PRId64 "\"]", crew->member);
    return smoke_expect(crew->s, crew->b, "it addresses him", &push, NULL) &&
           smoke_get(crew->s, "and can be fetched", crew->member, path, names);
}

static bool talk(struct crew *crew)
{
    return heard(crew, crew->a, crew->b, "group-1") && heard(crew, crew->b, crew->a, "group-2");
}

bool smoke_talk_in_group(struct smoke *s, struct ws_client *a, int64_t a_uid, struct ws_client *b,
                         int64_t b_uid)
{
    struct crew crew = {.s = s, .owner = a_uid, .member = b_uid, .a = a, .b = b};
    return make(&crew) && talk(&crew);
}

static bool use(struct crew *crew)
{
    return talk(crew) && mentioned(crew) &&
           manage(crew, "the member is banned from speaking", "/group/member/mute",
                  ",\"durationSeconds\":600") &&
           told(crew, crew->b, "and told so", "muted") &&
           refused(crew, "he cannot speak", "group-3", "group_speak_muted") &&
           manage(crew, "the ban is lifted", "/group/member/mute", ",\"durationSeconds\":0") &&
           heard(crew, crew->b, crew->a, "group-4") &&
           manage(crew, "the member is removed", "/group/member/kick", "") &&
           told(crew, crew->b, "and told so", "member_kicked") &&
           refused(crew, "he cannot speak", "group-5", "not_group_member");
}

void smoke_group(struct smoke *s)
{
    char body[60], path[80];
    struct crew crew = {.s = s, .owner = smoke_uid(s)};
    crew.member = crew.owner ? smoke_uid(s) : 0;
    crew.a = crew.member ? smoke_login(s, "the owner", crew.owner) : NULL;
    crew.b = crew.a ? smoke_login(s, "the member", crew.member) : NULL;
    if (!crew.b ||
        !smoke_post(s, "a name of nothing is refused", crew.owner, "/group/create",
                    "{\"name\":\"\\u200b\"}", 200, "missing_group_name") ||
        !make(&crew) || !use(&crew))
        return;
    snprintf(body, sizeof body, "{\"groupId\":\"%s\"}", crew.group);
    snprintf(path, sizeof path, "/group/profile/by-id?groupId=%s", crew.group);
    if (smoke_post(s, "the last member leaves", crew.owner, "/group/leave", body, 200,
                   "\"ok\":true"))
        mn_ignore(smoke_get(s, "and the group has ended", crew.owner, path, "not_found"));
}
