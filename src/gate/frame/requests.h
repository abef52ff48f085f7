/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_FRAME_REQUESTS_H
#define MN_GATE_FRAME_REQUESTS_H

#include "gate/reply.h"
#include "gate/session.h"

/*
 * What the frames that wait for each other share (SINGLE_CHAT, GROUP_CHAT,
 * MESSAGE_REVOKE; W-7.1): a session's requests in their order, with the
 * answers that need no writer.  gate/serial.h is the order itself; what finds
 * it full waits as it came (gate/aside.h).
 */

/* The session's requests, with room for one more; NULL: no memory. */
struct mn_serial *mn_requests_of(struct mn_conn *conn);
/* As many wait as may: a request that comes now is to be set aside. */
bool mn_requests_are_full(const struct mn_session *session);
/* Carried out when there is a place for it, behind those that were set aside before. */
void mn_requests_set_aside(struct mn_conn *conn, struct mn_aside_frame *take_frame);
/* A look-up says yes: on to the writer if it has room; `ids` for the answer if it has none. */
void mn_requests_pass(struct mn_gate_loop *gl, struct mn_serial *serial, uint32_t ticket,
                      struct mn_ids ids);
/* An error that needs no writer, in its turn; server_busy with retryAfterMs. */
void mn_requests_refuse(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids);

#endif
