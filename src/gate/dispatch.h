/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_DISPATCH_H
#define MN_GATE_DISPATCH_H

#include "gate/reply.h"

/* One whole text message (mn_net_ws_handler.on_ws_text); rewrites p[0..n). */
void mn_dispatch_on_text(void *ctx, struct mn_conn *conn, char *p, size_t n);
/* A request that had passed the gates and was set aside; rewrites p[0..n). */
void mn_dispatch_aside(struct mn_conn *conn, char *p, size_t n);
/* Takes a frame from the connection's and the user's bucket; false: too_many_requests, closed. */
bool mn_dispatch_charge(struct mn_conn *conn, struct mn_ids ids);

#endif
