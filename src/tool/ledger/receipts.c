/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acknowledgements and their receipts, see receipts.h.  Pure: no I/O, no
 * clock.  Owner: one load thread.
 * Invariants: a ring is ascending by msgSeq; nothing in it is at or below
 * what the receipts so far cover once receipts_take() has said false.
 */
#include "tool/ledger/receipts.h"

#include <stddef.h>

#include "base/mem.h"
#include "tool/kit/ring.h"

#define RING_FIRST 8

void receipts_deinit(struct receipts *receipts)
{
    for (int c = 0; c < WIRE_CURSOR_COUNT; c++) {
        mn_free(receipts->lane[c].ring);
        receipts->lane[c] = (struct receipts_lane){.ring = NULL};
    }
}

static struct receipts_ack *at(const struct receipts_lane *lane, uint32_t i)
{
    return &lane->ring[i & (lane->cap - 1)];
}

/* Highest msgSeq of a kind that a receipt has told of. */
static int64_t covered_seq(const struct receipts *receipts, enum wire_cursor cursor)
{
    int64_t seq = receipts->lane[cursor].last_seq;
    int64_t read = receipts->lane[WIRE_READ].last_seq;
    return read > seq ? read : seq;
}

void receipts_acked(struct receipts *receipts, enum wire_cursor cursor,
                    const struct receipts_ack *ack)
{
    struct receipts_lane *lane = &receipts->lane[cursor];
    if (ack->seq <= lane->acked_seq)
        return;
    if (covered_seq(receipts, cursor) >= lane->acked_seq)
        lane->untracked = 0;
    lane->acked_seq = lane->sure_seq = ack->seq;
    if (lane->tail - lane->head == RECEIPTS_OPEN_MAX) {
        lane->untracked++;
        return;
    }
    if (lane->tail - lane->head == lane->cap)
        lane->ring = ring_grow(lane->ring, sizeof *lane->ring, RING_FIRST, lane->head, lane->tail,
                               &lane->cap);
    *at(lane, lane->tail++) = *ack;
}

/* Whether an open acknowledgement of this msgSeq is of another message. */
static bool names_another(const struct receipts_lane *lane, int64_t seq, int64_t id)
{
    uint32_t low = lane->head, high = lane->tail;
    while (low != high) {
        uint32_t mid = low + (high - low) / 2;
        if (at(lane, mid)->seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low != lane->tail && at(lane, low)->seq == seq && at(lane, low)->id != id;
}

enum receipts_verdict receipts_came(struct receipts *receipts, enum wire_cursor cursor, int64_t seq,
                                    int64_t id)
{
    struct receipts_lane *lane = &receipts->lane[cursor];
    if (seq < 1 || seq > lane->acked_seq || names_another(lane, seq, id))
        return RECEIPTS_UNASKED;
    int64_t covered = covered_seq(receipts, cursor);
    if (seq <= covered)
        return seq == covered ? RECEIPTS_REPEATED : RECEIPTS_BACKWARD;
    lane->last_seq = seq;
    return RECEIPTS_GOOD;
}

bool receipts_take(struct receipts *receipts, enum wire_cursor cursor, struct receipts_ack *ret)
{
    struct receipts_lane *lane = &receipts->lane[cursor];
    if (lane->head == lane->tail || at(lane, lane->head)->seq > covered_seq(receipts, cursor))
        return false;
    *ret = *at(lane, lane->head++);
    return true;
}

uint64_t receipts_cut(struct receipts *receipts)
{
    uint64_t cut = 0;
    for (int c = 0; c < WIRE_CURSOR_COUNT; c++) {
        struct receipts_lane *lane = &receipts->lane[c];
        cut += receipts_open(receipts, (enum wire_cursor)c);
        lane->head = lane->tail;
        lane->untracked = 0;
        lane->sure_seq = covered_seq(receipts, (enum wire_cursor)c);
    }
    return cut;
}

uint64_t receipts_open(const struct receipts *receipts, enum wire_cursor cursor)
{
    const struct receipts_lane *lane = &receipts->lane[cursor];
    if (covered_seq(receipts, cursor) >= lane->acked_seq)
        return 0;
    return lane->tail - lane->head + lane->untracked;
}

int64_t receipts_sure(const struct receipts *receipts, enum wire_cursor cursor)
{
    return receipts->lane[cursor].sure_seq;
}
