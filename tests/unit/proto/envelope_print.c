/* SPDX-License-Identifier: Apache-2.0 */
/* W-2.1 and W-2.3. */
#include "unit/proto/tests.h"

#include "base/mem.h"
#include "base/rand.h"
#include "proto/envelope.h"

static void expect_print(const struct mn_envelope *env, const char *want)
{
    size_t bound = mn_envelope_bound(env);
    char *out = mn_alloc(bound);
    size_t n = mn_envelope_print(env, out);

    assert_true(n <= bound);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(out, want, n);
    mn_free(out);
}

static const char all_fields[] =
    "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"c\",\"serverMsgId\":\"s\",\"msgSeq\":1,\"from\":\"2\","
    "\"to\":\"3\",\"groupId\":\"4\",\"token\":\"t\",\"ackType\":\"a\",\"msgType\":\"m\",\"body\":\"b\","
    "\"mentions\":[\"5\"],\"replyToServerMsgId\":\"r\",\"important\":true,\"callId\":\"6\","
    "\"callKind\":\"video\",\"sdp\":\"d\",\"iceCandidate\":\"i\",\"iceSdpMid\":\"0\","
    "\"iceSdpMLineIndex\":7,\"callReason\":\"q\",\"ts\":8,\"reason\":\"z\"";

static void fields_in_their_order(void **state)
{
    char in[sizeof(all_fields) + 1];
    char want[sizeof(in) + 32];
    struct mn_envelope env;

    (void)state;
    (void)snprintf(in, sizeof(in), "%s}", all_fields);
    (void)snprintf(want, sizeof(want), "%s,\"retryAfterMs\":9}", all_fields);
    assert_int_equal(mn_envelope_parse(in, strlen(in), &env), MN_OK);
    env.retry_after_ms = 9;
    env.has |= MN_HAS_RETRY_AFTER;
    expect_print(&env, want);
}

static void absent_fields_are_left_out(void **state)
{
    struct mn_envelope env = {.type = MN_TYPE_PONG};

    (void)state;
    expect_print(&env, "{\"type\":\"PONG\"}");
    env.ts = 1700000000000;
    env.has = MN_HAS_TS;
    expect_print(&env, "{\"type\":\"PONG\",\"ts\":1700000000000}");
    env.body = MN_STR("");
    expect_print(&env, "{\"type\":\"PONG\",\"body\":\"\",\"ts\":1700000000000}");
    /* Printed from the enum, whatever had been received. */
    env = (struct mn_envelope){.type = MN_TYPE_ERROR, .type_text = MN_STR("PING")};
    env.reason = MN_STR("bad_json");
    expect_print(&env, "{\"type\":\"ERROR\",\"reason\":\"bad_json\"}");
}

static void extreme_numbers(void **state)
{
    struct mn_envelope env = {.type = MN_TYPE_ACK,
                              .msg_seq = INT64_MIN,
                              .from = INT64_MIN,
                              .to = INT64_MAX,
                              .group_id = -1,
                              .call_id = 0,
                              .ice_line = INT32_MIN,
                              .ts = INT64_MIN,
                              .retry_after_ms = INT64_MAX,
                              .has = ~0u};

    (void)state;
    expect_print(&env, "{\"type\":\"ACK\",\"msgSeq\":-9223372036854775808,"
                       "\"from\":\"-9223372036854775808\",\"to\":\"9223372036854775807\","
                       "\"groupId\":\"-1\",\"important\":false,\"callId\":\"0\","
                       "\"iceSdpMLineIndex\":-2147483648,\"ts\":-9223372036854775808,"
                       "\"retryAfterMs\":9223372036854775807}");
}

static void only_what_must_be_is_escaped(void **state)
{
    static const struct {
        struct mn_str body;
        const char *want;
    } cases[] = {
        {MN_STR("a\"b\\c/d"), "a\\\"b\\\\c/d"},
        {MN_STR("\n\t\r\b\f"), "\\n\\t\\r\\b\\f"},
        {MN_STR("\0\1\x1f"), "\\u0000\\u0001\\u001f"},
        {MN_STR("\x0b\x0e\x10"), "\\u000b\\u000e\\u0010"},
        {MN_STR("\x7f"), "\x7f"},
        {MN_STR("\u2028\u2029\u00e9\u4f60\U0001f600"), "\u2028\u2029\u00e9\u4f60\U0001f600"},
        {MN_STR("0123456789abcde\""), "0123456789abcde\\\""},
        {MN_STR("0123456789abcdef\""), "0123456789abcdef\\\""},
        {MN_STR("0123456789abcdef0\n123456789abcdef"), "0123456789abcdef0\\n123456789abcdef"},
    };
    char want[128];

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_envelope env = {.type = MN_TYPE_ACK, .body = cases[i].body};

        (void)snprintf(want, sizeof(want), "{\"type\":\"ACK\",\"body\":\"%s\"}", cases[i].want);
        expect_print(&env, want);
    }
}

/* A body of random ASCII, rich in what needs an escape. */
static size_t random_body(struct mn_rng *rng, char body[64])
{
    size_t n = mn_rng_below(rng, 64);

    for (size_t i = 0; i < n; i++)
        body[i] = (char)(mn_rng_below(rng, 4) == 0 ? mn_rng_below(rng, 0x30)
                                                   : mn_rng_below(rng, 128));
    return n;
}

static void printed_is_parsed_again(void **state)
{
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 20261124);
    for (int i = 0; i < 2000; i++) {
        char body[64];
        struct mn_envelope env = {.type = MN_TYPE_SINGLE_CHAT, .has = MN_HAS_TO};
        struct mn_envelope again;
        size_t bound;
        size_t n;
        char *out;

        env.to = (int64_t)mn_rng_next(&rng);
        env.body = mn_str_make(body, random_body(&rng, body));
        bound = mn_envelope_bound(&env);
        out = mn_alloc(bound);
        n = mn_envelope_print(&env, out);
        assert_true(n <= bound);
        assert_int_equal(mn_envelope_parse(out, n, &again), MN_OK);
        assert_true(again.to == env.to);
        assert_true(mn_str_eq(again.body, env.body));
        mn_free(out);
    }
}

int test_proto_envelope_print(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_in_their_order),   cmocka_unit_test(absent_fields_are_left_out),
        cmocka_unit_test(extreme_numbers),         cmocka_unit_test(only_what_must_be_is_escaped),
        cmocka_unit_test(printed_is_parsed_again),
    };

    return cmocka_run_group_tests_name("proto_envelope_print", tests, NULL, NULL);
}
