/* SPDX-License-Identifier: Apache-2.0 */
/* Members that are here: see members.h. */
#include "gate/members.h"

#include "base/map.h"
#include "base/mem.h"

enum {
    ARRIVALS =
        4096, /* sessions that came lately; a list that has not seen older ones is made anew */
    BYTES_MAX = 32 * 1024 * 1024 /* of a loop's lists; beyond it those used longest ago go */
};

struct mn_members {
    struct mn_net *net;
    struct mn_loop *loop;
    struct mn_presence *presence;
    struct mn_map groups; /* group -> list */
    struct mn_list used;  /* the latest last */
    size_t bytes;
    uint64_t arrived; /* sessions so far; the last ones are in the ring */
    struct mn_member ring[ARRIVALS];
};

struct mn_members *mn_members_new(struct mn_net *net, struct mn_loop *loop,
                                  struct mn_presence *presence)
{
    struct mn_members *members = mn_new(struct mn_members);
    members->net = net;
    members->loop = loop;
    members->presence = presence;
    mn_map_init(&members->groups);
    mn_list_init(&members->used);
    return members;
}

static size_t bytes_of(const struct mn_member_list *list)
{
    return mn_mem_cost(sizeof(*list)) + mn_mem_cost(list->cap * sizeof(list->at[0]));
}

static void drop(struct mn_members *members, struct mn_member_list *list)
{
    members->bytes -= bytes_of(list);
    mn_list_remove(&list->link);
    mn_map_remove(&members->groups, (uint64_t)list->group);
    mn_free(list->at);
    mn_free(list);
}

void mn_members_free(struct mn_members *members)
{
    if (!members)
        return;
    while (!mn_list_is_empty(&members->used))
        drop(members, mn_container_of(members->used.next, struct mn_member_list, link));
    mn_map_deinit(&members->groups);
    mn_free(members);
}

void mn_members_arrived(struct mn_members *members, int64_t uid, uint64_t conn)
{
    members->ring[members->arrived++ % ARRIVALS] = (struct mn_member){uid, conn};
}

/* ---- a list ---- */

static bool make_room(struct mn_members *members, struct mn_member_list *list)
{
    if (list->count < list->cap)
        return true;
    uint32_t cap = list->cap > 0 ? list->cap * 2 : 4;
    struct mn_member *at = mn_try_realloc_array(list->at, cap, sizeof(*at));
    if (!at)
        return false;
    members->bytes -= bytes_of(list);
    list->at = at;
    list->cap = cap;
    members->bytes += bytes_of(list);
    return true;
}

/* Adds a member, or says which connection is his now. */
static bool put(struct mn_members *members, struct mn_member_list *list, struct mn_member member)
{
    uint32_t low = 0, high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->at[middle].uid < member.uid)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < list->count && list->at[low].uid == member.uid) {
        list->at[low] = member;
        return true;
    }
    if (!make_room(members, list))
        return false;
    memmove(&list->at[low + 1], &list->at[low], (list->count - low) * sizeof(list->at[0]));
    list->at[low] = member;
    list->count++;
    return true;
}

static bool make_anew(struct mn_members *members, struct mn_member_list *list,
                      const struct mn_roster *roster)
{
    list->count = 0;
    for (uint32_t i = 0; i < roster->count; i++) {
        struct mn_member member = {.uid = roster->members[i].uid};
        member.conn = mn_presence_find(members->presence, member.uid);
        if (member.conn && mn_net_loop_of(members->net, member.conn) == members->loop &&
            !put(members, list, member))
            return false;
    }
    return true;
}

static bool add_arrived(struct mn_members *members, struct mn_member_list *list,
                        const struct mn_roster *roster)
{
    for (; list->arrived < members->arrived; list->arrived++) {
        struct mn_member member = members->ring[list->arrived % ARRIVALS];
        if (mn_roster_member(roster, member.uid) && !put(members, list, member))
            return false;
    }
    return true;
}

static void update(struct mn_members *members, struct mn_member_list *list,
                   const struct mn_roster *roster)
{
    bool is_whole;
    if (list->version == roster->version && members->arrived - list->arrived <= ARRIVALS)
        is_whole = add_arrived(members, list, roster);
    else
        is_whole = make_anew(members, list, roster);
    list->arrived = members->arrived;
    list->version = is_whole ? roster->version : 0;
    list->missed |= !is_whole;
}

static void evict(struct mn_members *members, const struct mn_member_list *kept)
{
    struct mn_list *at = members->used.next;
    while (members->bytes > BYTES_MAX && at != &members->used) {
        struct mn_member_list *list = mn_container_of(at, struct mn_member_list, link);
        at = at->next;
        if (list != kept && !list->missed)
            drop(members, list);
    }
}

static struct mn_member_list *find(struct mn_members *members, int64_t group)
{
    uint64_t value = 0;
    if (mn_map_get(&members->groups, (uint64_t)group, &value)) {
        struct mn_member_list *list = (struct mn_member_list *)(uintptr_t)value;
        mn_list_remove(&list->link);
        mn_list_push(&members->used, &list->link);
        return list;
    }
    struct mn_member_list *list = mn_new(struct mn_member_list);
    list->group = group;
    mn_list_init(&list->link);
    if (mn_map_put(&members->groups, (uint64_t)group, (uintptr_t)list)) {
        mn_free(list);
        return NULL;
    }
    mn_list_push(&members->used, &list->link);
    members->bytes += bytes_of(list);
    return list;
}

struct mn_member_list *mn_members_of(struct mn_members *members, int64_t group,
                                     const struct mn_roster *roster)
{
    struct mn_member_list *list = find(members, group);
    if (list && roster)
        update(members, list, roster);
    if (list)
        evict(members, list);
    return list;
}
