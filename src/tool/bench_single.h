/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_SINGLE_H
#define MN_TOOL_BENCH_SINGLE_H

#include "tool/ledger.h"
#include "tool/load.h"

/* A sender, its receiver, and the ledger of their conversation.  Owner: their load thread. */
struct bench_pair {
    struct load_conn *sender;
    struct load_conn *receiver;
    struct mn_ledger_conv conv;
    uint32_t inflight; /* messages without an answer */
    bool impaired;     /* the receiver was made slow or deaf: its latencies are not the server's */
    uint8_t from_len;
    uint8_t to_len;
    char from[21]; /* user ids as text */
    char to[21];
};

#endif
