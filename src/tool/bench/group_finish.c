/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench group` after the threads have ended: what is open in the groups'
 * ledgers, and whether the server's history has it (docs/bench.md).  Main
 * thread; blocks on HTTP.
 */
#include "tool/bench/bench.h"
#include "tool/bench/group.h"
#include "tool/bench/history.h"

static bool check_histories(struct bench *bench, struct history *history)
{
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        struct bench_groups *mode = bench->run.threads[t].mode;
        for (uint32_t g = 0; g < mode->count; g++)
            if (ledger_group_pending(&mode->group[g].ledger) > 0 &&
                history_check_group(history, &bench->run, &mode->group[g]) != MN_OK)
                return false;
    }
    return true;
}

static void add_group(struct bench_ledger *ledger, const struct bench_group *group)
{
    struct ledger_group_open open = ledger_group_open(&group->ledger);
    ledger->gaps += ledger_group_gaps(&group->ledger);
    ledger->unknown += open.unknown;
    ledger->unknown_delivered += open.unknown_delivered;
    ledger->lost += open.lost;
    ledger->lost_normal += open.lost_normal;
    ledger->lost_stored += open.lost_stored;
}

void bench_group_finish(struct bench *bench)
{
    struct bench_ledger *ledger = &bench->ledger;
    const struct load_counters *total = &bench->total;
    struct history history;
    if (bench->opts.http && history_open(&history, bench->opts.http) == MN_OK) {
        ledger->history_checked = check_histories(bench, &history);
        history_close(&history);
    }
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        const struct bench_groups *mode = bench->run.threads[t].mode;
        for (uint32_t g = 0; g < mode->count; g++)
            add_group(ledger, &mode->group[g]);
    }
    ledger->lost_gone = ledger->lost - ledger->lost_stored;
    ledger->measured = true;
    ledger->skipped = total->skipped_inflight + total->skipped_offline;
    uint64_t delivered = total->delivered_live + total->delivered_resend;
    ledger->balanced = total->attempted == ledger->skipped + total->failed + total->sent &&
                       total->sent == total->saved + total->refused + ledger->unknown &&
                       total->expected + ledger->unknown_delivered == delivered + ledger->lost;
}
