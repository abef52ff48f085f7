/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_FRAME_REQUESTS_H
#define MN_GATE_FRAME_REQUESTS_H

#include "gate/reply.h"
#include "gate/session.h"

/*
 * What the frames that wait for each other share (SINGLE_CHAT, GROUP_CHAT,
 * MESSAGE_REVOKE; W-7.1): a session's requests in their order, with the
 * answers that need no writer.  gate/serial.h is the order itself.
 */

/* The session's requests, with room for one more; NULL: no memory. */
struct mn_serial *mn_requests_of(struct mn_conn *conn);
/* After a request was added: no further one is read while as many wait as may. */
void mn_requests_hold_if_full(struct mn_conn *conn);
/* A look-up says yes: on to the writer if it has room; `ids` for the answer if it has none. */
void mn_requests_pass(struct mn_gate_loop *gl, struct mn_serial *serial, uint32_t ticket,
                      struct mn_ids ids);
/* An error that needs no writer, in its turn; server_busy with retryAfterMs. */
void mn_requests_refuse(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids);

#endif
