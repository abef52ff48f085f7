/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chunk.h"

#include "unit/net/tests.h"

static void header_lies_right_before_the_payload(void **state)
{
    static const struct {
        size_t n;
        size_t header;
    } cases[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {70000, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mn_chunk *chunk = mn_chunk_new(cases[i].n);
        assert_non_null(chunk);
        mn_chunk_seal_ws(chunk, MN_WS_OP_TEXT, cases[i].n);
        assert_int_equal(chunk->len, cases[i].header + cases[i].n);
        assert_ptr_equal(chunk->p + cases[i].header, mn_chunk_payload(chunk));
        assert_int_equal((unsigned char)chunk->p[0], 0x81);
        mn_chunk_unref(chunk);
    }
}

static void payload_may_be_shorter_than_its_room(void **state)
{
    (void)state;
    struct mn_chunk *chunk = mn_chunk_new(1000);
    memcpy(mn_chunk_payload(chunk), "hello", 5);
    mn_chunk_seal_ws(chunk, MN_WS_OP_PING, 5);
    assert_int_equal(chunk->len, 7);
    assert_memory_equal(chunk->p, "\x89\x05hello", 7);
    mn_chunk_unref(chunk);
}

static void payload_goes_out_as_it_is(void **state)
{
    (void)state;
    struct mn_chunk *chunk = mn_chunk_new(5);
    memcpy(mn_chunk_payload(chunk), "hello", 5);
    mn_chunk_seal(chunk, 4);
    assert_int_equal(chunk->len, 4);
    assert_memory_equal(chunk->p, "hell", 4);
    mn_chunk_unref(chunk);
}

static void borrowed_bytes_are_not_copied(void **state)
{
    static const char text[] = "for ever";
    (void)state;
    struct mn_chunk *chunk = mn_chunk_borrow(text, sizeof(text) - 1);
    assert_non_null(chunk);
    assert_ptr_equal(chunk->p, text);
    assert_int_equal(chunk->len, 8);
    assert_true(mn_chunk_memory(chunk) < 100);
    mn_chunk_unref(chunk);
    assert_null(mn_chunk_borrow(text, (size_t)UINT32_MAX + 1));
}

static void last_reference_frees(void **state)
{
    (void)state;
    struct mn_chunk *chunk = mn_chunk_new(8);
    mn_chunk_seal_ws(chunk, MN_WS_OP_TEXT, 0);
    assert_ptr_equal(mn_chunk_ref(chunk), chunk);
    mn_chunk_unref(chunk);
    assert_int_equal(chunk->len, 2); /* a leak or use after free is the sanitizer's to see */
    mn_chunk_unref(chunk);
    mn_chunk_unref(NULL);
}

static void absurd_size_is_refused(void **state)
{
    (void)state;
    assert_null(mn_chunk_new((size_t)UINT32_MAX + 1));
}

int test_net_chunk(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_lies_right_before_the_payload),
        cmocka_unit_test(payload_may_be_shorter_than_its_room),
        cmocka_unit_test(payload_goes_out_as_it_is),
        cmocka_unit_test(borrowed_bytes_are_not_copied),
        cmocka_unit_test(last_reference_frees),
        cmocka_unit_test(absurd_size_is_refused),
    };
    return cmocka_run_group_tests_name("net chunk", tests, NULL, NULL);
}
