/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_RESEND_H
#define MN_GATE_RESEND_H

#include "gate/session.h"

/*
 * What a user has not acknowledged is sent again: after AUTH, after pushes
 * were dropped, and when a delivery has waited for its ACK too long
 * (W-8.2, W-8.3).  On the session's loop.
 *
 *             start                       page, more to come; ACKs leave room
 *   none ------------> reading a page <------------------------------+
 *    ^                   |        |                                  |
 *    |  page, the last   |        +-- page, the window is full --> waiting
 *    +-------------------+        |                                  ^
 *                                 +-- no worker, no memory, error ---+  (timer)
 *
 * A start while one is under way begins anew; so does the end of congestion
 * after something was dropped.
 */

/* Sends what lies behind the user's cursors; again from the start when one is under way. */
void mn_resend_start(struct mn_conn *conn);
/* A live push of the message went out: pages of a resend need not repeat it. */
void mn_resend_note_live(struct mn_session *session, struct mn_place at);
/* Whether an ACK of the message must wait for the resend to pass it; keeps it then. */
bool mn_resend_defer_ack(struct mn_session *session, const struct mn_msg_ref *ref,
                         enum mn_cursor_kind kind);
/* The connection has ended: the ACKs that waited are applied without it, as far as they may be. */
void mn_resend_leave(struct mn_conn *conn);
/* An ACK came: perhaps there is room for the next page. */
void mn_resend_on_ack(struct mn_conn *conn);
/* Starts the periodic resend if the oldest delivery is too old; returns the next time to look, 0 = none. */
uint64_t mn_resend_check_age(struct mn_conn *conn);
void mn_resend_free(struct mn_session *session);

#endif
