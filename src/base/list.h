/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_LIST_H
#define MN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Intrusive doubly linked ring; a node that is in no list points at itself. */
struct mn_list {
    struct mn_list *prev, *next;
};

static inline void mn_list_init(struct mn_list *l) { l->prev = l->next = l; }
static inline bool mn_list_is_empty(const struct mn_list *l) { return l->next == l; }
static inline void mn_list_push(struct mn_list *head, struct mn_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
/* Takes the node out of its list; harmless when it is in none. */
static inline void mn_list_remove(struct mn_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    mn_list_init(node);
}
/* First node, taken out, or NULL. */
static inline struct mn_list *mn_list_pop(struct mn_list *head)
{
    struct mn_list *node = head->next;
    if (node == head)
        return NULL;
    mn_list_remove(node);
    return node;
}

#endif
