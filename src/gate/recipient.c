/* SPDX-License-Identifier: Apache-2.0 */
/*
 * im.auth.require-known-user for recipients (W-3.5.7): a
 * message to a user who does not exist is answered with user_not_found.
 * Each loop remembers users that it has seen to exist; others are asked for
 * on a worker, while what waits for its turn behind the message waits.
 */
#include "gate/recipient.h"

#include "base/map.h"
#include "base/mem.h"
#include "gate/errand.h"
#include "gate/frame/requests.h"

struct lookup {
    struct mn_errand errand;  /* first */
    struct mn_serial *serial; /* one reference: the message goes on although its sender went */
    uint32_t ticket;
    int64_t uid;
    int64_t id; /* the message's, for the error */
    enum mn_err err;
    bool known;
};

static int64_t *known_slot(struct mn_gate_loop *gl, int64_t uid)
{
    return &gl->known[mn_hash_u64((uint64_t)uid) % MN_ARRAY_LEN(gl->known)];
}

static void work(struct mn_errand *errand)
{
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    const struct mn_gate_users *users = &errand->gate->users;
    int64_t sv = 0;
    lookup->err = users->session(users->ctx, lookup->uid, &sv, &lookup->known);
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    (void)conn; /* it may be gone: the message was accepted */
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    char text[24];
    struct mn_ids ids = {errand->ids.client_msg_id, mn_id_text(text, lookup->id)};
    if (lookup->err) {
        mn_serial_refuse(lookup->serial, lookup->ticket, mn_reply_make_busy(gl, ids));
    } else if (!lookup->known) {
        mn_serial_refuse(lookup->serial, lookup->ticket,
                         mn_reply_make_error(gl, MN_REASON_USER_NOT_FOUND, ids));
    } else {
        *known_slot(gl, lookup->uid) = lookup->uid;
        mn_requests_pass(gl, lookup->serial, lookup->ticket, ids);
    }
    mn_serial_unref(lookup->serial);
}

static bool send_lookup(struct mn_conn *conn, uint32_t ticket, int64_t uid, int64_t id,
                        struct mn_str client_msg_id)
{
    struct lookup *lookup = mn_errand_new(sizeof(*lookup),
                                          (struct mn_ids){client_msg_id, MN_STR_NONE});
    if (!lookup)
        return false;
    struct mn_serial *serial = mn_serial_ref(mn_session_of(conn)->serial);
    lookup->errand.work = work;
    lookup->errand.done = done;
    lookup->serial = serial;
    lookup->ticket = ticket;
    lookup->uid = uid;
    lookup->id = id;
    if (mn_errand_send(conn, &lookup->errand))
        return true;
    mn_serial_unref(serial);
    return false;
}

void mn_recipient_check(struct mn_conn *conn, struct mn_op *take_op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_serial *serial = mn_serial_ref(mn_session_of(conn)->serial);
    struct mn_op *op = mn_op_ref(take_op); /* its text is wanted for the answer */
    char text[24];
    struct mn_ids ids = {mn_op_client_id(op), mn_id_text(text, op->id)};
    uint32_t ticket = mn_serial_add_waiting(serial, take_op);
    if (*known_slot(gl, op->to) == op->to)
        mn_requests_pass(gl, serial, ticket, ids);
    else if (!send_lookup(conn, ticket, op->to, op->id, ids.client_msg_id))
        mn_serial_refuse(serial, ticket, mn_reply_make_busy(gl, ids));
    mn_op_unref(op);
    mn_serial_unref(serial);
}
