/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_IM_CALL_WORLD_H
#define MN_TESTS_UNIT_IM_CALL_WORLD_H

#include "im/call/calls.h"
#include "im/call/calls_impl.h"
#include "unit/im/tests.h"

/*
 * Calls with a store, a presence and users that are arrays.  Users 1 to 6
 * are friends, all there are online at first.  The clock is the test's, and
 * so is the thread: what was sent is carried out by cw_run().
 */
enum { CW_USERS = 8, CW_FRAMES = 64, CW_RECORDS = 64, CW_RING_MS = 30000, CW_GRACE_MS = 10000 };

/* A frame that a user got. */
struct cw_told {
    int64_t user;
    struct mn_envelope env;
    char texts[6][256];
};

extern struct cw {
    struct mn_calls *calls;
    struct mn_metrics *metrics;
    struct mn_idgen ids;
    bool online[CW_USERS];
    struct cw_told frames[CW_FRAMES];
    size_t frame_count;
    struct mn_call_record records[CW_RECORDS];
    size_t record_count;
    int creates_fail, updates_fail; /* so many of the next ones do */
    bool friends_fail;
    unsigned unwritten;
    bool caller_leaves, callee_leaves; /* while the record is being made */
} cw;
extern struct mn_call_now cw_now;

int cw_setup(void **state);
int cw_teardown(void **state);
/* Calls of these limits, instead of those that are there: mn_calls_free() them first. */
void cw_open_calls(size_t max_active, size_t queue_bytes);

/* ---- what users do; all but cw_send() also run it ---- */

void cw_run(void);
void cw_pass(uint64_t ms);
void cw_send(int64_t from, struct mn_envelope env);
/* A frame about a call with all that any of them needs. */
void cw_say(int64_t from, enum mn_type type, int64_t call);
void cw_invite(int64_t from, int64_t to);
void cw_leave(int64_t user);
/* 1 rings at 2, and for accepted() is answered; the call's id. */
int64_t cw_ringing(void);
int64_t cw_accepted(void);

/* ---- what they were told ---- */

void cw_forget(void);
/* The i-th frame is of that type and to that user. */
const struct cw_told *cw_frame(size_t i, int64_t user, enum mn_type type);
/* The only frame: CALL_ERROR. */
const struct mn_envelope *cw_only_error(int64_t user, const char *reason);
void cw_is_signal(const struct mn_envelope *env, int64_t call, int64_t from, int64_t to);
const struct mn_call_record *cw_record(int64_t call);
/* Just now; and no call is left. */
void cw_has_ended(int64_t call, enum mn_call_status status, const char *reason, int32_t duration_s);

#endif
