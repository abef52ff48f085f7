/* SPDX-License-Identifier: Apache-2.0 */
/* Servers for media, and logins to them (im/call/turn.h). */
#include "im/call/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/im/tests.h"

static void urls(void **state)
{
    static const struct {
        const char *url;
        bool valid, turn;
    } rows[] = {
        {"stun:stun.example.org", true, false},
        {"stuns:stun.example.org:5349", true, false},
        {"turn:turn.example.org:3478?transport=udp", true, true},
        {"turns:[2001:db8::1]:5349", true, true},
        {"stun:", false, false},
        {"turn", false, false},
        {"http://example.org", false, false},
        {"STUN:example.org", false, false},
        {"stun:a b", false, false},
        {"turn:a\"b", false, true},
        {"", false, false},
        {"stun:1.2.3.4:65535", true, false},
        {"turn:a?transport=tcp", true, true},
        {"turn:[::1]?transport=tcp", true, true},
        {"stun:a:65536", false, false},
        {"stun:a:0", false, false},
        {"stun:a:", false, false},
        {"stun:a:+1", false, false},
        {"stun::1", false, false},
        {"stun:::1", false, false},
        {"stun:[::1", false, false},
        {"stun:[::1]x", false, false},
        {"stun:[a]:1", false, false},
        {"stun:a/b", false, false},
        {"stun://a", false, false},
        {"stun:u@a", false, false},
        {"stun:a?transport=udp", false, false},
        {"turn:a?transport=sctp", false, true},
        {"turn:?transport=udp", false, true},
        {"turn:a?", false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(mn_ice_url_is_valid(mn_str_c(rows[i].url)), rows[i].valid);
        assert_int_equal(mn_ice_url_is_turn(mn_str_c(rows[i].url)), rows[i].turn);
    }
}

/* openssl dgst -sha1 -hmac north -binary | base64, of "1700000000:10001". */
static void logins(void **state)
{
    struct mn_turn_login login;
    (void)state;
    mn_turn_login_make(MN_STR("north"), 10001, 1700000000, &login);
    assert_string_equal(login.username, "1700000000:10001");
    assert_string_equal(login.credential, "2gNdFBvlOdfHj8jHolQS6QLeQXQ=");
    mn_turn_login_make(MN_STR("s"), INT64_MAX, INT64_MAX, &login);
    assert_string_equal(login.username, "9223372036854775807:9223372036854775807");
    assert_int_equal(mn_str_c(login.credential).n, 28);
}

int test_im_turn(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(urls), cmocka_unit_test(logins)};
    return cmocka_run_group_tests_name("im/call/turn", tests, NULL, NULL);
}
