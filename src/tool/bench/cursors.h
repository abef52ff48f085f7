/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_CURSORS_H
#define MN_TOOL_BENCH_CURSORS_H

#include "base/err.h"
#include "tool/bench/single.h"

/*
 * Cursor lag: how long after an ACK read GET /single-chat/member/state shows
 * the sender that cursor.  A thread of its own asks, one conversation of a
 * sample after the other, as HTTP blocks; load threads only tell it when the
 * conversation that it waits for was read.
 */

/* Conversations that are watched, spread evenly over all of them. */
#define BENCH_CURSORS_SAMPLE 50

/* What was found, for the reports. */
struct bench_cursors_result {
    bool measured;
    unsigned sample;    /* conversations */
    uint32_t pairs;     /* of so many */
    uint64_t looks;     /* requests */
    uint64_t failed;    /* of these without a usable answer */
    uint64_t unreached; /* acknowledgements that did not show within --timeout */
    uint64_t behind;    /* conversations whose cursor was behind at the end */
    uint32_t indices[BENCH_CURSORS_SAMPLE]; /* of their senders */
    struct mn_hist *hist;                   /* ACK read to its cursor's showing, ns */
};

/* Chooses the sample; before the load threads start.  NULL after a message: bad address. */
struct bench_cursors *bench_cursors_new(struct load_run *run, const char *http);
/* NULL is a no-op, here and in start and stop. */
void bench_cursors_free(struct bench_cursors *cursors);
/* Watches from here on to the end of the steady phase; main thread. */
void bench_cursors_start(struct bench_cursors *cursors);
/* Waits for the last answer, at most --timeout. */
void bench_cursors_stop(struct bench_cursors *cursors);
/* A load thread handed ACK read of this msgSeq to the receiver's connection. */
void bench_cursors_acked(struct bench_cursors *cursors, struct bench_pair *pair, int64_t seq,
                         uint64_t now_ns);
/* After the load threads have ended: must all cursors of the sample have arrived? */
void bench_cursors_finish(struct bench_cursors *cursors);
const struct bench_cursors_result *bench_cursors_result(const struct bench_cursors *cursors);

#endif
