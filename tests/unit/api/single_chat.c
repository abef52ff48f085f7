/* SPDX-License-Identifier: Apache-2.0 */
/* H-7.4: order, cursors and pages of conversations and messages, with times of our choice. */
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include "base/mem.h"
#include "base/num.h"
#include "im/message.h"

#define ME 10001
#define BASE_MS INT64_C(1769241367000)

static const char *text_at(json_t *list, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(list, i), key));
}

/* Walks the cursor in pages of `limit`, joining the peers of all rows. */
static void walk(struct ta *t, unsigned limit, char *out, size_t cap)
{
    char target[400] = "";
    size_t used = 0;
    snprintf(target, sizeof(target), "/single-chat/conversation/cursor?limit=%u", limit);
    out[0] = '\0';
    for (unsigned page = 0; page < 100; page++) {
        json_t *rows = ta_get(t, target, ME);
        size_t count = json_array_size(rows);
        assert_true(count <= limit);
        for (size_t i = 0; i < count; i++)
            used += (size_t)snprintf(out + used, cap - used, "%s ", text_at(rows, i, "peerUserId"));
        if (count > 0)
            snprintf(target, sizeof(target),
                     "/single-chat/conversation/cursor?limit=%u&lastUpdatedAt=%s&lastId=%s", limit,
                     text_at(rows, count - 1, "updatedAt"),
                     text_at(rows, count - 1, "singleChatId"));
        json_decref(rows);
        if (count == 0)
            return;
    }
    fail_msg("the cursor does not end");
}

/* Peers 1 to 12; three of them at the same millisecond, where the chat id decides. */
static void fill(struct ta *t)
{
    static const int64_t at[] = {5, 900, 30, 30, 30, 7, 1000, 2, 450, 10, 999, 1};
    for (size_t i = 0; i < MN_ARRAY_LEN(at); i++)
        assert_int_equal(ta_message(t, (int64_t)i + 1, ME, "hello", BASE_MS + at[i]), 1);
}

static void newest_first_whatever_the_page(void **state)
{
    struct ta *t = *state;
    char rows[400];
    fill(t);
    for (unsigned limit = 1; limit <= 13; limit++) {
        walk(t, limit, rows, sizeof(rows));
        assert_string_equal(rows, "7 11 2 9 5 4 3 10 6 1 8 12 ");
    }
    /* A new message moves its chat to the top. */
    ta_message(t, ME, 12, "me too", BASE_MS + 5000);
    walk(t, 5, rows, sizeof(rows));
    assert_string_equal(rows, "12 7 11 2 9 5 4 3 10 6 1 8 ");
}

static void elements_of_the_list(void **state)
{
    struct ta *t = *state;
    ta_message(t, 5, ME, "one \"quoted\"", BASE_MS + 100);
    ta_message(t, 5, ME, "two", BASE_MS + 200);
    json_t *rows = ta_get(t, "/single-chat/conversation/cursor", ME);
    json_t *row = json_array_get(rows, 0), *last = json_object_get(row, "lastMessage");
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(json_object_size(row), 7);
    assert_int_equal(json_integer_value(json_object_get(row, "unreadCount")), 2);
    assert_true(json_is_null(json_object_get(row, "myLastReadMsgSeq")));
    assert_true(json_is_null(json_object_get(row, "peerLastReadMsgSeq")));
    assert_int_equal(json_object_size(last), 6);
    assert_int_equal(json_integer_value(json_object_get(last, "msgSeq")), 2);
    assert_string_equal(json_string_value(json_object_get(last, "content")), "two");
    assert_string_equal(json_string_value(json_object_get(last, "fromUserId")), "5");
    assert_string_equal(json_string_value(json_object_get(last, "toUserId")), "10001");
    assert_string_equal(json_string_value(json_object_get(last, "createdAt")),
                        json_string_value(json_object_get(row, "updatedAt")));
    json_decref(rows);
}

static void pages_have_totals(void **state)
{
    static const struct {
        const char *query;
        size_t records;
        int64_t size, current, pages;
        const char *first;
    } cases[] = {
        {"", 12, 20, 1, 1, "7"},
        {"?pageNo=1&pageSize=5", 5, 5, 1, 3, "7"},
        {"?pageNo=3&pageSize=5", 2, 5, 3, 3, "8"},
        {"?pageNo=4&pageSize=5", 0, 5, 4, 3, NULL},
        {"?pageNo=0&pageSize=0", 1, 1, 1, 12, "7"},
        {"?pageNo=-3&pageSize=1000", 12, 100, 1, 1, "7"},
        {"?pageNo=2147483647&pageSize=100", 0, 100, 2147483647, 1, NULL},
        {"?pageNo=99999999999&pageSize=99999999999", 0, 100, 99999999999, 1, NULL},
        {"?pageNo=9223372036854775807", 0, 20, INT64_MAX, 1, NULL},
    };
    struct ta *t = *state;
    fill(t);
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        char target[200];
        snprintf(target, sizeof(target), "/single-chat/conversation/list%s", cases[i].query);
        json_t *page = ta_get(t, target, ME), *records = json_object_get(page, "records");
        assert_int_equal(json_array_size(records), cases[i].records);
        assert_int_equal(json_integer_value(json_object_get(page, "total")), 12);
        assert_int_equal(json_integer_value(json_object_get(page, "size")), cases[i].size);
        assert_int_equal(json_integer_value(json_object_get(page, "current")), cases[i].current);
        assert_int_equal(json_integer_value(json_object_get(page, "pages")), cases[i].pages);
        if (cases[i].first)
            assert_string_equal(text_at(records, 0, "peerUserId"), cases[i].first);
        json_decref(page);
    }
}

/* ---- local times as keys (H-7.4.1) --------------------------------------------- */

static void set_zone(const char *tz)
{
    setenv("TZ", tz, 1);
    tzset();
}

static int64_t peer_at(json_t *rows, size_t i)
{
    int64_t peer = 0;
    assert_int_equal(mn_parse_i64(mn_str_c(text_at(rows, i, "peerUserId")), 1, 9, &peer), MN_OK);
    return peer;
}

static int teardown_zone(void **state)
{
    set_zone("UTC");
    return ta_teardown(state);
}

/* A zone, and the instant at which its clocks are set. */
static const struct {
    const char *zone;
    int64_t change_s;
} changes[] = {
    {"CET-1CEST,M3.5.0,M10.5.0/3", 1792890000}, /* set back */
    {"CET-1CEST,M3.5.0,M10.5.0/3", 1774746000}, /* set forward */
    {"America/New_York", 1793512800},
    {"America/New_York", 1772953200},
    {"Australia/Lord_Howe", 1775314800}, /* half an hour */
    {"Australia/Lord_Howe", 1791041400},
    {"Europe/Dublin", 1792890000}, /* summer is the standard, winter the exception */
    {"Europe/Moscow", 1414274400}, /* a zone moved for good */
    {"America/Caracas", 1197183600},
    {"Pacific/Apia", 1325239200}, /* a day left out */
    {"XST-2XDT-2:20,100/2,300/5",
     1793066400}, /* twenty minutes; whether they are met matters not */
    {"UTC", 1792890000},
};

/* Peers 1 to 9 around the change, 1 oldest; greater chat ids are older, so that ids alone mislead. */
static void fill_around(struct ta *t, int64_t change_s)
{
    static const int64_t at_s[] = {-5000, -3600, -1800, -1200, -1, 0, 1, 1800, 3600};
    for (size_t i = MN_ARRAY_LEN(at_s); i > 0; i--)
        ta_message(t, (int64_t)i, ME, "hello", (change_s + at_s[i - 1]) * 1000);
}

static void pages_end_when_clocks_are_set(void **state)
{
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(changes); i++) {
        char rows[400];
        set_zone(changes[i].zone);
        for (unsigned limit = 1; limit <= 4; limit++) {
            if (limit == 1)
                fill_around(t, changes[i].change_s);
            walk(t, limit, rows, sizeof(rows));
            assert_string_equal(rows, "9 8 7 6 5 4 3 2 1 ");
        }
        ta_teardown(state);
        ta_setup(state);
        t = *state;
    }
}

/* The row that a page ended with gets a message before the next page is asked for. */
static void a_row_that_moved_keeps_its_place(void **state)
{
    struct ta *t = *state;
    for (size_t i = 0; i < MN_ARRAY_LEN(changes); i++) {
        set_zone(changes[i].zone);
        fill_around(t, changes[i].change_s);
        for (int peer = 9; peer >= 1; peer--) {
            char target[400];
            json_t *rows = ta_get(t, "/single-chat/conversation/cursor?limit=100", ME);
            assert_int_equal(json_array_size(rows), 9);
            size_t k = 0;
            while (peer_at(rows, k) != peer)
                k++;
            snprintf(target, sizeof(target),
                     "/single-chat/conversation/cursor?limit=100&lastUpdatedAt=%s&lastId=%s",
                     text_at(rows, k, "updatedAt"), text_at(rows, k, "singleChatId"));
            json_decref(rows);
            ta_message(t, peer, ME, "again", (changes[i].change_s + 90000 - peer) * 1000);
            rows = ta_get(t, target, ME);
            assert_int_equal(json_array_size(rows), (size_t)peer - 1);
            for (int want = peer - 1; want >= 1; want--)
                assert_int_equal(peer_at(rows, (size_t)(peer - 1 - want)), want);
            json_decref(rows);
        }
        ta_teardown(state);
        ta_setup(state);
        t = *state;
    }
}

/* Times that clocks skipped and chats that are not the caller's: a page, and never more than there is. */
static void cursors_that_nobody_printed(void **state)
{
    struct ta *t = *state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    fill_around(t, 1774746000);
    json_t *rows = ta_get(
        t,
        "/single-chat/conversation/cursor?lastUpdatedAt=2026-03-29T02:30:00&lastId=9223372036854775807",
        ME);
    assert_int_equal(json_array_size(rows), 5);
    assert_string_equal(text_at(rows, 0, "peerUserId"), "5");
    json_decref(rows);
    set_zone("UTC");
}

static void assert_seqs(struct ta *t, const char *target, int64_t first, size_t count, int step)
{
    json_t *data = ta_get(t, target, ME);
    json_t *list = json_is_array(data) ? data : json_object_get(data, "records");
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(list, i), "msgSeq")),
                         first + step * (int64_t)i);
    json_decref(data);
}

static void message_ranges(void **state)
{
    struct ta *t = *state;
    for (int64_t i = 1; i <= 25; i++)
        assert_int_equal(ta_message(t, i % 2 ? ME : 5, i % 2 ? 5 : ME, "x", BASE_MS + i), i);
    assert_seqs(t, "/single-chat/message/cursor?peerUserId=5", 25, 20, -1);
    assert_seqs(t, "/single-chat/message/cursor?peerUserId=5&limit=3&lastSeq=10", 9, 3, -1);
    assert_seqs(t, "/single-chat/message/cursor?peerUserId=5&lastSeq=1", 0, 0, -1);
    assert_seqs(t, "/single-chat/message/cursor?peerUserId=5&lastSeq=-1", 0, 0, -1);
    assert_seqs(t, "/single-chat/message/since?peerUserId=5", 1, 25, 1);
    assert_seqs(t, "/single-chat/message/since?peerUserId=5&limit=2&sinceSeq=20", 21, 2, 1);
    assert_seqs(t, "/single-chat/message/since?peerUserId=5&sinceSeq=25", 0, 0, 1);
    assert_seqs(t, "/single-chat/message/since?peerUserId=5&sinceSeq=-7&limit=1", 1, 1, 1);
    assert_seqs(t, "/single-chat/message/since?peerUserId=5&sinceSeq=9223372036854775807", 0, 0, 1);
    assert_seqs(t, "/single-chat/message/list?peerUserId=5&pageNo=2&pageSize=10", 15, 10, -1);
    assert_seqs(t, "/single-chat/message/list?peerUserId=5&pageNo=3&pageSize=10", 5, 5, -1);
    assert_seqs(t, "/single-chat/message/list?peerUserId=5&pageNo=4&pageSize=10", 0, 0, -1);
    assert_seqs(t, "/single-chat/message/list?peerUserId=5&pageNo=2147483647&pageSize=100", 0, 0,
                -1);
    assert_seqs(t, "/single-chat/message/list?peerUserId=5&pageNo=9223372036854775807", 0, 0, -1);
    assert_seqs(t, "/single-chat/message/cursor?peerUserId=5&limit=99999999999", 25, 25, -1);
}

static void message_elements(void **state)
{
    struct ta *t = *state;
    ta_message(t, ME, 5, "text", BASE_MS);
    json_t *list = ta_get(t, "/single-chat/message/cursor?peerUserId=5", ME);
    json_t *row = json_array_get(list, 0);
    assert_int_equal(json_object_size(row), 14);
    assert_string_equal(text_at(list, 0, "id"), text_at(list, 0, "serverMsgId"));
    assert_string_equal(text_at(list, 0, "chatType"), "SINGLE");
    assert_string_equal(text_at(list, 0, "msgType"), "TEXT");
    assert_string_equal(text_at(list, 0, "status"), "SAVED");
    assert_string_equal(text_at(list, 0, "content"), "text");
    assert_true(json_is_null(json_object_get(row, "groupId")));
    assert_true(json_is_integer(json_object_get(row, "msgSeq")));
    json_decref(list);
}

static void revoked_text_is_hidden(void **state)
{
    struct mn_msg msg = {.status = MN_MSG_SAVED, .body = MN_STR("secret")};
    (void)state;
    assert_true(mn_str_is(mn_message_text(&msg), "secret"));
    msg.status = MN_MSG_REVOKED;
    assert_true(mn_str_is(mn_message_text(&msg), "\u5df2\u64a4\u56de"));
}

static void nobody_reads_what_is_not_his(void **state)
{
    struct ta *t = *state;
    ta_message(t, 5, 6, "private", BASE_MS);
    assert_seqs(t, "/single-chat/message/cursor?peerUserId=5", 0, 0, 1);
    assert_seqs(t, "/single-chat/message/since?peerUserId=6", 0, 0, 1);
    assert_seqs(t, "/single-chat/conversation/cursor", 0, 0, 1);
    json_t *state_of = ta_get(t, "/single-chat/member/state?peerUserId=5", ME);
    assert_true(json_is_null(json_object_get(state_of, "singleChatId")));
    json_decref(state_of);
}

/* The greatest page: 200 messages of 4,096 characters that JSON writes with six bytes each. */
static void the_greatest_page_fits(void **state)
{
    struct ta *t = *state;
    char text[4097];
    memset(text, 1, 4096);
    text[4096] = '\0';
    for (unsigned i = 0; i < 200; i++)
        ta_message(t, 5, ME, text, BASE_MS + i);
    assert_seqs(t, "/single-chat/message/since?peerUserId=5&limit=200", 1, 200, 1);
}

/* Any allocation may fail: the answer is then an error or whole, and nothing leaks. */
static void no_memory_is_survived(void **state)
{
    static const char *const targets[] = {
        "/single-chat/conversation/cursor?limit=3",
        "/single-chat/message/cursor?peerUserId=5&limit=3",
        "/single-chat/message/list?peerUserId=5",
        "/user/basic?ids=1,2&ids=3",
    };
    struct ta *t = *state;
    fill(t);
    for (size_t i = 0; i < MN_ARRAY_LEN(targets); i++) {
        t->torture = 0;
        do {
            t->torture++;
            struct ta_reply reply = ta_ask(t, "GET", targets[i], ME, NULL, NULL);
            json_t *data = json_object_get(reply.json, "data");
            bool whole = reply.status == 200 && (json_is_array(data) || json_is_object(data));
            assert_true(whole || (t->tortured && reply.status >= 400));
            ta_free(&reply);
        } while (t->tortured);
        assert_true(t->torture > 5);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ta_setup, ta_teardown)

int test_api_single_chat(void)
{
    const struct CMUnitTest tests[] = {
        TEST(newest_first_whatever_the_page),
        cmocka_unit_test_setup_teardown(pages_end_when_clocks_are_set, ta_setup, teardown_zone),
        cmocka_unit_test_setup_teardown(a_row_that_moved_keeps_its_place, ta_setup, teardown_zone),
        cmocka_unit_test_setup_teardown(cursors_that_nobody_printed, ta_setup, teardown_zone),
        TEST(elements_of_the_list),
        TEST(pages_have_totals),
        TEST(message_ranges),
        TEST(message_elements),
        cmocka_unit_test(revoked_text_is_hidden),
        TEST(nobody_reads_what_is_not_his),
        TEST(the_greatest_page_fits),
        TEST(no_memory_is_survived),
    };
    return cmocka_run_group_tests_name("api/single_chat", tests, NULL, NULL);
}
