/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/app/tests.h"

#include <unistd.h>

#include "base/mem.h"
#include "unit/app/support.h"

static void defaults_are_those_of_the_protocol(void **state)
{
    struct reading r;
    const struct mn_config *c = reading_good(&r, "", "");

    (void)state;
    assert_string_equal(c->net.listen[MN_LISTEN_API].host, "0.0.0.0");
    assert_int_equal(c->net.listen[MN_LISTEN_API].port, 8080);
    assert_int_equal(c->net.listen[MN_LISTEN_WS].port, 9001);
    assert_string_equal(c->net.ws_path, "/ws");
    assert_int_equal(c->net.max_message, 65536);
    assert_int_equal(c->gate.auth_timeout_ms, 3000);
    assert_int_equal(c->net.reader_idle_ms, 90000);
    assert_int_equal(c->net.writer_idle_ms, 60000);
    assert_int_equal(c->gate.connection_rate, 60);
    assert_int_equal(c->gate.connection_burst, 120);
    assert_int_equal(c->gate.user_rate, 30);
    assert_int_equal(c->gate.user_burst, 60);
    assert_int_equal(c->net.low_watermark, 262144);
    assert_int_equal(c->net.high_watermark, 524288);
    assert_int_equal(c->net.close_unwritable_after_ms, 3000);
    assert_int_equal(c->gate.resend_window, 200);
    assert_true(c->gate.resend_periodic);
    assert_int_equal(c->gate.resend_delay_ms, 30000);
    assert_int_equal(c->account.access_ttl_s, 1800);
    assert_int_equal(c->account.refresh_ttl_s, 2592000);
    assert_string_equal(c->auth.issuer, "mini-im");
    assert_string_equal(c->auth.jwt_secret, ""); /* no secret has a working default */
    assert_false(c->http.trust_forwarded);
    assert_true(c->msglog.sync);
    assert_int_equal(c->process.worker, -1);
    assert_int_equal(c->process.log_level, MN_LOG_INFO);
    assert_int_equal(mn_options_action(r.options), MN_OPTIONS_RUN);
    reading_deinit(&r);
}

static void later_sources_win(void **state)
{
    char path[64], args[200];
    struct reading r;

    (void)state;
    temp_file(path, "server.port = 1\nim.gateway.ws.port = 9\nminim.workers = 1\n");
    snprintf(args, sizeof args, "--server.port=3 --config=%s", path);
    const struct mn_config *c = reading_good(&r, args,
                                             "SERVER_PORT=2 IM_GATEWAY_WS_PORT=2 OTHER=x IM_=x");
    assert_int_equal(c->net.listen[MN_LISTEN_API].port, 3);
    assert_int_equal(c->net.listen[MN_LISTEN_WS].port, 2);
    assert_int_equal(c->process.workers, 1);
    assert_int_equal(c->process.worker_queue, 10000);
    reading_deinit(&r);
    snprintf(args, sizeof args, "MINIM_CONFIG=%s", path);
    assert_int_equal(reading_good(&r, "", args)->net.listen[MN_LISTEN_API].port, 1);
    reading_deinit(&r);
    assert_int_equal(reading_good(&r, "--config=/dev/null", args)->net.listen[MN_LISTEN_API].port,
                     8080);
    reading_deinit(&r);
    unlink(path);
}

static void arguments_in_both_forms(void **state)
{
    struct reading r;
    const struct mn_config *c = reading_good(
        &r,
        "--server.port 5 --im.id.worker-id -1 --minim.workers=2 --minim.workers=3 "
        "--im.gateway.ws.path=/a=b",
        "");

    (void)state;
    assert_int_equal(c->net.listen[MN_LISTEN_API].port, 5);
    assert_int_equal(c->process.worker, -1);
    assert_int_equal(c->process.workers, 3);
    assert_string_equal(c->net.ws_path, "/a=b");
    reading_deinit(&r);
}

static void wrong_arguments(void **state)
{
    (void)state;
    assert_mistakes("--server.port", "", "command line: \"server.port\": expected a value\n");
    assert_mistakes("--server.port --minim.workers=2", "",
                    "command line: \"server.port\": expected a value\n");
    assert_mistakes("extra", "", "command line: \"extra\": expected --name=value (see --help)\n");
    assert_mistakes("-x", "", "command line: \"-x\": expected --name=value (see --help)\n");
    assert_mistakes("--", "", "command line: \"--\": expected --name=value (see --help)\n");
    assert_mistakes("--port=1", "",
                    "command line: unknown option \"port\", did you mean server.port?\n");
    assert_mistakes("--im.gateway.ws.auth-timout-ms=1", "",
                    "command line: unknown option \"im.gateway.ws.auth-timout-ms\", did you mean "
                    "im.gateway.ws.auth-timeout-ms?\n");
    assert_mistakes("--minim.log.level=loud", "",
                    "command line: minim.log.level = \"loud\": expected debug, info, warn or "
                    "error\n");
    assert_mistakes("--generate-docs=html", "",
                    "command line: --generate-docs: expected markdown, sample or endpoints\n");
}

static void environment_names(void **state)
{
    struct reading r;
    const struct mn_config *c = reading_good(
        &r, "",
        "IM_AUTH_JWT_SECRET=0123456789abcdef0123456789abcdef MINIM_DATA_DIR=/d "
        "IM_GATEWAY_WS_RATELIMIT_CONNECTIONRATE=7 SERVER_ADDRESS=::1 "
        "IM_CRON_RESEND_FIXED_DELAY_MS=5s SERVER_SOFTWARE=x MINIM_WORKERS=");

    (void)state;
    assert_string_equal(c->auth.jwt_secret, "0123456789abcdef0123456789abcdef");
    assert_string_equal(c->process.data_dir, "/d");
    assert_int_equal(c->gate.connection_rate, 7);
    assert_string_equal(c->net.listen[MN_LISTEN_API].host, "::1");
    assert_int_equal(c->gate.resend_delay_ms, 5000);
    assert_int_equal(c->process.workers, 4); /* empty is not set */
    reading_deinit(&r);
    assert_mistakes("", "MINIM_NOTHING=2", "environment MINIM_NOTHING: no option has this name\n");
    assert_mistakes("", "MINIM_WORKER=2",
                    "environment MINIM_WORKER: no option has this name, did you mean "
                    "MINIM_WORKERS?\n");
    assert_mistakes("", "IM_AUTH_JWT_SECRT=x",
                    "environment IM_AUTH_JWT_SECRT: no option has this name, did you mean "
                    "IM_AUTH_JWT_SECRET?\n");
    assert_mistakes("", "IM_GATEWAY_WS_PROT=1",
                    "environment IM_GATEWAY_WS_PROT: no option has this name, did you mean "
                    "IM_GATEWAY_WS_PORT?\n");
    assert_mistakes("--verbose", "", "command line: unknown option \"verbose\"\n");
    assert_mistakes("--im.gateway.ws.writer-idle-ms=90001", "",
                    "im.gateway.ws.writer-idle-ms: expected at most "
                    "im.gateway.ws.reader-idle-ms: the answer to its PING keeps quiet clients "
                    "connected\n");
    assert_mistakes("", "IM_GATEWAY_WS_PORT=x",
                    "environment IM_GATEWAY_WS_PORT: im.gateway.ws.port = \"x\": expected port, "
                    "0 to 65535\n");
    assert_mistakes("", "IM_AUTH_JWT_SECRET=hunter2",
                    "environment IM_AUTH_JWT_SECRET: im.auth.jwt-secret (7 bytes): expected at "
                    "least 32 bytes, or nothing to have one made\n");
}

/* Two options whose variables are the same would make one of them out of reach. */
static void environment_names_are_distinct(void **state)
{
    (void)state;
    for (size_t i = 0; i < mn_options_count; i++) {
        struct mn_buf name;
        mn_buf_init(&name, 200);
        mn_option_env_name(mn_options_table[i].name, &name);
        assert_ptr_equal(mn_option_find_env(mn_buf_str(&name)), &mn_options_table[i]);
        assert_ptr_equal(mn_option_find(mn_str_c(mn_options_table[i].name)), &mn_options_table[i]);
        assert_null(mn_option_legacy_why(mn_str_c(mn_options_table[i].name), false));
        assert_null(mn_option_legacy_why(mn_buf_str(&name), true));
        mn_buf_deinit(&name);
    }
}

static void kubernetes_variables_are_not_ours(void **state)
{
    struct reading r;

    (void)state;
    reading_good(&r, "",
                 "MINIM_SERVICE_HOST=10.0.0.1 MINIM_SERVICE_PORT=8080 "
                 "MINIM_SERVICE_PORT_HTTP=8080 MINIM_PORT=tcp://10.0.0.1:8080 "
                 "MINIM_PORT_8080_TCP=tcp://10.0.0.1:8080 MINIM_PORT_8080_TCP_PROTO=tcp "
                 "SERVER_PORT=tcp://10.0.0.1:80");
    assert_int_equal(mn_options_config(r.options)->net.listen[MN_LISTEN_API].port, 8080);
    reading_deinit(&r);
}

static void properties_of_mini_im_are_reported_and_ignored(void **state)
{
    static const char *const want[][2] = {
        {"IM_MYSQL_PASSWORD", "environment"},
        {"IM_REDIS_HOST", "environment"},
        {"IM_GATEWAY_WS_INSTANCE_ID", "environment"},
        {"IM_SOMETHING", "environment"},
        {"SERVER_PROT", "environment"}, /* anybody's, and near to ours */
        {"spring.datasource.url", "command line"},
        {"im.executors.db.core-pool-size", "command line"},
        {"im.gateway.ws.backpressure.drop-when-unwritable", "command line"},
    };
    struct mn_option_ignored ignored;
    struct reading r;

    (void)state;
    reading_good(&r,
                 "--spring.datasource.url=jdbc:mysql://db --im.executors.db.core-pool-size=8 "
                 "--im.gateway.ws.backpressure.drop-when-unwritable=true",
                 "IM_MYSQL_PASSWORD=pw IM_REDIS_HOST=redis IM_GATEWAY_WS_INSTANCE_ID=gw-1 "
                 "IM_SOMETHING=1 SERVER_PROT=1 SERVER_SOFTWARE=x");
    for (size_t i = 0; i < MN_ARRAY_LEN(want); i++) {
        assert_true(mn_options_ignored(r.options, i, &ignored));
        assert_string_equal(ignored.name, want[i][0]);
        assert_string_equal(ignored.where, want[i][1]);
        assert_true(strlen(ignored.why) > 10);
    }
    assert_false(mn_options_ignored(r.options, MN_ARRAY_LEN(want), &ignored));
    reading_deinit(&r);
    assert_mistakes("--spring.=x --springs.a=x", "",
                    "command line: unknown option \"spring.\"\n"
                    "command line: unknown option \"springs.a\"\n");
}

static void ignored_settings_have_a_ceiling(void **state)
{
    struct mn_options *options = mn_options_new();
    struct mn_option_ignored ignored;

    (void)state;
    for (int i = 0; i < 1000; i++)
        mn_options_ignore(options, MN_STR("spring.x"), "f:1", "why");
    assert_true(mn_options_ignored(options, MN_OPTIONS_IGNORED - 1, &ignored));
    assert_false(mn_options_ignored(options, MN_OPTIONS_IGNORED, &ignored));
    mn_options_free(options);
}

static void options_must_fit_each_other(void **state)
{
#define LOW "im.gateway.ws.backpressure.write-buffer-low-water-mark-bytes"
#define HIGH "im.gateway.ws.backpressure.write-buffer-high-water-mark-bytes"
    (void)state;
    assert_mistakes("--" LOW "=512KiB", "", LOW ": expected less than " HIGH "\n");
    assert_mistakes("--im.gateway.ws.max-queued-bytes=1MiB --" HIGH "=1MiB", "",
                    "im.gateway.ws.max-queued-bytes: expected at least twice " HIGH "\n");
    assert_mistakes("--server.port=9001", "",
                    "im.gateway.ws.port: expected another port than server.port on the same "
                    "address\n");
    assert_mistakes("--server.port=0 --im.gateway.ws.port=0", "", "");
    assert_mistakes("--server.port=9001 --server.address=127.0.0.1", "", "");
    assert_mistakes("--im.auth.access-token-ttl-seconds=60d", "",
                    "im.auth.access-token-ttl-seconds: expected at most "
                    "im.auth.refresh-token-ttl-seconds\n");
    assert_mistakes("--minim.store.queue-ops=100", "",
                    "minim.store.batch-ops: expected at most minim.store.queue-ops\n");
#define NO_LOGIN                                                                                   \
    "minim.call.ice-servers: expected minim.call.turn-secret, or minim.call.turn-username and "    \
    "minim.call.turn-credential, with a turn: server\n"
    assert_mistakes("--minim.call.ice-servers=stun:a,turn:b", "", NO_LOGIN);
    assert_mistakes("--minim.call.ice-servers=turns:b --minim.call.turn-username=u", "", NO_LOGIN);
    assert_mistakes("--minim.call.ice-servers=turn:b --minim.call.turn-credential=c", "", NO_LOGIN);
    assert_mistakes("--minim.call.ice-servers=turn:b --minim.call.turn-secret=s", "", "");
    assert_mistakes("--minim.call.ice-servers=turn:b --minim.call.turn-username=u "
                    "--minim.call.turn-credential=c",
                    "", "");
    assert_mistakes("--minim.call.ice-servers=stun:a", "", "");
}

static void actions(void **state)
{
    static const struct {
        const char *args;
        enum mn_options_action action;
    } cases[] = {
        {"", MN_OPTIONS_RUN},
        {"--help", MN_OPTIONS_HELP},
        {"-h", MN_OPTIONS_HELP},
        {"--version", MN_OPTIONS_VERSION},
        {"-V", MN_OPTIONS_VERSION},
        {"--check-config", MN_OPTIONS_CHECK},
        {"--print-config", MN_OPTIONS_PRINT},
        {"--generate-docs=markdown", MN_OPTIONS_DOC_MARKDOWN},
        {"--generate-docs sample", MN_OPTIONS_DOC_SAMPLE},
        {"--generate-docs=endpoints", MN_OPTIONS_DOC_ENDPOINTS},
        /* who asks for help gets it, whatever else is wrong */
        {"--nonsense=1 --config=/nonexistent --help", MN_OPTIONS_HELP},
        {"--check-config --help", MN_OPTIONS_HELP},
        {"--help --version", MN_OPTIONS_HELP},
    };
    struct reading r;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        reading_good(&r, cases[i].args, "");
        assert_int_equal(mn_options_action(r.options), cases[i].action);
        reading_deinit(&r);
    }
}

int test_app_options_read(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_protocol),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(arguments_in_both_forms),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(environment_names),
        cmocka_unit_test(environment_names_are_distinct),
        cmocka_unit_test(kubernetes_variables_are_not_ours),
        cmocka_unit_test(properties_of_mini_im_are_reported_and_ignored),
        cmocka_unit_test(ignored_settings_have_a_ceiling),
        cmocka_unit_test(options_must_fit_each_other),
        cmocka_unit_test(actions),
    };
    return cmocka_run_group_tests_name("app_options_read", tests, NULL, NULL);
}
