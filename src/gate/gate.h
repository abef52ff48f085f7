/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_GATE_H
#define MN_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "cluster/presence.h"
#include "im/call/calls.h"
#include "im/friend/friend.h"
#include "im/group/roster.h"
#include "im/group/strategy.h"
#include "im/sink.h"
#include "im/text/filter.h"
#include "net/net.h"
#include "proto/jwt.h"
#include "store/log/msglog.h"

/*
 * The gateway's rules: what each frame of docs/contract/websocket.md does to a live
 * connection.  Sessions and the authentication gate, limits, dispatch,
 * delivery, ACKs and receipts, resend, back-pressure.
 *
 * Threads: a session belongs to its connection's loop.  The gate has worker
 * threads of its own for what a session must wait for (session version,
 * look-ups of old messages, resend pages), so that neither password hashes
 * nor long HTTP answers stand before them.
 */
struct mn_gate;

/* What may change while running; copied into an immutable snapshot that every loop swaps in. */
struct mn_gate_settings {
    uint32_t connection_rate, connection_burst; /* frames per second of one connection, 0 = off */
    uint32_t user_rate, user_burst; /* business frames per second of one user, 0 = off */
    uint32_t ice_rate, ice_burst;   /* CALL_ICE per second of one user, 0 = off */
    uint32_t auth_rate, auth_burst; /* AUTH per second of the process, 0 = off */
    uint32_t auth_timeout_ms;       /* from the upgrade to AUTH_OK */
    uint32_t expiry_grace_ms;       /* a token's expiry to the close */
    uint32_t resend_window;         /* unacknowledged resent frames of a session */
    uint32_t revoke_window_ms;      /* age up to which a message may be revoked */
    uint32_t resend_delay_ms;       /* age of a delivery that is sent again */
    bool resend_after_auth;
    bool resend_periodic;
    bool require_known_user;
    bool require_friendship; /* of both users of a SINGLE_CHAT */
    enum mn_group_mode group_mode;
    uint32_t group_size;         /* so many members: auto notifies, smaller groups are pushed to */
    uint32_t group_online_users; /* so many online: auto notifies too */
    uint32_t group_notify_max;   /* so many online: nobody is notified */
    uint32_t group_huge_size;    /* so many members: nothing is told, unless the mode is push */
    struct mn_filter *filter;    /* taken over; NULL = no filter */
};

struct mn_gate_config {
    struct mn_log *log;
    struct mn_metrics *metrics;
    struct mn_presence *presence;
    struct mn_rosters *rosters; /* outlive the gate */
    struct mn_idgen *idgen;
    struct mn_jwt_key jwt;
    unsigned workers;
    struct mn_gate_settings settings;
};

/* Who the users are; called on the gate's workers, may block. */
struct mn_gate_users {
    void *ctx;
    /* Current session version of a user (0 if he never logged in), and whether there is one. */
    enum mn_err (*session)(void *ctx, int64_t uid, int64_t *ret_sv, bool *ret_known);
    /* Whether the two are friends; that they are never ends. */
    enum mn_err (*is_friend)(void *ctx, int64_t uid, int64_t other, bool *ret);
};

/* NULL: the system gives no thread, errno says why. */
/*
 * Made in three steps, because each part needs another to be there: new
 * (what the transport's callbacks need), attach (what the store's callback
 * needs), open (the stores), and only then the loops are started.
 */
struct mn_gate *mn_gate_new(const struct mn_gate_config *config);
/* Bytes for mn_net_config.session_size. */
size_t mn_gate_session_size(void);
/*
 * The callbacks to give to mn_net_new(); they find the gate through the loop,
 * so ctx and on_http are left to the caller (the API's).
 */
struct mn_net_ws_handler mn_gate_handler(void);
/* Makes the per-loop state; between mn_net_new() and mn_net_start(). */
void mn_gate_attach(struct mn_gate *gate, struct mn_net *net);
/*
 * Gives it the stores, the friends and the calls, which outlive the loops and
 * the gate's workers; between attach and mn_net_start().
 */
void mn_gate_open(struct mn_gate *gate, struct mn_msglog *msglog, const struct mn_gate_users *users,
                  struct mn_friends *friends, struct mn_calls *calls);
/* For mn_msglog_config.on_commit, with the gate as ctx; on the writer's thread. */
void mn_gate_on_commit(void *gate, struct mn_op **ops, size_t count);
/*
 * How other layers reach users' connections.  bump(): a user's live session,
 * if of an older version, ends with session_invalid at its next frame, or
 * within 5 s (W-4.5).
 */
struct mn_sink mn_gate_sink(struct mn_gate *gate);
/* New settings for all loops; takes settings->filter. Main thread. */
void mn_gate_reload(struct mn_gate *gate, const struct mn_gate_settings *settings);
/* Ends the workers; after mn_net_stop(), before the stores are closed. */
void mn_gate_stop(struct mn_gate *gate);
/* After mn_net_free() and mn_msglog_close(). */
void mn_gate_free(struct mn_gate *gate);

#endif
