/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_DISPATCH_H
#define MN_GATE_DISPATCH_H

#include <stddef.h>

struct mn_conn;

/* One whole text message (mn_net_ws_handler.on_ws_text); rewrites p[0..n). */
void mn_dispatch_on_text(void *ctx, struct mn_conn *conn, char *p, size_t n);

#endif
