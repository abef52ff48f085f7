/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_SESSION_H
#define MN_GATE_SESSION_H

#include "gate/aside.h"
#include "gate/limit.h"
#include "gate/loop.h"
#include "gate/moves.h"
#include "gate/revoked.h"
#include "gate/serial.h"
#include "gate/unacked.h"
#include "proto/reason.h"

/*
 * A client's session.  It lives inside its connection's memory and dies with
 * it; whoever waits for something (a worker, the writer, another loop) keeps
 * the connection's id and looks it up again.
 *
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

/* Why input is held; it goes on when no reason is left. */
enum mn_session_hold {
    MN_HOLD_CHECK = 1u << 0, /* AUTH or REAUTH waits for the session version */
    MN_HOLD_ASIDE = 1u << 1  /* as many requests are set aside as may be */
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
    struct mn_serial *serial; /* requests that wait for each other; NULL before the first */
    struct mn_aside aside;    /* requests that wait for a place among them */
    struct mn_moves *moves;   /* cursor moves with the writer, NULL before the first */
    uint32_t moves_sent;      /* of them, all that were ever submitted */
    struct mn_revoked revoked;
    uint32_t resend_run; /* number of the last resend run: a page of an earlier one is dropped */
    enum mn_session_state state;
    uint8_t holds; /* enum mn_session_hold */
    bool is_free;  /* the frame at hand was asked for: no bucket was charged */
    bool lossy;    /* a push was dropped: resend from the cursor when there is room again */
};

static inline struct mn_session *mn_session_of(struct mn_conn *conn)
{
    return mn_conn_session(conn);
}

/* The one door to a session's state; ends the process at a step that is not drawn above. */
void mn_session_set_state(struct mn_session *session, enum mn_session_state state);
/* Close 1000 "Bye" and no further frame of this session. */
void mn_session_close(struct mn_conn *conn);
void mn_session_hold(struct mn_conn *conn, enum mn_session_hold why);
void mn_session_release(struct mn_conn *conn, enum mn_session_hold why);
/* Makes sure that the session's timer runs at that time or earlier. */
void mn_session_arm(struct mn_conn *conn, uint64_t deadline_mono_ms);
/* A token was accepted: from now on its expiry and version are the session's. */
void mn_session_adopt(struct mn_conn *conn, int64_t exp_unix_ms, int64_t sv);
/* Which of token_expired and session_invalid a frame must be answered with, or MN_REASON_NONE. */
enum mn_reason mn_session_verdict(struct mn_conn *conn);

/* ---- from the transport ---- */

void mn_session_on_open(struct mn_conn *conn);
void mn_session_on_timer(struct mn_conn *conn);
void mn_session_on_writer_idle(struct mn_conn *conn);
void mn_session_on_close(struct mn_conn *conn);

/* ---- from other sessions and workers, by gate/push.h ---- */

/* A newer connection of the user `uid` has taken over. */
void mn_session_kick(struct mn_conn *conn, int64_t uid);
/* The user's session version was raised to `sv`. */
void mn_session_bump(struct mn_conn *conn, int64_t uid, int64_t sv);

#endif
