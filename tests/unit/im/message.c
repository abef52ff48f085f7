/* SPDX-License-Identifier: Apache-2.0 */
/* What a message may be (im/message.c). */
#include "im/message.h"

#include "base/mem.h"
#include "support/torture.h"
#include "unit/im/tests.h"

enum { ME = 7 };

static struct mn_str repeat(char *out, const char *unit, unsigned count)
{
    size_t n = strlen(unit);
    for (unsigned i = 0; i < count; i++)
        memcpy(out + i * n, unit, n);
    return mn_str_make(out, n * count);
}

static struct mn_envelope good(void)
{
    return (struct mn_envelope){.type = MN_TYPE_SINGLE_CHAT,
                                .has = MN_HAS_TO,
                                .to = 8,
                                .client_msg_id = MN_STR("c"),
                                .msg_type = MN_STR("TEXT"),
                                .body = MN_STR("hello")};
}

struct fixture {
    struct mn_idgen ids;
    struct mn_buf scratch;
    struct mn_message_rules rules;
};

static int setup(void **state)
{
    struct fixture *f = mn_new(struct fixture);
    mn_idgen_init(&f->ids, 1, 1);
    mn_buf_init(&f->scratch, 1000);
    f->rules = (struct mn_message_rules){.scratch = &f->scratch, .idgen = &f->ids};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mn_buf_deinit(&f->scratch);
    mn_free(f);
    return 0;
}

static void a_good_one(void **state)
{
    struct fixture *f = *state;
    struct mn_envelope env = good();
    struct mn_message m;
    mn_message_single(&f->rules, ME, &env, 123, &m);
    assert_int_equal(m.reason, MN_REASON_NONE);
    assert_non_null(m.op);
    assert_true(m.id > 0 && m.op->id == m.id);
    assert_int_equal(m.op->kind, MN_OP_APPEND);
    assert_int_equal(m.op->from, ME);
    assert_int_equal(m.op->to, 8);
    assert_int_equal(m.op->unix_ms, 123);
    assert_true(mn_str_is(mn_op_client_id(m.op), "c"));
    assert_true(mn_str_is(mn_op_msg_type(m.op), "TEXT"));
    assert_true(mn_str_is(mn_op_body(m.op), "hello"));
    mn_op_unref(m.op);
}

/* The reason, and whether it names an id: rows of the contract, in their order. */
static void expect(struct fixture *f, const struct mn_envelope *env, enum mn_reason reason)
{
    struct mn_message m;
    mn_message_single(&f->rules, ME, env, 123, &m);
    assert_int_equal(m.reason, reason);
    assert_int_equal(m.op != NULL, reason == MN_REASON_NONE);
    assert_int_equal(m.id != 0, reason == MN_REASON_NONE || reason == MN_REASON_INTERNAL_ERROR);
    if (m.op)
        mn_op_unref(m.op);
}

static void rows(void **state)
{
    struct fixture *f = *state;
    static char text[40000];
    struct mn_envelope env = {.type = MN_TYPE_SINGLE_CHAT};
    expect(f, &env, MN_REASON_MISSING_MSG_ID);
    env.client_msg_id = MN_STR(" \t");
    expect(f, &env, MN_REASON_MISSING_MSG_ID);
    env.client_msg_id = MN_STR("c");
    expect(f, &env, MN_REASON_MISSING_TO);
    env.has |= MN_HAS_TO;
    expect(f, &env, MN_REASON_MISSING_BODY); /* `to` 0 is looked at last */
    env.body = repeat(text, "\xc3\xa9", 4097);
    expect(f, &env, MN_REASON_BODY_TOO_LONG);
    env.body.n -= 2;
    expect(f, &env, MN_REASON_INTERNAL_ERROR);
    env.to = ME;
    expect(f, &env, MN_REASON_CANNOT_SEND_TO_SELF);
    env.to = -1;
    expect(f, &env, MN_REASON_INTERNAL_ERROR);
    env.to = 8;
    expect(f, &env, MN_REASON_NONE);
}

/* In UTF-16 units: one beyond the BMP counts two. */
static void lengths(void **state)
{
    struct fixture *f = *state;
    static char text[40000];
    static const char *const units[] = {"x", "\xc3\xa9", "\xe4\xb8\xad"};
    for (size_t i = 0; i < MN_ARRAY_LEN(units); i++) {
        struct mn_envelope env = good();
        env.client_msg_id = repeat(text, units[i], 64);
        expect(f, &env, MN_REASON_NONE);
        env.client_msg_id = repeat(text, units[i], 65);
        expect(f, &env, MN_REASON_INTERNAL_ERROR);
        env = good();
        env.msg_type = repeat(text, units[i], 64);
        expect(f, &env, MN_REASON_NONE);
        env.msg_type = repeat(text, units[i], 65);
        expect(f, &env, MN_REASON_INTERNAL_ERROR);
        env = good();
        env.body = repeat(text, units[i], 4096);
        expect(f, &env, MN_REASON_NONE);
        env.body = repeat(text, units[i], 4097);
        expect(f, &env, MN_REASON_BODY_TOO_LONG);
    }
    struct mn_envelope env = good();
    env.msg_type = repeat(text, "\xf0\x9f\x98\x80", 32);
    expect(f, &env, MN_REASON_NONE);
    env.msg_type = repeat(text, "\xf0\x9f\x98\x80", 33);
    expect(f, &env, MN_REASON_INTERNAL_ERROR);
}

static void an_id_that_is_not_what_was_sent(void **state)
{
    struct fixture *f = *state;
    struct mn_envelope env = good();
    env.has |= MN_HAS_LOSSY_CLIENT_ID;
    expect(f, &env, MN_REASON_INTERNAL_ERROR);
}

/* The clock is outside the range of ids: nothing may be stored with one that is not positive. */
static void no_id_can_be_given(void **state)
{
    struct fixture *f = *state;
    struct mn_envelope env = good();
    mn_idgen_raise(&f->ids, INT64_MAX);
    expect(f, &env, MN_REASON_SERVER_BUSY);
}

static void no_memory(void **state)
{
    struct fixture *f = *state;
    struct mn_envelope env = good();
    struct mn_message m;
    torture_begin(1);
    mn_message_single(&f->rules, ME, &env, 123, &m);
    assert_true(torture_end());
    assert_int_equal(m.reason, MN_REASON_SERVER_BUSY);
    assert_null(m.op);
    assert_true(m.id > 0); /* the error names it */
}

static void text_of_a_revoked_one(void **state)
{
    (void)state;
    struct mn_msg msg = {.status = MN_MSG_SAVED, .body = MN_STR("secret")};
    assert_true(mn_str_is(mn_message_text(&msg), "secret"));
    msg.status = MN_MSG_REVOKED;
    assert_true(mn_str_is(mn_message_text(&msg), "\u5df2\u64a4\u56de"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_im_message(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_one),
        TEST(rows),
        TEST(lengths),
        TEST(an_id_that_is_not_what_was_sent),
        TEST(no_id_can_be_given),
        TEST(no_memory),
        TEST(text_of_a_revoked_one),
    };
    return cmocka_run_group_tests_name("im_message", tests, NULL, NULL);
}
