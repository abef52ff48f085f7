/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row a second: what the load threads published, the server's process,
 * our own CPU; and the progress line on a terminal.  Main thread.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench/bench.h"
#include "tool/bench/http_load.h"
#include "tool/kit/term.h"

#define SECOND_NS UINT64_C(1000000000)
/* Threads publish at full seconds; rows are made a little later, so that each gets one of each. */
#define ROW_LATE_NS (SECOND_NS * 3 / 10)
#define ROWS_MAX (7 * 24 * 3600)

const char *bench_phase_name(enum load_phase phase)
{
    static const char *const names[LOAD_PHASE_COUNT] = {"connect", "warmup",  "steady",
                                                        "drain",   "recover", "stop"};
    return names[phase];
}

uint32_t bench_ready(const struct bench *bench)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < bench->run.thread_count; i++)
        n += atomic_load_explicit(&bench->run.threads[i].ready, memory_order_relaxed);
    return n;
}

static struct bench_row *new_row(struct bench *bench)
{
    if (bench->row_count == bench->row_cap) {
        size_t cap = bench->row_cap ? bench->row_cap * 2 : 64;
        void *rows = mn_try_realloc_array(bench->rows, cap, sizeof *bench->rows);
        MN_BUG_ON(!rows);
        bench->rows = rows;
        bench->row_cap = cap;
    }
    struct bench_row *row = &bench->rows[bench->row_count++];
    *row = (struct bench_row){0};
    return row;
}

static void take_shown(struct bench *bench, struct bench_row *row)
{
    struct load_run *run = &bench->run;
    struct load_counters sum = {0};
    pthread_mutex_lock(&run->mu);
    for (unsigned i = 0; i < run->thread_count; i++)
        load_counters_add(&sum, &run->threads[i].shown);
    row->p50 = mn_hist_percentile(run->row_hist, 50);
    row->p90 = mn_hist_percentile(run->row_hist, 90);
    row->p99 = mn_hist_percentile(run->row_hist, 99);
    row->max = mn_hist_count(run->row_hist) ? mn_hist_max(run->row_hist) : 0;
    mn_hist_reset(run->row_hist);
    pthread_mutex_unlock(&run->mu);
    row->delta = sum;
    load_counters_sub(&row->delta, &bench->shown);
    bench->shown = sum;
}

static void take_processes(struct bench *bench, struct bench_row *row)
{
    uint64_t own_ns = proc_own_cpu_ns();
    row->tool_cpu = (double)(own_ns - bench->shown_tool_cpu_ns) / 1e9 / row->span_s;
    bench->shown_tool_cpu_ns = own_ns;
    if (bench->pid <= 0)
        return;
    proc_read(bench->pid, &row->server);
    row->has_server = row->server.valid;
    const struct proc_sample *last = &bench->shown_server;
    /* After a restart the time of the new process starts at 0. */
    if (last->valid && row->has_server && row->server.cpu_ns >= last->cpu_ns)
        row->server_cpu = (double)(row->server.cpu_ns - last->cpu_ns) / 1e9 / row->span_s;
    bench->shown_server = row->server;
}

static void take_http(struct bench *bench, struct bench_row *row)
{
    uint64_t ok, failed;
    if (!bench->http_load)
        return;
    http_load_shown(bench->http_load, &ok, &failed);
    row->http_ok = ok - bench->shown_http_ok;
    row->http_failed = failed - bench->shown_http_failed;
    bench->shown_http_ok = ok;
    bench->shown_http_failed = failed;
}

static double traffic(const struct load_counters *c)
{
    return (double)(load_delivered(c) + c->pongs);
}

/* What does not fit is left out, the last fields first. */
static void show_row(const struct bench *bench, const struct bench_row *row)
{
    const struct load_counters *delta = &row->delta;
    struct term_line line;
    if (!bench->progress)
        return;
    term_begin(&line);
    term_add(&line, "%4.0f s", row->at_s);
    term_add(&line, "%-7s", bench_phase_name(row->phase));
    if (row->ready == bench->run.clients)
        term_add(&line, "all %u", row->ready);
    else
        term_add(&line, "%u of %u", row->ready, bench->run.clients);
    if (delta->errors + delta->connections_lost > 0)
        term_add(&line, "errors %llu, lost connections %llu", (unsigned long long)delta->errors,
                 (unsigned long long)delta->connections_lost);
    if (delta->sent > 0 || traffic(delta) > 0) {
        term_add(&line, "out %.0f/s in %.0f/s", (double)delta->sent / row->span_s,
                 traffic(delta) / row->span_s);
        term_add(&line, "p50 %.1f p99 %.1f ms", (double)row->p50 / 1e6, (double)row->p99 / 1e6);
    }
    if (row->http_ok + row->http_failed > 0)
        term_add(&line, "http %.0f/s", (double)row->http_ok / row->span_s);
    if (row->has_server)
        term_add(&line, "server %.0f%% %.0f MiB", row->server_cpu * 100,
                 (double)row->server.rss_bytes / 1048576);
    term_show(&line);
}

static void make_row(struct bench *bench, uint64_t now_ns)
{
    struct bench_row *row = new_row(bench);
    row->at_s = (double)(now_ns - bench->run.start_ns) / 1e9;
    row->span_s = (double)(now_ns - bench->shown_ns) / 1e9;
    row->phase = (enum load_phase)atomic_load(&bench->run.phase);
    row->ready = bench_ready(bench);
    take_shown(bench, row);
    take_processes(bench, row);
    take_http(bench, row);
    bench->shown_ns = now_ns;
    show_row(bench, row);
}

void bench_rows_tick(struct bench *bench, uint64_t now_ns)
{
    if (bench->shown_ns == 0) {
        bench->shown_ns = bench->run.start_ns;
        bench->shown_tool_cpu_ns = proc_own_cpu_ns();
        proc_read(bench->pid, &bench->shown_server);
    }
    uint64_t due_ns = bench->run.start_ns + ROW_LATE_NS + (bench->row_count + 1) * SECOND_NS;
    if (now_ns >= due_ns && bench->row_count < ROWS_MAX)
        make_row(bench, now_ns);
}

/* What came after the last full second, and what the threads had not shown of it. */
static void make_last_row(struct bench *bench)
{
    uint64_t now_ns = mn_mono_ns();
    if (bench->shown_ns == 0 || now_ns <= bench->shown_ns || bench->row_count >= ROWS_MAX)
        return;
    load_run_publish(&bench->run);
    make_row(bench, now_ns);
}

void bench_rows_end(struct bench *bench)
{
    make_last_row(bench);
    if (bench->progress)
        term_clear();
}
