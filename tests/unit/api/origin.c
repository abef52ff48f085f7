/* SPDX-License-Identifier: Apache-2.0 */
/* H-4: which origins may call. */
#include "api/origin.h"
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include "base/mem.h"

#define DEFAULTS "http://localhost:*,http://127.0.0.1:*,null,same-host"

static enum mn_cors judge(const char *list, const char *origin, const char *host,
                          const char *method)
{
    struct mn_origins origins;
    struct mn_http_request req = {.method = MN_HTTP_GET};
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_origins_parse(&origins, list, &why), MN_OK);
    mn_buf_deinit(&why);
    if (origin)
        req.headers[req.header_count++] = (struct mn_http_header){MN_STR("Origin"),
                                                                  mn_str_c(origin)};
    if (host)
        req.headers[req.header_count++] = (struct mn_http_header){MN_STR("Host"), mn_str_c(host)};
    return mn_origins_judge(&origins, &req, mn_str_c(method));
}

static void judged(void **state)
{
    static const struct {
        const char *list, *origin, *host;
        enum mn_cors want;
    } cases[] = {
        {DEFAULTS, NULL, "im:8080", MN_CORS_NONE},
        {DEFAULTS, "http://im:8080", "im:8080", MN_CORS_NONE},
        {DEFAULTS, "https://im:8080", "im:8080", MN_CORS_NONE}, /* TLS ended by a proxy */
        {DEFAULTS, "http://im", "im:80", MN_CORS_NONE},
        {DEFAULTS, "https://im:443", "im", MN_CORS_NONE},
        {DEFAULTS, "http://im:5173", "im:8080", MN_CORS_ALLOWED}, /* same-host */
        {DEFAULTS, "http://IM", "im:8080", MN_CORS_ALLOWED},
        {DEFAULTS, "http://[::1]:5173", "[::1]:8080", MN_CORS_ALLOWED},
        {DEFAULTS, "http://[::1]", "[::2]:8080", MN_CORS_REFUSED},
        {DEFAULTS, "http://im.evil", "im:8080", MN_CORS_REFUSED},
        {DEFAULTS, "ftp://im", "im:8080", MN_CORS_REFUSED},
        {DEFAULTS, "https:/x://im", "im:8080", MN_CORS_REFUSED}, /* begins like another scheme */
        {DEFAULTS, "http://", "", MN_CORS_REFUSED},
        {DEFAULTS, "http://other", NULL, MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:5173", "im", MN_CORS_ALLOWED},
        {DEFAULTS, "http://localhost", "im", MN_CORS_REFUSED}, /* the colon is required */
        {DEFAULTS, "https://localhost:1", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost.evil:1", "im", MN_CORS_REFUSED},
        {DEFAULTS, "null", "im", MN_CORS_ALLOWED},
        {DEFAULTS, "", "im", MN_CORS_REFUSED},
        {"", "http://localhost:1", "im", MN_CORS_REFUSED},
        {"*", "https://anything", "im", MN_CORS_ALLOWED},
        {"https://*.house.example", "https://a.house.example", "im", MN_CORS_ALLOWED},
        {"https://*.house.example", "https://house.example", "im", MN_CORS_REFUSED},
        {"https://*.house.example", "https://a.house.example.evil", "im", MN_CORS_REFUSED},
        {"https://a*b*c", "https://aXbYbc", "im", MN_CORS_ALLOWED},
        {"https://a*b*c", "https://aXbYb", "im", MN_CORS_REFUSED},
        /* A port is a number, whatever the pattern lets through. */
        {DEFAULTS, "http://localhost:abc", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:80x", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:+80", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:-1", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:80/", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:x:80", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:1@evil.example", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:1@evil.example:80", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://localhost:\xd9\xa1", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://127.0.0.1:x", "im", MN_CORS_REFUSED},
        {DEFAULTS, "http://im:x", "im:8080", MN_CORS_REFUSED},
        {DEFAULTS, "http://im:x", "im:x", MN_CORS_REFUSED},
        {"*", "https://a:b", "im", MN_CORS_REFUSED},
        {"*", "https://[::1]:8", "im", MN_CORS_ALLOWED},
        {"*", "https://::1:8", "im", MN_CORS_REFUSED},
        {"*", "anything", "im", MN_CORS_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        enum mn_cors got = judge(cases[i].list, cases[i].origin, cases[i].host, "GET");
        if (got != cases[i].want)
            print_error("list %s, origin %s, host %s\n", cases[i].list, cases[i].origin,
                        cases[i].host);
        assert_int_equal(got, cases[i].want);
    }
}

static void methods(void **state)
{
    (void)state;
    assert_int_equal(judge(DEFAULTS, "null", "im", "DELETE"), MN_CORS_ALLOWED);
    assert_int_equal(judge(DEFAULTS, "null", "im", "TRACE"), MN_CORS_REFUSED);
    assert_int_equal(judge(DEFAULTS, "null", "im", "get"), MN_CORS_REFUSED);
}

static void bad_lists_are_refused(void **state)
{
    static const char *const lists[] = {"localhost", "https://a b", "http://x\xc3\xa9",
                                        "same_host"};
    struct mn_origins origins;
    struct mn_buf why;
    (void)state;
    mn_buf_init(&why, 1000);
    for (size_t i = 0; i < MN_ARRAY_LEN(lists); i++) {
        mn_buf_reset(&why);
        assert_int_equal(mn_origins_parse(&origins, lists[i], &why), MN_EINVAL);
        mn_buf_add_char(&why, '\0');
        assert_non_null(strstr(why.p, lists[i]));
    }
    mn_buf_deinit(&why);
}

int test_api_origin(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judged),
        cmocka_unit_test(methods),
        cmocka_unit_test(bad_lists_are_refused),
    };
    return cmocka_run_group_tests_name("api/origin", tests, NULL, NULL);
}
