/* SPDX-License-Identifier: Apache-2.0 */
/* H-3.6, H-3.7: what is taken from bodies and queries, and what is refused. */
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include "api/input.h"
#include "base/mem.h"

/* ---- bodies: by way of the calls that read them ------------------------------------ */

#define JSON_HEAD "Content-Type: application/json"

static void verify_says(struct ta *t, const char *head, const char *body, unsigned status, int code,
                        const char *message)
{
    ta_expect(t, "POST", "/auth/verify", 0, head, body, status, code, message);
}

static void bodies_are_objects(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "null",
                                      "1",
                                      "\"x\"",
                                      NULL,
                                      "{]",
                                      "{\"a\":\xff}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{'a':1}",
                                      "{\"a\":01}",
                                      "{\"a\":\"\t\"}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12\"}",
                                      "{\"a\":1,}",
                                      "{\"a\" 1}",
                                      "{\"a\":NaN}",
                                      "\xef\xbb\xbf",
                                      "\xef\xbb\xbf[]",
                                      "\xef\xbb{}",
                                      " \xef\xbb\xbf{}"};
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
        verify_says(t, JSON_HEAD, bad[i], 400, 40000, "malformed_json");
    verify_says(t, JSON_HEAD, "{}", 400, 40000, "must not be blank");
    verify_says(t, JSON_HEAD, "{\"accessToken\":null} behind", 400, 40000, "must not be blank");
    verify_says(t, JSON_HEAD, "{} \xff", 400, 40000, "must not be blank");
    verify_says(t, JSON_HEAD, "\xef\xbb\xbf {}", 400, 40000, "must not be blank");
}

/* What RFC 8259 allows is no malformed JSON, whatever a library or a field makes of it. */
static void well_formed_is_well_formed(void **state)
{
    static const char *const ignored[] = {
        "{\"x\":\"a\\u0000b\"}",
        "{\"x\\u0000y\":1}",
        "{\"\\u0000\":{\"\\u0000\":[]}}",
        "{\"x\":\"\\ud800\",\"\\udc00\":1}",
        "{\"x\":123456789012345678901234567890}",
        "{\"x\":-9223372036854775809}",
        "{\"x\":1e999,\"y\":-1E+999,\"z\":1e-999}",
        "{\"x\":1,\"x\":2,\"x\":3}",
        "{\"\":{},\"\":[]}",
        "\r\n\t {\"x\" : -0.0e-0 }",
    };
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(ignored); i++)
        verify_says(t, JSON_HEAD, ignored[i], 400, 40000, "must not be blank");
    /* The field's own error, or its own value. */
    verify_says(t, JSON_HEAD, "{\"accessToken\":\"a\\u0000b\"}", 400, 40000, "bad_request");
    verify_says(t, JSON_HEAD, "{\"accessToken\":\"\\ud83d\"}", 400, 40000, "bad_request");
    verify_says(t, JSON_HEAD, "{\"accessToken\":\"\\uDFFFx\"}", 400, 40000, "bad_request");
    verify_says(t, JSON_HEAD, "{\"accessToken\":\"\\ud83d\\ude00\\u003f\"}", 401, 40100,
                "Invalid compact JWT string");
    verify_says(t, JSON_HEAD, "{\"accessToken\":1e999}", 401, 40100, "Invalid compact JWT string");
    verify_says(t, JSON_HEAD, "{\"\\u0061ccessToken\":\"x\"}", 401, 40100,
                "Invalid compact JWT string");
    verify_says(t, JSON_HEAD, "{\"accessToken\":\"x\",\"accessToken\":null}", 400, 40000,
                "must not be blank");
    verify_says(t, JSON_HEAD, "{\"accessToken\":\"\\u3000\\u2003\"}", 400, 40000,
                "must not be blank");
}

/* Any depth that fits a body of the default size; deeper ones are refused, but not as malformed. */
static void deep_bodies(void **state)
{
    static char text[140100];
    struct ta *t = *state;
    for (size_t depth = 999; depth <= 70000; depth = depth < 2000 ? depth * 2 : depth + 34000) {
        size_t n = 5;
        memcpy(text, "{\"x\":", 5);
        memset(text + n, '[', depth);
        memset(text + n + depth, ']', depth);
        memcpy(text + n + 2 * depth, "}", 2);
        verify_says(t, JSON_HEAD, text, 400, 40000,
                    depth < 65536 ? "must not be blank" : "bad_request");
        text[n + 2 * depth] = '\0';
        if (depth < 65536)
            verify_says(t, JSON_HEAD, text, 400, 40000, "malformed_json");
    }
}

static void bodies_are_json(void **state)
{
    static const char *const bad[] = {NULL,
                                      "Content-Type: text/plain",
                                      "Content-Type: ",
                                      "Content-Type: application/jsonx",
                                      "Content-Type: application/+json",
                                      "Content-Type: text/json",
                                      "Content-Type: multipart/form-data"};
    static const char *const good[] = {"content-type: Application/JSON",
                                       "Content-Type: application/json;charset=utf-8",
                                       "Content-Type: application/json ; x=y",
                                       "Content-Type: application/vnd.a+json"};
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++)
        verify_says(t, bad[i], "{}", 415, 40000, "unsupported_media_type");
    for (size_t i = 0; i < MN_ARRAY_LEN(good); i++)
        verify_says(t, good[i], "{}", 400, 40000, "must not be blank");
}

static void text_fields(void **state)
{
    struct ta *t = *state;
    verify_says(t, JSON_HEAD, "{\"accessToken\":[\"x\"]}", 400, 40000, "bad_request");
    verify_says(t, JSON_HEAD, "{\"accessToken\":{}}", 400, 40000, "bad_request");
    verify_says(t, JSON_HEAD, "{\"accessToken\":\" \\t\"}", 400, 40000, "must not be blank");
    verify_says(t, JSON_HEAD, "{\"accessToken\":\"\",\"accessToken\":1}", 401, 40100,
                "Invalid compact JWT string");
    verify_says(t, JSON_HEAD, "{\"accessToken\":true}", 401, 40100, "Invalid compact JWT string");
    verify_says(t, JSON_HEAD, "{\"accessToken\":1.5}", 401, 40100, "Invalid compact JWT string");
}

/* Fields that no endpoint of this version reads yet, through a call of our own. */
struct fields {
    struct mn_http_request req;
    struct mn_api_call call;
};

static void open_fields(struct fields *f, const char *json)
{
    *f = (struct fields){0};
    f->call.res = mn_http_response_new(1000);
    f->req.headers[f->req.header_count++] = (struct mn_http_header){MN_STR("Content-Type"),
                                                                    MN_STR("application/json")};
    f->req.body = mn_str_c(json);
    f->call.req = &f->req;
    assert_true(mn_body_parse(&f->call));
}

static void close_fields(struct fields *f)
{
    mn_buf_deinit(&f->call.body_text);
    mn_http_response_free(f->call.res);
}

static void id_fields(void **state)
{
    static const struct {
        const char *json;
        bool good, given;
        int64_t want;
    } cases[] = {
        {"{\"x\":5}", true, true, 5},
        {"{\"x\":\"5\"}", true, true, 5},
        {"{\"x\":\" -5 \"}", true, true, -5},
        {"{\"x\":\"9223372036854775807\"}", true, true, INT64_MAX},
        {"{\"x\":5.9}", true, true, 5},
        {"{\"x\":-5.9}", true, true, -5},
        {"{\"x\":\"\"}", true, false, 0},
        {"{\"x\":\" \"}", true, false, 0},
        {"{\"x\":null}", true, false, 0},
        {"{}", true, false, 0},
        {"{\"x\":\"9223372036854775808\"}", false, false, 0},
        {"{\"x\":1e300}", false, false, 0},
        {"{\"x\":9007199254740993.0}", true, true, 9007199254740993},
        {"{\"x\":9223372036854775807}", true, true, INT64_MAX},
        {"{\"x\":9223372036854775808}", false, false, 0},
        {"{\"x\":1,\"y\":{\"x\":3},\"x\":2}", true, true, 2},
        {"{\"y\":\"\\\",\\\"x\\\":5\"}", true, false, 0},
        {"{\"x\":\"\\u0035\"}", true, true, 5},
        {"{\"x\":\"5\\u0000\"}", false, false, 0},
        {"{\"x\":\"\xd9\xa5\"}", false, false, 0}, /* only ASCII digits are digits */
        {"{\"x\":\"5.0\"}", false, false, 0},
        {"{\"x\":\"x\"}", false, false, 0},
        {"{\"x\":true}", false, false, 0},
        {"{\"x\":[5]}", false, false, 0},
        {"{\"x\":{}}", false, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct fields f;
        int64_t got = 0;
        bool given = true;
        open_fields(&f, cases[i].json);
        assert_int_equal(mn_body_id(&f.call, "x", &got, &given), cases[i].good);
        assert_int_equal(given, cases[i].given);
        if (given)
            assert_int_equal(got, cases[i].want);
        assert_int_equal(f.call.res->status, cases[i].good ? 200 : 400);
        close_fields(&f);
    }
}

static void flag_fields(void **state)
{
    static const struct {
        const char *json;
        bool good, given, want;
    } cases[] = {
        {"{\"x\":true}", true, true, true},       {"{\"x\":false}", true, true, false},
        {"{\"x\":\"true\"}", true, true, true},   {"{\"x\":\"false\"}", true, true, false},
        {"{\"x\":0}", true, true, false},         {"{\"x\":-7}", true, true, true},
        {"{\"x\":-0.0e5}", true, true, false},    {"{\"x\":0.5}", true, true, true},
        {"{\"x\":0e99}", true, true, false},      {"{\"x\":1e999}", true, true, true},
        {"{\"x\":null}", true, false, false},     {"{}", true, false, false},
        {"{\"x\":\"yes\"}", false, false, false}, {"{\"x\":[]}", false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct fields f;
        bool got = !cases[i].want, given = true;
        open_fields(&f, cases[i].json);
        assert_int_equal(mn_body_flag(&f.call, "x", &got, &given), cases[i].good);
        assert_int_equal(given, cases[i].given);
        if (given)
            assert_int_equal(got, cases[i].want);
        close_fields(&f);
    }
}

/* ---- queries ----------------------------------------------------------------------- */

struct query {
    struct mn_http_request req;
    struct mn_api_call call;
};

static void open_query(struct query *q, const char *text)
{
    *q = (struct query){0};
    q->req.query = mn_str_c(text);
    q->call.req = &q->req;
    q->call.res = mn_http_response_new(1000);
    assert_true(mn_query_parse(&q->call));
}

static void close_query(struct query *q)
{
    mn_buf_deinit(&q->call.query_text);
    mn_http_response_free(q->call.res);
}

static void query_numbers(void **state)
{
    static const struct {
        const char *query;
        bool good, given;
        int64_t want;
    } cases[] = {
        {"x=5", true, true, 5},
        {"a=1&x=5&x=6", true, true, 5},
        {"x=%35", true, true, 5},
        {"%78=5", true, true, 5},
        {"x=+5+", true, true, 5}, /* blanks are removed */
        {"x=%2B5", true, true, 5},
        {"x=-5", true, true, -5},
        {"x=1%092", true, true, 12},
        {"x=%E3%80%805%E2%80%83", true, true, 5}, /* Unicode blanks too */
        {"x=%D9%A5", false, false, 0},            /* only ASCII digits */
        {"x=0x1F", true, true, 31},
        {"x=%231f", true, true, 31},
        {"x=-0x10", true, true, -16},
        {"x=9223372036854775807", true, true, INT64_MAX},
        {"x=", true, false, 0},
        {"x", true, false, 0},
        {"", true, false, 0},
        {NULL, true, false, 0},
        {"X=5", true, false, 0},
        {"x=%3", true, false, 0}, /* broken escapes are as if not there */
        {"x=%zz", true, false, 0},
        {"&&=5&x=7&", true, true, 7},
        {"x=9223372036854775808", false, false, 0},
        {"x=5.0", false, false, 0},
        {"x=1e3", false, false, 0},
        {"x=0x", false, false, 0},
        {"x=0xffffffffffffffff", false, false, 0},
        {"x=--5", false, false, 0},
        {"x=%00", false, false, 0},
        {"x=abc", false, false, 0},
        {"x=1111111111111111111111111111111111111111111111111111", false, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct query q;
        int64_t got = 0;
        bool given = true;
        open_query(&q, cases[i].query);
        bool good = mn_query_id(&q.call, "x", &got, &given);
        if (good != cases[i].good || given != cases[i].given)
            print_error("%s\n", cases[i].query);
        assert_int_equal(good, cases[i].good);
        assert_int_equal(given, cases[i].given);
        if (given)
            assert_int_equal(got, cases[i].want);
        assert_int_equal(q.call.res->status, good ? 200 : 400);
        close_query(&q);
    }
}

static void clamped_numbers(void **state)
{
    static const struct {
        const char *query;
        bool good;
        int64_t want;
    } cases[] = {
        {"", true, 20},
        {"limit=", true, 20},
        {"limit=0", true, 1},
        {"limit=-9", true, 1},
        {"limit=100", true, 100},
        {"limit=101", true, 100},
        {"limit=7", true, 7},
        {"limit=x", false, 0},
        {"limit=2147483648", true, 100},
        {"limit=99999999999", true, 100},
        {"limit=-99999999999", true, 1},
        {"limit=9223372036854775808", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct query q;
        int64_t got = 0;
        open_query(&q, cases[i].query);
        assert_int_equal(mn_query_clamped(&q.call, "limit", 20, 1, 100, &got), cases[i].good);
        if (cases[i].good)
            assert_int_equal(got, cases[i].want);
        close_query(&q);
    }
}

static void query_texts(void **state)
{
    struct query q;
    struct mn_str got;
    (void)state;
    open_query(&q, "ids=1,2&x=9&ids=3&ids=%2C4");
    assert_true(mn_query_text(&q.call, "ids", &got));
    assert_true(mn_str_is(got, "1,2,3,,4"));
    close_query(&q);
    open_query(&q, "ids=");
    assert_true(mn_query_text(&q.call, "ids", &got));
    assert_int_equal(got.n, 0);
    assert_non_null(got.p);
    close_query(&q);
    open_query(&q, "id=1");
    assert_false(mn_query_text(&q.call, "ids", &got));
    assert_int_equal(q.call.res->status, 400);
    close_query(&q);
}

/* More parameters than are kept, and an endless one: neither hurts. */
static void great_queries(void **state)
{
    char text[8001];
    struct query q;
    int64_t got = 0;
    bool given = false;
    (void)state;
    for (unsigned i = 0; i < 2000; i++)
        memcpy(text + (size_t)i * 4, "a=1&", 5);
    open_query(&q, text);
    assert_int_equal(q.call.query_count, MN_API_QUERY_MAX);
    struct mn_str joined;
    assert_true(mn_query_text(&q.call, "a", &joined));
    assert_int_equal(joined.n, 2 * MN_API_QUERY_MAX - 1);
    close_query(&q);
    memset(text, '9', 8000);
    text[0] = 'x';
    text[1] = '=';
    open_query(&q, text);
    assert_false(mn_query_id(&q.call, "x", &got, &given));
    close_query(&q);
}

int test_api_input(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_objects),
        cmocka_unit_test(bodies_are_json),
        cmocka_unit_test(well_formed_is_well_formed),
        cmocka_unit_test(deep_bodies),
        cmocka_unit_test(text_fields),
        cmocka_unit_test(id_fields),
        cmocka_unit_test(flag_fields),
        cmocka_unit_test(query_numbers),
        cmocka_unit_test(clamped_numbers),
        cmocka_unit_test(query_texts),
        cmocka_unit_test(great_queries),
    };
    return cmocka_run_group_tests_name("api/input", tests, ta_setup, ta_teardown);
}
