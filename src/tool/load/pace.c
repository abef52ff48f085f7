/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of an open loop.  Times are computed from the slot's number, not by
 * adding up, so that no rounding accumulates over a long run.
 *
 *   spread   sender k of n is due at (k / n) of each interval
 *   burst    everybody at the start of each interval
 *   poisson  all together a Poisson process, the sender by chance
 */
#include "tool/load/pace.h"

#include <math.h>

#include "base/mem.h"

void load_pace_init(struct load_pace *pace, enum opts_model model, enum opts_pairs pairs,
                    uint32_t senders, double interval_ns, struct mn_rng *rng)
{
    *pace = (struct load_pace){
        .model = model, .senders = senders, .interval_ns = interval_ns, .rng = rng};
    if (pairs != OPTS_PAIRS_ZIPF || senders == 0)
        return;
    /* Share of the k-th hottest: 1/k. */
    pace->zipf = mn_alloc_array(senders, sizeof *pace->zipf);
    double sum = 0;
    for (uint32_t k = 0; k < senders; k++)
        pace->zipf[k] = sum += 1.0 / (k + 1);
    for (uint32_t k = 0; k < senders; k++)
        pace->zipf[k] /= sum;
}

void load_pace_deinit(struct load_pace *pace)
{
    mn_free(pace->zipf);
    pace->zipf = NULL;
    pace->start_ns = 0;
}

static double poisson_gap(struct load_pace *pace)
{
    return -log1p(-mn_rng_double(pace->rng)) * pace->interval_ns / pace->senders;
}

void load_pace_start(struct load_pace *pace, uint64_t now_ns)
{
    pace->start_ns = now_ns;
    pace->slot = 0;
    if (pace->senders > 0 && pace->model == OPTS_MODEL_POISSON)
        pace->random_ns = poisson_gap(pace);
}

uint64_t load_pace_due(const struct load_pace *pace)
{
    if (pace->start_ns == 0 || pace->senders == 0)
        return UINT64_MAX;
    double at = 0;
    uint64_t round = pace->slot / pace->senders;
    switch (pace->model) {
    case OPTS_MODEL_SPREAD:
        at = (double)pace->slot * pace->interval_ns / pace->senders;
        break;
    case OPTS_MODEL_BURST:
        at = (double)round * pace->interval_ns;
        break;
    case OPTS_MODEL_POISSON:
        at = pace->random_ns;
        break;
    }
    return pace->start_ns + (uint64_t)at;
}

static uint32_t pick_zipf(struct load_pace *pace)
{
    double x = mn_rng_double(pace->rng);
    uint32_t low = 0, high = pace->senders - 1;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (pace->zipf[mid] > x)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

bool load_pace_take(struct load_pace *pace, uint64_t now_ns, uint32_t *ret_sender,
                    uint64_t *ret_intended_ns)
{
    uint64_t due = load_pace_due(pace);
    if (due > now_ns)
        return false;
    *ret_intended_ns = due;
    if (pace->zipf)
        *ret_sender = pick_zipf(pace);
    else if (pace->model == OPTS_MODEL_POISSON)
        *ret_sender = (uint32_t)mn_rng_below(pace->rng, pace->senders);
    else
        *ret_sender = (uint32_t)(pace->slot % pace->senders);
    pace->slot++;
    if (pace->model == OPTS_MODEL_POISSON)
        pace->random_ns += poisson_gap(pace);
    return true;
}
