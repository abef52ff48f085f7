/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench group` after the threads have ended: what is open in the groups'
 * ledgers, and whether the server's history has it (docs/bench.md).  Main
 * thread; blocks on HTTP.
 */
#include "tool/bench/bench.h"
#include "tool/bench/group.h"
#include "tool/bench/history.h"

bool bench_has_groups(const struct bench *bench)
{
    return bench->cmd == CMD_GROUP ||
           (bench->cmd == CMD_MIXED && profile_share(&bench->profile, PROFILE_GROUP) > 0);
}

static bool check_histories(struct bench *bench, struct history *history)
{
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        struct bench_groups *mode = bench->run.threads[t].groups;
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
    ledger->lost_gone += open.lost - open.lost_stored;
}

void bench_group_finish(struct bench *bench)
{
    struct bench_ledger *ledger = &bench->ledger;
    struct history history;
    if (bench->opts.http && history_open(&history, bench->opts.http) == MN_OK) {
        bool checked = check_histories(bench, &history);
        ledger->history_checked = checked && (ledger->history_checked || bench->cmd == CMD_GROUP);
        history_close(&history);
    }
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        const struct bench_groups *mode = bench->run.threads[t].groups;
        for (uint32_t g = 0; g < mode->count; g++)
            add_group(ledger, &mode->group[g]);
    }
}
