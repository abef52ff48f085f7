/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_JWT_H
#define MN_PROTO_JWT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Access tokens: compact JWS with an HMAC (W-4.1 and W-4.2,
 * H-5.3).  HMAC by OpenSSL, JSON by jansson; libjwt 1.x cannot
 * keep the contract (jwt_sign.c says why).
 */
#define MN_JWT_MAX 4096 /* a longer token is invalid; ours have about 250 bytes */
#define MN_JWT_SECRET_MIN 32

struct mn_jwt_key {
    const char *secret; /* raw UTF-8 bytes; the caller's, outlives the key */
    size_t secret_len;  /* >= MN_JWT_SECRET_MIN: 32..47 HS256, 48..63 HS384, >= 64 HS512 */
    const char *issuer;
};

struct mn_jwt_claims {
    int64_t uid;    /* may be <= 0: the session version check refuses it (4.3) */
    int64_t sv;     /* session version, 0 when absent */
    int64_t exp_ms; /* Unix milliseconds, > 0; 0 when the token never expires */
};

/*
 * Verifies a token at `now_ms` (Unix).  MN_EAUTH: invalid in any way;
 * MN_EEXPIRED: valid but past `exp` (claims are set then too).  With both,
 * *ret_why (if not NULL) names the cause: "token_type_not_access",
 * "missing_uid", "JWT expired", "JWT signature does not match", "Invalid
 * compact JWT string", ... (H-7.1.3); static text.
 * Any thread.
 */
MN_MUSTCHECK enum mn_err mn_jwt_verify(const struct mn_jwt_key *key, struct mn_str token,
                                       int64_t now_ms, struct mn_jwt_claims *ret,
                                       const char **ret_why);
/*
 * Signs a token: iss, jti (random UUID), iat, exp = iat + ttl_s, uid, typ
 * "access", sv.  NUL-terminated at `out` (MN_JWT_MAX bytes).
 */
MN_MUSTCHECK enum mn_err mn_jwt_sign(const struct mn_jwt_key *key, int64_t uid, int64_t sv,
                                     int64_t now_ms, int64_t ttl_s, char *out, size_t cap);

#endif
