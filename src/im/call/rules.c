/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of calls: see rules.h.  Pure; any thread. */
#include "im/call/rules.h"

#include "base/utf8.h"

enum { SDP_MAX_UTF16 = 120000, CANDIDATE_MAX_UTF16 = 4096 };

/* ---- events ---- */

static bool has_part(const struct mn_call_record *call, int64_t who)
{
    return who == call->caller || who == call->callee;
}

/* Who may not, and why; then whether it still rings. */
static enum mn_reason refusal(const struct mn_call_record *call, enum mn_call_event event,
                              int64_t who)
{
    switch (event) {
    case MN_CALL_EV_ACCEPT:
        if (!has_part(call, who))
            return MN_REASON_CALL_NOT_PARTICIPANT;
        if (who != call->callee)
            return MN_REASON_ONLY_CALLEE_CAN_ACCEPT;
        break;
    case MN_CALL_EV_REJECT:
        if (who != call->callee)
            return MN_REASON_ONLY_CALLEE_CAN_REJECT;
        break;
    case MN_CALL_EV_CANCEL:
        if (who != call->caller)
            return MN_REASON_ONLY_CALLER_CAN_CANCEL;
        break;
    case MN_CALL_EV_END:
    case MN_CALL_EV_ICE:
        return has_part(call, who) ? MN_REASON_NONE : MN_REASON_CALL_NOT_PARTICIPANT;
    case MN_CALL_EV_TIMEOUT:
        break;
    case MN_CALL_EV_GONE:
    case MN_CALL_EV_NONE:
    case MN_CALL_EV_COUNT:
        return MN_REASON_NONE;
    }
    return call->status == MN_CALL_RINGING ? MN_REASON_NONE : MN_REASON_CALL_NOT_RINGING;
}

static enum mn_call_status next_of(const struct mn_call_record *call, enum mn_call_event event,
                                   int64_t who)
{
    switch (event) {
    case MN_CALL_EV_ACCEPT:
        return MN_CALL_ACCEPTED;
    case MN_CALL_EV_REJECT:
        return MN_CALL_REJECTED;
    case MN_CALL_EV_CANCEL:
        return MN_CALL_CANCELED;
    case MN_CALL_EV_END:
        if (call->status == MN_CALL_ACCEPTED)
            return MN_CALL_ENDED;
        return who == call->caller ? MN_CALL_CANCELED : MN_CALL_REJECTED;
    case MN_CALL_EV_TIMEOUT:
        return MN_CALL_MISSED;
    case MN_CALL_EV_GONE:
        return MN_CALL_FAILED;
    case MN_CALL_EV_ICE:
    case MN_CALL_EV_NONE:
    case MN_CALL_EV_COUNT:
        break;
    }
    return call->status;
}

enum mn_reason mn_call_rule(const struct mn_call_record *call, enum mn_call_event event,
                            int64_t who, enum mn_call_status *ret_next)
{
    if (mn_call_is_over(call->status))
        return MN_REASON_CALL_NOT_FOUND;
    enum mn_reason reason = refusal(call, event, who);
    if (reason == MN_REASON_NONE)
        *ret_next = next_of(call, event, who);
    return reason;
}

enum mn_call_event mn_call_event_of(enum mn_type type)
{
    static const enum mn_call_event events[MN_TYPE_COUNT] = {
        [MN_TYPE_CALL_ACCEPT] = MN_CALL_EV_ACCEPT, [MN_TYPE_CALL_REJECT] = MN_CALL_EV_REJECT,
        [MN_TYPE_CALL_CANCEL] = MN_CALL_EV_CANCEL, [MN_TYPE_CALL_END] = MN_CALL_EV_END,
        [MN_TYPE_CALL_ICE] = MN_CALL_EV_ICE,
    };
    return events[type];
}

/* ---- frames ---- */

/* A text has at most as many UTF-16 units as bytes: most need no count. */
static bool is_longer(struct mn_str text, size_t utf16)
{
    return text.n > utf16 && mn_utf8_utf16_len(text) > utf16;
}

static enum mn_reason check_sdp(struct mn_str sdp)
{
    if (mn_str_is_blank(sdp))
        return MN_REASON_MISSING_SDP;
    return is_longer(sdp, SDP_MAX_UTF16) ? MN_REASON_SDP_TOO_LONG : MN_REASON_NONE;
}

static enum mn_reason check_invite(int64_t from, const struct mn_envelope *env)
{
    if (!(env->has & MN_HAS_TO))
        return MN_REASON_MISSING_TO;
    if (!mn_str_is_blank(env->call_kind) && !mn_str_eq_nocase(env->call_kind, MN_STR("video")))
        return MN_REASON_UNSUPPORTED_CALL_KIND;
    enum mn_reason reason = check_sdp(env->sdp);
    if (reason == MN_REASON_NONE && env->to == from)
        return MN_REASON_CANNOT_CALL_SELF;
    return reason;
}

static enum mn_reason check_candidate(struct mn_str candidate)
{
    if (mn_str_is_blank(candidate))
        return MN_REASON_MISSING_ICE_CANDIDATE;
    return is_longer(candidate, CANDIDATE_MAX_UTF16) ? MN_REASON_ICE_CANDIDATE_TOO_LONG
                                                     : MN_REASON_NONE;
}

enum mn_reason mn_call_check(int64_t from, const struct mn_envelope *env)
{
    if (env->type == MN_TYPE_CALL_INVITE)
        return check_invite(from, env);
    if (!(env->has & MN_HAS_CALL_ID) || env->call_id <= 0)
        return MN_REASON_MISSING_CALL_ID;
    if (env->type == MN_TYPE_CALL_ACCEPT)
        return check_sdp(env->sdp);
    if (env->type == MN_TYPE_CALL_ICE)
        return check_candidate(env->ice_candidate);
    return MN_REASON_NONE;
}

/* Bytes of the characters that fit into so many UTF-16 units whole. */
static size_t fitting(struct mn_str text, size_t utf16)
{
    size_t n = 0;
    while (n < text.n) {
        unsigned char c = (unsigned char)text.p[n];
        size_t bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        size_t units = bytes == 4 ? 2 : 1;
        if (units > utf16)
            break;
        utf16 -= units;
        n += bytes;
    }
    return n;
}

struct mn_str mn_call_reason(struct mn_str text)
{
    if (mn_str_is_blank(text))
        return MN_STR_NONE;
    text = mn_str_trim(text);
    return mn_str_make(text.p, fitting(text, MN_CALL_REASON_MAX));
}
