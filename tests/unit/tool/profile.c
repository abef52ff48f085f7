/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/bench/profile.h"

static char why[200];

/* Loads a file of this text. */
static enum mn_err load(const char *text, struct profile *ret)
{
    char path[] = "/tmp/minim-profile-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    why[0] = '\0';
    enum mn_err err = profile_load(ret, path, why, sizeof why);
    unlink(path);
    return err;
}

static void weights_are_shares(void **state)
{
    struct profile p;

    (void)state;
    assert_int_equal(load("# users\n\n single=3 # three quarters\nhistory = 1\nread = 50.5\n", &p),
                     MN_OK);
    assert_float_equal(profile_share(&p, PROFILE_SINGLE), 0.75, 1e-9);
    assert_float_equal(profile_share(&p, PROFILE_HISTORY), 0.25, 1e-9);
    assert_float_equal(profile_share(&p, PROFILE_LOGIN), 0, 0);
    assert_float_equal(p.read_pct, 50.5, 0);
    assert_int_equal(p.page, 20);
    assert_int_equal(load("conversations = 1\npage = 100", &p), MN_OK);
    assert_int_equal(p.page, 100);
    assert_float_equal(profile_share(&p, PROFILE_CONVERSATIONS), 1, 0);
    assert_int_equal(load("group = 0\nlogin = 1\n", &p), MN_OK);
}

static void the_built_in_one_is_good(void **state)
{
    struct profile p, same;

    (void)state;
    assert_int_equal(profile_load(&p, NULL, why, sizeof why), MN_OK);
    assert_int_equal(load(profile_default, &same), MN_OK);
    assert_memory_equal(&p, &same, sizeof p);
    assert_true(profile_share(&p, PROFILE_SINGLE) > 0.5);
}

static void bad_profiles_say_where_and_what(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"single = 1\n\nvideo = 2\n", ":3: no such kind"},
        {"single 1\n", ":1: expected name = number"},
        {"single = x\n", ":1: a weight is a number"},
        {"single = -1\n", ":1: a weight is a number"},
        {"single = 1\nread = 101\n", ":2: read: expected 0 to 100"},
        {"page = 0\n", ":1: page: expected 1 to 100"},
        {"read = 10\n", "every weight is 0"},
        {"", "every weight is 0"},
    };
    struct profile p;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        assert_int_equal(load(cases[i].text, &p), MN_EINVAL);
        if (!strstr(why, cases[i].why))
            fail_msg("case %zu: %s", i, why);
    }
    assert_int_equal(profile_load(&p, "/nowhere/at/all", why, sizeof why), MN_EIO);
    assert_non_null(strstr(why, "/nowhere/at/all"));
}

static void files_are_bounded(void **state)
{
    static char text[4096];
    struct profile p;

    (void)state;
    memset(text, '\n', 70);
    assert_int_equal(load(text, &p), MN_EINVAL);
    assert_non_null(strstr(why, "too many lines"));
    memset(text, ' ', 300);
    assert_int_equal(load(text, &p), MN_EINVAL);
    assert_non_null(strstr(why, "too long"));
}

int test_tool_profile(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_shares),
        cmocka_unit_test(the_built_in_one_is_good),
        cmocka_unit_test(bad_profiles_say_where_and_what),
        cmocka_unit_test(files_are_bounded),
    };
    return cmocka_run_group_tests_name("tool profile", tests, NULL, NULL);
}
