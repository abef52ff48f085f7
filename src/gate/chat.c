/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SINGLE_CHAT: validation, text filter, hand-over to the writer, and the
 * writer's answers (ws-protocol.md 3.5, 6, 7.1, 12, section 18).
 *
 * Answers keep the order of the requests: while operations of a connection
 * are with the writer, its errors take the same way, as MN_OP_ECHO.
 */
#include "base/mem.h"
#include "base/utf8.h"
#include "gate/internal.h"

enum {
    BODY_MAX_UTF16 = 4096,
    CLIENT_ID_MAX_UTF16 = 64, /* the original's column; longer is internal_error there too (B33) */
    MSG_TYPE_MAX_UTF16 = 64
};

void mn_gate_queue_op(struct mn_gate_loop *gl, struct mn_op *op)
{
    MN_BUG_ON(op->next != NULL);
    if (gl->last)
        gl->last->next = op;
    else
        gl->first = op;
    gl->last = op;
}

/* An ERROR in its turn; `id` is the message id that it names, or 0. */
static void error_in_order(struct mn_conn *conn, enum mn_reason reason, struct mn_str client_msg_id,
                           int64_t id)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    if (session->in_flight > 0) {
        struct mn_op *op = mn_op_new(MN_OP_ECHO, client_msg_id, MN_STR_NONE, MN_STR_NONE);
        if (op && mn_msglog_reserve(mn_gate_log(gl->gate), op->bytes)) {
            op->conn = mn_conn_id(conn);
            op->id = id;
            op->tag = (uint16_t)reason;
            session->in_flight++;
            mn_gate_queue_op(gl, op);
            return;
        }
        if (op)
            mn_op_unref(op); /* the queue is full: the order yields to an answer */
    }
    char text[24];
    struct mn_echo echo = {client_msg_id, id ? mn_reply_id(text, id) : MN_STR_NONE};
    mn_reply_error(conn, reason, echo);
}

/* A text has at most as many UTF-16 units as bytes: most need no count. */
static bool is_longer(struct mn_str text, size_t utf16)
{
    return text.n > utf16 && mn_utf8_utf16_len(text) > utf16;
}

/* Rows 1 to 5 of the table in 3.5, B33, and 18.1. */
static enum mn_reason validate(const struct mn_session *session, const struct mn_envelope *env)
{
    if (mn_str_is_blank(env->client_msg_id))
        return MN_REASON_MISSING_MSG_ID;
    if (!(env->has & MN_HAS_TO))
        return MN_REASON_MISSING_TO;
    if (mn_str_is_blank(env->body))
        return MN_REASON_MISSING_BODY;
    if (is_longer(env->body, BODY_MAX_UTF16))
        return MN_REASON_BODY_TOO_LONG;
    if (env->to == session->uid)
        return MN_REASON_CANNOT_SEND_TO_SELF;
    if (env->to <= 0 || is_longer(env->client_msg_id, CLIENT_ID_MAX_UTF16) ||
        is_longer(env->msg_type, MSG_TYPE_MAX_UTF16))
        return MN_REASON_INTERNAL_ERROR;
    /* The key of a message: two ids must not become one, nor the second be lost as a duplicate. */
    if (env->has & MN_HAS_LOSSY_CLIENT_ID)
        return MN_REASON_INTERNAL_ERROR;
    return MN_REASON_NONE;
}

/* False: no memory for the changed text (it must not pass unchanged). */
static bool filter_body(struct mn_gate_loop *gl, struct mn_str body, struct mn_str *ret)
{
    const struct mn_filter *filter = mn_gate_set(gl)->filter;
    bool changed = false;
    *ret = body;
    if (!filter)
        return true;
    mn_buf_reset(&gl->filtered);
    if (mn_filter_apply(filter, body, &gl->filtered, &changed))
        return false;
    if (changed) {
        mn_metric_inc(gl->metrics, MN_M_MSG_FILTERED);
        *ret = mn_buf_str(&gl->filtered);
    }
    return true;
}

static void refuse_busy(struct mn_conn *conn, const struct mn_envelope *env, int64_t id)
{
    char text[24];
    mn_reply_busy(conn, (struct mn_echo){env->client_msg_id, mn_reply_id(text, id)});
}

void mn_chat_on_single(struct mn_conn *conn, struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    struct mn_gate *gate = gl->gate;

    enum mn_reason reason = validate(session, env);
    if (reason != MN_REASON_NONE) {
        int64_t id = reason == MN_REASON_INTERNAL_ERROR ? mn_idgen_next(gate->config.idgen) : 0;
        error_in_order(conn, reason, env->client_msg_id, id);
        return;
    }
    int64_t id = mn_idgen_next(gate->config.idgen);
    struct mn_str body;
    struct mn_op *op = NULL;
    if (filter_body(gl, env->body, &body))
        op = mn_op_new(MN_OP_APPEND, env->client_msg_id, env->msg_type, body);
    if (!op || !mn_msglog_reserve(mn_gate_log(gate), op->bytes)) {
        if (op)
            mn_op_unref(op);
        refuse_busy(conn, env, id);
        return;
    }
    op->conn = mn_conn_id(conn);
    mn_op_set_pair(op, session->uid, env->to);
    op->id = id;
    op->unix_ms = mn_loop_unix_ms(gl->loop);
    op->mono_ns = mn_loop_mono_ms(gl->loop) * 1000000;
    session->in_flight++;
    if (mn_gate_set(gl)->require_known_user)
        mn_known_check(conn, op);
    else
        mn_gate_queue_op(gl, op);
}

static void send_saved(struct mn_conn *conn, const struct mn_op *op)
{
    char text[24];
    mn_reply_send(
        conn,
        &(struct mn_envelope){
            .type = MN_TYPE_ACK,
            .has = MN_HAS_MSG_SEQ | MN_HAS_FROM,
            .client_msg_id = mn_op_client_id(op),
            .server_msg_id = mn_reply_id(text, op->id),
            .msg_seq = op->at.seq,
            .from = op->from,
            .ack_type = MN_STR("saved"),
            /* The body tells the sender what the filter made of it; a duplicate has none (2.4). */
            .body = op->duplicate ? MN_STR_NONE : mn_op_body(op),
        });
}

void mn_chat_on_done(struct mn_conn *conn, const struct mn_op *op)
{
    struct mn_session *session = mn_session_of(conn);
    char text[24];
    struct mn_echo echo = {mn_op_client_id(op), op->id ? mn_reply_id(text, op->id) : MN_STR_NONE};
    MN_BUG_ON(session->in_flight == 0);
    session->in_flight--;
    if (session->state == MN_SESSION_CLOSED)
        return;
    if (op->kind == MN_OP_ECHO) {
        if (!op->client_id_len)
            echo.client_msg_id = MN_STR_NONE;
        if (op->tag == MN_REASON_SERVER_BUSY)
            mn_reply_busy(conn, echo);
        else
            mn_reply_error(conn, (enum mn_reason)op->tag, echo);
    } else if (op->result == MN_OK) {
        send_saved(conn, op);
    } else if (op->result == MN_EINVAL || op->result == MN_ECORRUPT) {
        /* Damage is told to the operator (app), and is no reason to try again. */
        mn_reply_error(conn, MN_REASON_INTERNAL_ERROR, echo);
    } else {
        mn_reply_busy(conn,
                      echo); /* disk full, I/O error: nothing was stored, a retry may succeed */
    }
}
