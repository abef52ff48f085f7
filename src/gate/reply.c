/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and sending of answers: see reply.h.  On the connection's loop, except mn_frame_of(). */
#include "gate/reply.h"

#include "base/num.h"
#include "gate/session.h"

struct mn_str mn_id_text(char text[24], int64_t id)
{
    return id ? mn_str_make(text, mn_print_i64(text, id)) : MN_STR_NONE;
}

struct mn_chunk *mn_frame_of(const struct mn_envelope *env)
{
    struct mn_chunk *frame = mn_chunk_new(mn_envelope_bound(env));
    if (frame)
        mn_chunk_seal_ws(frame, MN_WS_OP_TEXT, mn_envelope_print(env, mn_chunk_payload(frame)));
    return frame;
}

void mn_reply_count(struct mn_gate_loop *gl, enum mn_type type)
{
    mn_metric_inc_of(gl->metrics, MN_MF_FRAMES_OUT, type);
}

/* ---- made ---- */

struct mn_chunk *mn_reply_make(struct mn_gate_loop *gl, struct mn_envelope *env)
{
    env->ts = mn_loop_unix_ms(gl->loop);
    env->has |= MN_HAS_TS;
    struct mn_chunk *frame = mn_frame_of(env);
    if (frame)
        mn_reply_count(gl, env->type);
    return frame;
}

static struct mn_chunk *make_error(struct mn_gate_loop *gl, enum mn_reason reason,
                                   struct mn_ids ids, int64_t retry_after_ms)
{
    struct mn_envelope env = {
        .type = MN_TYPE_ERROR,
        .client_msg_id = ids.client_msg_id,
        .server_msg_id = ids.server_msg_id,
        .reason = mn_str_c(mn_reason_text(reason)),
    };
    if (retry_after_ms > 0) {
        env.has |= MN_HAS_RETRY_AFTER;
        env.retry_after_ms = retry_after_ms;
    }
    return mn_reply_make(gl, &env);
}

struct mn_chunk *mn_reply_make_error(struct mn_gate_loop *gl, enum mn_reason reason,
                                     struct mn_ids ids)
{
    return reason == MN_REASON_SERVER_BUSY ? mn_reply_make_busy(gl, ids)
                                           : make_error(gl, reason, ids, 0);
}

struct mn_chunk *mn_reply_make_busy(struct mn_gate_loop *gl, struct mn_ids ids)
{
    uint64_t suppressed = 0;
    mn_metric_inc(gl->metrics, MN_M_SERVER_BUSY);
    if (mn_log_gate_pass(&gl->gate->busy_log, 1000, &suppressed))
        mn_log(gl->gate->config.log, MN_LOG_WARN, "server_busy", MN_KV_U("suppressed", suppressed));
    /* Spread, so that those who were refused together do not return together. */
    return make_error(gl, MN_REASON_SERVER_BUSY, ids, 500 + (int64_t)mn_rng_below(gl->rng, 1000));
}

/* ---- sent ---- */

void mn_reply_send_frame(struct mn_conn *conn, struct mn_chunk *take_frame)
{
    if (take_frame)
        mn_ignore(mn_conn_send(conn, take_frame, MN_SEND_REPLY)); /* closing: it needs no answer */
    else
        mn_session_close(conn);
}

void mn_reply_send(struct mn_conn *conn, struct mn_envelope *env)
{
    mn_reply_send_frame(conn, mn_reply_make(mn_gate_loop_of(conn), env));
}

void mn_reply_error(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids)
{
    mn_reply_send_frame(conn, mn_reply_make_error(mn_gate_loop_of(conn), reason, ids));
}

void mn_reply_busy(struct mn_conn *conn, struct mn_ids ids)
{
    mn_reply_send_frame(conn, mn_reply_make_busy(mn_gate_loop_of(conn), ids));
}

void mn_reply_error_close(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids)
{
    mn_reply_error(conn, reason, ids);
    mn_session_close(conn);
}

void mn_reply_busy_close(struct mn_conn *conn, struct mn_ids ids)
{
    mn_reply_busy(conn, ids);
    mn_session_close(conn);
}

void mn_reply_auth_fail(struct mn_conn *conn, enum mn_reason reason)
{
    mn_metric_inc(mn_gate_loop_of(conn)->metrics, MN_M_AUTH_FAILS);
    mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_AUTH_FAIL,
                                              .reason = mn_str_c(mn_reason_text(reason))});
    mn_session_close(conn);
}

void mn_reply_violation(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    mn_metric_inc(gl->metrics, MN_M_VIOLATIONS);
    mn_reply_error(conn, reason, ids);
    if (mn_violations_add(&mn_session_of(conn)->violations, mn_loop_mono_ms(gl->loop)))
        mn_session_close(conn);
}
