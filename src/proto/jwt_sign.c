/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issuing access tokens (W-4.1), and the HMAC that verifying
 * shares.
 *
 * Signatures are OpenSSL's HMAC and not libjwt's, because libjwt 1.x cannot
 * keep the contract: encoding always adds "typ":"JWT" to a header that has
 * to be exactly {"alg":"HS256"}; decoding refuses padding, which the
 * contract tolerates, takes "hs256" and duplicate keys, which it forbids,
 * and costs 8 us where this costs 1.  The unit test keeps the two compatible:
 * libjwt must accept our tokens and we its.
 *
 * No state, any thread.
 */
#include "proto/jwt_hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/rand.h"
#include "proto/base64url.h"

static const struct mn_jwt_alg algs[] = {
    {"HS256", 32, 32, 256}, {"HS384", 48, 48, 384}, {"HS512", 64, 64, 512}};

#define ALG_COUNT (sizeof(algs) / sizeof(algs[0]))

const struct mn_jwt_alg *mn_jwt_alg_find(struct mn_str name)
{
    for (size_t i = 0; i < ALG_COUNT; i++)
        if (mn_str_is(name, algs[i].name))
            return &algs[i];
    return NULL;
}

const struct mn_jwt_alg *mn_jwt_alg_for(size_t secret_len)
{
    for (size_t i = ALG_COUNT; i > 0; i--)
        if (secret_len >= algs[i - 1].key_min)
            return &algs[i - 1];
    return NULL;
}

enum mn_err mn_jwt_hmac(const struct mn_jwt_alg *alg, const struct mn_jwt_key *key,
                        struct mn_str text, unsigned char out[MN_JWT_SIG_MAX])
{
    const EVP_MD *md = alg->digest == 256   ? EVP_sha256()
                       : alg->digest == 384 ? EVP_sha384()
                                            : EVP_sha512();
    unsigned size;

    if (HMAC(md, key->secret, (int)key->secret_len, (const unsigned char *)text.p, text.n, out,
             &size) == NULL)
        return MN_ENOMEM;
    return MN_OK;
}

/* A random UUID, version 4 (RFC 9562). */
static void print_uuid(char out[37])
{
    uint8_t b[16];

    mn_rand_bytes(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                   b[13], b[14], b[15]);
}

static enum mn_err print_claims(struct mn_buf *buf, const char *issuer, int64_t uid, int64_t sv,
                                int64_t iat_s, int64_t ttl_s)
{
    char uuid[37];

    print_uuid(uuid);
    (void)mn_buf_add_z(buf, "{\"iss\":");
    (void)mn_buf_add_json(buf, mn_str_c(issuer));
    return mn_buf_addf(buf,
                       ",\"jti\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"uid\":%lld,\"typ\":\"access\","
                       "\"sv\":%lld}",
                       uuid, (long long)iat_s, (long long)iat_s + ttl_s, (long long)uid,
                       (long long)sv);
}

/* `head.claims.signature` and a NUL at `out`. */
static enum mn_err assemble(const struct mn_jwt_alg *alg, const struct mn_jwt_key *key,
                            struct mn_str claims, char *out, size_t cap)
{
    char head[32];
    unsigned char sig[MN_JWT_SIG_MAX];
    int head_n = snprintf(head, sizeof(head), "{\"alg\":\"%s\"}", alg->name);
    size_t need = MN_BASE64URL_ENCODED((size_t)head_n) + 1 + MN_BASE64URL_ENCODED(claims.n) + 1 +
                  MN_BASE64URL_ENCODED(alg->size) + 1;
    size_t n;
    enum mn_err err;

    if (need > cap)
        return MN_ELIMIT;
    n = mn_base64url_encode(head, (size_t)head_n, out);
    out[n++] = '.';
    n += mn_base64url_encode(claims.p, claims.n, out + n);
    err = mn_jwt_hmac(alg, key, mn_str_make(out, n), sig);
    if (err != MN_OK)
        return err;
    out[n++] = '.';
    n += mn_base64url_encode(sig, alg->size, out + n);
    out[n] = '\0';
    return MN_OK;
}

enum mn_err mn_jwt_sign(const struct mn_jwt_key *key, int64_t uid, int64_t sv, int64_t now_ms,
                        int64_t ttl_s, char *out, size_t cap)
{
    const struct mn_jwt_alg *alg = mn_jwt_alg_for(key->secret_len);
    int64_t iat_s = now_ms / 1000;
    struct mn_buf claims;
    int64_t exp_s;
    enum mn_err err;

    if (alg == NULL || __builtin_add_overflow(iat_s, ttl_s, &exp_s))
        return MN_EINVAL;
    mn_buf_init(&claims, MN_JWT_MAX);
    err = print_claims(&claims, key->issuer, uid, sv, iat_s, ttl_s);
    if (err == MN_OK)
        err = claims.failed ? MN_ELIMIT : assemble(alg, key, mn_buf_str(&claims), out, cap);
    mn_buf_deinit(&claims);
    return err;
}
