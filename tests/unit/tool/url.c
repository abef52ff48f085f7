/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "tool/kit/url.h"

static void good_addresses_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *scheme, *host, *port, *path;
    } cases[] = {
        {"ws://127.0.0.1:9001/ws", "ws", "127.0.0.1", "9001", "/ws"},
        {"ws://127.0.0.1", "ws", "127.0.0.1", "9001", "/ws"},
        {"ws://127.0.0.1:80", "ws", "127.0.0.1", "80", "/ws"},
        {"ws://127.0.0.1/other?x=1", "ws", "127.0.0.1", "9001", "/other?x=1"},
        {"ws://[::1]:7/ws", "ws", "::1", "7", "/ws"},
        {"ws://::1:9002/ws", "ws", "::1", "9002", "/ws"},
        {"ws://::1", "ws", "::1", "9001", "/ws"},
        {"http://::", "http", "::", "8080", ""},
        {"http://:::8081", "http", "::", "8081", ""},
        {"ws://0:0:0:0:0:0:0:1/x", "ws", "0:0:0:0:0:0:0:1", "9001", "/x"},
        {"ws://0:0:0:0:0:0:0:1:80", "ws", "0:0:0:0:0:0:0:1", "80", "/ws"},
        {"http://127.0.0.1:8080", "http", "127.0.0.1", "8080", ""},
        {"http://127.0.0.1/", "http", "127.0.0.1", "8080", ""},
        {"http://127.0.0.1:1/api", "http", "127.0.0.1", "1", "/api"},
    };
    char why[200];

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct url url;
        assert_int_equal(url_parse(cases[i].text, cases[i].scheme, &url, why, sizeof why), MN_OK);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.port, cases[i].port);
        assert_string_equal(url.path, cases[i].path);
        assert_true(url.addr_len >= sizeof(struct sockaddr_in));
    }
}

static void the_gateway_is_beside_the_api(void **state)
{
    static const struct {
        const char *http, *ws;
    } cases[] = {
        {NULL, "ws://127.0.0.1:9001/ws"},
        {"http://im.example", "ws://im.example:9001/ws"},
        {"http://10.0.0.7:8080/api", "ws://10.0.0.7:9001/ws"},
        {"http://[::1]:8080", "ws://[::1]:9001/ws"},
        {"nonsense", "ws://127.0.0.1:9001/ws"},
    };
    char out[160];

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_string_equal(url_default_ws(cases[i].http, out, sizeof out), cases[i].ws);
}

static void bad_addresses_say_so(void **state)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "ws:/127.0.0.1",
                                      "ws://",
                                      "ws://:9001/ws",
                                      "ws://h:0/ws",
                                      "ws://h:x/",
                                      "ws://h:65536/",
                                      "ws://[::1/ws",
                                      "ws://[]/ws",
                                      "http://h/",
                                      "ws://h/a b",
                                      "ws://h/\r\n",
                                      "WS://127.0.0.1"};
    char why[200], text[400];
    struct url url;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(bad); i++) {
        why[0] = '\0';
        assert_int_equal(url_parse(bad[i], "ws", &url, why, sizeof why), MN_EINVAL);
        assert_non_null(strstr(why, "is no address"));
    }
    memset(text, 'x', sizeof text);
    memcpy(text, "ws://h/", 7);
    text[sizeof text - 1] = '\0';
    assert_int_equal(url_parse(text, "ws", &url, why, sizeof why), MN_EINVAL);
}

int test_tool_url(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_are_taken_apart),
        cmocka_unit_test(bad_addresses_say_so),
        cmocka_unit_test(the_gateway_is_beside_the_api),
    };
    return cmocka_run_group_tests_name("tool url", tests, NULL, NULL);
}
