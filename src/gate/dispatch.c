/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbound pipeline for one text frame, in the order of
 * W-1.7: connection bucket, JSON, type, authentication gate, expiry and
 * session version, user bucket, dispatch.  Also the table of handlers: which
 * type needs what is data here, not a line in each handler.
 *
 * An answer that the server has asked for (an ACK of what it pushed) is taken
 * from neither bucket: a peer must not be closed for doing what it was told.
 */
#include "gate/dispatch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gate/frame/frame.h"
#include "gate/frame/requests.h"

enum type_flags {
    BEFORE_AUTH = 1u << 0, /* passes the authentication gate */
    NO_VERDICT = 1u << 1,  /* expiry, session version and the user bucket do not apply */
    ICE_BUCKET = 1u << 2,  /* charged to the user's bucket of candidates instead (W-10.9) */
    IN_TURN = 1u << 3,     /* waits for those before it (W-7.1) */
};

static const struct {
    void (*run)(struct mn_conn *conn, const struct mn_envelope *env);
    unsigned flags;
    /* Takes the frame from what the server has asked for; NULL: it never asks for this type. */
    bool (*is_asked)(struct mn_conn *conn, const struct mn_envelope *env);
} handlers[MN_TYPE_COUNT] = {
    [MN_TYPE_AUTH] = {mn_frame_auth, BEFORE_AUTH | NO_VERDICT, NULL},
    [MN_TYPE_REAUTH] = {mn_frame_reauth, NO_VERDICT, mn_frame_reauth_is_asked},
    [MN_TYPE_PING] = {mn_frame_ping, BEFORE_AUTH | NO_VERDICT, NULL},
    [MN_TYPE_PONG] = {mn_frame_pong, BEFORE_AUTH | NO_VERDICT, mn_frame_pong_is_asked},
    [MN_TYPE_SINGLE_CHAT] = {mn_frame_single_chat, IN_TURN, NULL},
    [MN_TYPE_GROUP_CHAT] = {mn_frame_group_chat, IN_TURN, NULL},
    [MN_TYPE_MESSAGE_REVOKE] = {mn_frame_revoke, IN_TURN, NULL},
    [MN_TYPE_FRIEND_REQUEST] = {mn_frame_friend_request, 0, NULL},
    [MN_TYPE_ACK] = {mn_frame_ack, 0, mn_frame_ack_is_asked},
    [MN_TYPE_CALL_INVITE] = {mn_frame_call, 0, NULL},
    [MN_TYPE_CALL_ACCEPT] = {mn_frame_call, 0, NULL},
    [MN_TYPE_CALL_REJECT] = {mn_frame_call, 0, NULL},
    [MN_TYPE_CALL_CANCEL] = {mn_frame_call, 0, NULL},
    [MN_TYPE_CALL_END] = {mn_frame_call, 0, NULL},
    [MN_TYPE_CALL_ICE] = {mn_frame_call, ICE_BUCKET, NULL},
};

static void refuse(struct mn_conn *conn, struct mn_ids ids)
{
    mn_metric_inc(mn_gate_loop_of(conn)->metrics, MN_M_RATE_LIMITED);
    mn_reply_error_close(conn, MN_REASON_TOO_MANY_REQUESTS, ids);
}

static bool charge_connection(struct mn_conn *conn, struct mn_ids ids)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    bool ok = mn_bucket_take(&mn_session_of(conn)->bucket, set->connection_rate,
                             set->connection_burst, mn_loop_mono_ms(gl->loop) * 1000);
    if (!ok)
        refuse(conn, ids);
    return ok;
}

static bool charge_user(struct mn_conn *conn, struct mn_ids ids)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    bool ok = mn_user_limits_take(gl->gate->user_limits, mn_session_of(conn)->uid, set->user_rate,
                                  set->user_burst, mn_loop_mono_ms(gl->loop) * 1000);
    if (!ok)
        refuse(conn, ids);
    return ok;
}

static bool charge_ice(struct mn_conn *conn, struct mn_ids ids)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    bool ok = mn_user_limits_take(gl->gate->ice_limits, mn_session_of(conn)->uid, set->ice_rate,
                                  set->ice_burst, mn_loop_mono_ms(gl->loop) * 1000);
    if (!ok)
        refuse(conn, ids);
    return ok;
}

bool mn_dispatch_charge(struct mn_conn *conn, struct mn_ids ids)
{
    return charge_connection(conn, ids) && charge_user(conn, ids);
}

/* Steps 4 to 6; false when the frame was answered with a close. */
static bool admit(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_session *session = mn_session_of(conn);
    unsigned flags = handlers[env->type].flags;

    if (session->state != MN_SESSION_LIVE && !(flags & BEFORE_AUTH)) {
        mn_reply_error_close(conn, MN_REASON_UNAUTHORIZED, MN_IDS_CS(env));
        return false;
    }
    if (flags & NO_VERDICT)
        return true;
    enum mn_reason verdict = mn_session_verdict(conn);
    if (verdict != MN_REASON_NONE) {
        mn_reply_error_close(conn, verdict, MN_IDS_CS(env));
        return false;
    }
    if (flags & ICE_BUCKET)
        return charge_ice(conn, MN_IDS_CS(env));
    return session->is_free || charge_user(conn, MN_IDS_CS(env));
}

/* Whether the server has asked for this frame (W-10.3): then no bucket is charged. */
static bool take_asked(struct mn_conn *conn, const struct mn_envelope *env)
{
    return mn_session_of(conn)->state == MN_SESSION_LIVE && handlers[env->type].is_asked &&
           handlers[env->type].is_asked(conn, env);
}

/* True: a request that must wait for a place; false: it is done. */
static bool run(struct mn_conn *conn, const struct mn_envelope *env)
{
    if ((handlers[env->type].flags & IN_TURN) && mn_requests_are_full(mn_session_of(conn)))
        return true;
    if (handlers[env->type].run)
        handlers[env->type].run(conn, env);
    else
        mn_reply_violation(conn, MN_REASON_NOT_IMPLEMENTED, MN_IDS_C(env));
    return false;
}

/* True: a request that must wait for a place; false: it is done. */
static bool take(struct mn_conn *conn, char *p, size_t n, struct mn_envelope *ret_env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    /* Parsed before it is charged: what it is decides whether it is. */
    enum mn_err err = mn_envelope_parse(p, n, ret_env);
    session->is_free = !err && take_asked(conn, ret_env);
    if (!session->is_free && !charge_connection(conn, MN_IDS_NONE))
        return false;
    if (err) {
        mn_reply_violation(conn, MN_REASON_BAD_JSON, MN_IDS_NONE);
        return false;
    }
    if (!ret_env->type_text.p) {
        mn_reply_violation(conn, MN_REASON_MISSING_TYPE, MN_IDS_NONE);
        return false;
    }
    mn_metric_inc_of(gl->metrics, MN_MF_FRAMES_IN,
                     mn_type_is_inbound(ret_env->type) ? ret_env->type : 0);
    if (!admit(conn, ret_env))
        return false;
    return run(conn, ret_env);
}

void mn_dispatch_on_text(void *ctx, struct mn_conn *conn, char *p, size_t n)
{
    (void)ctx;
    struct mn_session *session = mn_session_of(conn);
    struct mn_envelope env;
    if (session->state == MN_SESSION_CLOSED)
        return;
    /* Parsing rewrites the text: what may have to wait for a place is kept as it came. */
    struct mn_aside_frame *copy = mn_requests_are_full(session) ? mn_aside_copy(p, n) : NULL;
    bool waits = take(conn, p, n, &env);
    if (waits && copy)
        mn_requests_set_aside(conn, copy);
    else
        mn_free(copy);
    if (waits && !copy) /* the order yields to an answer */
        mn_reply_busy(conn, MN_IDS_C(&env));
}

void mn_dispatch_aside(struct mn_conn *conn, char *p, size_t n)
{
    struct mn_envelope env;
    MN_BUG_ON(mn_envelope_parse(p, n, &env)); /* it was parsed before */
    handlers[env.type].run(conn, &env);
}
