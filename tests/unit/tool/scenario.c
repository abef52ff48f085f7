/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario files, good and bad. */
#include "unit/tool/tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/bench/scenario.h"

struct file {
    char path[64];
};

static struct file write_file(const char *text, size_t n)
{
    struct file file = {"/tmp/minim-scenario-XXXXXX.conf"};
    int fd = mkstemps(file.path, 5);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    close(fd);
    return file;
}

static enum mn_err load(struct scenario *scenario, const char *text, size_t n, char *why)
{
    static struct file file; /* a scenario refers to the name of its file */
    file = write_file(text, n);
    enum mn_err err = scenario_load(scenario, file.path, why, 256);
    unlink(file.path);
    return err;
}

static void test_a_good_file(void **state)
{
    static const char text[] = "# what this is\n\n mode = single-e2e  # the first\r\n"
                               "title = two words = one title\nclients=20\n  gate = p99<5ms\n"
                               "gate = lost=0\nno-ack = true\nrate = 10";
    struct scenario s;
    struct opts opts;
    char why[256];
    (void)state;
    assert_int_equal(load(&s, text, sizeof text - 1, why), MN_OK);
    assert_string_equal(s.mode, "single-e2e");
    assert_string_equal(s.title, "two words = one title");
    assert_int_equal(strncmp(s.name, "minim-scenario-", 15), 0);
    assert_null(strstr(s.name, ".conf"));
    opts_init(&opts, CMD_SINGLE);
    assert_int_equal(scenario_apply(&s, &opts, CMD_SINGLE, why, sizeof why), MN_OK);
    assert_int_equal(opts.clients, 20);
    assert_true(opts.no_ack);
    assert_true(opts.rate == 10);
    assert_int_equal(opts.gates.count, 2);
    assert_string_equal(opts.gates.item[1], "lost=0");
    assert_string_equal(opts.scenario_name, s.name);
    scenario_deinit(&s);
    scenario_deinit(&s);
}

static void test_bad_form(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "the first line must be mode"},
        {"# nothing\n", "the first line must be mode"},
        {"clients = 5\nmode = ping\n", ":1: the first line must be mode"},
        {"mode = ping\nmode = ping\n", ":2: mode is given twice"},
        {"mode = ping\n\nclients 5\n", ":3: expected name = value"},
        {"mode = ping\n = 5\n", ":2: expected name = value"},
        {"mode = ping\nclients =  # none\n", ":2: expected name = value"},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct scenario s;
        char why[256];
        assert_int_equal(load(&s, cases[i].text, strlen(cases[i].text), why), MN_EINVAL);
        assert_non_null(strstr(why, cases[i].why));
    }
}

static void test_bad_options_name_their_line(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"mode = ping\nnothing = 5\n", ":2: nothing: unknown option"},
        {"mode = ping\nclients = 5\nbody = 5\n", ":3: body: this mode has no such option"},
        {"mode = ping\nclients = many\n", ":2: clients: bad value \"many\", expected integer"},
        {"mode = ping\nreconnect = yes\n", ":2: reconnect: bad value \"yes\", expected true|false"},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct scenario s;
        struct opts opts;
        char why[256];
        assert_int_equal(load(&s, cases[i].text, strlen(cases[i].text), why), MN_OK);
        opts_init(&opts, CMD_PING);
        assert_int_equal(scenario_apply(&s, &opts, CMD_PING, why, sizeof why), MN_EINVAL);
        assert_non_null(strstr(why, cases[i].why));
        scenario_deinit(&s);
    }
}

static void test_what_is_no_scenario(void **state)
{
    static const char nul[] = "mode = ping\n\0clients = 5\n";
    char why[256];
    struct scenario s;
    (void)state;
    assert_int_equal(load(&s, nul, sizeof nul - 1, why), MN_EINVAL);
    char *large = mn_alloc(SCENARIO_BYTES_MAX + 1);
    memset(large, '#', SCENARIO_BYTES_MAX + 1);
    assert_int_equal(load(&s, large, SCENARIO_BYTES_MAX + 1, why), MN_EINVAL);
    mn_free(large);
    assert_int_equal(scenario_load(&s, "/nowhere/at/all", why, sizeof why), MN_EIO);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(scenario_load(&s, "/", why, sizeof why), MN_EINVAL);
}

static void test_too_many_lines(void **state)
{
    char text[SCENARIO_LINES_MAX * 16 + 64] = "mode = ping\n";
    char why[256];
    struct scenario s;
    size_t n = strlen(text);
    (void)state;
    for (int i = 0; i <= SCENARIO_LINES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "clients = 5\n");
    assert_int_equal(load(&s, text, n, why), MN_EINVAL);
    assert_non_null(strstr(why, "too many lines"));
}

int test_tool_scenario(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_file),
        cmocka_unit_test(test_bad_form),
        cmocka_unit_test(test_bad_options_name_their_line),
        cmocka_unit_test(test_what_is_no_scenario),
        cmocka_unit_test(test_too_many_lines),
    };
    return cmocka_run_group_tests_name("tool/scenario", tests, NULL, NULL);
}
