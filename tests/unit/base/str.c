/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/mem.h"
#include "base/str.h"

static void compares(void **state)
{
    (void)state;
    assert_true(mn_str_eq(MN_STR_NONE, MN_STR("")));
    assert_true(mn_str_is(MN_STR("a\0b"), "a") == false);
    assert_true(mn_str_eq_nocase(MN_STR("Content-LENGTH"), MN_STR("content-length")));
    assert_false(mn_str_eq_nocase(MN_STR("abc"), MN_STR("abcd")));
    assert_false(mn_str_eq_nocase(MN_STR("@[`{"), MN_STR("`{@[")));
    assert_false(mn_str_eq_nocase(MN_STR("\xc3\x84"), MN_STR("\xc3\xa4")));
    assert_int_equal(mn_str_c(NULL).n, 0);
}

static void trims_up_to_the_blank(void **state)
{
    (void)state;
    assert_true(mn_str_is(mn_str_trim(MN_STR(" \t\n a b \x01\x1f ")), "a b"));
    assert_true(mn_str_is(mn_str_trim(MN_STR(" \0 ")), ""));
    assert_true(mn_str_is(mn_str_trim(MN_STR_NONE), ""));
    assert_true(mn_str_is(mn_str_trim(MN_STR("\xe3\x80\x80x")), "\xe3\x80\x80x"));
}

static size_t encode(uint32_t c, char p[3])
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (char)(0xc0 | c >> 6);
        p[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    p[0] = (char)(0xe0 | c >> 12);
    p[1] = (char)(0x80 | (c >> 6 & 0x3f));
    p[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

/* Every character of the BMP against the list in W-0. */
static void blank_is_what_the_protocol_says(void **state)
{
    static const uint32_t ranges[][2] = {
        {0x09, 0x0d},     {0x1c, 0x1f},     {0x20, 0x20},     {0x1680, 0x1680}, {0x2000, 0x2006},
        {0x2008, 0x200a}, {0x2028, 0x2029}, {0x205f, 0x205f}, {0x3000, 0x3000},
    };

    (void)state;
    for (uint32_t c = 0; c < 0x10000; c++) {
        char text[3];
        bool want = false;
        for (size_t i = 0; i < MN_ARRAY_LEN(ranges); i++)
            want |= c >= ranges[i][0] && c <= ranges[i][1];
        assert_int_equal(mn_str_is_blank(mn_str_make(text, encode(c, text))), want);
    }
    assert_true(mn_str_is_blank(MN_STR_NONE));
    assert_true(mn_str_is_blank(MN_STR("")));
    assert_true(mn_str_is_blank(MN_STR(" \xe3\x80\x80\t\xe2\x80\x80 ")));
    assert_false(mn_str_is_blank(MN_STR(" \xe3\x80\x80x")));
    assert_false(mn_str_is_blank(MN_STR("\xe3\x80")));
    assert_false(mn_str_is_blank(MN_STR("\xf0\x9f\x98\x80")));
}

int test_base_str(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(trims_up_to_the_blank),
        cmocka_unit_test(blank_is_what_the_protocol_says),
    };
    return cmocka_run_group_tests_name("base_str", tests, NULL, NULL);
}
