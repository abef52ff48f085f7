/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's life: its state, its timers, and the ways it ends
 * (W-1.4, W-1.5, W-4.5, W-5).
 */
#include "gate/session.h"

#include "base/mem.h"
#include "gate/reply.h"
#include "gate/resend.h"

enum {
    BUMP_GRACE_MS = 3000,  /* a replaced session learns it by the kick, if that comes first */
    EXPIRY_EARLY_MS = 250, /* the timer's resolution, so that the close is within the grace */
    LONGEST_TIMER_MS = 3600 * 1000 /* look at the wall clock again then: it may have been set */
};

/* ---- state ---- */

void mn_session_set_state(struct mn_session *session, enum mn_session_state state)
{
    static const unsigned successors[] = {
        [MN_SESSION_NEW] = 1u << MN_SESSION_CHECKING | 1u << MN_SESSION_CLOSED,
        [MN_SESSION_CHECKING] = 1u << MN_SESSION_LIVE | 1u << MN_SESSION_CLOSED,
        [MN_SESSION_LIVE] = 1u << MN_SESSION_CLOSED,
        [MN_SESSION_CLOSED] =
            1u << MN_SESSION_CLOSED, /* decided here, then told by the transport */
    };
    MN_BUG_ON(!(successors[session->state] & 1u << state));
    session->state = state;
}

void mn_session_close(struct mn_conn *conn)
{
    mn_session_set_state(mn_session_of(conn), MN_SESSION_CLOSED);
    mn_conn_close(conn, MN_CLOSE_APP, MN_WS_CLOSE_NORMAL, "Bye");
}

void mn_session_hold(struct mn_conn *conn, enum mn_session_hold why)
{
    mn_session_of(conn)->holds |= (uint8_t)why;
    mn_conn_hold(conn);
}

void mn_session_release(struct mn_conn *conn, enum mn_session_hold why)
{
    struct mn_session *session = mn_session_of(conn);
    if (!(session->holds & (uint8_t)why))
        return;
    session->holds &= (uint8_t) ~(unsigned)why;
    if (session->holds == 0)
        mn_conn_resume(conn);
}

/* ---- timers ---- */

void mn_session_arm(struct mn_conn *conn, uint64_t deadline_mono_ms)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->timer_mono_ms != 0 && session->timer_mono_ms <= deadline_mono_ms)
        return;
    session->timer_mono_ms = deadline_mono_ms;
    mn_conn_set_timer(conn, deadline_mono_ms);
}

/* When a live session's token has been expired for long enough to be closed, in monotonic time. */
static uint64_t expiry_mono_ms(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    int64_t grace = mn_gate_settings_of(gl)->expiry_grace_ms;
    grace -= grace > EXPIRY_EARLY_MS ? EXPIRY_EARLY_MS : grace;
    int64_t now = mn_loop_unix_ms(gl->loop);
    /* Compared before it is added: a token may carry any `exp`. */
    if (session->exp_unix_ms > now + LONGEST_TIMER_MS)
        return mn_loop_mono_ms(gl->loop) + LONGEST_TIMER_MS;
    int64_t left = session->exp_unix_ms + grace - now;
    return mn_loop_mono_ms(gl->loop) + (uint64_t)(left > 0 ? left : 0);
}

void mn_session_adopt(struct mn_conn *conn, int64_t exp_unix_ms, int64_t sv)
{
    struct mn_session *session = mn_session_of(conn);
    /* A token that outlives the one before asks for its own REAUTH; the same one again does not. */
    if (exp_unix_ms > session->exp_unix_ms)
        mn_asked_add(&session->asked, MN_ASKED_REAUTH);
    session->exp_unix_ms = exp_unix_ms;
    session->sv = sv;
    session->bumped_mono_ms = 0;
    if (exp_unix_ms)
        mn_session_arm(conn, expiry_mono_ms(conn));
}

enum mn_reason mn_session_verdict(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->exp_unix_ms && mn_loop_unix_ms(mn_conn_loop(conn)) >= session->exp_unix_ms)
        return MN_REASON_TOKEN_EXPIRED;
    return session->bumped_mono_ms ? MN_REASON_SESSION_INVALID : MN_REASON_NONE;
}

/* ---- from elsewhere ---- */

void mn_session_kick(struct mn_conn *conn, int64_t uid)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->state != MN_SESSION_LIVE)
        return;
    MN_BUG_ON(session->uid != uid);
    mn_metric_inc(mn_gate_loop_of(conn)->metrics, MN_M_KICKS);
    mn_reply_error_close(conn, MN_REASON_KICKED, MN_IDS_NONE);
}

void mn_session_bump(struct mn_conn *conn, int64_t uid, int64_t sv)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->state != MN_SESSION_LIVE || session->sv == sv || session->bumped_mono_ms != 0)
        return;
    MN_BUG_ON(session->uid != uid);
    session->bumped_mono_ms = mn_loop_mono_ms(mn_conn_loop(conn));
    mn_session_arm(conn, session->bumped_mono_ms + BUMP_GRACE_MS);
}

/* ---- from the transport ---- */

void mn_session_on_open(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    session->open_mono_ms = mn_loop_mono_ms(gl->loop);
    mn_session_arm(conn, session->open_mono_ms + mn_gate_settings_of(gl)->auth_timeout_ms);
}

void mn_session_on_close(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    mn_session_set_state(session, MN_SESSION_CLOSED);
    if (session->uid) {
        mn_resend_leave(conn);
        mn_presence_drop(gl->gate->config.presence, session->uid, mn_conn_id(conn));
        mn_calls_gone(gl->gate->calls, session->uid);
        mn_metric_add(gl->metrics, MN_M_SESSIONS, -1);
        session->uid = 0;
    }
    mn_resend_free(session);
    mn_unacked_deinit(&session->unacked);
    mn_moves_unref(session->moves);
    session->moves = NULL;
    mn_serial_unref(session->serial);
    session->serial = NULL;
    mn_aside_deinit(&session->aside);
}

static void live_timer(struct mn_conn *conn, uint64_t now)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->bumped_mono_ms && now >= session->bumped_mono_ms + BUMP_GRACE_MS) {
        mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, MN_IDS_NONE);
        return;
    }
    if (session->exp_unix_ms) {
        uint64_t expiry = expiry_mono_ms(conn);
        if (expiry <= now) {
            mn_reply_error_close(conn, MN_REASON_TOKEN_EXPIRED, MN_IDS_NONE);
            return;
        }
        mn_session_arm(conn, expiry);
    }
    if (session->bumped_mono_ms)
        mn_session_arm(conn, session->bumped_mono_ms + BUMP_GRACE_MS);
    uint64_t look = mn_resend_check_age(conn);
    if (look)
        mn_session_arm(conn, look);
}

void mn_session_on_timer(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    uint64_t now = mn_loop_mono_ms(gl->loop);
    session->timer_mono_ms = 0;
    switch (session->state) {
    case MN_SESSION_NEW: {
        uint64_t deadline = session->open_mono_ms + mn_gate_settings_of(gl)->auth_timeout_ms;
        if (now >= deadline)
            mn_reply_error_close(conn, MN_REASON_AUTH_TIMEOUT, MN_IDS_NONE);
        else
            mn_session_arm(conn, deadline);
        break;
    }
    case MN_SESSION_LIVE:
        live_timer(conn, now);
        break;
    case MN_SESSION_CHECKING: /* the worker answers in any case */
    case MN_SESSION_CLOSED:
        break;
    }
}

void mn_session_on_writer_idle(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->state == MN_SESSION_CLOSED)
        return;
    if (session->state == MN_SESSION_LIVE &&
        mn_session_verdict(conn) == MN_REASON_SESSION_INVALID) {
        mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, MN_IDS_NONE);
        return;
    }
    struct mn_chunk *ping = mn_chunk_new(0);
    if (ping) {
        mn_chunk_seal_ws(ping, MN_WS_OP_PING, 0);
        mn_ignore(mn_conn_send(conn, ping, MN_SEND_REPLY)); /* closing: no need */
    }
    mn_asked_add(&session->asked, MN_ASKED_PONG);
    mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_PING});
}
