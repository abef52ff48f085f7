/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench ack`: receivers acknowledge delivery at once, and reading right
 * behind it; here the acknowledgements are followed to the receipts that
 * their senders get (receipts.h).  Thread: the one that owns the pair; the
 * finish is the main thread's, after the threads have ended.
 *
 * Timed is what was acknowledged in the steady phase, from handing the ACK
 * to the connection to reading the receipt that covers it.
 */
#include "base/num.h"
#include "tool/bench/bench.h"
#include "tool/bench/cursors.h"
#include "tool/bench/single.h"

void bench_receipts_acked(struct load_thread *th, struct bench_pair *pair, enum wire_cursor cursor,
                          const struct wire_in *in, uint64_t now_ns)
{
    struct receipts_ack ack = {.seq = in->seq, .sent_ns = now_ns, .skew = th->phase != LOAD_STEADY};
    mn_ignore(mn_parse_i64(in->server_id, 1, INT64_MAX, &ack.id));
    receipts_acked(&pair->receipts, cursor, &ack);
    /* Receipts are not kept for a sender that is away (8.5). */
    if (pair->sender->state != LOAD_CONN_READY)
        th->count.receipts_cut += receipts_cut(&pair->receipts);
    if (cursor == WIRE_READ && pair->watched)
        bench_cursors_acked(th->run->cursors, pair, in->seq, now_ns);
}

/* What the receipts so far cover of one kind. */
static void take_covered(struct bench_pair *pair, enum wire_cursor cursor, struct mn_hist *hist,
                         uint64_t now_ns)
{
    struct receipts_ack ack;
    while (receipts_take(&pair->receipts, cursor, &ack))
        if (!ack.skew)
            mn_hist_add(hist, now_ns - ack.sent_ns);
}

void bench_receipts_came(struct load_thread *th, struct bench_pair *pair,
                         const struct load_conn *conn, const struct wire_in *in, uint64_t now_ns)
{
    int64_t id = 0;
    mn_ignore(mn_parse_i64(in->server_id, 1, INT64_MAX, &id));
    if (conn != pair->sender || in->from != pair->receiver->uid) {
        th->count.receipts_unasked++;
        return;
    }
    switch (receipts_came(&pair->receipts, in->cursor, in->seq, id)) {
    case RECEIPTS_GOOD:
        th->count.receipts_delivered += in->cursor == WIRE_DELIVERED;
        th->count.receipts_read += in->cursor == WIRE_READ;
        take_covered(pair, WIRE_DELIVERED, th->hist.receipt, now_ns);
        take_covered(pair, WIRE_READ, th->hist.read_receipt, now_ns);
        break;
    case RECEIPTS_REPEATED:
        th->count.receipts_repeated++;
        break;
    case RECEIPTS_BACKWARD:
        th->count.receipts_backward++;
        break;
    case RECEIPTS_UNASKED:
        th->count.receipts_unasked++;
        break;
    }
}

uint64_t bench_receipts_open(const struct bench_pair *pair)
{
    return receipts_open(&pair->receipts, WIRE_DELIVERED) +
           receipts_open(&pair->receipts, WIRE_READ);
}

void bench_receipts_finish(struct bench *bench)
{
    bench->receipts.measured = true;
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        const struct load_thread *th = &bench->run.threads[t];
        for (uint32_t p = 0; p < th->pair_count; p++) {
            const struct receipts *receipts = &th->pairs[p].receipts;
            bench->receipts.missing += receipts_open(receipts, WIRE_DELIVERED);
            bench->receipts.missing_read += receipts_open(receipts, WIRE_READ);
        }
    }
}
