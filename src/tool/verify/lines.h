/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_LINES_H
#define MN_TOOL_VERIFY_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "tool/ledger/ledger_file.h"

/*
 * Lines of a ledger, sorted by conversation and number.  A ledger comes in
 * the order of time, and may be longer than the memory: so it is read in
 * passes, each about as many whole conversations as fit.
 */
struct verify_line {
    int64_t low, high, seq; /* the two users, or 0 and a group; and the number */
    uint64_t facts;         /* verify_facts() of sender, id and client id */
    uint64_t text;          /* first half of the hash of the text */
    int64_t offset;         /* in the file */
};

struct verify_lines {
    struct verify_line *lines; /* of the pass */
    size_t count;
    struct ledger_reader reader;
    /* private */
    size_t cap;
    uint64_t seed;
};

/* MN_EINVAL, MN_ENOTFOUND, MN_EIO, MN_EPERM: `why` gets a sentence. */
MN_MUSTCHECK enum mn_err verify_lines_open(struct verify_lines *lines, const char *path,
                                           uint64_t memory_bytes, struct mn_buf *why);
/* Also for a zeroed one. */
void verify_lines_close(struct verify_lines *lines);
/*
 * The next pass: conversations that rank `first` (0 at the beginning) and
 * above.  The pass after it begins at *ret_last + 1; there is none behind
 * UINT64_MAX.  *ret_all: lines of the whole ledger.  MN_ELIMIT: one
 * conversation has more lines than fit; MN_EINVAL, MN_EIO.
 */
MN_MUSTCHECK enum mn_err verify_lines_read(struct verify_lines *lines, uint64_t first,
                                           uint64_t *ret_last, uint64_t *ret_all,
                                           struct mn_buf *why);
/* Whose conversation it is, for examples. */
#define VERIFY_CHAT_NAME 64
const char *verify_chat_name(char out[VERIFY_CHAT_NAME], int64_t low, int64_t high);
/* Hash of what a message and a line must have in common, besides number and text. */
uint64_t verify_facts(const struct verify_lines *lines, int64_t from, int64_t id,
                      struct mn_str client_id);
/* The whole line once more, for an example; without its ids if the file cannot be read now. */
void verify_lines_again(struct verify_lines *lines, const struct verify_line *line,
                        struct ledger_line *ret);

#endif
