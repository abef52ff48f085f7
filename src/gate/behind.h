/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_BEHIND_H
#define MN_GATE_BEHIND_H

#include <stdbool.h>

#include "store/log/msglog.h"

/*
 * Something that is to happen behind all that the writer was given, or had
 * committed, before: it travels through the writer as a MN_OP_BARRIER, so
 * what on_commit() posts for those comes first.
 * Part of a struct of the caller's, whom it belongs to again when run.
 */
struct mn_behind {
    void (*run)(struct mn_behind *behind); /* on the writer's thread: must not block */
};

/* The operation for it, reserved, to be submitted; NULL: no room or no memory. */
struct mn_op *mn_behind_op(struct mn_msglog *log, struct mn_behind *behind);
/* The same, submitted; false: no room or no memory. Any thread. */
bool mn_behind_submit(struct mn_msglog *log, struct mn_behind *behind);
/* The MN_OP_BARRIER came back, or will never be submitted. */
void mn_behind_done(const struct mn_op *op);

#endif
