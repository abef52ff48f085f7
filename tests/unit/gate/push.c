/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from the rules to users, through the one door (gate/push.h). */
#include "im/sink.h"
#include "unit/gate/loopback.h"
#include "unit/gate/tests.h"

static const struct mn_envelope event = {.type = MN_TYPE_GROUP_EVENT,
                                         .has = MN_HAS_GROUP_ID | MN_HAS_FROM,
                                         .group_id = 900,
                                         .from = 7,
                                         .body = {"renamed", 7}};

static void push(const int64_t *uids, size_t n, const struct mn_envelope *env)
{
    const struct mn_sink sink = mn_gate_sink(lb->gate);
    mn_sink_push(&sink, uids, n, env);
}

static void reaches_who_is_there(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1), *b = lb_user(1, 2), *c = lb_user(1, 3);
    const int64_t uids[] = {1, 99, 2, -5};
    push(uids, 4, &event);
    lb_expect_quiet(a); /* nothing before their loops ran */
    lb_run_posts();
    const char *text = lb_next(a);
    assert_non_null(text);
    assert_non_null(strstr(text, "{\"type\":\"GROUP_EVENT\",\"from\":\"7\",\"groupId\":\"900\","
                                 "\"body\":\"renamed\",\"ts\":"));
    /* Encoded once, whatever the number of users and loops. */
    assert_ptr_equal(a->frames[a->count - 1].frame, b->frames[b->count - 1].frame);
    lb_expect(b, "'body':'renamed'");
    lb_expect_quiet(a);
    lb_expect_quiet(b);
    lb_expect_quiet(c);
}

static void is_no_longer_his(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    const int64_t uids[] = {1};
    push(uids, 1, &event);
    lb_gone(a);
    lb_run_posts(); /* the frame is released: the sanitizer would tell */
    struct mn_conn *again = lb_user(0, 1);
    lb_expect_quiet(again);
}

/* What a client can ask for later is left out; a call's frame missing would let it wait for ever. */
static void congested(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    const int64_t uids[] = {1};
    struct mn_envelope call = event;
    lb_congest(a, true);
    push(uids, 1, &event);
    lb_run_posts();
    lb_expect_quiet(a);
    call.type = MN_TYPE_CALL_END;
    push(uids, 1, &call);
    lb_run_posts();
    assert_true(a->closed);
}

static void without_memory(void **state)
{
    (void)state;
    struct mn_conn *a = lb_user(0, 1);
    const int64_t uids[] = {1};
    lb_torture(1);
    push(uids, 1, &event);
    assert_true(lb_torture_end());
    lb_run_posts();
    lb_expect_quiet(a);
}

int test_gate_push(void)
{
    const struct CMUnitTest tests[] = {
        LB_TEST(reaches_who_is_there),
        LB_TEST(is_no_longer_his),
        LB_TEST(congested),
        LB_TEST(without_memory),
    };
    return cmocka_run_group_tests_name("gate/push", tests, NULL, NULL);
}
