/* SPDX-License-Identifier: Apache-2.0 */
/* Through the writer and back: see behind.h. */
#include "gate/behind.h"

struct mn_op *mn_behind_op(struct mn_msglog *log, struct mn_behind *behind)
{
    struct mn_op *op = mn_op_new(MN_OP_BARRIER, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    if (op && mn_msglog_reserve(log, op->bytes)) {
        op->who = (uint64_t)(uintptr_t)behind;
        return op;
    }
    if (op)
        mn_op_unref(op);
    return NULL;
}

bool mn_behind_submit(struct mn_msglog *log, struct mn_behind *behind)
{
    struct mn_op *op = mn_behind_op(log, behind);
    if (op)
        mn_msglog_submit(log, op);
    return op != NULL;
}

void mn_behind_done(const struct mn_op *op)
{
    struct mn_behind *behind = (struct mn_behind *)(uintptr_t)op->who;
    behind->run(behind);
}
