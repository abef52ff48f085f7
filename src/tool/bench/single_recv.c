/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes to the pairs of single.c: answers to senders, messages to
 * receivers, each entered in the conversation's ledger.  Thread: the one
 * that owns the pair.
 */
#include "tool/bench/group.h"
#include "tool/bench/recv.h"
#include "tool/bench/single.h"

static void take_answer(struct load_thread *th, struct bench_pair *pair, const struct wire_in *in,
                        uint64_t now_ns)
{
    struct ledger_rec before = bench_recv_before(&pair->conv, in->counter);
    bool is_saved = in->kind == WIRE_SAVED;
    bool seq_differs = false;
    enum ledger_answer answer = is_saved
                                    ? ledger_saved(&pair->conv, in->counter, in->seq, &seq_differs)
                                    : ledger_refused(&pair->conv, in->counter);
    th->count.seq_mismatch += seq_differs;
    if (!bench_recv_answer(th, answer, is_saved, &before, &pair->inflight, now_ns))
        return;
    if (is_saved) {
        const struct ledger_line line = {.from = pair->sender->uid, .to = pair->receiver->uid};
        bench_recv_saved(th, line, pair->sender->index, in);
        th->count.expected++;
    }
    bench_single_top_up(th, pair, now_ns);
}

static void note_latency(struct load_thread *th, const struct bench_pair *pair,
                         const struct ledger_rec *rec, uint64_t now_ns)
{
    uint64_t response_ns = now_ns - rec->intended_ns;
    if (pair->impaired) {
        th->count.delivered_slow++;
        mn_hist_add(th->hist.slow_response, response_ns);
        return;
    }
    mn_hist_add(th->second, response_ns);
    if (rec->flags & LEDGER_SKEW)
        return;
    mn_hist_add(th->hist.response, response_ns);
    mn_hist_add(th->hist.service, now_ns - rec->sent_ns);
}

/* false: the connection takes no more; as with any client, the server sends the message again. */
static bool send_ack(struct load_thread *th, struct bench_pair *pair, enum wire_cursor cursor,
                     const struct wire_in *in, uint64_t now_ns)
{
    char *out = load_out_room(th, pair->receiver, WIRE_FRAME_MAX);
    if (!out)
        return false;
    load_out_commit(th, wire_ack(out, pair->receiver->mask, cursor, in->server_id,
                                 mn_str_make(pair->from, pair->from_len)));
    if (th->run->asks_receipts)
        bench_receipts_acked(th, pair, cursor, in, now_ns);
    return true;
}

static void acknowledge(struct load_thread *th, struct bench_pair *pair, const struct wire_in *in,
                        uint64_t now_ns)
{
    if (th->run->opts->no_ack || in->server_id.n == 0 || in->server_id.n > WIRE_SERVER_ID_MAX)
        return;
    if (!send_ack(th, pair, WIRE_DELIVERED, in, now_ns))
        return;
    th->count.acks_sent++;
    ledger_acked(&pair->conv, in->seq, now_ns);
    if (bench_single_is_picked(in->counter, th->run->read_pct) &&
        send_ack(th, pair, WIRE_READ, in, now_ns))
        th->count.reads_sent++;
}

static void take_chat(struct load_thread *th, struct bench_pair *pair, const struct wire_in *in,
                      uint64_t now_ns)
{
    struct ledger_rec rec;
    bool seq_differs = false;
    th->count.corrupt += !in->body_ok;
    enum ledger_verdict verdict = ledger_delivered(&pair->conv, in->counter, in->seq, in->resent,
                                                   &rec, &seq_differs);
    th->count.seq_mismatch += seq_differs;
    if (verdict == LEDGER_FIRST_LATE && in->resent)
        th->count.reordered_resend++;
    else if (verdict == LEDGER_FIRST_LATE)
        th->count.reordered++;
    if (bench_recv_copy(th, verdict, in->resent))
        note_latency(th, pair, &rec, now_ns);
    acknowledge(th, pair, in, now_ns);
}

void bench_single_on_frame(struct load_thread *th, struct load_conn *conn, const struct wire_in *in,
                           uint64_t now_ns)
{
    struct bench_pair *pair = conn->user;
    if (th->groups && (in->kind == WIRE_GROUP_CHAT || in->kind == WIRE_GROUP_NOTIFY ||
                       (in->ours && in->sender & BENCH_GROUP_SENDER_BIT))) {
        bench_group_on_frame(th, conn, in, now_ns);
        return;
    }
    if (in->kind == WIRE_RECEIPT) {
        th->count.receipts++;
        if (th->run->asks_receipts)
            bench_receipts_came(th, pair, conn, in, now_ns);
    }
    if (in->kind == WIRE_CHAT && !in->ours)
        th->count.foreign++;
    if (!in->ours)
        return;
    bool is_answer = in->kind == WIRE_SAVED || in->kind == WIRE_ERROR;
    struct load_conn *expected = is_answer ? pair->sender : pair->receiver;
    if (in->sender != pair->sender->index || conn != expected)
        th->count.misrouted++;
    else if (is_answer)
        take_answer(th, pair, in, now_ns);
    else if (in->kind == WIRE_CHAT)
        take_chat(th, pair, in, now_ns);
}
