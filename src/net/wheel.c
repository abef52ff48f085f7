/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timer wheel.  A node lies in slot (tick modulo slots); a slot is visited
 * when the wheel's tick passes it, and nodes of a later turn are left in
 * place.  A bitmap of used slots makes skipping over silence cheap: an idle
 * process sleeps until the next node, not until the next tick.
 */
#include "net/wheel.h"

#include "base/mem.h"

#define SLOT_MASK (MN_WHEEL_SLOTS - 1)

void mn_wheel_init(struct mn_wheel *wheel, uint64_t now_ms)
{
    *wheel = (struct mn_wheel){0};
    wheel->tick = wheel->floor = now_ms / MN_WHEEL_TICK_MS;
    for (unsigned i = 0; i < MN_WHEEL_SLOTS; i++)
        mn_list_init(&wheel->slot[i]);
}

void mn_wheel_clear(struct mn_wheel *wheel, struct mn_wheel_node *node)
{
    if (node->tick == 0)
        return;
    mn_list_remove(&node->link);
    node->tick = 0;
    wheel->count--; /* the slot's bit is left: pop clears it when it finds nothing */
}

void mn_wheel_set(struct mn_wheel *wheel, struct mn_wheel_node *node, uint64_t deadline_ms)
{
    uint64_t tick = deadline_ms / MN_WHEEL_TICK_MS + (deadline_ms % MN_WHEEL_TICK_MS != 0);
    if (tick <= wheel->floor)
        tick = wheel->floor + 1;
    if (node->tick == tick)
        return;
    mn_wheel_clear(wheel, node);
    unsigned slot = (unsigned)(tick & SLOT_MASK);
    node->tick = tick;
    mn_list_push(&wheel->slot[slot], &node->link);
    wheel->used[slot / 64] |= UINT64_C(1) << (slot % 64);
    wheel->count++;
}

/* Distance in ticks (1..MN_WHEEL_SLOTS) from the wheel's tick to the next used slot, or 0. */
static unsigned next_used(const struct mn_wheel *wheel)
{
    unsigned start = (unsigned)((wheel->tick + 1) & SLOT_MASK);
    for (unsigned seen = 0; seen < MN_WHEEL_SLOTS;) {
        unsigned slot = (start + seen) & SLOT_MASK;
        uint64_t bits = wheel->used[slot / 64] >> (slot % 64);
        if (bits != 0) {
            unsigned distance = seen + (unsigned)__builtin_ctzll(bits) + 1;
            return distance <= MN_WHEEL_SLOTS ? distance : 0;
        }
        seen += 64 - slot % 64;
    }
    return 0;
}

/* A node of this slot that is due at `tick`, or NULL. */
static struct mn_wheel_node *due_in(struct mn_list *head, uint64_t tick)
{
    for (struct mn_list *l = head->next; l != head; l = l->next) {
        struct mn_wheel_node *node = mn_container_of(l, struct mn_wheel_node, link);
        if (node->tick <= tick)
            return node;
    }
    return NULL;
}

struct mn_wheel_node *mn_wheel_pop(struct mn_wheel *wheel, uint64_t now_ms)
{
    uint64_t now = now_ms / MN_WHEEL_TICK_MS;
    if (now > wheel->floor)
        wheel->floor = now;
    while (wheel->tick < now) {
        unsigned distance = next_used(wheel);
        if (distance == 0 || wheel->tick + distance > now) {
            wheel->tick = now;
            break;
        }
        /* The tick moves on only when its slot is done, so a pop can be one of many. */
        uint64_t tick = wheel->tick + distance;
        unsigned slot = (unsigned)(tick & SLOT_MASK);
        struct mn_wheel_node *node = due_in(&wheel->slot[slot], tick);
        if (node != NULL) {
            wheel->tick = tick - 1;
            mn_wheel_clear(wheel, node);
            return node;
        }
        if (mn_list_is_empty(&wheel->slot[slot]))
            wheel->used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
        wheel->tick = tick;
    }
    return NULL;
}

uint64_t mn_wheel_next_ms(const struct mn_wheel *wheel)
{
    if (wheel->count == 0)
        return UINT64_MAX;
    unsigned distance = next_used(wheel);
    return (wheel->tick + distance) * MN_WHEEL_TICK_MS;
}
