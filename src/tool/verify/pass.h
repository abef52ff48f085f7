/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_PASS_H
#define MN_TOOL_VERIFY_PASS_H

#include "store/rocks/scan.h"
#include "tool/verify/chats.h"
#include "tool/verify/verify.h"

/* What store.c and rows.c share: one pass over the message log. */
struct verify_pass {
    struct verify_report *report;
    struct mn_msglog_scan *scan;
    struct verify_chats chats;
    uint64_t number, count; /* this pass is about the chats of share `number` of `count` */
    uint64_t seed;          /* of the shares and of the sums */
    uint64_t rows;          /* for the progress */
};

/* Whether the chat belongs to the share of this pass. */
bool verify_is_mine(const struct verify_pass *pass, int64_t chat);
/* Finds or adds a chat that may have no pair; NULL when there are too many of these. */
struct verify_chat *verify_chat_of(struct verify_pass *pass, int64_t chat);

/*
 * rows.c: finds out, row by row, what is wrong in the chats flagged
 * VERIFY_DISAGREES.  Costs a few point reads for every row of theirs, and
 * another run over all messages.
 */
void verify_rows(struct verify_pass *pass);

/* ledger.c: looks every line up. */
MN_MUSTCHECK enum mn_err verify_ledger(struct verify_report *report, struct mn_msglog_scan *scan,
                                       const char *path, struct mn_buf *why);

#endif
