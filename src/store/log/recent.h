/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_LOG_RECENT_H
#define MN_STORE_LOG_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/log/msglog.h"

/*
 * Where the latest messages are, by id: filled by the writer at commit, read
 * by any thread without ever waiting.  Fixed memory; in a full set the
 * smallest (oldest) id goes.
 */
struct mn_recent_set;
struct mn_recent {
    struct mn_recent_set *sets;
    size_t mask; /* number of sets, a power of two, less one */
};

/* Room for at least `messages`. */
void mn_recent_init(struct mn_recent *recent, uint32_t messages);
void mn_recent_deinit(struct mn_recent *recent);
/* Writer thread only. */
void mn_recent_put(struct mn_recent *recent, const struct mn_msg_ref *ref);
/* Any thread; false: not here (or being replaced right now), ask the store. */
bool mn_recent_get(const struct mn_recent *recent, int64_t id, struct mn_msg_ref *ret);

#endif
