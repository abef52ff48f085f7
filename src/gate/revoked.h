/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_REVOKED_H
#define MN_GATE_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mn_conn;
struct mn_op;

/*
 * MESSAGE_REVOKED to one who may have the message already (W-8.6): live, and
 * after AUTH what he has not learnt of.  No frame of the protocol acknowledges
 * it; but a WebSocket PING behind it is answered by every client, and by none
 * before it has received what came first.  So each one, or page of them, is
 * followed by a PING with the last one's number, and the PONG is what the
 * store is told.
 *
 * Owner: a session, on its loop's thread.
 */
struct mn_revoked {
    int64_t sent;   /* number up to which all were sent on this connection */
    int64_t asked;  /* number in the PING that is not answered yet; 0: none */
    int64_t learnt; /* number up to which the store was told */
    bool due;       /* to be started when the resend has ended */
    bool reading;   /* a worker has a page at hand */
    bool again;     /* something came that may be behind the page */
    bool more;      /* the page was full: the next one after its PONG */
};

/*
 * Sends what the user has not learnt of; again when something was dropped.
 * After the resend that is under way, if one is: a message comes before what
 * became of it.
 */
void mn_revoked_start(struct mn_conn *conn);
/* The resend has ended. */
void mn_revoked_go_on(struct mn_conn *conn);
/* A message to the session's user, or in a group of his, was revoked just now: MN_OP_REVOKE. */
void mn_revoked_push(struct mn_conn *conn, const struct mn_op *op);
/* A PONG came (mn_net_ws_handler.on_ws_pong). */
void mn_revoked_on_pong(struct mn_conn *conn, const char *p, size_t n);

#endif
