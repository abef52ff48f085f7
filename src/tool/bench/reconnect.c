/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench reconnect`: the server is ended under N authenticated clients and
 * started again on the same ports and data; measured is the time from the
 * port being open again (the first connect that succeeds) to all clients
 * authenticated.  Main thread.
 */
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "tool/bench/bench.h"

/* Everybody has had all its chances by then. */
#define RECOVERY_LIMIT_NS UINT64_C(300000000000)

static bool everybody_is_back(struct bench *bench)
{
    return bench_ready(bench) >= bench->run.clients;
}

static bool nobody_is_left(struct bench *bench) { return bench_ready(bench) == 0; }

void bench_restart_server(struct bench *bench)
{
    struct load_run *run = &bench->run;
    bool by_kill = bench->opts.kill_signal == OPTS_SIGNAL_KILL;
    bench_wait(bench, bench->opts.warmup_ns, NULL);
    spawn_kill(&bench->spawn, by_kill ? SIGKILL : SIGTERM);
    uint64_t down_ns = mn_mono_ns();
    /* The clients must have noticed before the count of the ready ones means anything. */
    bench_wait(bench, bench->opts.timeout_ns, nobody_is_left);
    bench->outage_s = -1;
    atomic_store(&run->first_up_ns, 0);
    if (spawn_again(&bench->spawn) != MN_OK)
        return;
    bench->pid = bench->spawn.pid;
    bool back = bench_wait(bench, RECOVERY_LIMIT_NS, everybody_is_back);
    uint64_t back_ns = mn_mono_ns();
    uint64_t up_ns = atomic_load(&run->first_up_ns);
    if (up_ns == 0)
        return;
    bench->outage_s = (double)(up_ns - down_ns) / 1e9;
    if (back)
        bench->recovery_s = (double)(back_ns - up_ns) / 1e9;
    if (!bench->interrupted)
        bench_wait(bench, bench->opts.duration_ns, NULL);
}
