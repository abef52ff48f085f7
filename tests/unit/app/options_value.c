/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/app/tests.h"

#include "base/mem.h"
#include "unit/app/support.h"

#define NUMBER_FIELD                                                                               \
    .offset = offsetof(struct mn_config, client.revoke_window_s), .size = sizeof(int64_t)
#define TEXT_FIELD .offset = offsetof(struct mn_config, net.ws_path), .size = MN_CONFIG_NAME

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct mn_option integer = {
    .name = "i", .type = MN_OPTION_INTEGER, NUMBER_FIELD, .min = -5, .max = 100};
static const struct mn_option port = {
    .name = "p", .type = MN_OPTION_PORT, NUMBER_FIELD, .min = 0, .max = 65535};
static const struct mn_option ms = {
    .name = "ms", .type = MN_OPTION_MILLISECONDS, NUMBER_FIELD, .min = -1, .max = 7200000};
static const struct mn_option seconds = {
    .name = "s", .type = MN_OPTION_SECONDS, NUMBER_FIELD, .min = 1, .max = 2592000};
static const struct mn_option bytes = {
    .name = "b", .type = MN_OPTION_BYTES, NUMBER_FIELD, .min = 1024, .max = INT64_C(1) << 40};
static const struct mn_option boolean = {.name = "t",
                                         .type = MN_OPTION_BOOL,
                                         .offset = offsetof(struct mn_config, msglog.sync),
                                         .size = sizeof(bool)};
static const struct mn_option choice = {.name = "e",
                                        .type = MN_OPTION_ENUM,
                                        .offset = offsetof(struct mn_config, process.log_level),
                                        .size = sizeof(enum mn_log_level),
                                        .choices = colours};
static const struct mn_option text = {
    .name = "x", .type = MN_OPTION_STRING, TEXT_FIELD, .min = 2, .max = 6};

static const struct mn_option secret = {.name = "s",
                                        .type = MN_OPTION_STRING,
                                        TEXT_FIELD,
                                        .flags = MN_OPTION_SECRET,
                                        .min = 2,
                                        .max = 6};

/* `want` is what the field prints; NULL: refused, and `problem` is what is said. */
struct value_case {
    const struct mn_option *option;
    const char *in, *want, *problem;
};

static void assert_case(const struct value_case *c)
{
    struct mn_config config;
    struct mn_buf problem, out;

    memset(&config, 0x01, sizeof config);
    struct mn_config before = config;
    mn_buf_init(&problem, 1000);
    mn_buf_init(&out, 1000);
    enum mn_err err = mn_option_set(c->option, &config, mn_str_c(c->in), &problem);
    if (c->want) {
        assert_int_equal(err, MN_OK);
        mn_option_print(c->option, &config, &out);
        mn_buf_add_char(&out, '\0');
        assert_string_equal(out.p, c->want);
    } else {
        if (err != MN_EINVAL)
            fail_msg("%s accepts \"%s\"", c->option->name, c->in);
        mn_buf_add_char(&problem, '\0');
        assert_string_equal(problem.p, c->problem);
        assert_memory_equal(&config, &before, sizeof config);
    }
    mn_buf_deinit(&problem);
    mn_buf_deinit(&out);
}

static void numbers(void **state)
{
    static const char range[] = "expected integer, -5 to 100",
                      ports[] = "expected port, 0 to 65535";
    static const struct value_case cases[] = {
        {&integer, "7", "7", NULL},
        {&integer, "-5", "-5", NULL},
        {&integer, "+100", "100", NULL},
        {&integer, "-6", NULL, range},
        {&integer, "101", NULL, range},
        {&integer, "", NULL, range},
        {&integer, "5x", NULL, range},
        {&integer, " 5", NULL, range},
        {&integer, "0x5", NULL, range},
        {&integer, "5.0", NULL, range},
        {&integer, "99999999999999999999", NULL, range},
        {&port, "0", "0", NULL},
        {&port, "65535", "65535", NULL},
        {&port, "65536", NULL, ports},
        {&port, "-1", NULL, ports},
        {&port, "http", NULL, ports},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_case(&cases[i]);
}

static void times_with_every_unit(void **state)
{
    static const char want_ms[] = "expected milliseconds, -1 to 7200000, or with a unit such as "
                                  "90s or 5m";
    static const char want_s[] = "expected seconds, 1 to 2592000, or with a unit such as 30m or 7d";
    static const struct value_case cases[] = {
        {&ms, "1500", "1500", NULL},
        {&ms, "1500ms", "1500", NULL},
        {&ms, "90s", "90000", NULL},
        {&ms, "5m", "300000", NULL},
        {&ms, "2h", "7200000", NULL},
        {&ms, "-1", "-1", NULL},
        {&ms, "0", "0", NULL},
        {&ms, "3h", NULL, want_ms},
        {&ms, "-2", NULL, want_ms},
        {&ms, "s", NULL, want_ms},
        {&ms, "5 m", NULL, want_ms},
        {&ms, "1d", NULL, want_ms},
        {&ms, "1.5s", NULL, want_ms},
        {&ms, "9223372036854775807h", NULL, want_ms},
        {&seconds, "1800", "1800", NULL},
        {&seconds, "45s", "45", NULL},
        {&seconds, "30m", "1800", NULL},
        {&seconds, "1h", "3600", NULL},
        {&seconds, "30d", "2592000", NULL},
        {&seconds, "31d", NULL, want_s},
        {&seconds, "10ms", NULL, want_s},
        {&seconds, "0", NULL, want_s},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_case(&cases[i]);
}

static void bytes_with_every_unit(void **state)
{
    static const char want[] = "expected bytes, 1KiB to 1024GiB: a number, or one with the unit "
                               "KiB, MiB or GiB";
    static const struct value_case cases[] = {
        {&bytes, "1024", "1KiB", NULL},   {&bytes, "1025", "1025", NULL},
        {&bytes, "64KiB", "64KiB", NULL}, {&bytes, "65536", "64KiB", NULL},
        {&bytes, "3MiB", "3MiB", NULL},   {&bytes, "2GiB", "2GiB", NULL},
        {&bytes, "2048GiB", NULL, want},  {&bytes, "64KB", "64000", NULL}, /* no whole KiB */
        {&bytes, "1023", NULL, want},     {&bytes, "-1", NULL, want},
        {&bytes, "64 KiB", NULL, want},   {&bytes, "64K", NULL, want},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_case(&cases[i]);
}

static void booleans_and_choices(void **state)
{
    static const char want[] = "expected true or false";
    static const char want_choice[] = "expected red, green or blue";
    static const struct value_case cases[] = {
        {&boolean, "true", "true", NULL},  {&boolean, "True", "true", NULL},
        {&boolean, "yes", "true", NULL},   {&boolean, "on", "true", NULL},
        {&boolean, "1", "true", NULL},     {&boolean, "FALSE", "false", NULL},
        {&boolean, "no", "false", NULL},   {&boolean, "off", "false", NULL},
        {&boolean, "0", "false", NULL},    {&boolean, "", NULL, want},
        {&boolean, "2", NULL, want},       {&boolean, "y", NULL, want},
        {&choice, "red", "red", NULL},     {&choice, "BLUE", "blue", NULL},
        {&choice, "", NULL, want_choice},  {&choice, "gree", NULL, want_choice},
        {&choice, "0", NULL, want_choice},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_case(&cases[i]);
}

static void texts(void **state)
{
    static const char want[] = "expected text, 2 to 6 bytes";
    static const char control[] = "control characters are not allowed (byte 0x0a at place 2; line "
                                  "ends and tabs are such)";
    static const struct value_case cases[] = {
        {&text, "ab", "ab", NULL},
        {&text, "abcdef", "abcdef", NULL},
        {&text, "a b", "a b", NULL},
        {&text, "caf\xc3\xa9", "caf\xc3\xa9", NULL},
        {&text, "a", NULL, want},
        {&text, "abcdefg", NULL, want},
        {&text, "a\nb", NULL, control},
        {&text, "ab\n", NULL,
         "control characters are not allowed (byte 0x0a at place 3; line ends and tabs are such)"},
        {&text, "a\x7f", NULL,
         "control characters are not allowed (byte 0x7f at place 2; line ends and tabs are such)"},
        {&text, "a\xff", NULL, "expected UTF-8"},
        {&secret, "abcd\n", "abcd", NULL},
        {&secret, "abcd\r\n", "abcd", NULL},
        {&secret, "ab\n\n", NULL,
         "control characters are not allowed (byte 0x0a at place 3; line ends and tabs are such)"},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_case(&cases[i]);
}

static bool accepts(bool (*check)(const char *value, struct mn_buf *problem), const char *value)
{
    struct mn_buf problem;

    mn_buf_init(&problem, 10000);
    bool good = check(value, &problem);
    assert_int_equal(problem.n == 0, good); /* a reason for each refusal, and for nothing else */
    mn_buf_deinit(&problem);
    return good;
}

static void checks_of_single_options(void **state)
{
    (void)state;
    assert_true(accepts(mn_option_check_host, "::1"));
    assert_true(accepts(mn_option_check_host, "fe80::1%eth0"));
    assert_true(accepts(mn_option_check_host, "chat.example.org"));
    assert_true(accepts(mn_option_check_host, "10.0.0.1.nip.io"));
    assert_false(accepts(mn_option_check_host, "999.1.1.1"));
    assert_false(accepts(mn_option_check_host, "1.2.3"));
    assert_false(accepts(mn_option_check_host, "::zz"));
    assert_false(accepts(mn_option_check_host, "127.0.0.1:8080"));
    assert_false(accepts(mn_option_check_ws_path, "/metrics"));
    assert_false(accepts(mn_option_check_ws_path, "/auth/login"));
    assert_false(accepts(mn_option_check_host, "http://a"));
    assert_true(accepts(mn_option_check_ws_path, "/ws"));
    assert_true(accepts(mn_option_check_ws_path, "/a/b"));
    assert_false(accepts(mn_option_check_ws_path, "ws"));
    assert_false(accepts(mn_option_check_ws_path, "/"));
    assert_false(accepts(mn_option_check_ws_path, "/ws/"));
    assert_false(accepts(mn_option_check_ws_path, "/ws?x"));
    assert_false(accepts(mn_option_check_ws_path, "/w s"));
    assert_true(accepts(mn_option_check_secret, ""));
    assert_true(accepts(mn_option_check_secret, "12345678901234567890123456789012"));
    assert_false(accepts(mn_option_check_secret, "1234567890123456789012345678901"));
    assert_true(accepts(mn_option_check_proxies, ""));
    assert_true(accepts(mn_option_check_proxies, "10.0.0.0/8, ::1"));
    assert_false(accepts(mn_option_check_proxies, "10.0.0.0/33"));
    assert_true(accepts(mn_option_check_origins, "https://chat.example.org,null"));
    assert_false(accepts(mn_option_check_origins, "chat.example.org"));
    assert_true(accepts(mn_option_check_zone, ""));
    assert_true(accepts(mn_option_check_zone, "UTC"));
    assert_true(accepts(mn_option_check_zone, "CET-1CEST,M3.5.0,M10.5.0/3"));
    assert_true(accepts(mn_option_check_zone, "CST-8"));
    assert_false(accepts(mn_option_check_zone, "Mars/Olympus"));
    assert_false(accepts(mn_option_check_zone, "../../etc/passwd"));
    assert_false(accepts(mn_option_check_zone, "/etc/passwd"));
    assert_true(accepts(mn_option_check_filter_file, ""));
    assert_false(accepts(mn_option_check_filter_file, "/nonexistent"));
}

int test_app_options_value(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(times_with_every_unit),
        cmocka_unit_test(bytes_with_every_unit),
        cmocka_unit_test(booleans_and_choices),
        cmocka_unit_test(texts),
        cmocka_unit_test(checks_of_single_options),
    };
    return cmocka_run_group_tests_name("app_options_value", tests, NULL, NULL);
}
