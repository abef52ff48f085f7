/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL_*: what is wrong with a frame by itself is answered here, all else is
 * carried out by im/call, on its own thread, and told by the sink (W-3.12).
 */
#include "gate/frame/frame.h"
#include "im/call/rules.h"

static void refuse(struct mn_conn *conn, const struct mn_envelope *env, enum mn_reason reason)
{
    bool names_call = env->type != MN_TYPE_CALL_INVITE && reason != MN_REASON_MISSING_CALL_ID;
    mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_CALL_ERROR,
                                              .has = names_call ? MN_HAS_CALL_ID : 0,
                                              .client_msg_id = env->client_msg_id,
                                              .call_id = env->call_id,
                                              .reason = mn_str_c(mn_reason_text(reason))});
}

void mn_frame_call(struct mn_conn *conn, const struct mn_envelope *env)
{
    int64_t user = mn_session_of(conn)->uid;
    enum mn_reason reason = mn_call_check(user, env);
    if (reason != MN_REASON_NONE)
        refuse(conn, env, reason);
    else if (mn_calls_submit(mn_gate_loop_of(conn)->gate->calls, user, env))
        mn_reply_busy(conn, MN_IDS_C(env));
}
