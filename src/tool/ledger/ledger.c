/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-conversation ledger, see ledger.h.  Pure: no I/O, no clock.  Owner: one load thread.
 * Invariants: head <= tail, tail - head <= cap; every counter below head is settled, that is
 * saved and delivered, or refused; a counter is entered once.
 */
#include "tool/ledger/ledger.h"

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "tool/kit/ring.h"

#define RING_FIRST 8

void ledger_deinit(struct ledger_conv *conv)
{
    mn_free(conv->ring);
    conv->ring = NULL;
    conv->cap = 0;
    conv->head = conv->tail;
}

static struct ledger_rec *at(const struct ledger_conv *conv, uint32_t counter)
{
    return &conv->ring[counter & (conv->cap - 1)];
}

bool ledger_has_room(const struct ledger_conv *conv)
{
    return conv->tail - conv->head < LEDGER_WINDOW_MAX && conv->tail < UINT32_MAX;
}

uint32_t ledger_send(struct ledger_conv *conv, uint64_t intended_ns, uint64_t sent_ns,
                     uint32_t flags)
{
    MN_BUG_ON(!ledger_has_room(conv));
    if (conv->tail - conv->head == conv->cap)
        conv->ring = ring_grow(conv->ring, sizeof *conv->ring, RING_FIRST, conv->head, conv->tail,
                               &conv->cap);
    uint32_t counter = conv->tail++;
    *at(conv, counter) = (struct ledger_rec){
        .intended_ns = intended_ns, .sent_ns = sent_ns, .flags = flags};
    return counter;
}

struct ledger_rec *ledger_find(struct ledger_conv *conv, uint32_t counter)
{
    if (counter < conv->head || counter >= conv->tail)
        return NULL;
    return at(conv, counter);
}

static bool is_settled(const struct ledger_rec *rec)
{
    if (rec->flags & LEDGER_REFUSED)
        return true;
    return (rec->flags & LEDGER_SAVED) && (rec->flags & (LEDGER_LIVE | LEDGER_RESENT));
}

void ledger_trim(struct ledger_conv *conv)
{
    while (conv->head < conv->tail && is_settled(at(conv, conv->head)))
        conv->head++;
}

/* Notes the msgSeq of a message; false when another one was known. */
static bool learn_seq(struct ledger_conv *conv, struct ledger_rec *rec, int64_t seq)
{
    if (seq <= 0)
        return true;
    if (rec->seq != 0)
        return rec->seq == seq;
    rec->seq = seq;
    conv->known_seqs++;
    if (conv->min_seq == 0 || seq < conv->min_seq)
        conv->min_seq = seq;
    if (seq > conv->max_seq)
        conv->max_seq = seq;
    return true;
}

static enum ledger_answer answer(struct ledger_conv *conv, uint32_t counter, uint32_t flag,
                                 int64_t seq, bool *ret_seq_differs)
{
    *ret_seq_differs = false;
    if (counter >= conv->tail)
        return LEDGER_ANSWER_PHANTOM;
    struct ledger_rec *rec = ledger_find(conv, counter);
    if (!rec)
        return LEDGER_ANSWER_AGAIN;
    *ret_seq_differs = !learn_seq(conv, rec, seq);
    if (rec->flags & (LEDGER_SAVED | LEDGER_REFUSED))
        return LEDGER_ANSWER_AGAIN;
    bool late = rec->flags & LEDGER_UNKNOWN;
    rec->flags = (rec->flags & ~(uint32_t)LEDGER_UNKNOWN) | flag;
    ledger_trim(conv);
    return late ? LEDGER_ANSWER_LATE : LEDGER_ANSWER_FIRST;
}

enum ledger_answer ledger_saved(struct ledger_conv *conv, uint32_t counter, int64_t seq,
                                bool *ret_seq_differs)
{
    return answer(conv, counter, LEDGER_SAVED, seq, ret_seq_differs);
}

enum ledger_answer ledger_refused(struct ledger_conv *conv, uint32_t counter)
{
    bool ignored;
    return answer(conv, counter, LEDGER_REFUSED, 0, &ignored);
}

/* A resend explains it unless it was acknowledged a while ago. */
enum ledger_verdict ledger_judge_copy(const struct ledger_acks *acks, int64_t seq, bool resent)
{
    return resent && seq > acks->acked_seq ? LEDGER_REDELIVERED : LEDGER_DUP;
}

/*
 * Live copies are in order among themselves, resent ones too; a resend may
 * run while live ones come (W-8.2.2), so the two are not compared.
 */
static bool note_order(struct ledger_conv *conv, uint32_t counter, int64_t seq, bool resent)
{
    int64_t *last_seq = resent ? &conv->last_resent_seq : &conv->last_live_seq;
    bool late = seq < *last_seq;
    if (!late)
        *last_seq = seq;
    if (resent)
        return late;
    if (counter + 1 < conv->last_live)
        return true;
    conv->last_live = counter + 1;
    return late;
}

enum ledger_verdict ledger_delivered(struct ledger_conv *conv, uint32_t counter, int64_t seq,
                                     bool resent, struct ledger_rec *ret_rec, bool *ret_seq_differs)
{
    *ret_seq_differs = false;
    if (counter >= conv->tail)
        return LEDGER_PHANTOM;
    struct ledger_rec *rec = ledger_find(conv, counter);
    if (!rec)
        return ledger_judge_copy(&conv->acks, seq, resent);
    if (rec->flags & LEDGER_REFUSED)
        return LEDGER_PHANTOM;
    *ret_seq_differs = !learn_seq(conv, rec, seq);
    if (rec->flags & (LEDGER_LIVE | LEDGER_RESENT))
        return ledger_judge_copy(&conv->acks, seq, resent);
    rec->flags |= resent ? LEDGER_RESENT : LEDGER_LIVE;
    *ret_rec = *rec;
    bool late = note_order(conv, counter, seq, resent);
    ledger_trim(conv);
    return late ? LEDGER_FIRST_LATE : LEDGER_FIRST;
}

void ledger_acks_add(struct ledger_acks *acks, int64_t seq, uint64_t now_ns)
{
    if (now_ns - acks->acking_ns >= LEDGER_ACK_SETTLE_NS) {
        acks->acked_seq = acks->aging_seq;
        acks->aging_seq = acks->acking_seq;
        acks->acking_ns = now_ns;
    }
    if (seq > acks->acking_seq)
        acks->acking_seq = seq;
}

void ledger_acks_cut(struct ledger_acks *acks)
{
    acks->aging_seq = acks->acked_seq;
    acks->acking_seq = acks->acked_seq;
}

void ledger_acked(struct ledger_conv *conv, int64_t seq, uint64_t now_ns)
{
    ledger_acks_add(&conv->acks, seq, now_ns);
}

void ledger_ack_cut(struct ledger_conv *conv) { ledger_acks_cut(&conv->acks); }

uint32_t ledger_expire(struct ledger_conv *conv, uint64_t before_ns)
{
    uint32_t expired = 0;
    uint32_t i = conv->expire_next > conv->head ? conv->expire_next : conv->head;
    for (; i != conv->tail; i++) {
        struct ledger_rec *rec = at(conv, i);
        if (rec->sent_ns >= before_ns)
            break;
        if (rec->flags & (LEDGER_SAVED | LEDGER_REFUSED | LEDGER_UNKNOWN))
            continue;
        rec->flags |= LEDGER_UNKNOWN;
        expired++;
    }
    conv->expire_next = i;
    return expired;
}

bool ledger_next_unknown(struct ledger_conv *conv, uint32_t *counter)
{
    uint32_t i = *counter > conv->head ? *counter : conv->head;
    for (; i < conv->tail; i++) {
        if (at(conv, i)->flags & LEDGER_UNKNOWN) {
            *counter = i;
            return true;
        }
    }
    return false;
}

void ledger_retry(struct ledger_conv *conv, uint32_t counter)
{
    at(conv, counter)->flags &= ~(uint32_t)LEDGER_UNKNOWN;
    if (conv->expire_next > counter)
        conv->expire_next = counter;
}

uint64_t ledger_gaps(const struct ledger_conv *conv)
{
    if (conv->known_seqs == 0)
        return 0;
    uint64_t span = (uint64_t)(conv->max_seq - conv->min_seq) + 1;
    return span > conv->known_seqs ? span - conv->known_seqs : 0;
}
