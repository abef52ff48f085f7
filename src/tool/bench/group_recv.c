/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes to the members of group.c: answers to senders, messages to
 * everybody else, each entered in the group's ledger.  Thread: the one that
 * owns the group.
 */
#include "tool/bench/group.h"
#include "tool/bench/recv.h"

static void take_answer(struct load_thread *th, struct bench_group_member *sender,
                        const struct wire_in *in, uint64_t now_ns)
{
    struct bench_group *group = sender->group;
    struct ledger_group *ledger = &group->ledger;
    uint32_t s = sender->number;
    struct ledger_rec before = bench_recv_before(&ledger->sender[s].conv, in->counter);
    bool is_saved = in->kind == WIRE_SAVED;
    bool seq_differs = false;
    enum ledger_answer answer = is_saved ? ledger_group_saved(ledger, s, in->counter, in->seq,
                                                              &seq_differs)
                                         : ledger_group_refused(ledger, s, in->counter);
    th->count.seq_mismatch += seq_differs;
    if (!bench_recv_answer(th, answer, is_saved, &before, &sender->inflight, now_ns))
        return;
    if (is_saved) {
        const struct ledger_line line = {.from = group->conns[s].uid, .group = group->id};
        bench_recv_saved(th, line, in->sender, in);
        th->count.expected += ledger_group_expected(ledger, s);
    }
    bench_group_top_up(th, sender, now_ns);
}

/* The first copy of a member who has a rank. */
static void note_rank(struct load_thread *th, const struct ledger_delivery *d, uint64_t response_ns)
{
    if (d->rank == 1)
        mn_hist_add(th->hist.first_member, response_ns);
    if (d->rank == (d->ranks + 1) / 2)
        mn_hist_add(th->hist.median_member, response_ns);
    if (d->rank == d->ranks)
        mn_hist_add(th->hist.last_member, response_ns);
}

static void note_latency(struct load_thread *th, const struct ledger_delivery *d, uint64_t now_ns)
{
    uint64_t response_ns = now_ns - d->intended_ns;
    if (d->rank == 0) {
        th->count.delivered_slow++;
        mn_hist_add(th->hist.slow_response, response_ns);
        return;
    }
    mn_hist_add(th->second, response_ns);
    if (d->flags & LEDGER_SKEW)
        return;
    mn_hist_add(th->hist.response, response_ns);
    if (d->sent_ns != d->intended_ns)
        mn_hist_add(th->hist.service, now_ns - d->sent_ns);
    note_rank(th, d, response_ns);
}

static void note_order(struct load_thread *th, const struct ledger_delivery *d, bool resent)
{
    if (resent)
        th->count.reordered_resend += d->late_seq;
    else
        th->count.reordered += d->late_seq;
    th->count.reordered_sender += d->late_sender;
}

static void enter(struct load_thread *th, const struct bench_group_member *member,
                  const struct wire_in *in, uint64_t now_ns)
{
    struct bench_group *group = member->group;
    struct ledger_delivery d;
    ledger_group_delivered(&group->ledger, member->number, in->sender - group->base, in->counter,
                           in->seq, in->resent, &d);
    th->count.seq_mismatch += d.seq_differs;
    if (d.verdict == LEDGER_FIRST_LATE)
        note_order(th, &d, in->resent);
    if (bench_recv_copy(th, d.verdict, in->resent))
        note_latency(th, &d, now_ns);
}

/* ---- acknowledgements ---- */

/* One stands for everything up to its msgSeq (W-3.8.6). */
static void acknowledge(struct load_thread *th, struct bench_group_member *member, uint64_t now_ns)
{
    struct load_conn *conn = &member->group->conns[member->number];
    char *out = load_out_room(th, conn, WIRE_FRAME_MAX);
    if (!out)
        return; /* the connection takes no more: later */
    load_out_commit(th, wire_ack(out, conn->mask, WIRE_DELIVERED,
                                 mn_str_make(member->ack_id, member->ack_id_len),
                                 mn_str_make(member->group->id_text, member->group->id_len)));
    th->count.group_acks++;
    ledger_acks_add(&member->group->ledger.member[member->number].acks, member->ack_seq, now_ns);
    member->ack_seq = 0;
    member->acked_ns = now_ns;
}

static void want_ack(struct load_thread *th, struct bench_group_member *member,
                     const struct wire_in *in, uint64_t now_ns)
{
    const struct opts *opts = th->run->opts;
    if (opts->no_ack || in->server_id.n == 0 || in->server_id.n > WIRE_SERVER_ID_MAX)
        return;
    if (in->seq >= member->ack_seq) {
        member->ack_seq = in->seq;
        member->ack_id_len = (uint8_t)in->server_id.n;
        memcpy(member->ack_id, in->server_id.p, in->server_id.n);
    }
    /* Not all at once: the first ones are spread over the interval. */
    if (member->acked_ns == 0 && opts->ack_every_ns > 0)
        member->acked_ns = now_ns - mn_rng_below(&th->rng, opts->ack_every_ns);
    if (now_ns - member->acked_ns >= opts->ack_every_ns)
        acknowledge(th, member, now_ns);
}

void bench_group_acknowledge(struct load_thread *th, struct bench_group *group, uint64_t before_ns,
                             uint64_t now_ns)
{
    for (uint32_t m = 0; m < group->ledger.members; m++) {
        struct bench_group_member *member = &group->members[m];
        if (member->ack_seq > 0 && member->acked_ns < before_ns &&
            group->conns[m].state == LOAD_CONN_READY)
            acknowledge(th, member, now_ns);
    }
}

/* ---- frames ---- */

static void take_chat(struct load_thread *th, struct bench_group_member *member,
                      const struct wire_in *in, uint64_t now_ns)
{
    const struct bench_group *group = member->group;
    th->count.corrupt += !in->body_ok;
    if (in->group != group->id || in->sender - group->base == member->number) {
        th->count.misrouted++; /* of another group, or his own */
        return;
    }
    if (group->ledger.member[member->number].kind == LEDGER_MEMBER_IGNORED)
        th->count.delivered_unwatched++;
    else
        enter(th, member, in, now_ns);
    want_ack(th, member, in, now_ns);
}

void bench_group_on_frame(struct load_thread *th, struct load_conn *conn, const struct wire_in *in,
                          uint64_t now_ns)
{
    struct bench_group_member *member = bench_group_member_of(th, conn);
    if (!member) {
        th->count.misrouted++;
        return;
    }
    const struct bench_group *group = member->group;
    th->count.receipts += in->kind == WIRE_RECEIPT;
    th->count.notices += in->kind == WIRE_GROUP_NOTIFY;
    if (!in->ours) {
        th->count.foreign += in->kind == WIRE_GROUP_CHAT || in->kind == WIRE_CHAT;
        return;
    }
    bool is_answer = in->kind == WIRE_SAVED || in->kind == WIRE_ERROR;
    if (in->sender - group->base >= group->ledger.senders ||
        (is_answer && in->sender - group->base != member->number))
        th->count.misrouted++;
    else if (is_answer)
        take_answer(th, member, in, now_ns);
    else if (in->kind == WIRE_GROUP_CHAT)
        take_chat(th, member, in, now_ns);
}
