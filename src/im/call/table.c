/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in memory: see table.h. */
#include "im/call/table.h"

#include "base/mem.h"

static uint64_t value_of(const struct mn_call *call) { return (uint64_t)(uintptr_t)call; }

static struct mn_call *look_up(const struct mn_map *map, int64_t key)
{
    uint64_t value = 0;
    return mn_map_get(map, (uint64_t)key, &value) ? (struct mn_call *)(uintptr_t)value : NULL;
}

void mn_call_table_init(struct mn_call_table *table, size_t max)
{
    mn_map_init(&table->by_id);
    mn_map_init(&table->by_user);
    mn_list_init(&table->ringing);
    mn_list_init(&table->gone);
    table->max = max;
}

void mn_call_table_deinit(struct mn_call_table *table)
{
    uint64_t id, value;
    for (size_t pos = 0; mn_map_next(&table->by_id, &pos, &id, &value);)
        mn_free((struct mn_call *)(uintptr_t)value);
    mn_map_deinit(&table->by_id);
    mn_map_deinit(&table->by_user);
}

size_t mn_call_table_count(const struct mn_call_table *table) { return table->by_id.count; }

struct mn_call *mn_call_table_find(const struct mn_call_table *table, int64_t id)
{
    return look_up(&table->by_id, id);
}

struct mn_call *mn_call_table_of(const struct mn_call_table *table, int64_t user)
{
    return look_up(&table->by_user, user);
}

struct mn_call *mn_call_table_first(const struct mn_call_table *table)
{
    size_t pos = 0;
    uint64_t id, value = 0;
    return mn_map_next(&table->by_id, &pos, &id, &value) ? (struct mn_call *)(uintptr_t)value
                                                         : NULL;
}

static enum mn_err put_all(struct mn_call_table *table, struct mn_call *call)
{
    const struct mn_call_record *record = &call->record;
    enum mn_err err = mn_map_put(&table->by_id, (uint64_t)record->call, value_of(call));
    if (!err)
        err = mn_map_put(&table->by_user, (uint64_t)record->caller, value_of(call));
    if (!err)
        err = mn_map_put(&table->by_user, (uint64_t)record->callee, value_of(call));
    return err;
}

enum mn_err mn_call_table_add(struct mn_call_table *table, const struct mn_call_record *record,
                              struct mn_call **ret)
{
    MN_BUG_ON(mn_call_table_of(table, record->caller) || mn_call_table_of(table, record->callee));
    if (mn_call_table_count(table) >= table->max)
        return MN_ELIMIT;
    struct mn_call *call = mn_try_alloc(sizeof(*call));
    if (!call)
        return MN_ENOMEM;
    call->record = *record;
    for (int i = 0; i < MN_CALL_WAIT_COUNT; i++) {
        call->deadlines[i] = (struct mn_call_deadline){.wait = (enum mn_call_wait)i, .call = call};
        mn_list_init(&call->deadlines[i].link);
    }
    enum mn_err err = put_all(table, call);
    if (err)
        mn_call_table_remove(table, call);
    else
        *ret = call;
    return err;
}

void mn_call_table_remove(struct mn_call_table *table, struct mn_call *call)
{
    for (int i = 0; i < MN_CALL_WAIT_COUNT; i++)
        mn_list_remove(&call->deadlines[i].link);
    mn_map_remove(&table->by_id, (uint64_t)call->record.call);
    mn_map_remove(&table->by_user, (uint64_t)call->record.caller);
    mn_map_remove(&table->by_user, (uint64_t)call->record.callee);
    mn_free(call);
}

void mn_call_table_wait(struct mn_call_table *table, struct mn_call *call, enum mn_call_wait wait,
                        uint64_t at_ms)
{
    struct mn_call_deadline *deadline = &call->deadlines[wait];
    struct mn_list *list = wait == MN_CALL_WAIT_RING ? &table->ringing : &table->gone;
    struct mn_list *after;
    mn_list_remove(&deadline->link);
    deadline->at_ms = at_ms;
    /* Nearly always the last one: clocks of two threads are read in another order than they come. */
    for (after = list->prev; after != list; after = after->prev)
        if (mn_container_of(after, struct mn_call_deadline, link)->at_ms <= at_ms)
            break;
    mn_list_push(after->next, &deadline->link);
}

void mn_call_table_unwait(struct mn_call *call, enum mn_call_wait wait)
{
    mn_list_remove(&call->deadlines[wait].link);
}

static struct mn_call_deadline *first_of(const struct mn_list *list)
{
    return mn_list_is_empty(list) ? NULL
                                  : mn_container_of(list->next, struct mn_call_deadline, link);
}

struct mn_call_deadline *mn_call_table_next(const struct mn_call_table *table)
{
    struct mn_call_deadline *ring = first_of(&table->ringing), *gone = first_of(&table->gone);
    return !ring || (gone && gone->at_ms < ring->at_ms) ? gone : ring;
}
