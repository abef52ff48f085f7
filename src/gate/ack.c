/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACK from a client: which message, whose, and the cursor's move
 * (ws-protocol.md 3.8, 8.4).  The message is mostly found in memory; an
 * older one is looked up on a worker.  `to` is not asked for (section 18).
 */
#include "base/mem.h"
#include "base/num.h"
#include "gate/internal.h"
#include "im/receipt.h"

/* A look-up of an older message, and its ids for the error. */
struct lookup {
    struct mn_job job;
    struct mn_task task;
    struct mn_gate *gate;
    uint64_t conn;
    int64_t id;
    enum mn_cursor_kind kind;
    bool is_free;
    enum mn_err err;
    struct mn_msg_ref ref;
    uint32_t client_msg_id_len;
    bool has_client_msg_id;
    char client_msg_id[];
};

static bool parse_kind(struct mn_str text, enum mn_cursor_kind *ret)
{
    if (mn_str_eq_nocase(text, MN_STR("delivered")))
        *ret = MN_CURSOR_DELIVERED;
    else if (mn_str_eq_nocase(text, MN_STR("read")) || mn_str_eq_nocase(text, MN_STR("ack_read")))
        *ret = MN_CURSOR_READ;
    else
        return false;
    return true;
}

static enum mn_asked_kind asked_kind(enum mn_cursor_kind kind)
{
    return kind == MN_CURSOR_READ ? MN_ASKED_READ : MN_ASKED_DELIVERED;
}

void mn_ack_expect(struct mn_session *session)
{
    mn_asked_add(&session->asked, MN_ASKED_DELIVERED);
    mn_asked_add(&session->asked, MN_ASKED_READ);
}

/* Every stored server id is the decimal text of its number (13.6). */
static bool parse_id(struct mn_str text, int64_t *ret)
{
    return mn_parse_i64(text, 1, INT64_MAX, ret) == MN_OK;
}

bool mn_ack_take_asked(struct mn_conn *conn, const struct mn_envelope *env)
{
    enum mn_cursor_kind kind;
    int64_t id;
    return parse_kind(env->ack_type, &kind) && parse_id(env->server_msg_id, &id) &&
           mn_asked_take(&mn_session_of(conn)->asked, asked_kind(kind), id);
}

/* An ACK of nothing that was pushed: if it was taken for one, it is charged now (18.1). */
static void refuse(struct mn_conn *conn, enum mn_reason reason, enum mn_cursor_kind kind,
                   bool is_free, struct mn_echo echo)
{
    if (is_free)
        mn_asked_untake(&mn_session_of(conn)->asked, asked_kind(kind));
    if (!is_free || mn_dispatch_charge(conn, echo))
        mn_reply_error(conn, reason, echo);
}

static void judge(struct mn_conn *conn, const struct mn_msg_ref *ref, enum mn_cursor_kind kind,
                  bool is_free, struct mn_echo echo)
{
    struct mn_session *session = mn_session_of(conn);
    if (!mn_receipt_may(ref, session->uid)) {
        refuse(conn, MN_REASON_ACK_NOT_ALLOWED, kind, is_free, echo);
        return;
    }
    if (mn_resend_defer_ack(session, ref, kind))
        mn_unacked_keep(&session->unacked, ref->at.chat, ref->at.seq);
    else
        mn_ack_apply(conn, ref, kind);
    mn_resend_on_ack(conn);
}

void mn_moves_unref(struct mn_moves *moves)
{
    if (moves && atomic_fetch_sub(&moves->refs, 1) == 1)
        mn_free(moves);
}

void mn_moves_done(const struct mn_op *op)
{
    struct mn_moves *moves = (struct mn_moves *)(uintptr_t)op->conn;
    atomic_fetch_add(&moves->done, 1);
    mn_moves_unref(moves);
}

bool mn_moves_are_in(const struct mn_session *session, uint32_t sent)
{
    return !session->moves || (int32_t)(atomic_load(&session->moves->done) - sent) >= 0;
}

static uint64_t count_move(struct mn_session *session)
{
    if (!session->moves) {
        session->moves = mn_new(struct mn_moves);
        atomic_init(&session->moves->refs, 1);
    }
    session->moves_sent++;
    atomic_fetch_add(&session->moves->refs, 1);
    return (uint64_t)(uintptr_t)session->moves;
}

void mn_ack_apply(struct mn_conn *conn, const struct mn_msg_ref *ref, enum mn_cursor_kind kind)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    mn_unacked_ack(&mn_session_of(conn)->unacked, ref->at.chat, ref->at.seq);
    struct mn_op *op = mn_op_new(MN_OP_CURSOR, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    if (!op || !mn_msglog_reserve(mn_gate_log(gl->gate), op->bytes)) {
        if (op)
            mn_op_unref(op);
        char text[24];
        mn_reply_busy(conn, (struct mn_echo){MN_STR_NONE, mn_reply_id(text, ref->id)});
        return;
    }
    op->cursor = (uint8_t)kind;
    op->conn = count_move(mn_session_of(conn));
    mn_receipt_fill(op, ref, mn_session_of(conn)->uid);
    mn_gate_queue_op(gl, op);
}

static void on_looked_up(struct mn_task *task, struct mn_loop *loop)
{
    struct lookup *lookup = mn_container_of(task, struct lookup, task);
    struct mn_conn *conn = mn_loop_find(loop, lookup->conn);
    if (conn && mn_session_of(conn)->state == MN_SESSION_LIVE) {
        char text[24];
        struct mn_echo echo = {MN_STR_NONE, mn_reply_id(text, lookup->id)};
        if (lookup->has_client_msg_id)
            echo.client_msg_id = mn_str_make(lookup->client_msg_id, lookup->client_msg_id_len);
        if (lookup->err == MN_OK)
            judge(conn, &lookup->ref, lookup->kind, lookup->is_free, echo);
        else if (lookup->err == MN_ENOTFOUND)
            refuse(conn, MN_REASON_MESSAGE_NOT_FOUND, lookup->kind, lookup->is_free, echo);
        else
            mn_reply_busy(conn, echo);
    }
    mn_free(lookup);
}

static void run_lookup(struct mn_job *job, unsigned worker)
{
    (void)worker;
    struct lookup *lookup = mn_container_of(job, struct lookup, job);
    lookup->err = mn_msglog_find(mn_gate_log(lookup->gate), lookup->id, &lookup->ref);
    lookup->task.run = on_looked_up;
    mn_loop_post(mn_net_loop_of(lookup->gate->net, lookup->conn), &lookup->task);
}

static bool start_lookup(struct mn_conn *conn, int64_t id, enum mn_cursor_kind kind,
                         struct mn_str client_msg_id)
{
    struct mn_gate *gate = mn_gate_loop_of(conn)->gate;
    struct lookup *lookup = mn_try_alloc(sizeof(*lookup) + client_msg_id.n);
    if (!lookup)
        return false;
    *lookup = (struct lookup){
        .job.run = run_lookup,
        .gate = gate,
        .conn = mn_conn_id(conn),
        .id = id,
        .kind = kind,
        .is_free = mn_session_of(conn)->is_free,
        .client_msg_id_len = (uint32_t)client_msg_id.n,
        .has_client_msg_id = client_msg_id.p != NULL,
    };
    if (client_msg_id.p)
        memcpy(lookup->client_msg_id, client_msg_id.p, client_msg_id.n);
    if (mn_pool_submit(gate->pool, &lookup->job)) {
        mn_free(lookup);
        return false;
    }
    return true;
}

void mn_ack_on_frame(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate *gate = mn_gate_loop_of(conn)->gate;
    enum mn_cursor_kind kind;
    struct mn_msg_ref ref;
    int64_t id;

    if (mn_str_is_blank(env->ack_type)) {
        mn_reply_error(conn, MN_REASON_MISSING_ACK_TYPE, MN_ECHO_C(env));
    } else if (!parse_kind(env->ack_type, &kind)) {
        mn_reply_error(conn, MN_REASON_UNKNOWN_ACK_TYPE, MN_ECHO_CS(env));
    } else if (mn_str_is_blank(env->server_msg_id)) {
        mn_reply_error(conn, MN_REASON_MISSING_SERVER_MSG_ID, MN_ECHO_C(env));
    } else if (!parse_id(env->server_msg_id, &id)) {
        mn_reply_error(conn, MN_REASON_MESSAGE_NOT_FOUND, MN_ECHO_CS(env));
    } else if (mn_msglog_recent(mn_gate_log(gate), id, &ref)) {
        judge(conn, &ref, kind, mn_session_of(conn)->is_free, MN_ECHO_CS(env));
    } else if (!start_lookup(conn, id, kind, env->client_msg_id)) {
        mn_reply_busy(conn, MN_ECHO_CS(env));
    }
}
