/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "proto/envelope.h"
#include "proto/ws.h"
#include "tool/load/wire.h"

#define RUN UINT32_C(0xdeadbeef)
#define ID "deadbeef-00001f-0000002a"

static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};
static struct wire_tpl tpl;

/* Decodes one frame as a server would, and checks that nothing is left. */
static struct mn_str decode(char *frame, size_t n, enum mn_ws_event wanted)
{
    struct mn_ws_rx rx;
    struct mn_ws_in in;
    size_t used = 0;
    mn_ws_rx_init(&rx, MN_WS_SERVER, 65536);
    assert_int_equal(mn_ws_rx_next(&rx, frame, n, &used, &in), wanted);
    assert_int_equal(used, n);
    mn_ws_rx_deinit(&rx);
    return mn_str_make(in.p, in.n);
}

static void frames_are_what_the_protocol_says(void **state)
{
    static char out[WIRE_FRAME_MAX];
    struct mn_envelope env;
    char body[101];

    (void)state;
    wire_tpl_init(&tpl, RUN, 100);
    size_t n = wire_chat(out, mask, &tpl, 31, 42, MN_STR("10002"));
    struct mn_str text = decode(out, n, MN_WS_TEXT);
    assert_int_equal(mn_envelope_parse((char *)(uintptr_t)text.p, text.n, &env), MN_OK);
    assert_int_equal(env.type, MN_TYPE_SINGLE_CHAT);
    assert_true(mn_str_is(env.client_msg_id, ID));
    assert_int_equal(env.to, 10002);
    assert_true(mn_str_is(env.msg_type, "TEXT"));
    snprintf(
        body, sizeof body, "0000002a%.92s",
        "89012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
        "456789");
    assert_true(mn_str_is(env.body, body));

    n = wire_group_chat(out, mask, &tpl, 31, 42, MN_STR("900"));
    text = decode(out, n, MN_WS_TEXT);
    assert_int_equal(mn_envelope_parse((char *)(uintptr_t)text.p, text.n, &env), MN_OK);
    assert_int_equal(env.type, MN_TYPE_GROUP_CHAT);
    assert_true(mn_str_is(env.client_msg_id, ID));
    assert_int_equal(env.group_id, 900);
    assert_true(mn_str_is(env.body, body));

    n = wire_ack(out, mask, WIRE_DELIVERED, MN_STR("2004874454540382209"), MN_STR("10001"));
    text = decode(out, n, MN_WS_TEXT);
    assert_true(mn_str_is(text, "{\"type\":\"ACK\",\"serverMsgId\":\"2004874454540382209\","
                                "\"to\":\"10001\",\"ackType\":\"delivered\"}"));
    n = wire_ack(out, mask, WIRE_READ, MN_STR("2004874454540382209"), MN_STR("10001"));
    text = decode(out, n, MN_WS_TEXT);
    assert_true(mn_str_is(text, "{\"type\":\"ACK\",\"serverMsgId\":\"2004874454540382209\","
                                "\"to\":\"10001\",\"ackType\":\"read\"}"));
    n = wire_ping(out, mask);
    assert_true(mn_str_is(decode(out, n, MN_WS_TEXT), "{\"type\":\"PING\"}"));
    n = wire_auth(out, mask, MN_STR("a.b.c"));
    assert_true(mn_str_is(decode(out, n, MN_WS_TEXT), "{\"type\":\"AUTH\",\"token\":\"a.b.c\"}"));
    n = wire_control(out, mask, MN_WS_OP_PONG, MN_STR("x"));
    assert_true(mn_str_is(decode(out, n, MN_WS_PONG), "x"));
    n = wire_control(out, mask, MN_WS_OP_PONG, MN_STR_NONE);
    assert_int_equal(decode(out, n, MN_WS_PONG).n, 0);
}

/* Headers of both sizes, and everything near the border. */
static void frames_of_all_sizes_can_be_decoded(void **state)
{
    static char out[WIRE_FRAME_MAX];
    struct mn_envelope env;
    char id[WIRE_SERVER_ID_MAX];

    (void)state;
    memset(id, '7', sizeof id);
    for (size_t body = 1; body <= WIRE_BODY_MAX; body += body < 200 ? 1 : 389) {
        wire_tpl_init(&tpl, RUN, body);
        size_t n = wire_chat(out, mask, &tpl, 0xffffff, UINT32_MAX, MN_STR("9223372036854775807"));
        assert_true(n <= WIRE_FRAME_MAX);
        struct mn_str text = decode(out, n, MN_WS_TEXT);
        assert_int_equal(mn_envelope_parse((char *)(uintptr_t)text.p, text.n, &env), MN_OK);
        assert_int_equal(env.body.n, body);
    }
    for (size_t len = 1; len <= sizeof id; len++) {
        size_t n = wire_ack(out, mask, WIRE_DELIVERED, mn_str_make(id, len), MN_STR("1"));
        struct mn_str text = decode(out, n, MN_WS_TEXT);
        assert_int_equal(mn_envelope_parse((char *)(uintptr_t)text.p, text.n, &env), MN_OK);
        assert_int_equal(env.server_msg_id.n, len);
    }
}

static void read_both(const char *text, struct wire_in *fast, struct wire_in *slow)
{
    static char a[8192], b[8192];
    size_t n = strlen(text);
    assert_true(n < sizeof a);
    memcpy(a, text, n);
    memcpy(b, text, n);
    wire_read(&tpl, a, n, fast);
    wire_read_slow(&tpl, b, n, slow);
    assert_int_equal(fast->kind, slow->kind);
    assert_int_equal(fast->ours, slow->ours);
    if (fast->ours) {
        assert_int_equal(fast->sender, slow->sender);
        assert_int_equal(fast->counter, slow->counter);
        assert_int_equal(fast->seq, slow->seq);
        assert_true(mn_str_eq(fast->server_id, slow->server_id));
        assert_int_equal(fast->resent, slow->resent);
    }
    if (fast->kind == WIRE_GROUP_CHAT)
        assert_int_equal(fast->group, slow->group);
    if (fast->kind == WIRE_CHAT || fast->kind == WIRE_GROUP_CHAT)
        assert_int_equal(fast->body_ok, slow->body_ok);
    if (fast->kind == WIRE_RECEIPT) {
        assert_int_equal(fast->cursor, slow->cursor);
        assert_int_equal(fast->from, slow->from);
        assert_int_equal(fast->seq, slow->seq);
        assert_true(mn_str_eq(fast->server_id, slow->server_id));
    }
}

#define SAVED_HEAD "{\"type\":\"ACK\",\"clientMsgId\":\"" ID "\",\"serverMsgId\":\"77\","
#define CHAT_HEAD "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"" ID "\",\"serverMsgId\":\"77\","
#define GROUP_HEAD                                                                                 \
    "{\"type\":\"GROUP_CHAT\",\"clientMsgId\":\"" ID "\",\"serverMsgId\":\"77\",\"msgSeq\":9,"
#define RECEIPT_HEAD                                                                               \
    "{\"type\":\"ACK\",\"serverMsgId\":\"77\",\"msgSeq\":9,\"from\":\"2\",\"to\":\"1\","
#define GOOD_BODY "0000002a8901"

/* The fast scan and the full parser agree on every frame, well-formed or odd. */
static void the_fast_scan_agrees_with_the_parser(void **state)
{
    static const struct {
        const char *text;
        enum wire_kind kind;
        bool ours;
    } cases[] = {
        {SAVED_HEAD "\"msgSeq\":9,\"from\":\"1\",\"ackType\":\"saved\",\"body\":\"x\",\"ts\":1}",
         WIRE_SAVED, true},
        {SAVED_HEAD "\"msgSeq\":9,\"from\":\"1\",\"ackType\":\"saved\",\"ts\":1}", WIRE_SAVED,
         true},
        {SAVED_HEAD "\"from\":\"1\",\"ackType\":\"saved\",\"ts\":1}", WIRE_SAVED, true},
        {SAVED_HEAD "\"msgSeq\":\"9\",\"from\":\"1\",\"ackType\":\"saved\"}", WIRE_SAVED, true},
        {SAVED_HEAD "\"msgSeq\":9223372036854775807,\"from\":\"1\",\"ackType\":\"saved\"}",
         WIRE_SAVED, true},
        {SAVED_HEAD "\"msgSeq\":9,\"from\":\"1\",\"ackType\":\"saved\",\"ts\":1", WIRE_BAD, false},
        {SAVED_HEAD "\"msgSeq\":9,\"from\":\"1\",\"ackType\":\"revoked\"}", WIRE_OTHER, true},
        {SAVED_HEAD "\"msgSeq\":9,\"from\":\"1\",\"ackType\":\"delivered\"}", WIRE_RECEIPT, true},
        {"{\"type\":\"ACK\",\"serverMsgId\":\"77\",\"msgSeq\":1,\"ackType\":\"read\"}",
         WIRE_RECEIPT, false},
        {"{\"ackType\":\"saved\",\"clientMsgId\":\"" ID "\",\"type\":\"ACK\"}", WIRE_SAVED, true},
        {"{\"type\":\"ACK\",\"clientMsgId\":\"deadbeee-00001f-0000002a\",\"serverMsgId\":\"7\","
         "\"msgSeq\":9,\"from\":\"1\",\"ackType\":\"saved\"}",
         WIRE_SAVED, false},
        {"{\"type\":\"ACK\",\"clientMsgId\":\"deadbeef-00001g-0000002a\",\"ackType\":\"saved\"}",
         WIRE_SAVED, false},
        {"{\"type\":\"ACK\",\"clientMsgId\":\"short\",\"ackType\":\"saved\"}", WIRE_SAVED, false},
        {CHAT_HEAD "\"msgSeq\":9,\"from\":\"1\",\"to\":\"2\",\"msgType\":\"TEXT\",\"body\":"
                   "\"" GOOD_BODY "\",\"ts\":1}",
         WIRE_CHAT, true},
        {CHAT_HEAD "\"msgSeq\":9,\"from\":\"1\",\"to\":\"2\",\"msgType\":\"text\",\"body\":"
                   "\"" GOOD_BODY "\",\"ts\":1}",
         WIRE_CHAT, true},
        {CHAT_HEAD "\"msgSeq\":9,\"from\":\"1\",\"to\":\"2\",\"msgType\":\"TEXT\",\"body\":"
                   "\"0000002b8901\",\"ts\":1}",
         WIRE_CHAT, true},
        {CHAT_HEAD "\"msgSeq\":9,\"from\":\"1\",\"to\":\"2\",\"msgType\":\"TEXT\",\"body\":"
                   "\"\\u0030000002a8901\",\"ts\":1}",
         WIRE_CHAT, true},
        {CHAT_HEAD "\"msgSeq\":9,\"from\":\"1\",\"to\":\"2\",\"msgType\":\"TEXT\",\"body\":\"\"}",
         WIRE_CHAT, true},
        {RECEIPT_HEAD "\"ackType\":\"delivered\",\"ts\":1}", WIRE_RECEIPT, false},
        {RECEIPT_HEAD "\"ackType\":\"read\",\"ts\":1}", WIRE_RECEIPT, false},
        {RECEIPT_HEAD "\"ackType\":\"readd\",\"ts\":1}", WIRE_RECEIPT, false},
        {RECEIPT_HEAD "\"ackType\":\"revoked\",\"ts\":1}", WIRE_OTHER, false},
        {RECEIPT_HEAD "\"ackType\":\"read\",\"ts\":1", WIRE_BAD, false},
        {"{\"type\":\"PONG\",\"ts\":1}", WIRE_PONG, false},
        {"{\"type\":\"PING\",\"ts\":1}", WIRE_PING, false},
        {"{\"type\":\"AUTH_OK\",\"from\":\"1\"}", WIRE_AUTH_OK, false},
        {"{\"type\":\"GROUP_NOTIFY\"}", WIRE_GROUP_NOTIFY, false},
        {"{\"type\":", WIRE_BAD, false},
        {"", WIRE_BAD, false},
        {GROUP_HEAD "\"from\":\"1\",\"groupId\":\"900\",\"msgType\":\"TEXT\",\"body\":\"" GOOD_BODY
                    "\",\"ts\":1}",
         WIRE_GROUP_CHAT, true},
        {GROUP_HEAD "\"from\":\"1\",\"groupId\":\"9223372036854775807\",\"msgType\":\"TEXT\","
                    "\"body\":\"" GOOD_BODY "\",\"mentions\":[\"2\"],\"important\":true,\"ts\":1}",
         WIRE_GROUP_CHAT, true},
        {GROUP_HEAD
         "\"from\":\"1\",\"to\":\"2\",\"groupId\":\"900\",\"msgType\":\"text\",\"body\":\"" GOOD_BODY
         "\",\"ts\":1}",
         WIRE_GROUP_CHAT, true},
        {GROUP_HEAD "\"from\":\"1\",\"msgType\":\"TEXT\",\"body\":\"" GOOD_BODY "\",\"ts\":1}",
         WIRE_GROUP_CHAT, true},
        {GROUP_HEAD
         "\"from\":\"1\",\"groupId\":\"900\",\"msgType\":\"TEXT\",\"body\":\"other\",\"ts\":1}",
         WIRE_GROUP_CHAT, true},
        {"{\"type\":\"GROUP_NOTIFY\",\"serverMsgId\":\"77\",\"msgSeq\":9,\"from\":\"1\",\"groupId\":"
         "\"900\",\"ts\":1}",
         WIRE_GROUP_NOTIFY, false},
    };
    struct wire_in fast, slow;

    (void)state;
    wire_tpl_init(&tpl, RUN, sizeof GOOD_BODY - 1);
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        read_both(cases[i].text, &fast, &slow);
        if (fast.kind != cases[i].kind || fast.ours != cases[i].ours)
            fail_msg("case %zu: %s", i, cases[i].text);
    }
    read_both(cases[13].text, &fast, &slow);
    assert_true(fast.body_ok && !fast.resent);
    read_both(cases[14].text, &fast, &slow);
    assert_true(fast.body_ok && fast.resent);
    read_both(cases[15].text, &fast, &slow);
    assert_false(fast.body_ok);
    read_both(cases[16].text, &fast, &slow);
    assert_true(fast.body_ok);
    assert_int_equal(fast.sender, 31);
    assert_int_equal(fast.counter, 42);
}

static void receipts_say_what_was_done_and_by_whom(void **state)
{
    char text[] = RECEIPT_HEAD "\"ackType\":\"read\",\"ts\":1}";
    struct wire_in in;

    (void)state;
    wire_tpl_init(&tpl, RUN, 10);
    wire_read(&tpl, text, sizeof text - 1, &in);
    assert_int_equal(in.kind, WIRE_RECEIPT);
    assert_int_equal(in.cursor, WIRE_READ);
    assert_int_equal(in.seq, 9);
    assert_int_equal(in.from, 2);
    assert_true(mn_str_is(in.server_id, "77"));
    assert_false(in.ours);
}

/* Cut anywhere, a frame is bad, and nothing beyond its end is read (the sanitizer watches). */
static void cut_frames_are_bad(void **state)
{
    static const char text[] = CHAT_HEAD
        "\"msgSeq\":9,\"from\":\"1\",\"to\":\"2\",\"msgType\":\"TEXT\",\"body\":"
        "\"" GOOD_BODY "\",\"ts\":1}";
    struct wire_in in;

    (void)state;
    wire_tpl_init(&tpl, RUN, sizeof GOOD_BODY - 1);
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *copy = mn_alloc(n + !n);
        memcpy(copy, text, n);
        wire_read(&tpl, copy, n, &in);
        assert_int_equal(in.kind, WIRE_BAD);
        mn_free(copy);
    }
}

static void errors_carry_reason_and_wait(void **state)
{
    char text[] = "{\"type\":\"ERROR\",\"clientMsgId\":\"" ID
                  "\",\"ts\":1,\"reason\":\"server_busy\",\"retryAfterMs\":250}";
    struct wire_in in;

    (void)state;
    wire_tpl_init(&tpl, RUN, 10);
    wire_read(&tpl, text, sizeof text - 1, &in);
    assert_int_equal(in.kind, WIRE_ERROR);
    assert_true(in.ours);
    assert_true(mn_str_is(in.reason, "server_busy"));
    assert_int_equal(in.retry_after_ms, 250);
}

int test_tool_wire(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_what_the_protocol_says),
        cmocka_unit_test(frames_of_all_sizes_can_be_decoded),
        cmocka_unit_test(the_fast_scan_agrees_with_the_parser),
        cmocka_unit_test(receipts_say_what_was_done_and_by_whom),
        cmocka_unit_test(cut_frames_are_bad),
        cmocka_unit_test(errors_carry_reason_and_wait),
    };
    return cmocka_run_group_tests_name("tool wire", tests, NULL, NULL);
}
