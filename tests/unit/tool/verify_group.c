/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups that are damaged in each way that minim verify should tell, by name:
 * in the message log, in the accounts, and where the two disagree.
 */
#include "unit/tool/tests.h"

#include <sqlite3.h>

#include "base/mem.h"
#include "store/sql/db.h"
#include "unit/tool/verify_support.h"

#define MEMORY (UINT64_C(1) << 20)
#define G TV_GROUP

typedef void (*damage_fn)(struct tv_edit *edit, const struct tv_store *store);

static void nothing(struct tv_edit *edit, const struct tv_store *store) { (void)edit, (void)store; }

/* ---- own messages: 1 has the numbers 1, 3 and 5 ---- */

static void own_gone(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_delete_count(edit, MN_KEY_OWN, G, 1, 3);
}

static void last_own_gone(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_delete_count(edit, MN_KEY_OWN, G, 1, 5);
}

static void own_wrong(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_count(edit, MN_KEY_OWN, G, 1, 5, 4);
}

static void own_of_another(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_count(edit, MN_KEY_OWN, G, 2, 5, 2);
}

static void own_of_nothing(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_count(edit, MN_KEY_OWN, G, 1, 7, 4);
    tv_put_count(edit, MN_KEY_OWN, G + 5, 1, 1, 1);
}

static void own_in_a_chat_of_two(struct tv_edit *edit, const struct tv_store *store)
{
    tv_put_count(edit, MN_KEY_OWN, store->chat[0], 1, 1, 1);
}

static void own_wrong_by_its_number(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_seq row = tv_get_seq(edit, G, 5);
    (void)store;
    row.own_count = 2;
    tv_put_seq(edit, G, 5, &row);
}

static void sender_wrong(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_seq row = tv_get_seq(edit, G, 4);
    (void)store;
    row.sender = 2;
    tv_put_seq(edit, G, 4, &row);
}

/* ---- mentions: 2 in 1, 3 and 5; 3 in 3; 1 is answered in 2; 3 is revoked ---- */

static void mention_gone(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_delete_count(edit, MN_KEY_MENTION, G, 2, 5);
}

static void answer_gone(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_delete_count(edit, MN_KEY_MENTION, G, 1, 2);
}

static void mention_wrong(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_count(edit, MN_KEY_MENTION, G, 2, 5, 4);
}

static void mention_of_another(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_count(edit, MN_KEY_MENTION, G, 3, 4, 2);
}

static void mention_of_nothing(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_count(edit, MN_KEY_MENTION, G, 3, 9, 2);
}

static void mention_counts_although_revoked(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_delete_count(edit, MN_KEY_UNMENTION, G, 2, 3);
}

static void mention_is_taken_off_for_nothing(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_count(edit, MN_KEY_UNMENTION, G, 2, 5, 0);
}

static void mention_is_lost_by_the_message(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_msg msg = tv_get_msg(edit, store->id[4]);
    msg.mentions = MN_STR_NONE;
    tv_put_msg(edit, store->id[4], &msg);
}

/* ---- revocations ---- */

static void revocation_gone(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_row_revoked row;
    (void)store;
    mn_key_revoked(key, true, G, tv_find_revoked(edit, true, G, &row));
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
}

static void revocation_of_two_gone(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_row_revoked row;
    (void)store;
    mn_key_revoked(key, false, 2, tv_find_revoked(edit, false, 2, &row));
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
}

static void put_revoked(struct tv_edit *edit, int64_t number, const struct mn_row_revoked *row)
{
    char key[MN_KEY_CHAT_BYTES], value[MN_ROW_REVOKED_MAX];
    mn_key_revoked(key, true, G, number);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, value, mn_row_revoked_print(value, row));
}

static void revocation_twice(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_revoked row;
    (void)store;
    put_revoked(edit, tv_find_revoked(edit, true, G, &row) + 1, &row);
}

static void revocation_of_what_stands(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_revoked row;
    int64_t number = tv_find_revoked(edit, true, G, &row);
    row.id = store->id[0];
    row.seq = 1;
    put_revoked(edit, number + 1, &row);
}

static void revoked_by_itself(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_msg msg = tv_get_msg(edit, store->id[3]);
    msg.revoked = true;
    tv_put_msg(edit, store->id[3], &msg);
}

static void revocation_taken_back(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_msg msg = tv_get_msg(edit, store->id[2]);
    msg.revoked = false;
    tv_put_msg(edit, store->id[2], &msg);
}

/* ---- members ---- */

static void waiting_gone(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    (void)store;
    mn_key_waiting(key, 3, G);
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
    mn_key_waiting(key, 1, G + 1);
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
}

static void waiting_too_many(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    (void)store;
    mn_key_waiting(key, 5, G);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, MN_ROW_EMPTY.p, MN_ROW_EMPTY.n);
    mn_key_waiting(key, 5, G + 7);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, MN_ROW_EMPTY.p, MN_ROW_EMPTY.n);
}

static void member_gone(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_delete_member(edit, 3, G);
}

static void read_before_he_came(struct tv_edit *edit, const struct tv_store *store)
{
    const struct mn_membership row = {.joined_seq = 5,
                                      .created_ms = 1,
                                      .delivered = 5,
                                      .read = 3,
                                      .has_delivered = true,
                                      .has_read = true};
    (void)store;
    tv_put_member(edit, 4, G, &row);
}

static void came_beyond_head(struct tv_edit *edit, const struct tv_store *store)
{
    const struct mn_membership row = {.joined_seq = 9,
                                      .created_ms = 1,
                                      .delivered = 9,
                                      .read = 9,
                                      .has_delivered = true,
                                      .has_read = true};
    (void)store;
    tv_put_member(edit, 4, G, &row);
    tv_put_member(edit, 1, G + 1, &row);
}

static void rows_damaged(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_OWN_BYTES];
    (void)store;
    mn_key_counted(key, MN_KEY_OWN, G, 1, 3);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, "\x01\x09", 2); /* the ninth of three */
    mn_key_counted(key, MN_KEY_MENTION, G, 2, 1);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, "", 0);
    mn_key_counted(key, MN_KEY_UNMENTION, G, 2, 3);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, "\x02", 1);
    mn_key_waiting(key, 2, G);
    tv_put(edit, MN_CF_CHAT, key, MN_KEY_CHAT_BYTES, "x", 1);
}

static const struct {
    const char *name;
    damage_fn damage;
    const char *expected;
} damages[] = {
    {"nothing", nothing, ""},
    {"own gone", own_gone, "own_count_wrong:2"}, /* and the next one is one too high */
    {"last own gone", last_own_gone, "own_count_wrong:1"},
    {"own wrong", own_wrong, "own_count_wrong:2"}, /* and not what its number says */
    {"own of another", own_of_another, "own_count_wrong:1"},
    {"own of nothing", own_of_nothing, "own_count_wrong:2"},
    {"own in a chat of two", own_in_a_chat_of_two, "own_count_wrong:1"},
    {"own wrong by its number", own_wrong_by_its_number, "own_count_wrong:1"},
    /* the number's sender has no count there, and the count's user is not its sender */
    {"sender wrong", sender_wrong, "row_differs:1 own_count_wrong:2"},
    {"mention gone", mention_gone, "mention_wrong:1"},
    {"answer gone", answer_gone, "mention_wrong:1"},
    {"mention wrong", mention_wrong, "mention_wrong:1"},
    {"mention of another", mention_of_another, "mention_wrong:1"},
    {"mention of nothing", mention_of_nothing, "mention_wrong:1"},
    {"mention counts although revoked", mention_counts_although_revoked, "mention_wrong:1"},
    {"mention is taken off for nothing", mention_is_taken_off_for_nothing, "mention_wrong:1"},
    {"mention is lost by the message", mention_is_lost_by_the_message, "mention_wrong:1"},
    {"revocation gone", revocation_gone, "revocation_wrong:1"},
    {"revocation of two gone", revocation_of_two_gone, "revocation_wrong:1"},
    {"revocation twice", revocation_twice, "revocation_wrong:1"},
    {"revocation of what stands", revocation_of_what_stands, "revocation_wrong:1"},
    {"revoked by itself", revoked_by_itself, "revocation_wrong:1"},
    /* what is told as revoked, and both of its mentions that do not count */
    {"revocation taken back", revocation_taken_back, "revocation_wrong:1 mention_wrong:2"},
    {"waiting gone", waiting_gone, "backlog_wrong:2"},
    {"waiting too many", waiting_too_many, "backlog_wrong:2"},
    {"member gone", member_gone, "backlog_wrong:1"},
    {"read before he came", read_before_he_came, "cursor_order:1"},
    {"came beyond head", came_beyond_head, "cursor_beyond_head:2"},
    {"rows damaged", rows_damaged, "row_damaged:4"},
};

static void every_damage_is_told_by_name(void **state)
{
    struct tv_store store;
    struct tv_edit edit;
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(damages); i++) {
        tv_make_group(&store);
        tv_edit_begin(&edit, &store);
        damages[i].damage(&edit, &store);
        tv_edit_end(&edit);
        const char *found = tv_messages(&store, NULL, MEMORY);
        if (strcmp(found, damages[i].expected) != 0)
            print_error("%s:\n", damages[i].name);
        assert_string_equal(found, damages[i].expected);
        tv_remove(&store);
    }
}

/* ---- both stores ---- */

/* The members as the message log has them. */
#define ACCOUNTS                                                                                      \
    "INSERT INTO t_group VALUES (900, 'Team', NULL, NULL, NULL, 1, 1, 1),"                            \
    " (901, 'Alone', NULL, NULL, NULL, 1, 1, 1);"                                                     \
    "INSERT INTO t_group_member VALUES (900, 1, 1, 1, NULL, NULL, 1), (900, 2, 3, 1, NULL, NULL, 1)," \
    " (900, 3, 3, 1, NULL, NULL, 1), (900, 4, 3, 1, NULL, NULL, 1), (901, 1, 1, 1, NULL, NULL, 1);"

static void make_accounts(const struct tv_store *store, char path[80], const char *sql)
{
    struct mn_db_config config = {.readers = 1, .busy_timeout_ms = 1000};
    struct mn_db *db = NULL;
    struct mn_buf why;
    sqlite3 *raw = NULL;
    char *text = NULL;
    mn_buf_init(&why, 4096);
    snprintf(path, 80, "%s/minim.db", store->dir);
    snprintf(config.path, sizeof config.path, "%s", path);
    assert_int_equal(mn_db_open(&config, &db, &why), MN_OK);
    mn_db_close(db);
    mn_buf_deinit(&why);
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    if (sqlite3_exec(raw, ACCOUNTS, NULL, NULL, &text) != SQLITE_OK ||
        sqlite3_exec(raw, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static const struct {
    const char *sql, *expected;
    unsigned notes;
} disagreements[] = {
    {"SELECT 1", "", 0},
    {"DELETE FROM t_group_member WHERE user_id = 2", "group_member_extra:1", 0},
    {"DELETE FROM t_group_member WHERE user_id = 4", "group_member_extra:1", 0},
    {"DELETE FROM t_group_member", "group_wrong:2 group_member_extra:5", 0},
    {"INSERT INTO t_group_member VALUES (900, 5, 3, 1, NULL, NULL, 1)", "group_member_missing:1",
     0},
    {"INSERT INTO t_group_member VALUES (901, 2, 3, 1, NULL, NULL, 1),"
     " (901, 4, 3, 1, NULL, NULL, 1)",
     "group_member_missing:2", 0},
    {"DELETE FROM t_group WHERE id = 901; DELETE FROM t_group_member WHERE group_id = 901",
     "group_member_extra:1", 0},
    /* As a kill between the two commits leaves it: the start is to do it. */
    {"DELETE FROM t_group_member WHERE user_id = 2; INSERT INTO t_log_todo VALUES (1, 3, 900, 2, 1)",
     "", 1},
    {"INSERT INTO t_group_member VALUES (900, 5, 3, 1, NULL, NULL, 1);"
     "INSERT INTO t_log_todo VALUES (1, 2, 900, 5, 1)",
     "", 1},
    /* He came back before the log knew that he had gone. */
    {"INSERT INTO t_log_todo VALUES (1, 3, 900, 2, 1), (2, 2, 900, 2, 1)", "", 2},
    {"INSERT INTO t_log_todo VALUES (1, 3, 900, 2, 1)", "todo_wrong:1", 1},
    {"INSERT INTO t_log_todo VALUES (1, 2, 900, 5, 1)", "todo_wrong:1", 1},
    {"INSERT INTO t_log_todo VALUES (1, 1, 8, 9, 1);"
     "INSERT INTO t_friend_relation VALUES (1, 8, 9, 1, 1)",
     "", 1},
    {"INSERT INTO t_dnd VALUES (2, 1, 1, 1), (3, 2, 1, 1)", "", 0},
    {"INSERT INTO t_dnd VALUES (3, 1, 1, 1)", "friend_chat_missing:1", 0},
    {"INSERT INTO t_dnd VALUES (3, 1, 1, 1); INSERT INTO t_log_todo VALUES (1, 1, 1, 3, 1)", "", 1},
    {"INSERT INTO t_log_todo VALUES (1, 4, 8, 9, 1)", "todo_wrong:1", 1},
    {"INSERT INTO t_friend_relation VALUES (1, 1, 2, 1, 1)", "", 0},
    {"INSERT INTO t_friend_relation VALUES (1, 1, 3, 1, 1)", "friend_chat_missing:1", 0},
};

static void what_the_stores_disagree_on_is_told(void **state)
{
    struct tv_store store;
    char path[80];
    (void)state;
    tv_make_group(&store);
    for (size_t i = 0; i < MN_ARRAY_LEN(disagreements); i++) {
        struct verify_report report;
        struct mn_buf why;
        mn_buf_init(&why, 4096);
        make_accounts(&store, path, disagreements[i].sql);
        verify_report_init(&report, 20, false);
        assert_int_equal(verify_accounts(&report, path, &why), MN_OK);
        verify_both(&report, store.messages, path);
        const char *found = tv_report(&report);
        if (strcmp(found, disagreements[i].expected) != 0)
            print_error("%s:\n", disagreements[i].sql);
        assert_string_equal(found, disagreements[i].expected);
        assert_int_equal(report.notes.count, disagreements[i].notes);
        assert_int_equal(report.stats.todos_left, disagreements[i].notes);
        verify_report_deinit(&report);
        mn_buf_deinit(&why);
        assert_int_equal(remove(path), 0);
    }
    tv_remove(&store);
}

/* Damaged rows are the other check's to tell; who has one is not missing. */
static void a_damaged_row_is_nobody_missing(void **state)
{
    struct tv_store store;
    struct tv_edit edit;
    struct verify_report report;
    char path[80], key[MN_KEY_CHAT_BYTES];
    (void)state;
    tv_make_group(&store);
    tv_edit_begin(&edit, &store);
    mn_key_member(key, 2, G);
    tv_put(&edit, MN_CF_CHAT, key, sizeof key, "\xff", 1);
    tv_edit_end(&edit);
    make_accounts(&store, path, "SELECT 1");
    verify_report_init(&report, 20, false);
    verify_both(&report, store.messages, path);
    assert_string_equal(tv_report(&report), "");
    verify_report_deinit(&report);
    assert_string_equal(tv_messages(&store, NULL, MEMORY), "row_damaged:1");
    tv_remove(&store);
}

int test_tool_verify_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_damage_is_told_by_name),
        cmocka_unit_test(what_the_stores_disagree_on_is_told),
        cmocka_unit_test(a_damaged_row_is_nobody_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
