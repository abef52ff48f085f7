/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `minim bench MODE`: options, the server (given or spawned), the run, the
 * reports, the gates.  Main thread.
 */
#include "tool/bench/bench.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "proto/ws.h"
#include "tool/bench/cursors.h"
#include "tool/bench/group.h"
#include "tool/bench/http_load.h"
#include "tool/bench/lists.h"
#include "tool/bench/scenario.h"
#include "tool/kit/url.h"
#include "tool/ledger/ledger_file.h"
#include "tool/load/logins.h"
#include "tool/report/report_html.h"
#include "tool/tool.h"

/* One source address has 28,000 ports; above so many clients one is not enough. */
#define CLIENTS_PER_SOURCE 25000
/* Unanswered messages of a sender that nobody said anything about. */
#define INFLIGHT_CLOSED_LOOP 16
#define INFLIGHT_OPEN_LOOP 1000
/* Descriptors besides the connections. */
#define SPARE_FDS 256

/* Left free by --fit, for the server's store and listeners. */
#define FIT_SPARE_FDS 500

struct mode {
    const char *name;
    enum opts_cmd cmd;
    const struct load_mode *mode;
    const char *help;
    const char *about; /* for its own help */
};

static const struct mode modes[] = {
    {"connect", CMD_CONNECT, &bench_mode_connect, "connect and authenticate, then hold",
     "Connects and authenticates clients at a rate, and holds the connections: how\n"
     "many, how fast, failures by cause, memory for each."},
    {"ping", CMD_PING, &bench_mode_ping, "every client sends PING each interval",
     "Every client sends PING each interval; every PONG is matched to its PING."},
    {"single-e2e", CMD_SINGLE, &bench_mode_single, "messages from senders to receivers",
     "Messages from senders to receivers, in pairs; each is followed until it came.\n"
     "Closed loop: --inflight unanswered ones a sender; open loop: --rate or\n"
     "--interval."},
    {"group", CMD_GROUP, &bench_mode_group, "messages to groups, followed to every member",
     "Members of groups send, and each message is followed to every other member:\n"
     "delivered, doubled, reordered, and when the first, the middle and the last one\n"
     "had it.  Closed loop: --inflight unanswered ones a sender; open loop: --rate or\n"
     "--interval."},
    {"ack", CMD_ACK, &bench_mode_ack, "single-e2e, with receipts and cursors",
     "single-e2e whose receivers send delivered and read for everything: the time to\n"
     "the receipts, and how far the cursors lag behind."},
    {"mixed", CMD_MIXED, &bench_mode_mixed, "all that users do, in the shares of a profile",
     "Messages, receipts, history pages and logins in the shares of a profile."},
    {"lists", CMD_LISTS, &bench_mode_lists, "conversation lists and history pages of a full store",
     "Fills the store of a daemon of its own, then reads over HTTP, one request after\n"
     "the other: the lists of a user with many chats and groups, and pages of the\n"
     "history of a group with very many messages."},
    {"reconnect", CMD_RECONNECT, &bench_mode_connect, "restart a spawned server under its clients",
     "Starts a server, connects, ends the server with a signal, starts it again: how\n"
     "long the outage is, and how long until everybody is back."},
};

/* What works on results and on the machine, without a server. */
static const struct {
    const char *name;
    tool_command_fn run;
    const char *help;
} others[] = {
    {"plot", plot_command, "page and pictures of a recorded result"},
    {"compare", compare_command,
     "results beside each other: which differences are more than noise"},
    {"floor", floor_command, "what no server on this machine can avoid"},
};

static int usage(FILE *out, int code)
{
    fputs("usage: minim bench MODE [options] [-- options of the spawned minimd]\n"
          "       minim bench --scenario FILE [options that override it] [-- ...]\n\nmodes:\n",
          out);
    for (size_t i = 0; i < MN_ARRAY_LEN(modes); i++)
        fprintf(out, "  %-12s %s\n", modes[i].name, modes[i].help);
    fputs("\nbesides:\n", out);
    for (size_t i = 0; i < MN_ARRAY_LEN(others); i++)
        fprintf(out, "  %-12s %s\n", others[i].name, others[i].help);
    fputs("\n`minim bench MODE --help` lists the options of a mode.\n", out);
    return code;
}

static void mode_usage(const struct mode *mode)
{
    printf("usage: minim bench %s [options]%s\n\n%s\n\n", mode->name,
           mode->cmd & (CMD_RECONNECT | CMD_LISTS) ? " [-- options of the spawned minimd]"
                                                   : " [--spawn [-- options of the minimd]]",
           mode->about);
    opts_help(stdout, mode->cmd);
}

static int fail_usage(const char *why)
{
    fprintf(stderr, "minim bench: %s\n", why);
    return TOOL_EXIT_USAGE;
}

/* ---- set-up ---- */

static enum mn_err parse_gates(struct bench *bench, char *why, size_t cap)
{
    for (size_t i = 0; i < bench->opts.gates.count; i++) {
        enum mn_err err = bar_parse(bench->opts.gates.item[i], &bench->gates[i], why, cap);
        if (err)
            return err;
    }
    return MN_OK;
}

static enum mn_err add_target(struct load_run *run, const char *text, char *why, size_t cap)
{
    struct url url;
    struct load_target *target = &run->targets[run->target_count];
    enum mn_err err = url_parse(text, "ws", &url, why, cap);
    if (err)
        return err;
    target->url = text;
    target->addr = url.addr;
    target->addr_len = url.addr_len;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&url.addr;
    target->is_loopback4 = url.addr.ss_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
    /* The key is the same for all: it guards against caches, of which there are none here. */
    target->request_len = (size_t)snprintf(
        target->request, sizeof target->request,
        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: bWluaW0gYmVuY2ggY2xpZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        url.path, url.authority);
    if (target->request_len >= sizeof target->request)
        return MN_EINVAL;
    run->target_count++;
    return MN_OK;
}

void bench_fit_clients(struct opts *opts)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY)
        return;
    struct rlimit more = {.rlim_cur = limit.rlim_cur, .rlim_max = opts->clients + FIT_SPARE_FDS};
    if (limit.rlim_max >= more.rlim_max || setrlimit(RLIMIT_NOFILE, &more) == 0)
        return;
    uint64_t most = limit.rlim_max > 2 * FIT_SPARE_FDS ? limit.rlim_max - FIT_SPARE_FDS
                                                       : limit.rlim_max / 2;
    if (opts->clients > most)
        opts->clients = most & ~UINT64_C(1);
}

static void raise_fd_limit(uint64_t clients)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)(clients + SPARE_FDS);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) {
        struct rlimit more = {.rlim_cur = wanted, .rlim_max = wanted};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            return;
        fprintf(stderr,
                "minim bench: only %llu descriptors are allowed here (ulimit -n), %llu wanted\n",
                (unsigned long long)limit.rlim_max, (unsigned long long)wanted);
        wanted = limit.rlim_max;
    }
    limit.rlim_cur = wanted;
    mn_ignore(setrlimit(RLIMIT_NOFILE, &limit));
}

static void choose(struct bench *bench)
{
    struct load_run *run = &bench->run;
    struct opts *opts = &bench->opts;
    if (opts->inflight == 0)
        opts->inflight = opts->rate > 0 || opts->interval_ns > 0 ? INFLIGHT_OPEN_LOOP
                                                                 : INFLIGHT_CLOSED_LOOP;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    mn_rand_bytes(&run->run_id, sizeof run->run_id);
    run->seed = opts->seed;
    if (run->seed == 0)
        mn_rand_bytes(&run->seed, sizeof run->seed);
    run->clients = (unsigned)opts->clients;
    run->bundle = bench_has_groups(bench) ? (unsigned)opts->online : 2;
    run->message_rate = opts->rate;
    run->group_rate = opts->rate;
    if (bench->cmd == CMD_MIXED) {
        run->message_rate *= profile_share(&bench->profile, PROFILE_SINGLE);
        run->group_rate *= profile_share(&bench->profile, PROFILE_GROUP);
    }
    run->thread_count = (unsigned)opts->threads;
    if (run->thread_count == 0)
        run->thread_count = cores >= 8 ? (unsigned)cores / 4 : 1;
    unsigned bundles = (run->clients + run->bundle - 1) / run->bundle;
    if (run->thread_count > bundles)
        run->thread_count = bundles;
    run->source_addresses = (unsigned)opts->source_addresses;
    if (run->source_addresses == 0)
        run->source_addresses = run->clients > CLIENTS_PER_SOURCE
                                    ? run->clients / (CLIENTS_PER_SOURCE / 2) + 1
                                    : 1;
    /* Ids never used before: milliseconds since 1970, with room for 100,000 users in each. */
    run->user_base = opts->user_base ? (int64_t)opts->user_base : mn_unix_ms() * 100000;
    if (opts->jwt_secret)
        run->key = (struct mn_jwt_key){.secret = opts->jwt_secret,
                                       .secret_len = strlen(opts->jwt_secret),
                                       .issuer = opts->issuer};
}

static enum mn_err spawn_server(struct bench *bench)
{
    struct opts *opts = &bench->opts;
    bench->daemon_options = mn_alloc_array(opts->daemon_options.count + opts->daemon_arg_count + 1,
                                           sizeof(char *));
    for (size_t i = 0; i < opts->daemon_options.count; i++)
        bench->daemon_options[i] = (char *)(uintptr_t)opts->daemon_options.item[i];
    for (size_t i = 0; i < opts->daemon_arg_count; i++)
        bench->daemon_options[opts->daemon_options.count + i] = opts->daemon_args[i];
    bench->spawn.extra = bench->daemon_options;
    bench->spawn.extra_count = opts->daemon_options.count + opts->daemon_arg_count;
    bench->spawn.defaults = spawn_no_limits;
    bench->spawn.keep = opts->keep;
    enum mn_err err = spawn_start(&bench->spawn, opts->minimd);
    if (err)
        return err;
    opts->ws.item[opts->ws.count++] = bench->spawn.ws;
    opts->http = bench->spawn.http;
    opts->jwt_secret = bench->spawn.secret;
    bench->pid = bench->spawn.pid;
    return MN_OK;
}

/* --loopback: its address, secret and process stand for a server's. */
static bool start_loopback(struct bench *bench)
{
    struct opts *opts = &bench->opts;
    if (opts->user_base == 0)
        opts->user_base = (uint64_t)mn_unix_ms() * 100000;
    if (!loopback_start(&bench->loopback, opts, (int64_t)opts->user_base))
        return false;
    opts->ws.item[opts->ws.count++] = bench->loopback.ws;
    opts->jwt_secret = bench->loopback.secret;
    bench->pid = bench->loopback.pid;
    return true;
}

/* ---- the end ---- */

static bool judge_gates(struct bench *bench)
{
    bool all = true;
    const struct bar_field *fields = bench_fields(bench);
    for (size_t i = 0; i < bench->opts.gates.count; i++) {
        bench->gate_held[i] = bar_holds(&bench->gates[i], fields, bench->gate_got[i],
                                        sizeof bench->gate_got[i]);
        all = all && bench->gate_held[i];
    }
    return all;
}

static int report(struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    bool ok = judge_gates(bench) && !bench->ledger_file_failed;
    if (!outputs_to_stdout(&bench->outputs, OUTPUT_JSON) &&
        !outputs_to_stdout(&bench->outputs, OUTPUT_HTML))
        bench_report_text(bench, stdout);
    if (opts->json || opts->html) {
        json_t *doc = bench_report_document(bench);
        ok = (!opts->json || bench_report_json(doc, &bench->outputs)) && ok;
        ok = (!opts->html || report_html(doc, &bench->outputs)) && ok;
        json_decref(doc);
    }
    return ok ? TOOL_EXIT_OK : TOOL_EXIT_FAILED;
}

/* What of acknowledgements is followed; after load_run_init(), which makes the pairs. */
static void follow_receipts(struct bench *bench)
{
    struct load_run *run = &bench->run;
    run->asks_receipts = bench->cmd & (CMD_ACK | CMD_MIXED);
    run->read_pct = bench->cmd == CMD_ACK     ? 100
                    : bench->cmd == CMD_MIXED ? bench->profile.read_pct
                                              : 0;
    if (run->asks_receipts && bench->opts.http && run->clients >= 2)
        run->cursors = bench_cursors_new(run, bench->opts.http);
}

static int run_and_report(struct bench *bench)
{
    if (bench->opts.ws.count == 0)
        bench->opts.ws.item[bench->opts.ws.count++] = url_default_ws(
            bench->opts.http, bench->opts.default_ws, sizeof bench->opts.default_ws);
    char why[256] = "the address is too long";
    for (size_t i = 0; i < bench->opts.ws.count; i++) {
        if (add_target(&bench->run, bench->opts.ws.item[i], why, sizeof why) != MN_OK)
            return fail_usage(why);
    }
    choose(bench);
    if (bench->opts.ledger) {
        bench->run.ledger_fd = ledger_file_create(bench->opts.ledger);
        if (bench->run.ledger_fd < 0) {
            fprintf(stderr, "minim bench: --ledger %s: %s\n", bench->opts.ledger, strerror(errno));
            return TOOL_EXIT_USAGE;
        }
    }
    machine_read(bench->opts.keep      ? bench->opts.keep
                 : bench->spawn.dir[0] ? bench->spawn.dir
                                       : NULL,
                 &bench->machine);
    if (bench->opts.login && !bench_login(bench))
        return TOOL_EXIT_FAILED;
    if (bench_has_groups(bench) && !bench_groups_make(bench))
        return TOOL_EXIT_FAILED;
    load_run_init(&bench->run, &bench->opts, bench->run.mode);
    follow_receipts(bench);
    if (bench->cmd == CMD_MIXED) {
        bench->http_load = http_load_new(&bench->run, &bench->profile, bench->opts.http,
                                         (unsigned)bench->opts.http_connections);
        if (!bench->http_load)
            return TOOL_EXIT_USAGE;
    }
    bool ran = bench_run(bench);
    bench_finish(bench);
    int code = report(bench);
    return bench_has_measured(bench, ran) ? code : TOOL_EXIT_FAILED;
}

/* No connections, and no threads: what reads is this one. */
static int run_lists(struct bench *bench)
{
    choose(bench);
    bench->run.thread_count = 0;
    load_hists_init(&bench->hist);
    machine_read(bench->opts.keep ? bench->opts.keep : bench->spawn.dir, &bench->machine);
    bool ran = lists_run(bench);
    int code = report(bench);
    return bench_has_measured(bench, ran) ? code : TOOL_EXIT_FAILED;
}

/* Whole groups of as many clients as there may be; one at least. */
static void fit_groups(struct opts *opts)
{
    opts->groups = opts->clients > opts->online ? opts->clients / opts->online : 1;
    opts->clients = opts->groups * opts->online;
}

static int execute(struct bench *bench)
{
    int code = TOOL_EXIT_FAILED;
    bench_catch_signals();
    bench->started_unix_ms = mn_unix_ms();
    bench->progress = isatty(STDERR_FILENO);
    bench->pid = (int64_t)bench->opts.pid;
    bench->recovery_s = -1;
    bench->clients_asked = bench->opts.clients;
    if (bench->opts.fit)
        bench_fit_clients(&bench->opts);
    if (bench->cmd == CMD_GROUP)
        fit_groups(&bench->opts);
    raise_fd_limit(bench->opts.clients);
    enum mn_err err = bench->opts.spawn ? spawn_server(bench) : MN_OK;
    if (!err && bench->cmd == CMD_LISTS)
        code = run_lists(bench);
    else if (!err && (!bench->opts.loopback || start_loopback(bench)))
        code = run_and_report(bench);
    else if (err == MN_EINVAL)
        code = TOOL_EXIT_USAGE;
    if (bench->opts.spawn && !spawn_stop(&bench->spawn))
        code = TOOL_EXIT_FAILED;
    if (!loopback_stop(&bench->loopback))
        code = TOOL_EXIT_FAILED;
    bench_cursors_free(bench->run.cursors);
    http_load_free(bench->http_load);
    lists_free(bench->lists);
    load_run_deinit(&bench->run);
    bench_groups_free(bench);
    logins_free(bench->run.logins);
    load_hists_deinit(&bench->hist);
    mn_free(bench->daemon_options);
    mn_free(bench->rows);
    return code;
}

/* Groups in a profile: of so many clients each, who all send; the pairs within are as ever. */
static enum mn_err take_group_size(struct bench *bench, char *why, size_t cap)
{
    struct opts *opts = &bench->opts;
    opts->online = opts->senders = opts->members;
    opts->groups = opts->clients / opts->members;
    if (opts->groups > 0 && opts->members % 2 == 0 && opts->clients % opts->members == 0)
        return MN_OK;
    snprintf(why, cap,
             "--members must be even, and divide --clients: the profile has groups of them");
    return MN_EINVAL;
}

/* `scenario` NULL: all options are in argv, whose first member is skipped. */
static int run_mode(const struct mode *mode, const struct scenario *scenario, int argc, char **argv)
{
    char why[256];
    struct bench *bench = mn_new(struct bench);
    bench->cmd = mode->cmd;
    bench->run.mode = mode->mode;
    opts_init(&bench->opts, bench->cmd);
    enum mn_err err = MN_OK;
    if (scenario)
        err = scenario_apply(scenario, &bench->opts, bench->cmd, why, sizeof why);
    if (!err)
        err = opts_parse(&bench->opts, bench->cmd, argc, argv, why, sizeof why);
    if (!err)
        err = parse_gates(bench, why, sizeof why);
    if (!err && mode->cmd == CMD_MIXED)
        err = profile_load(&bench->profile, bench->opts.profile, why, sizeof why);
    if (!err && mode->cmd == CMD_MIXED && bench_has_groups(bench))
        err = take_group_size(bench, why, sizeof why);
    if (!err)
        err = outputs_open(&bench->outputs, &bench->opts, why, sizeof why);
    int code = TOOL_EXIT_OK;
    if (err == MN_ENOTFOUND)
        mode_usage(mode);
    else
        code = err ? fail_usage(why) : execute(bench);
    outputs_close(&bench->outputs);
    mn_free(bench);
    return code;
}

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(modes); i++)
        if (strcmp(name, modes[i].name) == 0)
            return &modes[i];
    return NULL;
}

bool bench_find_cmd(const char *name, enum opts_cmd *ret)
{
    const struct mode *mode = find_mode(name);
    if (mode)
        *ret = mode->cmd;
    return mode != NULL;
}

/* argv: what follows the name of the file, with one member before it. */
static int run_scenario(const char *path, int argc, char **argv)
{
    char why[256];
    struct scenario scenario;
    if (scenario_load(&scenario, path, why, sizeof why) != MN_OK)
        return fail_usage(why);
    const struct mode *mode = find_mode(scenario.mode);
    int code;
    if (mode) {
        code = run_mode(mode, &scenario, argc, argv);
    } else {
        snprintf(why, sizeof why, "%.100s: no such mode \"%.60s\"", path, scenario.mode);
        code = fail_usage(why);
    }
    scenario_deinit(&scenario);
    return code;
}

int bench_command(int argc, char **argv)
{
    static const char scenario[] = "--scenario";
    if (argc < 2)
        return usage(stderr, TOOL_EXIT_USAGE);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return usage(stdout, TOOL_EXIT_OK);
    for (size_t i = 0; i < MN_ARRAY_LEN(others); i++)
        if (strcmp(name, others[i].name) == 0)
            return others[i].run(argc - 1, argv + 1);
    if (strcmp(name, scenario) == 0 && argc > 2)
        return run_scenario(argv[2], argc - 2, argv + 2);
    if (strncmp(name, scenario, sizeof scenario - 1) == 0 && name[sizeof scenario - 1] == '=')
        return run_scenario(name + sizeof scenario, argc - 1, argv + 1);
    const struct mode *mode = find_mode(name);
    if (mode)
        return run_mode(mode, NULL, argc - 1, argv + 1);
    fprintf(stderr, "minim bench: no such mode \"%.60s\"\n", name);
    return usage(stderr, TOOL_EXIT_USAGE);
}
