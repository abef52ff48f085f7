/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access tokens.  An input that begins with 's' is two lines, header and
 * claims, which are signed with the right key before they are verified, so
 * that the fuzzer gets behind the signature; any other input is a token as
 * it comes, and can never be good.
 */
#include <jansson.h>

#include "fuzz/fuzz.h"
#include "proto/base64url.h"
#include "proto/jwt_hmac.h"

#define NOW_MS INT64_C(1700000000000)

static const struct mn_jwt_key key = {
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64, "mini-im"};

static enum mn_err verify(const char *p, size_t n, struct mn_jwt_claims *claims)
{
    char *token = fuzz_copy(p, n);
    const char *why = NULL;
    enum mn_err err = mn_jwt_verify(&key, mn_str_make(token, n), NOW_MS, claims, &why);

    FUZZ_CHECK(err == MN_OK || err == MN_EAUTH || err == MN_EEXPIRED);
    FUZZ_CHECK((why != NULL) == (err != MN_OK));
    mn_free(token);
    return err;
}

/* What was let through must be what the claims say, as jansson alone reads them. */
static void check_claims(const char *text, size_t n, enum mn_err err,
                         const struct mn_jwt_claims *claims)
{
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *exp = json_object_get(root, "exp");
    const json_t *uid = json_object_get(root, "uid");

    FUZZ_CHECK(json_is_object(root));
    FUZZ_CHECK(json_is_number(uid));
    FUZZ_CHECK(!json_is_integer(uid) || json_integer_value(uid) == claims->uid);
    FUZZ_CHECK(strcmp(json_string_value(json_object_get(root, "iss")), "mini-im") == 0);
    FUZZ_CHECK(strcmp(json_string_value(json_object_get(root, "typ")), "access") == 0);
    FUZZ_CHECK((exp == NULL) == (claims->exp_ms == 0));
    FUZZ_CHECK((err == MN_EEXPIRED) == (claims->exp_ms != 0 && NOW_MS > claims->exp_ms));
    json_decref(root);
}

static void run_signed(const char *text, size_t n)
{
    const char *line = memchr(text, '\n', n);
    size_t head_n = line != NULL ? (size_t)(line - text) : n;
    const char *claims = line != NULL ? line + 1 : text + n;
    size_t claims_n = n - (size_t)(claims - text);
    const struct mn_jwt_alg *alg = mn_jwt_alg_for(key.secret_len - head_n % 3 * 16);
    struct mn_jwt_claims got;
    unsigned char sig[MN_JWT_SIG_MAX];
    char *token = mn_alloc(MN_BASE64URL_ENCODED(n) + MN_BASE64URL_ENCODED(MN_JWT_SIG_MAX) + 8);
    size_t used = mn_base64url_encode(text, head_n, token);
    enum mn_err err;

    token[used++] = '.';
    used += mn_base64url_encode(claims, claims_n, token + used);
    FUZZ_CHECK(mn_jwt_hmac(alg, &key, mn_str_make(token, used), sig) == MN_OK);
    token[used++] = '.';
    used += mn_base64url_encode(sig, alg->size, token + used);
    err = verify(token, used, &got);
    if (err != MN_EAUTH) {
        check_claims(claims, claims_n, err, &got);
        token[used - 2] = token[used - 2] == 'A' ? 'B' : 'A';
        FUZZ_CHECK(verify(token, used, &got) == MN_EAUTH);
    }
    mn_free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mn_jwt_claims got;

    if (size > 8192)
        return 0;
    if (size > 0 && data[0] == 's')
        run_signed((const char *)data + 1, size - 1);
    else
        FUZZ_CHECK(verify((const char *)data, size, &got) == MN_EAUTH);
    return 0;
}
