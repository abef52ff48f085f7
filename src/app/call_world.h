/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_CALL_WORLD_H
#define MN_APP_CALL_WORLD_H

#include "base/log.h"
#include "cluster/presence.h"
#include "im/call/calls.h"
#include "store/sql/db.h"

/* What calls ask of the rest: the stores, who is where, the log.  Owner: app. */
struct mn_call_world {
    struct mn_db *db;
    struct mn_presence *presence;
    struct mn_log *log;
    struct mn_log_gate gate; /* zeroed */
};

/* `world` outlives the calls. */
struct mn_calls_world mn_call_world(struct mn_call_world *world);
/* At the start: no call of an earlier process goes on.  Failure is logged; the next start tries again. */
void mn_call_world_close_old(struct mn_call_world *world);

#endif
