/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_CLUSTER_PRESENCE_H
#define MN_CLUSTER_PRESENCE_H

#include <stdint.h>

#include "base/err.h"

/*
 * Who is where: user id to connection id, for this process.  One live
 * session per user (W-5).  Any thread; sharded locks
 * held for a hash look-up only.
 */
struct mn_presence;

struct mn_presence *mn_presence_new(void);
void mn_presence_free(struct mn_presence *presence);
/* Makes `conn` the user's connection; *ret_old is the one it replaces, or 0. MN_ENOMEM. */
MN_MUSTCHECK enum mn_err mn_presence_take(struct mn_presence *presence, int64_t user, uint64_t conn,
                                          uint64_t *ret_old);
/* Removes it if it is still `conn`. */
void mn_presence_drop(struct mn_presence *presence, int64_t user, uint64_t conn);
/* How many of these two there were: as long as it stays, everybody is where he was. */
uint64_t mn_presence_changes(struct mn_presence *presence);
/* Connection of the user, or 0. */
uint64_t mn_presence_find(struct mn_presence *presence, int64_t user);

#endif
