/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/proto/tests.h"

#include "base/mem.h"
#include "proto/envelope.h"

/* The elements, each followed by a semicolon. */
static void expect_elements(struct mn_str list, size_t cap, const char *want)
{
    char *text = proto_exact_copy(list);
    char *scratch = mn_alloc(cap != 0 ? cap : 1);
    char got[256];
    size_t n = 0;
    size_t pos = 0;
    struct mn_str element;

    while (mn_mentions_next(mn_str_make(text, list.n), &pos, scratch, cap, &element)) {
        assert_true(n + element.n + 1 < sizeof(got));
        memcpy(got + n, element.p, element.n);
        n += element.n;
        got[n++] = ';';
    }
    got[n] = '\0';
    assert_string_equal(got, want);
    mn_free(scratch);
    mn_free(text);
}

static void elements_are_decoded(void **state)
{
    (void)state;
    expect_elements(MN_STR("[]"), 32, "");
    expect_elements(MN_STR("[ ]"), 32, "");
    expect_elements(MN_STR("[\"10001\",10002]"), 32, "10001;10002;");
    expect_elements(MN_STR("[ \"a\" , -1.5 ,true,false , null, \"\" ]"), 32, "a;-1.5;true;false;;");
    expect_elements(MN_STR("[null,null]"), 32, "");
    expect_elements(MN_STR("[\"\\u00e9\\n\\\"]\\ud83d\\ude00\"]"), 32, "\u00e9\n\"]\U0001f600;");
}

static void long_elements_are_cut_between_characters(void **state)
{
    (void)state;
    expect_elements(MN_STR("[\"abcdef\",123456,\"g\"]"), 3, "abc;123;g;");
    expect_elements(MN_STR("[\"a\u00e9\"]"), 2, "a;");
    expect_elements(MN_STR("[\"a\\u00e9\"]"), 2, "a;");
    expect_elements(MN_STR("[\"\U0001f600\"]"), 3, ";");
    expect_elements(MN_STR("[\"\U0001f600\"]"), 4, "\U0001f600;");
    expect_elements(MN_STR("[1]"), 0, ";");
}

static void what_is_no_list_ends_it(void **state)
{
    size_t pos = 0;
    struct mn_str element;

    (void)state;
    assert_false(mn_mentions_next(MN_STR_NONE, &pos, NULL, 0, &element));
    expect_elements(MN_STR(""), 8, "");
    expect_elements(MN_STR("1"), 8, "");
    expect_elements(MN_STR("[1,[2],3]"), 8, "1;");
    expect_elements(MN_STR("[1,"), 8, "1;");
    expect_elements(MN_STR("[\"\\x\"]"), 8, "");
}

int test_proto_mentions(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_decoded),
        cmocka_unit_test(long_elements_are_cut_between_characters),
        cmocka_unit_test(what_is_no_list_ends_it),
    };

    return cmocka_run_group_tests_name("proto_mentions", tests, NULL, NULL);
}
