/* SPDX-License-Identifier: Apache-2.0 */
/* W-4.2, sentence by sentence. */
#include "unit/proto/tests.h"

#include "base/mem.h"
#include "proto/base64url.h"
#include "proto/jwt.h"
#include "proto/jwt_hmac.h"

#define NOW_MS INT64_C(1700000000000)
#define HS256 "{\"alg\":\"HS256\"}"
#define GOOD "\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":10001"

static const char secret[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct mn_jwt_key key_of(size_t n) { return (struct mn_jwt_key){secret, n, "mini-im"}; }

/* A token of these two texts, signed with `alg` whatever the header says; `pad` follows each part. */
static size_t forge(const char *head, const char *claims, const char *alg, const char *pad,
                    char token[MN_JWT_MAX])
{
    struct mn_jwt_key key = key_of(64);
    const struct mn_jwt_alg *a = mn_jwt_alg_find(mn_str_c(alg));
    unsigned char sig[MN_JWT_SIG_MAX];
    size_t n = mn_base64url_encode(head, strlen(head), token);

    for (size_t i = n; pad != NULL && i % 4 != 0; i++)
        token[n++] = *pad;
    token[n++] = '.';
    n += mn_base64url_encode(claims, strlen(claims), token + n);
    assert_int_equal(mn_jwt_hmac(a, &key, mn_str_make(token, n), sig), MN_OK);
    token[n++] = '.';
    n += mn_base64url_encode(sig, a->size, token + n);
    for (size_t i = MN_BASE64URL_ENCODED(a->size); pad != NULL && i % 4 != 0; i++)
        token[n++] = *pad;
    return n;
}

static enum mn_err verify(const char *token, size_t n, size_t key_n, struct mn_jwt_claims *claims,
                          const char **why)
{
    struct mn_jwt_key key = key_of(key_n);
    char *copy = proto_exact_copy(mn_str_make(token, n));
    enum mn_err err = mn_jwt_verify(&key, mn_str_make(copy, n), NOW_MS, claims, why);

    mn_free(copy);
    return err;
}

struct claims_case {
    const char *claims;
    enum mn_err err;
    struct mn_jwt_claims want; /* MN_OK and MN_EEXPIRED */
    const char *why;           /* how it begins; NULL: not looked at */
};

static void expect_claims(const struct claims_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct claims_case *c = &cases[i];
        char token[MN_JWT_MAX];
        struct mn_jwt_claims got = {0};
        const char *why = NULL;
        enum mn_err err = verify(token, forge(HS256, c->claims, "HS256", NULL, token), 64, &got,
                                 &why);

        if (err != c->err)
            fail_msg("%s: %d (%s)", c->claims, err, why != NULL ? why : "");
        if (err != MN_EAUTH &&
            (got.uid != c->want.uid || got.sv != c->want.sv || got.exp_ms != c->want.exp_ms))
            fail_msg("%s: uid %lld sv %lld exp %lld", c->claims, (long long)got.uid,
                     (long long)got.sv, (long long)got.exp_ms);
        assert_true((why != NULL) == (err != MN_OK));
        if (c->why != NULL && strncmp(why, c->why, strlen(c->why)) != 0)
            fail_msg("%s: why is %s", c->claims, why);
    }
}

#define EXPECT_CLAIMS(cases) expect_claims(cases, MN_ARRAY_LEN(cases))

static void identity_claims(void **state)
{
    static const struct claims_case cases[] = {
        {"{" GOOD "}", MN_OK, {10001, 0, 0}, NULL},
        {"{" GOOD ",\"sv\":5}", MN_OK, {10001, 5, 0}, NULL},
        {"{" GOOD ",\"sv\":5.9}", MN_OK, {10001, 5, 0}, NULL},
        {"{" GOOD ",\"sv\":-1}", MN_OK, {10001, -1, 0}, NULL},
        {"{" GOOD ",\"sv\":\"5\"}", MN_EAUTH, {0}, NULL},
        {"{" GOOD ",\"sv\":null}", MN_EAUTH, {0}, NULL},
        {"{" GOOD ",\"x\":[{\"y\":\"\\u0000\"}],\"iat\":\"never\"}", MN_OK, {10001, 0, 0}, NULL},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":0}", MN_OK, {0, 0, 0}, NULL},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":-7}", MN_OK, {-7, 0, 0}, NULL},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":7.9}", MN_OK, {7, 0, 0}, NULL},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":1e3}", MN_OK, {1000, 0, 0}, NULL},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":2013935291830317057}",
         MN_OK,
         {2013935291830317057, 0, 0},
         NULL},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":1e30}", MN_EAUTH, {0}, "missing_uid"},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":\"10001\"}",
         MN_EAUTH,
         {0},
         "missing_uid"},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\",\"uid\":true}", MN_EAUTH, {0}, "missing_uid"},
        {"{\"iss\":\"mini-im\",\"typ\":\"access\"}", MN_EAUTH, {0}, "missing_uid"},
        {"{\"iss\":\"mini-im\",\"uid\":1}", MN_EAUTH, {0}, "token_type_not_access"},
        {"{\"iss\":\"mini-im\",\"typ\":\"refresh\",\"uid\":1}",
         MN_EAUTH,
         {0},
         "token_type_not_access"},
        {"{\"iss\":\"mini-im\",\"typ\":\"ACCESS\",\"uid\":1}",
         MN_EAUTH,
         {0},
         "token_type_not_access"},
        {"{\"iss\":\"mini-im\",\"typ\":1,\"uid\":1}", MN_EAUTH, {0}, "token_type_not_access"},
        {"{\"typ\":\"access\",\"uid\":1}", MN_EAUTH, {0}, "Expected iss"},
        {"{\"iss\":\"other\",\"typ\":\"access\",\"uid\":1}", MN_EAUTH, {0}, "Expected iss"},
        {"{\"iss\":null,\"typ\":\"access\",\"uid\":1}", MN_EAUTH, {0}, "Expected iss"},
        {"{\"iss\":[\"mini-im\"],\"typ\":\"access\",\"uid\":1}", MN_EAUTH, {0}, "Expected iss"},
        {"{" GOOD ",\"uid\":10001}", MN_EAUTH, {0}, "Invalid compact"},
        {"{" GOOD ",\"x\":{\"a\":1,\"a\":2}}", MN_EAUTH, {0}, "Invalid compact"},
        {"[]", MN_EAUTH, {0}, "Invalid compact"},
        {"", MN_EAUTH, {0}, "Invalid compact"},
        {"{" GOOD "} x", MN_EAUTH, {0}, "Invalid compact"},
        {"{" GOOD ",\"x\":\"\xff\"}", MN_EAUTH, {0}, "Invalid compact"},
    };

    (void)state;
    EXPECT_CLAIMS(cases);
}

static void dates(void **state)
{
    static const struct claims_case cases[] = {
        {"{" GOOD ",\"exp\":1700000000}", MN_OK, {10001, 0, NOW_MS}, NULL},
        {"{" GOOD ",\"exp\":1699999999}", MN_EEXPIRED, {10001, 0, NOW_MS - 1000}, "JWT expired"},
        {"{" GOOD ",\"exp\":1699999999.9999}", MN_EEXPIRED, {10001, 0, NOW_MS - 1}, "JWT expired"},
        {"{" GOOD ",\"exp\":1700000000.5}", MN_OK, {10001, 0, NOW_MS + 500}, NULL},
        {"{" GOOD ",\"exp\":\"1700000000\"}", MN_OK, {10001, 0, NOW_MS}, NULL},
        {"{" GOOD ",\"exp\":\"1699999999\"}", MN_EEXPIRED, {10001, 0, NOW_MS - 1000}, NULL},
        {"{" GOOD ",\"exp\":\"2023-11-14T22:13:20Z\"}", MN_OK, {10001, 0, NOW_MS}, NULL},
        {"{" GOOD ",\"exp\":\"2023-11-14T22:13:20.250Z\"}", MN_OK, {10001, 0, NOW_MS + 250}, NULL},
        {"{" GOOD ",\"exp\":\"2023-11-14T23:13:20+01:00\"}", MN_OK, {10001, 0, NOW_MS}, NULL},
        {"{" GOOD ",\"exp\":\"2023-11-14T22:13:19Z\"}",
         MN_EEXPIRED,
         {10001, 0, NOW_MS - 1000},
         NULL},
        {"{" GOOD ",\"exp\":\"2023-11-14T22:13:20\"}", MN_EAUTH, {0}, "JWT 'exp'"},
        {"{" GOOD ",\"exp\":\"\"}", MN_EAUTH, {0}, "JWT 'exp'"},
        {"{" GOOD ",\"exp\":\"soon\"}", MN_EAUTH, {0}, "JWT 'exp'"},
        {"{" GOOD ",\"exp\":\"99999999999999999999\"}", MN_EAUTH, {0}, "JWT 'exp'"},
        {"{" GOOD ",\"exp\":null}", MN_EAUTH, {0}, "JWT 'exp'"},
        {"{" GOOD ",\"exp\":true}", MN_EAUTH, {0}, "JWT 'exp'"},
        {"{" GOOD ",\"exp\":0}", MN_EEXPIRED, {10001, 0, 1}, "JWT expired"},
        {"{" GOOD ",\"exp\":-5}", MN_EEXPIRED, {10001, 0, 1}, "JWT expired"},
        {"{" GOOD ",\"exp\":9223372036854775807}", MN_OK, {10001, 0, INT64_MAX}, NULL},
        {"{" GOOD ",\"exp\":-9223372036854775808}", MN_EEXPIRED, {10001, 0, 1}, NULL},
        {"{" GOOD ",\"exp\":1e300}", MN_OK, {10001, 0, INT64_MAX}, NULL},
        {"{" GOOD ",\"nbf\":1700000000}", MN_OK, {10001, 0, 0}, NULL},
        {"{" GOOD ",\"nbf\":1700000001}", MN_EAUTH, {0}, "JWT early"},
        {"{" GOOD ",\"nbf\":\"1700000001\"}", MN_EAUTH, {0}, "JWT early"},
        {"{" GOOD ",\"nbf\":\"2023-11-14T22:13:21Z\"}", MN_EAUTH, {0}, "JWT early"},
        {"{" GOOD ",\"nbf\":1699999999}", MN_OK, {10001, 0, 0}, NULL},
        {"{" GOOD ",\"nbf\":[]}", MN_EAUTH, {0}, "JWT 'nbf'"},
        {"{" GOOD ",\"iat\":9999999999}", MN_OK, {10001, 0, 0}, NULL},
        /* Expired and wrong otherwise is wrong. */
        {"{\"iss\":\"mini-im\",\"typ\":\"x\",\"uid\":1,\"exp\":1}",
         MN_EAUTH,
         {0},
         "token_type_not_access"},
    };

    (void)state;
    EXPECT_CLAIMS(cases);
}

static void algorithms_by_key_length(void **state)
{
    static const struct {
        const char *alg;
        size_t key_n;
        bool ok;
    } cases[] = {
        {"HS256", 32, true},  {"HS384", 32, false}, {"HS512", 32, false}, {"HS256", 47, true},
        {"HS384", 47, false}, {"HS256", 48, true},  {"HS384", 48, true},  {"HS512", 48, false},
        {"HS512", 63, false}, {"HS256", 64, true},  {"HS384", 64, true},  {"HS512", 64, true},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_jwt_key key = key_of(cases[i].key_n);
        const struct mn_jwt_alg *alg = mn_jwt_alg_find(mn_str_c(cases[i].alg));
        unsigned char sig[MN_JWT_SIG_MAX];
        char token[MN_JWT_MAX];
        char head[32];
        struct mn_jwt_claims got;
        size_t n;

        (void)snprintf(head, sizeof(head), "{\"alg\":\"%s\"}", cases[i].alg);
        n = forge(head, "{" GOOD "}", cases[i].alg, NULL, token);
        n -= MN_BASE64URL_ENCODED(alg->size);
        assert_int_equal(mn_jwt_hmac(alg, &key, mn_str_make(token, n - 1), sig), MN_OK);
        n += mn_base64url_encode(sig, alg->size, token + n);
        assert_int_equal(verify(token, n, cases[i].key_n, &got, NULL),
                         cases[i].ok ? MN_OK : MN_EAUTH);
    }
}

static void headers(void **state)
{
    static const struct {
        const char *head;
        bool ok;
    } cases[] = {
        {HS256, true},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", true},
        {"{\"typ\":\"JOSE\",\"kid\":\"1\",\"alg\":\"HS256\"}", true},
        {" { \"alg\" : \"HS256\" } ", true},
        {"{\"alg\":\"none\"}", false},
        {"{\"alg\":\"hs256\"}", false},
        {"{\"alg\":\"HS257\"}", false},
        {"{\"alg\":\"RS256\"}", false},
        {"{\"alg\":\"HS256 \"}", false},
        {"{\"alg\":\"HS256\\u0000\"}", false},
        {"{\"alg\":256}", false},
        {"{\"alg\":null}", false},
        {"{}", false},
        {"[]", false},
        {"x", false},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", false},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", false},
        {"{\"alg\":\"HS256\",\"crit\":[]}", false},
        {"{\"alg\":\"HS256\"", false},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        char token[MN_JWT_MAX];
        struct mn_jwt_claims got;
        size_t n = forge(cases[i].head, "{" GOOD "}", "HS256", NULL, token);

        if ((verify(token, n, 64, &got, NULL) == MN_OK) != cases[i].ok)
            fail_msg("header %s", cases[i].head);
    }
}

static void shapes(void **state)
{
    static const char *const bad[] = {"",        ".",        "..",      "...",     "a.b",
                                      "a..c",    ".b.c",     "a.b.",    "a.b.c.d", "a b.c.d",
                                      "garbage", "e30.e30.", "e30..e30"};
    char token[MN_JWT_MAX + 64];
    char shaped[MN_JWT_MAX + 64];
    struct mn_jwt_claims got;
    const char *why;
    size_t n;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++) {
        assert_int_equal(verify(bad[i], strlen(bad[i]), 64, &got, &why), MN_EAUTH);
        assert_string_equal(why, "Invalid compact JWT string");
    }
    n = forge(HS256, "{" GOOD "}", "HS256", NULL, token);
    assert_int_equal(verify(token, n, 64, &got, NULL), MN_OK);
    static const char *const around[] = {" %.*s", "%.*s ",    "%.*s\n", "Bearer %.*s",
                                         "%.*s.", "%.*s.e30", "%.*s=="};
    for (size_t i = 0; i < MN_ARRAY_LEN(around); i++) {
        int m;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        m = snprintf(shaped, sizeof(shaped), around[i], (int)n, token);
#pragma GCC diagnostic pop
        assert_int_equal(verify(shaped, (size_t)m, 64, &got, NULL), MN_EAUTH);
    }
    n = forge("{\"alg\":\"HS256\",\"x\":1}", "{" GOOD "}", "HS256", "=", token);
    assert_non_null(memchr(token, '=', n));
    assert_int_equal(verify(token, n, 64, &got, NULL), MN_OK);
    n = forge("{\"alg\":\"HS256\",\"x\":1}", "{" GOOD "}", "HS256", " ", token);
    assert_int_equal(verify(token, n, 64, &got, NULL), MN_EAUTH);
    memset(token, 'a', sizeof(token));
    assert_int_equal(verify(token, sizeof(token), 64, &got, NULL), MN_EAUTH);
    assert_int_equal(mn_jwt_verify(&(struct mn_jwt_key){secret, 64, "x"}, MN_STR_NONE, NOW_MS, &got,
                                   NULL),
                     MN_EAUTH);
}

/* Any byte of a token counts: none can be changed, dropped or added. */
static void every_byte_is_protected(void **state)
{
    char token[MN_JWT_MAX];
    struct mn_jwt_claims got;
    const char *why;
    size_t n = forge(HS256, "{" GOOD "}", "HS256", NULL, token);

    (void)state;
    /* The last character has two bits that carry nothing. */
    for (size_t i = 0; i + 1 < n; i++) {
        char kept = token[i];

        token[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(verify(token, n, 64, &got, NULL), MN_EAUTH);
        token[i] = kept;
        assert_int_equal(verify(token, i, 64, &got, NULL), MN_EAUTH);
    }
    /* ... and four that do, in the last byte of the signature. */
    {
        char kept = token[n - 1];

        token[n - 1] = kept == 'A' ? 'E' : 'A';
        assert_int_equal(verify(token, n, 64, &got, NULL), MN_EAUTH);
        token[n - 1] = kept;
    }
    token[n - 5] = token[n - 5] == 'A' ? 'B' : 'A';
    assert_int_equal(verify(token, n, 64, &got, &why), MN_EAUTH);
    assert_non_null(strstr(why, "JWT signature does not match"));
}

static void an_empty_issuer_matches_no_absent_one(void **state)
{
    struct mn_jwt_key key = {secret, 64, ""};
    char token[MN_JWT_MAX];
    struct mn_jwt_claims got;
    size_t n = forge(HS256, "{\"typ\":\"access\",\"uid\":1}", "HS256", NULL, token);

    (void)state;
    assert_int_equal(mn_jwt_verify(&key, mn_str_make(token, n), NOW_MS, &got, NULL), MN_EAUTH);
}

int test_proto_jwt_verify(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_claims),
        cmocka_unit_test(dates),
        cmocka_unit_test(algorithms_by_key_length),
        cmocka_unit_test(headers),
        cmocka_unit_test(shapes),
        cmocka_unit_test(every_byte_is_protected),
        cmocka_unit_test(an_empty_issuer_matches_no_absent_one),
    };

    return cmocka_run_group_tests_name("proto_jwt_verify", tests, NULL, NULL);
}
