/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_INTERNAL_H
#define MN_GATE_INTERNAL_H

/*
 * What the files of gate/ share.  A session lives inside its connection's
 * memory and dies with it; whoever waits for something (a worker, the
 * writer, another loop) keeps the connection's id and looks it up again.
 */

#include <stdatomic.h>

#include "base/pool.h"
#include "base/rand.h"
#include "gate/gate.h"
#include "gate/limit.h"
#include "gate/unacked.h"
#include "proto/envelope.h"
#include "proto/reason.h"

/*
 *   NEW ---- AUTH ----> CHECKING ---- version is right ----> LIVE
 *    |                      |                                 |
 *    +------ refused, timed out, kicked, or gone: CLOSED -----+
 */
enum mn_session_state {
    MN_SESSION_NEW = 0,  /* not authenticated */
    MN_SESSION_CHECKING, /* AUTH waits for the session version; input is held */
    MN_SESSION_LIVE,     /* authenticated */
    MN_SESSION_CLOSED    /* a close was decided: nothing more happens */
};

struct mn_resend; /* resend.c */

struct mn_session {
    int64_t uid; /* 0 until AUTH is done */
    int64_t exp_unix_ms;
    int64_t sv;
    uint64_t open_mono_ms;
    uint64_t timer_mono_ms;  /* what mn_conn_set_timer() was told, 0 = nothing */
    uint64_t bumped_mono_ms; /* when a newer session version became known, 0 = never */
    uint64_t retry_mono_ms;  /* when to try a refused resend again, 0 = never */
    struct mn_bucket bucket;
    struct mn_violations violations;
    struct mn_asked asked;
    struct mn_unacked unacked;
    struct mn_resend *resend; /* NULL unless a resend is under way */
    struct mn_moves *moves;   /* cursor moves with the writer, NULL before the first */
    uint32_t moves_sent;      /* of them, all that were ever submitted */
    uint32_t resend_run; /* number of the last resend run: a page of an earlier one is dropped */
    uint32_t in_flight;  /* operations with the writer whose answer must keep its order */
    enum mn_session_state state;
    bool is_free; /* the frame at hand was asked for: no bucket was charged */
    bool lossy;   /* a push was dropped: resend from the cursor when there is room again */
};

struct mn_gate_snapshot {
    _Atomic int refs;
    struct mn_gate_settings s;
};

/* One per loop; only its thread touches it. */
struct mn_gate_loop {
    struct mn_gate *gate;
    struct mn_loop *loop;
    struct mn_metrics_shard *metrics;
    struct mn_gate_snapshot *snapshot;
    struct mn_op *first, *last; /* operations of this turn, reserved, not yet submitted */
    struct mn_bucket auth_bucket;
    struct mn_buf filtered; /* scratch of the text filter */
    struct mn_rng *rng;
    int64_t known[1024]; /* users known to exist, by hash; for require_known_user */
};

struct mn_gate {
    struct mn_gate_config config;
    struct mn_net *net;
    struct mn_gate_loop *loops;
    unsigned loop_count;
    struct mn_pool *pool;
    struct mn_user_limits *user_limits;
    _Atomic uint64_t bump_epoch; /* raised by each session version bump */
    struct mn_log_gate busy_log;
};

static inline struct mn_gate_loop *mn_gate_loop_of(struct mn_conn *conn)
{
    return mn_loop_user(mn_conn_loop(conn));
}
static inline struct mn_session *mn_session_of(struct mn_conn *conn)
{
    return mn_conn_session(conn);
}
static inline const struct mn_gate_settings *mn_gate_set(const struct mn_gate_loop *gl)
{
    MN_BUG_ON(atomic_load_explicit(&gl->snapshot->refs, memory_order_relaxed) <= 0);
    return &gl->snapshot->s;
}
static inline struct mn_msglog *mn_gate_log(const struct mn_gate *gate)
{
    return *gate->config.msglog;
}

/* ---- reply.c: frames to one connection ---- */

struct mn_echo {
    struct mn_str client_msg_id, server_msg_id;
};
#define MN_ECHO_NONE ((struct mn_echo){MN_STR_NONE, MN_STR_NONE})
#define MN_ECHO_C(env) ((struct mn_echo){(env)->client_msg_id, MN_STR_NONE})
#define MN_ECHO_CS(env) ((struct mn_echo){(env)->client_msg_id, (env)->server_msg_id})

/* Prints `env` into a new frame; NULL when there is no memory. Any thread. */
struct mn_frame *mn_reply_frame(const struct mn_envelope *env);
/* Counts a frame of that type as sent. */
void mn_reply_count(struct mn_gate_loop *gl, enum mn_type type);
/* Decimal text of an id, as the wire wants ids. */
struct mn_str mn_reply_id(char text[24], int64_t id);
/* Sends an answer; fills in ts. */
void mn_reply_send(struct mn_conn *conn, struct mn_envelope *env);
void mn_reply_error(struct mn_conn *conn, enum mn_reason reason, struct mn_echo echo);
/* ERROR server_busy with retryAfterMs (section 18, B4). */
void mn_reply_busy(struct mn_conn *conn, struct mn_echo echo);
/* ERROR, then close 1000 "Bye" (1.4). */
void mn_reply_error_close(struct mn_conn *conn, enum mn_reason reason, struct mn_echo echo);
void mn_reply_auth_fail(struct mn_conn *conn, enum mn_reason reason);
/* bad_json, missing_type, not_implemented: counts, and closes on the fourth (section 10). */
void mn_reply_violation(struct mn_conn *conn, enum mn_reason reason, struct mn_echo echo);
/* Close 1000 "Bye" and no further frame of this session. */
void mn_session_close(struct mn_conn *conn);

/* ---- dispatch.c ---- */

/* Takes a frame from the connection's and the user's bucket; false: too_many_requests, closed. */
bool mn_dispatch_charge(struct mn_conn *conn, struct mn_echo echo);

/* ---- session.c ---- */

/* The one door to a session's state; ends the process at a step that is not drawn above. */
void mn_session_set_state(struct mn_session *session, enum mn_session_state state);
void mn_session_on_auth(struct mn_conn *conn, const struct mn_envelope *env);
void mn_session_on_reauth(struct mn_conn *conn, const struct mn_envelope *env);
void mn_session_on_ping(struct mn_conn *conn);
void mn_session_on_timer(struct mn_conn *conn);
void mn_session_on_writer_idle(struct mn_conn *conn);
/* Makes sure that the session's timer runs at that time or earlier. */
void mn_session_arm(struct mn_conn *conn, uint64_t deadline_mono_ms);
/* Which of token_expired and session_invalid a frame must be answered with, or MN_REASON_NONE. */
enum mn_reason mn_session_verdict(struct mn_conn *conn);

/* ---- chat.c ---- */

void mn_chat_on_single(struct mn_conn *conn, struct mn_envelope *env);
/* The writer's answers: ACK, error, in the order of the requests. */
void mn_chat_on_done(struct mn_conn *conn, const struct mn_op *op);
/* Appends a reserved operation to what this turn submits. */
void mn_gate_queue_op(struct mn_gate_loop *gl, struct mn_op *op);

/* ---- known.c ---- */

/* Queues the append if its recipient exists, else an error in its place; may hold the connection. */
void mn_known_check(struct mn_conn *conn, struct mn_op *op);

/* ---- deliver.c ---- */

/* Pushes a committed message to a recipient's connection. */
void mn_deliver_push(struct mn_conn *conn, const struct mn_op *op);
/* Tells the sender of a message about its delivered or read cursor. */
void mn_deliver_receipt(struct mn_conn *conn, const struct mn_op *op);

/* ---- ack.c ---- */

void mn_ack_on_frame(struct mn_conn *conn, const struct mn_envelope *env);
/* Whether the frame is an ACK for something that was pushed; takes it from what was asked for. */
bool mn_ack_take_asked(struct mn_conn *conn, const struct mn_envelope *env);
/* A message was pushed: an ACK delivered and an ACK read of it are free. */
void mn_ack_expect(struct mn_session *session);
/* Moves the cursor: the message at `ref` was sent to this session's user. */
void mn_ack_apply(struct mn_conn *conn, const struct mn_msg_ref *ref, enum mn_cursor_kind kind);

/*
 * Cursor moves of a session on their way through the writer, which has no
 * answer to give: a resend must not read the cursors before the ACKs that
 * came ahead of it are in them.  Shared by the session and those operations.
 */
struct mn_moves {
    _Atomic int refs;
    _Atomic uint32_t done; /* moves that the writer has given back */
};
/* The writer is done with a MN_OP_CURSOR, or will never see it. Any thread. */
void mn_moves_done(const struct mn_op *op);
void mn_moves_unref(struct mn_moves *moves);
/* Whether the first `sent` moves of this session have been through the writer. */
bool mn_moves_are_in(const struct mn_session *session, uint32_t sent);

/* ---- resend.c ---- */

/* Sends what lies behind the user's cursors; again from the start when one is under way. */
void mn_resend_start(struct mn_conn *conn);
/* A live push went out while a resend is under way: its page need not repeat it. */
void mn_resend_note_live(struct mn_session *session, int64_t chat, int64_t seq);
/* Whether an ACK of (chat, seq) must wait for the resend to pass it; keeps it then. */
bool mn_resend_defer_ack(struct mn_session *session, const struct mn_msg_ref *ref,
                         enum mn_cursor_kind kind);
/* An ACK came: perhaps there is room for the next page. */
void mn_resend_on_ack(struct mn_conn *conn);
/* Starts the periodic resend if the oldest delivery is too old; returns the next time to look, 0 = none. */
uint64_t mn_resend_check_age(struct mn_conn *conn);
void mn_resend_free(struct mn_session *session);

#endif
