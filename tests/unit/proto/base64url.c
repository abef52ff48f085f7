/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/proto/tests.h"

#include "base/mem.h"
#include "base/rand.h"
#include "proto/base64url.h"

static void decodes_with_and_without_padding(void **state)
{
    static const struct {
        const char *text;
        const char *want; /* NULL: refused */
    } cases[] = {
        {"", ""},           {"Zg", "f"},          {"Zg==", "f"},      {"Zm8", "fo"},
        {"Zm8=", "fo"},     {"Zm9v", "foo"},      {"Zm9vYg", "foob"}, {"_-8", "\xff\xef"},
        {"Zh", "f"},        {"Z", NULL},          {"Zg=", NULL},      {"Zm8==", NULL},
        {"Zm9v=", NULL},    {"Zm9v====", NULL},   {"=", NULL},        {"====", NULL},
        {"Z===", NULL},     {"/+8", NULL},        {"Zm 9v", NULL},    {"Zm9v\n", NULL},
        {"Zg==Zg==", NULL}, {"Z\xc3\xa9g", NULL},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_str text = mn_str_c(cases[i].text);
        char *out = mn_alloc(MN_BASE64URL_DECODED(text.n));
        size_t n = 999;
        enum mn_err err = mn_base64url_decode(text, out, &n);

        if (cases[i].want == NULL) {
            assert_int_equal(err, MN_EINVAL);
        } else {
            assert_int_equal(err, MN_OK);
            assert_true(mn_str_is(mn_str_make(out, n), cases[i].want));
        }
        mn_free(out);
    }
}

static void encoded_is_decoded_again(void **state)
{
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 7);
    for (size_t n = 0; n < 100; n++) {
        char in[100];
        char back[MN_BASE64URL_DECODED(MN_BASE64URL_ENCODED(100))];
        char *out = mn_alloc(MN_BASE64URL_ENCODED(n) + 1);
        size_t m;
        size_t back_n;

        for (size_t i = 0; i < n; i++)
            in[i] = (char)mn_rng_next(&rng);
        m = mn_base64url_encode(in, n, out);
        assert_int_equal(m, MN_BASE64URL_ENCODED(n));
        assert_int_equal(mn_base64url_decode(mn_str_make(out, m), back, &back_n), MN_OK);
        assert_int_equal(back_n, n);
        assert_memory_equal(back, in, n);
        mn_free(out);
    }
}

int test_proto_base64url(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_with_and_without_padding),
        cmocka_unit_test(encoded_is_decoded_again),
    };

    return cmocka_run_group_tests_name("proto_base64url", tests, NULL, NULL);
}
