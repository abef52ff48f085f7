/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"

static void parses_u64(void **state)
{
    static const struct {
        const char *text;
        uint64_t min, max;
        enum mn_err err;
        uint64_t want;
    } cases[] = {
        {"0", 0, UINT64_MAX, MN_OK, 0},
        {"007", 0, 10, MN_OK, 7},
        {"18446744073709551615", 0, UINT64_MAX, MN_OK, UINT64_MAX},
        {"18446744073709551616", 0, UINT64_MAX, MN_ELIMIT, 0},
        {"99999999999999999999999", 0, UINT64_MAX, MN_ELIMIT, 0},
        {"99999999999999999999999x", 0, UINT64_MAX, MN_EINVAL, 0},
        {"5", 5, 5, MN_OK, 5},
        {"4", 5, 9, MN_ELIMIT, 0},
        {"10", 5, 9, MN_ELIMIT, 0},
        {"", 0, 9, MN_EINVAL, 0},
        {" 1", 0, 9, MN_EINVAL, 0},
        {"1 ", 0, 9, MN_EINVAL, 0},
        {"+1", 0, 9, MN_EINVAL, 0},
        {"-1", 0, 9, MN_EINVAL, 0},
        {"0x1", 0, 9, MN_EINVAL, 0},
        {"1.0", 0, 9, MN_EINVAL, 0},
        {"\xd9\xa1", 0, 9, MN_EINVAL, 0}, /* an Arabic digit */
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        uint64_t v = 42;
        assert_int_equal(mn_parse_u64(mn_str_c(cases[i].text), cases[i].min, cases[i].max, &v),
                         cases[i].err);
        assert_int_equal(v, cases[i].err ? 42 : cases[i].want);
    }
    uint64_t v;
    assert_int_equal(mn_parse_u64(MN_STR_NONE, 0, 9, &v), MN_EINVAL);
    assert_int_equal(mn_parse_u64(mn_str_make("1\0", 2), 0, 9, &v), MN_EINVAL);
}

static void parses_i64(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        enum mn_err err;
        int64_t want;
    } cases[] = {
        {"0", INT64_MIN, INT64_MAX, MN_OK, 0},
        {"-0", INT64_MIN, INT64_MAX, MN_OK, 0},
        {"+12", INT64_MIN, INT64_MAX, MN_OK, 12},
        {"-12", INT64_MIN, INT64_MAX, MN_OK, -12},
        {"9223372036854775807", INT64_MIN, INT64_MAX, MN_OK, INT64_MAX},
        {"9223372036854775808", INT64_MIN, INT64_MAX, MN_ELIMIT, 0},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, MN_OK, INT64_MIN},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, MN_ELIMIT, 0},
        {"-6", -5, 5, MN_ELIMIT, 0},
        {"6", -5, 5, MN_ELIMIT, 0},
        {"", INT64_MIN, INT64_MAX, MN_EINVAL, 0},
        {"-", INT64_MIN, INT64_MAX, MN_EINVAL, 0},
        {"+", INT64_MIN, INT64_MAX, MN_EINVAL, 0},
        {"--1", INT64_MIN, INT64_MAX, MN_EINVAL, 0},
        {"-+1", INT64_MIN, INT64_MAX, MN_EINVAL, 0},
        {"1e3", INT64_MIN, INT64_MAX, MN_EINVAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        int64_t v = 42;
        assert_int_equal(mn_parse_i64(mn_str_c(cases[i].text), cases[i].min, cases[i].max, &v),
                         cases[i].err);
        assert_int_equal(v, cases[i].err ? 42 : cases[i].want);
    }
}

static void parses_double(void **state)
{
    static const struct {
        const char *text;
        enum mn_err err;
        double want;
    } cases[] = {
        {"0", MN_OK, 0},          {"0.5", MN_OK, 0.5},
        {"12.25", MN_OK, 12.25},  {"100", MN_OK, 100},
        {"0.1", MN_OK, 0.1},      {"99.99", MN_OK, 99.99},
        {"100.01", MN_ELIMIT, 0}, {"", MN_EINVAL, 0},
        {".5", MN_EINVAL, 0},     {"5.", MN_EINVAL, 0},
        {"1.2.3", MN_EINVAL, 0},  {"-1", MN_EINVAL, 0},
        {"1e1", MN_EINVAL, 0},    {"0x1", MN_EINVAL, 0},
        {"nan", MN_EINVAL, 0},    {"0.1234567890123456", MN_EINVAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        double v = 42;
        assert_int_equal(mn_parse_double(mn_str_c(cases[i].text), 0, 100, &v), cases[i].err);
        assert_true(v == (cases[i].err ? 42 : cases[i].want));
    }
}

static void parses_every_unit_of_bytes(void **state)
{
    static const struct {
        const char *text;
        enum mn_err err;
        uint64_t want;
    } cases[] = {
        {"0", MN_OK, 0},
        {"512", MN_OK, 512},
        {"64KiB", MN_OK, 65536},
        {"1MiB", MN_OK, 1048576},
        {"2GiB", MN_OK, UINT64_C(2147483648)},
        {"64KB", MN_OK, 64000},
        {"1MB", MN_OK, 1000000},
        {"2GB", MN_OK, 2000000000},
        {"17179869183GiB", MN_OK, UINT64_C(18446744072635809792)},
        {"17179869184GiB", MN_ELIMIT, 0},
        {"99999999999999999999KiB", MN_ELIMIT, 0},
        {"", MN_EINVAL, 0},
        {"KiB", MN_EINVAL, 0},
        {"1 KiB", MN_EINVAL, 0},
        {"1kib", MN_EINVAL, 0},
        {"1K", MN_EINVAL, 0},
        {"1TiB", MN_EINVAL, 0},
        {"-1KiB", MN_EINVAL, 0},
        {"1.5MiB", MN_EINVAL, 0},
        {"1KiBKiB", MN_EINVAL, 0},
    };
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        v = 42;
        assert_int_equal(mn_parse_bytes(mn_str_c(cases[i].text), 0, UINT64_MAX, &v), cases[i].err);
        assert_int_equal(v, cases[i].err ? 42 : cases[i].want);
    }
    assert_int_equal(mn_parse_bytes(MN_STR("1KiB"), 0, 1023, &v), MN_ELIMIT);
    assert_int_equal(mn_parse_bytes(MN_STR("1KiB"), 1025, 2000, &v), MN_ELIMIT);
}

/* Each byte in each place, among digits that are least and greatest. */
static void eight_digits_are_digits(void **state)
{
    (void)state;
    for (int fill = '0'; fill <= '9'; fill++) {
        for (int place = 0; place < 8; place++) {
            for (int c = 0; c < 256; c++) {
                char text[8];
                uint64_t got = 0, want = 0;
                memset(text, fill, sizeof text);
                text[place] = (char)c;
                for (int i = 0; i < 8; i++)
                    want = want * 10 + (uint64_t)(text[i] - '0');
                bool is_digit = c >= '0' && c <= '9';
                assert_int_equal(mn_parse_eight(text, &got), is_digit);
                if (is_digit)
                    assert_int_equal(got, want);
            }
        }
    }
}

static void assert_prints_back(uint64_t v)
{
    char want[24], got[21];
    int n = snprintf(want, sizeof want, "%" PRIu64, v);

    assert_int_equal(mn_print_u64(got, v), n);
    assert_memory_equal(got, want, (size_t)n);
    n = snprintf(want, sizeof want, "%" PRId64, (int64_t)v);
    assert_int_equal(mn_print_i64(got, (int64_t)v), n);
    assert_memory_equal(got, want, (size_t)n);
}

static void prints_like_printf(void **state)
{
    struct mn_rng rng;
    uint64_t power = 1;

    (void)state;
    for (int i = 0; i < 20; i++, power *= 10) {
        assert_prints_back(power - 1);
        assert_prints_back(power);
        assert_prints_back(0 - power);
    }
    assert_prints_back((uint64_t)INT64_MAX);
    assert_prints_back((uint64_t)INT64_MIN);
    mn_rng_seed(&rng, 5);
    for (int i = 0; i < 10000; i++)
        assert_prints_back(mn_rng_next(&rng) >> mn_rng_below(&rng, 64));
}

int test_base_num(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_u64),
        cmocka_unit_test(parses_i64),
        cmocka_unit_test(parses_double),
        cmocka_unit_test(parses_every_unit_of_bytes),
        cmocka_unit_test(eight_digits_are_digits),
        cmocka_unit_test(prints_like_printf),
    };
    return cmocka_run_group_tests_name("base_num", tests, NULL, NULL);
}
