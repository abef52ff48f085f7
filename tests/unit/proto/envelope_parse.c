/* SPDX-License-Identifier: Apache-2.0 */
/* W-2.2, row by row.  What a frame was read as is compared as it is printed again. */
#include "unit/proto/tests.h"

#include "base/mem.h"
#include "proto/envelope.h"

/* The printed form of what `in` is read as, for the caller to free; NULL for bad_json. */
static char *reprint(struct mn_str in)
{
    char *text = proto_exact_copy(in);
    struct mn_envelope env;
    char *out = NULL;

    if (mn_envelope_parse(text, in.n, &env) == MN_OK) {
        size_t bound = mn_envelope_bound(&env);
        char *exact = mn_alloc(bound);
        size_t n = mn_envelope_print(&env, exact);

        assert_true(n <= bound);
        out = mn_try_strndup(exact, n);
        assert_non_null(out);
        mn_free(exact);
    }
    mn_free(text);
    return out;
}

static void expect(struct mn_str in, const char *want)
{
    char *got = reprint(in);

    if (want == NULL && got != NULL)
        fail_msg("%.*s: read as %s, not refused", (int)in.n, in.p, got);
    if (want != NULL && got == NULL)
        fail_msg("%.*s: refused", (int)in.n, in.p);
    if (want != NULL && strcmp(got, want) != 0)
        fail_msg("%.*s:\n  read as %s\n  and not %s", (int)in.n, in.p, got, want);
    mn_free(got);
}

struct row {
    const char *members; /* of the object, behind "type":"ACK" */
    const char *want;    /* members that are printed; NULL: bad_json */
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char in[512];
        char want[512];
        int n = snprintf(in, sizeof(in), "{\"type\":\"ACK\",%s}", rows[i].members);

        assert_in_range(n, 1, sizeof(in) - 1);
        if (rows[i].want != NULL)
            (void)snprintf(want, sizeof(want), "{\"type\":\"ACK\"%s%s}",
                           rows[i].want[0] != '\0' ? "," : "", rows[i].want);
        expect(mn_str_make(in, (size_t)n), rows[i].want != NULL ? want : NULL);
    }
}

#define EXPECT_ROWS(rows) expect_rows(rows, MN_ARRAY_LEN(rows))

static void fields_unknown_or_doubled(void **state)
{
    static const struct row rows[] = {
        {"\"x\":1", ""},
        {"\"x\":-0.5e-7,\"y\":true,\"z\":false,\"n\":null,\"s\":\"\\u00e9\\n\"", ""},
        {"\"x\":[1,[2,[3,{\"a\":[]}]],{}],\"y\":{\"body\":\"no\",\"b\":{\"c\":[null]}}", ""},
        {"\"x\":[ ],\"y\":{ },\"z\":[ 1 , 2 ],\"w\":{ \"a\" : 1 , \"b\" : 2 }", ""},
        {"\"Type\":\"PING\",\"TO\":1,\"clientmsgid\":\"a\",\"\":1,\"retryAfterMs\":\"x\"", ""},
        {"\"body\":\"a\",\"body\":\"b\"", "\"body\":\"b\""},
        {"\"body\":\"a\",\"body\":null", ""},
        {"\"to\":1,\"to\":\"2\"", "\"to\":\"2\""},
        {"\"to\":1,\"to\":null", ""},
        {"\"important\":true,\"important\":null", ""},
        {"\"mentions\":[1],\"mentions\":null", ""},
        {"\"to\":true,\"to\":1", NULL},
        {"\"type\":\"PONG\",\"type\":\"ACK\"", ""},
        {"\"bo\\u0064y\":\"x\"", "\"body\":\"x\""},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

static void around_the_object(void **state)
{
    static const struct {
        struct mn_str in;
        const char *want;
    } cases[] = {
        {MN_STR("{\"type\":\"PING\"}"), "{\"type\":\"PING\"}"},
        {MN_STR(" \t\r\n{ \"type\" : \"PING\" } \n"), "{\"type\":\"PING\"}"},
        {MN_STR("{\"type\":\"PING\"} xyz"), "{\"type\":\"PING\"}"},
        {MN_STR("{\"type\":\"PING\"}}"), "{\"type\":\"PING\"}"},
        {MN_STR("{}"), "{\"type\":\"\"}"},
        {MN_STR("{ }"), "{\"type\":\"\"}"},
        {MN_STR(""), NULL},
        {MN_STR(" "), NULL},
        {MN_STR("null"), NULL},
        {MN_STR("[]"), NULL},
        {MN_STR("\"{}\""), NULL},
        {MN_STR("1"), NULL},
        {MN_STR("true"), NULL},
        {MN_STR("\xef\xbb\xbf{\"type\":\"PING\"}"), NULL},
        {MN_STR("\f{\"type\":\"PING\"}"), NULL},
        {MN_STR("{"), NULL},
        {MN_STR("{\"type\":\"PING\""), NULL},
        {MN_STR("{\"type\":\"PING\",}"), NULL},
        {MN_STR("{,\"type\":\"PING\"}"), NULL},
        {MN_STR("{\"type\":\"PING\",,\"to\":1}"), NULL},
        {MN_STR("{\"type\" \"PING\"}"), NULL},
        {MN_STR("{\"type\":\"PING\" \"to\":1}"), NULL},
        {MN_STR("{\"type\":}"), NULL},
        {MN_STR("{\"type\"}"), NULL},
        {MN_STR("{type:\"PING\"}"), NULL},
        {MN_STR("{'type':'PING'}"), NULL},
        {MN_STR("{\"type\":\"PING\"/**/}"), NULL},
        {MN_STR("{\"type\":\"PING\"//\n}"), NULL},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        expect(cases[i].in, cases[i].want);
}

/* An id in which two different ones may meet (18.1): only clientMsgId is a key. */
static void lossy_client_ids(void **state)
{
    static const struct {
        const char *in;
        bool lossy;
    } cases[] = {
        {"{\"clientMsgId\":\"\\ud800\"}", true},
        {"{\"clientMsgId\":\"a\\uDFFFb\"}", true},
        {"{\"clientMsgId\":\"\\ud83d\\ude00\\udE00\"}", true},
        {"{\"clientMsgId\":\"?\"}", false},
        {"{\"clientMsgId\":\"\\u003f\\ud83d\\ude00\"}", false},
        {"{\"clientMsgId\":\"\\ud7ff\\ue000\\u00d8\"}", false},
        {"{\"clientMsgId\":\"\\\\ud800\"}", false},
        {"{\"body\":\"\\ud800\",\"clientMsgId\":\"a\",\"msgType\":\"\\udc00\"}", false},
        {"{\"clientMsgId\":\"\\ud800\",\"clientMsgId\":\"a\"}", false}, /* the last one wins */
        {"{\"clientMsgId\":\"\\ud800\",\"clientMsgId\":null}", false},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        char text[128];
        struct mn_envelope env;
        int n = snprintf(text, sizeof(text), "%s", cases[i].in);
        assert_int_equal(mn_envelope_parse(text, (size_t)n, &env), MN_OK);
        assert_int_equal((env.has & MN_HAS_LOSSY_CLIENT_ID) != 0, cases[i].lossy);
    }
}

static void strings(void **state)
{
    static const struct row rows[] = {
        {"\"body\":\"\"", "\"body\":\"\""},
        {"\"body\":null", ""},
        {"\"body\":12", "\"body\":\"12\""},
        {"\"body\":-1.50e+3", "\"body\":\"-1.50e+3\""},
        {"\"body\":true", "\"body\":\"true\""},
        {"\"body\":false", "\"body\":\"false\""},
        {"\"body\":[]", NULL},
        {"\"body\":{}", NULL},
        {"\"body\":nul", NULL},
        {"\"body\":nulL", NULL},
        {"\"body\":truex", NULL},
        {"\"body\":NaN", NULL},
        {"\"body\":Infinity", NULL},
        {"\"body\":'x'", NULL},
        {"\"body\":01", NULL},
        {"\"body\":+1", NULL},
        {"\"body\":1.", NULL},
        {"\"body\":.5", NULL},
        {"\"body\":1e", NULL},
        {"\"body\":-", NULL},
        {"\"body\":\"a\tb\"", NULL},
        {"\"body\":\"a\nb\"", NULL},
        {"\"body\":\"a\x1f\"", NULL},
        {"\"body\":\"a\x7f\"", "\"body\":\"a\x7f\""},
        {"\"body\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"body\":\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"body\":\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"",
         "\"body\":\"A\u00e9\u20ac\U0001f600\""},
        {"\"body\":\"\\u0000\\u001f\"", "\"body\":\"\\u0000\\u001f\""},
        {"\"body\":\"\\a\"", NULL},
        {"\"body\":\"\\'\"", NULL},
        {"\"body\":\"\\u12\"", NULL},
        {"\"body\":\"\\u12g4\"", NULL},
        {"\"body\":\"\\U0041\"", NULL},
        {"\"body\":\"\\", NULL},
        {"\"body\":\"x", NULL},
        {"\"body\":\"\\ud800\"", "\"body\":\"?\""},
        {"\"body\":\"\\udc00\"", "\"body\":\"?\""},
        {"\"body\":\"\\ud800x\"", "\"body\":\"?x\""},
        {"\"body\":\"\\ud800\\n\"", "\"body\":\"?\\n\""},
        {"\"body\":\"\\ud800\\u0041\"", "\"body\":\"?A\""},
        {"\"body\":\"\\ud800\\ud83d\\ude00\"", "\"body\":\"?\U0001f600\""},
        {"\"body\":\"\\ud800\\u12\"", NULL},
        {"\"body\":\"\\ud800\\udc00\\udbff\\udfff\"", "\"body\":\"\U00010000\U0010ffff\""},
        {"\"token\":1,\"ackType\":2,\"msgType\":3,\"callKind\":4",
         "\"token\":\"1\",\"ackType\":\"2\",\"msgType\":\"3\",\"callKind\":\"4\""},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

static void int64_from_strings(void **state)
{
    static const struct row rows[] = {
        {"\"to\":\"10002\"", "\"to\":\"10002\""},
        {"\"to\":\"0\"", "\"to\":\"0\""},
        {"\"to\":\" \\t5\\n \"", "\"to\":\"5\""},
        {"\"to\":\"+5\"", "\"to\":\"5\""},
        {"\"to\":\"-5\"", "\"to\":\"-5\""},
        {"\"to\":\"007\"", "\"to\":\"7\""},
        {"\"to\":\"00000000000000000000000000000000000000000000000001\"", "\"to\":\"1\""},
        {"\"to\":\"\\u0031\"", "\"to\":\"1\""},
        {"\"to\":\"\"", ""},
        {"\"to\":\"  \"", ""},
        {"\"to\":\"null\"", ""},
        {"\"to\":\" null \"", ""},
        {"\"to\":\"9223372036854775807\"", "\"to\":\"9223372036854775807\""},
        {"\"to\":\"-9223372036854775808\"", "\"to\":\"-9223372036854775808\""},
        {"\"to\":\"9223372036854775808\"", NULL},
        {"\"to\":\"-9223372036854775809\"", NULL},
        {"\"to\":\"9999999999999999999\"", NULL},
        {"\"to\":\"18446744073709551617\"", NULL},
        {"\"to\":\"99999999999999999999999999\"", NULL},
        {"\"to\":\"1.9\"", NULL},
        {"\"to\":\"1e3\"", NULL},
        {"\"to\":\"0x10\"", NULL},
        {"\"to\":\"abc\"", NULL},
        {"\"to\":\"1 2\"", NULL},
        {"\"to\":\"12a\"", NULL},
        {"\"to\":\"+\"", NULL},
        {"\"to\":\"-\"", NULL},
        {"\"to\":\"+-1\"", NULL},
        {"\"to\":\"- 1\"", NULL},
        {"\"to\":\"NULL\"", NULL},
        {"\"to\":\"true\"", NULL},
        {"\"to\":\"\u0661\"", NULL},
        {"\"msgSeq\":\"2013935291830317057\",\"ts\":\"5\"",
         "\"msgSeq\":2013935291830317057,\"ts\":5"},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

static void int64_from_numbers(void **state)
{
    static const struct row rows[] = {
        {"\"to\":10002", "\"to\":\"10002\""},
        {"\"to\":0", "\"to\":\"0\""},
        {"\"to\":-0", "\"to\":\"0\""},
        {"\"to\":1.9", "\"to\":\"1\""},
        {"\"to\":-1.9", "\"to\":\"-1\""},
        {"\"to\":-0.9", "\"to\":\"0\""},
        {"\"to\":1e3", "\"to\":\"1000\""},
        {"\"to\":1E+3", "\"to\":\"1000\""},
        {"\"to\":1.5e1", "\"to\":\"15\""},
        {"\"to\":19e-1", "\"to\":\"1\""},
        {"\"to\":1e-5", "\"to\":\"0\""},
        {"\"to\":0e999999999999999999999", "\"to\":\"0\""},
        {"\"to\":1e-999999999999999999999", "\"to\":\"0\""},
        {"\"to\":0.000000000000000000012e21", "\"to\":\"12\""},
        {"\"to\":9223372036854775807", "\"to\":\"9223372036854775807\""},
        {"\"to\":9223372036854775807.9", "\"to\":\"9223372036854775807\""},
        {"\"to\":-9223372036854775808", "\"to\":\"-9223372036854775808\""},
        {"\"to\":9007199254740993.0", "\"to\":\"9007199254740993\""},
        {"\"to\":9223372036854775808", NULL},
        {"\"to\":-9223372036854775809", NULL},
        {"\"to\":1e19", NULL},
        {"\"to\":1e999999999999999999999", NULL},
        {"\"to\":true", NULL},
        {"\"to\":false", NULL},
        {"\"to\":[]", NULL},
        {"\"to\":{}", NULL},
        {"\"to\":01", NULL},
        {"\"to\":-01", NULL},
        {"\"to\":+1", NULL},
        {"\"to\":0x1", NULL},
        {"\"to\":1.", NULL},
        {"\"to\":1.e1", NULL},
        {"\"to\":nul", NULL},
        {"\"to\":null,\"groupId\":null,\"callId\":null,\"ts\":null", ""},
        {"\"from\":1,\"groupId\":2,\"callId\":3",
         "\"from\":\"1\",\"groupId\":\"2\",\"callId\":\"3\""},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

static void int32(void **state)
{
    static const struct row rows[] = {
        {"\"iceSdpMLineIndex\":0", "\"iceSdpMLineIndex\":0"},
        {"\"iceSdpMLineIndex\":\" 1 \"", "\"iceSdpMLineIndex\":1"},
        {"\"iceSdpMLineIndex\":2147483647", "\"iceSdpMLineIndex\":2147483647"},
        {"\"iceSdpMLineIndex\":\"-2147483648\"", "\"iceSdpMLineIndex\":-2147483648"},
        {"\"iceSdpMLineIndex\":1.9", "\"iceSdpMLineIndex\":1"},
        {"\"iceSdpMLineIndex\":\"\"", ""},
        {"\"iceSdpMLineIndex\":null", ""},
        {"\"iceSdpMLineIndex\":2147483648", NULL},
        {"\"iceSdpMLineIndex\":\"2147483648\"", NULL},
        {"\"iceSdpMLineIndex\":-2147483649", NULL},
        {"\"iceSdpMLineIndex\":4294967296", NULL},
        {"\"iceSdpMLineIndex\":true", NULL},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

static void booleans(void **state)
{
    static const struct row rows[] = {
        {"\"important\":true", "\"important\":true"},
        {"\"important\":false", "\"important\":false"},
        {"\"important\":\"true\"", "\"important\":true"},
        {"\"important\":\"false\"", "\"important\":false"},
        {"\"important\":\"\"", ""},
        {"\"important\":null", ""},
        {"\"important\":0", "\"important\":false"},
        {"\"important\":-0", "\"important\":false"},
        {"\"important\":1", "\"important\":true"},
        {"\"important\":-7", "\"important\":true"},
        {"\"important\":100", "\"important\":true"},
        {"\"important\":99999999999999999999999", "\"important\":true"},
        {"\"important\":\"yes\"", NULL},
        {"\"important\":\"1\"", NULL},
        {"\"important\":1.0", NULL},
        {"\"important\":1e0", NULL},
        {"\"important\":[]", NULL},
        {"\"important\":{}", NULL},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

static void lists(void **state)
{
    static const struct row rows[] = {
        {"\"mentions\":[]", "\"mentions\":[]"},
        {"\"mentions\":[ ]", "\"mentions\":[]"},
        {"\"mentions\":null", ""},
        {"\"mentions\":[\"10001\",10002]", "\"mentions\":[\"10001\",\"10002\"]"},
        {"\"mentions\":[ 1 , true , null , \"\\u00e9\\/\" ]",
         "\"mentions\":[\"1\",\"true\",\"\u00e9/\"]"},
        {"\"mentions\":[null]", "\"mentions\":[]"},
        {"\"mentions\":[\"\\\"\\u000a\\ud800\"]", "\"mentions\":[\"\\\"\\n?\"]"},
        {"\"mentions\":[1.5,-2e3]", "\"mentions\":[\"1.5\",\"-2e3\"]"},
        {"\"mentions\":[1,2,3,4,5,6,7,8,9,0]",
         "\"mentions\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"0\"]"},
        {"\"mentions\":\"\"", NULL},
        {"\"mentions\":1", NULL},
        {"\"mentions\":{}", NULL},
        {"\"mentions\":[[]]", NULL},
        {"\"mentions\":[{}]", NULL},
        {"\"mentions\":[1,[]]", NULL},
        {"\"mentions\":[1,]", NULL},
        {"\"mentions\":[,1]", NULL},
        {"\"mentions\":[1 2]", NULL},
        {"\"mentions\":[1", NULL},
        {"\"mentions\":[1}", NULL},
        {"\"mentions\":[\"\\x\"]", NULL},
        {"\"mentions\":[01]", NULL},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

/* An unknown value of `depth` arrays: with the envelope itself 1000 levels are allowed. */
static bool accepts_depth(size_t depth, char open, char close)
{
    static const char head[] = "{\"type\":\"PING\",\"x\":";
    size_t n = sizeof(head) - 1;
    char *text = mn_alloc(n + depth * 6 + 2);
    struct mn_envelope env;
    bool ok;

    memcpy(text, head, n);
    for (size_t i = 0; i < depth; i++) {
        text[n++] = open;
        if (open == '{' && i + 1 < depth) {
            memcpy(text + n, "\"a\":", 4);
            n += 4;
        }
    }
    memset(text + n, close, depth);
    n += depth;
    text[n++] = '}';
    ok = mn_envelope_parse(text, n, &env) == MN_OK;
    mn_free(text);
    return ok;
}

static void nesting(void **state)
{
    (void)state;
    assert_true(accepts_depth(1, '[', ']'));
    assert_true(accepts_depth(999, '[', ']'));
    assert_false(accepts_depth(1000, '[', ']'));
    assert_true(accepts_depth(999, '{', '}'));
    assert_false(accepts_depth(1000, '{', '}'));
    assert_false(accepts_depth(20000, '[', ']'));
}

static void nested_values_are_checked(void **state)
{
    static const struct row rows[] = {
        {"\"x\":[1,2", NULL},         {"\"x\":[1,]", NULL},       {"\"x\":[,]", NULL},
        {"\"x\":{\"a\"}", NULL},      {"\"x\":{\"a\":}", NULL},   {"\"x\":{\"a\":1,}", NULL},
        {"\"x\":{,}", NULL},          {"\"x\":{1:2}", NULL},      {"\"x\":[}", NULL},
        {"\"x\":{]", NULL},           {"\"x\":[1}", NULL},        {"\"x\":{\"a\":1]", NULL},
        {"\"x\":[\"\\q\"]", NULL},    {"\"x\":[\"a\nb\"]", NULL}, {"\"x\":[01]", NULL},
        {"\"x\":[tru]", NULL},        {"\"x\":[1 2]", NULL},      {"\"x\":{\"a\" 1}", NULL},
        {"\"x\":{\"a\\q\":1}", NULL}, {"\"x\":", NULL},           {"\"x\":[[[[", NULL},
    };

    (void)state;
    EXPECT_ROWS(rows);
}

/* Cut anywhere, a frame is refused, and nothing is read beyond the cut. */
static void every_prefix_is_refused(void **state)
{
    static const char frame[] =
        "{\"type\":\"SINGLE_CHAT\",\"to\":\"10002\",\"important\":false,\"mentions\":[1,\"\\u00e9\"],"
        "\"x\":{\"a\":[true,null,-1.5e3]},\"body\":\"hi \\ud83d\\ude00 there, how are you\"}";
    struct mn_envelope env;

    (void)state;
    for (size_t n = 0; n < sizeof(frame) - 1; n++) {
        char *copy = proto_exact_copy(mn_str_make(frame, n));

        assert_int_equal(mn_envelope_parse(copy, n, &env), MN_EINVAL);
        mn_free(copy);
    }
}

static void missing_and_unknown_types_differ(void **state)
{
    char none[] = "{\"to\":1}";
    char null[] = "{\"type\":null}";
    char empty[] = "{\"type\":\"\"}";
    char number[] = "{\"type\":5}";
    struct mn_envelope env;

    (void)state;
    assert_int_equal(mn_envelope_parse(none, sizeof(none) - 1, &env), MN_OK);
    assert_null(env.type_text.p);
    assert_int_equal(mn_envelope_parse(null, sizeof(null) - 1, &env), MN_OK);
    assert_null(env.type_text.p);
    assert_int_equal(mn_envelope_parse(empty, sizeof(empty) - 1, &env), MN_OK);
    assert_non_null(env.type_text.p);
    assert_int_equal(env.type, MN_TYPE_UNKNOWN);
    assert_int_equal(mn_envelope_parse(number, sizeof(number) - 1, &env), MN_OK);
    assert_true(mn_str_is(env.type_text, "5"));
}

int test_proto_envelope_parse(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_unknown_or_doubled),
        cmocka_unit_test(around_the_object),
        cmocka_unit_test(strings),
        cmocka_unit_test(lossy_client_ids),
        cmocka_unit_test(int64_from_strings),
        cmocka_unit_test(int64_from_numbers),
        cmocka_unit_test(int32),
        cmocka_unit_test(booleans),
        cmocka_unit_test(lists),
        cmocka_unit_test(nesting),
        cmocka_unit_test(nested_values_are_checked),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(missing_and_unknown_types_differ),
    };

    return cmocka_run_group_tests_name("proto_envelope_parse", tests, NULL, NULL);
}
