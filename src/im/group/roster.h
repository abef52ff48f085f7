/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_GROUP_ROSTER_H
#define MN_IM_GROUP_ROSTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"

/*
 * Who is in a group: what every message to one asks, kept in memory for the
 * groups that are in use.  A roster is a snapshot that never changes; after
 * a change of the group (docs/contract/websocket.md, W-9.1) the next
 * mn_roster_find() gives the new one or none, never the old one.
 *
 * A member takes 16 bytes, whether he is there or not.
 */

struct mn_roster_member {
    int64_t uid;
    uint64_t role : 8; /* as the source gives it */
    uint64_t mute_until_ms : 56;
};

struct mn_roster {
    _Atomic int refs;
    uint32_t count;
    int64_t group;
    uint64_t version;                  /* no two rosters of a process have the same */
    struct mn_roster_member members[]; /* in the order of their ids */
};

/* Gives one member; mute_until_ms: end of his speaking ban, 0 = none. */
typedef void (*mn_roster_put)(void *arg, int64_t uid, unsigned role, int64_t mute_until_ms);

/* Where rosters come from: the relational store. */
struct mn_roster_source {
    void *ctx;
    /*
     * Gives all members as of now, in any order; none: there is no such
     * group.  On workers; may block.
     */
    enum mn_err (*members)(void *ctx, int64_t group, mn_roster_put put, void *arg);
};

/* The rosters in memory.  Owner: app.  All calls from any thread unless said otherwise. */
struct mn_rosters;

/* `max_bytes`: beyond it the ones used longest ago are forgotten. */
struct mn_rosters *mn_rosters_new(const struct mn_roster_source *source, size_t max_bytes,
                                  struct mn_metrics *metrics);
/* Not before those who hold rosters have let them go; NULL is a no-op. */
void mn_rosters_free(struct mn_rosters *rosters);

/* One reference, or NULL: not in memory.  Locks for a look-up only: loops too. */
struct mn_roster *mn_roster_find(struct mn_rosters *rosters, int64_t group);
/*
 * The same, read from the source when need be; of an unknown group an empty
 * one.  MN_ENOMEM, errors of the source.  Workers only: blocks.
 */
MN_MUSTCHECK enum mn_err mn_roster_load(struct mn_rosters *rosters, int64_t group,
                                        struct mn_roster **ret);
/*
 * A member, a role or a ban of the group has changed.  To be called after
 * that is committed, and before whoever asked for it is told.
 */
void mn_roster_changed(struct mn_rosters *rosters, int64_t group);

static inline struct mn_roster *mn_roster_ref(struct mn_roster *roster)
{
    atomic_fetch_add_explicit(&roster->refs, 1, memory_order_relaxed);
    return roster;
}
/* NULL is a no-op. */
void mn_roster_unref(struct mn_roster *roster);
/* NULL: he is no member. */
const struct mn_roster_member *mn_roster_member(const struct mn_roster *roster, int64_t uid);

#endif
