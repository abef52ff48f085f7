/* SPDX-License-Identifier: Apache-2.0 */
/* Answers and copies, counted: see recv.h. */
#include "tool/bench/recv.h"

#include "base/num.h"

bool bench_recv_answer(struct load_thread *th, enum ledger_answer answer, bool is_saved,
                       const struct ledger_rec *before, uint32_t *inflight, uint64_t now_ns)
{
    switch (answer) {
    case LEDGER_ANSWER_FIRST:
        --*inflight;
        break;
    case LEDGER_ANSWER_LATE:
        th->count.late++;
        break;
    case LEDGER_ANSWER_AGAIN:
        th->count.saved_again += is_saved;
        return false;
    case LEDGER_ANSWER_PHANTOM:
        th->count.phantom++;
        return false;
    }
    th->count.saved += is_saved;
    th->count.refused += !is_saved;
    if (is_saved && !(before->flags & LEDGER_SKEW))
        mn_hist_add(th->hist.saved, now_ns - before->intended_ns);
    return true;
}

void bench_recv_saved(struct load_thread *th, struct ledger_line line, uint32_t sender,
                      const struct wire_in *in)
{
    char id[WIRE_ID_LEN], body[WIRE_BODY_MAX];
    if (!th->ledger)
        return;
    line.seq = in->seq;
    /* An ACK without a usable id is a loss that the ledger should show: as id 0. */
    mn_ignore(mn_parse_i64(in->server_id, 1, INT64_MAX, &line.id));
    wire_id(id, th->tpl.run, sender, in->counter);
    wire_body(&th->tpl, in->counter, body);
    line.client_id = mn_str_make(id, sizeof id);
    ledger_text_hash(mn_str_make(body, th->tpl.body_len), line.text_hash);
    ledger_out_add(th->ledger, &line);
}

bool bench_recv_copy(struct load_thread *th, enum ledger_verdict verdict, bool is_resent)
{
    switch (verdict) {
    case LEDGER_FIRST_LATE:
    case LEDGER_FIRST:
        if (is_resent)
            th->count.delivered_resend++;
        else
            th->count.delivered_live++;
        return true;
    case LEDGER_DUP:
        th->count.dup++;
        break;
    case LEDGER_REDELIVERED:
        th->count.redelivered++;
        break;
    case LEDGER_PHANTOM:
        th->count.phantom++;
        break;
    }
    return false;
}
