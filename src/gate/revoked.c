/* SPDX-License-Identifier: Apache-2.0 */
/* Who learns of revocations, and when that is known: see revoked.h. */
#include "gate/revoked.h"

#include "base/mem.h"
#include "gate/errand.h"
#include "gate/reply.h"
#include "gate/session.h"

enum { PAGE = 100, PING_BYTES = 8 };

static struct mn_chunk *frame_of(const struct mn_revocation *one)
{
    char text[24];
    bool group = one->kind == MN_CHAT_GROUP;
    return mn_frame_of(&(struct mn_envelope){
        .type = MN_TYPE_MESSAGE_REVOKED,
        .has = MN_HAS_FROM | MN_HAS_TS | (group ? MN_HAS_GROUP_ID : MN_HAS_TO),
        .server_msg_id = mn_id_text(text, one->id),
        .from = one->from,
        .to = one->to,
        .group_id = one->at.chat,
        .ts = one->unix_ms,
    });
}

/* MN_OK, or it was not sent: the store still has it. */
static enum mn_err send_one(struct mn_conn *conn, const struct mn_revocation *one)
{
    struct mn_chunk *frame = frame_of(one);
    enum mn_err err = frame ? mn_conn_send(conn, frame, MN_SEND_PUSH) : MN_EBUSY;
    if (err == MN_OK)
        mn_reply_count(mn_gate_loop_of(conn), MN_TYPE_MESSAGE_REVOKED);
    else if (err == MN_EBUSY)
        mn_session_of(conn)->lossy = true; /* tried again when there is room */
    return err;
}

/* Asks whether all that was sent has been received; one question at a time. */
static void ask(struct mn_conn *conn)
{
    struct mn_revoked *revoked = &mn_session_of(conn)->revoked;
    if (revoked->asked || revoked->sent <= revoked->learnt)
        return;
    struct mn_chunk *ping = mn_chunk_new(PING_BYTES);
    if (!ping)
        return;
    memcpy(mn_chunk_payload(ping), &revoked->sent, PING_BYTES);
    mn_chunk_seal_ws(ping, MN_WS_OP_PING, PING_BYTES);
    if (mn_conn_send(conn, ping, MN_SEND_REPLY) == MN_OK)
        revoked->asked = revoked->sent;
}

/* ---- pages ---- */

struct page {
    struct mn_errand errand; /* first */
    int64_t uid, after;
    enum mn_err err;
    unsigned count;
    struct mn_revocation items[PAGE];
};

static void work(struct mn_errand *errand)
{
    struct page *page = mn_container_of(errand, struct page, errand);
    page->err = mn_msglog_revocations(errand->gate->msglog, page->uid, page->after, PAGE,
                                      page->items, &page->count);
}

static void take_page(struct mn_conn *conn, const struct page *page)
{
    struct mn_revoked *revoked = &mn_session_of(conn)->revoked;
    revoked->more = page->count == PAGE;
    for (unsigned i = 0; i < page->count; i++) {
        if (send_one(conn, &page->items[i]) != MN_OK)
            break; /* from there on when there is room again */
        revoked->sent = page->items[i].number;
    }
    ask(conn);
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    struct page *page = mn_container_of(errand, struct page, errand);
    (void)gl;
    if (!conn)
        return;
    struct mn_revoked *revoked = &mn_session_of(conn)->revoked;
    revoked->reading = false;
    /* An error: it was told, and after the next AUTH they are read again. */
    if (!page->err)
        take_page(conn, page);
    if (revoked->again && mn_session_of(conn)->state == MN_SESSION_LIVE)
        mn_revoked_start(conn);
}

void mn_revoked_start(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    session->revoked.due = session->resend != NULL;
    if (session->revoked.due)
        return;
    session->revoked.again = session->revoked.reading;
    if (session->revoked.reading)
        return;
    struct page *page = mn_errand_new(sizeof(*page), MN_IDS_NONE);
    if (!page)
        return;
    page->errand.work = work;
    page->errand.done = done;
    page->uid = session->uid;
    page->after = session->revoked.sent;
    session->revoked.reading = mn_errand_send(conn, &page->errand);
}

void mn_revoked_go_on(struct mn_conn *conn)
{
    if (mn_session_of(conn)->revoked.due)
        mn_revoked_start(conn);
}

/* ---- live ---- */

void mn_revoked_push(struct mn_conn *conn, const struct mn_op *op)
{
    struct mn_session *session = mn_session_of(conn);
    struct mn_revoked *revoked = &session->revoked;
    const struct mn_revocation one = {.number = op->number,
                                      .id = op->id,
                                      .at = op->at,
                                      .kind = op->key.kind,
                                      .from = op->from,
                                      .to = op->to,
                                      .unix_ms = op->unix_ms};
    if (session->state != MN_SESSION_LIVE || send_one(conn, &one) != MN_OK)
        return;
    /* Those before it must have been sent too, before a PONG may speak for them. */
    if (op->from == session->uid || op->number <= revoked->sent)
        return;
    if (revoked->due || revoked->reading || revoked->more) {
        revoked->again = revoked->reading;
        return;
    }
    revoked->sent = op->number;
    ask(conn);
}

static void tell_store(struct mn_conn *conn, int64_t number)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_op *op = mn_op_new(MN_OP_LEARNT, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    if (!op || !mn_msglog_reserve(gl->gate->msglog, op->bytes)) {
        mn_op_unref(op); /* told with the next one, or after the next AUTH */
        return;
    }
    op->from = mn_session_of(conn)->uid;
    op->id = number;
    mn_session_of(conn)->revoked.learnt = number;
    mn_gate_submit(gl, op);
}

void mn_revoked_on_pong(struct mn_conn *conn, const char *p, size_t n)
{
    struct mn_session *session = mn_session_of(conn);
    struct mn_revoked *revoked = &session->revoked;
    int64_t number = 0;
    if (session->state != MN_SESSION_LIVE || n != PING_BYTES || !revoked->asked)
        return;
    memcpy(&number, p, PING_BYTES);
    if (number != revoked->asked)
        return;
    revoked->asked = 0;
    tell_store(conn, number);
    if (revoked->more)
        mn_revoked_start(conn);
    else
        ask(conn);
}
