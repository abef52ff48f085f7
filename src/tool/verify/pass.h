/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_PASS_H
#define MN_TOOL_VERIFY_PASS_H

#include "base/map.h"
#include "store/rocks/scan.h"
#include "tool/verify/chats.h"
#include "tool/verify/verify.h"

/* What store.c, members.c and rows.c share: one pass over the message log. */
struct verify_pass {
    struct verify_report *report;
    struct mn_msglog_scan *scan;
    struct verify_chats chats;
    uint64_t number, count; /* this pass is about the chats of share `number` of `count` */
    uint64_t seed;          /* of the shares and of the sums */
    uint64_t rows;          /* for the progress */
    /* of all passes: numbers of messages to groups, and rows that count them for their sender */
    uint64_t group_numbers, own_counts;
    /* the count that came last */
    struct {
        enum mn_key_counted kind;
        int64_t chat, user, count;
    } counted;
};

/* ---- what is summed, see store.c ---- */

static inline uint64_t verify_mix(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
    return mn_hash_u64(mn_hash_u64(mn_hash_u64(seed ^ a) ^ b) + c);
}

/* A row MN_SCAN_COUNT; `count` only of own messages: of mentions a message does not know it. */
static inline uint64_t verify_count_sum(const struct verify_pass *pass, enum mn_key_counted kind,
                                        int64_t user, int64_t seq, int64_t count)
{
    return verify_mix(pass->seed + (uint64_t)kind, (uint64_t)user, (uint64_t)seq, (uint64_t)count);
}

/* A row MN_SCAN_REVOKED. */
static inline uint64_t verify_revoked_sum(const struct verify_pass *pass, int64_t id, int64_t seq,
                                          int64_t from, int64_t to)
{
    return verify_mix(~pass->seed + 2, (uint64_t)id, (uint64_t)seq,
                      (uint64_t)from ^ mn_hash_u64((uint64_t)to));
}

/* A row MN_SCAN_WAITING of a group's member. */
static inline uint64_t verify_waiting_sum(const struct verify_pass *pass, int64_t user)
{
    return verify_mix(~pass->seed + 3, (uint64_t)user, 0, 0);
}

/* ---- steps ---- */

/* One more row, for the progress. */
void verify_tick(struct verify_pass *pass, const char *what);
/* Tells of a row that minimd cannot have written. */
void verify_bad_row(struct verify_pass *pass, const struct mn_scan_row *row);

/* Whether the chat belongs to the share of this pass. */
bool verify_is_mine(const struct verify_pass *pass, int64_t chat);
/* Finds or adds a chat that may have no pair; NULL when there are too many of these. */
struct verify_chat *verify_chat_of(struct verify_pass *pass, int64_t chat);

/* members.c: a row of MN_SCAN_CHATS, after the index was read; `arg` is the pass. */
void verify_on_member(void *arg, const struct mn_scan_row *row);

/*
 * rows.c: finds out, row by row, what is wrong in the chats flagged
 * VERIFY_DISAGREES.  Costs a few point reads for every row of theirs, and
 * another run over all messages.
 */
void verify_rows(struct verify_pass *pass);
/* A row that was asked for by its key: tells if the store cannot read it. */
void verify_check_read(struct verify_pass *pass, enum mn_err err, const char *what, int64_t chat,
                       int64_t number);

/* group_rows.c, for rows.c: what must be there for a number, and for a message ... */
void verify_own_count(struct verify_pass *pass, const struct mn_scan_row *row);
void verify_addressed_rows(struct verify_pass *pass, const struct mn_scan_row *row);
/* ... and what a row of MN_SCAN_CHATS is there for; `arg` is the pass. */
void verify_group_row(void *arg, const struct mn_scan_row *row);

/* ledger.c: looks every line up. */
MN_MUSTCHECK enum mn_err verify_ledger(struct verify_report *report, struct mn_msglog_scan *scan,
                                       const char *path, struct mn_buf *why);

#endif
