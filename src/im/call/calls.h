/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CALL_CALLS_H
#define MN_IM_CALL_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/metrics.h"
#include "im/sink.h"
#include "proto/envelope.h"
#include "store/sql/call.h"

/*
 * The calls of the process (W-3.12).  One thread carries out what comes, in
 * the order in which it came: it alone changes calls and writes their
 * records, so that neither frames nor records of a call overtake each other.
 * Loops only hand over; nothing here makes them wait.
 *
 * It knows users, not connections: frames arrive with their sender's id, and
 * leave by the sink to users' ids.  That is also how a second node would be
 * spoken to (docs/decisions/0033).
 */
struct mn_calls;

/* Whom it asks.  Called on its thread, may block; but is_online() must not. */
struct mn_calls_world {
    void *ctx;
    bool (*is_online)(void *ctx, int64_t user);
    enum mn_err (*is_friend)(void *ctx, int64_t user, int64_t other, bool *ret);
    enum mn_err (*create)(void *ctx, const struct mn_call_record *record);
    enum mn_err (*update)(void *ctx, const struct mn_call_record *record);
    /* A record could not be written.  NULL: nobody asks. */
    void (*on_unwritten)(void *ctx, const struct mn_call_record *record, enum mn_err err);
};

struct mn_calls_config {
    struct mn_calls_world world;
    struct mn_sink sink;
    struct mn_idgen *ids;
    struct mn_metrics *metrics;
    uint32_t ring_timeout_ms;     /* until an unanswered call is MISSED */
    uint32_t disconnect_grace_ms; /* how long a user may be without a connection */
    size_t max_active;            /* calls at a time */
    size_t queue_bytes;           /* memory of the frames that wait for the thread */
};

struct mn_calls *mn_calls_new(const struct mn_calls_config *config);
/* Starts the thread.  MN_ESYS and the like: there is none to be had. */
MN_MUSTCHECK enum mn_err mn_calls_start(struct mn_calls *calls);
/*
 * A frame CALL_* of the user `from`, which mn_call_check() let pass; copied.
 * What comes of it, errors too, is told by the sink.  MN_EBUSY: no room, or
 * no memory.  Any thread, never blocks.
 */
MN_MUSTCHECK enum mn_err mn_calls_submit(struct mn_calls *calls, int64_t from,
                                         const struct mn_envelope *env);
/*
 * A connection of the user went, after is_online() was told.  His call, if he
 * has one, ends when he has none when the grace is over: one that a newer
 * connection has replaced changes nothing.  NULL is a no-op.  Any thread,
 * never blocks.
 */
void mn_calls_gone(struct mn_calls *calls, int64_t user);
/* Carries out what waits, ends all calls (their records say so), joins the thread.  NULL is a no-op. */
void mn_calls_stop(struct mn_calls *calls);
void mn_calls_free(struct mn_calls *calls);

/* callReason and record of calls that ended because the server did. */
#define MN_CALL_SERVER_RESTART "server_restart"

#endif
