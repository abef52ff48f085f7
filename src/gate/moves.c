/* SPDX-License-Identifier: Apache-2.0 */
/* Cursor moves under way: see moves.h. */
#include "gate/moves.h"

#include "base/mem.h"

struct mn_moves *mn_moves_new(void)
{
    struct mn_moves *moves = mn_new(struct mn_moves);
    atomic_init(&moves->refs, 1);
    return moves;
}

void mn_moves_unref(struct mn_moves *moves)
{
    if (moves && atomic_fetch_sub(&moves->refs, 1) == 1)
        mn_free(moves);
}

void mn_moves_add(struct mn_moves *moves, struct mn_op *op)
{
    atomic_fetch_add(&moves->refs, 1);
    op->who = (uint64_t)(uintptr_t)moves;
}

void mn_moves_done(const struct mn_op *op)
{
    struct mn_moves *moves = (struct mn_moves *)(uintptr_t)op->who;
    if (!moves) /* of a connection that had ended */
        return;
    atomic_fetch_add(&moves->done, 1);
    mn_moves_unref(moves);
}

bool mn_moves_are_in(const struct mn_moves *moves, uint32_t sent)
{
    return !moves || (int32_t)(atomic_load(&moves->done) - sent) >= 0;
}
