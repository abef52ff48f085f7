/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACKs of connections that have ended: see late_ack.h.  Through the writer, so
 * that the cursors are up to date, then on a worker, which looks whether there
 * is a hole before what was acknowledged.
 */
#include "gate/late_ack.h"

#include "base/mem.h"
#include "gate/behind.h"
#include "im/receipt.h"

struct late {
    struct mn_behind behind;
    struct mn_job job;
    struct mn_gate *gate;
    int64_t uid;
    unsigned count;
    struct mn_late_ack acks[];
};

static bool note_place(void *arg, const struct mn_msg *msg)
{
    *(struct mn_place *)arg = msg->at;
    return false;
}

/* Whether something that was not sent lies between the cursor and the message; also if unknown. */
static bool has_hole(const struct late *late, const struct mn_late_ack *ack)
{
    struct mn_place pos = {ack->ref.at.chat, 0}, next = {0, 0};
    bool done = false;
    if (ack->first <= 1)
        return false;
    if (mn_msglog_backlog(late->gate->msglog, late->uid, &pos, 1, SIZE_MAX, note_place, &next,
                          &done))
        return true;
    return next.chat == ack->ref.at.chat && next.seq < ack->first;
}

static void apply(const struct late *late, const struct mn_late_ack *ack)
{
    struct mn_msglog *log = late->gate->msglog;
    struct mn_op *op = mn_op_new(MN_OP_CURSOR, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    if (!op || !mn_msglog_reserve(log, op->bytes)) {
        if (op)
            mn_op_unref(op);
        return;
    }
    op->cursor = (uint8_t)ack->kind;
    mn_receipt_fill(op, &ack->ref, late->uid);
    mn_msglog_submit(log, op);
}

static void run_job(struct mn_job *job, unsigned worker)
{
    (void)worker;
    struct late *late = mn_container_of(job, struct late, job);
    for (unsigned i = 0; i < late->count; i++)
        if (!has_hole(late, &late->acks[i]))
            apply(late, &late->acks[i]);
    mn_free(late);
}

static void run(struct mn_behind *behind)
{
    struct late *late = mn_container_of(behind, struct late, behind);
    late->job.run = run_job;
    if (mn_pool_submit(late->gate->pool, &late->job))
        mn_free(late);
}

void mn_late_acks(struct mn_gate_loop *gl, int64_t uid, const struct mn_late_ack *acks,
                  unsigned count)
{
    size_t bytes = count * sizeof(*acks);
    if (gl->gate->stopped) /* a task that was left over: nobody may ask the store */
        return;
    struct late *late = mn_try_alloc(sizeof(*late) + bytes);
    if (!late)
        return;
    late->behind.run = run;
    late->gate = gl->gate;
    late->uid = uid;
    late->count = count;
    memcpy(late->acks, acks, bytes);
    struct mn_op *op = mn_behind_op(gl->gate->msglog, &late->behind);
    if (op)
        mn_gate_submit(gl, op);
    else
        mn_free(late);
}
