/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_SINK_H
#define MN_IM_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "proto/envelope.h"

/*
 * The way from the rules to users' live connections, without knowing of
 * connections: the gate is one, an array in a test another.  Any thread;
 * never blocks; for users who are not there nothing happens.
 */
struct mn_sink {
    void *ctx;
    /* The user's session version was raised to `sv`, and that is stored. NULL: nobody asks. */
    void (*bump)(void *ctx, int64_t uid, int64_t sv);
    /*
     * The frame `env` to each of `n` users; encoded once, its texts are not
     * kept.  Of something that is stored: after its commit, never before.
     * Best effort: not sent again.  NULL: nobody asks.
     */
    void (*push)(void *ctx, const int64_t *uids, size_t n, const struct mn_envelope *env);
};

static inline void mn_sink_bump(const struct mn_sink *sink, int64_t uid, int64_t sv)
{
    if (sink->bump)
        sink->bump(sink->ctx, uid, sv);
}
static inline void mn_sink_push(const struct mn_sink *sink, const int64_t *uids, size_t n,
                                const struct mn_envelope *env)
{
    if (sink->push)
        sink->push(sink->ctx, uids, n, env);
}

#endif
