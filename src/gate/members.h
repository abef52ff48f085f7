/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_MEMBERS_H
#define MN_GATE_MEMBERS_H

#include "base/list.h"
#include "gate/gate.h"
#include "im/group/roster.h"

/*
 * Which members of a group have a session on this loop, so that a message
 * costs what they are, not what the group is.  Made from the roster and the
 * presence when the group's roster has changed, and from the sessions that
 * came since when not; who has gone is dropped when he is not found.
 *
 * Owner: a loop, on its thread.
 */
struct mn_members;

struct mn_member {
    int64_t uid;
    uint64_t conn; /* perhaps gone */
};

/* Those of a group: valid until the next mn_members_of(). */
struct mn_member_list {
    struct mn_list link; /* private: in the order of use */
    int64_t group;
    uint64_t version;     /* of the roster; 0: none that is known */
    uint64_t arrived;     /* sessions that were looked at */
    struct mn_member *at; /* by uid */
    uint32_t count, cap;
    bool missed; /* something was not pushed to all of them: they need a resend */
};

struct mn_members *mn_members_new(struct mn_net *net, struct mn_loop *loop,
                                  struct mn_presence *presence);
/* NULL is a no-op. */
void mn_members_free(struct mn_members *members);
/* A session of this loop is live. */
void mn_members_arrived(struct mn_members *members, int64_t uid, uint64_t conn);
/*
 * The members of the roster that are here.  NULL: as they were known, which
 * may be none.  Without memory for them `missed` is set and they are looked
 * for again the next time.
 */
struct mn_member_list *mn_members_of(struct mn_members *members, int64_t group,
                                     const struct mn_roster *roster);

#endif
