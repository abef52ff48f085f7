/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_SINK_H
#define MN_IM_SINK_H

#include <stdint.h>

/*
 * The way from the rules to users' live connections, without knowing of
 * connections: the gate is one, an array in a test another.  Any thread;
 * never blocks; for users who are not there nothing happens.
 */
struct mn_sink {
    void *ctx;
    /* The user's session version was raised to `sv`, and that is stored. NULL: nobody asks. */
    void (*bump)(void *ctx, int64_t uid, int64_t sv);
};

static inline void mn_sink_bump(const struct mn_sink *sink, int64_t uid, int64_t sv)
{
    if (sink->bump)
        sink->bump(sink->ctx, uid, sv);
}

#endif
