/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_RECEIPT_H
#define MN_IM_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/log/msglog.h"

/* Receipts of users for messages: who may give one, and what it moves (W-3.8, W-8.4). */

/*
 * Whether `user` may acknowledge the message: its recipient in a single
 * chat, anybody in a group, where the cursor of somebody who is no member
 * does not exist.  Any thread.
 */
bool mn_receipt_may(const struct mn_msg_ref *ref, int64_t user);
/* Makes a MN_OP_CURSOR the move that the receipt of `user` asks for; its `cursor` is the caller's. */
void mn_receipt_fill(struct mn_op *op, const struct mn_msg_ref *ref, int64_t user);

#endif
