/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbound pipeline for one text frame, in the order of ws-protocol.md
 * 1.7: connection bucket, JSON, type, authentication gate, expiry and
 * session version, user bucket, dispatch.  Also the table of handlers: which
 * type needs what is data here, not a line in each handler.
 *
 * An answer that the server has asked for (an ACK of what it pushed) is taken
 * from neither bucket: a peer must not be closed for doing what it was told.
 */
#include "gate/dispatch.h"

#include "base/clock.h"
#include "gate/internal.h"

enum type_flags {
    BEFORE_AUTH = 1u << 0, /* passes the authentication gate */
    NO_VERDICT = 1u << 1,  /* expiry, session version and the user bucket do not apply */
};

static void on_auth(struct mn_conn *conn, struct mn_envelope *env)
{
    mn_session_on_auth(conn, env);
}

static void on_reauth(struct mn_conn *conn, struct mn_envelope *env)
{
    mn_session_on_reauth(conn, env);
}

static void on_ping(struct mn_conn *conn, struct mn_envelope *env)
{
    (void)env;
    mn_session_on_ping(conn);
}

/* A PONG needs no answer; that it came has already reset the reader's idle time. */
static void on_pong(struct mn_conn *conn, struct mn_envelope *env)
{
    (void)conn;
    (void)env;
}

static void on_ack(struct mn_conn *conn, struct mn_envelope *env) { mn_ack_on_frame(conn, env); }

static bool take_asked_pong(struct mn_conn *conn, const struct mn_envelope *env)
{
    (void)env;
    return mn_asked_take(&mn_session_of(conn)->asked, MN_ASKED_PONG, 0);
}

static bool take_asked_reauth(struct mn_conn *conn, const struct mn_envelope *env)
{
    (void)env;
    return mn_session_verdict(conn) == MN_REASON_NONE &&
           mn_asked_take(&mn_session_of(conn)->asked, MN_ASKED_REAUTH, 0);
}

static const struct {
    void (*run)(struct mn_conn *conn, struct mn_envelope *env);
    unsigned flags;
    /* Takes the frame from what the server has asked for; NULL: it never asks for this type. */
    bool (*take_asked)(struct mn_conn *conn, const struct mn_envelope *env);
} handlers[MN_TYPE_COUNT] = {
    [MN_TYPE_AUTH] = {on_auth, BEFORE_AUTH | NO_VERDICT},
    [MN_TYPE_REAUTH] = {on_reauth, NO_VERDICT, take_asked_reauth},
    [MN_TYPE_PING] = {on_ping, BEFORE_AUTH | NO_VERDICT},
    [MN_TYPE_PONG] = {on_pong, BEFORE_AUTH | NO_VERDICT, take_asked_pong},
    [MN_TYPE_SINGLE_CHAT] = {mn_chat_on_single, 0},
    [MN_TYPE_ACK] = {on_ack, 0, mn_ack_take_asked},
};

static void refuse(struct mn_conn *conn, struct mn_echo echo)
{
    mn_metric_inc(mn_gate_loop_of(conn)->metrics, MN_M_RATE_LIMITED);
    mn_reply_error_close(conn, MN_REASON_TOO_MANY_REQUESTS, echo);
}

static bool charge_connection(struct mn_conn *conn, struct mn_echo echo)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    const struct mn_gate_settings *set = mn_gate_set(gl);
    bool ok = mn_bucket_take(&mn_session_of(conn)->bucket, set->connection_rate,
                             set->connection_burst, mn_loop_mono_ms(gl->loop) * 1000);
    if (!ok)
        refuse(conn, echo);
    return ok;
}

static bool charge_user(struct mn_conn *conn, struct mn_echo echo)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    const struct mn_gate_settings *set = mn_gate_set(gl);
    bool ok = mn_user_limits_take(gl->gate->user_limits, mn_session_of(conn)->uid, set->user_rate,
                                  set->user_burst, mn_loop_mono_ms(gl->loop) * 1000);
    if (!ok)
        refuse(conn, echo);
    return ok;
}

bool mn_dispatch_charge(struct mn_conn *conn, struct mn_echo echo)
{
    return charge_connection(conn, echo) && charge_user(conn, echo);
}

/* Steps 4 to 6; false when the frame was answered with a close. */
static bool admit(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_session *session = mn_session_of(conn);
    unsigned flags = handlers[env->type].flags;

    if (session->state != MN_SESSION_LIVE && !(flags & BEFORE_AUTH)) {
        mn_reply_error_close(conn, MN_REASON_UNAUTHORIZED, MN_ECHO_CS(env));
        return false;
    }
    if (flags & NO_VERDICT)
        return true;
    enum mn_reason verdict = mn_session_verdict(conn);
    if (verdict != MN_REASON_NONE) {
        mn_reply_error_close(conn, verdict, MN_ECHO_CS(env));
        return false;
    }
    return session->is_free || charge_user(conn, MN_ECHO_CS(env));
}

/* Whether the server has asked for this frame (18.1): then no bucket is charged. */
static bool take_asked(struct mn_conn *conn, const struct mn_envelope *env)
{
    return mn_session_of(conn)->state == MN_SESSION_LIVE && handlers[env->type].take_asked &&
           handlers[env->type].take_asked(conn, env);
}

void mn_dispatch_on_text(void *ctx, struct mn_conn *conn, char *p, size_t n)
{
    (void)ctx;
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    struct mn_envelope env;

    if (session->state == MN_SESSION_CLOSED)
        return;
    /* Parsed before it is charged: what it is decides whether it is. */
    enum mn_err err = mn_envelope_parse(p, n, &env);
    session->is_free = !err && take_asked(conn, &env);
    if (!session->is_free && !charge_connection(conn, MN_ECHO_NONE))
        return;
    if (err) {
        mn_reply_violation(conn, MN_REASON_BAD_JSON, MN_ECHO_NONE);
        return;
    }
    if (!env.type_text.p) {
        mn_reply_violation(conn, MN_REASON_MISSING_TYPE, MN_ECHO_NONE);
        return;
    }
    mn_metric_inc_of(gl->metrics, MN_MF_FRAMES_IN, mn_type_is_inbound(env.type) ? env.type : 0);
    if (!admit(conn, &env))
        return;
    if (handlers[env.type].run)
        handlers[env.type].run(conn, &env);
    else
        mn_reply_violation(conn, MN_REASON_NOT_IMPLEMENTED, MN_ECHO_C(&env));
}
