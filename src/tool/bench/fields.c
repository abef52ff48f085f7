/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a run by name, for gates and the JSON result. */
#include "base/mem.h"
#include "tool/bench/bench.h"
#include "tool/bench/cursors.h"
#include "tool/bench/group.h"
#include "tool/bench/http_load.h"
#include "tool/bench/lists.h"
#include "tool/load/logins.h"

#define FIELDS_MAX 96

struct table {
    struct bar_field field[FIELDS_MAX];
    size_t n;
};

static void put(struct table *t, const char *name, double value, bool measured)
{
    MN_BUG_ON(t->n + 1 >= FIELDS_MAX);
    struct bar_field field = {.name = name, .value = value, .measured = measured};
    MN_BUG_ON(!bar_find_unit(name, &field.unit));
    t->field[t->n++] = field;
}

static double per_s(const struct bench *bench, uint64_t n)
{
    return bench->steady_s > 0 ? (double)n / bench->steady_s : 0;
}

static void put_latencies(struct table *t, const struct bench *bench)
{
    const struct mn_hist *hist = bench->hist.response;
    bool any = mn_hist_count(hist) > 0;
    put(t, "min", any ? (double)mn_hist_min(hist) : 0, any);
    put(t, "mean", any ? mn_hist_mean(hist) : 0, any);
    put(t, "p50", (double)mn_hist_percentile(hist, 50), any);
    put(t, "p90", (double)mn_hist_percentile(hist, 90), any);
    put(t, "p95", (double)mn_hist_percentile(hist, 95), any);
    put(t, "p99", (double)mn_hist_percentile(hist, 99), any);
    put(t, "p999", (double)mn_hist_percentile(hist, 99.9), any);
    put(t, "max", any ? (double)mn_hist_max(hist) : 0, any);
    const struct mn_hist *saved = bench->hist.saved;
    any = mn_hist_count(saved) > 0;
    put(t, "saved_p50", (double)mn_hist_percentile(saved, 50), any);
    put(t, "saved_p99", (double)mn_hist_percentile(saved, 99), any);
}

static void put_messages(struct table *t, const struct bench *bench)
{
    const struct load_counters *total = &bench->total;
    const struct load_counters *steady = &bench->steady;
    const struct bench_ledger *ledger = &bench->ledger;
    bool single = bench->ran && ledger->measured;
    uint64_t delivered = load_delivered(steady);
    put(t, "delivered_per_s", per_s(bench, delivered), single);
    put(t, "saved_per_s", per_s(bench, steady->saved), single);
    put(t, "delivered", (double)load_delivered(total), single);
    put(t, "saved", (double)total->saved, single);
    put(t, "lost", (double)ledger->lost, single);
    put(t, "lost_gone", (double)ledger->lost_gone, single && ledger->history_checked);
    put(t, "dup", (double)total->dup, single);
    put(t, "reordered", (double)(total->reordered + total->reordered_resend), single);
    put(t, "gaps", (double)ledger->gaps, single);
    put(t, "corrupt",
        (double)(total->corrupt + total->misrouted + total->phantom + total->seq_mismatch), single);
    put(t, "unknown", (double)ledger->unknown, single);
    put(t, "refused", (double)total->refused, single);
    put(t, "skipped", (double)(total->skipped_inflight + total->skipped_offline), bench->ran);
    put(t, "failed", (double)total->failed, bench->ran);
    put(t, "sent_per_s", per_s(bench, steady->sent), bench->ran);
}

/* Two percentiles of a histogram that a mode may not have. */
static void put_hist(struct table *t, const char *p50, const char *p99, const struct mn_hist *hist)
{
    bool any = mn_hist_count(hist) > 0;
    put(t, p50, (double)mn_hist_percentile(hist, 50), any);
    put(t, p99, (double)mn_hist_percentile(hist, 99), any);
}

static void put_receipts(struct table *t, const struct bench *bench)
{
    const struct load_counters *total = &bench->total;
    bool measured = bench->ran && bench->receipts.measured;
    uint64_t missing = bench->receipts.missing + bench->receipts.missing_read;
    put_hist(t, "receipt_p50", "receipt_p99", bench->hist.receipt);
    put_hist(t, "read_receipt_p50", "read_receipt_p99", bench->hist.read_receipt);
    put(t, "receipts_missing", (double)missing, measured);
    put(t, "receipts_repeated", (double)total->receipts_repeated, measured);
    put(t, "receipts_backwards", (double)total->receipts_backward, measured);
    put(t, "receipts_unasked", (double)total->receipts_unasked, measured);
    if (!bench->run.cursors)
        return;
    const struct bench_cursors_result *r = bench_cursors_result(bench->run.cursors);
    bool any = mn_hist_count(r->hist) > 0;
    put_hist(t, "cursor_lag_p50", "cursor_lag_p99", r->hist);
    put(t, "cursor_lag_max", any ? (double)mn_hist_max(r->hist) : 0, any);
    put(t, "cursors_behind", (double)(r->unreached + r->behind), r->measured);
}

/* When the first, the middle and the last member had a message. */
static void put_group(struct table *t, const struct bench *bench)
{
    if (!bench_has_groups(bench))
        return;
    const struct load_hists *hist = &bench->hist;
    bool any = mn_hist_count(hist->last_member) > 0;
    put_hist(t, "first_p50", "first_p99", hist->first_member);
    put_hist(t, "median_p50", "median_p99", hist->median_member);
    put_hist(t, "last_p50", "last_p99", hist->last_member);
    put(t, "last_max", any ? (double)mn_hist_max(hist->last_member) : 0, any);
    put(t, "reordered_sender", (double)bench->total.reordered_sender, bench->ran);
    put(t, "notices", (double)bench->total.notices, bench->ran);
}

static void put_logins(struct table *t, const struct bench *bench)
{
    if (!bench->run.logins)
        return;
    struct logins_result r = logins_result(bench->run.logins);
    put_hist(t, "login_p50", "login_p99", r.hist);
    put(t, "login_failures", r.failed, true);
}

/* Percentiles and errors of what was asked over HTTP. */
static void put_http(struct table *t, const struct bench *bench)
{
    static const char *const names[PROFILE_KIND_COUNT][2] = {
        [PROFILE_HISTORY] = {"history_p50", "history_p99"},
        [PROFILE_CONVERSATIONS] = {"conversations_p50", "conversations_p99"},
        [PROFILE_LOGIN] = {"http_login_p50", "http_login_p99"}};
    if (!bench->http_load)
        return;
    const struct http_load_result *r = http_load_result(bench->http_load);
    uint64_t failed = 0, skipped = 0, ok = 0;
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++) {
        put_hist(t, names[k][0], names[k][1], r->hist[k]);
        failed += r->count[k].failed + r->count[k].unanswered;
        skipped += r->count[k].skipped;
        ok += r->count[k].steady_ok;
    }
    put(t, "http_per_s", per_s(bench, ok), bench->ran);
    put(t, "http_errors", (double)failed, bench->ran);
    put(t, "http_skipped", (double)skipped, bench->ran);
}

static void put_lists(struct table *t, const struct bench *bench)
{
    static const char *const names[LISTS_KIND_COUNT][2] = {
        {"conversations_p50", "conversations_p99"},
        {"group_conversations_p50", "group_conversations_p99"},
        {"history_p50", "history_p99"}};
    const struct lists *lists = bench->lists;
    if (!lists)
        return;
    for (int k = 0; k < LISTS_KIND_COUNT; k++)
        put_hist(t, names[k][0], names[k][1], lists->hist[k]);
    put(t, "http_per_s", per_s(bench, lists->ok), bench->ran);
    put(t, "http_errors", (double)lists->failed, bench->ran);
}

static void put_share(struct table *t, const char *name, double of, uint64_t among, bool known)
{
    known = known && among > 0;
    put(t, name, known ? of / (double)among : 0, known);
}

static void put_server(struct table *t, const struct bench *bench)
{
    const struct proc_sample *before = &bench->server_before;
    const struct proc_sample *after = &bench->server_after; /* all connected */
    bool known = before->valid && after->valid && bench->connected > 0;
    double grown = (double)after->rss_bytes - (double)before->rss_bytes;
    put(t, "rss_per_conn_bytes", known ? grown / bench->connected : 0, known);
    put(t, "server_rss_bytes", (double)bench->server_drain.rss_bytes, bench->server_drain.valid);
    if (bench->cmd == CMD_GROUP) {
        /* From the start of the run, when it knew nobody, to its end. */
        double members = (double)(bench->opts.groups * bench->opts.members);
        double more = (double)bench->server_drain.rss_bytes - (double)before->rss_bytes;
        bool filled = bench->opts.fill && before->valid && bench->server_drain.valid;
        put(t, "server_bytes_per_member", filled ? more / members : 0, filled);
    }
    uint64_t delivered = load_delivered(&bench->steady), messages = delivered + bench->steady.pongs;
    if (bench->cmd == CMD_GROUP)
        messages = bench->steady.saved; /* each of which is many deliveries */
    known = bench->server_steady.valid && bench->server_drain.valid && bench->cmd != CMD_RECONNECT;
    double cpu_us = ((double)bench->server_drain.cpu_ns - (double)bench->server_steady.cpu_ns) /
                    1e3;
    put_share(t, "server_cpu_us_per_msg", cpu_us, messages, known);
    if (bench->cmd == CMD_GROUP)
        put_share(t, "server_cpu_us_per_delivery", cpu_us, delivered, known);
}

/* Of the tool itself: what it can do, and whether it was in the way. */
static void put_generator(struct table *t, const struct bench *bench)
{
    const struct load_counters *steady = &bench->steady;
    put(t, "frames_per_s", per_s(bench, steady->frames_in + steady->frames_out), bench->ran);
    put(t, "frames_per_cpu_s", bench->frames_per_cpu_s, bench->frames_per_cpu_s > 0);
    put(t, "generator_bytes_per_conn", bench->generator_bytes_per_conn,
        bench->ran && bench->generator_bytes_per_conn >= 0);
    put(t, "saturated", bench->saturated, bench->ran);
}

const struct bar_field *bench_fields(const struct bench *bench)
{
    static struct table t;
    t = (struct table){.n = 0};
    put_latencies(&t, bench);
    put_messages(&t, bench);
    put_group(&t, bench);
    put_receipts(&t, bench);
    put_logins(&t, bench);
    put_http(&t, bench);
    put_lists(&t, bench);
    put(&t, "pongs_per_s", per_s(bench, bench->steady.pongs), bench->cmd == CMD_PING);
    put(&t, "unanswered", (double)bench->unanswered, bench->ran && bench->cmd == CMD_PING);
    put(&t, "errors", (double)(bench->total.errors + bench->total.bad_frames), true);
    put(&t, "connected", bench->connected, true);
    put(&t, "connect_failures", (double)bench->total.connect_failures, true);
    put(&t, "connections_lost", (double)bench->total.connections_lost, true);
    put(&t, "connect_s", bench->connect_s, bench->connected == bench->run.clients);
    put(&t, "recovery_s", bench->recovery_s, bench->recovery_s >= 0);
    put_server(&t, bench);
    put_generator(&t, bench);
    return t.field;
}
