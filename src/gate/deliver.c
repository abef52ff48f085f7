/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a committed batch to the connections: on the writer's thread each
 * operation is turned into deliveries (answer to its sender, push to its
 * recipient, receipt), which travel to their loops in one post per loop and
 * batch; on the loop they become frames (design.md 5.5).
 *
 * A push that finds no session, or no room, is left to the store: the
 * recipient's cursor still stands before it, so a resend brings it.
 */
#include "base/mem.h"
#include "gate/internal.h"

enum delivery_kind { DELIVER_DONE, DELIVER_PUSH, DELIVER_RECEIPT };

struct delivery {
    struct mn_op *op; /* one reference */
    uint64_t conn;
    enum delivery_kind kind;
};

/* All deliveries of one batch to one loop. Owner: writer, then the loop. */
struct delivery_batch {
    struct mn_task task;
    size_t count;
    struct delivery items[];
};

enum { LOOPS_MAX = 64, DELIVERIES_PER_OP = 2 };

/* ---- on the writer's thread ---- */

struct router {
    struct mn_gate *gate;
    size_t cap;
    struct delivery_batch *batches[LOOPS_MAX];
};

static void run_batch(struct mn_task *task, struct mn_loop *loop);

static void route(struct router *router, struct mn_op *op, uint64_t conn, enum delivery_kind kind)
{
    unsigned index = mn_loop_index(mn_net_loop_of(router->gate->net, conn));
    struct delivery_batch *batch = router->batches[index];
    if (!batch) {
        batch = mn_alloc(sizeof(*batch) + router->cap * sizeof(batch->items[0]));
        batch->task.run = run_batch;
        router->batches[index] = batch;
    }
    MN_BUG_ON(batch->count >= router->cap);
    batch->items[batch->count++] = (struct delivery){mn_op_ref(op), conn, kind};
}

static void route_op(struct router *router, struct mn_op *op)
{
    struct mn_presence *presence = router->gate->config.presence;
    uint64_t to;
    switch ((enum mn_op_kind)op->kind) {
    case MN_OP_APPEND:
        route(router, op, op->conn, DELIVER_DONE);
        if (op->result == MN_OK && !op->duplicate && (to = mn_presence_find(presence, op->to)))
            route(router, op, to, DELIVER_PUSH);
        break;
    case MN_OP_ECHO:
        route(router, op, op->conn, DELIVER_DONE);
        break;
    case MN_OP_CURSOR:
        mn_moves_done(op);
        if (op->result == MN_OK && op->advanced && (to = mn_presence_find(presence, op->to)))
            route(router, op, to, DELIVER_RECEIPT);
        break;
    case MN_OP_REVOKE:
    case MN_OP_JOIN:
    case MN_OP_LEAVE:
        break; /* nobody submits them yet */
    }
}

void mn_gate_on_commit(void *arg, struct mn_op **ops, size_t count)
{
    struct mn_gate *gate = arg;
    struct router router = {.gate = gate, .cap = count * DELIVERIES_PER_OP};
    for (size_t i = 0; i < count; i++) {
        route_op(&router, ops[i]);
        mn_op_unref(ops[i]);
    }
    for (unsigned i = 0; i < gate->loop_count; i++)
        if (router.batches[i])
            mn_loop_post(mn_net_loop(gate->net, i), &router.batches[i]->task);
}

/* ---- on the loop ---- */

static void run_delivery(struct mn_loop *loop, const struct delivery *item)
{
    struct mn_conn *conn = mn_loop_find(loop, item->conn);
    if (!conn)
        return;
    switch (item->kind) {
    case DELIVER_DONE:
        mn_chat_on_done(conn, item->op);
        break;
    case DELIVER_PUSH:
        mn_deliver_push(conn, item->op);
        break;
    case DELIVER_RECEIPT:
        mn_deliver_receipt(conn, item->op);
        break;
    }
}

static void run_batch(struct mn_task *task, struct mn_loop *loop)
{
    struct delivery_batch *batch = mn_container_of(task, struct delivery_batch, task);
    for (size_t i = 0; i < batch->count; i++) {
        run_delivery(loop, &batch->items[i]);
        mn_op_unref(batch->items[i].op);
    }
    mn_free(batch);
}

static struct mn_frame *push_frame(const struct mn_op *op)
{
    char text[24];
    return mn_reply_frame(&(struct mn_envelope){
        .type = MN_TYPE_SINGLE_CHAT,
        .has = MN_HAS_MSG_SEQ | MN_HAS_FROM | MN_HAS_TO | MN_HAS_TS,
        .client_msg_id = mn_op_client_id(op),
        .server_msg_id = mn_reply_id(text, op->id),
        .msg_seq = op->at.seq,
        .from = op->from,
        .to = op->to,
        .msg_type = mn_op_msg_type(op),
        .body = mn_op_body(op),
        .ts = op->unix_ms,
    });
}

void mn_deliver_push(struct mn_conn *conn, const struct mn_op *op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    if (session->state != MN_SESSION_LIVE || session->uid != op->to)
        return;
    /* Once one was dropped, those behind it wait for the resend: order, and the cursor, need it. */
    struct mn_frame *frame = session->lossy ? NULL : push_frame(op);
    enum mn_err err = frame ? mn_conn_send(conn, frame, MN_SEND_PUSH) : MN_EBUSY;
    if (err == MN_EBUSY) {
        session->lossy = true;
        mn_metric_inc(gl->metrics, MN_M_PUSH_DROPPED);
        if (!mn_conn_is_congested(conn))
            mn_resend_start(conn); /* no memory for the frame just now */
        return;
    }
    if (err)
        return;
    mn_reply_count(gl, MN_TYPE_SINGLE_CHAT);
    uint64_t now = mn_loop_mono_ms(gl->loop);
    mn_unacked_add(&session->unacked, op->at.chat, op->at.seq, now, false);
    mn_ack_expect(session);
    mn_resend_note_live(session, op->at.chat, op->at.seq);
    const struct mn_gate_settings *set = mn_gate_set(gl);
    if (set->resend_periodic)
        mn_session_arm(conn, now + set->resend_delay_ms);
}

void mn_deliver_receipt(struct mn_conn *conn, const struct mn_op *op)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->state != MN_SESSION_LIVE || session->uid != op->to)
        return;
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    char text[24];
    struct mn_frame *frame = mn_reply_frame(&(struct mn_envelope){
        .type = MN_TYPE_ACK,
        .has = MN_HAS_MSG_SEQ | MN_HAS_FROM | MN_HAS_TO | MN_HAS_TS,
        .server_msg_id = mn_reply_id(text, op->id),
        .msg_seq = op->at.seq,
        .from = op->from,
        .to = op->to,
        .ack_type = op->cursor == MN_CURSOR_READ ? MN_STR("read") : MN_STR("delivered"),
        .ts = mn_loop_unix_ms(gl->loop),
    });
    /* A receipt is not durable (8.5): a congested sender can ask for the cursor over HTTP. */
    if (frame && mn_conn_send(conn, frame, MN_SEND_PUSH) == MN_OK)
        mn_reply_count(gl, MN_TYPE_ACK);
}
