/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_TEXT_FILTER_IMPL_H
#define MN_IM_TEXT_FILTER_IMPL_H

#include "im/text/filter.h"

#include <stdint.h>

/*
 * Private to im/filter*.c.
 *
 * The automaton's states are numbered breadth first, so that the children of
 * a state are neighbours: child[s] to child[s + 1], told apart by label[],
 * in ascending order.  13 bytes a state, no pointers.  State 0 is the root.
 * Entries are numbered by rank: 0 wins over 1 where they overlap.  "rank + 1"
 * fields have 0 for none.
 */
struct mn_filter {
    uint32_t state_count, entry_count;
    uint32_t *child; /* state_count + 1 */
    uint32_t *fail;  /* longest proper suffix of the state that is a state */
    uint32_t *out;   /* rank + 1 of the longest entry that ends in the state */
    unsigned char *label;
    uint32_t *shorter;      /* by rank: rank + 1 of the longest entry that is its proper suffix */
    uint16_t *entry_bytes;  /* by rank */
    unsigned char *is_word; /* by rank: whole words only */
    uint32_t root[2][256];  /* children of the root; [1]: inside a word, where no word begins */
    bool pairs[65536];      /* by mn_filter_pair(): whether an entry can begin so, capitals too */
};

/* Number of the pair of bytes at `p`. */
static inline unsigned mn_filter_pair(const unsigned char *p) { return p[0] | (unsigned)p[1] << 8; }

enum { MN_FILTER_ENTRY_MAX = 256, MN_FILTER_ENTRIES_MAX = 100000 };

struct mn_filter_entry {
    const char *p; /* folded */
    uint32_t n;
    uint32_t utf16_len; /* as it was written */
    struct mn_str raw;  /* the same */
    uint32_t rank;
};

/* A text in the form in which it is compared. */
struct mn_filter_text {
    const char *p;
    size_t n;
    /* By byte: where what it was made of begins in the text as it came. NULL: it is the text as it came. */
    const uint32_t *from;
};

/* ASCII upper case to lower case, all other bytes to themselves. */
static inline unsigned char mn_filter_fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}
static inline bool mn_filter_is_ascii_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}
/* A digit or a letter of an alphabet at the start (at the end) of valid UTF-8; false if empty. */
bool mn_filter_word_at_start(const char *p, size_t n);
bool mn_filter_word_at_end(const char *p, size_t n);

/* True when the next character is a part of what stands before it, e.g. an accent. */
bool mn_filter_joins(const char *p, size_t n);

/* Whether folding would change nothing but ASCII capitals, which the automaton folds itself. */
bool mn_filter_is_folded(struct mn_str in);
/* Appends the folded text, and to `from` (or NULL) a uint32_t for each of its bytes. */
MN_MUSTCHECK enum mn_err mn_filter_fold_text(struct mn_str in, struct mn_buf *text,
                                             struct mn_buf *from);

/* Sorts the entries, ranks them, and makes the automaton. NULL: no memory. */
struct mn_filter *mn_filter_build(struct mn_filter_entry *entries, size_t count);

#endif
