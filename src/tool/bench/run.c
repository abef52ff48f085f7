/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phases of a run (docs/bench.md), from the main thread: connect, warm-up,
 * steady, drain until quiet, recover, stop.  Ctrl-C ends the phase at hand
 * and goes on to drain with what there is; a second one stops at once.
 */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/bench/bench.h"
#include "tool/bench/cursors.h"
#include "tool/bench/http_load.h"

#define NS_S UINT64_C(1000000000)
#define LOOK_NS 5000000L
/* On top of the ramp: connects that are refused, time out, and are tried again. */
#define CONNECT_ATTEMPTS 6

/* A signal handler has nothing but this to talk through. */
static volatile sig_atomic_t interrupts;

static void on_signal(int signum)
{
    (void)signum;
    interrupts++;
}

void bench_catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool bench_is_interrupted(const struct bench *bench)
{
    return interrupts > bench->interrupts_taken;
}

bool bench_wait(struct bench *bench, uint64_t limit_ns, bool (*done)(struct bench *bench))
{
    uint64_t until_ns = mn_mono_ns() + limit_ns;
    for (;;) {
        uint64_t now_ns = mn_mono_ns();
        bench_rows_tick(bench, now_ns);
        if (done && done(bench))
            return true;
        if (now_ns >= until_ns || bench_is_interrupted(bench))
            break;
        struct timespec ts = {.tv_nsec = LOOK_NS};
        if (until_ns - now_ns < (uint64_t)LOOK_NS)
            ts.tv_nsec = (long)(until_ns - now_ns);
        mn_ignore(nanosleep(&ts, NULL));
    }
    /* One Ctrl-C ends one wait, also when it came while nobody was waiting. */
    bench->interrupts_taken = interrupts;
    bench->interrupted = interrupts > 0;
    return false;
}

static bool all_connected(struct bench *bench)
{
    uint32_t n = bench_ready(bench);
    for (unsigned i = 0; i < bench->run.thread_count; i++)
        n += atomic_load_explicit(&bench->run.threads[i].dead, memory_order_relaxed);
    return n >= bench->run.clients;
}

/* Nothing is open any more, or nothing has come for a while. */
static bool is_quiet(struct bench *bench)
{
    const struct load_run *run = &bench->run;
    enum load_phase phase = (enum load_phase)atomic_load(&run->phase);
    uint64_t pending = 0;
    uint64_t active_ns = atomic_load(&run->phase_ns[phase]);
    for (unsigned i = 0; i < run->thread_count; i++) {
        struct load_thread *th = &run->threads[i];
        if (atomic_load_explicit(&th->at_phase, memory_order_acquire) != (int)phase)
            return false;
        pending += atomic_load_explicit(&th->pending, memory_order_relaxed);
        uint64_t ns = atomic_load_explicit(&th->active_ns, memory_order_relaxed);
        if (ns > active_ns)
            active_ns = ns;
    }
    return pending == 0 || mn_mono_ns() - active_ns >= bench->opts.quiet_ns;
}

static void connect_all(struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    uint64_t limit_ns = CONNECT_ATTEMPTS * opts->timeout_ns;
    if (opts->ramp > 0)
        limit_ns += (uint64_t)((double)bench->run.clients / opts->ramp * 1e9);
    bench_wait(bench, limit_ns, all_connected);
    bench->connected = bench_ready(bench);
    bench->connect_s = (double)(mn_mono_ns() - bench->run.start_ns) / 1e9;
}

/* --messages: by the rows of the past seconds, so up to a second late. */
static bool is_enough(struct bench *bench)
{
    return bench->opts.messages > 0 && bench->shown.saved >= bench->opts.messages;
}

static void steady(struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    load_run_set_phase(&bench->run, LOAD_WARMUP);
    http_load_start(bench->http_load);
    if (bench->cmd != CMD_CONNECT && bench->cmd != CMD_RECONNECT)
        bench_wait(bench, opts->warmup_ns, NULL);
    proc_read(bench->pid, &bench->server_steady);
    bench->tool_cpu_steady_ns = proc_own_cpu_ns();
    load_run_set_phase(&bench->run, LOAD_STEADY);
    bench->ran = true;
    bench_cursors_start(bench->run.cursors);
    if (bench->cmd == CMD_RECONNECT)
        bench_restart_server(bench);
    else if (!bench->interrupted)
        bench_wait(bench, opts->duration_ns, is_enough);
    proc_read(bench->pid, &bench->server_drain);
    bench->tool_cpu_drain_ns = proc_own_cpu_ns();
}

static bool is_http_idle(struct bench *bench) { return http_load_is_idle(bench->http_load); }

static void drain(struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    load_run_set_phase(&bench->run, LOAD_DRAIN);
    if (bench->http_load)
        bench_wait(bench, opts->timeout_ns, is_http_idle);
    http_load_stop(bench->http_load);
    bench_wait(bench, opts->drain_ns, is_quiet);
    bool impaired = opts->slow_pct > 0 || opts->no_read_pct > 0;
    bool somebody_away = bench_ready(bench) < bench->run.clients;
    if (!(bench->cmd & CMD_MESSAGES) || !(impaired || somebody_away) || interrupts > 1)
        return;
    load_run_set_phase(&bench->run, LOAD_RECOVER);
    bench_wait(bench, opts->drain_ns, is_quiet);
}

bool bench_run(struct bench *bench)
{
    proc_read(bench->pid, &bench->server_before);
    proc_read(getpid(), &bench->tool_before);
    load_run_start(&bench->run);
    connect_all(bench);
    if (bench->connected > 0 && !bench->interrupted) {
        proc_read(bench->pid, &bench->server_after);
        proc_read(getpid(), &bench->tool_after);
        steady(bench);
        drain(bench);
        bench_cursors_stop(bench->run.cursors);
    }
    load_run_set_phase(&bench->run, LOAD_STOP);
    load_run_join(&bench->run);
    bench_rows_end(bench);
    return bench->ran;
}
