/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_WHEEL_H
#define MN_NET_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

/*
 * Hashed timer wheel with embedded nodes: insert, move and remove in O(1).
 * Time is the caller's, in milliseconds; a deadline fires at the first
 * 50 ms tick at or after it.  Deadlines beyond one turn of the wheel stay in
 * their slot and are looked at once a turn.  One thread.
 */
#define MN_WHEEL_TICK_MS 50
#define MN_WHEEL_SLOTS 2048 /* 102.4 s: longer than the longest usual timeout */

struct mn_wheel_node {
    struct mn_list link;
    uint64_t tick; /* 0: not in the wheel */
};

struct mn_wheel {
    /* private */
    uint64_t tick;  /* all ticks up to this one have been fired */
    uint64_t floor; /* tick of the latest mn_wheel_pop(): new nodes come after it */
    uint64_t count;
    uint64_t used[MN_WHEEL_SLOTS / 64]; /* bit set: the slot may hold nodes */
    struct mn_list slot[MN_WHEEL_SLOTS];
};

void mn_wheel_init(struct mn_wheel *wheel, uint64_t now_ms);
static inline void mn_wheel_node_init(struct mn_wheel_node *node)
{
    mn_list_init(&node->link);
    node->tick = 0;
}
static inline bool mn_wheel_is_armed(const struct mn_wheel_node *node) { return node->tick != 0; }
/* Arms the node, or moves it if it is armed. */
void mn_wheel_set(struct mn_wheel *wheel, struct mn_wheel_node *node, uint64_t deadline_ms);
void mn_wheel_clear(struct mn_wheel *wheel, struct mn_wheel_node *node);
/*
 * Takes out one node that is due, or NULL when there is none left.  A node
 * armed meanwhile fires at the next tick at the earliest, so that a caller
 * who loops over this ends.
 */
struct mn_wheel_node *mn_wheel_pop(struct mn_wheel *wheel, uint64_t now_ms);
/* When to call mn_wheel_pop() next, at the latest; UINT64_MAX: nothing is armed. */
uint64_t mn_wheel_next_ms(const struct mn_wheel *wheel);

#endif
