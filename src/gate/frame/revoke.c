/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MESSAGE_REVOKE: from the frame to the writer, and the writer's answer, in
 * the order of the requests (W-3.9, W-7.1).  Who else is told is push.c's.
 *
 * The writer reads the message that it marks.  What is young enough is in
 * its memory; for an id whose time says otherwise a worker looks first, so
 * that nobody can make the writer wait for the disk.
 */
#include "base/mem.h"
#include "gate/errand.h"
#include "gate/frame/frame.h"
#include "gate/frame/requests.h"
#include "im/message.h"

enum { CLOCK_STEP_MS = 60000 /* ids and messages may have been given times so far apart */ };

/* ---- answers ---- */

static enum mn_reason reason_of(enum mn_err err)
{
    switch ((int)err) {
    case MN_ENOTFOUND:
        return MN_REASON_MESSAGE_NOT_FOUND;
    case MN_EPERM:
        return MN_REASON_NOT_MESSAGE_SENDER;
    case MN_EEXPIRED:
        return MN_REASON_REVOKE_TIMEOUT;
    case MN_EINVAL:
        return MN_REASON_INTERNAL_ERROR;
    default: /* nothing was changed, a retry may succeed */
        return MN_REASON_SERVER_BUSY;
    }
}

static struct mn_str client_id_of(const struct mn_op *op)
{
    return op->client_id_len > 0 ? mn_op_client_id(op) : MN_STR_NONE;
}

static struct mn_ids ids_of(const struct mn_op *op)
{
    return (struct mn_ids){client_id_of(op), mn_op_body(op)};
}

static struct mn_chunk *refusal(struct mn_gate_loop *gl, const struct mn_op *op, enum mn_err err)
{
    return mn_reply_make_error(gl, reason_of(err), ids_of(op));
}

static struct mn_chunk *revoked(struct mn_gate_loop *gl, const struct mn_op *op)
{
    char text[24];
    return mn_reply_make(gl, &(struct mn_envelope){
                                 .type = MN_TYPE_ACK,
                                 .has = MN_HAS_FROM,
                                 .client_msg_id = client_id_of(op),
                                 .server_msg_id = mn_id_text(text, op->id),
                                 .from = op->from,
                                 .ack_type = MN_STR("revoked"),
                             });
}

void mn_frame_revoke_done(struct mn_conn *conn, const struct mn_op *op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    if (session->state == MN_SESSION_CLOSED)
        return;
    mn_serial_done(session->serial, op,
                   op->result == MN_OK ? revoked(gl, op) : refusal(gl, op, op->result));
}

/* ---- a look at an old message ---- */

struct lookup {
    struct mn_errand errand;  /* first */
    struct mn_serial *serial; /* one reference */
    uint32_t ticket;
    int64_t id, uid, oldest_ms;
    enum mn_err err;
};

static bool judge(void *arg, const struct mn_msg *msg)
{
    struct lookup *lookup = arg;
    if (msg->from != lookup->uid)
        lookup->err = MN_EPERM;
    else if (msg->created_ms < lookup->oldest_ms)
        lookup->err = MN_EEXPIRED;
    return false;
}

static void work(struct mn_errand *errand)
{
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    struct mn_msglog *log = errand->gate->msglog;
    struct mn_msg_ref ref;
    lookup->err = mn_msglog_find(log, lookup->id, &ref);
    if (lookup->err)
        return;
    const struct mn_range range = {
        .chat = ref.at.chat, .after = ref.at.seq - 1, .before = ref.at.seq + 1, .limit = 1};
    enum mn_err err = mn_msglog_read(log, &range, judge, lookup);
    if (err)
        lookup->err = err;
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    const struct mn_op *op = mn_serial_op(lookup->serial, lookup->ticket);
    (void)conn; /* it may be gone: the request was accepted */
    if (lookup->err)
        mn_serial_refuse(lookup->serial, lookup->ticket, refusal(gl, op, lookup->err));
    else
        mn_requests_pass(gl, lookup->serial, lookup->ticket, ids_of(op));
    mn_serial_unref(lookup->serial);
}

static void look_first(struct mn_conn *conn, struct mn_serial *serial, struct mn_op *take_op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    uint32_t ticket = mn_serial_add_waiting(serial, take_op);
    struct lookup *lookup = mn_errand_new(sizeof(*lookup), MN_IDS_NONE);
    if (lookup) {
        lookup->errand.work = work;
        lookup->errand.done = done;
        lookup->serial = mn_serial_ref(serial);
        lookup->ticket = ticket;
        lookup->id = take_op->id;
        lookup->uid = take_op->from;
        lookup->oldest_ms = take_op->oldest_ms;
        if (mn_errand_send(conn, &lookup->errand))
            return;
        mn_serial_unref(serial);
    }
    mn_serial_refuse(serial, ticket, refusal(gl, take_op, MN_EBUSY));
}

/* ---- the request ---- */

/* On its way; false: refused, the operation is the caller's. */
static bool accept(struct mn_conn *conn, struct mn_op *op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_serial *serial = mn_requests_of(conn);
    if (!serial)
        return false;
    op->who = mn_conn_id(conn);
    if (mn_id_unix_ms(op->id) < op->oldest_ms - CLOCK_STEP_MS) {
        look_first(conn, serial, op);
        return true;
    }
    if (!mn_msglog_reserve(gl->gate->msglog, op->bytes))
        return false;
    mn_serial_add(serial, op);
    return true;
}

void mn_frame_revoke(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_message message;
    mn_message_revoke(mn_session_of(conn)->uid, env, mn_loop_unix_ms(gl->loop),
                      mn_gate_settings_of(gl)->revoke_window_ms, &message);
    if (message.op && accept(conn, message.op))
        return;
    if (message.op) {
        mn_op_unref(message.op);
        message.reason = MN_REASON_SERVER_BUSY;
    }
    mn_requests_refuse(conn, message.reason,
                       message.reason == MN_REASON_MISSING_SERVER_MSG_ID ? MN_IDS_C(env)
                                                                         : MN_IDS_CS(env));
}
