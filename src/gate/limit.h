/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_LIMIT_H
#define MN_GATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Token bucket of W-10: starts full at its first use,
 * adds whole tokens only, and moves its clock only by the time those tokens
 * stand for.  Caller-owned; a zeroed one is new.
 */
struct mn_bucket {
    uint64_t last_us; /* 0: not used yet */
    uint32_t tokens;
};

/* Takes one token; false when there is none. rate 0 = no limit. now_us: monotonic. */
bool mn_bucket_take(struct mn_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_us);

/*
 * The bucket of a user, which outlives his connections (W-10.2).  A fixed table of 65,536 buckets, two places a user; when both are
 * taken by others the one used longest ago starts anew.  Any thread.
 */
struct mn_user_limits;
struct mn_user_limits *mn_user_limits_new(void);
void mn_user_limits_free(struct mn_user_limits *limits);
bool mn_user_limits_take(struct mn_user_limits *limits, int64_t user, uint32_t rate, uint32_t burst,
                         uint64_t now_us);

/*
 * Answers that the server itself asks for: an ACK for what it pushed, a PONG
 * for its PING, a REAUTH before a token expires.  They are free, as many as
 * were asked for; the rest is taken from the buckets (W-10.3).
 * Owner: a session, on its loop's thread.  A zeroed one has asked for nothing.
 */
enum mn_asked_kind {
    MN_ASKED_DELIVERED, /* ACK delivered of a pushed message */
    MN_ASKED_READ,      /* ACK read of a pushed message */
    MN_ASKED_PONG,
    MN_ASKED_REAUTH,
    MN_ASKED_COUNT
};
struct mn_asked {
    uint32_t due[MN_ASKED_COUNT];
    int64_t last[MN_ASKED_COUNT]; /* what the last answer was about: the same again is not free */
};
/* One more answer is expected. */
void mn_asked_add(struct mn_asked *asked, enum mn_asked_kind kind);
/* Takes one of them for an answer about `id` (0: about nothing that has an id); false: it was not asked for. */
bool mn_asked_take(struct mn_asked *asked, enum mn_asked_kind kind, int64_t id);
/* The answer that was taken turned out to be none. */
void mn_asked_untake(struct mn_asked *asked, enum mn_asked_kind kind);

/*
 * Violations: the 4th within a window of 10 s that starts with the first one
 * closes (W-10).  A zeroed one is new.
 */
struct mn_violations {
    uint64_t window_start_ms;
    uint32_t count;
};
/* Counts one; true when the connection is to be closed. */
bool mn_violations_add(struct mn_violations *violations, uint64_t now_ms);

#endif
