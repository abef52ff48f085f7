/* SPDX-License-Identifier: Apache-2.0 */
/* H-7.7: conversations and messages of groups. */
#include "base/mem.h"
#include "unit/api/support.h"
#include "unit/api/tests.h"

#define ME 10001
#define BASE_MS INT64_C(1769241367000)

static void member(struct ta *t, enum mn_op_kind kind, int64_t group, int64_t user, int64_t ms)
{
    struct mn_op *op = mn_op_new(kind, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = user;
    op->key = mn_chat_group(group);
    op->unix_ms = ms;
    ta_do(t, op);
    mn_op_unref(op);
}

/* Returns the message's id. */
static int64_t say(struct ta *t, int64_t group, int64_t from, const char *text, int64_t mention,
                   int64_t reply_to, int64_t ms)
{
    char client_id[32], uids[MN_UID_BYTES];
    int64_t id = mn_idgen_next(&t->ids);
    snprintf(client_id, sizeof(client_id), "g-%lld", (long long)id);
    mn_uids_set(uids, 0, mention);
    struct mn_op *op = mn_op_new_append(mn_str_c(client_id), MN_STR_NONE, mn_str_c(text),
                                        mn_str_make(uids, mention ? sizeof(uids) : 0));
    assert_non_null(op);
    op->from = from;
    op->key = mn_chat_group(group);
    op->id = id;
    op->unix_ms = ms;
    op->reply_to = reply_to;
    ta_do(t, op);
    mn_op_unref(op);
    return id;
}

static void take_back(struct ta *t, int64_t from, int64_t id)
{
    struct mn_op *op = mn_op_new(MN_OP_REVOKE, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = from;
    op->id = id;
    op->unix_ms = BASE_MS + 100000;
    ta_do(t, op);
    mn_op_unref(op);
}

static const char *text_at(json_t *list, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(list, i), key));
}

static int64_t number_at(json_t *list, size_t i, const char *key)
{
    return json_integer_value(json_object_get(json_array_get(list, i), key));
}

static void conversations(void **state)
{
    struct ta *t = *state;
    for (int64_t group = 901; group <= 904; group++) {
        member(t, MN_OP_JOIN, group, ME, BASE_MS);
        member(t, MN_OP_JOIN, group, 5, BASE_MS);
    }
    ta_message(t, 5, ME, "of two", BASE_MS + 9000); /* is not among them */
    say(t, 902, 5, "hi", 0, 0, BASE_MS + 100);
    int64_t gone = say(t, 902, 5, "@me", ME, 0, BASE_MS + 200);
    say(t, 902, 5, "@me", ME, 0, BASE_MS + 300);
    say(t, 902, ME, "well", 5, 0, BASE_MS + 400);
    say(t, 904, 5, "first", 0, 0, BASE_MS + 50);
    member(t, MN_OP_LEAVE, 903, ME, BASE_MS + 500);
    take_back(t, 5, gone);

    json_t *rows = ta_get(t, "/group/conversation/cursor", ME);
    assert_int_equal(json_array_size(rows), 3);
    assert_int_equal(json_object_size(json_array_get(rows, 0)), 6);
    assert_string_equal(text_at(rows, 0, "groupId"), "902");
    assert_string_equal(text_at(rows, 0, "name"), "group 2");
    assert_int_equal(number_at(rows, 0, "unreadCount"), 3);
    assert_int_equal(number_at(rows, 0, "mentionUnreadCount"), 1);
    json_t *last = json_object_get(json_array_get(rows, 0), "lastMessage");
    assert_int_equal(json_object_size(last), 5);
    assert_string_equal(json_string_value(json_object_get(last, "content")), "well");
    assert_string_equal(json_string_value(json_object_get(last, "fromUserId")), "10001");
    assert_int_equal(json_integer_value(json_object_get(last, "msgSeq")), 4);
    assert_string_equal(text_at(rows, 1, "groupId"), "904");
    assert_string_equal(text_at(rows, 2, "groupId"), "901");
    assert_true(json_is_null(json_object_get(json_array_get(rows, 2), "lastMessage")));
    json_decref(rows);
    assert_int_equal(t->name_queries, 1); /* one for the page */

    json_t *theirs = ta_get(t, "/group/conversation/cursor", 5);
    assert_int_equal(json_array_size(theirs), 4);
    assert_int_equal(number_at(theirs, 0, "unreadCount"), 1);
    assert_int_equal(number_at(theirs, 0, "mentionUnreadCount"), 1);
    json_decref(theirs);
}

static void revoked_last_message(void **state)
{
    struct ta *t = *state;
    member(t, MN_OP_JOIN, 901, ME, BASE_MS);
    int64_t id = say(t, 901, ME, "secret", 0, 0, BASE_MS + 1);
    take_back(t, ME, id);
    struct ta_reply reply = ta_ask(t, "GET", "/group/conversation/cursor", ME, NULL, NULL);
    assert_null(strstr(reply.text, "secret"));
    assert_non_null(strstr(reply.text, "\xe5\xb7\xb2\xe6\x92\xa4\xe5\x9b\x9e"));
    ta_free(&reply);
    reply = ta_ask(t, "GET", "/group/message/cursor?groupId=901", ME, NULL, NULL);
    assert_null(strstr(reply.text, "secret"));
    assert_non_null(strstr(reply.text, "\"status\":\"REVOKED\""));
    ta_free(&reply);
}

/* From page to page as of single chats; half a cursor is a mistake. */
static void pages_of_conversations(void **state)
{
    struct ta *t = *state;
    char target[200] = "/group/conversation/cursor?limit=2";
    int64_t expected = 923; /* the last one is the newest */
    for (int64_t group = 901; group <= 923; group++) {
        member(t, MN_OP_JOIN, group, ME, BASE_MS);
        say(t, group, ME, "x", 0, 0, BASE_MS + group / 4); /* four at a time: the id decides */
    }
    for (unsigned page = 0; page < 12; page++) {
        json_t *rows = ta_get(t, target, ME);
        size_t count = json_array_size(rows);
        assert_int_equal(count, page < 11 ? 2 : 1);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(atoll(text_at(rows, i, "groupId")), expected--);
        snprintf(target, sizeof(target),
                 "/group/conversation/cursor?limit=2&lastUpdatedAt=%s&lastId=%s",
                 text_at(rows, count - 1, "updatedAt"), text_at(rows, count - 1, "groupId"));
        json_decref(rows);
    }
    json_t *none = ta_get(t, target, ME);
    assert_int_equal(json_array_size(none), 0);
    json_decref(none);
    ta_expect(t, "GET", "/group/conversation/cursor?lastId=1", ME, NULL, NULL, 200, 40000,
              "cursor_need_lastUpdatedAt_and_lastId");
    json_t *all = ta_get(t, "/group/conversation/cursor?limit=1000", ME);
    assert_int_equal(json_array_size(all), 23);
    json_decref(all);
}

static void a_full_page(void **state)
{
    struct ta *t = *state;
    for (int64_t group = 901; group <= 1003; group++)
        member(t, MN_OP_JOIN, group, ME, BASE_MS);
    json_t *rows = ta_get(t, "/group/conversation/cursor?limit=1000", ME);
    assert_int_equal(json_array_size(rows), 100);
    assert_string_equal(text_at(rows, 0, "groupId"), "1003");
    assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "name"))); /* no name of it */
    json_decref(rows);
    t->names_err = MN_EIO;
    ta_expect(t, "GET", "/group/conversation/cursor", ME, NULL, NULL, 500, 50000, "internal_error");
    t->names_err = MN_ENOSPC; /* passes by itself, as over the WebSocket */
    ta_expect(t, "GET", "/group/conversation/cursor", ME, NULL, NULL, 503, 50000, "server_busy");
}

static void check_sequence(struct ta *t, const char *target, const char *expected)
{
    char got[400] = "";
    size_t used = 0;
    json_t *rows = ta_get(t, target, ME);
    for (size_t i = 0; i < json_array_size(rows); i++)
        used += (size_t)snprintf(got + used, sizeof(got) - used, "%d ",
                                 (int)number_at(rows, i, "msgSeq"));
    json_decref(rows);
    assert_string_equal(got, expected);
}

static void messages(void **state)
{
    struct ta *t = *state;
    member(t, MN_OP_JOIN, 901, 5, BASE_MS);
    int64_t first = say(t, 901, 5, "before", 0, 0, BASE_MS + 1);
    member(t, MN_OP_JOIN, 901, ME, BASE_MS + 2);
    for (int i = 2; i <= 5; i++)
        say(t, 901, ME, "x", i == 3 ? 5 : 0, i == 4 ? first : 0, BASE_MS + i);
    check_sequence(t, "/group/message/cursor?groupId=901", "5 4 3 2 1 ");
    check_sequence(t, "/group/message/cursor?groupId=901&limit=2&lastSeq=4", "3 2 ");
    check_sequence(t, "/group/message/cursor?groupId=901&limit=0", "5 ");
    check_sequence(t, "/group/message/cursor?groupId=901&limit=-5", "5 ");
    check_sequence(t, "/group/message/cursor?groupId=901&limit=99999999999", "5 4 3 2 1 ");
    check_sequence(t, "/group/message/since?groupId=901", "1 2 3 4 5 ");
    check_sequence(t, "/group/message/since?groupId=901&sinceSeq=3", "4 5 ");
    check_sequence(t, "/group/message/since?groupId=901&sinceSeq=5", "");
    check_sequence(t, "/group/message/since?groupId=901&sinceSeq=-3&limit=2", "1 2 ");

    json_t *rows = ta_get(t, "/group/message/since?groupId=901", ME);
    json_t *row = json_array_get(rows, 2);
    assert_int_equal(json_object_size(row), 16);
    assert_string_equal(text_at(rows, 2, "chatType"), "GROUP");
    assert_string_equal(text_at(rows, 2, "groupId"), "901");
    assert_true(json_is_null(json_object_get(row, "singleChatId")));
    assert_true(json_is_null(json_object_get(row, "toUserId")));
    assert_true(json_is_null(json_object_get(row, "replyToServerMsgId")));
    json_t *mentions = json_object_get(row, "mentions");
    assert_int_equal(json_array_size(mentions), 1);
    assert_string_equal(json_string_value(json_array_get(mentions, 0)), "5");
    assert_int_equal(atoll(text_at(rows, 3, "replyToServerMsgId")), first);
    assert_int_equal(json_array_size(json_object_get(json_array_get(rows, 3), "mentions")), 0);
    json_decref(rows);
}

static void who_may_read(void **state)
{
    static const char *const calls[] = {"/group/message/cursor", "/group/message/since"};
    struct ta *t = *state;
    char target[100];
    member(t, MN_OP_JOIN, 901, ME, BASE_MS);
    member(t, MN_OP_JOIN, 901, 5, BASE_MS);
    ta_message(t, ME, 5, "of two", BASE_MS);
    int64_t pair = 0;
    assert_int_equal(mn_msglog_pair(t->msglog, ME, 5, &pair), MN_OK);
    for (unsigned i = 0; i < MN_ARRAY_LEN(calls); i++) {
        static const struct {
            const char *query;
            int64_t user;
            unsigned status;
            int code;
            const char *message;
        } cases[] = {
            {"?groupId=901", 0, 200, 40100, "unauthorized"},
            {"?groupId=901", 6, 200, 40300, "not_group_member"},
            {"?groupId=999", ME, 200, 40300, "not_group_member"},
            {"?groupId=9223372036854775807", ME, 200, 40300, "not_group_member"},
            {"?groupId=0", ME, 200, 40000, "missing_group_id"},
            {"?groupId=-901", ME, 200, 40000, "missing_group_id"},
            {"", ME, 400, 40000, "missing_parameter"},
            {"?groupId=x", ME, 400, 40000, "bad_parameter"},
            {"?groupId=9223372036854775808", ME, 400, 40000, "bad_parameter"},
        };
        for (unsigned k = 0; k < MN_ARRAY_LEN(cases); k++) {
            snprintf(target, sizeof(target), "%s%s", calls[i], cases[k].query);
            ta_expect(t, "GET", target, cases[k].user, NULL, NULL, cases[k].status, cases[k].code,
                      cases[k].message);
        }
        /* A chat of two is no group, whatever its id says. */
        snprintf(target, sizeof(target), "%s?groupId=%lld", calls[i], (long long)pair);
        ta_expect(t, "GET", target, ME, NULL, NULL, 200, 40300, "not_group_member");
        snprintf(target, sizeof(target), "%s?groupId=901", calls[i]);
        json_decref(ta_get(t, target, 5));
    }
    member(t, MN_OP_LEAVE, 901, 5, BASE_MS);
    ta_expect(t, "GET", "/group/message/since?groupId=901", 5, NULL, NULL, 200, 40300,
              "not_group_member");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ta_setup, ta_teardown)

int test_api_group_message(void)
{
    const struct CMUnitTest tests[] = {
        TEST(conversations),
        TEST(revoked_last_message),
        TEST(pages_of_conversations),
        TEST(a_full_page),
        TEST(messages),
        TEST(who_may_read),
    };
    return cmocka_run_group_tests_name("api/group_message", tests, NULL, NULL);
}
