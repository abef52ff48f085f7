/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding and sending of frames to one connection: answers, errors, and the
 * ways a session ends.  On the connection's loop, except mn_reply_frame().
 */
#include "base/num.h"
#include "gate/internal.h"

void mn_reply_count(struct mn_gate_loop *gl, enum mn_type type)
{
    mn_metric_inc_of(gl->metrics, MN_MF_FRAMES_OUT, type);
}

struct mn_str mn_reply_id(char text[24], int64_t id)
{
    return mn_str_make(text, mn_print_i64(text, id));
}

struct mn_frame *mn_reply_frame(const struct mn_envelope *env)
{
    struct mn_frame *frame = mn_frame_new(mn_envelope_bound(env));
    if (frame)
        mn_frame_seal(frame, MN_WS_OP_TEXT, mn_envelope_print(env, mn_frame_payload(frame)));
    return frame;
}

void mn_reply_send(struct mn_conn *conn, struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    env->ts = mn_loop_unix_ms(gl->loop);
    env->has |= MN_HAS_TS;
    struct mn_frame *frame = mn_reply_frame(env);
    if (!frame) {
        mn_session_close(conn); /* an answer that cannot be given must not look like silence */
        return;
    }
    mn_reply_count(gl, env->type);
    mn_ignore(mn_conn_send(conn, frame, MN_SEND_REPLY)); /* a closing connection needs no answer */
}

static void send_error(struct mn_conn *conn, enum mn_reason reason, struct mn_echo echo,
                       int64_t retry_after_ms)
{
    struct mn_envelope env = {
        .type = MN_TYPE_ERROR,
        .client_msg_id = echo.client_msg_id,
        .server_msg_id = echo.server_msg_id,
        .reason = mn_str_c(mn_reason_text(reason)),
    };
    if (retry_after_ms > 0) {
        env.has |= MN_HAS_RETRY_AFTER;
        env.retry_after_ms = retry_after_ms;
    }
    mn_reply_send(conn, &env);
}

void mn_reply_error(struct mn_conn *conn, enum mn_reason reason, struct mn_echo echo)
{
    send_error(conn, reason, echo, 0);
}

void mn_reply_busy(struct mn_conn *conn, struct mn_echo echo)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    uint64_t suppressed = 0;
    mn_metric_inc(gl->metrics, MN_M_SERVER_BUSY);
    if (mn_log_gate_pass(&gl->gate->busy_log, 1000, &suppressed))
        mn_log(gl->gate->config.log, MN_LOG_WARN, "server_busy", MN_KV_U("suppressed", suppressed));
    /* Spread, so that those who were refused together do not return together. */
    send_error(conn, MN_REASON_SERVER_BUSY, echo, 500 + (int64_t)mn_rng_below(gl->rng, 1000));
}

void mn_session_close(struct mn_conn *conn)
{
    mn_session_set_state(mn_session_of(conn), MN_SESSION_CLOSED);
    mn_conn_close(conn, MN_CLOSE_APP, MN_WS_CLOSE_NORMAL, "Bye");
}

void mn_reply_error_close(struct mn_conn *conn, enum mn_reason reason, struct mn_echo echo)
{
    send_error(conn, reason, echo, 0);
    mn_session_close(conn);
}

void mn_reply_auth_fail(struct mn_conn *conn, enum mn_reason reason)
{
    mn_metric_inc(mn_gate_loop_of(conn)->metrics, MN_M_AUTH_FAILS);
    mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_AUTH_FAIL,
                                              .reason = mn_str_c(mn_reason_text(reason))});
    mn_session_close(conn);
}

void mn_reply_violation(struct mn_conn *conn, enum mn_reason reason, struct mn_echo echo)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    mn_metric_inc(gl->metrics, MN_M_VIOLATIONS);
    send_error(conn, reason, echo, 0);
    if (mn_violations_add(&mn_session_of(conn)->violations, mn_loop_mono_ms(gl->loop)))
        mn_session_close(conn);
}
