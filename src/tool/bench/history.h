/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_HISTORY_H
#define MN_TOOL_BENCH_HISTORY_H

#include "base/err.h"
#include "tool/bench/single.h"
#include "tool/kit/http_client.h"

/* Looks messages up in the server's history (http-api.md 7.4.3).  Main thread, blocks. */
struct mn_history {
    struct mn_http http;
};

/* Prints what is wrong with the address. */
MN_MUSTCHECK enum mn_err mn_history_open(struct mn_history *history, const char *url);
void mn_history_close(struct mn_history *history);
/*
 * Reads the conversation backwards, as its receiver, until every message of
 * the ledger's window has been seen, and marks those found with
 * MN_LEDGER_FOUND.  Prints why when it fails.
 */
MN_MUSTCHECK enum mn_err mn_history_check(struct mn_history *history, const struct load_run *run,
                                          struct bench_pair *pair);

#endif
