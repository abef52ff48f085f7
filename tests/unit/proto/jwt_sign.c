/* SPDX-License-Identifier: Apache-2.0 */
/* W-4.1; and that our tokens and libjwt's are the same thing. */
#include "unit/proto/tests.h"

#include <jansson.h>
#include <jwt.h>

#include "base/mem.h"
#include "proto/base64url.h"
#include "proto/jwt.h"

#define NOW_MS INT64_C(1700000000123)

static const char secret[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct mn_jwt_key key_of(size_t n) { return (struct mn_jwt_key){secret, n, "mini-im"}; }

/* The text of part 0 or 1 of a token. */
static size_t part_text(const char *token, int part, char *out)
{
    const char *start = token;
    const char *end;
    size_t n;

    if (part == 1)
        start = strchr(token, '.') + 1;
    end = strchr(start, '.');
    assert_int_equal(mn_base64url_decode(mn_str_make(start, (size_t)(end - start)), out, &n),
                     MN_OK);
    return n;
}

static void header_has_the_algorithm_and_nothing_else(void **state)
{
    static const struct {
        size_t key_n;
        const char *want;
    } cases[] = {
        {32, "{\"alg\":\"HS256\"}"}, {47, "{\"alg\":\"HS256\"}"}, {48, "{\"alg\":\"HS384\"}"},
        {63, "{\"alg\":\"HS384\"}"}, {64, "{\"alg\":\"HS512\"}"},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_jwt_key key = key_of(cases[i].key_n);
        char token[MN_JWT_MAX];
        char text[MN_JWT_MAX];
        size_t n;

        assert_int_equal(mn_jwt_sign(&key, 1, 0, NOW_MS, 60, token, sizeof(token)), MN_OK);
        n = part_text(token, 0, text);
        assert_true(mn_str_is(mn_str_make(text, n), cases[i].want));
        assert_null(strchr(token, '='));
    }
}

static void claims_are_those_of_the_contract(void **state)
{
    struct mn_jwt_key key = key_of(32);
    char token[MN_JWT_MAX];
    char text[MN_JWT_MAX];
    size_t n;
    json_t *root;
    const char *iss;
    const char *jti;
    const char *typ;
    json_int_t iat;
    json_int_t exp;
    json_int_t uid;
    json_int_t sv;

    (void)state;
    key.issuer = "my \"issuer\"";
    assert_int_equal(mn_jwt_sign(&key, 2013935291830317057, 3, NOW_MS, 1800, token, sizeof(token)),
                     MN_OK);
    n = part_text(token, 1, text);
    root = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    /* The ! says that there are no other claims. */
    assert_int_equal(json_unpack(root, "{s:s,s:s,s:I,s:I,s:I,s:s,s:I!}", "iss", &iss, "jti", &jti,
                                 "iat", &iat, "exp", &exp, "uid", &uid, "typ", &typ, "sv", &sv),
                     0);
    assert_string_equal(iss, key.issuer);
    assert_string_equal(typ, "access");
    assert_true(iat == 1700000000 && exp == 1700001800 && uid == 2013935291830317057 && sv == 3);
    assert_int_equal(strlen(jti), 36);
    assert_int_equal(jti[14], '4');
    assert_non_null(strchr("89ab", jti[19]));
    json_decref(root);
}

static void tokens_differ_in_their_id(void **state)
{
    struct mn_jwt_key key = key_of(32);
    char a[MN_JWT_MAX];
    char b[MN_JWT_MAX];

    (void)state;
    assert_int_equal(mn_jwt_sign(&key, 1, 0, NOW_MS, 60, a, sizeof(a)), MN_OK);
    assert_int_equal(mn_jwt_sign(&key, 1, 0, NOW_MS, 60, b, sizeof(b)), MN_OK);
    assert_string_not_equal(a, b);
}

static void limits_are_kept(void **state)
{
    struct mn_jwt_key key = key_of(31);
    char token[MN_JWT_MAX];
    char longest[MN_JWT_MAX + 1];

    (void)state;
    assert_int_equal(mn_jwt_sign(&key, 1, 0, NOW_MS, 60, token, sizeof(token)), MN_EINVAL);
    key = key_of(32);
    assert_int_equal(mn_jwt_sign(&key, 1, 0, NOW_MS, INT64_MAX, token, sizeof(token)), MN_EINVAL);
    assert_int_equal(mn_jwt_sign(&key, 1, 0, NOW_MS, 60, token, 100), MN_ELIMIT);
    memset(longest, 'i', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    key.issuer = longest;
    assert_int_equal(mn_jwt_sign(&key, 1, 0, NOW_MS, 60, token, sizeof(token)), MN_ELIMIT);
}

static void libjwt_accepts_ours(void **state)
{
    (void)state;
    for (size_t n = 32; n <= 64; n += 16) {
        struct mn_jwt_key key = key_of(n);
        char token[MN_JWT_MAX];
        jwt_t *jwt = NULL;

        assert_int_equal(mn_jwt_sign(&key, 10001, 7, NOW_MS, 60, token, sizeof(token)), MN_OK);
        assert_int_equal(jwt_decode(&jwt, token, (const unsigned char *)secret, (int)n), 0);
        assert_string_equal(jwt_get_grant(jwt, "typ"), "access");
        assert_int_equal(jwt_get_grant_int(jwt, "uid"), 10001);
        jwt_free(jwt);
    }
}

static void we_accept_libjwts(void **state)
{
    static const jwt_alg_t algs[] = {JWT_ALG_HS256, JWT_ALG_HS384, JWT_ALG_HS512};

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(algs); i++) {
        struct mn_jwt_key key = key_of(64);
        struct mn_jwt_claims claims;
        jwt_t *jwt;
        char *token;

        assert_int_equal(jwt_new(&jwt), 0);
        assert_int_equal(
            jwt_add_grants_json(jwt, "{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":10001}"), 0);
        assert_int_equal(jwt_set_alg(jwt, algs[i], (const unsigned char *)secret, 64), 0);
        token = jwt_encode_str(jwt);
        assert_int_equal(mn_jwt_verify(&key, mn_str_c(token), NOW_MS, &claims, NULL), MN_OK);
        assert_true(claims.uid == 10001 && claims.sv == 0 && claims.exp_ms == 0);
        free(token); /* libjwt 1.10 has no function of its own for it */
        jwt_free(jwt);
    }
}

int test_proto_jwt_sign(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_has_the_algorithm_and_nothing_else),
        cmocka_unit_test(claims_are_those_of_the_contract),
        cmocka_unit_test(tokens_differ_in_their_id),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(libjwt_accepts_ours),
        cmocka_unit_test(we_accept_libjwts),
    };

    return cmocka_run_group_tests_name("proto_jwt_sign", tests, NULL, NULL);
}
