/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of calls (im/call/rules.h): every status, event and user; every mistake in a frame. */
#include "im/call/rules.h"

#include <string.h>

#include "base/mem.h"
#include "unit/im/tests.h"

enum { CALLER = 1, CALLEE = 2, OUTSIDER = 3 };

/* ---- events ---- */

/* As W-3.12 has it, written down a second time: what the event says, or becomes. */
struct row {
    enum mn_call_event event;
    struct {
        enum mn_reason reason;
        enum mn_call_status next;
    } ringing[3], accepted[3]; /* by caller, callee, outsider */
};
#define TO(status)                                                                                 \
    {                                                                                              \
        MN_REASON_NONE, MN_CALL_##status                                                           \
    }
#define NO(why)                                                                                    \
    {                                                                                              \
        MN_REASON_##why, 0                                                                         \
    }
static const struct row rows[] = {
    {MN_CALL_EV_ACCEPT,
     {NO(ONLY_CALLEE_CAN_ACCEPT), TO(ACCEPTED), NO(CALL_NOT_PARTICIPANT)},
     {NO(ONLY_CALLEE_CAN_ACCEPT), NO(CALL_NOT_RINGING), NO(CALL_NOT_PARTICIPANT)}},
    {MN_CALL_EV_REJECT,
     {NO(ONLY_CALLEE_CAN_REJECT), TO(REJECTED), NO(ONLY_CALLEE_CAN_REJECT)},
     {NO(ONLY_CALLEE_CAN_REJECT), NO(CALL_NOT_RINGING), NO(ONLY_CALLEE_CAN_REJECT)}},
    {MN_CALL_EV_CANCEL,
     {TO(CANCELED), NO(ONLY_CALLER_CAN_CANCEL), NO(ONLY_CALLER_CAN_CANCEL)},
     {NO(CALL_NOT_RINGING), NO(ONLY_CALLER_CAN_CANCEL), NO(ONLY_CALLER_CAN_CANCEL)}},
    {MN_CALL_EV_END,
     {TO(CANCELED), TO(REJECTED), NO(CALL_NOT_PARTICIPANT)},
     {TO(ENDED), TO(ENDED), NO(CALL_NOT_PARTICIPANT)}},
    {MN_CALL_EV_ICE,
     {TO(RINGING), TO(RINGING), NO(CALL_NOT_PARTICIPANT)},
     {TO(ACCEPTED), TO(ACCEPTED), NO(CALL_NOT_PARTICIPANT)}},
    {MN_CALL_EV_TIMEOUT,
     {TO(MISSED), TO(MISSED), TO(MISSED)},
     {NO(CALL_NOT_RINGING), NO(CALL_NOT_RINGING), NO(CALL_NOT_RINGING)}},
    {MN_CALL_EV_GONE, {TO(FAILED), TO(FAILED), TO(FAILED)}, {TO(FAILED), TO(FAILED), TO(FAILED)}},
};

static void every_event_meets_every_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
        for (int64_t who = CALLER; who <= OUTSIDER; who++) {
            for (int status = MN_CALL_RINGING; status < MN_CALL_STATUS_COUNT; status++) {
                struct mn_call_record call = {
                    .caller = CALLER, .callee = CALLEE, .status = (enum mn_call_status)status};
                enum mn_call_status next = MN_CALL_STATUS_COUNT;
                enum mn_reason reason = mn_call_rule(&call, rows[i].event, who, &next);
                if (mn_call_is_over(call.status)) {
                    assert_int_equal(reason, MN_REASON_CALL_NOT_FOUND);
                    continue;
                }
                bool rings = status == MN_CALL_RINGING;
                enum mn_reason want = rings ? rows[i].ringing[who - 1].reason
                                            : rows[i].accepted[who - 1].reason;
                assert_int_equal(reason, want);
                if (reason == MN_REASON_NONE)
                    assert_int_equal(next, rings ? rows[i].ringing[who - 1].next
                                                 : rows[i].accepted[who - 1].next);
                else
                    assert_int_equal(next, MN_CALL_STATUS_COUNT);
            }
        }
    }
}

static void the_peer_is_the_other_one(void **state)
{
    (void)state;
    const struct mn_call_record call = {.caller = CALLER, .callee = CALLEE};
    assert_int_equal(mn_call_peer(&call, CALLER), CALLEE);
    assert_int_equal(mn_call_peer(&call, CALLEE), CALLER);
}

static void frames_are_events(void **state)
{
    (void)state;
    assert_int_equal(mn_call_event_of(MN_TYPE_CALL_INVITE), MN_CALL_EV_NONE);
    assert_int_equal(mn_call_event_of(MN_TYPE_CALL_ACCEPT), MN_CALL_EV_ACCEPT);
    assert_int_equal(mn_call_event_of(MN_TYPE_CALL_REJECT), MN_CALL_EV_REJECT);
    assert_int_equal(mn_call_event_of(MN_TYPE_CALL_CANCEL), MN_CALL_EV_CANCEL);
    assert_int_equal(mn_call_event_of(MN_TYPE_CALL_END), MN_CALL_EV_END);
    assert_int_equal(mn_call_event_of(MN_TYPE_CALL_ICE), MN_CALL_EV_ICE);
    assert_int_equal(mn_call_event_of(MN_TYPE_CALL_TIMEOUT), MN_CALL_EV_NONE);
}

/* ---- frames ---- */

static struct mn_envelope good(enum mn_type type)
{
    return (struct mn_envelope){.type = type,
                                .has = MN_HAS_TO | MN_HAS_CALL_ID,
                                .to = CALLEE,
                                .call_id = 77,
                                .sdp = MN_STR("v=0"),
                                .ice_candidate = MN_STR("candidate:1")};
}

static enum mn_reason check(const struct mn_envelope *env) { return mn_call_check(CALLER, env); }

/* `n` characters U+1F600, of two units each. */
static struct mn_str emoji(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(p + i * 4, "\xf0\x9f\x98\x80", 4);
    return mn_str_make(p, n * 4);
}

static void invites_are_checked_in_order(void **state)
{
    static char big[60001 * 4];
    struct mn_envelope env = {.type = MN_TYPE_CALL_INVITE, .call_kind = MN_STR("audio")};
    (void)state;
    /* All is wrong; each step mends what was told. */
    assert_int_equal(check(&env), MN_REASON_MISSING_TO);
    env.has |= MN_HAS_TO;
    env.to = CALLER;
    assert_int_equal(check(&env), MN_REASON_UNSUPPORTED_CALL_KIND);
    env.call_kind = MN_STR(" \t");
    assert_int_equal(check(&env), MN_REASON_MISSING_SDP);
    env.sdp = MN_STR(" \r\n ");
    assert_int_equal(check(&env), MN_REASON_MISSING_SDP);
    env.sdp = emoji(big, 60001);
    assert_int_equal(check(&env), MN_REASON_SDP_TOO_LONG);
    env.sdp = emoji(big, 60000); /* 240,000 bytes, 120,000 units */
    assert_int_equal(check(&env), MN_REASON_CANNOT_CALL_SELF);
    env.to = 0; /* nobody's friend */
    assert_int_equal(check(&env), MN_REASON_NONE);
    env.call_kind = MN_STR("ViDeO");
    assert_int_equal(check(&env), MN_REASON_NONE);
    env.call_kind = MN_STR("video ");
    assert_int_equal(check(&env), MN_REASON_UNSUPPORTED_CALL_KIND);
    env.call_kind = MN_STR_NONE;
    assert_int_equal(check(&env), MN_REASON_NONE);
}

static void others_need_a_call(void **state)
{
    static const enum mn_type types[] = {MN_TYPE_CALL_ACCEPT, MN_TYPE_CALL_REJECT,
                                         MN_TYPE_CALL_CANCEL, MN_TYPE_CALL_END, MN_TYPE_CALL_ICE};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(types); i++) {
        struct mn_envelope env = good(types[i]);
        assert_int_equal(check(&env), MN_REASON_NONE);
        env.call_id = INT64_MAX;
        assert_int_equal(check(&env), MN_REASON_NONE);
        env.sdp = env.ice_candidate = MN_STR_NONE; /* the call comes first */
        env.call_id = 0;
        assert_int_equal(check(&env), MN_REASON_MISSING_CALL_ID);
        env.call_id = -1;
        assert_int_equal(check(&env), MN_REASON_MISSING_CALL_ID);
        env.call_id = 77;
        env.has = 0;
        assert_int_equal(check(&env), MN_REASON_MISSING_CALL_ID);
    }
}

static void answers_need_an_sdp(void **state)
{
    static char big[60001 * 4];
    struct mn_envelope env = good(MN_TYPE_CALL_ACCEPT);
    (void)state;
    env.sdp = MN_STR_NONE;
    assert_int_equal(check(&env), MN_REASON_MISSING_SDP);
    env.sdp = emoji(big, 60001);
    assert_int_equal(check(&env), MN_REASON_SDP_TOO_LONG);
    env.sdp = emoji(big, 60000);
    assert_int_equal(check(&env), MN_REASON_NONE);
}

static void candidates_have_a_ceiling(void **state)
{
    static char big[2049 * 4];
    struct mn_envelope env = good(MN_TYPE_CALL_ICE);
    (void)state;
    env.ice_candidate = MN_STR("");
    assert_int_equal(check(&env), MN_REASON_MISSING_ICE_CANDIDATE);
    env.ice_candidate = emoji(big, 2049);
    assert_int_equal(check(&env), MN_REASON_ICE_CANDIDATE_TOO_LONG);
    env.ice_candidate = emoji(big, 2048);
    assert_int_equal(check(&env), MN_REASON_NONE);
}

static void reasons_are_cut_between_characters(void **state)
{
    char text[70 * 4 + 1];
    (void)state;
    assert_null(mn_call_reason(MN_STR_NONE).p);
    assert_null(mn_call_reason(MN_STR("")).p);
    assert_null(mn_call_reason(MN_STR(" \t\r\n")).p);
    assert_null(mn_call_reason(MN_STR("\xe3\x80\x80")).p);
    assert_true(mn_str_is(mn_call_reason(MN_STR("  hang up\n")), "hang up"));
    memset(text, 'x', sizeof(text));
    assert_int_equal(mn_call_reason(mn_str_make(text, 64)).n, 64);
    assert_int_equal(mn_call_reason(mn_str_make(text, 65)).n, 64);
    assert_int_equal(mn_call_reason(emoji(text, 32)).n, 32 * 4);
    assert_int_equal(mn_call_reason(emoji(text, 33)).n, 32 * 4);
    emoji(text + 1, 33); /* the 64th and 65th unit are one character */
    text[0] = 'x';
    assert_int_equal(mn_call_reason(mn_str_make(text, 1 + 33 * 4)).n, 1 + 31 * 4);
    for (int i = 0; i < 65; i++)
        memcpy(text + i * 3, "\xe2\x82\xac", 3);
    assert_int_equal(mn_call_reason(mn_str_make(text, 65 * 3)).n, 64 * 3);
    assert_true(MN_CALL_REASON_BYTES > 64 * 3);
    for (int i = 0; i < 65; i++)
        memcpy(text + i * 2, "\xc3\xa9", 2);
    assert_int_equal(mn_call_reason(mn_str_make(text, 65 * 2)).n, 64 * 2);
}

int test_im_call_rules(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_meets_every_status),
        cmocka_unit_test(the_peer_is_the_other_one),
        cmocka_unit_test(frames_are_events),
        cmocka_unit_test(invites_are_checked_in_order),
        cmocka_unit_test(others_need_a_call),
        cmocka_unit_test(answers_need_an_sdp),
        cmocka_unit_test(candidates_have_a_ceiling),
        cmocka_unit_test(reasons_are_cut_between_characters),
    };
    return cmocka_run_group_tests_name("im/call_rules", tests, NULL, NULL);
}
