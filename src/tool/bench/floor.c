/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `minim bench floor`: what no server on this machine can avoid, measured,
 * so that every recorded result stands beside its own limit.  With a
 * scenario file only the loop is measured, with that scenario's clients,
 * window and rate; the result has the names of a real run's figures.
 */
#include "tool/bench/floor.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench/bench.h"
#include "tool/bench/profile.h"
#include "tool/bench/report_json.h"
#include "tool/bench/scenario.h"
#include "tool/report/result.h"
#include "tool/tool.h"

/* What the protocol adds to a text: envelope, ids, frame header. */
#define ENVELOPE_BYTES 100
#define ANSWER_BYTES 100
#define PING_BYTES 60
/* Frames of one sender on the way: more would fill the socket buffers, and stop both sides. */
#define WINDOW_BYTES 65536
#define ALL_WINDOWS_BYTES ((uint64_t)256 << 20)
#define WINDOW_CLOSED 16
#define CLIENTS_DEFAULT 200
#define SPARE_FDS 64
#define SMALL_MESSAGE_BYTES 200
/* The loop is measured so often, and the best is taken: what disturbed the others is no floor. */
#define ROUNDS 3
/* Traffic after connecting, where connecting is what is measured. */
#define CONNECT_NS UINT64_C(1000000000)

static const unsigned batches[] = {1, 10, 100, 1000};
static const unsigned together[] = {1, 16};

struct floor_run {
    struct opts opts;
    struct outputs outputs;
    enum opts_cmd mode; /* of the scenario, or CMD_FLOOR: everything is measured */
    int64_t started_unix_ms;
    struct machine machine;
    int file;
    struct floor_sync sync[MN_ARRAY_LEN(batches)];
    struct floor_loop loopback[MN_ARRAY_LEN(together)];
    struct floor_loop rounds[ROUNDS];
    const struct floor_loop *loop;   /* the best of them */
    struct floor_loop_params params; /* of each round */
};

/* ---- measuring ---- */

static unsigned window_of(const struct opts *opts, unsigned clients, unsigned frame_bytes)
{
    bool open_loop = opts->rate > 0 || opts->interval_ns > 0;
    uint64_t most = WINDOW_BYTES / frame_bytes, window = most;
    if (opts->inflight > 0)
        window = opts->inflight;
    else if (!open_loop)
        window = WINDOW_CLOSED;
    window = window < most ? window : most;
    most = ALL_WINDOWS_BYTES / ((uint64_t)clients * frame_bytes);
    window = window < most ? window : most;
    return window > 0 ? (unsigned)window : 1;
}

static bool is_about_connecting(const struct floor_run *run)
{
    return run->mode == CMD_CONNECT || run->mode == CMD_RECONNECT;
}

static void choose(struct floor_run *run)
{
    const struct opts *opts = &run->opts;
    struct floor_loop_params *p = &run->params;
    bool messages = run->mode & CMD_CHAT || run->mode == CMD_FLOOR;
    unsigned senders = (unsigned)opts->clients / (messages ? 2 : 1);
    *p = (struct floor_loop_params){.clients = (unsigned)opts->clients,
                                    .deliver = messages,
                                    .answer_bytes = ANSWER_BYTES,
                                    .frame_bytes = (unsigned)opts->body_bytes + ENVELOPE_BYTES,
                                    .commit_fd = messages ? run->file : -1,
                                    .duration_ns = opts->duration_ns / ROUNDS};
    if (!messages)
        p->frame_bytes = p->answer_bytes = PING_BYTES;
    p->rate = opts->rate;
    if (opts->interval_ns > 0)
        p->rate = senders * 1e9 / (double)opts->interval_ns;
    /* Only the connections count in these; one frame each a second keeps the loop going. */
    if (is_about_connecting(run)) {
        p->rate = p->clients;
        p->duration_ns = p->duration_ns < CONNECT_NS ? p->duration_ns : CONNECT_NS;
    }
    /* Whichever is the better way: much waits in a closed loop, nothing in an open one. */
    p->pipelined = messages && p->rate <= 0;
    p->window = window_of(opts, p->clients, p->frame_bytes);
}

/* The bare server has the clients' connections too, but in its own process. */
static void raise_fd_limit(uint64_t clients)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= clients + SPARE_FDS)
        return;
    limit.rlim_cur = clients + SPARE_FDS;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    mn_ignore(setrlimit(RLIMIT_NOFILE, &limit));
}

static bool measure_basics(struct floor_run *run)
{
    uint64_t ns = run->opts.duration_ns;
    bool ok = true;
    for (size_t i = 0; i < MN_ARRAY_LEN(batches) && ok; i++)
        ok = floor_sync(run->file, batches[i], SMALL_MESSAGE_BYTES, ns, &run->sync[i]);
    for (size_t i = 0; i < MN_ARRAY_LEN(together) && ok; i++) {
        struct floor_loop_params p = {.clients = 1,
                                      .window = together[i],
                                      .frame_bytes = SMALL_MESSAGE_BYTES,
                                      .answer_bytes = SMALL_MESSAGE_BYTES,
                                      .commit_fd = -1,
                                      .duration_ns = ns};
        ok = floor_loop(&p, &run->loopback[i]);
    }
    return ok;
}

static bool is_better(const struct floor_run *run, const struct floor_loop *a,
                      const struct floor_loop *b)
{
    if (is_about_connecting(run))
        return a->connect_s < b->connect_s;
    if (run->params.rate > 0)
        return mn_hist_percentile(a->hist, 99) < mn_hist_percentile(b->hist, 99);
    return a->messages_per_s > b->messages_per_s;
}

static bool measure_loop(struct floor_run *run)
{
    bool ok = true;
    for (size_t i = 0; i < ROUNDS && ok; i++) {
        ok = floor_loop(&run->params, &run->rounds[i]);
        if (i == 0 || is_better(run, &run->rounds[i], run->loop))
            run->loop = &run->rounds[i];
    }
    return ok;
}

static bool measure(struct floor_run *run)
{
    run->file = floor_file();
    if (run->file < 0)
        return false;
    if (run->opts.fit)
        bench_fit_clients(&run->opts);
    choose(run);
    raise_fd_limit(run->params.clients);
    bool ok = run->mode != CMD_FLOOR || measure_basics(run);
    ok = ok && measure_loop(run);
    close(run->file);
    return ok;
}

/* ---- report ---- */

#define MS(hist, percent) ((double)mn_hist_percentile(hist, percent) / 1e6)

static void print_percentiles(FILE *out, const struct mn_hist *hist)
{
    fprintf(out, " %9.3f %9.3f %9.3f\n", MS(hist, 50), MS(hist, 99), MS(hist, 99.9));
}

static void print_basics(FILE *out, const struct floor_run *run)
{
    fprintf(out,
            "fdatasync, 200-byte messages appended to a written file in %s\n"
            "  messages a commit   commits/s   messages/s   p50, ms       p99     p99.9\n",
            run->machine.sync_dir);
    for (size_t i = 0; i < MN_ARRAY_LEN(batches); i++) {
        fprintf(out, "  %17u %11.0f %12.0f", run->sync[i].batch, run->sync[i].commits_per_s,
                run->sync[i].messages_per_s);
        print_percentiles(out, run->sync[i].hist);
    }
    fprintf(out, "\nloopback, one connection, 200 bytes there and back\n"
                 "  frames together                  messages/s   p50, ms       p99     p99.9\n");
    for (size_t i = 0; i < MN_ARRAY_LEN(together); i++) {
        fprintf(out, "  %17u %24.0f", together[i], run->loopback[i].messages_per_s);
        print_percentiles(out, run->loopback[i].hist);
    }
    fputc('\n', out);
}

static void print_text(FILE *out, const struct floor_run *run)
{
    const struct floor_loop_params *p = &run->params;
    const struct floor_loop *l = run->loop;
    fprintf(out, "minim bench floor%s%s\n", run->opts.scenario_name ? ": " : "",
            run->opts.scenario_name ? run->opts.scenario_name : "");
    if (run->mode == CMD_FLOOR)
        print_basics(out, run);
    fprintf(out, "read, %s%s by %u clients",
            p->pipelined        ? "commit on a thread, answer"
            : p->commit_fd >= 0 ? "commit, answer"
                                : "answer",
            p->deliver ? ", deliver;" : ";", p->clients);
    if (p->rate > 0)
        fprintf(out, ", %.0f a second\n", p->rate);
    else
        fprintf(out, ", %u frames of each on the way\n", p->window);
    fprintf(out,
            "                                   messages/s   p50, ms       p99     p99.9\n"
            "  %42.0f",
            l->messages_per_s);
    print_percentiles(out, l->hist);
    fprintf(out, "  all connected in %.3f s; %.1f us of server CPU a message", l->connect_s,
            l->server_cpu_us);
    if (l->batch > 0)
        fprintf(out, "; %.1f messages a commit", l->batch);
    if (l->skipped > 0)
        fprintf(out, "; %llu sends skipped", (unsigned long long)l->skipped);
    fputc('\n', out);
}

static json_t *basics(const struct floor_run *run, const char *which)
{
    json_t *a = json_array();
    bool sync = strcmp(which, "sync") == 0;
    size_t n = sync ? MN_ARRAY_LEN(batches) : MN_ARRAY_LEN(together);
    for (size_t i = 0; i < n; i++) {
        const struct mn_hist *hist = sync ? run->sync[i].hist : run->loopback[i].hist;
        json_t *o = json_object();
        report_put_u(o, sync ? "batch" : "together", sync ? batches[i] : together[i]);
        if (sync)
            report_put_f(o, "commits_per_s", run->sync[i].commits_per_s);
        report_put_f(o, "messages_per_s",
                     sync ? run->sync[i].messages_per_s : run->loopback[i].messages_per_s);
        report_put(o, "latency", report_latency(hist));
        mn_ignore(json_array_append_new(a, o));
    }
    return a;
}

static json_t *parameters(const struct floor_run *run)
{
    const struct floor_loop_params *p = &run->params;
    json_t *o = json_object();
    report_put_u(o, "clients", p->clients);
    report_put_u(o, "window", p->window);
    report_put_f(o, "rate_per_s", p->rate);
    report_put_u(o, "frame_bytes", p->frame_bytes);
    report_put_u(o, "answer_bytes", p->answer_bytes);
    report_put(o, "deliver", json_boolean(p->deliver));
    report_put(o, "commit", json_boolean(p->commit_fd >= 0));
    report_put(o, "pipelined", json_boolean(p->pipelined));
    report_put_f(o, "duration_s", (double)p->duration_ns / 1e9);
    return o;
}

/* Under the names that a real run has for the same. */
static json_t *figures(const struct floor_run *run)
{
    static const struct {
        const char *name;
        double percent;
    } points[] = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p999", 99.9}};
    const struct floor_loop *l = run->loop;
    json_t *o = json_object();
    report_put_f(o, run->mode == CMD_RECONNECT ? "recovery_s" : "connect_s", l->connect_s);
    if (is_about_connecting(run))
        return o;
    report_put_f(o, run->params.deliver ? "delivered_per_s" : "pongs_per_s", l->messages_per_s);
    for (size_t i = 0; i < MN_ARRAY_LEN(points); i++)
        report_put_f(o, points[i].name, (double)mn_hist_percentile(l->hist, points[i].percent));
    report_put_f(o, "server_cpu_us_per_msg", l->server_cpu_us);
    return o;
}

static json_t *document(const struct floor_run *run)
{
    json_t *o = json_object(), *latency = json_object();
    report_put_u(o, "schema_version", RESULT_SCHEMA_VERSION);
    report_put(o, "tool", json_string("minim bench"));
    report_put(o, "version", json_string(MN_VERSION));
    report_put(o, "mode", json_string("floor"));
    if (run->opts.scenario_name)
        report_put(o, "scenario", json_string(run->opts.scenario_name));
    report_put_u(o, "started_unix_ms", (uint64_t)run->started_unix_ms);
    report_put(o, "parameters", parameters(run));
    report_put(o, "machine", report_machine(&run->machine));
    report_put(o, "figures", figures(run));
    if (run->mode == CMD_FLOOR) {
        report_put(o, "sync", basics(run, "sync"));
        report_put(o, "loopback", basics(run, "loopback"));
    }
    if (run->loop->batch > 0)
        report_put_f(o, "messages_per_commit", run->loop->batch);
    report_put(latency, "response", report_latency(run->loop->hist));
    report_put(o, "latency", latency);
    return o;
}

static bool report(struct floor_run *run)
{
    if (!outputs_to_stdout(&run->outputs, OUTPUT_JSON))
        print_text(stdout, run);
    if (!run->opts.json)
        return true;
    json_t *doc = document(run);
    bool ok = bench_report_json(doc, &run->outputs);
    json_decref(doc);
    return ok;
}

/* ---- command ---- */

static void new_hists(struct floor_run *run)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(batches); i++)
        run->sync[i].hist = mn_hist_new();
    for (size_t i = 0; i < MN_ARRAY_LEN(together); i++)
        run->loopback[i].hist = mn_hist_new();
    for (size_t i = 0; i < ROUNDS; i++)
        run->rounds[i].hist = mn_hist_new();
}

static void free_hists(struct floor_run *run)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(batches); i++)
        mn_hist_free(run->sync[i].hist);
    for (size_t i = 0; i < MN_ARRAY_LEN(together); i++)
        mn_hist_free(run->loopback[i].hist);
    for (size_t i = 0; i < ROUNDS; i++)
        mn_hist_free(run->rounds[i].hist);
}

static int execute(struct floor_run *run)
{
    if (run->mode & (CMD_FLOOR | CMD_CHAT) && run->opts.clients % 2 != 0) {
        fputs("minim bench floor: --clients must be even\n", stderr);
        return TOOL_EXIT_USAGE;
    }
    run->started_unix_ms = mn_unix_ms();
    machine_read(NULL, &run->machine);
    new_hists(run);
    bool ok = measure(run) && report(run);
    free_hists(run);
    return ok ? TOOL_EXIT_OK : TOOL_EXIT_FAILED;
}

static int usage(FILE *out, int code)
{
    fputs("usage: minim bench floor [options]\n\n"
          "Measures what no server on this machine can avoid: committing, and passing\n"
          "frames through sockets, alone and together.  With --scenario: together only,\n"
          "as that scenario does it.\n\n",
          out);
    opts_help(out, CMD_FLOOR);
    return code;
}

/* The scenario's options come first, as those of its own mode; what the floor has not is ignored. */
static enum mn_err take_scenario(struct floor_run *run, struct scenario *scenario, char *why,
                                 size_t cap)
{
    enum mn_err err = scenario_load(scenario, run->opts.scenarios.item[0], why, cap);
    uint64_t duration_ns = run->opts.duration_ns;
    if (err)
        return err;
    if (!bench_find_cmd(scenario->mode, &run->mode)) {
        snprintf(why, cap, "%.100s: no such mode \"%.60s\"", scenario->path, scenario->mode);
        return MN_EINVAL;
    }
    opts_init(&run->opts, run->mode);
    err = scenario_apply(scenario, &run->opts, run->mode, why, cap);
    run->opts.duration_ns = duration_ns;
    return err;
}

/* Twice over the command line: first for the scenario's name, then over what that has set. */
static enum mn_err take_options(struct floor_run *run, struct scenario *scenario, int argc,
                                char **argv, char *why, size_t cap)
{
    run->mode = CMD_FLOOR;
    opts_init(&run->opts, CMD_FLOOR);
    enum mn_err err = opts_parse(&run->opts, CMD_FLOOR, argc, argv, why, cap);
    if (err || run->opts.scenarios.count == 0)
        return err;
    err = take_scenario(run, scenario, why, cap);
    if (!err)
        err = opts_parse(&run->opts, CMD_FLOOR, argc, argv, why, cap);
    if (err || run->mode != CMD_MIXED)
        return err;
    /* Of a mixed load the floor knows the messages only. */
    struct profile profile;
    err = profile_load(&profile, run->opts.profile, why, cap);
    if (!err)
        run->opts.rate *= profile_share(&profile, PROFILE_SINGLE);
    return err;
}

int floor_command(int argc, char **argv)
{
    char why[256];
    struct scenario scenario = {.text = NULL};
    struct floor_run *run = mn_new(struct floor_run);
    int code = TOOL_EXIT_USAGE;
    enum mn_err err = take_options(run, &scenario, argc, argv, why, sizeof why);
    if (!err)
        err = outputs_open(&run->outputs, &run->opts, why, sizeof why);
    if (err == MN_ENOTFOUND)
        code = usage(stdout, TOOL_EXIT_OK);
    else if (err)
        fprintf(stderr, "minim bench floor: %s\n", why);
    else
        code = execute(run);
    outputs_close(&run->outputs);
    scenario_deinit(&scenario);
    mn_free(run);
    return code;
}
