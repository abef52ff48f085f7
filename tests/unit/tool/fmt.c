/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people, and text inside markup. */
#include "unit/tool/tests.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tool/kit/fmt.h"

static void test_numbers_have_three_digits_and_a_unit(void **state)
{
    static const struct {
        enum fmt fmt;
        double value;
        const char *text;
    } cases[] = {
        {FMT_COUNT, 0, "0"},
        {FMT_COUNT, 31204, "31,204"},
        {FMT_COUNT, 1234567.4, "1,234,567"},
        {FMT_COUNT, -1234, "-1,234"},
        {FMT_COUNT, -234, "-234"},
        {FMT_COUNT, 16.44, "16.4"},
        {FMT_COUNT, 1.234, "1.23"},
        {FMT_COUNT, 0.0312, "0.0312"},
        {FMT_COUNT, 0.00001, "0.0000100"},
        {FMT_COUNT, 1e300, "1e+300"},
        {FMT_NS, 0, "0 ns"},
        {FMT_NS, 850, "850 ns"},
        {FMT_NS, 41200, "41.2 \u00b5s"},
        {FMT_NS, 999700, "1.00 ms"},
        {FMT_NS, 4.12e6, "4.12 ms"},
        {FMT_NS, 1.2e9, "1.20 s"},
        {FMT_NS, 180e9, "3 min"},
        {FMT_SECONDS, 0.97, "970 ms"},
        {FMT_SECONDS, 12, "12 s"},
        {FMT_SECONDS, 7200, "2 h"},
        {FMT_BYTES, 1023, "1,023 B"},
        {FMT_BYTES, 9000, "9,000 B"},
        {FMT_BYTES, 16384, "16 KiB"},
        {FMT_BYTES, 48.2 * 1048576, "48.2 MiB"},
        {FMT_PERCENT, 0.125, "12.5 %"},
        {FMT_PERCENT, 1, "100 %"},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        char text[48];
        fmt_print(text, sizeof text, cases[i].fmt, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_what_is_no_number_is_a_dash(void **state)
{
    char text[48];
    (void)state;
    fmt_print(text, sizeof text, FMT_NS, (double)NAN);
    assert_string_equal(text, "-");
    fmt_print(text, sizeof text, FMT_BYTES, (double)INFINITY);
    assert_string_equal(text, "-");
    fmt_fixed(text, sizeof text, (double)NAN, 3);
    assert_string_equal(text, "-");
}

static void test_a_short_room_is_not_overrun(void **state)
{
    char text[8] = "1234567";
    (void)state;
    fmt_fixed(text, 6, 123456789, 2);
    assert_true(strlen(text) < 6);
    assert_int_equal(text[7], '\0');
}

static void test_an_axis_has_one_unit(void **state)
{
    double divisor;
    const char *unit;
    (void)state;
    fmt_axis(FMT_NS, 5e6, &divisor, &unit);
    assert_string_equal(unit, "ms");
    assert_true(divisor == 1e6);
    fmt_axis(FMT_COUNT, 5e6, &divisor, &unit);
    assert_string_equal(unit, "");
    assert_true(divisor == 1);
    fmt_axis(FMT_PERCENT, 0.2, &divisor, &unit);
    assert_string_equal(unit, "%");
    assert_true(divisor == 0.01);
}

static void test_text_is_escaped(void **state)
{
    static const struct {
        const char *text, *markup;
    } cases[] = {
        {"plain \u00b5 \u4e2d", "plain \u00b5 \u4e2d"},
        {"<script>\"&'", "&lt;script&gt;&quot;&amp;&#39;"},
        {"a\x01\x1f\tb\nc", "a\ufffd\ufffd\tb\nc"},
        {"x\xef\xbf\xbfy\xef\xbf\xbe", "x\ufffdy\ufffd"},
        {"", ""},
        {NULL, ""},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_buf buf;
        mn_buf_init(&buf, 1024);
        fmt_escape(&buf, cases[i].text);
        assert_int_equal(buf.n, strlen(cases[i].markup));
        assert_memory_equal(buf.n ? buf.p : "", cases[i].markup, buf.n);
        mn_buf_deinit(&buf);
    }
}

int test_tool_fmt(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_have_three_digits_and_a_unit),
        cmocka_unit_test(test_what_is_no_number_is_a_dash),
        cmocka_unit_test(test_a_short_room_is_not_overrun),
        cmocka_unit_test(test_an_axis_has_one_unit),
        cmocka_unit_test(test_text_is_escaped),
    };
    return cmocka_run_group_tests_name("tool/fmt", tests, NULL, NULL);
}
