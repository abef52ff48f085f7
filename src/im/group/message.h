/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_GROUP_MESSAGE_H
#define MN_IM_GROUP_MESSAGE_H

#include "im/group/roster.h"
#include "im/message.h"

/*
 * What a message to a group may be, and whom it addresses (W-3.6, W-9.3): in
 * two steps, as who is in the group may have to be read in between.
 *
 *   mn_group_message()   by the frame alone: is it one?
 *   mn_group_admit()     by the roster: may he, and who is meant?
 */

/* Entries of `mentions`, users or not. */
#define MN_MENTIONS_MAX 1000

/*
 * GROUP_CHAT of the user `from`.  Without `op` the answer is ret->reason.
 * With one it is for mn_group_admit(), and a reason that stands beside it is
 * the answer for a member only: who is none learns that first.  Any thread.
 */
void mn_group_message(const struct mn_message_rules *rules, int64_t from,
                      const struct mn_envelope *env, int64_t unix_ms, struct mn_message *ret);
/*
 * MN_REASON_NONE: he may send it, and it addresses exactly whom it should.
 * `answered` is the message op->reply_to, or NULL: there is none.  Any
 * thread, with nobody else at the operation.
 */
enum mn_reason mn_group_admit(struct mn_op *op, const struct mn_roster *roster,
                              const struct mn_msg_ref *answered);

#endif
