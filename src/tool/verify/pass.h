/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_PASS_H
#define MN_TOOL_VERIFY_PASS_H

#include "store/msglog_scan.h"
#include "tool/verify/chats.h"
#include "tool/verify/verify.h"

/* What verify_store.c and verify_rows.c share: one pass over the message log. */
struct mn_verify_pass {
    struct mn_verify_report *report;
    struct mn_msglog_scan *scan;
    struct mn_verify_chats chats;
    uint64_t number, count; /* this pass is about the chats of share `number` of `count` */
    uint64_t seed;          /* of the shares and of the sums */
    uint64_t rows;          /* for the progress */
};

/* Whether the chat belongs to the share of this pass. */
bool mn_verify_is_mine(const struct mn_verify_pass *pass, int64_t chat);
/* Finds or adds a chat that may have no pair; NULL when there are too many of these. */
struct mn_verify_chat *mn_verify_chat_of(struct mn_verify_pass *pass, int64_t chat);

/*
 * verify_rows.c: finds out, row by row, what is wrong in the chats flagged
 * MN_VERIFY_DISAGREES.  Costs a few point reads for every row of theirs, and
 * another run over all messages.
 */
void mn_verify_rows(struct mn_verify_pass *pass);

/* verify_ledger.c: looks every line up. */
MN_MUSTCHECK enum mn_err mn_verify_ledger(struct mn_verify_report *report,
                                          struct mn_msglog_scan *scan, const char *path,
                                          struct mn_buf *why);

#endif
