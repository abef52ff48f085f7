/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses and judges `--bar` expressions.  Pure functions.  The table of
 * names below is the list of everything a result can be asked for; which
 * of them a mode measured is known only at its end.
 */
#include "tool/kit/bar.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "tool/kit/opts.h"

static const struct {
    const char *name;
    enum bar_unit unit;
} known[] = {
    {"delivered_per_s", BAR_COUNT},
    {"saved_per_s", BAR_COUNT},
    {"sent_per_s", BAR_COUNT},
    {"pongs_per_s", BAR_COUNT},
    {"min", BAR_TIME},
    {"mean", BAR_TIME},
    {"p50", BAR_TIME},
    {"p90", BAR_TIME},
    {"p95", BAR_TIME},
    {"p99", BAR_TIME},
    {"p999", BAR_TIME},
    {"max", BAR_TIME},
    {"first_p50", BAR_TIME},
    {"first_p99", BAR_TIME},
    {"median_p50", BAR_TIME},
    {"median_p99", BAR_TIME},
    {"last_p50", BAR_TIME},
    {"last_p99", BAR_TIME},
    {"last_max", BAR_TIME},
    {"saved_p50", BAR_TIME},
    {"saved_p99", BAR_TIME},
    {"receipt_p50", BAR_TIME},
    {"receipt_p99", BAR_TIME},
    {"read_receipt_p50", BAR_TIME},
    {"read_receipt_p99", BAR_TIME},
    {"receipts_missing", BAR_COUNT},
    {"receipts_repeated", BAR_COUNT},
    {"receipts_backwards", BAR_COUNT},
    {"receipts_unasked", BAR_COUNT},
    {"cursor_lag_p50", BAR_TIME},
    {"cursor_lag_p99", BAR_TIME},
    {"cursor_lag_max", BAR_TIME},
    {"cursors_behind", BAR_COUNT},
    {"lost", BAR_COUNT},
    {"lost_gone", BAR_COUNT},
    {"dup", BAR_COUNT},
    {"reordered", BAR_COUNT},
    {"reordered_sender", BAR_COUNT},
    {"notices", BAR_COUNT},
    {"gaps", BAR_COUNT},
    {"corrupt", BAR_COUNT},
    {"unknown", BAR_COUNT},
    {"refused", BAR_COUNT},
    {"skipped", BAR_COUNT},
    {"failed", BAR_COUNT},
    {"errors", BAR_COUNT},
    {"unanswered", BAR_COUNT},
    {"delivered", BAR_COUNT},
    {"saved", BAR_COUNT},
    {"history_p50", BAR_TIME},
    {"history_p99", BAR_TIME},
    {"conversations_p50", BAR_TIME},
    {"conversations_p99", BAR_TIME},
    {"group_conversations_p50", BAR_TIME},
    {"group_conversations_p99", BAR_TIME},
    {"http_login_p50", BAR_TIME},
    {"http_login_p99", BAR_TIME},
    {"http_per_s", BAR_COUNT},
    {"http_errors", BAR_COUNT},
    {"http_skipped", BAR_COUNT},
    {"login_p50", BAR_TIME},
    {"login_p99", BAR_TIME},
    {"login_failures", BAR_COUNT},
    {"connected", BAR_COUNT},
    {"connect_failures", BAR_COUNT},
    {"connections_lost", BAR_COUNT},
    {"connect_s", BAR_SECONDS},
    {"recovery_s", BAR_SECONDS},
    {"rss_per_conn_bytes", BAR_BYTES},
    {"server_rss_bytes", BAR_BYTES},
    {"server_bytes_per_member", BAR_BYTES},
    {"server_cpu_us_per_msg", BAR_COUNT},
    {"server_cpu_us_per_delivery", BAR_COUNT},
    {"frames_per_s", BAR_COUNT},
    {"frames_per_cpu_s", BAR_COUNT},
    {"generator_bytes_per_conn", BAR_BYTES},
    {"saturated", BAR_COUNT},
};

bool bar_find_unit(const char *field, enum bar_unit *ret)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(known); i++) {
        if (strcmp(known[i].name, field) == 0) {
            *ret = known[i].unit;
            return true;
        }
    }
    return false;
}

static bool parse_op(const char *p, enum bar_op *ret, size_t *ret_len)
{
    /* Two-character forms first: "<=" must not be read as "<". */
    static const struct {
        const char *text;
        enum bar_op op;
    } ops[] = {{"<=", BAR_LE}, {">=", BAR_GE}, {"!=", BAR_NE}, {"==", BAR_EQ},
               {"<", BAR_LT},  {">", BAR_GT},  {"=", BAR_EQ}};
    for (size_t i = 0; i < MN_ARRAY_LEN(ops); i++) {
        size_t n = strlen(ops[i].text);
        if (strncmp(p, ops[i].text, n) == 0) {
            *ret = ops[i].op;
            *ret_len = n;
            return true;
        }
    }
    return false;
}

/* Fills ret; returns what was expected when the number is not right, NULL otherwise. */
static const char *parse_value(struct mn_str s, enum bar_unit unit, double *ret)
{
    uint64_t n;
    switch (unit) {
    case BAR_TIME:
        /* A bare number is refused: 5 could mean milliseconds or seconds. */
        if (s.n == 0 || (s.p[s.n - 1] >= '0' && s.p[s.n - 1] <= '9') ||
            opts_duration(s, &n) != MN_OK)
            return "a time with a unit, such as 5ms";
        *ret = (double)n;
        return NULL;
    case BAR_SECONDS:
        if (opts_duration(s, &n) != MN_OK)
            return "a time, such as 10s";
        *ret = (double)n / 1e9;
        return NULL;
    case BAR_BYTES:
        if (mn_parse_bytes(s, 0, UINT64_C(1) << 60, &n) != MN_OK)
            return "bytes, such as 16384 or 16KiB";
        *ret = (double)n;
        return NULL;
    case BAR_COUNT:
        if (mn_parse_double(s, 0, 1e18, ret) != MN_OK)
            return "a number";
        return NULL;
    }
    return "a number";
}

enum mn_err bar_parse(const char *text, struct bar *ret, char *why, size_t why_cap)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    enum bar_op op = BAR_EQ;
    size_t op_len = 0;
    if (n == 0 || n >= sizeof ret->field || !parse_op(text + n, &op, &op_len)) {
        snprintf(why, why_cap, "gate \"%.60s\": expected FIELD<VALUE, also <= > >= = !=", text);
        return MN_EINVAL;
    }
    struct bar bar = {.text = text, .op = op};
    memcpy(bar.field, text, n);
    enum bar_unit unit;
    if (!bar_find_unit(bar.field, &unit)) {
        snprintf(why, why_cap, "gate \"%.60s\": no such field \"%s\"", text, bar.field);
        return MN_EINVAL;
    }
    const char *expected = parse_value(mn_str_c(text + n + op_len), unit, &bar.value);
    if (expected) {
        snprintf(why, why_cap, "gate \"%.60s\": expected %s", text, expected);
        return MN_EINVAL;
    }
    *ret = bar;
    return MN_OK;
}

static bool compare(double a, enum bar_op op, double b)
{
    switch (op) {
    case BAR_LT:
        return a < b;
    case BAR_LE:
        return a <= b;
    case BAR_GT:
        return a > b;
    case BAR_GE:
        return a >= b;
    case BAR_EQ:
        return a == b;
    case BAR_NE:
        return a != b;
    }
    return false;
}

static void print_value(const struct bar_field *field, char *out, size_t cap)
{
    switch (field->unit) {
    case BAR_TIME:
        snprintf(out, cap, "%.3f ms", field->value / 1e6);
        break;
    case BAR_SECONDS:
        snprintf(out, cap, "%.3f s", field->value);
        break;
    case BAR_BYTES:
        snprintf(out, cap, "%.0f bytes", field->value);
        break;
    case BAR_COUNT:
        snprintf(out, cap, "%.6g", field->value);
        break;
    }
}

bool bar_holds(const struct bar *bar, const struct bar_field *fields, char *got, size_t got_cap)
{
    for (; fields->name; fields++) {
        if (strcmp(fields->name, bar->field) != 0 || !fields->measured)
            continue;
        print_value(fields, got, got_cap);
        return compare(fields->value, bar->op, bar->value);
    }
    snprintf(got, got_cap, "not measured");
    return false;
}
