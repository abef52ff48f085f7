/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CALL_TABLE_H
#define MN_IM_CALL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "store/sql/call.h"

/*
 * The calls that are under way: by their ids, by their users (one call a
 * user), and by what is to happen with them if nothing else does.  Caller-
 * owned, one thread at a time; time is the caller's, in milliseconds.
 */
enum mn_call_wait {
    MN_CALL_WAIT_RING = 0, /* for an answer */
    MN_CALL_WAIT_CALLER,   /* for the caller, who has no connection */
    MN_CALL_WAIT_CALLEE,
    MN_CALL_WAIT_COUNT
};

struct mn_call_deadline {
    struct mn_list link; /* in the table's `ringing` or `gone` */
    uint64_t at_ms;
    enum mn_call_wait wait;
    struct mn_call *call;
};

struct mn_call {
    struct mn_call_record record;
    struct mn_call_deadline deadlines[MN_CALL_WAIT_COUNT];
};

struct mn_call_table {
    /* private; each list is in the order of its deadlines */
    struct mn_map by_id, by_user;
    struct mn_list ringing, gone;
    size_t max;
};

/* At most `max` calls at a time. */
void mn_call_table_init(struct mn_call_table *table, size_t max);
/* Forgets all. */
void mn_call_table_deinit(struct mn_call_table *table);
size_t mn_call_table_count(const struct mn_call_table *table);
/* NULL: none. */
struct mn_call *mn_call_table_find(const struct mn_call_table *table, int64_t id);
struct mn_call *mn_call_table_of(const struct mn_call_table *table, int64_t user);
/* Any one of them, or NULL. */
struct mn_call *mn_call_table_first(const struct mn_call_table *table);
/*
 * Takes in a call of two users who have none, so that both have this one.
 * MN_ELIMIT: there are as many as may be.  MN_ENOMEM.  Nothing has changed then.
 */
MN_MUSTCHECK enum mn_err mn_call_table_add(struct mn_call_table *table,
                                           const struct mn_call_record *record,
                                           struct mn_call **ret);
/* Both users are free; the call's memory is gone. */
void mn_call_table_remove(struct mn_call_table *table, struct mn_call *call);

/*
 * Sets, or moves, a deadline.  O(1) when it is behind the others of its list,
 * as it is when all wait equally long.
 */
void mn_call_table_wait(struct mn_call_table *table, struct mn_call *call, enum mn_call_wait wait,
                        uint64_t at_ms);
void mn_call_table_unwait(struct mn_call *call, enum mn_call_wait wait);
/* The earliest deadline, NULL when there is none. */
struct mn_call_deadline *mn_call_table_next(const struct mn_call_table *table);

#endif
