/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GROUP_CHAT: from the frame to the writer (W-3.6).  Mostly everything is
 * known at once; when the group's roster or the answered message is not in
 * memory, the request waits in its turn for a look-up.
 */
#include "base/mem.h"
#include "gate/errand.h"
#include "gate/frame/frame.h"
#include "gate/frame/requests.h"
#include "im/group/message.h"

/* A look-up for a request. */
struct lookup {
    struct mn_errand errand;  /* first */
    struct mn_serial *serial; /* one reference: the message goes on although its sender went */
    uint32_t ticket;
    struct mn_op *op;       /* one reference */
    enum mn_reason blemish; /* the answer for a member */
    enum mn_err err;
    struct mn_roster *roster; /* one reference, or NULL */
    bool has_answered;
    struct mn_msg_ref answered;
};

/* What errors repeat of a request: a new id only where the message itself failed. */
static struct mn_ids ids_of(enum mn_reason reason, struct mn_str client_msg_id, char text[24],
                            int64_t id)
{
    bool with_id = reason == MN_REASON_INTERNAL_ERROR || reason == MN_REASON_SERVER_BUSY;
    return (struct mn_ids){client_msg_id, with_id ? mn_id_text(text, id) : MN_STR_NONE};
}

static enum mn_reason judge(struct mn_op *op, const struct mn_roster *roster,
                            const struct mn_msg_ref *answered, enum mn_reason blemish)
{
    enum mn_reason reason = mn_group_admit(op, roster, answered);
    return reason ? reason : blemish;
}

/* ---- with a look-up ---- */

static void work(struct mn_errand *errand)
{
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    const struct mn_op *op = lookup->op;
    lookup->err = mn_roster_load(errand->gate->config.rosters, op->key.a, &lookup->roster);
    if (lookup->err || !op->reply_to)
        return;
    lookup->err = mn_msglog_find(errand->gate->msglog, op->reply_to, &lookup->answered);
    lookup->has_answered = lookup->err == MN_OK;
    if (lookup->err == MN_ENOTFOUND)
        lookup->err = MN_OK;
}

static enum mn_reason outcome(const struct lookup *lookup)
{
    if (lookup->err)
        return MN_REASON_SERVER_BUSY;
    return judge(lookup->op, lookup->roster, lookup->has_answered ? &lookup->answered : NULL,
                 lookup->blemish);
}

static void release(struct lookup *lookup)
{
    mn_roster_unref(lookup->roster);
    mn_op_unref(lookup->op);
    mn_serial_unref(lookup->serial);
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    (void)conn; /* it may be gone: the message was accepted */
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    enum mn_reason reason = outcome(lookup);
    char text[24];
    /* Without a reason it can only be that the writer has no room. */
    struct mn_ids ids = ids_of(reason ? reason : MN_REASON_SERVER_BUSY, mn_op_client_id(lookup->op),
                               text, lookup->op->id);
    if (reason)
        mn_serial_refuse(lookup->serial, lookup->ticket, mn_reply_make_error(gl, reason, ids));
    else
        mn_requests_pass(gl, lookup->serial, lookup->ticket, ids);
    release(lookup);
}

static void look_up(struct mn_conn *conn, struct mn_serial *serial, struct mn_op *take_op,
                    enum mn_reason blemish)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct lookup *lookup = mn_errand_new(sizeof(*lookup), MN_IDS_NONE);
    struct mn_op *op = mn_op_ref(take_op);
    char text[24];
    mn_serial_ref(serial);
    uint32_t ticket = mn_serial_add_waiting(serial, take_op);
    if (lookup) {
        lookup->errand.work = work;
        lookup->errand.done = done;
        lookup->serial = mn_serial_ref(serial);
        lookup->ticket = ticket;
        lookup->op = mn_op_ref(op);
        lookup->blemish = blemish;
    }
    if (!mn_errand_send(conn, lookup ? &lookup->errand : NULL)) {
        if (lookup) { /* it is freed, what it had is not */
            mn_op_unref(op);
            mn_serial_unref(serial);
        }
        struct mn_ids ids = ids_of(MN_REASON_SERVER_BUSY, mn_op_client_id(op), text, op->id);
        mn_serial_refuse(serial, ticket, mn_reply_make_busy(gl, ids));
    }
    mn_op_unref(op);
    mn_serial_unref(serial);
}

/* ---- at once ---- */

/* Whether all that has to be known is in memory. */
static bool is_known(struct mn_gate *gate, const struct mn_op *op, struct mn_roster **ret_roster,
                     struct mn_msg_ref *ret_answered)
{
    *ret_roster = mn_roster_find(gate->config.rosters, op->key.a);
    if (!*ret_roster)
        return false;
    if (op->reply_to && !mn_msglog_recent(gate->msglog, op->reply_to, ret_answered)) {
        mn_roster_unref(*ret_roster);
        return false;
    }
    return true;
}

/* MN_REASON_NONE: it is on its way, and the operation is taken. */
static enum mn_reason accept(struct mn_conn *conn, struct mn_op *op, enum mn_reason blemish)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_serial *serial = mn_requests_of(conn);
    struct mn_roster *roster = NULL;
    struct mn_msg_ref answered;
    if (!serial)
        return MN_REASON_SERVER_BUSY;
    op->who = mn_conn_id(conn);
    op->mono_ns = mn_loop_turn_ns(gl->loop);
    if (!is_known(gl->gate, op, &roster, &answered)) {
        look_up(conn, serial, op, blemish);
        return MN_REASON_NONE;
    }
    enum mn_reason reason = judge(op, roster, op->reply_to ? &answered : NULL, blemish);
    mn_roster_unref(roster);
    if (!reason && !mn_msglog_reserve(gl->gate->msglog, op->bytes))
        reason = MN_REASON_SERVER_BUSY;
    if (!reason)
        mn_serial_add(serial, op);
    return reason;
}

void mn_frame_group_chat(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    const struct mn_message_rules rules = {.filter = mn_gate_settings_of(gl)->filter,
                                           .scratch = &gl->filtered,
                                           .idgen = gl->gate->config.idgen};
    struct mn_message message;
    char text[24];
    mn_group_message(&rules, mn_session_of(conn)->uid, env, mn_loop_unix_ms(gl->loop), &message);
    if (message.filtered)
        mn_metric_inc(gl->metrics, MN_M_MSG_FILTERED);
    if (message.op) {
        message.reason = accept(conn, message.op, message.reason);
        if (!message.reason)
            return;
        mn_op_unref(message.op);
    }
    mn_requests_refuse(conn, message.reason,
                       ids_of(message.reason, env->client_msg_id, text, message.id));
}
