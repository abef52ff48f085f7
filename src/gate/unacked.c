/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ring of deliveries that wait for their ACK: see unacked.h.  Clients mostly
 * acknowledge in order, so an ACK mostly finds its entry at the head; an
 * entry forgotten in the middle is marked (seq 0) and leaves with the head.
 */
#include "gate/unacked.h"

#include "base/err.h"
#include "base/mem.h"

struct mn_unacked_entry {
    int64_t chat;
    int64_t seq; /* 0: acknowledged already */
    uint64_t sent_ms;
    bool resent;
    bool kept; /* acknowledged, not to be sent again by the run under way */
};

static struct mn_unacked_entry *entry_at(const struct mn_unacked *unacked, unsigned i)
{
    return &unacked->ring[(unacked->head + i) & (unacked->cap - 1u)];
}

void mn_unacked_deinit(struct mn_unacked *unacked)
{
    mn_free(unacked->ring);
    *unacked = (struct mn_unacked){0};
}

static bool grow(struct mn_unacked *unacked)
{
    unsigned cap = unacked->cap ? unacked->cap * 2u : 8u;
    if (cap > MN_UNACKED_MAX)
        return false;
    struct mn_unacked_entry *ring = mn_try_alloc(cap * sizeof(*ring));
    if (!ring)
        return false;
    for (unsigned i = 0; i < unacked->count; i++)
        ring[i] = *entry_at(unacked, i);
    mn_free(unacked->ring);
    unacked->ring = ring;
    unacked->cap = (uint16_t)cap;
    unacked->head = 0;
    return true;
}

void mn_unacked_add(struct mn_unacked *unacked, int64_t chat, int64_t seq, uint64_t now_ms,
                    bool resent)
{
    if (unacked->count == unacked->cap && !grow(unacked))
        return;
    *entry_at(unacked, unacked->count) = (struct mn_unacked_entry){
        .chat = chat, .seq = seq, .sent_ms = now_ms, .resent = resent};
    unacked->count++;
    unacked->resent = (uint16_t)(unacked->resent + resent);
    MN_BUG_ON(unacked->resent > unacked->count);
}

static void pop_done(struct mn_unacked *unacked)
{
    while (unacked->count > 0 && entry_at(unacked, 0)->seq == 0) {
        unacked->head = (uint16_t)((unacked->head + 1u) & (unacked->cap - 1u));
        unacked->count--;
    }
    if (unacked->count == 0 && unacked->cap > 8)
        mn_unacked_deinit(unacked); /* a burst is over: give its memory back */
}

static void forget(struct mn_unacked *unacked, struct mn_unacked_entry *entry)
{
    entry->seq = 0;
    MN_BUG_ON(unacked->resent < entry->resent);
    unacked->resent = (uint16_t)(unacked->resent - entry->resent);
}

void mn_unacked_ack(struct mn_unacked *unacked, int64_t chat, int64_t seq)
{
    for (unsigned i = 0; i < unacked->count; i++) {
        struct mn_unacked_entry *entry = entry_at(unacked, i);
        if (entry->chat != chat || entry->seq == 0)
            continue;
        if (entry->seq > seq)
            continue; /* a live push can stand before the older ones that a resend brings */
        bool last = entry->seq == seq;
        forget(unacked, entry);
        if (last)
            break;
    }
    pop_done(unacked);
}

void mn_unacked_keep(struct mn_unacked *unacked, int64_t chat, int64_t seq)
{
    for (unsigned i = 0; i < unacked->count; i++) {
        struct mn_unacked_entry *entry = entry_at(unacked, i);
        if (entry->chat != chat || entry->seq != seq)
            continue;
        unacked->resent = (uint16_t)(unacked->resent - entry->resent);
        entry->resent = false;
        entry->kept = true;
        break;
    }
}

void mn_unacked_drop_kept(struct mn_unacked *unacked)
{
    for (unsigned i = 0; i < unacked->count; i++)
        if (entry_at(unacked, i)->kept)
            entry_at(unacked, i)->seq = 0;
    pop_done(unacked);
}

bool mn_unacked_has(const struct mn_unacked *unacked, int64_t chat, int64_t seq)
{
    for (unsigned i = 0; i < unacked->count; i++) {
        const struct mn_unacked_entry *entry = entry_at(unacked, i);
        if (entry->chat == chat && entry->seq == seq)
            return true;
    }
    return false;
}

void mn_unacked_expire(struct mn_unacked *unacked, uint64_t ms)
{
    for (unsigned i = 0; i < unacked->count && entry_at(unacked, i)->sent_ms < ms; i++) {
        struct mn_unacked_entry *entry = entry_at(unacked, i);
        if (entry->seq != 0 && !entry->kept)
            forget(unacked, entry);
    }
    pop_done(unacked);
}

uint64_t mn_unacked_oldest_ms(const struct mn_unacked *unacked)
{
    for (unsigned i = 0; i < unacked->count; i++)
        if (entry_at(unacked, i)->seq != 0 && !entry_at(unacked, i)->kept)
            return entry_at(unacked, i)->sent_ms;
    return 0;
}
