/* SPDX-License-Identifier: Apache-2.0 */
/* H-3: how values are printed. */
#include "api/jout.h"
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include "base/mem.h"

static void values_are_compact(void **state)
{
    struct mn_buf buf;
    struct mn_jout out = {.buf = &buf};
    (void)state;
    mn_buf_init(&buf, 1000);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "id", INT64_MAX);
    mn_jout_num(&out, "msgSeq", -5);
    mn_jout_bool(&out, "yes", true);
    mn_jout_str(&out, "text", MN_STR("a\"/\n\xe4\xb8\xad"));
    mn_jout_str(&out, "none", MN_STR_NONE);
    mn_jout_open(&out, "list", '[');
    mn_jout_open(&out, NULL, '{');
    mn_jout_close(&out, '}');
    mn_jout_open(&out, NULL, '[');
    mn_jout_close(&out, ']');
    mn_jout_null(&out, NULL);
    mn_jout_num(&out, NULL, 1);
    mn_jout_close(&out, ']');
    mn_jout_date(&out, "never", 0);
    mn_jout_close(&out, '}');
    mn_buf_add_char(&buf, '\0');
    assert_string_equal(buf.p, "{\"id\":\"9223372036854775807\",\"msgSeq\":-5,\"yes\":true,"
                               "\"text\":\"a\\\"/\\n\xe4\xb8\xad\",\"none\":null,"
                               "\"list\":[{},[],null,1],\"never\":null}");
    mn_buf_deinit(&buf);
}

static void dates_lose_their_zeros(void **state)
{
    static const struct {
        int64_t ms;
        const char *tail;
    } cases[] = {
        {1769241367000, ":07\""},     {1769241367100, ":07.1\""},   {1769241367120, ":07.12\""},
        {1769241367123, ":07.123\""}, {1769241367003, ":07.003\""},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_buf buf;
        struct mn_jout out = {.buf = &buf};
        mn_buf_init(&buf, 100);
        mn_jout_date(&out, NULL, cases[i].ms);
        mn_buf_add_char(&buf, '\0');
        assert_string_equal(buf.p + strlen("\"2026-01-24T15:56"), cases[i].tail);
        mn_buf_deinit(&buf);
    }
}

static void a_full_buffer_is_noticed(void **state)
{
    struct mn_buf buf;
    struct mn_jout out = {.buf = &buf};
    (void)state;
    mn_buf_init(&buf, 10);
    mn_jout_str(&out, "key", MN_STR("longer than ten"));
    assert_true(buf.failed);
    mn_buf_deinit(&buf);
}

int test_api_jout(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_compact),
        cmocka_unit_test(dates_lose_their_zeros),
        cmocka_unit_test(a_full_buffer_is_noticed),
    };
    return cmocka_run_group_tests_name("api/jout", tests, NULL, NULL);
}
