/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_SINGLE_H
#define MN_TOOL_BENCH_SINGLE_H

#include "tool/ledger/ledger.h"
#include "tool/ledger/receipts.h"
#include "tool/load/load.h"
#include "tool/load/pace.h"

/* A sender, its receiver, and the ledger of their conversation.  Owner: their load thread. */
struct bench_pair {
    struct load_conn *sender;
    struct load_conn *receiver;
    struct ledger_conv conv;
    struct receipts receipts; /* only with run->asks_receipts */
    uint32_t inflight;        /* messages without an answer */
    bool impaired; /* the receiver was made slow or deaf: its latencies are not the server's */
    bool watched;  /* its cursor is looked at over HTTP */
    uint8_t from_len;
    uint8_t to_len;
    char from[21]; /* user ids as text */
    char to[21];
};

/* th->mode of the modes that have pairs. */
struct bench_single {
    struct load_pace pace;
    bool open_loop;
};

/* single.c */

/* Spreads `pct` of a sequence evenly over it: whether number `i` is one of them. */
bool bench_single_is_picked(uint64_t i, double pct);
/* Closed loop: fills the sender's window. */
void bench_single_top_up(struct load_thread *th, struct bench_pair *pair, uint64_t now_ns);

/* single_recv.c */
void bench_single_on_frame(struct load_thread *th, struct load_conn *conn, const struct wire_in *in,
                           uint64_t now_ns);

/* receipts.c */

/* The receiver has sent an ACK. */
void bench_receipts_acked(struct load_thread *th, struct bench_pair *pair, enum wire_cursor cursor,
                          const struct wire_in *in, uint64_t now_ns);
/* A receipt came on `conn`, which is one end of the pair. */
void bench_receipts_came(struct load_thread *th, struct bench_pair *pair,
                         const struct load_conn *conn, const struct wire_in *in, uint64_t now_ns);
/* Acknowledgements without a receipt. */
uint64_t bench_receipts_open(const struct bench_pair *pair);

#endif
