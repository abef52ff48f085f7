/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/proto/tests.h"

#include "base/mem.h"
#include "base/rand.h"
#include "proto/json.h"

/* The vectorised scan stops where a plain loop does, wherever the byte and the end are. */
static void scan_stops_at_the_first_special_byte(void **state)
{
    static const char specials[] = {'"', '\\', '\0', '\n', 0x1f};
    static const char plain[] = {' ', 'a', 0x7f, (char)0x80, (char)0xff, '!', '#', '[', ']'};
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 1);
    for (size_t n = 0; n <= 70; n++) {
        char *p = mn_alloc(n + 1);

        for (size_t i = 0; i < n; i++)
            p[i] = plain[mn_rng_below(&rng, sizeof(plain))];
        for (size_t from = 0; from <= n; from++)
            assert_ptr_equal(mn_json_scan(p + from, p + n), p + n);
        for (size_t at = 0; at < n; at++) {
            char kept = p[at];

            p[at] = specials[at % sizeof(specials)];
            for (size_t from = 0; from <= at; from++)
                assert_ptr_equal(mn_json_scan(p + from, p + n), p + at);
            p[at] = kept;
        }
        mn_free(p);
    }
}

static void every_byte_is_classified(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char block[16];
        bool special = c < 0x20 || c == '"' || c == '\\';

        memset(block, 'x', sizeof(block));
        block[5] = (char)c;
        assert_ptr_equal(mn_json_scan(block, block + 16), block + (special ? 5 : 16));
        assert_ptr_equal(mn_json_scan(block, block + 9), block + (special ? 5 : 9));
    }
}

static void values_are_passed_or_refused(void **state)
{
    static const struct {
        struct mn_str text;
        int used; /* -1: refused */
    } cases[] = {
        {MN_STR("1,"), 1},
        {MN_STR("-1.5e+10 "), 8},
        {MN_STR("0"), 1},
        {MN_STR("00"), 1},
        {MN_STR("-"), -1},
        {MN_STR("1.x"), -1},
        {MN_STR("1e+"), -1},
        {MN_STR("\"a\\\"b\"x"), 6},
        {MN_STR("\"a"), -1},
        {MN_STR("true"), 4},
        {MN_STR("falsey"), 5},
        {MN_STR("nul"), -1},
        {MN_STR(""), -1},
        {MN_STR("x"), -1},
        {MN_STR("]"), -1},
        {MN_STR("[]]"), 2},
        {MN_STR("{}}"), 2},
        {MN_STR("[[],{},[1]]"), 11},
        {MN_STR("{\"a\":[1,{}]} "), 12},
        {MN_STR("[1"), -1},
        {MN_STR("["), -1},
        {MN_STR("{\"a\":"), -1},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        char *p = proto_exact_copy(cases[i].text);
        const char *next = mn_json_skip_value(p, p + cases[i].text.n, 0);

        assert_int_equal(next != NULL ? next - p : -1, cases[i].used);
        mn_free(p);
    }
}

static void integers_are_exact(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"9223372036854775807e0", true, INT64_MAX},
        {"92233720368547758070e-1", true, INT64_MAX},
        {"0.9223372036854775807e19", true, INT64_MAX},
        {"0.9223372036854775808e19", false, 0},
        {"123.999", true, 123},
        {"-123.999", true, -123},
        {"12e2", true, 1200},
        {"12e-1", true, 1},
        {"12e-2", true, 0},
        {"12e-99999999999999999999999999", true, 0},
        {"12e99999999999999999999999999", false, 0},
        {"0.0e99999999999999999999999999", true, 0},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        int64_t v = 42;
        enum mn_err err = mn_json_int(cases[i].text, strlen(cases[i].text), INT64_MIN, INT64_MAX,
                                      &v);

        assert_int_equal(err, cases[i].ok ? MN_OK : MN_EINVAL);
        assert_true(v == (cases[i].ok ? cases[i].want : 42));
    }
}

int test_proto_json(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_stops_at_the_first_special_byte),
        cmocka_unit_test(every_byte_is_classified),
        cmocka_unit_test(values_are_passed_or_refused),
        cmocka_unit_test(integers_are_exact),
    };

    return cmocka_run_group_tests_name("proto_json", tests, NULL, NULL);
}
