/* SPDX-License-Identifier: Apache-2.0 */
/* Whom call limits count: 6.1 with the fix of H-6.1. */
#include "api/client.h"
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include <arpa/inet.h>

#include "base/mem.h"

static struct mn_proxies proxies_of(const char *list)
{
    struct mn_proxies proxies;
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_proxies_parse(&proxies, list, &why), MN_OK);
    mn_buf_deinit(&why);
    return proxies;
}

/* "a" is compared as the address `want`; headers are one X-Forwarded-For each, or X-Real-IP. */
static void assert_client(const char *list, const char *peer, const char *const *forwarded,
                          const char *real, const char *want)
{
    struct mn_proxies proxies = proxies_of(list);
    struct mn_http_request req = {.method = MN_HTTP_GET}, plain = {.method = MN_HTTP_GET};
    snprintf(req.peer, sizeof(req.peer), "%s", peer);
    for (unsigned i = 0; forwarded && forwarded[i]; i++)
        req.headers[req.header_count++] = (struct mn_http_header){MN_STR("x-forwarded-for"),
                                                                  mn_str_c(forwarded[i])};
    if (real)
        req.headers[req.header_count++] = (struct mn_http_header){MN_STR("X-Real-IP"),
                                                                  mn_str_c(real)};
    struct mn_client got = mn_client_of(&proxies, &req);
    snprintf(plain.peer, sizeof(plain.peer), "%s", want);
    struct mn_client expected = mn_client_of(&proxies, &plain);
    if (!mn_str_eq(mn_client_str(&got), mn_client_str(&expected)))
        print_error("peer %s, want %s\n", peer, want);
    assert_true(mn_str_eq(mn_client_str(&got), mn_client_str(&expected)));
}

#define XFF(...) ((const char *const[]){__VA_ARGS__, NULL})

static void strangers_cannot_forward(void **state)
{
    (void)state;
    assert_client("", "203.0.113.9", XFF("198.51.100.1"), NULL, "203.0.113.9");
    assert_client("", "203.0.113.9", NULL, "198.51.100.1", "203.0.113.9");
    assert_client("10.0.0.0/8", "203.0.113.9", XFF("198.51.100.1"), "1.1.1.1", "203.0.113.9");
}

static void proxies_are_believed_from_the_right(void **state)
{
    (void)state;
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("198.51.100.1"), NULL, "198.51.100.1");
    /* What the client itself wrote stands to the left, and is not believed. */
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("1.1.1.1, 198.51.100.1"), NULL, "198.51.100.1");
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("1.1.1.1, 198.51.100.1 ,10.9.9.9"), NULL,
                  "198.51.100.1");
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("1.1.1.1", "198.51.100.1", "10.9.9.9"), NULL,
                  "198.51.100.1");
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("198.51.100.1:4711"), NULL, "198.51.100.1");
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("10.4.4.4, 10.5.5.5"), NULL, "10.4.4.4");
    assert_client("10.0.0.0/8", "10.1.2.3", NULL, "198.51.100.1", "198.51.100.1");
    assert_client("10.0.0.0/8", "::ffff:10.1.2.3", XFF("198.51.100.1"), NULL, "198.51.100.1");
    assert_client("::1", "::1", XFF("[2001:db8::7]:5"), NULL, "2001:db8::7");
}

static void nonsense_ends_the_walk(void **state)
{
    (void)state;
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("198.51.100.1, unknown"), NULL, "10.1.2.3");
    assert_client("10.0.0.0/8", "10.1.2.3", XFF("198.51.100.1, , 10.7.7.7"), NULL, "10.7.7.7");
    assert_client("10.0.0.0/8", "10.1.2.3", XFF(""), NULL, "10.1.2.3");
    assert_client("10.0.0.0/8", "10.1.2.3", XFF(","), NULL, "10.1.2.3");
    assert_client("10.0.0.0/8", "10.1.2.3", NULL, "evil", "10.1.2.3");
}

static void networks_of_any_length(void **state)
{
    (void)state;
    assert_client("192.168.4.0/22", "192.168.7.255", XFF("1.2.3.4"), NULL, "1.2.3.4");
    assert_client("192.168.4.0/22", "192.168.8.0", XFF("1.2.3.4"), NULL, "192.168.8.0");
    assert_client("0.0.0.0/0", "9.9.9.9", XFF("1.2.3.4"), NULL, "1.2.3.4");
    assert_client("0.0.0.0/0", "2001:db8::1", XFF("1.2.3.4"), NULL, "2001:db8::1");
    assert_client("2001:db8::/33", "2001:db8:7fff::1", XFF("1.2.3.4"), NULL, "1.2.3.4");
    assert_client("2001:db8::/33", "2001:db8:8000::1", XFF("1.2.3.4"), NULL, "2001:db8:8000::1");
    assert_client(" , 10.0.0.1 ,,10.0.0.2", "10.0.0.2", XFF("1.2.3.4"), NULL, "1.2.3.4");
}

static void an_ipv6_host_is_its_network(void **state)
{
    struct mn_proxies none = proxies_of("");
    struct mn_http_request a = {.peer = "2001:db8:1:2:3::4"}, b = {.peer = "2001:db8:1:2:ffff::"};
    struct mn_http_request c = {.peer = "2001:db8:1:3:3::4"}, d = {.peer = "::ffff:1.2.3.4"};
    struct mn_http_request e = {.peer = "1.2.3.4"};
    (void)state;
    struct mn_client of[] = {mn_client_of(&none, &a), mn_client_of(&none, &b),
                             mn_client_of(&none, &c), mn_client_of(&none, &d),
                             mn_client_of(&none, &e)};
    assert_true(mn_str_eq(mn_client_str(&of[0]), mn_client_str(&of[1])));
    assert_false(mn_str_eq(mn_client_str(&of[0]), mn_client_str(&of[2])));
    assert_true(mn_str_eq(mn_client_str(&of[3]), mn_client_str(&of[4])));
}

static void bad_lists_are_refused(void **state)
{
    static const char *const lists[] = {"proxy.example", "10.0.0.0/33", "::1/129",    "10.0.0/8",
                                        "10.0.0.1/",     "10.0.0.1/x",  "10.0.0.1/-1"};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(lists); i++) {
        struct mn_proxies proxies;
        struct mn_buf why;
        mn_buf_init(&why, 1000);
        assert_int_equal(mn_proxies_parse(&proxies, lists[i], &why), MN_EINVAL);
        mn_buf_add_char(&why, '\0');
        assert_non_null(strstr(why.p, lists[i]));
        mn_buf_deinit(&why);
    }
}

int test_api_client(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_cannot_forward),
        cmocka_unit_test(proxies_are_believed_from_the_right),
        cmocka_unit_test(nonsense_ends_the_walk),
        cmocka_unit_test(networks_of_any_length),
        cmocka_unit_test(an_ipv6_host_is_its_network),
        cmocka_unit_test(bad_lists_are_refused),
    };
    return cmocka_run_group_tests_name("api/client", tests, NULL, NULL);
}
