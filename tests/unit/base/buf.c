/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/buf.h"
#include "base/mem.h"
#include "support/torture.h"

static void assert_holds(const struct mn_buf *buf, const char *want)
{
    assert_int_equal(buf->n, strlen(want));
    assert_memory_equal(buf->p, want, buf->n);
}

static void appends_of_all_kinds(void **state)
{
    struct mn_buf buf;

    (void)state;
    mn_buf_init(&buf, 1000);
    assert_int_equal(mn_buf_add(&buf, NULL, 0), MN_OK);
    assert_int_equal(mn_buf_add(&buf, "ab", 2), MN_OK);
    assert_int_equal(mn_buf_add_str(&buf, MN_STR("cd")), MN_OK);
    assert_int_equal(mn_buf_add_str(&buf, MN_STR_NONE), MN_OK);
    assert_int_equal(mn_buf_add_z(&buf, "ef"), MN_OK);
    assert_int_equal(mn_buf_add_char(&buf, ' '), MN_OK);
    assert_int_equal(mn_buf_add_u64(&buf, UINT64_MAX), MN_OK);
    assert_int_equal(mn_buf_add_i64(&buf, INT64_MIN), MN_OK);
    assert_int_equal(mn_buf_addf(&buf, " %s-%d", "x", 7), MN_OK);
    assert_holds(&buf, "abcdef 18446744073709551615-9223372036854775808 x-7");
    mn_buf_reset(&buf);
    assert_int_equal(buf.n, 0);
    assert_true(buf.cap > 0);
    mn_buf_deinit(&buf);
    mn_buf_deinit(&buf);
}

static void fills_up_to_its_limit_and_no_further(void **state)
{
    struct mn_buf buf;

    (void)state;
    for (size_t limit = 0; limit < 300; limit++) {
        mn_buf_init(&buf, limit);
        for (size_t i = 0; i < limit; i++)
            assert_int_equal(mn_buf_add_char(&buf, 'x'), MN_OK);
        assert_true(buf.cap <= (limit ? limit : 0));
        assert_false(buf.failed);
        assert_int_equal(mn_buf_add_char(&buf, 'x'), MN_ELIMIT);
        assert_true(buf.failed);
        assert_int_equal(buf.n, limit);
        mn_buf_deinit(&buf);
    }
}

static void a_failure_sticks_until_reset(void **state)
{
    struct mn_buf buf;

    (void)state;
    mn_buf_init(&buf, 4);
    assert_int_equal(mn_buf_add_z(&buf, "abc"), MN_OK);
    assert_int_equal(mn_buf_add_z(&buf, "de"), MN_ELIMIT);
    assert_holds(&buf, "abc");
    /* It would fit, but the text would have a hole. */
    assert_int_equal(mn_buf_add_z(&buf, "d"), MN_ELIMIT);
    assert_int_equal(mn_buf_addf(&buf, "d"), MN_ELIMIT);
    assert_int_equal(mn_buf_add_json(&buf, MN_STR("")), MN_ELIMIT);
    assert_holds(&buf, "abc");
    mn_buf_reset(&buf);
    assert_int_equal(mn_buf_add_z(&buf, "abcd"), MN_OK);
    mn_buf_deinit(&buf);
}

static void formats_to_the_last_byte(void **state)
{
    struct mn_buf buf;

    (void)state;
    for (size_t limit = 1; limit < 200; limit++) {
        mn_buf_init(&buf, limit);
        assert_int_equal(mn_buf_addf(&buf, "%*s", (int)limit, "x"), MN_OK);
        assert_int_equal(buf.n, limit);
        assert_int_equal(mn_buf_addf(&buf, "%s", "y"), MN_ELIMIT);
        assert_int_equal(buf.n, limit);
        assert_int_equal(buf.p[limit - 1], 'x');
        mn_buf_deinit(&buf);
        mn_buf_init(&buf, limit);
        assert_int_equal(mn_buf_addf(&buf, "%*s", (int)limit + 1, "x"), MN_ELIMIT);
        assert_int_equal(buf.n, 0);
        mn_buf_deinit(&buf);
    }
}

static void out_of_memory_is_reported(void **state)
{
    struct mn_buf buf;

    (void)state;
    mn_buf_init(&buf, SIZE_MAX);
    assert_int_equal(mn_buf_add_z(&buf, "abc"), MN_OK);
    assert_int_equal(mn_buf_reserve(&buf, SIZE_MAX / 2), MN_ENOMEM);
    assert_true(buf.failed);
    assert_holds(&buf, "abc");
    mn_buf_reset(&buf);
    assert_int_equal(mn_buf_reserve(&buf, SIZE_MAX), MN_ENOMEM);
    mn_buf_deinit(&buf);
}

static void every_failed_allocation_is_reported(void **state)
{
    struct mn_buf buf;

    (void)state;
    for (unsigned n = 1; torture_begin(n); n++) {
        mn_buf_init(&buf, 100000);
        mn_buf_add_u64(&buf, 7);
        mn_buf_addf(&buf, "%200s", "x");
        mn_buf_add_json(&buf, MN_STR("a\nb"));
        enum mn_err err = mn_buf_reserve(&buf, 5000);
        bool tortured = torture_end();
        assert_int_equal(buf.failed, tortured);
        assert_int_equal(err != MN_OK, tortured);
        mn_buf_deinit(&buf);
        if (!tortured)
            break;
        assert_in_range(n, 1, 10);
    }
}

static void escapes_json(void **state)
{
    static const struct {
        struct mn_str in;
        const char *out;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{NULL, 0}, "\"\""},
        {{"plain text of some length", 25}, "\"plain text of some length\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"\b\t\n\f\r", 5}, "\"\\b\\t\\n\\f\\r\""},
        {{"\0\x01\x0b\x1f\x20\x7f", 6}, "\"\\u0000\\u0001\\u000b\\u001f \x7f\""},
        {{"caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80", 14},
         "\"caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80\""},
    };
    struct mn_buf buf;

    (void)state;
    mn_buf_init(&buf, 1000);
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        mn_buf_reset(&buf);
        assert_int_equal(mn_buf_add_json(&buf, cases[i].in), MN_OK);
        assert_holds(&buf, cases[i].out);
    }
    mn_buf_deinit(&buf);
}

/* Each byte value at each offset of a word: the search for escapes works on eight at a time. */
static void escapes_json_wherever_it_is(void **state)
{
    struct mn_buf buf;
    char text[24];

    (void)state;
    mn_buf_init(&buf, 1000);
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'a', sizeof text);
            text[at] = (char)c;
            mn_buf_reset(&buf);
            assert_int_equal(mn_buf_add_json(&buf, mn_str_make(text, sizeof text)), MN_OK);
            bool special = c < 0x20 || c == '"' || c == '\\';
            assert_int_equal(buf.p[1 + at] == '\\', special);
            assert_int_equal(buf.n > sizeof text + 2, special);
        }
    }
    mn_buf_deinit(&buf);
}

static void json_fits_whole_or_not_at_all(void **state)
{
    static const struct mn_str text = {"a\nb\x01 c", 7};
    struct mn_buf full, buf;

    (void)state;
    mn_buf_init(&full, 100);
    assert_int_equal(mn_buf_add_json(&full, text), MN_OK);
    for (size_t limit = 0; limit <= full.n; limit++) {
        mn_buf_init(&buf, limit);
        assert_int_equal(mn_buf_add_json(&buf, text), limit < full.n ? MN_ELIMIT : MN_OK);
        assert_int_equal(buf.n, limit < full.n ? 0 : full.n);
        mn_buf_deinit(&buf);
    }
    mn_buf_deinit(&full);
}

static void consumes_from_the_front(void **state)
{
    struct mn_buf buf;

    (void)state;
    mn_buf_init(&buf, 100);
    mn_buf_consume(&buf, 0);
    mn_buf_add_z(&buf, "abcdef");
    mn_buf_consume(&buf, 0);
    mn_buf_consume(&buf, 2);
    assert_holds(&buf, "cdef");
    assert_true(mn_str_is(mn_buf_str(&buf), "cdef"));
    mn_buf_consume(&buf, 4);
    assert_int_equal(buf.n, 0);
    mn_buf_deinit(&buf);
}

int test_base_buf(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_of_all_kinds),
        cmocka_unit_test(fills_up_to_its_limit_and_no_further),
        cmocka_unit_test(a_failure_sticks_until_reset),
        cmocka_unit_test(formats_to_the_last_byte),
        cmocka_unit_test(out_of_memory_is_reported),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(escapes_json),
        cmocka_unit_test(escapes_json_wherever_it_is),
        cmocka_unit_test(json_fits_whole_or_not_at_all),
        cmocka_unit_test(consumes_from_the_front),
    };
    return cmocka_run_group_tests_name("base_buf", tests, NULL, NULL);
}
