/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_LOG_WAIT_H
#define MN_IM_LOG_WAIT_H

#include "store/log/msglog.h"

/*
 * An operation of the message log as a call that returns when it is
 * committed: for the rules that run on a worker and span both stores.  Kinds
 * MN_OP_CHAT, MN_OP_JOIN and MN_OP_LEAVE; what comes from a connection is not
 * waited for.
 */

/*
 * Submits the operation and waits until it is on disk; its result, MN_EBUSY
 * when the queue is full, MN_ENOMEM for NULL.  The operation stays the
 * caller's, with its outcome in it.  Blocks: never on a loop, nor on the
 * writer's thread.
 */
MN_MUSTCHECK enum mn_err mn_log_do(struct mn_msglog *log, struct mn_op *op);
/* For on_commit: an operation of these kinds came back; nothing if nobody waits for it. Any thread. */
void mn_log_done(struct mn_op *op);

#endif
