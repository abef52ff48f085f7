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
#include "base/err.h"

enum { SEQ_BITS = 12, NODE_BITS = 10, SEQ_MASK = (1 << SEQ_BITS) - 1 };

void mn_idgen_init(struct mn_idgen *gen, unsigned datacenter, unsigned worker)
{
    atomic_init(&gen->last, 0);
    gen->node = (uint64_t)(datacenter & 31) << 17 | (uint64_t)(worker & 31) << 12;
    gen->unix_ms = mn_unix_ms;
    gen->on_refusal = NULL;
    gen->ctx = NULL;
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

static int64_t refuse(struct mn_idgen *gen, int64_t unix_ms)
{
    if (gen->on_refusal)
        gen->on_refusal(gen->ctx, unix_ms);
    return 0;
}

static bool is_in_range(int64_t unix_ms)
{
    return unix_ms < MN_ID_EPOCH_MS || (unix_ms - MN_ID_EPOCH_MS) >> MN_ID_MS_BITS == 0;
}

bool mn_idgen_is_open(struct mn_idgen *gen)
{
    int64_t unix_ms = gen->unix_ms();

    return is_in_range(unix_ms) || refuse(gen, unix_ms) != 0;
}

int64_t mn_idgen_next(struct mn_idgen *gen)
{
    int64_t unix_ms = gen->unix_ms();
    uint64_t now = unix_ms > MN_ID_EPOCH_MS ? (uint64_t)(unix_ms - MN_ID_EPOCH_MS) << SEQ_BITS : 0;
    uint64_t last = atomic_load_explicit(&gen->last, memory_order_relaxed), next;

    if (MN_UNLIKELY(!is_in_range(unix_ms)))
        return refuse(gen, unix_ms);
    do {
        next = now > last ? now : last + 1;
        if (MN_UNLIKELY(next >> SEQ_BITS >> MN_ID_MS_BITS))
            return refuse(gen, unix_ms); /* the greatest stored id was the last there is */
    } while (!atomic_compare_exchange_weak_explicit(&gen->last, &last, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return (int64_t)(next >> SEQ_BITS << (SEQ_BITS + NODE_BITS) | gen->node | (next & SEQ_MASK));
}

int64_t mn_id_at(int64_t unix_ms)
{
    int64_t ms = unix_ms - MN_ID_EPOCH_MS;
    if (unix_ms < MN_ID_EPOCH_MS || ms >> MN_ID_MS_BITS != 0)
        return 0;
    return ms << (SEQ_BITS + NODE_BITS);
}

int64_t mn_id_unix_ms(int64_t id)
{
    return (int64_t)((uint64_t)id >> (SEQ_BITS + NODE_BITS)) + MN_ID_EPOCH_MS;
}
