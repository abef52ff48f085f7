/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/app/tests.h"

#include "unit/app/support.h"

static void changes_say_what_can_be_taken_over(void **state)
{
    struct mn_option_change change;
    struct reading before, after;
    size_t pos = 0;

    (void)state;
    reading_good(&before, "--server.port=1", "");
    reading_good(&after, "--server.port=2 --minim.log.level=debug --im.gateway.ws.max-message=1MiB",
                 "");
    assert_true(mn_options_change(before.options, after.options, &pos, &change));
    assert_string_equal(change.name, "server.port");
    assert_false(change.reloadable);
    assert_string_equal(change.before, "1");
    assert_string_equal(change.after, "2");
    assert_true(mn_options_change(before.options, after.options, &pos, &change));
    assert_string_equal(change.name, "im.gateway.ws.max-message");
    assert_true(change.reloadable);
    assert_string_equal(change.before, "64KiB");
    assert_string_equal(change.after, "1MiB");
    assert_true(mn_options_change(before.options, after.options, &pos, &change));
    assert_string_equal(change.name, "minim.log.level");
    assert_string_equal(change.after, "debug");
    assert_false(mn_options_change(before.options, after.options, &pos, &change));
    reading_deinit(&before);
    reading_deinit(&after);
}

static void long_values_are_cut(void **state)
{
    struct mn_option_change change;
    struct reading before, after;
    char args[600] = "--minim.data-dir=/";
    size_t pos = 0;

    (void)state;
    memset(args + strlen(args), 'd', 500);
    reading_good(&before, "", "");
    reading_good(&after, args, "");
    assert_true(mn_options_change(before.options, after.options, &pos, &change));
    assert_int_equal(strlen(change.after), sizeof change.after - 1);
    reading_deinit(&before);
    reading_deinit(&after);
}

static void what_needs_a_restart_is_kept(void **state)
{
    struct mn_option_change change;
    struct reading running, next;
    size_t pos = 0;

    (void)state;
    reading_good(&running, "--server.port=1 --minim.data-dir=/long/path", "");
    reading_good(&next, "--server.port=2 --minim.data-dir=/x --minim.log.level=warn", "");
    mn_options_keep_fixed(next.options, running.options);
    assert_int_equal(mn_options_config(next.options)->net.listen[MN_LISTEN_API].port, 1);
    assert_string_equal(mn_options_config(next.options)->process.data_dir, "/long/path");
    assert_int_equal(mn_options_config(next.options)->process.log_level, MN_LOG_WARN);
    assert_true(mn_options_change(running.options, next.options, &pos, &change));
    assert_string_equal(change.name, "minim.log.level");
    assert_false(mn_options_change(running.options, next.options, &pos, &change));
    reading_deinit(&running);
    reading_deinit(&next);
}

/* A shorter text over a longer one leaves no rest that would count as a change. */
static void equal_values_are_equal_however_they_came(void **state)
{
    struct mn_option_change change;
    struct reading a, b;
    size_t pos = 0;

    (void)state;
    reading_good(&a, "--minim.data-dir=/a --minim.store.cache-bytes=1MiB", "");
    reading_good(&b, "--minim.data-dir=/a",
                 "MINIM_DATA_DIR=/much/longer MINIM_STORE_CACHE_BYTES=1024KiB");
    assert_false(mn_options_change(a.options, b.options, &pos, &change));
    reading_deinit(&a);
    reading_deinit(&b);
    mn_options_free(NULL);
}

int test_app_options_reload(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_say_what_can_be_taken_over),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(what_needs_a_restart_is_kept),
        cmocka_unit_test(equal_values_are_equal_however_they_came),
    };
    return cmocka_run_group_tests_name("app_options_reload", tests, NULL, NULL);
}
