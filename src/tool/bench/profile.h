/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_PROFILE_H
#define MN_TOOL_BENCH_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * What users do, and how often, for `bench mixed`: lines `name = number`,
 * `#` begins a comment.  Kinds have weights, which divide the overall rate.
 */
enum profile_kind {
    PROFILE_SINGLE = 0, /* a message to one user */
    PROFILE_GROUP,      /* to a group of the sender's */
    PROFILE_HISTORY,    /* a page of a conversation; from here on over HTTP */
    PROFILE_CONVERSATIONS,
    PROFILE_LOGIN,
    PROFILE_KIND_COUNT
};
#define PROFILE_IS_HTTP(kind) ((kind) >= PROFILE_HISTORY)

struct profile {
    double weight[PROFILE_KIND_COUNT];
    double read_pct; /* `read`: share of the messages that receivers read, in percent */
    uint64_t page;   /* `page`: messages or conversations that are asked for at once */
};

/* What a profile file may hold. */
#define PROFILE_LINE_MAX 200
#define PROFILE_LINES_MAX 64

/* The built-in profile as the text of a file. */
extern const char profile_default[];

/* Name of a kind in profiles and results. */
const char *profile_name(enum profile_kind kind);
/* Share of a kind in the overall rate, 0 to 1. */
double profile_share(const struct profile *profile, enum profile_kind kind);
/*
 * Reads the file; `path` NULL: the built-in profile.  MN_EINVAL, MN_EIO:
 * `why` (200 bytes or more) says where and what.  What is not named is 0,
 * but for `page`.
 */
MN_MUSTCHECK enum mn_err profile_load(struct profile *ret, const char *path, char *why,
                                      size_t why_cap);

#endif
