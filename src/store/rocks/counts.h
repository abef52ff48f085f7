/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_COUNTS_H
#define MN_STORE_ROCKS_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The writer's memory of running counts of groups: how many messages of his
 * own, and how many that address him, a user has in one so far
 * (docs/decisions/0009-how-a-chat-counts.md).  Within a batch it has what the
 * database does not have yet; across batches it saves the look-up for those
 * who write a lot.  Everything in it can be thrown away between batches.
 * Writer thread only.
 */
enum mn_count_kind { MN_COUNT_OWN = 1, MN_COUNT_MENTIONS };

struct mn_count {
    int64_t group, user; /* group 0: free */
    int64_t value;
    enum mn_count_kind kind;
};

struct mn_counts {
    struct mn_count *slots;
    size_t cap, count;
    uint64_t seed;
};

void mn_counts_init(struct mn_counts *counts);
void mn_counts_deinit(struct mn_counts *counts);
/* Before a batch: makes room when many have gathered. */
void mn_counts_begin(struct mn_counts *counts);
bool mn_counts_get(const struct mn_counts *counts, enum mn_count_kind kind, int64_t group,
                   int64_t user, int64_t *ret);
void mn_counts_put(struct mn_counts *counts, enum mn_count_kind kind, int64_t group, int64_t user,
                   int64_t value);
/* Forgets everything. */
void mn_counts_clear(struct mn_counts *counts);

#endif
