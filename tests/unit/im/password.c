/* SPDX-License-Identifier: Apache-2.0 */
/* H-5.6: bcrypt as the original's library makes and reads it. */
#include "im/account/password.h"
#include "unit/im/tests.h"

#include "base/mem.h"

/* Published vectors of jBCrypt and crypt_blowfish. */
static void hashes_of_others_match(void **state)
{
    static const struct {
        const char *password, *hash;
    } cases[] = {
        {"", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."},
        {"a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"},
        {"abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"},
        {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
        {"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
        /* The same under the name that Java gives it; libxcrypt's own $2a$ would differ. */
        {"\xff\xff\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
        {"\xff\xff\xa3", "$2b$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        if (!mn_password_matches(mn_str_c(cases[i].password), cases[i].hash))
            print_error("%s\n", cases[i].hash);
        assert_true(mn_password_matches(mn_str_c(cases[i].password), cases[i].hash));
        assert_false(mn_password_matches(MN_STR("other"), cases[i].hash));
    }
}

static void what_is_no_bcrypt_never_matches(void **state)
{
    static const char *const hashes[] = {
        "",
        "x",
        "*0",
        "plain",
        "$2a$",
        "$1$abcdefgh$abcdefghijklmnopqrstuv",
        "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s",   /* one short */
        "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.x", /* one long */
        "$2x$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
        "$2a$99$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
        "$2a$0!$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(hashes); i++) {
        assert_false(mn_password_matches(MN_STR(""), hashes[i]));
        assert_false(mn_password_matches(mn_str_c(hashes[i]), hashes[i]));
    }
}

static void new_hashes_are_java_readable(void **state)
{
    char hash[64], again[64];
    (void)state;
    assert_int_equal(mn_password_hash(MN_STR("secret"), 4, hash, sizeof(hash)), MN_OK);
    assert_int_equal(strlen(hash), MN_PASSWORD_HASH_LEN);
    assert_int_equal(memcmp(hash, "$2a$04$", 7), 0);
    assert_true(mn_password_matches(MN_STR("secret"), hash));
    assert_false(mn_password_matches(MN_STR("Secret"), hash));
    assert_int_equal(mn_password_hash(MN_STR("secret"), 4, again, sizeof(again)), MN_OK);
    assert_string_not_equal(hash, again);
}

static void limits(void **state)
{
    char hash[80], many[80];
    (void)state;
    memset(many, 'p', sizeof(many));
    assert_int_equal(mn_password_hash(mn_str_make(many, 73), 4, hash, sizeof(hash)), MN_EINVAL);
    assert_int_equal(mn_password_hash(MN_STR("a\0b"), 4, hash, sizeof(hash)), MN_EINVAL);
    assert_int_equal(mn_password_hash(MN_STR("a"), 4, hash, MN_PASSWORD_HASH_LEN), MN_EINVAL);
    assert_int_equal(mn_password_hash(mn_str_make(many, 72), 4, hash, MN_PASSWORD_LONG_LEN + 60),
                     MN_EINVAL);
    assert_int_equal(mn_password_hash(mn_str_make(many, 72), 4, hash, sizeof(hash)), MN_OK);
    assert_false(mn_password_matches(MN_STR("p\0"), hash));
}

/* Of old accounts only the first 72 bytes count, of new ones all; and all of the 72 in both. */
static void bytes_after_the_72nd(void **state)
{
    char hash[80], many[80];
    (void)state;
    memset(many, 'p', sizeof(many));
    for (size_t n = 70; n <= 72; n++) {
        assert_int_equal(mn_password_hash(mn_str_make(many, n), 4, hash, sizeof(hash)), MN_OK);
        for (size_t other = 69; other <= 80; other++)
            assert_int_equal(mn_password_matches(mn_str_make(many, other), hash), other == n);
    }
    assert_int_equal(strncmp(hash, MN_PASSWORD_LONG "$2a$04$", 14), 0);
    /* 72 times "p" by crypt_blowfish: whoever made it may have had a longer password. */
    const char *old = "$2a$04$CCCCCCCCCCCCCCCCCCCCC.9IMwEEB6ngnCQ877bhhi.EzQPLJPeC6";
    for (size_t n = 70; n <= 80; n++)
        assert_int_equal(mn_password_matches(mn_str_make(many, n), old), n >= 72);
}

int test_im_password(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_others_match),
        cmocka_unit_test(what_is_no_bcrypt_never_matches),
        cmocka_unit_test(new_hashes_are_java_readable),
        cmocka_unit_test(limits),
        cmocka_unit_test(bytes_after_the_72nd),
    };
    return cmocka_run_group_tests_name("im/password", tests, NULL, NULL);
}
