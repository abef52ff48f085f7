/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes to the pairs of bench_single.c: answers to senders, messages to
 * receivers, each entered in the conversation's ledger.  Thread: the one
 * that owns the pair.
 */
#include "base/num.h"
#include "tool/bench/single.h"
#include "tool/ledger/ledger_file.h"

/* The first ACK(saved) of a message: from now on it must never be lost. */
static void note_saved(struct load_thread *th, const struct bench_pair *pair,
                       const struct mn_wire_in *in)
{
    char id[MN_WIRE_ID_LEN], body[MN_WIRE_BODY_MAX];
    struct mn_ledger_line line = {
        .from = pair->sender->uid, .to = pair->receiver->uid, .seq = in->seq};
    /* An ACK without a usable id is a loss that the ledger should show: as id 0. */
    mn_ignore(mn_parse_i64(in->server_id, 1, INT64_MAX, &line.id));
    mn_wire_id(id, th->tpl.run, pair->sender->index, in->counter);
    mn_wire_body(&th->tpl, in->counter, body);
    line.client_id = mn_str_make(id, sizeof id);
    mn_ledger_text_hash(mn_str_make(body, th->tpl.body_len), line.text_hash);
    mn_ledger_out_add(th->ledger, &line);
}

static void take_answer(struct load_thread *th, struct bench_pair *pair,
                        const struct mn_wire_in *in, uint64_t now_ns)
{
    const struct mn_ledger_rec *rec = mn_ledger_find(&pair->conv, in->counter);
    struct mn_ledger_rec before = rec ? *rec : (struct mn_ledger_rec){.flags = MN_LEDGER_SKEW};
    bool is_saved = in->kind == MN_WIRE_SAVED;
    bool seq_differs = false;
    enum mn_ledger_answer answer = is_saved ? mn_ledger_saved(&pair->conv, in->counter, in->seq,
                                                              &seq_differs)
                                            : mn_ledger_refused(&pair->conv, in->counter);
    th->count.seq_mismatch += seq_differs;
    switch (answer) {
    case MN_LEDGER_ANSWER_FIRST:
        pair->inflight--;
        break;
    case MN_LEDGER_ANSWER_LATE:
        th->count.late++;
        break;
    case MN_LEDGER_ANSWER_AGAIN:
        th->count.saved_again += is_saved;
        return;
    case MN_LEDGER_ANSWER_PHANTOM:
        th->count.phantom++;
        return;
    }
    if (is_saved && th->ledger)
        note_saved(th, pair, in);
    th->count.saved += is_saved;
    th->count.refused += !is_saved;
    if (is_saved && !(before.flags & MN_LEDGER_SKEW))
        mn_hist_add(th->hist.saved, now_ns - before.intended_ns);
    bench_single_top_up(th, pair, now_ns);
}

static void note_latency(struct load_thread *th, const struct bench_pair *pair,
                         const struct mn_ledger_rec *rec, uint64_t now_ns)
{
    uint64_t response_ns = now_ns - rec->intended_ns;
    if (pair->impaired) {
        th->count.delivered_slow++;
        mn_hist_add(th->hist.slow_response, response_ns);
        return;
    }
    mn_hist_add(th->second, response_ns);
    if (rec->flags & MN_LEDGER_SKEW)
        return;
    mn_hist_add(th->hist.response, response_ns);
    mn_hist_add(th->hist.service, now_ns - rec->sent_ns);
}

/* false: the connection takes no more; as with any client, the server sends the message again. */
static bool send_ack(struct load_thread *th, struct bench_pair *pair, enum mn_wire_cursor cursor,
                     const struct mn_wire_in *in, uint64_t now_ns)
{
    char *out = load_out_room(th, pair->receiver, MN_WIRE_FRAME_MAX);
    if (!out)
        return false;
    load_out_commit(th, mn_wire_ack(out, pair->receiver->mask, cursor, in->server_id,
                                    mn_str_make(pair->from, pair->from_len)));
    if (th->run->asks_receipts)
        bench_receipts_acked(th, pair, cursor, in, now_ns);
    return true;
}

static void acknowledge(struct load_thread *th, struct bench_pair *pair,
                        const struct mn_wire_in *in, uint64_t now_ns)
{
    if (th->run->opts->no_ack || in->server_id.n == 0 || in->server_id.n > MN_WIRE_SERVER_ID_MAX)
        return;
    if (!send_ack(th, pair, MN_WIRE_DELIVERED, in, now_ns))
        return;
    th->count.acks_sent++;
    mn_ledger_acked(&pair->conv, in->seq, now_ns);
    if (bench_single_is_picked(in->counter, th->run->read_pct) &&
        send_ack(th, pair, MN_WIRE_READ, in, now_ns))
        th->count.reads_sent++;
}

static void take_chat(struct load_thread *th, struct bench_pair *pair, const struct mn_wire_in *in,
                      uint64_t now_ns)
{
    struct mn_ledger_rec rec;
    bool seq_differs = false;
    th->count.corrupt += !in->body_ok;
    enum mn_ledger_verdict verdict = mn_ledger_delivered(&pair->conv, in->counter, in->seq,
                                                         in->resent, &rec, &seq_differs);
    th->count.seq_mismatch += seq_differs;
    switch (verdict) {
    case MN_LEDGER_FIRST_LATE:
        if (in->resent)
            th->count.reordered_resend++;
        else
            th->count.reordered++;
        /* fallthrough */
        __attribute__((fallthrough));
    case MN_LEDGER_FIRST:
        if (in->resent)
            th->count.delivered_resend++;
        else
            th->count.delivered_live++;
        note_latency(th, pair, &rec, now_ns);
        break;
    case MN_LEDGER_DUP:
        th->count.dup++;
        break;
    case MN_LEDGER_REDELIVERED:
        th->count.redelivered++;
        break;
    case MN_LEDGER_PHANTOM:
        th->count.phantom++;
        break;
    }
    acknowledge(th, pair, in, now_ns);
}

void bench_single_on_frame(struct load_thread *th, struct load_conn *conn,
                           const struct mn_wire_in *in, uint64_t now_ns)
{
    struct bench_pair *pair = conn->user;
    if (in->kind == MN_WIRE_RECEIPT) {
        th->count.receipts++;
        if (th->run->asks_receipts)
            bench_receipts_came(th, pair, conn, in, now_ns);
    }
    if (in->kind == MN_WIRE_CHAT && !in->ours)
        th->count.foreign++;
    if (!in->ours)
        return;
    bool is_answer = in->kind == MN_WIRE_SAVED || in->kind == MN_WIRE_ERROR;
    struct load_conn *expected = is_answer ? pair->sender : pair->receiver;
    if (in->sender != pair->sender->index || conn != expected)
        th->count.misrouted++;
    else if (is_answer)
        take_answer(th, pair, in, now_ns);
    else if (in->kind == MN_WIRE_CHAT)
        take_chat(th, pair, in, now_ns);
}
