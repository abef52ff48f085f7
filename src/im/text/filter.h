/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_TEXT_FILTER_H
#define MN_IM_TEXT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The text filter: replaces every listed word by "***" (W-12,
 * H-6.2).  One pass of an
 * Aho-Corasick automaton, whatever the length of the list.
 *
 * - Capitals and small letters of every script are the same, and so are a
 *   letter with its accent and a letter followed by it: anything else would
 *   be a way round.
 * - An entry of nothing but digits and letters of scripts with capitals
 *   (Latin, Greek, Cyrillic, Armenian, ...) matches whole words only: no
 *   neighbour in the text may be such a digit or letter.  Chinese and other
 *   scripts are no part of a word.
 * - All other entries match anywhere, as Chinese has no blanks.
 * Where matches overlap, the longest wins (length in UTF-16 units, then
 * code-unit order), then the leftmost, as when the entries are applied one
 * after the other, longest first.  Words are judged in the text as it came,
 * and masked text takes part in no other match.
 *
 * The result may be longer than the text (mask for a shorter word): callers
 * with a limit check the length again.
 *
 * Immutable once made: shared by any number of threads without locks.
 */
struct mn_filter;

/* The small built-in list. */
struct mn_filter *mn_filter_new_builtin(void);
/*
 * A list of an operator's own: UTF-8, one entry a line, trimmed, empty
 * lines and lines that start with '#' skipped, duplicates dropped.  At most
 * 4 MiB and 100,000 entries of at most 256 bytes.  `why` gets a sentence
 * that names file and line.  MN_ENOTFOUND, MN_EPERM, MN_EIO: cannot be read;
 * MN_ELIMIT: too large; MN_EINVAL: not UTF-8.
 */
MN_MUSTCHECK enum mn_err mn_filter_load(const char *path, struct mn_filter **ret,
                                        struct mn_buf *why);
/* The same from memory; `name` stands for the file in `why`. */
MN_MUSTCHECK enum mn_err mn_filter_parse(struct mn_str text, const char *name,
                                         struct mn_filter **ret, struct mn_buf *why);
void mn_filter_free(struct mn_filter *filter);
size_t mn_filter_count(const struct mn_filter *filter);

/*
 * If the filter changes `in` (valid UTF-8), appends the changed text to
 * `out` and sets *ret_changed; else leaves `out` alone and clears it,
 * without allocating anything for text that needs no folding.  MN_ELIMIT,
 * MN_ENOMEM: `out` is full, or no memory.
 */
MN_MUSTCHECK enum mn_err mn_filter_apply(const struct mn_filter *filter, struct mn_str in,
                                         struct mn_buf *out, bool *ret_changed);

#endif
