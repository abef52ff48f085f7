/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a committed batch, or from another session, to connections: see
 * push.h.  On the thread that has something for a user it becomes a delivery
 * to a connection; on that one's loop, a frame or the end of a session.
 *
 * A push that finds no session, or no room, is left to the store: the
 * recipient's cursor still stands before it, so a resend brings it.
 */
#include "gate/push.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gate/behind.h"
#include "gate/frame/frame.h"
#include "gate/message_frame.h"
#include "gate/resend.h"
#include "im/log_wait.h"

enum kind { ANSWER, MESSAGE, GROUP, RECEIPT, REVOKED, FRAME, KICK, BUMP };

struct delivery {
    enum kind kind;
    enum mn_type type; /* FRAME */
    uint64_t conn;
    struct mn_op *op;       /* one reference; NULL: FRAME, KICK, BUMP */
    struct mn_chunk *frame; /* FRAME: one reference */
    union {
        struct {
            int64_t uid, sv; /* KICK, BUMP; FRAME: the user */
        };
        struct mn_fanout_plan plan; /* GROUP: with a reference of its own; `conn` does not count */
    };
};

/* What goes to one loop in one piece. Owner: its maker, then the loop. */
struct parcel {
    struct mn_task task;
    unsigned count, cap;
    struct delivery items[];
};

/*
 * What goes to the loops: a chain of parcels for each, made as they are
 * needed, so neither the recipients of an operation nor the operations of a
 * batch have a number that must be known before.
 */
enum { LOOPS_MAX = 64, PARCEL_FIRST = 8, PARCEL_NEXT = 256 };
struct parcels {
    struct mn_gate *gate;
    struct {
        struct parcel *first, *last;
    } loop[LOOPS_MAX];
};

static void run_parcel(struct mn_task *task, struct mn_loop *loop);

static struct parcel *parcel_new(unsigned cap)
{
    struct parcel *parcel = mn_alloc(sizeof(*parcel) + cap * sizeof(parcel->items[0]));
    parcel->task.run = run_parcel;
    parcel->cap = cap;
    return parcel;
}

static void add_to(struct parcels *parcels, unsigned index, const struct delivery *delivery)
{
    struct parcel *parcel = parcels->loop[index].last;
    if (!parcel) {
        parcel = parcel_new(PARCEL_FIRST);
        parcels->loop[index].first = parcels->loop[index].last = parcel;
    } else if (parcel->count == parcel->cap) {
        parcel = parcel_new(PARCEL_NEXT);
        parcels->loop[index].last->task.next = &parcel->task;
        parcels->loop[index].last = parcel;
    }
    parcel->items[parcel->count++] = *delivery;
}

static void add(struct parcels *parcels, const struct delivery *delivery)
{
    struct mn_loop *loop = mn_net_loop_of(parcels->gate->net, delivery->conn);
    add_to(parcels, mn_loop_index(loop), delivery);
}

static void post(struct parcels *parcels)
{
    for (unsigned i = 0; i < parcels->gate->loop_count; i++)
        if (parcels->loop[i].first)
            mn_loop_post_chain(mn_net_loop(parcels->gate->net, i), &parcels->loop[i].first->task,
                               &parcels->loop[i].last->task);
}

/* ---- the door ---- */

/* To the user, where he is; nothing is lost if that is nowhere. */
static void to_user(struct parcels *parcels, int64_t uid, const struct delivery *delivery)
{
    struct delivery to = *delivery;
    to.conn = mn_presence_find(parcels->gate->config.presence, uid);
    if (!to.conn)
        return;
    if (to.op)
        mn_op_ref(to.op);
    if (to.frame)
        mn_chunk_ref(to.frame);
    add(parcels, &to);
}

/* To all loops: each knows who of the group it has. */
static void to_group(struct parcels *parcels, struct mn_op *op, const struct mn_fanout_plan *plan)
{
    struct delivery to = {.kind = GROUP, .op = op, .plan = *plan};
    for (unsigned i = 0; i < parcels->gate->loop_count; i++) {
        mn_op_ref(op);
        if (plan->roster)
            mn_roster_ref(plan->roster);
        add_to(parcels, i, &to);
    }
}

static void route_group(struct parcels *parcels, struct mn_op *op)
{
    struct mn_fanout_plan plan;
    if (mn_fanout_begin(parcels->gate->fanout, op, &plan)) {
        to_group(parcels, op, &plan);
        mn_roster_unref(plan.roster);
    }
}

static void route_message(struct parcels *parcels, struct mn_op *op)
{
    if (op->key.kind == MN_CHAT_PAIR)
        to_user(parcels, op->to, &(struct delivery){.kind = MESSAGE, .op = op});
    else
        route_group(parcels, op);
}

/* To its sender too: he may have written it on another device, and have left the group since. */
static void route_revoked(struct parcels *parcels, struct mn_op *op)
{
    const struct delivery delivery = {.kind = REVOKED, .op = op};
    to_user(parcels, op->from, &delivery);
    if (op->key.kind == MN_CHAT_PAIR)
        to_user(parcels, op->to, &delivery);
    else
        route_group(parcels, op);
}

static void route(struct parcels *parcels, struct mn_op *op)
{
    switch ((enum mn_op_kind)op->kind) {
    case MN_OP_APPEND:
        add(parcels, &(struct delivery){.kind = ANSWER, .conn = op->who, .op = mn_op_ref(op)});
        if (op->result == MN_OK && !op->duplicate)
            route_message(parcels, op);
        break;
    case MN_OP_CURSOR:
        mn_moves_done(op);
        if (op->result == MN_OK && op->advanced)
            to_user(parcels, op->to, &(struct delivery){.kind = RECEIPT, .op = op});
        break;
    case MN_OP_REVOKE:
        add(parcels, &(struct delivery){.kind = ANSWER, .conn = op->who, .op = mn_op_ref(op)});
        if (op->result == MN_OK)
            route_revoked(parcels, op);
        break;
    case MN_OP_CHAT:
    case MN_OP_JOIN:
    case MN_OP_LEAVE:
        mn_log_done(op);
        break;
    case MN_OP_BARRIER:
        mn_behind_done(op);
        break;
    case MN_OP_LEARNT: /* if it was not stored: the user is told once more */
        break;         /* nobody submits them */
    }
}

void mn_push_commit(struct mn_gate *gate, struct mn_op **ops, size_t count)
{
    struct parcels parcels = {.gate = gate};
    for (size_t i = 0; i < count; i++) {
        route(&parcels, ops[i]);
        mn_op_unref(ops[i]);
    }
    post(&parcels);
}

void mn_push_group(struct mn_gate *gate, struct mn_op *op, const struct mn_fanout_plan *plan)
{
    struct parcels parcels = {.gate = gate};
    to_group(&parcels, op, plan);
    post(&parcels);
}

void mn_push_kick(struct mn_gate *gate, uint64_t conn, int64_t uid)
{
    struct parcels parcels = {.gate = gate};
    add(&parcels, &(struct delivery){.kind = KICK, .conn = conn, .uid = uid});
    post(&parcels);
}

void mn_push_bump(struct mn_gate *gate, int64_t uid, int64_t sv)
{
    struct parcels parcels = {.gate = gate};
    to_user(&parcels, uid, &(struct delivery){.kind = BUMP, .uid = uid, .sv = sv});
    post(&parcels);
}

void mn_push_frame(struct mn_gate *gate, const int64_t *uids, size_t n,
                   const struct mn_envelope *env)
{
    struct parcels parcels = {.gate = gate};
    struct mn_envelope stamped = *env;
    if (!(stamped.has & MN_HAS_TS)) {
        stamped.has |= MN_HAS_TS;
        stamped.ts = mn_unix_ms();
    }
    struct mn_chunk *frame = mn_frame_of(&stamped);
    if (!frame)
        return;
    for (size_t i = 0; i < n; i++)
        to_user(
            &parcels, uids[i],
            &(struct delivery){.kind = FRAME, .type = env->type, .frame = frame, .uid = uids[i]});
    mn_chunk_unref(frame);
    post(&parcels);
}

/* ---- on the loop ---- */

/*
 * A resend reads what is committed, so its page can bring a message before
 * the push of that very commit has reached the loop.  It is not asked while
 * nothing that a resend sent is outstanding, which is nearly always.
 */
static bool resend_was_faster(const struct mn_session *session, struct mn_place at)
{
    return (session->resend || mn_unacked_resent(&session->unacked) > 0) &&
           mn_unacked_has(&session->unacked, at.chat, at.seq);
}

static bool wants(const struct mn_session *session, struct mn_place at)
{
    return session->state == MN_SESSION_LIVE && !resend_was_faster(session, at);
}

/* What could not be sent is resent, as soon as there is room: the cursor stands before it. */
static void push_failed(struct mn_conn *conn)
{
    mn_session_of(conn)->lossy = true;
    mn_metric_inc(mn_gate_loop_of(conn)->metrics, MN_M_PUSH_DROPPED);
    if (!mn_conn_is_congested(conn))
        mn_resend_start(conn); /* no memory for the frame just now */
}

/* A stored message; NULL: it is to be left to the resend. */
static void push_durable(struct mn_conn *conn, struct mn_place at, struct mn_chunk *take_frame,
                         enum mn_type type)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    enum mn_err err = take_frame ? mn_conn_send(conn, take_frame, MN_SEND_PUSH) : MN_EBUSY;
    if (err == MN_EBUSY)
        push_failed(conn);
    if (err)
        return;
    mn_reply_count(gl, type);
    uint64_t now = mn_loop_mono_ms(gl->loop);
    mn_unacked_add(&session->unacked, at.chat, at.seq, now, false);
    mn_frame_ack_expect(session);
    mn_resend_note_live(session, at);
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    if (set->resend_periodic)
        mn_session_arm(conn, now + set->resend_delay_ms);
}

static void push_message(struct mn_conn *conn, const struct mn_op *op)
{
    const struct mn_session *session = mn_session_of(conn);
    if (!wants(session, op->at))
        return;
    MN_BUG_ON(session->uid != op->to); /* a connection has one user for its life */
    struct mn_msg msg = mn_message_of(op);
    const struct mn_message_frame how = {.msg_type = mn_op_msg_type(op), .to = op->to};
    /* Once one was dropped, those behind it wait for the resend: order, and the cursor, need it. */
    push_durable(conn, op->at, session->lossy ? NULL : mn_message_frame(&msg, &how),
                 MN_TYPE_SINGLE_CHAT);
}

void mn_push_shared(struct mn_conn *conn, struct mn_place at, struct mn_chunk *frame)
{
    const struct mn_session *session = mn_session_of(conn);
    if (wants(session, at))
        push_durable(conn, at, frame && !session->lossy ? mn_chunk_ref(frame) : NULL,
                     MN_TYPE_GROUP_CHAT);
}

void mn_push_notice(struct mn_conn *conn, struct mn_chunk *frame)
{
    struct mn_session *session = mn_session_of(conn);
    enum mn_err err = frame ? mn_conn_send(conn, mn_chunk_ref(frame), MN_SEND_PUSH) : MN_EBUSY;
    if (err == MN_EBUSY)
        push_failed(conn);
    if (err)
        return;
    mn_reply_count(mn_gate_loop_of(conn), MN_TYPE_GROUP_NOTIFY);
    mn_frame_ack_expect(session); /* he will fetch it, and acknowledge what he has fetched */
}

/* Tells the sender of a message about its delivered or read cursor. */
static void push_receipt(struct mn_conn *conn, const struct mn_op *op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    char text[24];
    if (session->state != MN_SESSION_LIVE)
        return;
    MN_BUG_ON(session->uid != op->to); /* a connection has one user for its life */
    struct mn_chunk *frame = mn_frame_of(&(struct mn_envelope){
        .type = MN_TYPE_ACK,
        .has = MN_HAS_MSG_SEQ | MN_HAS_FROM | MN_HAS_TO | MN_HAS_TS,
        .server_msg_id = mn_id_text(text, op->id),
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

/* Kinds without which the client waits in vain, and which nothing sends again. */
static bool is_critical(enum mn_type type)
{
    return type >= MN_TYPE_CALL_INVITE && type <= MN_TYPE_CALL_ERROR;
}

static void push_frame(struct mn_conn *conn, const struct delivery *delivery)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->state != MN_SESSION_LIVE || session->uid != delivery->uid)
        return;
    enum mn_err err = mn_conn_send(conn, mn_chunk_ref(delivery->frame), MN_SEND_PUSH);
    if (err == MN_OK)
        mn_reply_count(mn_gate_loop_of(conn), delivery->type);
    else if (err == MN_EBUSY && is_critical(delivery->type))
        mn_session_close(conn);
}

static void deliver(struct mn_loop *loop, const struct delivery *delivery)
{
    if (delivery->kind == GROUP) {
        mn_fanout_deliver(mn_loop_user(loop), delivery->op, &delivery->plan);
        mn_roster_unref(delivery->plan.roster);
        return;
    }
    struct mn_conn *conn = mn_loop_find(loop, delivery->conn);
    if (!conn)
        return;
    switch (delivery->kind) {
    case ANSWER:
        if (delivery->op->kind == MN_OP_REVOKE)
            mn_frame_revoke_done(conn, delivery->op);
        else
            mn_frame_chat_done(conn, delivery->op);
        break;
    case REVOKED:
        mn_revoked_push(conn, delivery->op);
        break;
    case GROUP: /* above */
        break;
    case MESSAGE:
        push_message(conn, delivery->op);
        break;
    case RECEIPT:
        push_receipt(conn, delivery->op);
        break;
    case FRAME:
        push_frame(conn, delivery);
        break;
    case KICK:
        mn_session_kick(conn, delivery->uid);
        break;
    case BUMP:
        mn_session_bump(conn, delivery->uid, delivery->sv);
        break;
    }
}

static void run_parcel(struct mn_task *task, struct mn_loop *loop)
{
    struct parcel *parcel = mn_container_of(task, struct parcel, task);
    for (unsigned i = 0; i < parcel->count; i++) {
        deliver(loop, &parcel->items[i]);
        if (parcel->items[i].op)
            mn_op_unref(parcel->items[i].op);
        if (parcel->items[i].frame)
            mn_chunk_unref(parcel->items[i].frame);
    }
    mn_free(parcel);
}
