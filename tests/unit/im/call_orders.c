/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in every order of what may happen to one, against a model; and in threads. */
#include <string.h>

#include "im/call/rules.h"
#include "unit/im/call_world.h"

/* ---- every order of what may happen to a call ---- */

enum step {
    S_ACCEPT,
    S_REJECT,
    S_CANCEL,
    S_END_CALLER,
    S_END_CALLEE,
    S_END_OUTSIDER,
    S_CALLER_LEAVES,
    S_CALLEE_LEAVES,
    S_CALLER_RETURNS,
    S_CALLEE_RETURNS,
    S_RING_PASSES,
    S_GRACE_PASSES,
    S_COUNT
};

/* The rules once more, as simply as they can be said. */
struct model {
    enum mn_call_status status;
    uint64_t at, ring_until, gone_until[3]; /* 0: not waiting */
    bool online[3];
};

static void model_time(struct model *m, uint64_t ms)
{
    uint64_t end = m->at + ms;
    while (m->status < MN_CALL_REJECTED) {
        uint64_t next = m->status == MN_CALL_RINGING ? m->ring_until : UINT64_MAX;
        int what = 0;
        for (int who = 1; who <= 2; who++)
            if (m->gone_until[who] && m->gone_until[who] < next) {
                next = m->gone_until[who];
                what = who;
            }
        if (next > end)
            break;
        if (what == 0)
            m->status = MN_CALL_MISSED;
        else if (!m->online[what])
            m->status = MN_CALL_FAILED;
        else
            m->gone_until[what] = 0;
    }
    m->at = end;
}

static void model_step(struct model *m, enum step step)
{
    bool rings = m->status == MN_CALL_RINGING, on = rings || m->status == MN_CALL_ACCEPTED;
    switch (step) {
    case S_ACCEPT:
        m->status = rings ? MN_CALL_ACCEPTED : m->status;
        break;
    case S_REJECT:
        m->status = rings ? MN_CALL_REJECTED : m->status;
        break;
    case S_CANCEL:
        m->status = rings ? MN_CALL_CANCELED : m->status;
        break;
    case S_END_CALLER:
        m->status = rings ? MN_CALL_CANCELED : on ? MN_CALL_ENDED : m->status;
        break;
    case S_END_CALLEE:
        m->status = rings ? MN_CALL_REJECTED : on ? MN_CALL_ENDED : m->status;
        break;
    case S_CALLER_LEAVES:
    case S_CALLEE_LEAVES:
        m->online[1 + step - S_CALLER_LEAVES] = false;
        m->gone_until[1 + step - S_CALLER_LEAVES] = m->at + CW_GRACE_MS;
        break;
    case S_CALLER_RETURNS:
    case S_CALLEE_RETURNS:
        m->online[1 + step - S_CALLER_RETURNS] = true;
        break;
    case S_RING_PASSES:
        model_time(m, CW_RING_MS);
        break;
    case S_GRACE_PASSES:
        model_time(m, CW_GRACE_MS);
        break;
    case S_END_OUTSIDER:
    case S_COUNT:
        break;
    }
}

static void real_step(enum step step, int64_t call)
{
    static const struct {
        int64_t who;
        enum mn_type type;
    } frames[] = {[S_ACCEPT] = {2, MN_TYPE_CALL_ACCEPT},  [S_REJECT] = {2, MN_TYPE_CALL_REJECT},
                  [S_CANCEL] = {1, MN_TYPE_CALL_CANCEL},  [S_END_CALLER] = {1, MN_TYPE_CALL_END},
                  [S_END_CALLEE] = {2, MN_TYPE_CALL_END}, [S_END_OUTSIDER] = {3, MN_TYPE_CALL_END}};
    if (step <= S_END_OUTSIDER)
        cw_say(frames[step].who, frames[step].type, call);
    else if (step == S_CALLER_LEAVES || step == S_CALLEE_LEAVES)
        cw_leave(1 + step - S_CALLER_LEAVES);
    else if (step == S_CALLER_RETURNS || step == S_CALLEE_RETURNS)
        cw.online[1 + step - S_CALLER_RETURNS] = true;
    else
        cw_pass(step == S_RING_PASSES ? CW_RING_MS : CW_GRACE_MS);
}

static void try_order(unsigned order, unsigned length)
{
    cw.record_count = 0;
    cw.online[1] = cw.online[2] = true;
    cw_forget();
    int64_t call = cw_ringing();
    struct model m = {.status = MN_CALL_RINGING, .at = 0, .ring_until = CW_RING_MS};
    m.online[1] = m.online[2] = true;
    for (unsigned i = 0; i < length; i++, order /= S_COUNT) {
        real_step(order % S_COUNT, call);
        model_step(&m, order % S_COUNT);
        assert_int_equal(cw_record(call)->status, m.status);
        /* Over for one is over for both, and for the record. */
        bool is_over = mn_call_is_over(m.status);
        assert_int_equal(mn_metrics_sum(cw.metrics, MN_M_CALLS), !is_over);
        assert_int_equal(mn_call_table_of(&cw.calls->table, 1) == NULL, is_over);
        assert_int_equal(mn_call_table_of(&cw.calls->table, 2) == NULL, is_over);
        assert_int_equal(cw_record(call)->ended_ms != 0, is_over);
        cw_forget();
    }
    struct mn_call *left = mn_call_table_first(&cw.calls->table);
    if (left)
        mn_calls_abandon(cw.calls, left, "", cw_now);
    assert_int_equal(cw.record_count, 1);
}

static void every_order_of_four(void **state)
{
    (void)state;
    unsigned orders = S_COUNT * S_COUNT * S_COUNT * S_COUNT;
    for (unsigned order = 0; order < orders; order++)
        try_order(order, 4);
}

/* ---- with the thread ---- */

/* Two of many users who all call each other at once; what is left must fit together. */
struct user_thread {
    pthread_t thread;
    int64_t user;
    bool ok;
};

static void *calls_all_others(void *arg)
{
    struct user_thread *t = arg;
    struct mn_envelope env = {
        .type = MN_TYPE_CALL_INVITE, .has = MN_HAS_TO, .sdp = MN_STR("offer")};
    t->ok = true;
    for (env.to = 1; env.to < 7; env.to++) {
        if (env.to == t->user)
            continue;
        t->ok = t->ok && mn_calls_submit(cw.calls, t->user, &env) == MN_OK;
        mn_calls_gone(cw.calls, t->user);
    }
    return NULL;
}

static void invites_cross_in_threads(void **state)
{
    struct user_thread threads[6];
    (void)state;
    assert_int_equal(mn_calls_start(cw.calls), MN_OK);
    for (int i = 0; i < 6; i++) {
        threads[i] = (struct user_thread){.user = i + 1};
        assert_int_equal(pthread_create(&threads[i].thread, NULL, calls_all_others, &threads[i]),
                         0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i].thread, NULL);
        assert_true(threads[i].ok);
    }
    mn_calls_stop(cw.calls);
    /* 30 invites: each has a record and an answer, and nobody was in two calls. */
    unsigned rang[CW_USERS] = {0}, answers = 0, rings = 0;
    assert_int_equal(cw.record_count, 30);
    for (size_t i = 0; i < cw.record_count; i++) {
        const struct mn_call_record *r = &cw.records[i];
        assert_int_equal(r->status, MN_CALL_FAILED);
        if (strcmp(r->reason, "busy") == 0)
            continue;
        assert_string_equal(r->reason, "server_restart");
        rang[r->caller]++;
        rang[r->callee]++;
        rings++;
    }
    for (int i = 1; i < 7; i++)
        assert_true(rang[i] <= 1);
    for (size_t i = 0; i < cw.frame_count; i++)
        answers += cw.frames[i].env.type != MN_TYPE_CALL_INVITE;
    assert_true(rings >= 2);
    assert_int_equal(answers, 30);
    assert_int_equal(cw.frame_count, 30 + rings);
}

int test_im_call_orders(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, cw_setup, cw_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_order_of_four),
        TEST(invites_cross_in_threads),
    };
    return cmocka_run_group_tests_name("im/call_orders", tests, NULL, NULL);
}
