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
struct logins;

/* Connections that log in at a time; each of them waits for its answer. */
#define LOGINS_THREADS 8

/* What became of them. */
struct logins_result {
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
struct logins *logins_new(const char *http, uint32_t run_id, uint32_t count, uint64_t timeout_ns);
/* Ends the threads first; NULL is a no-op. */
void logins_free(struct logins *logins);
/* Begins; main thread. */
void logins_start(struct logins *logins);
/* How many are done, well or not; all of them: the end. */
uint32_t logins_done(const struct logins *logins);
/* Waits for the threads; those who have not begun fail as "not begun". */
void logins_join(struct logins *logins);
/* From here on tokens are refreshed before they expire; ends with logins_free(). */
void logins_keep_fresh(struct logins *logins);
struct logins_result logins_result(struct logins *logins);

/* The user's id; 0: he could not log in. */
int64_t logins_uid(const struct logins *logins, uint32_t index);
/* Why not; "" if he could. */
const char *logins_cause(const struct logins *logins, uint32_t index);
/* His access token at `out` (MN_JWT_MAX bytes); MN_ENOTFOUND: there is none. */
MN_MUSTCHECK enum mn_err logins_token(struct logins *logins, uint32_t index, char *out);

#endif
