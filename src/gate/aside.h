/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_ASIDE_H
#define MN_GATE_ASIDE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Frames of requests that came while as many wait as may (serial.h): their
 * bytes as they came, first come, first out, so that what is behind them in
 * the stream and need not wait (PING, ACK, REAUTH; W-7.3) is read.
 * Owner: a session, on its loop's thread.  A zeroed one is empty.
 */
enum { MN_ASIDE_BYTES = 256 * 1024 }; /* beyond it the connection's input is held */

struct mn_aside_frame {
    struct mn_aside_frame *next; /* private */
    size_t n;
    char p[];
};

struct mn_aside {
    struct mn_aside_frame *first, *last;
    size_t bytes; /* memory that they take */
    bool running; /* one of them is being carried out */
};

/* For mn_aside_put(); to be freed with mn_free(). NULL: no memory. */
struct mn_aside_frame *mn_aside_copy(const char *p, size_t n);
void mn_aside_put(struct mn_aside *aside, struct mn_aside_frame *take_frame);
/* The oldest, to be freed with mn_free(); NULL: none. */
struct mn_aside_frame *mn_aside_take(struct mn_aside *aside);
/* MN_ASIDE_BYTES are reached: nothing more is to come for now. */
bool mn_aside_is_full(const struct mn_aside *aside);
void mn_aside_deinit(struct mn_aside *aside);

#endif
