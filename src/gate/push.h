/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_PUSH_H
#define MN_GATE_PUSH_H

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

/*
 * The frame of a message to its recipient, live or resent: this is the one
 * place that composes it.  `msg_type` as the client wrote it, or as it is
 * stored; the envelope's texts are `msg`'s and `id_text`'s.  Any thread.
 */
void mn_push_envelope(struct mn_envelope *ret, char id_text[24], const struct mn_msg *msg,
                      int64_t to, struct mn_str msg_type);

#endif
