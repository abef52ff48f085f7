/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a session that wait for each other: see requests.h. */
#include "gate/frame/requests.h"

#include "base/mem.h"
#include "gate/dispatch.h"

static void submit(void *ctx, struct mn_op *take_op) { mn_gate_submit(ctx, take_op); }

/*
 * What was set aside, as far as there are places.  A request that is answered
 * at once can free the next place: not nested, however many there are.
 */
static void run_aside(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->aside.running)
        return;
    session->aside.running = true;
    while (session->state == MN_SESSION_LIVE && !mn_serial_is_full(session->serial)) {
        struct mn_aside_frame *frame = mn_aside_take(&session->aside);
        if (!frame)
            break;
        mn_dispatch_aside(conn, frame->p, frame->n);
        mn_free(frame);
    }
    session->aside.running = false;
    mn_conn_charge(conn, session->aside.bytes);
    if (!mn_aside_is_full(&session->aside))
        mn_session_release(conn, MN_HOLD_ASIDE);
}

static void send(void *ctx, uint64_t conn_id, struct mn_chunk *take_frame)
{
    struct mn_gate_loop *gl = ctx;
    struct mn_conn *conn = mn_loop_find(gl->loop, conn_id);
    if (!conn || mn_session_of(conn)->state == MN_SESSION_CLOSED) {
        mn_chunk_unref(take_frame);
        return;
    }
    mn_reply_send_frame(conn, take_frame);
    if (mn_session_of(conn)->aside.first)
        run_aside(conn);
}

static const struct mn_serial_calls calls = {.submit = submit, .send = send};

struct mn_serial *mn_requests_of(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    if (!session->serial)
        session->serial = mn_serial_new(&calls, mn_gate_loop_of(conn), mn_conn_id(conn));
    if (!session->serial || !mn_serial_make_room(session->serial))
        return NULL;
    return session->serial;
}

bool mn_requests_are_full(const struct mn_session *session)
{
    return session->aside.first || (session->serial && mn_serial_is_full(session->serial));
}

void mn_requests_set_aside(struct mn_conn *conn, struct mn_aside_frame *take_frame)
{
    struct mn_session *session = mn_session_of(conn);
    mn_aside_put(&session->aside, take_frame);
    mn_conn_charge(conn, session->aside.bytes);
    if (mn_aside_is_full(&session->aside))
        mn_session_hold(conn, MN_HOLD_ASIDE);
}

void mn_requests_pass(struct mn_gate_loop *gl, struct mn_serial *serial, uint32_t ticket,
                      struct mn_ids ids)
{
    if (mn_msglog_reserve(gl->gate->msglog, mn_serial_op(serial, ticket)->bytes))
        mn_serial_pass(serial, ticket);
    else
        mn_serial_refuse(serial, ticket, mn_reply_make_busy(gl, ids));
}

void mn_requests_refuse(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    struct mn_chunk *frame = mn_reply_make_error(gl, reason, ids);
    bool in_turn = session->serial && !mn_serial_is_empty(session->serial);
    struct mn_serial *serial = in_turn ? mn_requests_of(conn) : NULL;
    if (serial)
        mn_serial_add_answer(serial, frame);
    else
        mn_reply_send_frame(conn, frame); /* also without memory: the order yields to an answer */
}
