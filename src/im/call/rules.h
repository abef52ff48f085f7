/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CALL_RULES_H
#define MN_IM_CALL_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/envelope.h"
#include "proto/reason.h"
#include "store/sql/call.h"

/*
 * What a call may be and become (W-3.12), without memory or time: a frame is
 * checked by itself, and an event against the call it is about.
 *
 *   RINGING --- callee accepts ---> ACCEPTED
 *      |                               |
 *      | callee rejects: REJECTED      | either ends: ENDED
 *      | caller cancels: CANCELED      | one is gone for good: FAILED
 *      | either ends: as these two
 *      | nobody answers: MISSED
 *      | one is gone for good: FAILED
 */
enum mn_call_event {
    MN_CALL_EV_NONE = 0,
    MN_CALL_EV_ACCEPT,
    MN_CALL_EV_REJECT,
    MN_CALL_EV_CANCEL,
    MN_CALL_EV_END,
    MN_CALL_EV_ICE,
    MN_CALL_EV_TIMEOUT, /* it rang for long enough */
    MN_CALL_EV_GONE,    /* one of the two has no connection any more, and did not come back */
    MN_CALL_EV_COUNT
};

/*
 * What the event, by the user `who`, makes of a call; MN_REASON_NONE when
 * that is something: *ret_next, which is the present status for ICE.
 */
enum mn_reason mn_call_rule(const struct mn_call_record *call, enum mn_call_event event,
                            int64_t who, enum mn_call_status *ret_next);
static inline bool mn_call_is_over(enum mn_call_status status)
{
    return status != MN_CALL_RINGING && status != MN_CALL_ACCEPTED;
}
static inline int64_t mn_call_peer(const struct mn_call_record *call, int64_t who)
{
    return who == call->caller ? call->callee : call->caller;
}

/* The event that a frame from a client stands for; MN_CALL_EV_NONE: CALL_INVITE, which begins a call. */
enum mn_call_event mn_call_event_of(enum mn_type type);
/* Whether a CALL_* frame of the user `from` can be understood at all; the first thing that is wrong. */
enum mn_reason mn_call_check(int64_t from, const struct mn_envelope *env);
/* callReason as it is kept and passed on: trimmed, cut to 64 UTF-16 units; absent when blank. */
struct mn_str mn_call_reason(struct mn_str text);

#endif
