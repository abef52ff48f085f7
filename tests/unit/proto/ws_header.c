/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/proto/tests.h"

#include "base/mem.h"
#include "proto/ws.h"

static void lengths_take_the_smallest_form(void **state)
{
    static const struct {
        uint64_t payload;
        struct mn_str want;
    } cases[] = {
        {0, MN_STR("\x81\x00")},
        {1, MN_STR("\x81\x01")},
        {125, MN_STR("\x81\x7d")},
        {126, MN_STR("\x81\x7e\x00\x7e")},
        {127, MN_STR("\x81\x7e\x00\x7f")},
        {65535, MN_STR("\x81\x7e\xff\xff")},
        {65536, MN_STR("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00")},
        {UINT64_C(0x0102030405060708), MN_STR("\x81\x7f\x01\x02\x03\x04\x05\x06\x07\x08")},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        char *out = mn_alloc(cases[i].want.n);

        assert_int_equal(mn_ws_header_size(cases[i].payload), cases[i].want.n);
        assert_int_equal(mn_ws_header(out, MN_WS_OP_TEXT, cases[i].payload), cases[i].want.n);
        assert_memory_equal(out, cases[i].want.p, cases[i].want.n);
        mn_free(out);
    }
}

static void masked_headers_end_with_the_mask(void **state)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    char out[MN_WS_HEADER_MAX];

    (void)state;
    assert_int_equal(mn_ws_header_masked(out, MN_WS_OP_PING, 5, mask), 6);
    assert_memory_equal(out, "\x89\x85\x37\xfa\x21\x3d", 6);
    assert_int_equal(mn_ws_header_masked(out, MN_WS_OP_BINARY, 65536, mask), 14);
    assert_memory_equal(out, "\x82\xff\0\0\0\0\0\1\0\0\x37\xfa\x21\x3d", 14);
}

static void close_codes_of_the_registry(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 65535; code++) {
        bool want = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
                     code != 1006) ||
                    (code >= 3000 && code <= 4999);

        assert_int_equal(mn_ws_close_code_valid((uint16_t)code), want);
    }
}

static void accept_key(void **state)
{
    char ret[29];

    (void)state;
    mn_ws_accept_key(MN_STR("dGhlIHNhbXBsZSBub25jZQ=="), ret); /* RFC 6455 section 1.3 */
    assert_string_equal(ret, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    mn_ws_accept_key(MN_STR("x"), ret);
    assert_int_equal(strlen(ret), 28);
    mn_ws_accept_key(MN_STR(""), ret);
    assert_string_equal(ret, "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
}

int test_proto_ws_header(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_take_the_smallest_form),
        cmocka_unit_test(masked_headers_end_with_the_mask),
        cmocka_unit_test(close_codes_of_the_registry),
        cmocka_unit_test(accept_key),
    };

    return cmocka_run_group_tests_name("proto_ws_header", tests, NULL, NULL);
}
