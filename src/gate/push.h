/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_PUSH_H
#define MN_GATE_PUSH_H

#include "gate/fanout.h"
#include "gate/loop.h"
#include "proto/envelope.h"

/*
 * The one door to a user: whatever is to happen on a connection of his, and
 * comes from elsewhere (the writer, another loop, a worker), goes through
 * here.  Where he is, is looked up here and nowhere else.
 *
 * All that a batch of the writer has for one loop travels in one post, so a
 * loop that is concerned is woken once, and one that is not sleeps on.
 */

/* For mn_msglog_config.on_commit: answers, pushes and receipts of a committed batch. Writer's thread. */
void mn_push_commit(struct mn_gate *gate, struct mn_op **ops, size_t count);
/* The connection has lost its user to a newer one. Any thread. */
void mn_push_kick(struct mn_gate *gate, uint64_t conn, int64_t uid);
/* The user's session version was raised. Any thread. */
void mn_push_bump(struct mn_gate *gate, int64_t uid, int64_t sv);
/*
 * A frame to each of the users, encoded once; its ts is filled in when it has
 * none.  Not stored and not sent again: a congested connection misses it; of
 * the kinds for which that will not do (CALL_*) it is closed (W-11.4).  Any
 * thread.
 */
void mn_push_frame(struct mn_gate *gate, const int64_t *uids, size_t n,
                   const struct mn_envelope *env);
/* A committed message of a group to those whom the plan names, on all loops. Any thread. */
void mn_push_group(struct mn_gate *gate, struct mn_op *op, const struct mn_fanout_plan *plan);

/* ---- on the loop, to one live session; `frame` is shared, and NULL when there was no memory ---- */

/* A stored message: what cannot be sent now is resent. */
void mn_push_shared(struct mn_conn *conn, struct mn_place at, struct mn_chunk *frame);
/* That there is a message: when it cannot be told, the message itself is resent. */
void mn_push_notice(struct mn_conn *conn, struct mn_chunk *frame);

#endif
