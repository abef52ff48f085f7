/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_ACCOUNT_KEY_H
#define MN_IM_ACCOUNT_KEY_H

#include "base/err.h"
#include "base/str.h"

/*
 * The key under which two user names are the same account: case- and
 * accent-insensitive, blanks significant (H-5.7).  Written to
 * p[cap], MN_USER_KEY_BYTES is always enough for a name of 64 UTF-16 units.
 * MN_EINVAL: no valid UTF-8; MN_ELIMIT: does not fit.  Any thread.
 */
MN_MUSTCHECK enum mn_err mn_account_key(struct mn_str name, char *p, size_t cap,
                                        struct mn_str *ret);

#endif
