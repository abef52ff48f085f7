/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snowflake ids.  The whole state is one word, (milliseconds << 12 |
 * sequence) of the last id, so that "the next one" is: now, if that is
 * greater, else the last plus one.  The plus one carries into the
 * milliseconds by itself when a sequence is used up, and never looks back
 * when the wall clock does.  Lock-free, any thread.
 */
#include "base/id.h"

#include "base/clock.h"

enum { SEQ_BITS = 12, NODE_BITS = 10, SEQ_MASK = (1 << SEQ_BITS) - 1 };

void mn_idgen_init(struct mn_idgen *gen, unsigned datacenter, unsigned worker)
{
    atomic_init(&gen->last, 0);
    gen->node = (uint64_t)(datacenter & 31) << 17 | (uint64_t)(worker & 31) << 12;
}

static void raise_last(struct mn_idgen *gen, uint64_t least)
{
    uint64_t last = atomic_load_explicit(&gen->last, memory_order_relaxed);

    while (last < least &&
           !atomic_compare_exchange_weak_explicit(&gen->last, &last, least, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void mn_idgen_raise(struct mn_idgen *gen, int64_t floor)
{
    if (floor <= 0)
        return;
    /*
     * The node bits lie above the sequence: an id of the same millisecond
     * from a greater node is above any sequence of ours.  So the whole
     * millisecond counts as used.
     */
    raise_last(gen, (uint64_t)floor >> (SEQ_BITS + NODE_BITS) << SEQ_BITS | SEQ_MASK);
}

int64_t mn_idgen_next(struct mn_idgen *gen)
{
    int64_t ms = mn_unix_ms() - MN_ID_EPOCH_MS;
    uint64_t now = ms > 0 ? (uint64_t)ms << SEQ_BITS : 0;
    uint64_t last = atomic_load_explicit(&gen->last, memory_order_relaxed), next;

    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak_explicit(&gen->last, &last, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return (int64_t)(next >> SEQ_BITS << (SEQ_BITS + NODE_BITS) | gen->node | (next & SEQ_MASK));
}

int64_t mn_id_unix_ms(int64_t id)
{
    return (int64_t)((uint64_t)id >> (SEQ_BITS + NODE_BITS)) + MN_ID_EPOCH_MS;
}
