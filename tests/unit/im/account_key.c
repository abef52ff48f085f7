/* SPDX-License-Identifier: Apache-2.0 */
/* H-5.7: which names are one account; 8.6: codes. */
#include "im/account/key.h"
#include "unit/im/tests.h"

#include "base/mem.h"
#include "im/account/code.h"
#include "store/sql/user.h"

static struct mn_str key_of(const char *name, char *p)
{
    struct mn_str key = MN_STR_NONE;
    assert_int_equal(mn_account_key(mn_str_c(name), p, MN_USER_KEY_BYTES, &key), MN_OK);
    return key;
}

static void assert_same(const char *a, const char *b, bool want)
{
    char p[MN_USER_KEY_BYTES], q[MN_USER_KEY_BYTES];
    bool same = mn_str_eq(key_of(a, p), key_of(b, q));
    if (same != want)
        print_error("%s / %s\n", a, b);
    assert_int_equal(same, want);
}

static void spellings_of_one_account(void **state)
{
    static const char *const pairs[][2] = {
        {"Alice", "ALICE"},
        {"Alice", "alic\xc3\xa9"},  /* composed accent */
        {"Alice", "alice\xcc\x81"}, /* combining accent */
        {"Stra\xc3\x9f"
         "e",
         "STRASSE"}, /* sharp s */
        {"\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd",
         "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd"}, /* Cyrillic case */
        {"a\xe2\x80\x8d"
         "b",
         "ab"},                     /* zero-width joiner */
        {"\xef\xbc\xa1", "a"},      /* full-width A */
        {"\xef\xac\x81sh", "FISH"}, /* fi ligature */
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(pairs); i++)
        assert_same(pairs[i][0], pairs[i][1], true);
}

static void different_accounts(void **state)
{
    static const char *const pairs[][2] = {
        {"alice", "alice "},
        {"alice", " alice"},
        {"alice", "alicf"},
        {"a b", "ab"},
        {"\xe5\xbc\xa0", "\xe5\xbc\xa1"}, /* two Chinese characters */
        {"a", "\xd0\xb0"},                /* Latin and Cyrillic a */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81"},
        {"\xe2\x80\x8b", "\xe2\x80\x8d"}, /* nothing but ignorable characters */
        {"user1", "user2"},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(pairs); i++)
        assert_same(pairs[i][0], pairs[i][1], false);
}

/* The character whose compatibility form is the longest (18), 64 times. */
static void the_longest_key_fits(void **state)
{
    char name[64 * 3 + 1], p[MN_USER_KEY_BYTES];
    struct mn_str key;
    (void)state;
    for (unsigned i = 0; i < 64; i++)
        memcpy(name + (size_t)i * 3, "\xef\xb7\xba", 3);
    assert_int_equal(mn_account_key(mn_str_make(name, 192), p, sizeof(p), &key), MN_OK);
    assert_true(key.n > 64 * 18);
    assert_int_equal(mn_account_key(mn_str_make(name, 192), p, 100, &key), MN_ELIMIT);
}

static void broken_text_has_no_key(void **state)
{
    char p[MN_USER_KEY_BYTES];
    struct mn_str key;
    (void)state;
    assert_int_equal(mn_account_key(MN_STR("a\xff"
                                           "b"),
                                    p, sizeof(p), &key),
                     MN_EINVAL);
    assert_int_equal(mn_account_key(MN_STR("\xed\xa0\x80"), p, sizeof(p), &key), MN_EINVAL);
}

static void codes_are_readable_and_differ(void **state)
{
    char a[MN_CODE_MAX + 1], b[MN_CODE_MAX + 1];
    (void)state;
    for (unsigned len = MN_CODE_MIN; len <= MN_CODE_MAX; len++) {
        mn_code_make(a, len);
        mn_code_make(b, len);
        assert_int_equal(strlen(a), len);
        assert_int_equal(strspn(a, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"), len);
        assert_string_not_equal(a, b);
    }
    assert_int_equal(mn_code_len(0), 6);
    assert_int_equal(mn_code_len(8), 8);
    assert_int_equal(mn_code_len(99), 16);
    assert_int_equal(mn_code_next_reset_ms(0, 60), 0);
    assert_int_equal(mn_code_next_reset_ms(1000, 60), 61000);
    assert_int_equal(mn_code_next_reset_ms(1000, 0), 86401000);
}

int test_im_account_key(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_account),      cmocka_unit_test(different_accounts),
        cmocka_unit_test(the_longest_key_fits),          cmocka_unit_test(broken_text_has_no_key),
        cmocka_unit_test(codes_are_readable_and_differ),
    };
    return cmocka_run_group_tests_name("im/account_key", tests, NULL, NULL);
}
