/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /metrics: the table of base/metrics.h in the Prometheus text format
 * 0.0.4, and the usual figures of the process under the usual names.  Any
 * thread; what other threads count meanwhile may or may not be in it.
 */
#include "base/metrics.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ops/internal.h"
#include "ops/procinfo.h"
#include "proto/envelope.h"

enum kind { COUNTER, GAUGE };

static const struct {
    enum kind kind;
    const char *name, *labels, *help;
} rows[MN_M_COUNT] = {
#define ROW(sym, row_kind, row_name, row_labels, row_help)                                         \
    [MN_M_##sym] = {row_kind, row_name, row_labels, row_help},
    MN_METRIC_MAP(ROW)
#undef ROW
};

static const struct {
    const char *name, *help;
    double divisor;
} hists[MN_MH_COUNT] = {
#define ROW(sym, row_name, row_help, row_divisor) [MN_MH_##sym] = {row_name, row_help, row_divisor},
    MN_METRIC_HIST_MAP(ROW)
#undef ROW
};

static const struct {
    const char *name, *label, *help;
} families[MN_MF_COUNT] = {
#define ROW(sym, row_name, row_label, row_help) [MN_MF_##sym] = {row_name, row_label, row_help},
    MN_METRIC_FAMILY_MAP(ROW)
#undef ROW
};
_Static_assert(MN_TYPE_COUNT <= MN_METRIC_MEMBERS, "a family has room for every frame type");

static void head(struct mn_buf *out, const char *name, const char *type, const char *help)
{
    mn_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Name of a member; NULL: it never counts. Member 0 of what comes in is what no type is. */
static const char *member_name(enum mn_metric_family family, unsigned member)
{
    if (family == MN_MF_FRAMES_IN && member == MN_TYPE_UNKNOWN)
        return "other";
    if (family == MN_MF_FRAMES_IN && !mn_type_is_inbound((enum mn_type)member))
        return NULL;
    return member == MN_TYPE_UNKNOWN ? NULL : mn_type_name((enum mn_type)member);
}

/* The members of the family with this name, if there is one. */
static void add_family(const struct mn_metrics *metrics, struct mn_buf *out, const char *name)
{
    for (unsigned f = 0; f < MN_MF_COUNT; f++)
        for (unsigned i = 0; i < MN_TYPE_COUNT && strcmp(families[f].name, name) == 0; i++) {
            const char *member = member_name((enum mn_metric_family)f, i);
            if (member)
                mn_buf_addf(out, "%s{%s=\"%s\"} %lld\n", name, families[f].label, member,
                            (long long)mn_metrics_sum_of(metrics, (enum mn_metric_family)f, i));
        }
}

/* HELP and TYPE may be there once for a name: rows of one name stand together in the table. */
static void add_rows(const struct mn_metrics *metrics, struct mn_buf *out)
{
    for (unsigned i = 0; i < MN_M_COUNT; i++) {
        const char *name = rows[i].name, *labels = rows[i].labels;
        if (i == 0 || strcmp(name, rows[i - 1].name) != 0) {
            head(out, name, rows[i].kind == COUNTER ? "counter" : "gauge", rows[i].help);
            add_family(metrics, out, name);
        }
        mn_buf_add_z(out, name);
        if (labels[0] != '\0')
            mn_buf_addf(out, "{%s}", labels);
        mn_buf_add_char(out, ' ');
        mn_buf_add_i64(out, mn_metrics_sum(metrics, (enum mn_metric)i));
        mn_buf_add_char(out, '\n');
    }
}

static void add_hist(const struct mn_metrics *metrics, struct mn_buf *out, unsigned h)
{
    uint64_t bucket[MN_METRIC_BUCKETS], sum = 0, count = 0;
    mn_metrics_sum_hist(metrics, (enum mn_metric_hist)h, bucket, &sum);
    head(out, hists[h].name, "histogram", hists[h].help);
    for (unsigned i = 0; i + 1 < MN_METRIC_BUCKETS; i++) {
        count += bucket[i];
        /* Bucket i holds whole numbers below 2^i. */
        mn_buf_addf(out, "%s_bucket{le=\"%.9g\"} %llu\n", hists[h].name,
                    (double)((UINT64_C(1) << i) - 1) / hists[h].divisor, (unsigned long long)count);
    }
    count += bucket[MN_METRIC_BUCKETS - 1];
    mn_buf_addf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", hists[h].name,
                (unsigned long long)count, hists[h].name, (double)sum / hists[h].divisor,
                hists[h].name, (unsigned long long)count);
}

static void gauge(struct mn_buf *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "gauge", help);
    mn_buf_addf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void add_process(const struct mn_ops *ops, struct mn_buf *out)
{
    struct mn_procinfo info;
    mn_procinfo_read(&info);
    gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes",
          info.resident_bytes);
    gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes", info.virtual_bytes);
    gauge(out, "process_open_fds", "Open file descriptors", info.open_fds);
    gauge(out, "process_max_fds", "Ceiling of open file descriptors", info.max_fds);
    gauge(out, "process_threads", "Threads", info.threads);
    head(out, "process_cpu_seconds_total", "counter", "User and system CPU time in seconds");
    mn_buf_addf(out, "process_cpu_seconds_total %.3f\n", info.cpu_seconds);
    head(out, "process_start_time_seconds", "gauge", "Start time in seconds since the Unix epoch");
    mn_buf_addf(out, "process_start_time_seconds %.3f\n", (double)ops->started_unix_ms / 1000);
    head(out, "minim_log_lines_lost_total", "counter",
         "Log lines that found no room or could not be written");
    mn_buf_addf(out, "minim_log_lines_lost_total %llu\n",
                (unsigned long long)(ops->config.log ? mn_log_lost(ops->config.log) : 0));
    head(out, "minim_build_info", "gauge", "Version of minimd; always 1");
    mn_buf_addf(out, "minim_build_info{version=\"%s\"} 1\n", ops->config.version);
}

static void add_ready(const struct mn_ops *ops, struct mn_buf *out)
{
    struct mn_buf ignored;
    mn_buf_init(&ignored, 1024);
    head(out, "minim_ready", "gauge", "Whether /readyz says ready");
    mn_buf_addf(out, "minim_ready %d\n", mn_ops_ready(ops, &ignored) ? 1 : 0);
    mn_buf_deinit(&ignored);
}

enum mn_err mn_ops_metrics(const struct mn_ops *ops, struct mn_buf *body)
{
    if (ops->config.hide_metrics)
        return MN_EPERM;
    add_rows(ops->config.metrics, body);
    for (unsigned h = 0; h < MN_MH_COUNT; h++)
        add_hist(ops->config.metrics, body, h);
    add_process(ops, body);
    add_ready(ops, body);
    return body->failed ? MN_ELIMIT : MN_OK;
}
