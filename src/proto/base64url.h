/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_BASE64URL_H
#define MN_PROTO_BASE64URL_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Base64 with the URL alphabet (RFC 4648 section 5), as JWT uses it. Any thread. */

#define MN_BASE64URL_DECODED(n) ((n) / 4 * 3 + 3)
#define MN_BASE64URL_ENCODED(n) (((n)*4 + 2) / 3)

/*
 * Decodes into `out` (room for MN_BASE64URL_DECODED(s.n)).  Padding may be
 * there or not; if it is, it must be right.  Anything else outside of the
 * alphabet, blanks too, is MN_EINVAL.
 */
MN_MUSTCHECK enum mn_err mn_base64url_decode(struct mn_str s, char *out, size_t *ret_n);

/* Encodes without padding: exactly MN_BASE64URL_ENCODED(n) bytes, no NUL; returns that number. */
size_t mn_base64url_encode(const void *p, size_t n, char *out);

#endif
