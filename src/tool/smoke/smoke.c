/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `minim smoke`: options, the server (given or spawned), the scenarios one
 * after another, one JSON result, the exit code.  Main thread.
 */
#include "tool/smoke/smoke.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/kit/term.h"
#include "tool/smoke/junit.h"
#include "tool/tool.h"

/* Version of the result document (docs/bench.md). */
#define SMOKE_SCHEMA_VERSION 1
/* The spawned daemon resends early, and rings for a short time, so that nobody waits. */
#define SPAWN_RESEND_WAIT_NS UINT64_C(15000000000)

static const struct smoke_scenario scenarios[] = {
    {"basic", NULL, smoke_basic, false, false, false, "message, delivery, receipts, heartbeat"},
    {"idempotency", NULL, smoke_idempotency, false, false, false,
     "a client id twice is one message"},
    {"offline", NULL, smoke_offline, false, false, false, "messages wait for their receiver"},
    {"resend", "cron", smoke_resend, false, false, false, "what is not acknowledged comes again"},
    {"auth", NULL, smoke_auth, false, true, false, "bad tokens, expiry, REAUTH, kick, time limit"},
    {"session", NULL, smoke_session, true, false, false, "a login ends the sessions before it"},
    {"friend", NULL, smoke_friend, true, false, false, "a request told and accepted, and its chat"},
    {"group", NULL, smoke_group, true, false, false, "a group made, joined, spoken in and left"},
    {"revoke", NULL, smoke_revoke, true, false, false,
     "a message taken back, and who learns of it"},
    {"call", NULL, smoke_call, true, false, false, "a call: rung, taken, ended, busy, missed"},
    {"moments", NULL, smoke_moments, true, false, false,
     "posts, likes, comments, and who sees them"},
    {"protocol", NULL, smoke_protocol, false, false, false, "broken and hostile clients"},
    {"cluster", NULL, smoke_cluster, true, false, true,
     "users of two nodes (two --ws) reach each other"},
};
#define SCENARIO_COUNT MN_ARRAY_LEN(scenarios)

static const char *const spawn_options[] = {"--im.cron.resend.enabled=true",
                                            "--im.cron.resend.fixed-delay-ms=1000",
                                            "--minim.call.ring-timeout-ms=6000", NULL};

/* A signal handler has nothing but this to talk through. */
static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
    (void)signum;
    interrupted = 1;
}

bool smoke_is_interrupted(void) { return interrupted != 0; }

/* Ctrl-C ends the wait at hand (step.c), its scenario and the run; the daemon is ended. */
static void catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void usage(FILE *out)
{
    fputs("usage: minim smoke [options] [-- options of the spawned minimd]\n\nscenarios:\n", out);
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        fprintf(out, "  %-12s %s\n", scenarios[i].name, scenarios[i].help);
    fputs("\noptions:\n", out);
    opts_help(out, CMD_SMOKE);
}

static int fail_usage(const char *why)
{
    fprintf(stderr, "minim smoke: %s\n", why);
    return TOOL_EXIT_USAGE;
}

/* ---- choice of scenarios ---- */

static bool pick(bool picked[SCENARIO_COUNT], struct mn_str name)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++) {
        const char *alias = scenarios[i].alias;
        if (mn_str_is(name, scenarios[i].name) || (alias && mn_str_is(name, alias)))
            return picked[i] = true;
    }
    return false;
}

/* Returns the name that is none, or NULL. */
static const char *choose(const struct opts_list *names, bool picked[SCENARIO_COUNT])
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        picked[i] = names->count == 0;
    for (size_t i = 0; i < names->count; i++) {
        const char *p = names->item[i];
        for (;;) {
            size_t n = strcspn(p, ",");
            if (n == 3 && memcmp(p, "all", 3) == 0)
                memset(picked, true, SCENARIO_COUNT);
            else if (!pick(picked, mn_str_make(p, n)))
                return p;
            if (p[n] == '\0')
                break;
            p += n + 1;
        }
    }
    return NULL;
}

/* ---- running ---- */

static void finish_scenario(struct smoke *s)
{
    for (size_t i = 0; i < s->client_count; i++)
        ws_client_close(&s->client[i]);
    s->client_count = 0;
    s->user_count = 0;
}

/* Why a scenario is not run, or NULL. */
static const char *find_lack(const struct smoke *s, const struct smoke_scenario *scenario)
{
    if (smoke_is_interrupted())
        return "interrupted";
    if (scenario->needs_http && !s->has_http)
        return "needs --http";
    if (scenario->needs_nodes && s->ws_count < 2)
        return "needs two --ws";
    return scenario->needs_secret && !s->key.secret_len ? "needs --jwt-secret" : NULL;
}

static void print_scenario(const struct smoke *s, const char *lack, size_t steps, uint64_t took_ms)
{
    char skipped[48];
    snprintf(skipped, sizeof skipped, "skipped (%s)", lack ? lack : "");
    if (s->progress)
        term_clear();
    if (s->verbose)
        printf("%-12s %s  %zu steps, %.1f s\n", s->scenario,
               lack             ? skipped
               : s->interrupted ? "interrupted"
               : s->failed      ? "FAILED"
                                : "ok",
               steps, (double)took_ms / 1e3);
}

static bool run_scenario(struct smoke *s, const struct smoke_scenario *scenario, json_t *results)
{
    uint64_t from_ms = mn_mono_ms();
    const char *lack = find_lack(s, scenario);
    s->scenario = scenario->name;
    s->signs = !s->opts.login || scenario->needs_secret;
    s->steps = json_array();
    s->failed = s->interrupted = false;
    if (!lack)
        scenario->run(s);
    finish_scenario(s);
    uint64_t took_ms = mn_mono_ms() - from_ms;
    print_scenario(s, lack, json_array_size(s->steps), took_ms);
    json_t *result = json_pack("{s:s, s:b, s:b, s:I, s:o}", "scenario", scenario->name, "ok",
                               !s->failed && !lack && !s->interrupted, "skipped",
                               lack || s->interrupted, "duration_ms", (json_int_t)took_ms, "steps",
                               s->steps);
    if (lack || s->interrupted)
        mn_ignore(json_object_set_new(result, "reason", json_string(lack ? lack : "interrupted")));
    mn_ignore(json_array_append_new(results, result));
    return !s->failed;
}

static bool write_json(struct smoke *s, json_t *results, bool ok)
{
    json_t *doc = json_pack("{s:i, s:s, s:s, s:b, s:O}", "schema_version", SMOKE_SCHEMA_VERSION,
                            "tool", "minim smoke", "version", MN_VERSION, "ok", ok, "scenarios",
                            results);
    bool written = outputs_write_json(&s->outputs, doc, JSON_INDENT(1));
    json_decref(doc);
    return written;
}

static int run_all(struct smoke *s, const bool picked[SCENARIO_COUNT])
{
    bool ok = true;
    json_t *results = json_array();
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        if (picked[i] && !run_scenario(s, &scenarios[i], results))
            ok = false;
    if (smoke_is_interrupted())
        fputs("minim smoke: interrupted\n", stderr);
    ok = ok && !smoke_is_interrupted();
    if (s->opts.json && !write_json(s, results, ok))
        ok = false;
    if (s->opts.junit && !junit_write(results, &s->outputs))
        ok = false;
    json_decref(results);
    return ok ? TOOL_EXIT_OK : TOOL_EXIT_FAILED;
}

static enum mn_err open_targets(struct smoke *s, char *why, size_t cap)
{
    struct opts *opts = &s->opts;
    if (opts->ws.count == 0)
        opts->ws.item[opts->ws.count++] = url_default_ws(opts->http, opts->default_ws,
                                                         sizeof opts->default_ws);
    for (size_t i = 0; i < opts->ws.count; i++) {
        enum mn_err err = url_parse(opts->ws.item[i], "ws", &s->ws[i], why, cap);
        if (err)
            return err;
    }
    s->ws_count = opts->ws.count;
    if (!opts->http)
        return MN_OK;
    s->has_http = true;
    return http_client_open(&s->http, opts->http, why, cap);
}

static enum mn_err spawn_server(struct smoke *s)
{
    s->spawn.extra = s->opts.daemon_args;
    s->spawn.extra_count = s->opts.daemon_arg_count;
    s->spawn.defaults = spawn_options;
    s->spawn.keep = s->opts.keep;
    enum mn_err err = spawn_start(&s->spawn, s->opts.minimd);
    if (err)
        return err;
    s->opts.ws.item[s->opts.ws.count++] = s->spawn.ws;
    /* The HTTP port serves the same: two nodes, as far as a client can see. */
    snprintf(s->opts.default_ws, sizeof s->opts.default_ws, "ws%s/ws",
             s->spawn.http + strlen("http"));
    s->opts.ws.item[s->opts.ws.count++] = s->opts.default_ws;
    s->opts.http = s->spawn.http;
    s->opts.jwt_secret = s->spawn.secret;
    s->opts.resend_wait_ns = SPAWN_RESEND_WAIT_NS;
    return MN_OK;
}

static int execute(struct smoke *s, const bool picked[SCENARIO_COUNT])
{
    char why[256];
    catch_signals();
    enum mn_err err = s->opts.spawn ? spawn_server(s) : MN_OK;
    if (err)
        return err == MN_EINVAL ? TOOL_EXIT_USAGE : TOOL_EXIT_FAILED;
    if (s->opts.jwt_secret)
        s->key = (struct mn_jwt_key){.secret = s->opts.jwt_secret,
                                     .secret_len = strlen(s->opts.jwt_secret),
                                     .issuer = s->opts.issuer};
    s->next_uid = s->opts.user_base ? (int64_t)s->opts.user_base : mn_unix_ms() * 100000;
    s->timeout_ms = s->opts.timeout_ns / 1000000;
    s->verbose = !outputs_to_stdout(&s->outputs, OUTPUT_JSON) &&
                 !outputs_to_stdout(&s->outputs, OUTPUT_JUNIT);
    s->progress = isatty(STDERR_FILENO);
    int code = TOOL_EXIT_USAGE;
    if (open_targets(s, why, sizeof why) == MN_OK)
        code = run_all(s, picked);
    else
        mn_ignore(fail_usage(why));
    if (s->has_http)
        http_client_close(&s->http);
    if (s->opts.spawn && !spawn_stop(&s->spawn))
        code = TOOL_EXIT_FAILED;
    return code;
}

int smoke_command(int argc, char **argv)
{
    char why[256];
    bool picked[SCENARIO_COUNT];
    struct smoke *s = mn_new(struct smoke);
    s->http.fd = -1;
    opts_init(&s->opts, CMD_SMOKE);
    enum mn_err err = opts_parse(&s->opts, CMD_SMOKE, argc, argv, why, sizeof why);
    const char *unknown = err ? NULL : choose(&s->opts.scenarios, picked);
    if (unknown) {
        snprintf(why, sizeof why, "no such scenario: \"%.60s\"", unknown);
        err = MN_EINVAL;
    }
    if (!err)
        err = outputs_open(&s->outputs, &s->opts, why, sizeof why);
    int code = TOOL_EXIT_OK;
    if (err == MN_ENOTFOUND)
        usage(stdout);
    else
        code = err ? fail_usage(why) : execute(s, picked);
    outputs_close(&s->outputs);
    mn_free(s);
    return code;
}
