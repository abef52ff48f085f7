/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger of a group, see ledger_group.h.  Pure: no I/O, no clock.  Owner: one load thread.
 * Invariants: a message whose flags have LEDGER_LIVE has come to all whom it
 * has to reach, and has no bits; the ring of `seen` has room for whatever is
 * in the conversation's window.
 */
#include "tool/ledger/ledger_group.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tool/kit/ring.h"

#define RING_FIRST 8

void ledger_group_init(struct ledger_group *group, uint32_t members, uint32_t senders)
{
    MN_BUG_ON(members == 0 || senders == 0 || senders > members);
    *group = (struct ledger_group){.members = members, .senders = senders};
    group->sender = mn_alloc_array(senders, sizeof *group->sender);
    group->member = mn_alloc_array(members, sizeof *group->member);
    group->last = mn_alloc_array((size_t)members * senders, sizeof *group->last);
    ledger_group_begin(group);
}

void ledger_group_begin(struct ledger_group *group)
{
    group->watched = group->ranked = 0;
    for (uint32_t m = 0; m < group->members; m++) {
        group->watched += group->member[m].kind != LEDGER_MEMBER_IGNORED;
        group->ranked += group->member[m].kind == LEDGER_MEMBER_WATCHED;
    }
}

static struct ledger_seen *seen_at(const struct ledger_sender *sender, uint32_t counter)
{
    return &sender->seen[counter & (sender->seen_cap - 1)];
}

/* ---- bits ---- */

static size_t words(const struct ledger_group *group) { return (group->members + 63) / 64; }

static uint64_t *take_bits(struct ledger_group *group)
{
    uint64_t *bits = group->spare;
    if (!bits)
        return mn_alloc_array(words(group) + 1, sizeof *bits);
    group->spare = (uint64_t *)(uintptr_t)bits[0];
    memset(bits, 0, words(group) * sizeof *bits);
    return bits;
}

static void give_bits(struct ledger_group *group, struct ledger_seen *seen)
{
    if (!seen->bits)
        return;
    seen->bits[0] = (uint64_t)(uintptr_t)group->spare;
    group->spare = seen->bits;
    seen->bits = NULL;
}

/* false: he had it. */
static bool set_bit(struct ledger_group *group, struct ledger_seen *seen, uint32_t member)
{
    if (!seen->bits)
        seen->bits = take_bits(group);
    uint64_t mask = UINT64_C(1) << (member % 64);
    bool is_new = !(seen->bits[member / 64] & mask);
    seen->bits[member / 64] |= mask;
    return is_new;
}

void ledger_group_deinit(struct ledger_group *group)
{
    for (uint32_t s = 0; s < group->senders; s++) {
        struct ledger_sender *sender = &group->sender[s];
        for (uint32_t i = sender->conv.head; i != sender->conv.tail; i++)
            mn_free(seen_at(sender, i)->bits);
        mn_free(sender->seen);
        ledger_deinit(&sender->conv);
    }
    while (group->spare) {
        uint64_t *bits = group->spare;
        group->spare = (uint64_t *)(uintptr_t)bits[0];
        mn_free(bits);
    }
    mn_free(group->sender);
    mn_free(group->member);
    mn_free(group->last);
    *group = (struct ledger_group){.members = 0};
}

/* ---- sending ---- */

uint32_t ledger_group_expected(const struct ledger_group *group, uint32_t sender)
{
    return group->watched - (group->member[sender].kind != LEDGER_MEMBER_IGNORED);
}

static uint32_t ranks_of(const struct ledger_group *group, uint32_t sender)
{
    return group->ranked - (group->member[sender].kind == LEDGER_MEMBER_WATCHED);
}

uint32_t ledger_group_send(struct ledger_group *group, uint32_t s, uint64_t intended_ns,
                           uint64_t sent_ns, uint32_t flags)
{
    struct ledger_sender *sender = &group->sender[s];
    struct ledger_conv *conv = &sender->conv;
    if (conv->tail - conv->head == sender->seen_cap)
        sender->seen = ring_grow(sender->seen, sizeof *sender->seen, RING_FIRST, conv->head,
                                 conv->tail, &sender->seen_cap);
    if (ledger_group_expected(group, s) == 0)
        flags |= LEDGER_LIVE; /* there is nobody whom it could reach */
    uint32_t counter = ledger_send(conv, intended_ns, sent_ns, flags);
    *seen_at(sender, counter) = (struct ledger_seen){.bits = NULL};
    return counter;
}

/* Notes the msgSeq of a message once, of whatever told it first. */
static void learn_seq(struct ledger_group *group, const struct ledger_rec *rec, int64_t seq)
{
    if (!rec || rec->seq != 0 || seq <= 0)
        return;
    group->known_seqs++;
    if (group->min_seq == 0 || seq < group->min_seq)
        group->min_seq = seq;
    if (seq > group->max_seq)
        group->max_seq = seq;
}

enum ledger_answer ledger_group_saved(struct ledger_group *group, uint32_t s, uint32_t counter,
                                      int64_t seq, bool *ret_seq_differs)
{
    struct ledger_conv *conv = &group->sender[s].conv;
    learn_seq(group, ledger_find(conv, counter), seq);
    return ledger_saved(conv, counter, seq, ret_seq_differs);
}

enum ledger_answer ledger_group_refused(struct ledger_group *group, uint32_t s, uint32_t counter)
{
    struct ledger_sender *sender = &group->sender[s];
    if (ledger_find(&sender->conv, counter))
        give_bits(group, seen_at(sender, counter));
    return ledger_refused(&sender->conv, counter);
}

/* ---- delivery ---- */

/* As in a chat of two: live copies in order among themselves, resent ones too (W-8.2.2). */
static void note_order(struct ledger_group *group, uint32_t m, uint32_t s, uint32_t counter,
                       bool resent, struct ledger_delivery *ret, int64_t seq)
{
    struct ledger_member *member = &group->member[m];
    int64_t *last_seq = resent ? &member->last_resent_seq : &member->last_live_seq;
    ret->late_seq = seq <= *last_seq; /* two messages of a group have two numbers */
    if (!ret->late_seq)
        *last_seq = seq;
    if (resent)
        return;
    uint32_t *last = &group->last[(size_t)m * group->senders + s];
    ret->late_sender = counter + 1 < *last;
    if (!ret->late_sender)
        *last = counter + 1;
}

/* The first copy of a member. */
static void take_first(struct ledger_group *group, uint32_t m, uint32_t s, struct ledger_rec *rec,
                       struct ledger_seen *seen, struct ledger_delivery *ret)
{
    ret->intended_ns = rec->intended_ns;
    ret->sent_ns = rec->sent_ns;
    ret->flags = rec->flags;
    ret->ranks = ranks_of(group, s);
    if (group->member[m].kind == LEDGER_MEMBER_WATCHED)
        ret->rank = ++seen->ranked;
    if (++seen->delivered < ledger_group_expected(group, s))
        return;
    rec->flags |= LEDGER_LIVE;
    give_bits(group, seen);
}

void ledger_group_delivered(struct ledger_group *group, uint32_t m, uint32_t s, uint32_t counter,
                            int64_t seq, bool resent, struct ledger_delivery *ret)
{
    struct ledger_sender *sender = &group->sender[s];
    const struct ledger_acks *acks = &group->member[m].acks;
    *ret = (struct ledger_delivery){.verdict = LEDGER_PHANTOM};
    if (counter >= sender->conv.tail)
        return;
    struct ledger_rec *rec = ledger_find(&sender->conv, counter);
    if (rec && rec->flags & LEDGER_REFUSED)
        return;
    if (rec) {
        ret->seq_differs = seq > 0 && rec->seq != 0 && rec->seq != seq;
        learn_seq(group, rec, seq);
        if (rec->seq == 0 && seq > 0)
            rec->seq = seq;
    }
    if (!rec || rec->flags & LEDGER_LIVE || !set_bit(group, seen_at(sender, counter), m)) {
        ret->verdict = ledger_judge_copy(acks, seq, resent);
        return;
    }
    take_first(group, m, s, rec, seen_at(sender, counter), ret);
    note_order(group, m, s, counter, resent, ret, seq);
    ledger_trim(&sender->conv);
    ret->verdict = ret->late_seq || ret->late_sender ? LEDGER_FIRST_LATE : LEDGER_FIRST;
}

/* ---- what is open ---- */

static void add_open(struct ledger_group_open *open, const struct ledger_group *group, uint32_t s,
                     uint32_t counter)
{
    struct ledger_sender *sender = &group->sender[s];
    const struct ledger_rec *rec = ledger_find(&sender->conv, counter);
    const struct ledger_seen *seen = seen_at(sender, counter);
    if (rec->flags & LEDGER_REFUSED)
        return;
    if (!(rec->flags & LEDGER_SAVED)) {
        open->unknown++;
        open->unknown_delivered += seen->delivered;
        return;
    }
    uint32_t missing = ledger_group_expected(group, s) - seen->delivered;
    open->lost += missing;
    open->lost_normal += ranks_of(group, s) - seen->ranked;
    open->lost_stored += rec->flags & LEDGER_FOUND ? missing : 0;
}

struct ledger_group_open ledger_group_open(const struct ledger_group *group)
{
    struct ledger_group_open open = {.messages = ledger_group_pending(group)};
    for (uint32_t s = 0; s < group->senders; s++)
        for (uint32_t i = group->sender[s].conv.head; i != group->sender[s].conv.tail; i++)
            add_open(&open, group, s, i);
    return open;
}

uint64_t ledger_group_pending(const struct ledger_group *group)
{
    uint64_t n = 0;
    for (uint32_t s = 0; s < group->senders; s++)
        n += ledger_open(&group->sender[s].conv);
    return n;
}

uint64_t ledger_group_gaps(const struct ledger_group *group)
{
    if (group->known_seqs == 0)
        return 0;
    uint64_t span = (uint64_t)(group->max_seq - group->min_seq) + 1;
    return span > group->known_seqs ? span - group->known_seqs : 0;
}
