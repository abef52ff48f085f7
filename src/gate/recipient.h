/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_RECIPIENT_H
#define MN_GATE_RECIPIENT_H

#include "gate/session.h"

/*
 * Adds an append to the session's requests, where there is room for it: to
 * be submitted if its recipient is one to whom the sender may write (as the
 * settings want it), else answered with an error in its turn.
 */
void mn_recipient_check(struct mn_conn *conn, struct mn_op *take_op);

#endif
