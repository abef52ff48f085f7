/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_FANOUT_H
#define MN_GATE_FANOUT_H

#include "gate/loop.h"
#include "im/group/roster.h"

/*
 * A committed message of a group on its way to the members' connections
 * (W-9; docs/decisions/0030-one-message-many-members.md).  The writer's thread decides what
 * members are told, each loop finds those of them that it has.
 *
 * Who gets it is said by the roster as it is after the commit: whoever joined
 * before a message was stored has it pushed, whoever left before has not.
 * When that roster is not in memory it is read on a worker, and all messages
 * of the group wait for it in their order.
 */
struct mn_fanout;

enum mn_fanout_how {
    MN_FANOUT_NONE = 0, /* they find it over HTTP, or when they come back */
    MN_FANOUT_PUSH,     /* GROUP_CHAT */
    MN_FANOUT_NOTIFY,   /* GROUP_NOTIFY */
    MN_FANOUT_RESEND    /* some were left out: whoever is here is resent what he misses */
};

/* What the loops are to do with a message. */
struct mn_fanout_plan {
    enum mn_fanout_how how;
    struct mn_roster *roster; /* one reference; NULL: it cannot be read, as far as they are known */
};

struct mn_fanout *mn_fanout_new(struct mn_gate *gate);
/* NULL is a no-op. */
void mn_fanout_free(struct mn_fanout *fanout);
/* The strategy of these settings from now on. Any thread. */
void mn_fanout_configure(struct mn_fanout *fanout, const struct mn_gate_settings *settings);
/*
 * Writer's thread: true, with a plan to be carried out now; false: nobody is
 * told, or mn_push_group() is called with one later.
 */
bool mn_fanout_begin(struct mn_fanout *fanout, struct mn_op *op, struct mn_fanout_plan *ret);
/* Carries it out, on each loop. */
void mn_fanout_deliver(struct mn_gate_loop *gl, const struct mn_op *op,
                       const struct mn_fanout_plan *plan);

#endif
