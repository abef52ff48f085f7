/* SPDX-License-Identifier: Apache-2.0 */
/* Between calls and the stores: see call_world.h.  On the thread of calls, but for the start. */
#include "app/call_world.h"

#include "base/clock.h"
#include "store/sql/call.h"
#include "store/sql/friend.h"

enum { LOG_MS = 10000 };

static bool is_online(void *ctx, int64_t user)
{
    struct mn_call_world *world = ctx;
    return mn_presence_find(world->presence, user) != 0;
}

static enum mn_err is_friend(void *ctx, int64_t user, int64_t other, bool *ret)
{
    struct mn_call_world *world = ctx;
    return mn_db_friend_is(world->db, user, other, ret);
}

static enum mn_err create(void *ctx, const struct mn_call_record *record)
{
    struct mn_call_world *world = ctx;
    return mn_db_call_create(world->db, record);
}

static enum mn_err update(void *ctx, const struct mn_call_record *record)
{
    struct mn_call_world *world = ctx;
    return mn_db_call_update(world->db, record);
}

static void on_unwritten(void *ctx, const struct mn_call_record *record, enum mn_err err)
{
    struct mn_call_world *world = ctx;
    uint64_t suppressed = 0;
    if (mn_log_gate_pass(&world->gate, LOG_MS, &suppressed))
        mn_log(world->log, MN_LOG_ERROR, "call_record_unwritten", MN_KV_I("call", record->call),
               MN_KV_Z("status", mn_call_status_text(record->status)),
               MN_KV_Z("error", mn_err_text(err)), MN_KV_U("suppressed", suppressed));
}

struct mn_calls_world mn_call_world(struct mn_call_world *world)
{
    return (struct mn_calls_world){.ctx = world,
                                   .is_online = is_online,
                                   .is_friend = is_friend,
                                   .create = create,
                                   .update = update,
                                   .on_unwritten = on_unwritten};
}

void mn_call_world_close_old(struct mn_call_world *world)
{
    enum mn_err err = mn_db_calls_close(world->db, MN_CALL_SERVER_RESTART, mn_unix_ms());
    if (err)
        mn_log(world->log, MN_LOG_ERROR, "call_records_left_open",
               MN_KV_Z("error", mn_err_text(err)));
}
