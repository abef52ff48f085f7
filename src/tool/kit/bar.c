/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses and judges `--gate` expressions.  Pure functions.  The table of
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
    enum mn_gate_unit unit;
} known[] = {
    {"delivered_per_s", MN_GATE_COUNT},
    {"saved_per_s", MN_GATE_COUNT},
    {"sent_per_s", MN_GATE_COUNT},
    {"pongs_per_s", MN_GATE_COUNT},
    {"min", MN_GATE_TIME},
    {"mean", MN_GATE_TIME},
    {"p50", MN_GATE_TIME},
    {"p90", MN_GATE_TIME},
    {"p95", MN_GATE_TIME},
    {"p99", MN_GATE_TIME},
    {"p999", MN_GATE_TIME},
    {"max", MN_GATE_TIME},
    {"saved_p50", MN_GATE_TIME},
    {"saved_p99", MN_GATE_TIME},
    {"receipt_p50", MN_GATE_TIME},
    {"receipt_p99", MN_GATE_TIME},
    {"read_receipt_p50", MN_GATE_TIME},
    {"read_receipt_p99", MN_GATE_TIME},
    {"receipts_missing", MN_GATE_COUNT},
    {"receipts_repeated", MN_GATE_COUNT},
    {"receipts_backwards", MN_GATE_COUNT},
    {"receipts_unasked", MN_GATE_COUNT},
    {"cursor_lag_p50", MN_GATE_TIME},
    {"cursor_lag_p99", MN_GATE_TIME},
    {"cursor_lag_max", MN_GATE_TIME},
    {"cursors_behind", MN_GATE_COUNT},
    {"lost", MN_GATE_COUNT},
    {"lost_gone", MN_GATE_COUNT},
    {"dup", MN_GATE_COUNT},
    {"reordered", MN_GATE_COUNT},
    {"gaps", MN_GATE_COUNT},
    {"corrupt", MN_GATE_COUNT},
    {"unknown", MN_GATE_COUNT},
    {"refused", MN_GATE_COUNT},
    {"skipped", MN_GATE_COUNT},
    {"failed", MN_GATE_COUNT},
    {"errors", MN_GATE_COUNT},
    {"unanswered", MN_GATE_COUNT},
    {"delivered", MN_GATE_COUNT},
    {"saved", MN_GATE_COUNT},
    {"history_p50", MN_GATE_TIME},
    {"history_p99", MN_GATE_TIME},
    {"conversations_p50", MN_GATE_TIME},
    {"conversations_p99", MN_GATE_TIME},
    {"http_login_p50", MN_GATE_TIME},
    {"http_login_p99", MN_GATE_TIME},
    {"http_per_s", MN_GATE_COUNT},
    {"http_errors", MN_GATE_COUNT},
    {"http_skipped", MN_GATE_COUNT},
    {"login_p50", MN_GATE_TIME},
    {"login_p99", MN_GATE_TIME},
    {"login_failures", MN_GATE_COUNT},
    {"connected", MN_GATE_COUNT},
    {"connect_failures", MN_GATE_COUNT},
    {"connections_lost", MN_GATE_COUNT},
    {"connect_s", MN_GATE_SECONDS},
    {"recovery_s", MN_GATE_SECONDS},
    {"rss_per_conn_bytes", MN_GATE_BYTES},
    {"server_rss_bytes", MN_GATE_BYTES},
    {"server_cpu_us_per_msg", MN_GATE_COUNT},
    {"frames_per_s", MN_GATE_COUNT},
    {"frames_per_cpu_s", MN_GATE_COUNT},
    {"generator_bytes_per_conn", MN_GATE_BYTES},
    {"saturated", MN_GATE_COUNT},
};

bool mn_gate_find_unit(const char *field, enum mn_gate_unit *ret)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(known); i++) {
        if (strcmp(known[i].name, field) == 0) {
            *ret = known[i].unit;
            return true;
        }
    }
    return false;
}

static bool parse_op(const char *p, enum mn_gate_op *ret, size_t *ret_len)
{
    /* Two-character forms first: "<=" must not be read as "<". */
    static const struct {
        const char *text;
        enum mn_gate_op op;
    } ops[] = {{"<=", MN_GATE_LE}, {">=", MN_GATE_GE}, {"!=", MN_GATE_NE}, {"==", MN_GATE_EQ},
               {"<", MN_GATE_LT},  {">", MN_GATE_GT},  {"=", MN_GATE_EQ}};
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
static const char *parse_value(struct mn_str s, enum mn_gate_unit unit, double *ret)
{
    uint64_t n;
    switch (unit) {
    case MN_GATE_TIME:
        /* A bare number is refused: 5 could mean milliseconds or seconds. */
        if (s.n == 0 || (s.p[s.n - 1] >= '0' && s.p[s.n - 1] <= '9') ||
            mn_opts_duration(s, &n) != MN_OK)
            return "a time with a unit, such as 5ms";
        *ret = (double)n;
        return NULL;
    case MN_GATE_SECONDS:
        if (mn_opts_duration(s, &n) != MN_OK)
            return "a time, such as 10s";
        *ret = (double)n / 1e9;
        return NULL;
    case MN_GATE_BYTES:
        if (mn_parse_bytes(s, 0, UINT64_C(1) << 60, &n) != MN_OK)
            return "bytes, such as 16384 or 16KiB";
        *ret = (double)n;
        return NULL;
    case MN_GATE_COUNT:
        if (mn_parse_double(s, 0, 1e18, ret) != MN_OK)
            return "a number";
        return NULL;
    }
    return "a number";
}

enum mn_err mn_gate_parse(const char *text, struct mn_gate *ret, char *why, size_t why_cap)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    enum mn_gate_op op = MN_GATE_EQ;
    size_t op_len = 0;
    if (n == 0 || n >= sizeof ret->field || !parse_op(text + n, &op, &op_len)) {
        snprintf(why, why_cap, "gate \"%.60s\": expected FIELD<VALUE, also <= > >= = !=", text);
        return MN_EINVAL;
    }
    struct mn_gate gate = {.text = text, .op = op};
    memcpy(gate.field, text, n);
    enum mn_gate_unit unit;
    if (!mn_gate_find_unit(gate.field, &unit)) {
        snprintf(why, why_cap, "gate \"%.60s\": no such field \"%s\"", text, gate.field);
        return MN_EINVAL;
    }
    const char *expected = parse_value(mn_str_c(text + n + op_len), unit, &gate.value);
    if (expected) {
        snprintf(why, why_cap, "gate \"%.60s\": expected %s", text, expected);
        return MN_EINVAL;
    }
    *ret = gate;
    return MN_OK;
}

static bool compare(double a, enum mn_gate_op op, double b)
{
    switch (op) {
    case MN_GATE_LT:
        return a < b;
    case MN_GATE_LE:
        return a <= b;
    case MN_GATE_GT:
        return a > b;
    case MN_GATE_GE:
        return a >= b;
    case MN_GATE_EQ:
        return a == b;
    case MN_GATE_NE:
        return a != b;
    }
    return false;
}

static void print_value(const struct mn_gate_field *field, char *out, size_t cap)
{
    switch (field->unit) {
    case MN_GATE_TIME:
        snprintf(out, cap, "%.3f ms", field->value / 1e6);
        break;
    case MN_GATE_SECONDS:
        snprintf(out, cap, "%.3f s", field->value);
        break;
    case MN_GATE_BYTES:
        snprintf(out, cap, "%.0f bytes", field->value);
        break;
    case MN_GATE_COUNT:
        snprintf(out, cap, "%.6g", field->value);
        break;
    }
}

bool mn_gate_holds(const struct mn_gate *gate, const struct mn_gate_field *fields, char *got,
                   size_t got_cap)
{
    for (; fields->name; fields++) {
        if (strcmp(fields->name, gate->field) != 0 || !fields->measured)
            continue;
        print_value(fields, got, got_cap);
        return compare(fields->value, gate->op, gate->value);
    }
    snprintf(got, got_cap, "not measured");
    return false;
}
