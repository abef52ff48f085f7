/* SPDX-License-Identifier: Apache-2.0 */
/* H-6.1, H-7.1: what only the HTTP side does about logins, above all its limits. */
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include "base/mem.h"

static void login_as(struct ta *t, const char *name, const char *password, const char *forwarded,
                     unsigned status)
{
    char body[300], head[200];
    snprintf(body, sizeof(body), "{\"username\":\"%s\",\"password\":\"%s\"}", name, password);
    snprintf(head, sizeof(head), "Content-Type: application/json\nX-Forwarded-For: %s", forwarded);
    struct ta_reply reply = ta_ask(t, "POST", "/auth/login", 0, head, body);
    if (reply.status != status)
        print_error("%s from %s: %s\n", name, forwarded, reply.text);
    assert_int_equal(reply.status, status);
    if (status == 429) {
        assert_non_null(strstr(reply.headers, "Retry-After: "));
        assert_non_null(strstr(reply.text, "\"too_many_requests\""));
    }
    ta_free(&reply);
}

/* The peer of ta_ask() is the proxy, so that tests can be many clients. */
static void set_limits(struct ta *t, struct mn_api_limit pair, struct mn_api_limit ip,
                       struct mn_api_limit account)
{
    struct mn_api_options options;
    struct mn_buf why;
    options = ta_options();
    options.trusted_proxies = "192.0.2.1";
    options.limits[MN_API_RULE_LOGIN_PAIR] = pair;
    options.limits[MN_API_RULE_LOGIN_ADDRESS] = ip;
    options.limits[MN_API_RULE_LOGIN_ACCOUNT] = account;
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_api_reload(t->api, &options, &why), MN_OK);
    mn_buf_deinit(&why);
}

static const struct mn_api_limit off = {0, 60};

static void the_pair_is_limited(void **state)
{
    struct ta *t = *state;
    set_limits(t, (struct mn_api_limit){5, 60}, off, off);
    login_as(t, "pair", "secret", "198.51.100.1", 200);
    for (unsigned i = 0; i < 4; i++)
        login_as(t, i % 2 ? "PAIR" : " p\u00e1ir", "wrong", "198.51.100.1", i % 2 ? 400 : 200);
    login_as(t, "pair", "secret", "198.51.100.1", 429);
    login_as(t, "pair", "secret", "198.51.100.2", 200);
    login_as(t, "other", "secret", "198.51.100.1", 200);
}

static void the_address_is_limited(void **state)
{
    struct ta *t = *state;
    char name[16];
    set_limits(t, off, (struct mn_api_limit){3, 60}, off);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "spray%u", i);
        login_as(t, name, "secret", "198.51.100.1", 200);
    }
    login_as(t, "spray9", "secret", "198.51.100.1", 429);
    login_as(t, "spray9", "secret", "198.51.100.2", 200);
}

static void the_account_is_limited(void **state)
{
    struct ta *t = *state;
    char address[16];
    set_limits(t, off, off, (struct mn_api_limit){3, 60});
    for (unsigned i = 1; i <= 3; i++) {
        snprintf(address, sizeof(address), "198.51.100.%u", i);
        login_as(t, "target", i == 1 ? "secret" : "guess", address, i == 1 ? 200 : 400);
    }
    login_as(t, "T\u00c1RGET", "guess", "198.51.100.9", 429);
    login_as(t, "bystander", "secret", "198.51.100.9", 200);
}

static void limits_can_be_switched_off(void **state)
{
    struct ta *t = *state;
    struct mn_api_options options;
    struct mn_buf why;
    options = ta_options();
    options.ratelimit_enabled = false;
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_api_reload(t->api, &options, &why), MN_OK);
    for (unsigned i = 0; i < 30; i++)
        login_as(t, "free", "secret", "", 200);
    options.cors_origins = "nonsense";
    assert_int_equal(mn_api_reload(t->api, &options, &why), MN_EINVAL);
    assert_true(why.n > 0);
    login_as(t, "free", "secret", "", 200);
    mn_buf_deinit(&why);
}

static void blank_calls_do_not_count(void **state)
{
    struct ta *t = *state;
    set_limits(t, (struct mn_api_limit){1, 60}, off, off);
    for (unsigned i = 0; i < 5; i++)
        login_as(t, "blank", "", "198.51.100.1", 400);
    login_as(t, "blank", "secret", "198.51.100.1", 200);
    login_as(t, "blank", "secret", "198.51.100.1", 429);
}

static void refresh_and_verify_are_limited(void **state)
{
    struct ta *t = *state;
    for (unsigned i = 0; i < 61; i++) {
        struct ta_reply reply = ta_post(t, "/auth/refresh", 0, "{\"refreshToken\":\"x\"}");
        assert_int_equal(reply.status, i < 60 ? 400 : 429);
        ta_free(&reply);
    }
    for (unsigned i = 0; i < 601; i++) {
        struct ta_reply reply = ta_post(t, "/auth/verify", 0, "{\"accessToken\":\"x\"}");
        assert_int_equal(reply.status, i < 600 ? 401 : 429);
        ta_free(&reply);
    }
    assert_int_equal(mn_metrics_sum(t->metrics, MN_M_HTTP_RATE_LIMITED), 2);
}

static void a_whole_session(void **state)
{
    struct ta *t = *state;
    struct ta_reply login = ta_post(t, "/auth/login", 0,
                                    "{\"username\":\"Alice\",\"password\":123}");
    json_t *data = json_object_get(login.json, "data");
    assert_int_equal(login.status, 200);
    assert_ptr_equal(strstr(login.text, "{\"ok\":true,\"code\":0,\"message\":\"ok\",\"data\":{"),
                     login.text);
    assert_null(strpbrk(login.text, " \n\t"));
    const char *user_text = json_string_value(json_object_get(data, "userId"));
    int64_t user = strtoll(user_text, NULL, 10);
    json_t *me = ta_get(t, "/me/profile", user);
    assert_string_equal(json_string_value(json_object_get(me, "username")), "Alice");
    assert_true(json_is_null(json_object_get(me, "nickname")));
    assert_int_equal(json_integer_value(json_object_get(me, "status")), 1);
    json_decref(me);
    struct ta_reply reset = ta_post(t, "/me/friend-code/reset", user, "{}");
    assert_int_equal(reset.status, 200);
    assert_int_equal(json_integer_value(json_object_get(reset.json, "code")), 42900);
    assert_non_null(strstr(reset.headers, "Retry-After: 86"));
    ta_free(&reset);
    /* Tokens are checked against the version in the store. */
    char head[MN_JWT_MAX + 40];
    snprintf(head, sizeof(head), "Authorization: Bearer %s",
             json_string_value(json_object_get(data, "accessToken")));
    ta_expect(t, "POST", "/auth/logout", 0, head, NULL, 200, 0, "ok");
    ta_expect(t, "POST", "/auth/logout", 0, head, NULL, 401, 40100, "session_invalid");
    ta_free(&login);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ta_setup, ta_teardown)

int test_api_auth(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_pair_is_limited),      TEST(the_address_is_limited),
        TEST(the_account_is_limited),   TEST(limits_can_be_switched_off),
        TEST(blank_calls_do_not_count), TEST(refresh_and_verify_are_limited),
        TEST(a_whole_session),
    };
    return cmocka_run_group_tests_name("api/auth", tests, NULL, NULL);
}
