/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACK from a client: which message, whose, and the cursor's move
 * (W-3.8, W-8.4).  The message is mostly found in memory; an
 * older one is looked up on a worker.  `to` is not asked for.
 */
#include "base/mem.h"
#include "base/num.h"
#include "gate/dispatch.h"
#include "gate/errand.h"
#include "gate/frame/frame.h"
#include "gate/late_ack.h"
#include "gate/resend.h"
#include "im/receipt.h"

/* A look-up of an older message. */
struct lookup {
    struct mn_errand errand; /* first */
    int64_t id;
    enum mn_cursor_kind kind;
    bool is_free;
    bool passes; /* no resend was under way: nothing before the message was still to be sent */
    int64_t uid;
    enum mn_err err;
    struct mn_msg_ref ref;
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

void mn_frame_ack_expect(struct mn_session *session)
{
    mn_asked_add(&session->asked, MN_ASKED_DELIVERED);
    mn_asked_add(&session->asked, MN_ASKED_READ);
}

/* Every stored server id is the decimal text of its number (13.6). */
static bool parse_id(struct mn_str text, int64_t *ret)
{
    return mn_parse_i64(text, 1, INT64_MAX, ret) == MN_OK;
}

bool mn_frame_ack_is_asked(struct mn_conn *conn, const struct mn_envelope *env)
{
    enum mn_cursor_kind kind;
    int64_t id;
    return parse_kind(env->ack_type, &kind) && parse_id(env->server_msg_id, &id) &&
           mn_asked_take(&mn_session_of(conn)->asked, asked_kind(kind), id);
}

/* An ACK of nothing that was pushed: if it was taken for one, it is charged now (W-10.3). */
static void refuse(struct mn_conn *conn, enum mn_reason reason, enum mn_cursor_kind kind,
                   bool is_free, struct mn_ids ids)
{
    if (is_free)
        mn_asked_untake(&mn_session_of(conn)->asked, asked_kind(kind));
    if (!is_free || mn_dispatch_charge(conn, ids))
        mn_reply_error(conn, reason, ids);
}

static void judge(struct mn_conn *conn, const struct mn_msg_ref *ref, enum mn_cursor_kind kind,
                  bool is_free, struct mn_ids ids)
{
    struct mn_session *session = mn_session_of(conn);
    if (!mn_receipt_may(ref, session->uid)) {
        refuse(conn, MN_REASON_ACK_NOT_ALLOWED, kind, is_free, ids);
        return;
    }
    if (mn_resend_defer_ack(session, ref, kind))
        mn_unacked_keep(&session->unacked, ref->at.chat, ref->at.seq);
    else
        mn_frame_ack_apply(conn, ref, kind);
    mn_resend_on_ack(conn);
}

void mn_frame_ack_apply(struct mn_conn *conn, const struct mn_msg_ref *ref,
                        enum mn_cursor_kind kind)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    mn_unacked_ack(&session->unacked, ref->at.chat, ref->at.seq);
    struct mn_op *op = mn_op_new(MN_OP_CURSOR, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    if (!op || !mn_msglog_reserve(gl->gate->msglog, op->bytes)) {
        if (op)
            mn_op_unref(op);
        char text[24];
        mn_reply_busy(conn, (struct mn_ids){MN_STR_NONE, mn_id_text(text, ref->id)});
        return;
    }
    op->cursor = (uint8_t)kind;
    if (!session->moves)
        session->moves = mn_moves_new();
    mn_moves_add(session->moves, op);
    session->moves_sent++;
    mn_receipt_fill(op, ref, session->uid);
    mn_gate_submit(gl, op);
}

/* The connection has gone, the ACK came before that. */
static void apply_late(struct mn_gate_loop *gl, const struct lookup *lookup)
{
    const struct mn_late_ack ack = {
        .ref = lookup->ref, .kind = lookup->kind, .first = lookup->passes ? 1 : lookup->ref.at.seq};
    if (lookup->err == MN_OK && mn_receipt_may(&lookup->ref, lookup->uid))
        mn_late_acks(gl, lookup->uid, &ack, 1);
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    const struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    if (!conn) {
        apply_late(gl, lookup);
        return;
    }
    char text[24];
    struct mn_ids ids = {errand->ids.client_msg_id, mn_id_text(text, lookup->id)};
    if (lookup->err == MN_OK)
        judge(conn, &lookup->ref, lookup->kind, lookup->is_free, ids);
    else if (lookup->err == MN_ENOTFOUND)
        refuse(conn, MN_REASON_MESSAGE_NOT_FOUND, lookup->kind, lookup->is_free, ids);
    else
        mn_reply_busy(conn, ids);
}

static void work(struct mn_errand *errand)
{
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    lookup->err = mn_msglog_find(errand->gate->msglog, lookup->id, &lookup->ref);
}

static bool start_lookup(struct mn_conn *conn, int64_t id, enum mn_cursor_kind kind,
                         struct mn_str client_msg_id)
{
    struct lookup *lookup = mn_errand_new(sizeof(*lookup),
                                          (struct mn_ids){client_msg_id, MN_STR_NONE});
    if (!lookup)
        return false;
    lookup->errand.work = work;
    lookup->errand.done = done;
    lookup->id = id;
    lookup->kind = kind;
    lookup->is_free = mn_session_of(conn)->is_free;
    lookup->passes = !mn_session_of(conn)->resend;
    lookup->uid = mn_session_of(conn)->uid;
    return mn_errand_send(conn, &lookup->errand);
}

void mn_frame_ack(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate *gate = mn_gate_loop_of(conn)->gate;
    enum mn_cursor_kind kind;
    struct mn_msg_ref ref;
    int64_t id;

    if (mn_str_is_blank(env->ack_type)) {
        mn_reply_error(conn, MN_REASON_MISSING_ACK_TYPE, MN_IDS_C(env));
    } else if (!parse_kind(env->ack_type, &kind)) {
        mn_reply_error(conn, MN_REASON_UNKNOWN_ACK_TYPE, MN_IDS_CS(env));
    } else if (mn_str_is_blank(env->server_msg_id)) {
        mn_reply_error(conn, MN_REASON_MISSING_SERVER_MSG_ID, MN_IDS_C(env));
    } else if (!parse_id(env->server_msg_id, &id)) {
        mn_reply_error(conn, MN_REASON_MESSAGE_NOT_FOUND, MN_IDS_CS(env));
    } else if (mn_msglog_recent(gate->msglog, id, &ref)) {
        judge(conn, &ref, kind, mn_session_of(conn)->is_free, MN_IDS_CS(env));
    } else if (!start_lookup(conn, id, kind, env->client_msg_id)) {
        mn_reply_busy(conn, MN_IDS_CS(env));
    }
}
