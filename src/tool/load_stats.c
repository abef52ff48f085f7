/* SPDX-License-Identifier: Apache-2.0 */
/* Adding up what the load threads counted.  Pure; the caller holds what needs holding. */
#include "base/mem.h"
#include "tool/load.h"

static const char *const names[] = {
#define LOAD_COUNTER_NAME(name) #name,
    LOAD_COUNTER_MAP(LOAD_COUNTER_NAME)
#undef LOAD_COUNTER_NAME
};

const char *load_counter_name(size_t i) { return names[i]; }

uint64_t load_counter_value(const struct load_counters *counters, size_t i)
{
    uint64_t value;
    memcpy(&value, (const char *)counters + i * sizeof value, sizeof value);
    return value;
}

void load_counters_add(struct load_counters *into, const struct load_counters *from)
{
#define LOAD_COUNTER_ADD(name) into->name += from->name;
    LOAD_COUNTER_MAP(LOAD_COUNTER_ADD)
#undef LOAD_COUNTER_ADD
}

void load_counters_sub(struct load_counters *from, const struct load_counters *what)
{
#define LOAD_COUNTER_SUB(name) from->name -= what->name;
    LOAD_COUNTER_MAP(LOAD_COUNTER_SUB)
#undef LOAD_COUNTER_SUB
}

void load_reason_add(struct load_reasons *reasons, struct mn_str text, uint64_t count)
{
    for (unsigned i = 0; i < reasons->count; i++) {
        if (mn_str_is(text, reasons->item[i].text)) {
            reasons->item[i].count += count;
            return;
        }
    }
    if (reasons->count == LOAD_REASONS_MAX) {
        reasons->item[LOAD_REASONS_MAX - 1].count += count;
        return;
    }
    unsigned at = reasons->count++;
    if (at == LOAD_REASONS_MAX - 1)
        text = MN_STR("other");
    snprintf(reasons->item[at].text, sizeof reasons->item[at].text, "%.*s", (int)text.n, text.p);
    reasons->item[at].count = count;
}

void load_reasons_merge(struct load_reasons *into, const struct load_reasons *from)
{
    for (unsigned i = 0; i < from->count; i++)
        load_reason_add(into, mn_str_c(from->item[i].text), from->item[i].count);
}

void load_hists_init(struct load_hists *hists)
{
    hists->response = mn_hist_new();
    hists->service = mn_hist_new();
    hists->slow_response = mn_hist_new();
    hists->saved = mn_hist_new();
    hists->connect = mn_hist_new();
    hists->lag = mn_hist_new();
}

void load_hists_deinit(struct load_hists *hists)
{
    mn_hist_free(hists->response);
    mn_hist_free(hists->service);
    mn_hist_free(hists->slow_response);
    mn_hist_free(hists->saved);
    mn_hist_free(hists->connect);
    mn_hist_free(hists->lag);
}

void load_hists_merge(struct load_hists *into, const struct load_hists *from)
{
    mn_hist_merge(into->response, from->response);
    mn_hist_merge(into->service, from->service);
    mn_hist_merge(into->slow_response, from->slow_response);
    mn_hist_merge(into->saved, from->saved);
    mn_hist_merge(into->connect, from->connect);
    mn_hist_merge(into->lag, from->lag);
}
