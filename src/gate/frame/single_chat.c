/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SINGLE_CHAT: from the frame to the writer, and the writer's answers, in
 * the order of the requests (W-3.5, W-7.1).  What a message may
 * be is im/message's.
 */
#include "gate/frame/frame.h"
#include "gate/frame/requests.h"
#include "gate/recipient.h"
#include "im/message.h"

/* ---- the request ---- */

/* On its way to the writer; false: refused, the operation is the caller's. */
static bool accept(struct mn_conn *conn, struct mn_op *op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_serial *serial = mn_requests_of(conn);
    if (!serial)
        return false;
    op->who = mn_conn_id(conn);
    op->mono_ns = mn_loop_turn_ns(gl->loop);
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    if (set->require_known_user || set->require_friendship) {
        mn_recipient_check(conn, op);
        return true;
    }
    if (!mn_msglog_reserve(gl->gate->msglog, op->bytes))
        return false;
    mn_serial_add(serial, op);
    return true;
}

void mn_frame_single_chat(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    const struct mn_message_rules rules = {.filter = mn_gate_settings_of(gl)->filter,
                                           .scratch = &gl->filtered,
                                           .idgen = gl->gate->config.idgen};
    struct mn_message message;
    char text[24];
    mn_message_single(&rules, mn_session_of(conn)->uid, env, mn_loop_unix_ms(gl->loop), &message);
    if (message.filtered)
        mn_metric_inc(gl->metrics, MN_M_MSG_FILTERED);
    if (message.op && accept(conn, message.op))
        return;
    if (message.op) {
        mn_op_unref(message.op);
        message.reason = MN_REASON_SERVER_BUSY;
    }
    mn_requests_refuse(conn, message.reason,
                       (struct mn_ids){env->client_msg_id, mn_id_text(text, message.id)});
}

/* ---- the writer's answer ---- */

static struct mn_chunk *saved(struct mn_gate_loop *gl, const struct mn_op *op)
{
    char text[24];
    return mn_reply_make(
        gl, &(struct mn_envelope){
                .type = MN_TYPE_ACK,
                .has = MN_HAS_MSG_SEQ | MN_HAS_FROM,
                .client_msg_id = mn_op_client_id(op),
                .server_msg_id = mn_id_text(text, op->id),
                .msg_seq = op->at.seq,
                .from = op->from,
                .ack_type = MN_STR("saved"),
                /* It tells the sender what the filter made of it; a duplicate has none (2.4). */
                .body = op->duplicate ? MN_STR_NONE : mn_op_body(op),
            });
}

void mn_frame_chat_done(struct mn_conn *conn, const struct mn_op *op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    char text[24];
    struct mn_ids ids = {mn_op_client_id(op), mn_id_text(text, op->id)};
    struct mn_chunk *frame;
    if (session->state == MN_SESSION_CLOSED)
        return;
    if (op->result == MN_OK)
        frame = saved(gl, op);
    else if (op->result == MN_EINVAL)
        frame = mn_reply_make_error(gl, MN_REASON_INTERNAL_ERROR, ids);
    else /* disk full, I/O error: nothing was stored, a retry may succeed */
        frame = mn_reply_make_busy(gl, ids);
    mn_serial_done(session->serial, op, frame);
}
