/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_JWT_HMAC_H
#define MN_PROTO_JWT_HMAC_H

#include "proto/jwt.h"

/* What signing and verifying share. Any thread. */

struct mn_jwt_alg {
    const char *name;
    size_t key_min;  /* bytes of a key that may use it: as many as the hash has */
    size_t size;     /* bytes of the signature */
    unsigned digest; /* 256, 384, 512 */
};

#define MN_JWT_SIG_MAX 64

/* NULL: there is no such algorithm; names are exact. */
const struct mn_jwt_alg *mn_jwt_alg_find(struct mn_str name);
/* The strongest one that the key's length allows; NULL below 32 bytes. */
const struct mn_jwt_alg *mn_jwt_alg_for(size_t secret_len);
/* The signature of `text`: alg->size bytes at `out`.  MN_ENOMEM when the library has none. */
MN_MUSTCHECK enum mn_err mn_jwt_hmac(const struct mn_jwt_alg *alg, const struct mn_jwt_key *key,
                                     struct mn_str text, unsigned char out[MN_JWT_SIG_MAX]);

#endif
