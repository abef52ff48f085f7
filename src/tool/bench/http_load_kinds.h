/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_HTTP_LOAD_KINDS_H
#define MN_TOOL_BENCH_HTTP_LOAD_KINDS_H

#include <pthread.h>
#include <stdbool.h>

#include "tool/bench/profile.h"
#include "tool/kit/http_client.h"
#include "tool/load/load.h"

/* The requests of `bench mixed`, one function a kind; any number of threads. */

/* Cause of a failure, such as "500 internal_error". */
#define HTTP_LOAD_KINDS_CAUSE_MAX 40
/* Accounts that the logins of the load take in turn; not those of the connected clients. */
#define HTTP_LOAD_KINDS_ACCOUNTS 1000

/* Where somebody is in scrolling back through a conversation. */
struct http_scroll {
    int64_t before_seq; /* 0: at its newest page */
    unsigned pages;
};

struct http_load_kinds {
    const struct load_run *run;
    const struct profile *profile;
    pthread_mutex_t mu; /* guards scrolls */
    struct http_scroll *scrolls;
    uint32_t pairs;
};

void http_load_kinds_init(struct http_load_kinds *kinds, const struct load_run *run,
                          const struct profile *profile);
void http_load_kinds_deinit(struct http_load_kinds *kinds);
/*
 * Makes a request of this kind; `pick` is a random number that chooses user
 * and conversation.  Blocks.  false: `cause` says why.
 */
bool http_load_kinds_do(struct http_load_kinds *kinds, struct http_client *http,
                        enum profile_kind kind, uint64_t pick, char *cause);

#endif
