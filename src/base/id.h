/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_ID_H
#define MN_BASE_ID_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * 64-bit snowflake ids (W-13.1):
 * (ms - 1288834974657) << 22 | datacenter (5 bits) << 17 | worker (5) << 12 | sequence (12).
 * Lock-free, any thread.  Ids of one generator are unique and strictly
 * increasing, also when the wall clock steps back (the last millisecond is
 * then used on, and runs ahead when its sequence is used up).
 *
 * The milliseconds have 41 bits: up to 2080-07-10.  While the wall clock is
 * beyond them no id is given, and none of that time is remembered.
 */
#define MN_ID_EPOCH_MS INT64_C(1288834974657)
#define MN_ID_MS_BITS 41

struct mn_idgen {
    _Atomic uint64_t last; /* milliseconds << 12 | sequence, of the last id */
    uint64_t node;         /* datacenter and worker bits, in place */
    /* May be replaced before the first use.  The clock, and who is told that it is out of range. */
    int64_t (*unix_ms)(void);
    void (*on_refusal)(void *ctx, int64_t unix_ms); /* may be NULL; any thread, each time */
    void *ctx;
};

void mn_idgen_init(struct mn_idgen *gen, unsigned datacenter, unsigned worker);
/* No id below or equal to `floor` will be given: used at start with the greatest stored id. */
void mn_idgen_raise(struct mn_idgen *gen, int64_t floor);
/* Greater than 0; or 0 while the clock is out of range: the caller refuses what needed the id. */
int64_t mn_idgen_next(struct mn_idgen *gen);
/* Whether the clock is in range now: else nothing that outlasts it must be made from its time. */
bool mn_idgen_is_open(struct mn_idgen *gen);
/* Wall-clock milliseconds inside an id. */
int64_t mn_id_unix_ms(int64_t id);
/* No id of that time or later is smaller; 0 for times outside the ids' range. */
int64_t mn_id_at(int64_t unix_ms);

#endif
