/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_LATE_ACK_H
#define MN_GATE_LATE_ACK_H

#include "gate/loop.h"

/*
 * ACKs whose connection has ended before they could be applied: they were
 * received, so they count, as far as the cursor passes nothing that was
 * not sent (docs/decisions/0003-resend-and-the-cursor.md).
 */
struct mn_late_ack {
    struct mn_msg_ref ref;
    enum mn_cursor_kind kind;
    int64_t first; /* what the chat has from here to `ref` was sent on the connection */
};

/*
 * Applies them behind the cursor moves that are with the writer or with this
 * loop.  On the loop that the connection was of.  They are lost when there is
 * no room or no memory: what they speak of is then delivered once more.
 */
void mn_late_acks(struct mn_gate_loop *gl, int64_t uid, const struct mn_late_ack *acks,
                  unsigned count);

#endif
