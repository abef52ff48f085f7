/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_HISTORY_H
#define MN_TOOL_BENCH_HISTORY_H

#include "base/err.h"
#include "tool/bench/group.h"
#include "tool/bench/single.h"
#include "tool/kit/http_client.h"

/* Looks messages up in the server's history (H-7.4.3, H-7.7.2).  Main thread, blocks. */
struct history {
    struct http_client http;
};

/* Prints what is wrong with the address. */
MN_MUSTCHECK enum mn_err history_open(struct history *history, const char *url);
void history_close(struct history *history);
/*
 * Reads the conversation backwards, as its receiver, until every message of
 * the ledger's window has been seen, and marks those found with
 * LEDGER_FOUND.  Prints why when it fails.
 */
MN_MUSTCHECK enum mn_err history_check(struct history *history, const struct load_run *run,
                                       struct bench_pair *pair);

/* The same of a group, as its owner. */
MN_MUSTCHECK enum mn_err history_check_group(struct history *history, const struct load_run *run,
                                             struct bench_group *group);

#endif
