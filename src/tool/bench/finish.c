/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After the threads have ended: adds up what they measured, and asks the
 * server's history about every message that was not delivered (docs/bench.md
 * 1.3).  Main thread; blocks on HTTP.
 */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench/bench.h"
#include "tool/bench/cursors.h"
#include "tool/bench/group.h"
#include "tool/bench/history.h"
#include "tool/bench/single.h"
#include "tool/ledger/ledger_file.h"

/* A thread that used so much of its core was waiting for nothing but itself. */
#define SATURATED_CPU 0.9
/* With fewer, memory for other things would be counted as theirs. */
#define MEMORY_CLIENTS 1000
/* Open loop: sends that were so late are the generator's fault, not the server's. */
#define SATURATED_LAG_NS UINT64_C(5000000)

static void add_thread(struct bench *bench, const struct load_thread *th)
{
    load_counters_add(&bench->total, &th->count);
    load_counters_add(&bench->steady, &th->at_drain);
    load_counters_sub(&bench->steady, &th->at_steady);
    load_reasons_merge(&bench->refusals, &th->refusals);
    load_reasons_merge(&bench->failures, &th->failures);
    load_hists_merge(&bench->hist, &th->hist);
    double cpu = 0;
    if (bench->steady_s > 0)
        cpu = (double)(th->cpu_at_drain_ns - th->cpu_at_steady_ns) / 1e9 / bench->steady_s;
    if (cpu > bench->generator_cpu)
        bench->generator_cpu = cpu;
}

/* ---- single-e2e ---- */

static void count_open_one(struct bench_ledger *ledger, const struct bench_pair *pair,
                           const struct ledger_rec *rec)
{
    bool delivered = rec->flags & (LEDGER_LIVE | LEDGER_RESENT);
    bool found = rec->flags & LEDGER_FOUND;
    if (rec->flags & LEDGER_REFUSED)
        return;
    if (!(rec->flags & LEDGER_SAVED)) {
        ledger->unknown++;
        ledger->unknown_delivered += delivered;
        ledger->unknown_stored += !delivered && found;
    } else if (!delivered) {
        ledger->lost++;
        ledger->lost_normal += !pair->impaired;
        ledger->lost_stored += found;
        ledger->lost_gone += !found;
    }
}

static void count_pair(struct bench_ledger *ledger, struct bench_pair *pair)
{
    ledger->gaps += ledger_gaps(&pair->conv);
    for (uint32_t i = pair->conv.head; i != pair->conv.tail; i++)
        count_open_one(ledger, pair, ledger_find(&pair->conv, i));
}

static bool has_undelivered(struct bench_pair *pair)
{
    for (uint32_t i = pair->conv.head; i != pair->conv.tail; i++) {
        uint32_t flags = ledger_find(&pair->conv, i)->flags;
        if (!(flags & (LEDGER_LIVE | LEDGER_RESENT | LEDGER_REFUSED)))
            return true;
    }
    return false;
}

/* Looks up what is missing; false when the history cannot be read. */
static bool check_history(struct bench *bench, struct history *history)
{
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        struct load_thread *th = &bench->run.threads[t];
        for (uint32_t p = 0; p < th->pair_count; p++)
            if (has_undelivered(&th->pairs[p]) &&
                history_check(history, &bench->run, &th->pairs[p]) != MN_OK)
                return false;
    }
    return true;
}

/* Writes what the threads still have; a ledger with lines missing must not pass for whole. */
static void finish_ledger_file(struct bench *bench)
{
    int error = 0;
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        struct ledger_out *out = bench->run.threads[t].ledger;
        ledger_out_flush(out);
        if (!error)
            error = out->error;
    }
    if (close(bench->run.ledger_fd) != 0 && !error)
        error = errno;
    if (error)
        fprintf(stderr, "minim bench: cannot write %s: %s\n", bench->opts.ledger, strerror(error));
    bench->ledger_file_failed = error != 0;
}

void bench_single_finish(struct bench *bench)
{
    struct bench_ledger *ledger = &bench->ledger;
    struct history history;
    if (bench->opts.http && history_open(&history, bench->opts.http) == MN_OK) {
        ledger->history_checked = check_history(bench, &history);
        history_close(&history);
    }
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        struct load_thread *th = &bench->run.threads[t];
        for (uint32_t p = 0; p < th->pair_count; p++)
            count_pair(ledger, &th->pairs[p]);
    }
}

/* Of pairs and groups together: every message and every copy of it is accounted for. */
static void balance(struct bench *bench)
{
    struct bench_ledger *ledger = &bench->ledger;
    const struct load_counters *total = &bench->total;
    ledger->measured = true;
    ledger->skipped = total->skipped_inflight + total->skipped_offline;
    uint64_t delivered = total->delivered_live + total->delivered_resend;
    ledger->balanced = total->attempted == ledger->skipped + total->failed + total->sent &&
                       total->sent == total->saved + total->refused + ledger->unknown &&
                       total->expected + ledger->unknown_delivered == delivered + ledger->lost;
}

/* What the generator itself costs (docs/bench.md). */
static void finish_generator(struct bench *bench)
{
    const struct load_counters *steady = &bench->steady;
    uint64_t cpu_ns = bench->tool_cpu_drain_ns - bench->tool_cpu_steady_ns;
    if (bench->steady_s > 0 && cpu_ns > 0)
        bench->frames_per_cpu_s = (double)(steady->frames_in + steady->frames_out) * 1e9 /
                                  (double)cpu_ns;
    bench->generator_bytes_per_conn = -1;
    if (bench->connected >= MEMORY_CLIENTS && bench->tool_after.valid)
        bench->generator_bytes_per_conn = ((double)bench->tool_after.rss_bytes -
                                           (double)bench->tool_before.rss_bytes) /
                                          bench->connected;
}

void bench_finish(struct bench *bench)
{
    struct load_run *run = &bench->run;
    uint64_t from_ns = atomic_load(&run->phase_ns[LOAD_STEADY]);
    uint64_t to_ns = atomic_load(&run->phase_ns[LOAD_DRAIN]);
    if (from_ns && to_ns)
        bench->steady_s = (double)(to_ns - from_ns) / 1e9;
    load_hists_init(&bench->hist);
    for (unsigned i = 0; i < run->thread_count; i++)
        add_thread(bench, &run->threads[i]);
    finish_generator(bench);
    bool open_loop = bench->opts.rate > 0 || bench->opts.interval_ns > 0;
    bench->saturated = bench->generator_cpu >= SATURATED_CPU ||
                       (open_loop && mn_hist_percentile(bench->hist.lag, 99) > SATURATED_LAG_NS);
    if (bench->cmd & CMD_CHAT)
        bench_single_finish(bench);
    if (bench_has_groups(bench))
        bench_group_finish(bench);
    if (bench->cmd & CMD_MESSAGES)
        balance(bench);
    if (bench->opts.ledger)
        finish_ledger_file(bench);
    if (run->asks_receipts)
        bench_receipts_finish(bench);
    if (run->cursors && bench->ran)
        bench_cursors_finish(run->cursors);
    if (bench->cmd == CMD_PING)
        bench_ping_finish(bench);
}
