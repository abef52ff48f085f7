/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench single-e2e`, `ack` and `mixed`: pairs of a sender and a receiver, both
 * on the same thread.  This file sends; what comes is taken in
 * single_recv.c.  Closed loop: a sender keeps `inflight` messages unanswered.  Open
 * loop: sends are due by the clock, and timed from then.  Every message is in
 * its conversation's ledger from its send to the end of the run.
 *
 * Client 2p sends to client 2p + 1; a slot is free again when ACK saved or an
 * ERROR came, the connection went, or the answer took longer than --timeout:
 * no slot can leak.
 */
#include "tool/bench/single.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "tool/bench/bench.h"
#include "tool/bench/group.h"
#include "tool/ledger/ledger_file.h"

bool bench_single_is_picked(uint64_t i, double pct)
{
    return (uint64_t)((double)(i + 1) * pct / 100) > (uint64_t)((double)i * pct / 100);
}

static enum load_conn_kind receiver_kind(const struct opts *opts, uint64_t pair)
{
    if (bench_single_is_picked(pair, opts->no_read_pct))
        return LOAD_CONN_NO_READ;
    if (opts->no_read_pct >= 100)
        return LOAD_CONN_NORMAL;
    /* Of those that are left. */
    uint64_t rest = pair - (uint64_t)((double)pair * opts->no_read_pct / 100);
    double pct = opts->slow_pct * 100 / (100 - opts->no_read_pct);
    return bench_single_is_picked(rest, pct) ? LOAD_CONN_SLOW : LOAD_CONN_NORMAL;
}

static void init_pair(struct load_thread *th, struct bench_pair *pair, uint32_t p)
{
    pair->sender = &th->conns[2 * p];
    pair->receiver = &th->conns[2 * p + 1];
    pair->sender->user = pair;
    pair->receiver->user = pair;
    pair->receiver->kind = (uint8_t)receiver_kind(th->run->opts, pair->sender->index / 2);
    pair->impaired = pair->receiver->kind != LOAD_CONN_NORMAL;
    pair->from_len = (uint8_t)mn_print_i64(pair->from, pair->sender->uid);
    pair->to_len = (uint8_t)mn_print_i64(pair->to, pair->receiver->uid);
}

static void single_init(struct load_thread *th)
{
    const struct opts *opts = th->run->opts;
    struct bench_single *mode = mn_new(struct bench_single);
    uint32_t pairs = th->conn_count / 2;
    th->mode = mode;
    th->pairs = mn_alloc_array(pairs + 1, sizeof *th->pairs);
    th->pair_count = pairs;
    for (uint32_t p = 0; p < pairs; p++)
        init_pair(th, &th->pairs[p], p);
    if (opts->ledger) {
        th->ledger = mn_new(struct ledger_out);
        th->ledger->fd = th->run->ledger_fd;
    }
    mode->open_loop = opts->rate > 0 || opts->interval_ns > 0;
    double rate = th->run->message_rate;
    double interval_ns = rate > 0 ? (double)th->run->clients / 2 * 1e9 / rate
                                  : (double)opts->interval_ns;
    load_pace_init(&mode->pace, (enum opts_model)opts->model, (enum opts_pairs)opts->pairs,
                   interval_ns > 0 ? pairs : 0, interval_ns, &th->rng);
    if (th->run->group_ids)
        bench_groups_init(th);
}

static void single_deinit(struct load_thread *th)
{
    struct bench_single *mode = th->mode;
    for (uint32_t p = 0; p < th->pair_count; p++) {
        ledger_deinit(&th->pairs[p].conv);
        receipts_deinit(&th->pairs[p].receipts);
    }
    bench_groups_deinit(th);
    load_pace_deinit(&mode->pace);
    mn_free(th->ledger);
    mn_free(th->pairs);
    mn_free(mode);
}

/* ---- sending ---- */

static void write_chat(struct load_thread *th, const struct bench_pair *pair, char *out,
                       uint32_t counter)
{
    struct load_conn *conn = pair->sender;
    load_out_commit(th, wire_chat(out, conn->mask, &th->tpl, conn->index, counter,
                                  mn_str_make(pair->to, pair->to_len)));
}

/* One message; whatever stands against it is counted. */
static bool send_one(struct load_thread *th, struct bench_pair *pair, uint64_t intended_ns,
                     uint64_t now_ns)
{
    th->count.attempted++;
    /* With --login the receiver may have no account, and so no id to send to. */
    if (pair->sender->state != LOAD_CONN_READY || pair->receiver->uid == 0) {
        th->count.skipped_offline++;
        return false;
    }
    if (pair->inflight >= th->run->opts->inflight) {
        th->count.skipped_inflight++;
        return false;
    }
    char *out = load_out_room(th, pair->sender, WIRE_FRAME_MAX);
    if (!out || !ledger_has_room(&pair->conv)) {
        th->count.failed++;
        return false;
    }
    uint32_t flags = th->phase == LOAD_STEADY ? 0 : LEDGER_SKEW;
    write_chat(th, pair, out, ledger_send(&pair->conv, intended_ns, now_ns, flags));
    th->count.sent++;
    pair->inflight++;
    return true;
}

/* Closed loop: fills the window. */
void bench_single_top_up(struct load_thread *th, struct bench_pair *pair, uint64_t now_ns)
{
    const struct bench_single *mode = th->mode;
    if (mode->open_loop || !load_may_send(th) || pair->sender->state != LOAD_CONN_READY ||
        pair->receiver->uid == 0)
        return;
    while (pair->inflight < th->run->opts->inflight)
        if (!send_one(th, pair, now_ns, now_ns))
            break;
}

static uint64_t send_due(struct load_thread *th, uint64_t now_ns)
{
    struct bench_single *mode = th->mode;
    uint32_t p;
    uint64_t intended_ns;
    if (!mode->open_loop)
        return UINT64_MAX;
    while (load_pace_take(&mode->pace, now_ns, &p, &intended_ns)) {
        uint64_t sent_ns = mn_mono_ns();
        if (send_one(th, &th->pairs[p], intended_ns, sent_ns) && th->phase == LOAD_STEADY)
            mn_hist_add(th->hist.lag, sent_ns - intended_ns);
    }
    return load_pace_due(&mode->pace);
}

/* What drain waits for; receivers that do not read can only catch up in RECOVER. */
static void count_open(struct load_thread *th)
{
    th->open = 0;
    for (uint32_t p = 0; p < th->pair_count; p++) {
        const struct bench_pair *pair = &th->pairs[p];
        if (th->phase == LOAD_RECOVER || !pair->impaired)
            th->open += ledger_open(&pair->conv) + bench_receipts_open(pair);
    }
}

static uint64_t single_on_turn(struct load_thread *th, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;
    if (load_may_send(th)) {
        due_ns = send_due(th, now_ns);
    } else if (th->phase >= LOAD_DRAIN) {
        count_open(th);
        due_ns = now_ns + BENCH_DRAIN_LOOK_NS;
    }
    uint64_t group_ns = th->groups ? bench_groups_on_turn(th, now_ns) : UINT64_MAX;
    return group_ns < due_ns ? group_ns : due_ns;
}

/* ---- phases and connections ---- */

/* Everybody must become complete: slow readers read, the others come back. */
static void recover(struct load_thread *th, uint64_t now_ns)
{
    for (uint32_t p = 0; p < th->pair_count; p++) {
        struct load_conn *conn = th->pairs[p].receiver;
        if (conn->kind == LOAD_CONN_SLOW)
            load_conn_cure(th, conn, now_ns);
        if (conn->kind == LOAD_CONN_NO_READ || conn->state != LOAD_CONN_READY)
            load_conn_revive(th, conn, now_ns);
    }
}

static void single_on_phase(struct load_thread *th, uint64_t now_ns)
{
    struct bench_single *mode = th->mode;
    if (th->phase == LOAD_WARMUP) {
        load_pace_start(&mode->pace, atomic_load(&th->run->phase_ns[LOAD_WARMUP]));
        for (uint32_t p = 0; p < th->pair_count; p++)
            bench_single_top_up(th, &th->pairs[p], now_ns);
    }
    if (th->phase == LOAD_DRAIN)
        count_open(th);
    if (th->phase == LOAD_RECOVER) {
        recover(th, now_ns);
        count_open(th);
    }
    if (th->groups)
        bench_groups_on_phase(th, now_ns);
}

/* As a client does: what was not answered goes out again under its id. */
static void retry_unknown(struct load_thread *th, struct bench_pair *pair)
{
    uint32_t counter = 0;
    while (ledger_next_unknown(&pair->conv, &counter)) {
        char *out = load_out_room(th, pair->sender, WIRE_FRAME_MAX);
        if (!out)
            return;
        ledger_retry(&pair->conv, counter);
        write_chat(th, pair, out, counter);
        th->count.retried++;
        pair->inflight++;
        counter++;
    }
}

static void single_on_ready(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    struct bench_pair *pair = conn->user;
    if (th->groups)
        bench_groups_on_ready(th, conn, now_ns);
    if (conn != pair->sender)
        return;
    retry_unknown(th, pair);
    bench_single_top_up(th, pair, now_ns);
}

static void give_up(struct load_thread *th, struct bench_pair *pair, uint64_t before_ns)
{
    uint32_t n = ledger_expire(&pair->conv, before_ns);
    th->count.timed_out += n;
    pair->inflight -= n;
}

static void single_on_down(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    struct bench_pair *pair = conn->user;
    (void)now_ns;
    if (th->groups)
        bench_groups_on_down(th, conn);
    if (conn == pair->sender)
        give_up(th, pair, UINT64_MAX);
    else
        ledger_ack_cut(&pair->conv);
    th->count.receipts_cut += receipts_cut(&pair->receipts);
}

static void single_on_second(struct load_thread *th, uint64_t now_ns)
{
    uint64_t timeout_ns = th->run->opts->timeout_ns;
    for (uint32_t p = 0; p < th->pair_count; p++) {
        give_up(th, &th->pairs[p], now_ns - timeout_ns);
        bench_single_top_up(th, &th->pairs[p], now_ns);
    }
    if (th->groups)
        bench_groups_on_second(th, now_ns);
    if (th->ledger) /* so that a run which is cut off leaves what it knew */
        ledger_out_flush(th->ledger);
}

/* The same but for what run->asks_receipts and run->message_rate say. */
#define PAIRS_MODE(mode_name)                                                                      \
    {                                                                                              \
        .name = (mode_name), .init = single_init, .deinit = single_deinit,                         \
        .on_phase = single_on_phase, .on_ready = single_on_ready, .on_down = single_on_down,       \
        .on_frame = bench_single_on_frame, .on_turn = single_on_turn,                              \
        .on_second = single_on_second                                                              \
    }

const struct load_mode bench_mode_single = PAIRS_MODE("single-e2e");
const struct load_mode bench_mode_ack = PAIRS_MODE("ack");
const struct load_mode bench_mode_mixed = PAIRS_MODE("mixed");
