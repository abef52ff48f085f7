/* SPDX-License-Identifier: Apache-2.0 */
/* H-1.3, H-2, H-4, H-5.1, H-5.2: the order of checks, and the table behind them. */
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include "api/limit.h"
#include "api/route.h"
#include "base/mem.h"

static void the_table_is_sorted_and_found(void **state)
{
    unsigned count = 0;
    const struct mn_api_route *routes = mn_api_routes(&count);
    (void)state;
    assert_true(count > 10);
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            assert_true(strcmp(routes[i - 1].path, routes[i].path) < 0);
        assert_ptr_equal(mn_api_route_find(mn_str_c(routes[i].path)), &routes[i]);
        assert_true(routes[i].body == MN_API_BARE || routes[i].method == MN_HTTP_POST);
        assert_true(routes[i].method == MN_HTTP_GET || routes[i].method == MN_HTTP_POST);
    }
    assert_null(mn_api_route_find(MN_STR("")));
    assert_null(mn_api_route_find(MN_STR("/auth/logi")));
    assert_null(mn_api_route_find(MN_STR("/auth/login/")));
    assert_null(mn_api_route_find(MN_STR("/zzz")));
}

/* A prefix takes what begins so; the longest one wins, and an exact row before both. */
static void prefixes(void **state)
{
    static const struct mn_api_route table[] = {
        {.path = "/a", .kind = MN_API_EXACT},     {.path = "/m/x", .kind = MN_API_EXACT},
        {.path = "/z", .kind = MN_API_EXACT},     {.path = "/m/", .kind = MN_API_PREFIX},
        {.path = "/m/p/", .kind = MN_API_PREFIX},
    };
    static const struct {
        const char *path;
        int row; /* -1: none */
    } cases[] = {{"/a", 0},    {"/a/", -1},  {"/m", -1},  {"/m/", 3},   {"/m/1", 3},
                 {"/m/x", 1},  {"/m/x/", 3}, {"/m/p", 3}, {"/m/p/", 4}, {"/m/p/q/r", 4},
                 {"/M/1", -1}, {"/z", 2},    {"/zz", -1}, {"", -1},     {"/m/p/x", 4}};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        const struct mn_api_route *got = mn_api_route_find_in(table, MN_ARRAY_LEN(table),
                                                              mn_str_c(cases[i].path));
        assert_ptr_equal(got, cases[i].row < 0 ? NULL : &table[cases[i].row]);
    }
}

#define BAD_TOKEN "Authorization: Bearer nonsense"
#define EVIL "Origin: http://evil.example\nHost: im:8080"
#define GOOD "Origin: http://localhost:5173\nHost: im:8080"

/* Each row fails in several ways: the first of 1.3 decides. */
static void the_first_mistake_wins(void **state)
{
    struct ta *t = *state;
    ta_expect(t, "POST", "/me/profile", 0, EVIL, NULL, 405, 40000, "method_not_allowed");
    ta_expect(t, "POST", "/me/profile", 0, BAD_TOKEN, NULL, 405, 40000, "method_not_allowed");
    ta_expect(t, "GET", "/nope", 0, BAD_TOKEN, NULL, 401, 40100, "unauthorized");
    ta_expect(t, "GET", "/auth/nope", 0, BAD_TOKEN, NULL, 404, 40400, "not_found");
    ta_expect(t, "GET", "/nope", 0, NULL, NULL, 404, 40400, "not_found");
    ta_expect(t, "GET", "/nope", 10001, NULL, NULL, 404, 40400, "not_found");
    ta_expect(t, "GET", "/user/profile", 0, BAD_TOKEN, NULL, 401, 40100, "unauthorized");
    ta_expect(t, "GET", "/user/profile", 0, NULL, NULL, 200, 40100, "unauthorized");
    ta_expect(t, "GET", "/user/profile", 10001, NULL, NULL, 400, 40000, "missing_parameter");
    ta_expect(t, "GET", "/user/profile?userId=x", 10001, NULL, NULL, 400, 40000, "bad_parameter");
    ta_expect(t, "GET", "/user/profile?userId=0", 10001, NULL, NULL, 200, 40000, "bad_user_id");
    ta_expect(t, "GET", "/user/profile?userId=5", 10001, NULL, NULL, 200, 40400, "not_found");
    ta_expect(t, "POST", "/auth/logout", 0, NULL, NULL, 200, 40100, "unauthorized");
    ta_expect(t, "PATCH", "/auth/login", 0, NULL, NULL, 405, 40000, "method_not_allowed");
}

static void schemes_other_than_bearer_are_no_token(void **state)
{
    static const char *const heads[] = {"Authorization: bearer x", "Authorization: Basic x",
                                        "Authorization: Bearerx", "Authorization:  bearer"};
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(heads); i++)
        ta_expect(t, "GET", "/me/profile", 0, heads[i], NULL, 200, 40100, "unauthorized");
}

/* 13: nothing behind the scheme is no token. */
static void an_empty_token_is_none(void **state)
{
    static const char *const heads[] = {"Authorization: Bearer", "Authorization: Bearer ",
                                        "Authorization: Bearer  \t"};
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(heads); i++) {
        ta_expect(t, "GET", "/me/profile", 0, heads[i], NULL, 200, 40100, "unauthorized");
        ta_expect(t, "POST", "/auth/logout", 0, heads[i], NULL, 200, 40100, "unauthorized");
        ta_expect(t, "GET", "/nope", 0, heads[i], NULL, 404, 40400, "not_found");
    }
}

/* 2.1: only the token check names a charset. */
static void charsets(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "GET", "/me/profile", 0, BAD_TOKEN, NULL);
    assert_non_null(strstr(reply.headers, "Content-Type: application/json;charset=UTF-8\r\n"));
    ta_free(&reply);
    reply = ta_post(t, "/auth/verify", 0, "{\"accessToken\":\"x\"}");
    assert_int_equal(reply.status, 401);
    assert_non_null(strstr(reply.headers, "Content-Type: application/json\r\n"));
    ta_free(&reply);
}

/* 13: 405 with Allow where the path is known; elsewhere 501 for what is no method of HTTP. */
static void unknown_methods(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "BREW", "/auth/login", 0, NULL, NULL);
    assert_int_equal(reply.status, 405);
    assert_non_null(strstr(reply.headers, "Allow: POST,OPTIONS\r\n"));
    ta_free(&reply);
    ta_expect(t, "BREW", "/healthz", 0, NULL, NULL, 405, 40000, "method_not_allowed");
    ta_expect(t, "BREW", "/nope", 0, BAD_TOKEN, NULL, 501, 40000, "method_not_implemented");
    ta_expect(t, "get", "/nope", 0, NULL, NULL, 501, 40000, "method_not_implemented");
    ta_expect(t, "PATCH", "/nope", 0, NULL, NULL, 404, 40400, "not_found");
    ta_expect(t, "DELETE", "/nope", 0, NULL, NULL, 404, 40400, "not_found");
}

/* Accept is ignored: JSON always. */
static void accept_is_ignored(void **state)
{
    static const char *const heads[] = {"Accept: text/html", "Accept: image/png;q=0", "Accept: x"};
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(heads); i++)
        ta_expect(t, "GET", "/me/profile", 0, heads[i], NULL, 200, 40100, "unauthorized");
}

static void refused_origins(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "GET", "/me/profile", 0, EVIL, NULL);
    assert_int_equal(reply.status, 403);
    assert_string_equal(reply.text, "Invalid CORS request");
    assert_null(strstr(reply.headers, "Access-Control-Allow"));
    assert_non_null(strstr(reply.headers, "Vary: Origin\r\n"));
    ta_free(&reply);
    reply = ta_ask(t, "OPTIONS", "/nope", 0, EVIL "\nAccess-Control-Request-Method: GET", NULL);
    assert_int_equal(reply.status, 403);
    ta_free(&reply);
}

static void preflights(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "OPTIONS", "/nope", 0,
                                   GOOD
                                   "\nAccess-Control-Request-Method: POST\n"
                                   "Access-Control-Request-Headers: content-type,authorization",
                                   NULL);
    static const char *const want[] = {
        "Access-Control-Allow-Origin: http://localhost:5173\r\n",
        "Access-Control-Allow-Credentials: true\r\n",
        "Access-Control-Allow-Methods: GET,POST,PUT,DELETE,OPTIONS\r\n",
        "Access-Control-Allow-Headers: content-type, authorization\r\n",
        "Access-Control-Max-Age: 3600\r\n",
        "Vary: Access-Control-Request-Method\r\n",
        "Vary: Access-Control-Request-Headers\r\n",
    };
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.text, "");
    struct ta_reply bad = ta_ask(t, "OPTIONS", "/me/profile", 0,
                                 GOOD "\nAccess-Control-Request-Method: POST\n" BAD_TOKEN, NULL);
    assert_int_equal(bad.status, 200); /* browsers send none; whoever does is not told */
    ta_free(&bad);
    for (size_t i = 0; i < MN_ARRAY_LEN(want); i++)
        assert_non_null(strstr(reply.headers, want[i]));
    ta_free(&reply);
}

static void plain_options_say_what_is_allowed(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "OPTIONS", "/auth/login", 0, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.headers, "Allow: POST,OPTIONS\r\n"));
    ta_free(&reply);
    reply = ta_ask(t, "OPTIONS", "/me/profile", 10001, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.headers, "Allow: GET,HEAD,OPTIONS\r\n"));
    ta_free(&reply);
    ta_expect(t, "OPTIONS", "/nope", 0, NULL, NULL, 404, 40400, "not_found");
    ta_expect(t, "OPTIONS", "/me/profile", 0, BAD_TOKEN, NULL, 401, 40100, "unauthorized");
}

static void answers_are_not_cached(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "GET", "/me/profile", 0, GOOD, NULL);
    assert_non_null(strstr(reply.headers, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(reply.headers, "Content-Type: application/json\r\n"));
    assert_non_null(
        strstr(reply.headers, "Access-Control-Allow-Origin: http://localhost:5173\r\n"));
    ta_free(&reply);
}

static void reads_allowed(struct ta *t, const char *target, int64_t user, const char *head,
                          unsigned count)
{
    for (unsigned i = 0; i <= count; i++) {
        struct ta_reply reply = ta_ask(t, "GET", target, user, head, NULL);
        if ((reply.status == 429) != (i == count))
            fail_msg("%s: %u after %u calls", target, reply.status, i);
        if (i == count) {
            assert_non_null(strstr(reply.headers, "Retry-After: "));
            assert_int_equal(json_integer_value(json_object_get(reply.json, "code")), 42900);
        }
        ta_free(&reply);
    }
}

/* A user's reads count together, those without a good token by address; nobody else is touched. */
static void reads_are_limited(void **state)
{
    struct ta *t = *state;
    struct mn_api_options options;
    struct mn_buf why;
    options = ta_options();
    options.limits[MN_API_RULE_READ_USER].max = 7;
    options.limits[MN_API_RULE_READ_ADDRESS].max = 4;
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_api_reload(t->api, &options, &why), MN_OK);
    for (unsigned i = 0; i < 3; i++)
        ta_expect(t, "GET", "/single-chat/conversation/cursor?limit=x", 10001, NULL, NULL, 400,
                  40000, "bad_parameter");
    reads_allowed(t, "/user/basic?ids=1", 10001, NULL, 4);
    reads_allowed(t, "/user/basic?ids=1", 10002, NULL, 7);
    ta_expect(t, "GET", "/me/profile", 0, BAD_TOKEN, NULL, 401, 40100, "unauthorized");
    reads_allowed(t, "/me/profile", 0, NULL, 3);
    reads_allowed(t, "/me/profile", 0, BAD_TOKEN, 0);
    reads_allowed(t, "/user/basic?ids=1", 10003, NULL, 7);
    /* What costs nothing, probes and logins do not count and are not refused. */
    ta_expect(t, "GET", "/nope", 0, NULL, NULL, 404, 40400, "not_found");
    ta_expect(t, "POST", "/auth/logout", 0, NULL, NULL, 200, 40100, "unauthorized");
    static const char *const free_of_charge[] = {"/", "/healthz", "/readyz", "/metrics"};
    for (size_t i = 0; i < MN_ARRAY_LEN(free_of_charge); i++) {
        struct ta_reply reply = ta_ask(t, "GET", free_of_charge[i], 0, NULL, NULL);
        assert_int_equal(reply.status, 200);
        ta_free(&reply);
    }
    /* 0 is no limit. */
    options.limits[MN_API_RULE_READ_USER].max = options.limits[MN_API_RULE_READ_ADDRESS].max = 0;
    assert_int_equal(mn_api_reload(t->api, &options, &why), MN_OK);
    mn_buf_deinit(&why);
    for (unsigned i = 0; i < 20; i++)
        ta_expect(t, "GET", "/me/profile", 0, NULL, NULL, 200, 40100, "unauthorized");
}

/* The first thing that a newcomer opens says what this is, and where to read on. */
static void the_front_page(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "GET", "/", 0, BAD_TOKEN, NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.headers, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(reply.text, "href=\"/openapi.yaml\""));
    ta_free(&reply);
    reply = ta_ask(t, "GET", "/openapi.yaml", 0, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.headers, "Content-Type: application/yaml\r\n"));
    assert_non_null(strstr(reply.text, "\nopenapi: 3."));
    ta_free(&reply);
    ta_expect(t, "POST", "/", 0, NULL, NULL, 405, 40000, "method_not_allowed");
    ta_expect(t, "GET", "//", 0, NULL, NULL, 404, 40400, "not_found");
}

/* A file of the program is kept by clients, and asked for with what they have. */
static void what_a_client_has_is_not_sent_again(void **state)
{
    struct ta *t = *state;
    char etag[80], head[200];
    struct ta_reply reply = ta_ask(t, "GET", "/openapi.yaml", 0, NULL, NULL);
    const char *found = strstr(reply.headers, "ETag: \"");
    assert_non_null(found);
    assert_non_null(strstr(reply.headers, "Cache-Control: no-cache\r\n"));
    assert_null(strstr(reply.headers, "no-store"));
    assert_int_equal(strcspn(found + 6, "\r"), 34);
    snprintf(etag, sizeof(etag), "%.34s", found + 6);
    ta_free(&reply);
    static const struct {
        const char *format;
        unsigned status;
    } cases[] = {
        {"If-None-Match: %s", 304},
        {"If-None-Match: W/%s", 304},
        {"If-None-Match: \"other\", %s", 304},
        {"If-None-Match: \"other\"\nIf-None-Match: %s", 304},
        {"If-None-Match: *", 304},
        {"If-None-Match: \"other\"", 200},
        {"If-None-Match: \"\", W/\"x\"", 200},
        {"If-None-Match:", 200},
        {"If-Match: %s", 200},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        size_t before = strcspn(cases[i].format, "%");
        bool has_etag = cases[i].format[before] == '%';
        snprintf(head, sizeof(head), "%.*s%s", (int)before, cases[i].format, has_etag ? etag : "");
        reply = ta_ask(t, "GET", "/openapi.yaml", 0, head, NULL);
        assert_int_equal(reply.status, cases[i].status);
        assert_non_null(strstr(reply.headers, etag));
        assert_int_equal(reply.text[0] == '\0', cases[i].status == 304);
        ta_free(&reply);
    }
}

/* Nobody waits that long: the password is not even hashed. */
static void stale_calls_are_shed(void **state)
{
    struct ta *t = *state;
    t->waited_ms = 9000;
    ta_expect(t, "GET", "/user/profile?userId=5", 10001, NULL, NULL, 200, 40400, "not_found");
    t->waited_ms = 10001;
    ta_expect(t, "GET", "/user/profile?userId=5", 10001, NULL, NULL, 503, 50000, "server_busy");
    struct ta_reply reply = ta_post(t, "/auth/login", 0, "{\"username\":\"a\",\"password\":\"b\"}");
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.headers, "Retry-After: 1\r\n"));
    ta_free(&reply);
}

static void probes_ignore_tokens(void **state)
{
    struct ta *t = *state;
    struct ta_reply reply = ta_ask(t, "GET", "/healthz", 0, BAD_TOKEN, NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(json_string_value(json_object_get(reply.json, "status")), "ok");
    ta_free(&reply);
    reply = ta_ask(t, "GET", "/metrics", 0, NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.headers, "text/plain; version=0.0.4"));
    ta_free(&reply);
    reply = ta_ask(t, "GET", "/readyz", 0, NULL, NULL);
    assert_int_equal(reply.status, 200);
    ta_free(&reply);
    mn_ops_set_draining(t->ops);
    reply = ta_ask(t, "GET", "/readyz", 0, NULL, NULL);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.text, "[\"draining\"]"));
    ta_free(&reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ta_setup, ta_teardown)

int test_api_pipeline(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted_and_found),
        cmocka_unit_test(prefixes),
        TEST(the_first_mistake_wins),
        TEST(schemes_other_than_bearer_are_no_token),
        TEST(an_empty_token_is_none),
        TEST(charsets),
        TEST(unknown_methods),
        TEST(accept_is_ignored),
        TEST(refused_origins),
        TEST(preflights),
        TEST(plain_options_say_what_is_allowed),
        TEST(answers_are_not_cached),
        TEST(reads_are_limited),
        TEST(the_front_page),
        TEST(what_a_client_has_is_not_sent_again),
        TEST(stale_calls_are_shed),
        TEST(probes_ignore_tokens),
    };
    return cmocka_run_group_tests_name("api/pipeline", tests, NULL, NULL);
}
