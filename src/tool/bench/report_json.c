/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result document of a bench run (docs/bench.md describes every field).
 * Times in it are seconds or, with _ns, nanoseconds.  Tokens and secrets are not in it.
 */
#include <errno.h>
#include <jansson.h>

#include "tool/bench/bench.h"
#include "tool/bench/group.h"
#include "tool/bench/report_json.h"
#include "tool/report/result.h"

/* json_object_set_new() fails only without memory, when there is nothing left to be done. */
void report_put(json_t *o, const char *key, json_t *take_value)
{
    mn_ignore(json_object_set_new(o, key, take_value));
}
void report_put_u(json_t *o, const char *key, uint64_t value)
{
    report_put(o, key, json_integer((json_int_t)value));
}
void report_put_f(json_t *o, const char *key, double value)
{
    report_put(o, key, json_real(value));
}
static void put_s(json_t *o, const char *key, const char *value)
{
    report_put(o, key, value ? json_string(value) : json_null());
}
static void put_b(json_t *o, const char *key, bool value)
{
    report_put(o, key, json_boolean(value));
}

static json_t *list(const struct opts_list *items)
{
    json_t *a = json_array();
    for (size_t i = 0; i < items->count; i++)
        mn_ignore(json_array_append_new(a, json_string(items->item[i])));
    return a;
}

static json_t *parameters(const struct bench *bench)
{
    static const char *const models[] = {"spread", "burst", "poisson"};
    static const char *const pairs[] = {"even", "zipf"};
    const struct opts *opts = &bench->opts;
    json_t *o = json_object();
    report_put(o, "ws", list(&opts->ws));
    put_s(o, "http", opts->http);
    put_b(o, "spawn", opts->spawn);
    put_b(o, "login", opts->login);
    json_t *extra = json_array();
    for (size_t i = 0; i < bench->spawn.extra_count; i++)
        mn_ignore(json_array_append_new(extra, json_string(bench->spawn.extra[i])));
    report_put(o, "daemon_args", extra);
    report_put_u(o, "user_base", (uint64_t)bench->run.user_base);
    report_put_u(o, "clients", opts->clients);
    if (bench->clients_asked > opts->clients)
        report_put_u(o, "clients_asked", bench->clients_asked);
    report_put_u(o, "threads", bench->run.thread_count);
    report_put_u(o, "source_addresses", bench->run.source_addresses);
    report_put_f(o, "duration_s", (double)opts->duration_ns / 1e9);
    report_put_f(o, "warmup_s", (double)opts->warmup_ns / 1e9);
    report_put_f(o, "ramp_per_s", opts->ramp);
    report_put_f(o, "timeout_s", (double)opts->timeout_ns / 1e9);
    put_b(o, "reconnect", opts->reconnect);
    report_put_f(o, "flap_pct", opts->flap_pct);
    report_put_f(o, "flap_interval_s", (double)opts->flap_interval_ns / 1e9);
    report_put_u(o, "inflight", opts->inflight);
    report_put_f(o, "rate_per_s", opts->rate);
    if (bench->cmd == CMD_MIXED)
        report_put_profile(o, bench);
    if (bench_has_groups(bench))
        report_put_group(o, bench);
    report_put_f(o, "interval_s", (double)opts->interval_ns / 1e9);
    put_s(o, "model", models[opts->model]);
    put_s(o, "pairs", pairs[opts->pairs]);
    report_put_u(o, "body_bytes", opts->body_bytes);
    put_b(o, "ack", !opts->no_ack);
    report_put_f(o, "slow_pct", opts->slow_pct);
    report_put_f(o, "slow_delay_s", (double)opts->slow_delay_ns / 1e9);
    report_put_f(o, "no_read_pct", opts->no_read_pct);
    return o;
}

json_t *report_machine(const struct machine *m)
{
    json_t *o = json_object();
    report_put_u(o, "cores", m->cores);
    report_put_u(o, "memory_bytes", m->memory_bytes);
    put_s(o, "kernel", m->kernel);
    put_s(o, "cpu", m->cpu);
    put_s(o, "sync_dir", m->sync_dir);
    if (m->load >= 0)
        report_put_f(o, "load", m->load);
    report_put_u(o, "sync_p50_ns", m->sync_p50_ns);
    report_put_u(o, "sync_p99_ns", m->sync_p99_ns);
    return o;
}

static json_t *phases(const struct bench *bench)
{
    json_t *a = json_array();
    for (int i = 0; i < LOAD_PHASE_COUNT; i++) {
        uint64_t ns = atomic_load(&bench->run.phase_ns[i]);
        if (ns == 0)
            continue;
        json_t *o = json_object();
        put_s(o, "name", bench_phase_name((enum load_phase)i));
        report_put_f(o, "begin_s", (double)(ns - bench->run.start_ns) / 1e9);
        mn_ignore(json_array_append_new(a, o));
    }
    return a;
}

static json_t *counters(const struct load_counters *c)
{
    json_t *o = json_object();
    for (size_t i = 0; i < LOAD_COUNTER_COUNT; i++)
        report_put_u(o, load_counter_name(i), load_counter_value(c, i));
    return o;
}

json_t *report_reasons(const struct load_reasons *r)
{
    json_t *o = json_object();
    for (unsigned i = 0; i < r->count; i++)
        report_put_u(o, r->item[i].text, r->item[i].count);
    return o;
}

static json_t *ledger(const struct bench *bench)
{
    const struct bench_ledger *l = &bench->ledger;
    const struct load_counters *c = &bench->total;
    json_t *o = json_object();
    report_put_u(o, "attempted", c->attempted);
    report_put_u(o, "skipped", l->skipped);
    report_put_u(o, "failed", c->failed);
    report_put_u(o, "sent", c->sent);
    report_put_u(o, "saved", c->saved);
    report_put_u(o, "refused", c->refused);
    report_put(o, "refused_by_reason", report_reasons(&bench->refusals));
    report_put_u(o, "unknown", l->unknown);
    report_put_u(o, "unknown_delivered", l->unknown_delivered);
    report_put_u(o, "delivered_live", c->delivered_live);
    report_put_u(o, "delivered_resend", c->delivered_resend);
    report_put_u(o, "lost", l->lost);
    report_put_u(o, "lost_to_normal_receivers", l->lost_normal);
    put_b(o, "history_checked", l->history_checked);
    if (l->history_checked) {
        report_put_u(o, "lost_stored", l->lost_stored);
        report_put_u(o, "lost_gone", l->lost_gone);
        report_put_u(o, "unknown_stored", l->unknown_stored);
    }
    report_put_u(o, "dup", c->dup);
    report_put_u(o, "redelivered", c->redelivered);
    report_put_u(o, "reordered", c->reordered);
    report_put_u(o, "reordered_resend", c->reordered_resend);
    if (bench_has_groups(bench))
        report_put_group_ledger(o, bench);
    report_put_u(o, "gaps", l->gaps);
    report_put_u(o, "corrupt", c->corrupt);
    report_put_u(o, "misrouted", c->misrouted);
    report_put_u(o, "phantom", c->phantom);
    report_put_u(o, "seq_mismatch", c->seq_mismatch);
    put_b(o, "balanced", l->balanced);
    return o;
}

json_t *report_latency(const struct mn_hist *hist)
{
    static const struct {
        const char *name;
        double percent;
    } points[] = {
        {"p50_ns", 50}, {"p90_ns", 90}, {"p95_ns", 95}, {"p99_ns", 99}, {"p999_ns", 99.9}};
    json_t *o = json_object();
    report_put_u(o, "count", mn_hist_count(hist));
    if (mn_hist_count(hist) == 0)
        return o;
    report_put_u(o, "min_ns", mn_hist_min(hist));
    report_put_f(o, "mean_ns", mn_hist_mean(hist));
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        report_put_u(o, points[i].name, mn_hist_percentile(hist, points[i].percent));
    report_put_u(o, "max_ns", mn_hist_max(hist));
    json_t *buckets = json_array(); /* [upper bound in ns, count], only those with values */
    unsigned pos = 0;
    uint64_t upper, count;
    while (mn_hist_next(hist, &pos, &upper, &count))
        mn_ignore(json_array_append_new(buckets,
                                        json_pack("[I,I]", (json_int_t)upper, (json_int_t)count)));
    report_put(o, "buckets", buckets);
    return o;
}

static json_t *latencies(const struct bench *bench)
{
    const struct load_hists *hist = &bench->hist;
    json_t *o = json_object();
    report_put(o, "response", report_latency(hist->response));
    report_put(o, "service", report_latency(hist->service));
    report_put(o, "impaired_response", report_latency(hist->slow_response));
    report_put(o, "saved", report_latency(hist->saved));
    report_put(o, "connect", report_latency(hist->connect));
    report_put_part_latencies(o, bench);
    return o;
}

static json_t *server(const struct proc_sample *s)
{
    json_t *o = json_object();
    report_put_u(o, "rss_bytes", s->rss_bytes);
    report_put_f(o, "cpu_s", (double)s->cpu_ns / 1e9);
    report_put_u(o, "threads", s->threads);
    report_put_u(o, "fds", s->fds);
    return o;
}

static json_t *row(const struct bench_row *r)
{
    json_t *o = json_object();
    const struct load_counters *d = &r->delta;
    report_put_f(o, "at_s", r->at_s);
    put_s(o, "phase", bench_phase_name(r->phase));
    report_put_u(o, "connected", r->ready);
    report_put_f(o, "sent_per_s", (double)d->sent / r->span_s);
    report_put_f(o, "saved_per_s", (double)d->saved / r->span_s);
    report_put_f(o, "delivered_per_s", (double)load_delivered(d) / r->span_s);
    report_put_f(o, "pongs_per_s", (double)d->pongs / r->span_s);
    report_put_u(o, "delivered_resend", d->delivered_resend);
    report_put_u(o, "skipped", d->skipped_inflight + d->skipped_offline);
    report_put_u(o, "refused", d->refused);
    report_put_u(o, "errors", d->errors);
    report_put_u(o, "connect_attempts", d->connect_attempts);
    report_put_u(o, "connect_failures", d->connect_failures);
    report_put_u(o, "connections_lost", d->connections_lost);
    report_put_u(o, "p50_ns", r->p50);
    report_put_u(o, "p90_ns", r->p90);
    report_put_u(o, "p99_ns", r->p99);
    report_put_u(o, "max_ns", r->max);
    report_put_f(o, "tool_cpu", r->tool_cpu);
    if (r->http_ok + r->http_failed > 0) {
        report_put_f(o, "http_per_s", (double)r->http_ok / r->span_s);
        report_put_u(o, "http_failed", r->http_failed);
    }
    if (r->has_server) {
        json_t *s = server(&r->server);
        report_put_f(s, "cpu", r->server_cpu);
        report_put(o, "server", s);
    }
    return o;
}

static json_t *series(const struct bench *bench)
{
    json_t *a = json_array();
    for (size_t i = 0; i < bench->row_count; i++)
        mn_ignore(json_array_append_new(a, row(&bench->rows[i])));
    return a;
}

static json_t *generator(const struct bench *bench)
{
    json_t *o = json_object();
    report_put_f(o, "cpu_busiest_thread", bench->generator_cpu);
    put_b(o, "saturated", bench->saturated);
    bool open_loop = bench->opts.rate > 0 || bench->opts.interval_ns > 0;
    put_s(o, "lag_is", open_loop ? "actual minus intended send" : "length of a loop turn");
    report_put(o, "lag", report_latency(bench->hist.lag));
    if (bench->steady_s > 0)
        report_put_f(o, "cpu_cores",
                     (double)(bench->tool_cpu_drain_ns - bench->tool_cpu_steady_ns) / 1e9 /
                         bench->steady_s);
    if (bench->frames_per_cpu_s > 0)
        report_put_f(o, "frames_per_cpu_s", bench->frames_per_cpu_s);
    if (bench->generator_bytes_per_conn >= 0)
        report_put_f(o, "rss_per_conn_bytes", bench->generator_bytes_per_conn);
    return o;
}

static json_t *gates(const struct bench *bench)
{
    json_t *a = json_array();
    for (size_t i = 0; i < bench->opts.gates.count; i++) {
        json_t *o = json_object();
        put_s(o, "gate", bench->gates[i].text);
        put_b(o, "held", bench->gate_held[i]);
        put_s(o, "got", bench->gate_got[i]);
        mn_ignore(json_array_append_new(a, o));
    }
    return a;
}

static json_t *figures(const struct bench *bench)
{
    json_t *o = json_object();
    for (const struct bar_field *f = bench_fields(bench); f->name; f++)
        report_put(o, f->name, f->measured ? json_real(f->value) : json_null());
    return o;
}

json_t *bench_report_document(const struct bench *bench)
{
    json_t *o = json_object();
    report_put_u(o, "schema_version", RESULT_SCHEMA_VERSION);
    put_s(o, "tool", "minim bench");
    put_s(o, "version", MN_VERSION);
    if (bench->opts.scenario_name)
        put_s(o, "scenario", bench->opts.scenario_name);
    if (bench->opts.title)
        put_s(o, "title", bench->opts.title);
    put_s(o, "mode", bench->cmd == CMD_RECONNECT ? "reconnect" : bench->run.mode->name);
    report_put_u(o, "started_unix_ms", (uint64_t)bench->started_unix_ms);
    report_put_u(o, "seed", bench->run.seed);
    report_put_u(o, "run_id", bench->run.run_id);
    put_b(o, "interrupted", bench->interrupted);
    report_put(o, "parameters", parameters(bench));
    report_put(o, "machine", report_machine(&bench->machine));
    report_put(o, "phases", phases(bench));
    report_put_f(o, "steady_s", bench->steady_s);
    report_put(o, "figures", figures(bench));
    if (bench->ledger.measured)
        report_put(o, "ledger", ledger(bench));
    report_put_parts(o, bench);
    if (bench->cmd == CMD_PING) {
        report_put_u(o, "unanswered", bench->unanswered);
        report_put_u(o, "oldest_unanswered_ns", bench->oldest_ns);
    }
    if (bench->cmd == CMD_RECONNECT) {
        report_put_f(o, "outage_s", bench->outage_s);
        report_put_f(o, "recovery_s", bench->recovery_s);
    }
    report_put(o, "failures", report_reasons(&bench->failures));
    report_put(o, "latency", latencies(bench));
    report_put(o, "generator", generator(bench));
    report_put(o, "counters_total", counters(&bench->total));
    report_put(o, "counters_steady", counters(&bench->steady));
    report_put(o, "series", series(bench));
    report_put(o, "gates", gates(bench));
    return o;
}

bool bench_report_json(const json_t *doc, struct outputs *outputs)
{
    return outputs_write_json(outputs, doc, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
}
