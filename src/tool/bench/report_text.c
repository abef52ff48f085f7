/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a bench run for a person. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tool/bench/bench.h"
#include "tool/bench/cursors.h"
#include "tool/bench/group.h"
#include "tool/bench/http_load.h"
#include "tool/bench/lists.h"
#include "tool/kit/term.h"
#include "tool/load/logins.h"

#define MS(ns) ((double)(ns) / 1e6)

/* Four digits, in seven columns with the gap. */
static void print_ms(FILE *out, uint64_t ns)
{
    double ms = MS(ns);
    int decimals = ms < 9.9995 ? 3 : ms < 99.995 ? 2 : ms < 999.95 ? 1 : 0;
    fprintf(out, " %6.*f", decimals, ms);
}

static void latency_line(FILE *out, const char *name, const struct mn_hist *hist)
{
    static const double percents[] = {50, 90, 95, 99, 99.9};
    if (mn_hist_count(hist) == 0)
        return;
    fprintf(out, "  %-18s", name);
    print_ms(out, mn_hist_min(hist));
    for (size_t i = 0; i < MN_ARRAY_LEN(percents); i++)
        print_ms(out, mn_hist_percentile(hist, percents[i]));
    print_ms(out, mn_hist_max(hist));
    fprintf(out, " %10" PRIu64 "\n", mn_hist_count(hist));
}

static void http_latencies(FILE *out, const struct bench *bench)
{
    if (!bench->http_load)
        return;
    const struct http_load_result *r = http_load_result(bench->http_load);
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++) {
        char name[32];
        snprintf(name, sizeof name, "http %s", profile_name((enum profile_kind)k));
        latency_line(out, name, r->hist[k]);
    }
    latency_line(out, "  wait for a conn.", r->wait);
}

static void latency_table(FILE *out, const struct bench *bench)
{
    fprintf(out, "\n%-20s    min    p50    p90    p95    p99  p99.9    max      count\n",
            "latency, ms");
    bool ping = bench->cmd == CMD_PING;
    latency_line(out, ping ? "PING to PONG" : "end to end", bench->hist.response);
    latency_line(out, "  from actual send", bench->hist.service);
    latency_line(out, "  first member", bench->hist.first_member);
    latency_line(out, "  median member", bench->hist.median_member);
    latency_line(out, "  last member", bench->hist.last_member);
    latency_line(out, "impaired receivers", bench->hist.slow_response);
    latency_line(out, "send to saved", bench->hist.saved);
    latency_line(out, "ACK to receipt", bench->hist.receipt);
    latency_line(out, "  of reading", bench->hist.read_receipt);
    if (bench->run.cursors)
        latency_line(out, "read to cursor", bench_cursors_result(bench->run.cursors)->hist);
    latency_line(out, "connect to AUTH_OK", bench->hist.connect);
    if (bench->run.logins)
        latency_line(out, "login", logins_result(bench->run.logins).hist);
    http_latencies(out, bench);
}

static void reasons(FILE *out, const char *title, const struct load_reasons *r)
{
    if (r->count == 0)
        return;
    fprintf(out, "%s\n", title);
    for (unsigned i = 0; i < r->count; i++)
        fprintf(out, "  %10" PRIu64 "  %s\n", r->item[i].count, r->item[i].text);
}

static void logins(FILE *out, const struct bench *bench)
{
    if (!bench->run.logins)
        return;
    struct logins_result r = logins_result(bench->run.logins);
    fprintf(out,
            "logins          %u of %u in %.2f s over %u connections, %u failed; %" PRIu64
            " tokens refreshed, %" PRIu64 " refreshes failed\n",
            r.ok, r.asked, r.took_s, r.threads, r.failed, r.refreshed, r.refresh_failed);
}

static void connections(FILE *out, const struct bench *bench)
{
    const struct load_counters *c = &bench->total;
    fprintf(out,
            "connections     %u of %u authenticated in %.2f s; %" PRIu64 " attempts, %" PRIu64
            " failed, %" PRIu64 " lost later\n",
            bench->connected, bench->run.clients, bench->connect_s, c->connect_attempts,
            c->connect_failures, c->connections_lost);
    if (bench->opts.no_read_pct > 0)
        fprintf(out,
                "                %" PRIu64 " that did not read had been closed by the server\n",
                c->deaf_closed);
    if (c->flapped)
        fprintf(out, "                %" PRIu64 " cut on purpose\n", c->flapped);
    if (bench->cmd == CMD_RECONNECT && bench->recovery_s >= 0)
        fprintf(out, "restart         down for %.2f s; port open to all authenticated %.2f s\n",
                bench->outage_s, bench->recovery_s);
    if (bench->cmd == CMD_RECONNECT && bench->recovery_s < 0)
        fprintf(out, "restart         not all clients came back\n");
}

static void groups(FILE *out, const struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    if (!bench_has_groups(bench))
        return;
    fprintf(out, "groups          %llu of %llu members, %llu connect, %llu send; made in %.2f s\n",
            (unsigned long long)opts->groups, (unsigned long long)opts->members,
            (unsigned long long)opts->online, (unsigned long long)opts->senders,
            bench->groups_made_s);
    if (opts->loopback)
        fputs("                LOOPBACK: no server, a bare process that passes messages on\n", out);
    if (opts->sample_pct < 100)
        fprintf(
            out,
            "                SAMPLE: %g%% of the members are followed; of the others what came\n"
            "                is only counted\n",
            opts->sample_pct);
}

static void messages(FILE *out, const struct bench *bench)
{
    const struct load_counters *c = &bench->total;
    const struct load_counters *s = &bench->steady;
    const struct bench_ledger *l = &bench->ledger;
    double t = bench->steady_s;
    char due[40] = "saved";
    if (bench_has_groups(bench))
        snprintf(due, sizeof due, "copies %" PRIu64, c->expected);
    if (!l->measured || t <= 0)
        return;
    fprintf(out, "steady phase    %.1f s: %.0f sent/s, %.0f saved/s, %.0f delivered/s\n", t,
            (double)s->sent / t, (double)s->saved / t, (double)load_delivered(s) / t);
    fprintf(out,
            "\nledger          attempted %" PRIu64 " = skipped %" PRIu64 " + failed %" PRIu64
            " + sent %" PRIu64 "\n"
            "                sent = saved %" PRIu64 " + refused %" PRIu64 " + unknown %" PRIu64 "\n"
            "                %s = live %" PRIu64 " + resend %" PRIu64 " + lost %" PRIu64 "%s\n",
            c->attempted, l->skipped, c->failed, c->sent, c->saved, c->refused, l->unknown, due,
            c->delivered_live, c->delivered_resend, l->lost, l->balanced ? "" : "   NOT BALANCED");
    if (l->unknown_delivered)
        fprintf(out, "                %" PRIu64 " of the unknown were delivered\n",
                l->unknown_delivered);
    if (l->history_checked && l->lost + l->unknown > 0)
        fprintf(out,
                "                history has %" PRIu64 " of the lost and %" PRIu64
                " of the undelivered unknown\n",
                l->lost_stored, l->unknown_stored);
    fprintf(out,
            "                dup %" PRIu64 "  redelivered %" PRIu64 "  reordered %" PRIu64
            "  gaps %" PRIu64 "  corrupt %" PRIu64 "\n",
            c->dup, c->redelivered, c->reordered + c->reordered_resend, l->gaps,
            c->corrupt + c->misrouted + c->phantom + c->seq_mismatch);
    if (bench_has_groups(bench))
        fprintf(out,
                "                of these reordered within a sender %" PRIu64 "; notices %" PRIu64
                "\n",
                c->reordered_sender, c->notices);
    fprintf(out, "                acks %" PRIu64 "  receipts %" PRIu64 "  sent again %" PRIu64 "\n",
            c->acks_sent + c->group_acks, c->receipts, c->retried);
}

static void receipts(FILE *out, const struct bench *bench)
{
    const struct load_counters *c = &bench->total;
    if (!bench->receipts.measured)
        return;
    fprintf(out,
            "receipts        delivered %" PRIu64 " of %" PRIu64 " acks, missing %" PRIu64
            "; read %" PRIu64 " of %" PRIu64 " acks, missing %" PRIu64 "\n"
            "                repeated %" PRIu64 "  backwards %" PRIu64 "  unasked %" PRIu64
            "  cut %" PRIu64 "\n",
            c->receipts_delivered, c->acks_sent, bench->receipts.missing, c->receipts_read,
            c->reads_sent, bench->receipts.missing_read, c->receipts_repeated, c->receipts_backward,
            c->receipts_unasked, c->receipts_cut);
    if (!bench->run.cursors)
        return;
    const struct bench_cursors_result *r = bench_cursors_result(bench->run.cursors);
    fprintf(out,
            "cursors         %u of %u conversations watched with %" PRIu64 " requests, %" PRIu64
            " failed; %" PRIu64 " not seen in time, %" PRIu64 " behind at the end\n",
            r->sample, r->pairs, r->looks, r->failed, r->unreached, r->behind);
}

static void http(FILE *out, const struct bench *bench)
{
    if (!bench->http_load || bench->steady_s <= 0)
        return;
    const struct http_load_result *r = http_load_result(bench->http_load);
    const char *title = "http";
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++) {
        const struct http_load_count *c = &r->count[k];
        if (c->attempted == 0)
            continue;
        fprintf(out,
                "%-15s %-13s attempted %" PRIu64 " = skipped %" PRIu64 " + ok %" PRIu64
                " + failed %" PRIu64 " + unanswered %" PRIu64 "; %.1f/s\n",
                title, profile_name((enum profile_kind)k), c->attempted, c->skipped, c->ok,
                c->failed, c->unanswered, (double)c->steady_ok / bench->steady_s);
        title = "";
    }
    fprintf(out, "                over %u connections%s\n", r->connections,
            r->balanced ? "" : "   NOT BALANCED");
}

static void pings(FILE *out, const struct bench *bench)
{
    if (bench->cmd != CMD_PING || bench->steady_s <= 0)
        return;
    fprintf(out,
            "pings           %" PRIu64 " sent, %" PRIu64 " answered, %" PRIu64
            " unanswered (oldest %.1f s), %" PRIu64 " skipped; %.0f/s\n",
            bench->total.pings, bench->total.pongs, bench->unanswered,
            (double)bench->oldest_ns / 1e9, bench->total.skipped_offline + bench->total.failed,
            (double)bench->steady.pongs / bench->steady_s);
}

static void server(FILE *out, const struct bench *bench)
{
    const struct proc_sample *from = &bench->server_steady, *to = &bench->server_drain;
    if (!from->valid || !to->valid || bench->steady_s <= 0)
        return;
    fprintf(out, "server          %.1f MiB, %" PRIu64 " threads, %" PRIu64 " descriptors",
            (double)to->rss_bytes / 1048576, to->threads, to->fds);
    if (to->cpu_ns >= from->cpu_ns)
        fprintf(out, ", %.2f cores", (double)(to->cpu_ns - from->cpu_ns) / 1e9 / bench->steady_s);
    for (const struct bar_field *f = bench_fields(bench); f->name; f++) {
        if (!f->measured)
            continue;
        if (strcmp(f->name, "server_cpu_us_per_msg") == 0)
            fprintf(out, ", %.1f us CPU a message", f->value);
        if (strcmp(f->name, "server_cpu_us_per_delivery") == 0)
            fprintf(out, ", %.2f us a delivery", f->value);
        if (strcmp(f->name, "rss_per_conn_bytes") == 0 && !(bench->cmd & CMD_MESSAGES))
            fprintf(out, ", %.0f bytes a connection", f->value);
    }
    fputc('\n', out);
}

static void generator(FILE *out, const struct bench *bench)
{
    if (bench->steady_s <= 0)
        return;
    const struct load_counters *s = &bench->steady;
    fprintf(out, "generator       %.0f%% of a core in its busiest thread, lag p99 %.3f ms%s\n",
            bench->generator_cpu * 100, MS(mn_hist_percentile(bench->hist.lag, 99)),
            bench->saturated ? "   SATURATED: this is a figure of the generator" : "");
    if (s->writes + s->reads > 0)
        fprintf(out,
                "                %.0f frames/s, %.0f a second of CPU; %.1f a write, %.1f a read\n",
                (double)(s->frames_in + s->frames_out) / bench->steady_s, bench->frames_per_cpu_s,
                (double)s->frames_out / (double)(s->writes + !s->writes),
                (double)s->frames_in / (double)(s->reads + !s->reads));
    if (bench->generator_bytes_per_conn >= 0)
        fprintf(out, "                %.0f bytes of its memory a connection\n",
                bench->generator_bytes_per_conn);
}

static void print_lists(FILE *out, const struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    const struct lists *lists = bench->lists;
    fprintf(out,
            "filled          %llu chats and %llu groups of one user, a group with %llu messages;\n"
            "                in %.1f s\n"
            "requests        %" PRIu64 " in %.1f s, one after the other; %" PRIu64 " failed\n",
            (unsigned long long)opts->chats, (unsigned long long)opts->groups,
            (unsigned long long)opts->stored, bench->groups_made_s, lists->ok + lists->failed,
            bench->steady_s, lists->failed);
    server(out, bench);
    fprintf(out, "\n%-20s    min    p50    p90    p95    p99  p99.9    max      count\n",
            "latency, ms");
    latency_line(out, "conversations", lists->hist[LISTS_CONVERSATIONS]);
    latency_line(out, "  of groups", lists->hist[LISTS_GROUP_CONVERSATIONS]);
    latency_line(out, "page of history", lists->hist[LISTS_HISTORY]);
    reasons(out, "\nfailures by cause", &lists->failures);
}

static void print_gates(FILE *out, const struct bench *bench)
{
    for (size_t i = 0; i < bench->opts.gates.count; i++)
        fprintf(out, "%sgate %-28s %s (%s)\n", i == 0 ? "\n" : "", bench->gates[i].text,
                bench->gate_held[i] ? "held" : "MISSED", bench->gate_got[i]);
}

static void print_all(FILE *out, const struct bench *bench)
{
    fprintf(out, "minim bench %s%s\n",
            bench->cmd == CMD_RECONNECT ? "reconnect" : bench->run.mode->name,
            bench->interrupted ? " (ended early)" : "");
    if (bench->lists) {
        print_lists(out, bench);
        print_gates(out, bench);
        return;
    }
    logins(out, bench);
    groups(out, bench);
    connections(out, bench);
    pings(out, bench);
    messages(out, bench);
    receipts(out, bench);
    http(out, bench);
    server(out, bench);
    generator(out, bench);
    latency_table(out, bench);
    reasons(out, "\nerrors by reason", &bench->refusals);
    reasons(out, "\nfailures by cause", &bench->failures);
    if (bench->http_load)
        reasons(out, "\nhttp failures by cause", &http_load_result(bench->http_load)->failures);
    print_gates(out, bench);
}

void bench_report_text(const struct bench *bench, FILE *out)
{
    char *text = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&text, &n);
    MN_BUG_ON(!memory);
    print_all(memory, bench);
    MN_BUG_ON(fclose(memory) != 0);
    term_print(out, text);
    free(text); /* open_memstream's own */
}
