/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's own promises: splitting, memory, what happens after the
 * end.  The clauses of RFC 6455 are data, in tests/conformance.
 */
#include "unit/proto/tests.h"

#include "base/buf.h"
#include "base/mem.h"
#include "proto/ws.h"

static const uint8_t mask[4] = {0x12, 0x00, 0xff, 0x9a};

/* A masked frame behind what is in `buf`. */
static void add_frame(struct mn_buf *buf, enum mn_ws_opcode op, bool fin, struct mn_str payload)
{
    char head[MN_WS_HEADER_MAX];
    size_t n = mn_ws_header_masked(head, op, payload.n, mask);
    size_t start;

    if (!fin)
        head[0] = (char)((uint8_t)head[0] & 0x7f);
    assert_int_equal(mn_buf_add(buf, head, n), MN_OK);
    start = buf->n;
    assert_int_equal(mn_buf_add_str(buf, payload), MN_OK);
    if (payload.n != 0)
        mn_ws_mask(buf->p + start, payload.n, mask, 0);
}

/* What came out, in a line: T(text) B P O C<code>(reason) F<code>. */
static void note(struct mn_buf *log, enum mn_ws_event ev, const struct mn_ws_in *in)
{
    static const char letter[] = " TBPOCF";

    (void)mn_buf_add_char(log, letter[ev]);
    if (ev == MN_WS_CLOSED || ev == MN_WS_FAIL)
        (void)mn_buf_add_u64(log, in->code);
    (void)mn_buf_add_char(log, '(');
    if (in->n != 0)
        (void)mn_buf_add(log, in->p, in->n);
    assert_int_equal(mn_buf_add_char(log, ')'), MN_OK);
}

/*
 * Hands input[0..n) over in pieces that end at the given cuts, as a
 * connection does: what was not used is kept, and given again with more
 * behind it, in memory of exactly its size.
 */
static void feed(struct mn_str input, size_t cut1, size_t cut2, struct mn_buf *log)
{
    size_t ends[3] = {cut1, cut2, input.n};
    struct mn_ws_rx rx;
    size_t start = 0;
    bool over = false;

    mn_ws_rx_init(&rx, MN_WS_SERVER, 1000);
    for (size_t i = 0; i < 3 && !over; i++) {
        size_t n = ends[i] - start;
        char *piece = proto_exact_copy(mn_str_make(input.p + start, n));
        size_t at = 0;

        for (;;) {
            struct mn_ws_in in;
            size_t used;
            enum mn_ws_event ev = mn_ws_rx_next(&rx, piece + at, n - at, &used, &in);

            at += used;
            if (ev == MN_WS_MORE) {
                assert_true(in.need > n - at);
                break;
            }
            note(log, ev, &in);
            over = ev == MN_WS_CLOSED || ev == MN_WS_FAIL;
            if (over)
                break;
        }
        start += at;
        mn_free(piece);
    }
    mn_ws_rx_deinit(&rx);
}

static void expect_at_every_cut(const struct mn_buf *input, const char *want)
{
    struct mn_buf log;

    mn_buf_init(&log, 65536);
    for (size_t a = 0; a <= input->n; a++) {
        for (size_t b = a; b <= input->n; b += 1 + (b - a) / 4) {
            mn_buf_reset(&log);
            feed(mn_buf_str(input), a, b, &log);
            assert_true(mn_str_is(mn_buf_str(&log), want));
        }
    }
    mn_buf_deinit(&log);
}

static void splitting_changes_nothing(void **state)
{
    struct mn_buf in;

    (void)state;
    mn_buf_init(&in, 65536);
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR("hello"));
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR(""));
    add_frame(&in, MN_WS_OP_PING, true, MN_STR("p"));
    add_frame(&in, MN_WS_OP_BINARY, false, MN_STR("\1\2"));
    add_frame(&in, MN_WS_OP_PONG, true, MN_STR(""));
    add_frame(&in, MN_WS_OP_CONT, false, MN_STR(""));
    add_frame(&in, MN_WS_OP_CONT, true, MN_STR("\3"));
    add_frame(&in, MN_WS_OP_TEXT, false, MN_STR("\xe4\xbd"));
    add_frame(&in, MN_WS_OP_CONT, true, MN_STR("\xa0"));
    add_frame(&in, MN_WS_OP_CLOSE, true, MN_STR("\x03\xe8ok"));
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR("too late"));
    expect_at_every_cut(&in, "T(hello)T()P(p)O()B(\1\2\3)T(\u4f60)C1000(\x03\xe8ok)");
    mn_buf_deinit(&in);
}

static void failures_do_not_depend_on_splitting(void **state)
{
    struct mn_buf in;

    (void)state;
    mn_buf_init(&in, 65536);
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR("x"));
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR("\xff"));
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR("y"));
    expect_at_every_cut(&in, "T(x)F1007()");
    mn_buf_reset(&in);
    add_frame(&in, MN_WS_OP_BINARY, true, MN_STR("b"));
    add_frame(&in, MN_WS_OP_CONT, true, MN_STR("y"));
    expect_at_every_cut(&in, "B(b)F1002()");
    mn_buf_deinit(&in);
}

/* A long header promise is refused or waited for, but never paid in memory. */
static void promises_cost_no_memory(void **state)
{
    char promise[] = "\x01\xff\0\0\0\0\0\1\0\0\1\2\3\4";
    struct mn_ws_rx rx;
    struct mn_ws_in in;
    size_t used;

    (void)state;
    mn_ws_rx_init(&rx, MN_WS_SERVER, 65536);
    assert_int_equal(mn_ws_rx_next(&rx, promise, 14, &used, &in), MN_WS_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(in.need, 65536 + 14);
    assert_null(rx.frag.p);
    mn_ws_rx_deinit(&rx);
}

static void need_grows_with_knowledge(void **state)
{
    static const size_t want[14] = {2,  2,  14, 14,    14,    14,    14,
                                    14, 14, 14, 65550, 65550, 65550, 65550};
    char frame[] = "\x81\xff\0\0\0\0\0\1\0\0\1\2\3\4";
    struct mn_ws_rx rx;
    struct mn_ws_in in;
    size_t used;

    (void)state;
    mn_ws_rx_init(&rx, MN_WS_SERVER, 65536);
    for (size_t n = 0; n < 14; n++) {
        assert_int_equal(mn_ws_rx_next(&rx, frame, n, &used, &in), MN_WS_MORE);
        assert_int_equal(in.need, want[n]);
    }
    mn_ws_rx_deinit(&rx);
}

static void joined_message_is_released(void **state)
{
    struct mn_buf in;
    struct mn_ws_rx rx;
    struct mn_ws_in got;
    size_t used;

    (void)state;
    mn_buf_init(&in, 65536);
    add_frame(&in, MN_WS_OP_TEXT, false, MN_STR("ab"));
    add_frame(&in, MN_WS_OP_CONT, true, MN_STR("cd"));
    mn_ws_rx_init(&rx, MN_WS_SERVER, 1000);
    assert_int_equal(mn_ws_rx_next(&rx, in.p, in.n, &used, &got), MN_WS_TEXT);
    assert_int_equal(used, in.n);
    assert_true(mn_str_is(mn_str_make(got.p, got.n), "abcd"));
    assert_int_equal(mn_ws_rx_next(&rx, in.p + used, 0, &used, &got), MN_WS_MORE);
    assert_null(rx.frag.p);
    mn_ws_rx_deinit(&rx);
    mn_buf_deinit(&in);
}

static void limit_holds_for_the_whole_message(void **state)
{
    static char filler[1000];
    struct mn_ws_rx rx;
    struct mn_ws_in got;
    struct mn_buf in;
    size_t used;

    (void)state;
    mn_buf_init(&in, 65536);
    for (size_t last = 400; last <= 401; last++) {
        mn_buf_reset(&in);
        add_frame(&in, MN_WS_OP_BINARY, false, mn_str_make(filler, 600));
        add_frame(&in, MN_WS_OP_CONT, true, mn_str_make(filler, last));
        mn_ws_rx_init(&rx, MN_WS_SERVER, 1000);
        assert_int_equal(mn_ws_rx_next(&rx, in.p, in.n, &used, &got),
                         last == 400 ? MN_WS_BINARY : MN_WS_FAIL);
        assert_int_equal(got.code, last == 400 ? 0 : MN_WS_CLOSE_TOO_BIG);
        mn_ws_rx_deinit(&rx);
    }
    mn_buf_deinit(&in);
}

static void limit_is_named_in_the_reason(void **state)
{
    char frame[] = "\x82\xfe\x03\xe9";
    struct mn_ws_rx rx;
    struct mn_ws_in in;
    size_t used;

    (void)state;
    mn_ws_rx_init(&rx, MN_WS_SERVER, 1000);
    assert_int_equal(mn_ws_rx_next(&rx, frame, 4, &used, &in), MN_WS_FAIL);
    assert_int_equal(in.code, MN_WS_CLOSE_TOO_BIG);
    assert_string_equal(in.reason, "Max frame length of 1000 has been exceeded.");
    mn_ws_rx_deinit(&rx);
    mn_ws_rx_init(&rx, MN_WS_SERVER, UINT32_MAX);
    memcpy(frame, "\x82\xff", 2);
    assert_int_equal(mn_ws_rx_next(&rx, frame, 4, &used, &in), MN_WS_MORE);
    mn_ws_rx_deinit(&rx);
}

static void nothing_follows_the_end(void **state)
{
    char unmasked[] = "\x81\x01x";
    struct mn_buf in;
    struct mn_ws_rx rx;
    struct mn_ws_in got;
    size_t used = 9;

    (void)state;
    mn_buf_init(&in, 65536);
    mn_ws_rx_init(&rx, MN_WS_SERVER, 1000);
    assert_int_equal(mn_ws_rx_next(&rx, unmasked, 3, &used, &got), MN_WS_FAIL);
    assert_int_equal(used, 0);
    assert_int_equal(got.code, MN_WS_CLOSE_PROTOCOL);
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR("x"));
    assert_int_equal(mn_ws_rx_next(&rx, in.p, in.n, &used, &got), MN_WS_FAIL);
    assert_int_equal(used, 0);
    assert_int_equal(got.code, 0);
    mn_ws_rx_deinit(&rx);
    mn_ws_rx_deinit(&rx);
    mn_buf_reset(&in);
    add_frame(&in, MN_WS_OP_CLOSE, true, MN_STR(""));
    add_frame(&in, MN_WS_OP_TEXT, true, MN_STR("x"));
    mn_ws_rx_init(&rx, MN_WS_SERVER, 1000);
    assert_int_equal(mn_ws_rx_next(&rx, in.p, in.n, &used, &got), MN_WS_CLOSED);
    assert_int_equal(used, 6);
    assert_int_equal(mn_ws_rx_next(&rx, in.p + 6, in.n - 6, &used, &got), MN_WS_FAIL);
    assert_int_equal(used, 0);
    mn_ws_rx_deinit(&rx);
    mn_buf_deinit(&in);
}

int test_proto_ws_rx(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitting_changes_nothing),
        cmocka_unit_test(failures_do_not_depend_on_splitting),
        cmocka_unit_test(promises_cost_no_memory),
        cmocka_unit_test(need_grows_with_knowledge),
        cmocka_unit_test(joined_message_is_released),
        cmocka_unit_test(limit_holds_for_the_whole_message),
        cmocka_unit_test(limit_is_named_in_the_reason),
        cmocka_unit_test(nothing_follows_the_end),
    };

    return cmocka_run_group_tests_name("proto_ws_rx", tests, NULL, NULL);
}
