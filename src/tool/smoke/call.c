/* SPDX-License-Identifier: Apache-2.0 */
/* smoke call: rung, taken, candidates, ended; busy; refused; missed; and the records of it (W-3.12, H-7.10). */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

/* For a server that rings its 30 seconds. */
#define RING_WAIT_MS UINT64_C(45000)
#define SDP "v=0"

struct talk {
    struct smoke *s;
    int64_t caller, callee;
    struct ws_client *a, *b; /* their connections */
    int64_t call;            /* the one at hand */
};

static void about(struct ws_client *c, const char *type, int64_t call, const char *more)
{
    mn_ignore(smoke_send(c, "{\"type\":\"%s\",\"callId\":\"%" PRId64 "\"%s}", type, call, more));
}

static void invite(const struct talk *t)
{
    mn_ignore(smoke_send(t->a,
                         "{\"type\":\"CALL_INVITE\",\"clientMsgId\":\"call\",\"to\":\"%" PRId64
                         "\",\"callKind\":\"video\",\"sdp\":\"" SDP "\"}",
                         t->callee));
}

static bool ring(struct talk *t)
{
    struct smoke_got got;
    const struct smoke_want ok = {
        .type = MN_TYPE_CALL_INVITE_OK, .client_id = "call", .from = t->caller, .to = t->callee};
    invite(t);
    if (!smoke_expect(t->s, t->a, "A calls B", &ok, &got))
        return false;
    t->call = got.call_id;
    const struct smoke_want rings = {
        .type = MN_TYPE_CALL_INVITE, .from = t->caller, .to = t->callee, .call_id = t->call};
    return smoke_step(t->s, t->call > 0, "it has an id", "a callId", MN_STR("none")) &&
           smoke_expect(t->s, t->b, "it rings at B", &rings, NULL);
}

/* The other one is told what one of the two did. */
static bool told(struct talk *t, const char *name, enum mn_type type, bool by_callee,
                 const char *reason)
{
    const struct smoke_want want = {.type = type,
                                    .from = by_callee ? t->callee : t->caller,
                                    .to = by_callee ? t->caller : t->callee,
                                    .call_id = t->call,
                                    .call_reason = reason};
    return smoke_expect(t->s, by_callee ? t->a : t->b, name, &want, NULL);
}

static bool refused(struct talk *t, const char *name, const char *reason)
{
    const struct smoke_want want = {.type = MN_TYPE_CALL_ERROR, .reason = reason};
    return smoke_expect(t->s, t->a, name, &want, NULL);
}

static bool recorded(struct talk *t, const char *name, const char *status)
{
    char id[48], text[48];
    snprintf(id, sizeof id, "\"callId\":\"%" PRId64 "\"", t->call);
    snprintf(text, sizeof text, "\"status\":\"%s\"", status);
    return smoke_get(t->s, name, t->callee, "/call/record/cursor", id) &&
           smoke_get(t->s, "as what it was", t->callee, "/call/record/cursor", text);
}

/* A whole call; a second one meanwhile. */
static bool take(struct talk *t)
{
    if (!ring(t))
        return false;
    invite(t);
    if (!refused(t, "B is busy", "busy"))
        return false;
    about(t->b, "CALL_ACCEPT", t->call, ",\"sdp\":\"" SDP "\"");
    if (!told(t, "B takes it", MN_TYPE_CALL_ACCEPT, true, NULL))
        return false;
    about(t->a, "CALL_ICE", t->call, ",\"iceCandidate\":\"candidate:1\",\"iceSdpMid\":\"0\"");
    if (!told(t, "a candidate reaches B", MN_TYPE_CALL_ICE, false, NULL))
        return false;
    about(t->b, "CALL_ICE", t->call, ",\"iceCandidate\":\"candidate:2\",\"iceSdpMid\":\"0\"");
    if (!told(t, "and one A", MN_TYPE_CALL_ICE, true, NULL))
        return false;
    about(t->b, "CALL_END", t->call, ",\"callReason\":\"hangup\"");
    if (!told(t, "B hangs up", MN_TYPE_CALL_END, true, "hangup"))
        return false;
    about(t->a, "CALL_END", t->call, "");
    return refused(t, "it is over", "call_not_found") && recorded(t, "it is recorded", "ENDED");
}

static bool turn_down(struct talk *t)
{
    if (!ring(t))
        return false;
    about(t->b, "CALL_REJECT", t->call, ",\"callReason\":\"later\"");
    return told(t, "B turns it down", MN_TYPE_CALL_REJECT, true, "later") &&
           recorded(t, "that is recorded", "REJECTED");
}

static bool miss(struct talk *t)
{
    if (!ring(t))
        return false;
    const struct smoke_want want = {
        .type = MN_TYPE_CALL_TIMEOUT, .call_id = t->call, .call_reason = "timeout"};
    return smoke_expect_in(t->s, t->a, "nobody answers", &want, RING_WAIT_MS, NULL) &&
           smoke_expect(t->s, t->b, "B is told so", &want, NULL) &&
           recorded(t, "that is recorded", "MISSED");
}

void smoke_call(struct smoke *s)
{
    struct talk t = {.s = s, .caller = smoke_uid(s)};
    t.callee = t.caller ? smoke_uid(s) : 0;
    t.a = t.callee ? smoke_login(s, "A", t.caller) : NULL;
    t.b = t.a ? smoke_login(s, "B", t.callee) : NULL;
    if (!t.b)
        return;
    invite(&t);
    if (refused(&t, "strangers are not called", "not_friend") &&
        smoke_befriend(s, t.a, t.caller, t.callee) && take(&t) && turn_down(&t))
        mn_ignore(miss(&t));
}
