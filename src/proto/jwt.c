/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying access tokens (W-4.2, H-5.3): shape,
 * header, signature, claims, in this order, so that nothing but the small
 * header is parsed before the signature is known to be ours.  JSON is read
 * by jansson, which also refuses duplicate keys.  Why not libjwt: see
 * jwt_sign.c.  No state, any thread.
 *
 * Texts given as the cause follow the original library's, where
 * H-7.1.3 shows them; clients do not depend on them.
 */
#include "proto/jwt.h"

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/num.h"
#include "proto/base64url.h"
#include "proto/jwt_hmac.h"

#define NOT_COMPACT "Invalid compact JWT string"

struct token {
    struct mn_str head;
    struct mn_str claims;
    struct mn_str sig;
    struct mn_str text; /* what is signed: the first two with their dot */
};

/* Up to the next dot; the rest, without the dot, stays in *s. */
static bool cut(struct mn_str *s, struct mn_str *ret)
{
    const char *dot = memchr(s->p, '.', s->n);

    if (dot == NULL)
        return false;
    *ret = mn_str_make(s->p, (size_t)(dot - s->p));
    *s = mn_str_make(dot + 1, s->n - ret->n - 1);
    return true;
}

/* Three non-empty parts; a fourth would show as a dot inside the signature. */
static bool split(struct mn_str s, struct token *ret)
{
    const char *start = s.p;

    if (s.p == NULL || s.n > MN_JWT_MAX || !cut(&s, &ret->head) || !cut(&s, &ret->claims))
        return false;
    ret->sig = s;
    ret->text = mn_str_make(start, (size_t)(s.p - start) - 1);
    return ret->head.n > 0 && ret->claims.n > 0 && ret->sig.n > 0;
}

/* The JSON object inside a part; NULL if there is none. */
static json_t *load_object(struct mn_str part)
{
    char text[MN_BASE64URL_DECODED(MN_JWT_MAX)];
    size_t n;
    json_t *root;

    if (mn_base64url_decode(part, text, &n) != MN_OK)
        return NULL;
    root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (root != NULL && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static struct mn_str string_of(const json_t *value)
{
    return json_is_string(value) ? mn_str_make(json_string_value(value), json_string_length(value))
                                 : MN_STR_NONE;
}

/* Present, a string, and this one: an absent claim does not equal an empty setting. */
static bool claim_is(const json_t *root, const char *name, const char *want)
{
    struct mn_str s = string_of(json_object_get(root, name));

    return s.p != NULL && mn_str_is(s, want);
}

/* The algorithm that the header names, if this key may use it. */
static const char *judge_head(struct mn_str part, size_t secret_len, const struct mn_jwt_alg **ret)
{
    const struct mn_jwt_alg *alg;
    json_t *root = load_object(part);
    const char *why = NULL;

    if (root == NULL)
        return NOT_COMPACT;
    alg = mn_jwt_alg_find(string_of(json_object_get(root, "alg")));
    if (json_object_get(root, "crit") != NULL)
        why = "JWT header names critical extensions";
    else if (alg == NULL)
        why = "Unsupported signature algorithm";
    else if (secret_len < alg->key_min)
        why = "The signing key is too short for the token's algorithm";
    else
        *ret = alg;
    json_decref(root);
    return why;
}

static const char *judge_signature(const struct mn_jwt_key *key, const struct mn_jwt_alg *alg,
                                   const struct token *token)
{
    unsigned char want[MN_JWT_SIG_MAX];
    char got[MN_BASE64URL_DECODED(MN_JWT_MAX)];
    size_t n;

    if (mn_base64url_decode(token->sig, got, &n) != MN_OK)
        return NOT_COMPACT;
    if (n != alg->size || mn_jwt_hmac(alg, key, token->text, want) != MN_OK ||
        CRYPTO_memcmp(got, want, n) != 0)
        return "JWT signature does not match locally computed signature";
    return NULL;
}

/* Outside of int64 it is the nearest end. */
static int64_t saturate(double v)
{
    if (v >= 9223372036854775808.0)
        return INT64_MAX;
    return v <= -9223372036854775808.0 ? INT64_MIN : (int64_t)v;
}

static int64_t seconds_to_ms(int64_t s)
{
    int64_t ms;

    if (__builtin_mul_overflow(s, 1000, &ms))
        return s < 0 ? INT64_MIN : INT64_MAX;
    return ms;
}

/* `exp` and `nbf`: number of seconds, the same as text, or ISO-8601 text. */
static bool read_date(const json_t *value, int64_t *ret_ms)
{
    struct mn_str s = string_of(value);
    struct mn_date date;
    int64_t seconds;

    if (json_is_integer(value)) {
        *ret_ms = seconds_to_ms(json_integer_value(value));
        return true;
    }
    if (json_is_real(value)) {
        *ret_ms = saturate(json_real_value(value) * 1000.0);
        return true;
    }
    if (s.p == NULL)
        return false;
    if (mn_parse_i64(s, INT64_MIN, INT64_MAX, &seconds) == MN_OK) {
        *ret_ms = seconds_to_ms(seconds);
        return true;
    }
    if (mn_date_parse(s, &date) != MN_OK || !date.zoned)
        return false; /* without its zone it would mean another instant on each server */
    *ret_ms = date.ms;
    return true;
}

/* A JSON number, its fraction dropped; one beyond int64 is none. */
static bool read_int(const json_t *value, int64_t *ret)
{
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        return true;
    }
    if (!json_is_real(value))
        return false;
    *ret = saturate(json_real_value(value));
    return *ret != INT64_MIN && *ret != INT64_MAX;
}

static const char *judge_dates(const json_t *root, int64_t now_ms, struct mn_jwt_claims *claims)
{
    const json_t *exp = json_object_get(root, "exp");
    const json_t *nbf = json_object_get(root, "nbf");
    int64_t nbf_ms;

    claims->exp_ms = 0;
    if (exp != NULL) {
        if (!read_date(exp, &claims->exp_ms))
            return "JWT 'exp' is no date";
        if (claims->exp_ms <= 0)
            claims->exp_ms = 1; /* 0 would read as "never" */
    }
    if (nbf == NULL)
        return NULL;
    if (!read_date(nbf, &nbf_ms))
        return "JWT 'nbf' is no date";
    return now_ms < nbf_ms ? "JWT early: it must not be accepted yet" : NULL;
}

static const char *judge_claims(const json_t *root, const struct mn_jwt_key *key, int64_t now_ms,
                                struct mn_jwt_claims *claims)
{
    const char *why = judge_dates(root, now_ms, claims);
    const json_t *sv = json_object_get(root, "sv");

    if (why != NULL)
        return why;
    if (!claim_is(root, "iss", key->issuer))
        return "Expected iss claim to be this server's";
    if (!claim_is(root, "typ", "access"))
        return "token_type_not_access";
    if (!read_int(json_object_get(root, "uid"), &claims->uid))
        return "missing_uid";
    claims->sv = 0;
    if (sv != NULL && !read_int(sv, &claims->sv))
        return "JWT 'sv' is no number";
    return NULL;
}

static const char *judge(const struct mn_jwt_key *key, struct mn_str token, int64_t now_ms,
                         struct mn_jwt_claims *ret)
{
    struct token parts;
    const struct mn_jwt_alg *alg = NULL;
    const char *why;
    json_t *root;

    if (!split(token, &parts))
        return NOT_COMPACT;
    why = judge_head(parts.head, key->secret_len, &alg);
    if (why == NULL)
        why = judge_signature(key, alg, &parts);
    if (why != NULL)
        return why;
    root = load_object(parts.claims);
    if (root == NULL)
        return NOT_COMPACT;
    why = judge_claims(root, key, now_ms, ret);
    json_decref(root);
    return why;
}

enum mn_err mn_jwt_verify(const struct mn_jwt_key *key, struct mn_str token, int64_t now_ms,
                          struct mn_jwt_claims *ret, const char **ret_why)
{
    struct mn_jwt_claims claims;
    const char *why = judge(key, token, now_ms, &claims);
    enum mn_err err = MN_OK;

    if (why != NULL) {
        err = MN_EAUTH;
    } else {
        *ret = claims;
        if (claims.exp_ms != 0 && now_ms > claims.exp_ms) {
            err = MN_EEXPIRED;
            why = "JWT expired";
        }
    }
    if (why != NULL && ret_why != NULL)
        *ret_why = why;
    return err;
}
