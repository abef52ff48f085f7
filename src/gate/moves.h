/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_MOVES_H
#define MN_GATE_MOVES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/log/msglog.h"

/*
 * Cursor moves of a session on their way through the writer, which has no
 * answer to give: a resend must not read the cursors before the ACKs that
 * came ahead of it are in them.  Shared by the session and those operations.
 */
struct mn_moves {
    _Atomic int refs;
    _Atomic uint32_t done; /* moves that the writer has given back */
};

/* One reference, the session's. */
struct mn_moves *mn_moves_new(void);
/* NULL is a no-op. */
void mn_moves_unref(struct mn_moves *moves);
/* Makes the MN_OP_CURSOR, which is about to be submitted, one of them. */
void mn_moves_add(struct mn_moves *moves, struct mn_op *op);
/* The writer is done with the MN_OP_CURSOR, or will never see it. Any thread. Nothing for others. */
void mn_moves_done(const struct mn_op *op);
/* Whether the first `sent` of them have been through the writer; NULL has none. */
bool mn_moves_are_in(const struct mn_moves *moves, uint32_t sent);

#endif
