/* SPDX-License-Identifier: Apache-2.0 */
/* What only some modes have in the result document: logins, receipts, cursors, HTTP. */
#include <jansson.h>

#include "tool/bench/bench.h"
#include "tool/bench/cursors.h"
#include "tool/bench/http_load.h"
#include "tool/bench/lists.h"
#include "tool/bench/report_json.h"
#include "tool/load/logins.h"

static json_t *receipts(const struct bench *bench)
{
    const struct load_counters *c = &bench->total;
    json_t *o = json_object();
    report_put_u(o, "acks_delivered", c->acks_sent);
    report_put_u(o, "acks_read", c->reads_sent);
    report_put_u(o, "receipts_delivered", c->receipts_delivered);
    report_put_u(o, "receipts_read", c->receipts_read);
    report_put_u(o, "missing_delivered", bench->receipts.missing);
    report_put_u(o, "missing_read", bench->receipts.missing_read);
    report_put_u(o, "repeated", c->receipts_repeated);
    report_put_u(o, "backwards", c->receipts_backward);
    report_put_u(o, "unasked", c->receipts_unasked);
    report_put_u(o, "cut", c->receipts_cut);
    return o;
}

static json_t *logins(const struct logins_result *r)
{
    json_t *o = json_object();
    report_put_u(o, "asked", r->asked);
    report_put_u(o, "ok", r->ok);
    report_put_u(o, "failed", r->failed);
    report_put_u(o, "connections", r->threads);
    report_put_f(o, "took_s", r->took_s);
    report_put_u(o, "refreshed", r->refreshed);
    report_put_u(o, "refresh_failed", r->refresh_failed);
    return o;
}

static json_t *cursors(const struct bench_cursors_result *r)
{
    json_t *o = json_object();
    json_t *sample = json_array(); /* client numbers of the senders who asked */
    for (unsigned i = 0; i < r->sample; i++)
        mn_ignore(json_array_append_new(sample, json_integer(r->indices[i])));
    report_put_u(o, "conversations", r->sample);
    report_put_u(o, "of", r->pairs);
    report_put_u(o, "requests", r->looks);
    report_put_u(o, "failed", r->failed);
    report_put_u(o, "unreached", r->unreached);
    report_put_u(o, "behind", r->behind);
    report_put(o, "senders", sample);
    return o;
}

static json_t *http_count(const struct bench *bench, const struct http_load_count *c)
{
    json_t *o = json_object();
    report_put_u(o, "attempted", c->attempted);
    report_put_u(o, "skipped", c->skipped);
    report_put_u(o, "ok", c->ok);
    report_put_u(o, "failed", c->failed);
    report_put_u(o, "unanswered", c->unanswered);
    if (bench->steady_s > 0)
        report_put_f(o, "per_s", (double)c->steady_ok / bench->steady_s);
    return o;
}

static json_t *http(const struct bench *bench)
{
    const struct http_load_result *r = http_load_result(bench->http_load);
    json_t *o = json_object();
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++)
        report_put(o, profile_name((enum profile_kind)k), http_count(bench, &r->count[k]));
    report_put(o, "failures", report_reasons(&r->failures));
    report_put_u(o, "connections", r->connections);
    report_put(o, "balanced", json_boolean(r->balanced));
    return o;
}

static json_t *lists_parameters(const struct bench *bench)
{
    json_t *o = json_object();
    report_put_u(o, "chats", bench->opts.chats);
    report_put_u(o, "groups", bench->opts.groups);
    report_put_u(o, "stored", bench->opts.stored);
    report_put_u(o, "page", bench->opts.page);
    report_put_u(o, "ok", bench->lists->ok);
    report_put_u(o, "failed", bench->lists->failed);
    report_put(o, "failures", report_reasons(&bench->lists->failures));
    return o;
}

void report_put_parts(json_t *o, const struct bench *bench)
{
    if (bench->run.logins) {
        struct logins_result result = logins_result(bench->run.logins);
        report_put(o, "logins", logins(&result));
    }
    if (bench->receipts.measured)
        report_put(o, "receipts", receipts(bench));
    if (bench->run.cursors)
        report_put(o, "cursors", cursors(bench_cursors_result(bench->run.cursors)));
    if (bench->http_load)
        report_put(o, "http", http(bench));
    if (bench->lists)
        report_put(o, "lists", lists_parameters(bench));
}

/* They are there when they have values. */
static void put_latency(json_t *o, const char *name, const struct mn_hist *hist)
{
    if (mn_hist_count(hist) > 0)
        report_put(o, name, report_latency(hist));
}

static void put_list_latencies(json_t *o, const struct lists *lists)
{
    char name[32];
    for (int k = 0; k < LISTS_KIND_COUNT; k++) {
        snprintf(name, sizeof name, "http_%s", lists_name((enum lists_kind)k));
        put_latency(o, name, lists->hist[k]);
    }
}

static void put_http_latencies(json_t *o, const struct http_load_result *r)
{
    char name[32];
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++) {
        snprintf(name, sizeof name, "http_%s", profile_name((enum profile_kind)k));
        put_latency(o, name, r->hist[k]);
    }
    put_latency(o, "http_wait", r->wait);
}

void report_put_part_latencies(json_t *o, const struct bench *bench)
{
    const struct load_hists *hist = &bench->hist;
    if (bench->run.logins)
        put_latency(o, "login", logins_result(bench->run.logins).hist);
    put_latency(o, "first_member", hist->first_member);
    put_latency(o, "median_member", hist->median_member);
    put_latency(o, "last_member", hist->last_member);
    put_latency(o, "receipt", hist->receipt);
    put_latency(o, "read_receipt", hist->read_receipt);
    if (bench->run.cursors)
        put_latency(o, "cursor_lag", bench_cursors_result(bench->run.cursors)->hist);
    if (bench->lists)
        put_list_latencies(o, bench->lists);
    if (bench->http_load)
        put_http_latencies(o, http_load_result(bench->http_load));
}

static const char *loopback_name(int loopback)
{
    static const char *const names[] = {"off", "memory", "commit"};
    return names[loopback];
}

void report_put_group(json_t *o, const struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    report_put_u(o, "groups", opts->groups);
    report_put_u(o, "members", opts->members);
    report_put_u(o, "online", opts->online);
    report_put_u(o, "senders", opts->senders);
    report_put(o, "loopback", json_string(loopback_name(opts->loopback)));
    report_put(o, "fill", json_boolean(opts->fill));
    report_put_u(o, "stored", opts->stored);
    report_put_f(o, "sample_pct", opts->sample_pct);
    report_put_f(o, "ack_every_s", (double)opts->ack_every_ns / 1e9);
}

void report_put_group_ledger(json_t *o, const struct bench *bench)
{
    const struct load_counters *c = &bench->total;
    report_put_u(o, "expected", c->expected);
    report_put_u(o, "delivered_unwatched", c->delivered_unwatched);
    report_put_u(o, "reordered_sender", c->reordered_sender);
    report_put_u(o, "notices", c->notices);
}

void report_put_profile(json_t *o, const struct bench *bench)
{
    char text[160];
    int n = snprintf(text, sizeof text, "read=%g page=%u", bench->profile.read_pct,
                     (unsigned)bench->profile.page);
    for (int k = 0; k < PROFILE_KIND_COUNT; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, " %s=%g",
                      profile_name((enum profile_kind)k), bench->profile.weight[k]);
    report_put(o, "profile", json_string(text));
    report_put_f(o, "messages_per_s", bench->run.message_rate);
    report_put_u(o, "http_connections", bench->opts.http_connections);
}
