/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/proto/tests.h"

#include "proto/envelope.h"
#include "proto/reason.h"

static void every_type_is_found_by_its_name(void **state)
{
    (void)state;
    for (int t = 1; t < MN_TYPE_COUNT; t++) {
        struct mn_str name = mn_str_c(mn_type_name((enum mn_type)t));

        assert_true(name.n > 0);
        assert_int_equal(mn_type_find(name), t);
    }
    assert_string_equal(mn_type_name(MN_TYPE_GROUP_JOIN_DECISION), "GROUP_JOIN_DECISION");
    assert_string_equal(mn_type_name(MN_TYPE_UNKNOWN), "");
    assert_string_equal(mn_type_name(MN_TYPE_COUNT), "");
}

static void other_names_are_unknown(void **state)
{
    static const char *const names[] = {"", "ping", "Ping", "PING ", "PIN", "SINGLE_CHAU", "ACKS"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(mn_type_find(mn_str_c(names[i])), MN_TYPE_UNKNOWN);
    assert_int_equal(mn_type_find(MN_STR_NONE), MN_TYPE_UNKNOWN);
}

/* W-1.7 step 7. */
static void clients_may_send_exactly_these(void **state)
{
    static const char *const inbound[] = {
        "AUTH",           "REAUTH",      "PING",        "PONG",        "SINGLE_CHAT",
        "GROUP_CHAT",     "ACK",         "CALL_INVITE", "CALL_ACCEPT", "FRIEND_REQUEST",
        "MESSAGE_REVOKE", "CALL_REJECT", "CALL_CANCEL", "CALL_END",    "CALL_ICE"};
    size_t count = 0;

    (void)state;
    for (int t = 0; t <= MN_TYPE_COUNT; t++)
        count += mn_type_is_inbound((enum mn_type)t);
    assert_int_equal(count, sizeof(inbound) / sizeof(inbound[0]));
    for (size_t i = 0; i < count; i++)
        assert_true(mn_type_is_inbound(mn_type_find(mn_str_c(inbound[i]))));
}

static void reasons_have_their_texts(void **state)
{
    (void)state;
    assert_string_equal(mn_reason_text(MN_REASON_NONE), "");
    assert_string_equal(mn_reason_text(MN_REASON_COUNT), "");
    assert_string_equal(mn_reason_text(MN_REASON_MISSING_TOKEN), "missing_token");
    assert_string_equal(mn_reason_text(MN_REASON_SERVER_BUSY), "server_busy");
    for (int r = 1; r < MN_REASON_COUNT; r++)
        assert_true(mn_reason_text((enum mn_reason)r)[0] != '\0');
}

int test_proto_names(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_found_by_its_name),
        cmocka_unit_test(other_names_are_unknown),
        cmocka_unit_test(clients_may_send_exactly_these),
        cmocka_unit_test(reasons_have_their_texts),
    };

    return cmocka_run_group_tests_name("proto_names", tests, NULL, NULL);
}
