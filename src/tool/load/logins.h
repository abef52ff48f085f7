/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LOAD_LOGINS_H
#define MN_TOOL_LOAD_LOGINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hist.h"
#include "tool/load/load.h"

/*
 * --login: the clients' accounts, and their tokens.  Logged in before
 * anything else by some threads, a blocking connection each; tokens are
 * refreshed during the run when they grow old.  What one client has may be
 * asked for by any thread.
 */
struct mn_logins;

/* Connections that log in at a time; each of them waits for its answer. */
#define MN_LOGINS_THREADS 8

/* What became of them. */
struct mn_logins_result {
    uint32_t asked;
    uint32_t ok;
    uint32_t failed;
    unsigned threads;
    double took_s;
    uint64_t refreshed;
    uint64_t refresh_failed;
    const struct mn_hist *hist; /* of one login, ns */
};

/* Accounts `bench-RUN-0` and so on; nothing is asked yet.  NULL after a message: bad address. */
struct mn_logins *mn_logins_new(const char *http, uint32_t run_id, uint32_t count,
                                uint64_t timeout_ns);
/* Ends the threads first; NULL is a no-op. */
void mn_logins_free(struct mn_logins *logins);
/* Begins; main thread. */
void mn_logins_start(struct mn_logins *logins);
/* How many are done, well or not; all of them: the end. */
uint32_t mn_logins_done(const struct mn_logins *logins);
/* Waits for the threads; those who have not begun fail as "not begun". */
void mn_logins_join(struct mn_logins *logins);
/* From here on tokens are refreshed before they expire; ends with mn_logins_free(). */
void mn_logins_keep_fresh(struct mn_logins *logins);
struct mn_logins_result mn_logins_result(struct mn_logins *logins);

/* The user's id; 0: he could not log in. */
int64_t mn_logins_uid(const struct mn_logins *logins, uint32_t index);
/* Why not; "" if he could. */
const char *mn_logins_cause(const struct mn_logins *logins, uint32_t index);
/* His access token at `out` (MN_JWT_MAX bytes); MN_ENOTFOUND: there is none. */
MN_MUSTCHECK enum mn_err mn_logins_token(struct mn_logins *logins, uint32_t index, char *out);

#endif
