/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LEDGER_RECEIPTS_H
#define MN_TOOL_LEDGER_RECEIPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/load/wire.h"

/*
 * What became of the acknowledgements of one conversation
 * (W-8.4, W-8.5).  A receipt for msgSeq n stands for everything of its kind up to
 * n, and one for reading stands for delivery too, as the cursors do.
 * Owner: one load thread.
 */

/* An acknowledgement that no receipt has covered. */
struct receipts_ack {
    int64_t seq;
    int64_t id; /* serverMsgId */
    uint64_t sent_ns;
    bool skew; /* must not enter the latencies */
};

/* Acknowledgements of one kind; the oldest at head. */
struct receipts_lane {
    struct receipts_ack *ring;
    uint32_t cap; /* power of two or 0 */
    uint32_t head;
    uint32_t tail;
    int64_t acked_seq;  /* highest that was acknowledged */
    int64_t last_seq;   /* of the last good receipt */
    int64_t sure_seq;   /* acknowledged, and not cut off on its way */
    uint64_t untracked; /* acknowledged beyond the ring's limit: only counted */
};

struct receipts {
    /* private */
    struct receipts_lane lane[WIRE_CURSOR_COUNT];
};

/* Acknowledgements of a kind that may be open; more are counted, not timed. */
#define RECEIPTS_OPEN_MAX (UINT32_C(1) << 18)

void receipts_deinit(struct receipts *receipts);
/*
 * The receiver acknowledged.  What is not beyond an earlier acknowledgement
 * moves no cursor: no receipt is to be expected.
 */
void receipts_acked(struct receipts *receipts, enum wire_cursor cursor,
                    const struct receipts_ack *ack);

enum receipts_verdict {
    RECEIPTS_GOOD = 0,
    RECEIPTS_REPEATED, /* its msgSeq is the last that was told of: no cursor moved */
    RECEIPTS_BACKWARD, /* it is a lower one */
    RECEIPTS_UNASKED   /* nobody acknowledged that, or it names another message */
};
/* A receipt came.  After RECEIPTS_GOOD the caller takes what it covers, of both kinds. */
enum receipts_verdict receipts_came(struct receipts *receipts, enum wire_cursor cursor, int64_t seq,
                                    int64_t id);
/* The next acknowledgement of this kind that the receipts so far cover; false: no more. */
bool receipts_take(struct receipts *receipts, enum wire_cursor cursor, struct receipts_ack *ret);
/*
 * An end of the conversation went: receipts on their way may be lost with it
 * (8.5 promises none), so they are no longer waited for.  Returns how many.
 */
uint64_t receipts_cut(struct receipts *receipts);
/* Acknowledgements of a kind without a receipt. */
uint64_t receipts_open(const struct receipts *receipts, enum wire_cursor cursor);

/* msgSeq that the server's cursor must reach: acknowledged and not cut, or told of; 0: none. */
int64_t receipts_sure(const struct receipts *receipts, enum wire_cursor cursor);

#endif
