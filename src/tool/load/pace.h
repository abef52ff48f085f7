/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LOAD_PACE_H
#define MN_TOOL_LOAD_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rand.h"
#include "tool/kit/opts.h"

/*
 * When open-loop sends are due, and whose: a schedule of slots that does
 * not wait for anybody.  Owner: one load thread.
 */
struct load_pace {
    /* private */
    enum opts_model model;
    uint32_t senders;
    double interval_ns; /* between two slots of one sender, on average */
    uint64_t start_ns;
    uint64_t slot;    /* number of the next one */
    double random_ns; /* poisson: the next slot, from the start */
    struct mn_rng *rng;
    double *zipf; /* cumulative shares, NULL when all are alike */
};

/* `senders` may be 0: then nothing is ever due.  `rng` outlives it. */
void load_pace_init(struct load_pace *pace, enum opts_model model, enum opts_pairs pairs,
                    uint32_t senders, double interval_ns, struct mn_rng *rng);
void load_pace_deinit(struct load_pace *pace);
void load_pace_start(struct load_pace *pace, uint64_t now_ns);
/* When the next slot is due; UINT64_MAX: never, or not started. */
uint64_t load_pace_due(const struct load_pace *pace);
/* Takes the next slot if it is due: its sender (0..senders-1) and intended time. */
bool load_pace_take(struct load_pace *pace, uint64_t now_ns, uint32_t *ret_sender,
                    uint64_t *ret_intended_ns);

#endif
