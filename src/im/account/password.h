/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_ACCOUNT_PASSWORD_H
#define MN_IM_ACCOUNT_PASSWORD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/*
 * bcrypt by libxcrypt (H-5.6).  Each call costs 2^cost rounds,
 * 50 ms at cost 10: worker threads only.
 */
#define MN_PASSWORD_MAX 72 /* bytes that bcrypt looks at; longer new ones are refused */
#define MN_PASSWORD_HASH_LEN 60

/*
 * bcrypt cannot tell a password of 72 bytes from one that goes on.  Such a
 * one is kept as bcrypt of its SHA-256 in base64url, behind this prefix.
 */
#define MN_PASSWORD_LONG "$sha256"
#define MN_PASSWORD_LONG_LEN 7

/*
 * "$2a$...", or MN_PASSWORD_LONG and that, with NUL at out[cap].  MN_EINVAL:
 * longer than MN_PASSWORD_MAX, with a NUL inside, or `cap` too small.
 */
MN_MUSTCHECK enum mn_err mn_password_hash(struct mn_str password, unsigned cost, char *out,
                                          size_t cap);
/*
 * Accepts $2a$, $2b$ and $2y$, with MN_PASSWORD_LONG before it or not;
 * anything else never matches.  Without it only the first 72 bytes count, as
 * for whoever made such a hash: it may be of a longer password.
 */
bool mn_password_matches(struct mn_str password, const char *hash);
/* Takes as long as a check against a hash of that cost, and fails. */
void mn_password_waste(struct mn_str password, unsigned cost);

#endif
