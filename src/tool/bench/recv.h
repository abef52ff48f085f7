/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_RECV_H
#define MN_TOOL_BENCH_RECV_H

#include "tool/ledger/ledger.h"
#include "tool/ledger/ledger_file.h"
#include "tool/load/load.h"

/*
 * What single_recv.c and group_recv.c do alike with what comes: the counts.
 * Thread: the load thread.
 */

/* What the ledger knows of a message before its answer is entered; without it, of no time that counts. */
static inline struct ledger_rec bench_recv_before(struct ledger_conv *conv, uint32_t counter)
{
    const struct ledger_rec *rec = ledger_find(conv, counter);
    return rec ? *rec : (struct ledger_rec){.flags = LEDGER_SKEW};
}
/*
 * Counts an answer, and takes the first one off *inflight.  False: it is none
 * that counts (a second one, or of nothing that was sent).
 */
bool bench_recv_answer(struct load_thread *th, enum ledger_answer answer, bool is_saved,
                       const struct ledger_rec *before, uint32_t *inflight, uint64_t now_ns);
/*
 * Writes the first ACK(saved) of a message into the ledger file, if there is
 * one: from now on it must never be lost.  `line` says from whom and to where.
 */
void bench_recv_saved(struct load_thread *th, struct ledger_line line, uint32_t sender,
                      const struct wire_in *in);
/* Counts a copy of a message; true: it is the first one, whose time counts. */
bool bench_recv_copy(struct load_thread *th, enum ledger_verdict verdict, bool is_resent);

#endif
