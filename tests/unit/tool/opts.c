/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include "base/mem.h"
#include "tool/kit/opts.h"

#define SECRET "--jwt-secret=0123456789012345678901234567890123456789"
#define ARGS_MAX 16

static char why[200];

/* Parses "minim", the secret, and the given arguments (NULL ends them). */
static enum mn_err parse(struct opts *opts, enum opts_cmd cmd, const char *const *args)
{
    static char *argv[ARGS_MAX]; /* opts point into it afterwards, as into main()'s */
    int argc = 2;
    argv[0] = (char *)(uintptr_t) "minim";
    argv[1] = (char *)(uintptr_t)SECRET;
    for (; *args; args++)
        argv[argc++] = (char *)(uintptr_t)*args;
    opts_init(opts, cmd);
    why[0] = '\0';
    return opts_parse(opts, cmd, argc, argv, why, sizeof why);
}
#define PARSE(opts, cmd, ...) parse((opts), (cmd), (const char *const[]){__VA_ARGS__, NULL})

static void values_of_every_kind_are_set(void **state)
{
    struct opts o;

    (void)state;
    assert_int_equal(PARSE(&o, CMD_SINGLE, "--ws", "ws://a/ws", "--ws=ws://b/ws", "--clients", "10",
                           "--duration=1.5m", "--rate", "250.5", "--model=poisson", "--body",
                           "1KiB", "--no-ack", "--flap=12.5/500ms"),
                     MN_OK);
    assert_int_equal(o.ws.count, 2);
    assert_string_equal(o.ws.item[1], "ws://b/ws");
    assert_int_equal(o.clients, 10);
    assert_int_equal(o.duration_ns, UINT64_C(90000000000));
    assert_float_equal(o.rate, 250.5, 0);
    assert_int_equal(o.model, OPTS_MODEL_POISSON);
    assert_int_equal(o.body_bytes, 1024);
    assert_true(o.no_ack);
    assert_float_equal(o.flap_pct, 12.5, 0);
    assert_int_equal(o.flap_interval_ns, 500000000);
    assert_true(o.reconnect); /* --flap implies it */
}

static void defaults_depend_on_the_command(void **state)
{
    struct opts o;

    (void)state;
    assert_int_equal(PARSE(&o, CMD_PING, "--seed=1"), MN_OK);
    assert_int_equal(o.interval_ns, 1000000000);
    assert_int_equal(PARSE(&o, CMD_SINGLE, "--seed=1"), MN_OK);
    assert_int_equal(o.interval_ns, 0);
    assert_int_equal(o.clients, 200);
    assert_false(o.reconnect);
    assert_int_equal(PARSE(&o, CMD_RECONNECT, "--seed=1"), MN_OK);
    assert_true(o.reconnect && o.spawn);
    assert_int_equal(PARSE(&o, CMD_ACK, "--seed=1"), MN_OK);
    assert_int_equal(o.clients, 200);
    assert_float_equal(o.rate, 0, 0);
    assert_int_equal(PARSE(&o, CMD_MIXED, "--http=http://a"), MN_OK);
    assert_float_equal(o.rate, 200, 0); /* it is an open loop always */
    assert_int_equal(o.http_connections, 16);
}

static void what_follows_two_dashes_is_the_daemons(void **state)
{
    struct opts o;

    (void)state;
    assert_int_equal(PARSE(&o, CMD_CONNECT, "--spawn", "--", "--clients=x", "--help"), MN_OK);
    assert_int_equal(o.daemon_arg_count, 2);
    assert_string_equal(o.daemon_args[0], "--clients=x");
    assert_int_equal(PARSE(&o, CMD_CONNECT, "--spawn", "--help"), MN_ENOTFOUND);
}

static void bad_arguments_say_why(void **state)
{
    static const struct {
        enum opts_cmd cmd;
        const char *args[4];
        const char *why;
    } cases[] = {
        {CMD_PING, {"--nothing"}, "--nothing: unknown option"},
        {CMD_PING, {"-x"}, "unexpected argument"},
        {CMD_PING, {"--inflight=1"}, "this command has no such option"},
        {CMD_PING, {"--clients"}, "needs a value: integer, 1 to 1000000"},
        {CMD_PING, {"--clients="}, "bad value \"\""},
        {CMD_PING, {"--clients", "0"}, "bad value \"0\""},
        {CMD_PING, {"--clients", "1000001"}, "bad value"},
        {CMD_PING, {"--clients", "12x"}, "bad value \"12x\""},
        {CMD_PING, {"--interval", "0"}, "bad value"},
        {CMD_PING, {"--interval", "1 s"}, "bad value"},
        {CMD_PING, {"--reconnect=yes"}, "takes no value"},
        {CMD_PING, {"--flap=101/1s"}, "bad value"},
        {CMD_PING, {"--flap=10"}, "bad value"},
        {CMD_SINGLE, {"--body", "5000"}, "bad value"},
        {CMD_SINGLE, {"--pairs", "zip"}, "expected even|zipf"},
        {CMD_SINGLE, {"--pairs", "zipf"}, "open loop"},
        {CMD_SINGLE, {"--clients", "5"}, "even"},
        {CMD_SINGLE, {"--rate=1", "--interval=1s"}, "exclude"},
        {CMD_SINGLE, {"--slow=51", "--no-read=50"}, "more than 100%"},
        {CMD_SINGLE, {"--spawn", "--ws=ws://x/"}, "exclude"},
        {CMD_SINGLE, {"--jwt-secret=short"}, "32 bytes"},
        {CMD_SMOKE, {"--clients=1"}, "no such option"},
    };
    struct opts o;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(&o, cases[i].cmd, cases[i].args), MN_EINVAL);
        if (!strstr(why, cases[i].why))
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].why, why);
    }
}

static void durations_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"0", 0},
                {"1", 1000000000},
                {"0.5", 500000000},
                {"250us", 250000},
                {"5ms", 5000000},
                {"2s", 2000000000},
                {"7ns", 7},
                {"1.5ms", 1500000},
                {"1m", 60000000000},
                {"2h", 7200000000000}};
    static const char *const bad[] = {"", "s", "ms", "-1s", "1 s", "1S", "1d", "1sm", "x", "1e3"};
    uint64_t ns;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(good); i++) {
        assert_int_equal(opts_duration(mn_str_c(good[i].text), &ns), MN_OK);
        assert_int_equal(ns, good[i].ns);
    }
    for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
        assert_int_equal(opts_duration(mn_str_c(bad[i]), &ns), MN_EINVAL);
}

int test_tool_opts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_are_set),
        cmocka_unit_test(defaults_depend_on_the_command),
        cmocka_unit_test(what_follows_two_dashes_is_the_daemons),
        cmocka_unit_test(bad_arguments_say_why),
        cmocka_unit_test(durations_have_units),
    };
    return cmocka_run_group_tests_name("tool opts", tests, NULL, NULL);
}
