/* SPDX-License-Identifier: Apache-2.0 */
/* Adding up what the load threads counted.  Pure; the caller holds what needs holding. */
#include "base/mem.h"
#include "tool/load/load.h"

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

uint64_t load_delivered(const struct load_counters *counters)
{
    return counters->delivered_live + counters->delivered_resend + counters->delivered_unwatched;
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
#define LOAD_HIST_NEW(name) hists->name = mn_hist_new();
    LOAD_HIST_MAP(LOAD_HIST_NEW)
#undef LOAD_HIST_NEW
}

void load_hists_deinit(struct load_hists *hists)
{
#define LOAD_HIST_FREE(name) mn_hist_free(hists->name);
    LOAD_HIST_MAP(LOAD_HIST_FREE)
#undef LOAD_HIST_FREE
}

void load_hists_merge(struct load_hists *into, const struct load_hists *from)
{
#define LOAD_HIST_MERGE(name) mn_hist_merge(into->name, from->name);
    LOAD_HIST_MAP(LOAD_HIST_MERGE)
#undef LOAD_HIST_MERGE
}
