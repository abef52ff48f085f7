/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_REPORT_JSON_H
#define MN_TOOL_BENCH_REPORT_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "base/hist.h"
#include "tool/kit/machine.h"

/* Parts of a result document that several commands write. */

void report_put(json_t *o, const char *key, json_t *take_value);
void report_put_u(json_t *o, const char *key, uint64_t value);
void report_put_f(json_t *o, const char *key, double value);
/* Count, least, mean, percentiles, greatest, buckets. */
json_t *report_latency(const struct mn_hist *hist);
json_t *report_machine(const struct machine *m);

struct bench;
struct load_reasons;

/* An object of causes and their counts. */
json_t *report_reasons(const struct load_reasons *r);

/* report_json_parts.c: what only some modes have, put into the document, `latency`, `parameters`. */
void report_put_parts(json_t *o, const struct bench *bench);
void report_put_part_latencies(json_t *o, const struct bench *bench);
void report_put_profile(json_t *o, const struct bench *bench);
void report_put_group(json_t *o, const struct bench *bench);
void report_put_group_ledger(json_t *o, const struct bench *bench);

#endif
