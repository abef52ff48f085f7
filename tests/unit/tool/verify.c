/* SPDX-License-Identifier: Apache-2.0 */
/* A message log that is damaged in each way that minim verify should tell, by name. */
#include "unit/tool/tests.h"

#include <dirent.h>

#include "base/id.h"
#include "base/mem.h"
#include "unit/tool/verify_support.h"

#define MEMORY (UINT64_C(1) << 20)

/* ---- the damages; each gets a fresh store ---- */

typedef void (*damage_fn)(struct tv_edit *edit, const struct tv_store *store);

static void nothing(struct tv_edit *edit, const struct tv_store *store) { (void)edit, (void)store; }

static void number_gone(struct tv_edit *edit, const struct tv_store *store)
{
    tv_delete_seq(edit, store->chat[0], 3);
}

static void first_number_gone(struct tv_edit *edit, const struct tv_store *store)
{
    tv_delete_seq(edit, store->chat[1], 1);
}

static void last_number_gone(struct tv_edit *edit, const struct tv_store *store)
{
    tv_delete_seq(edit, store->chat[0], 6);
}

static void numbers_behind_a_cursor_gone(struct tv_edit *edit, const struct tv_store *store)
{
    for (int64_t seq = 4; seq <= 6; seq++) {
        tv_delete_client(edit, store->chat[0], tv_hash(edit, store->chat[0], seq));
        tv_delete_seq(edit, store->chat[0], seq);
    }
}

static void message_gone(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_MSG_BYTES];
    mn_key_msg(key, store->id[2]);
    tv_delete(edit, MN_CF_MSG, key, sizeof key);
}

static void all_messages_gone(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_MSG_BYTES];
    for (unsigned i = 0; i < store->count; i++) {
        mn_key_msg(key, store->id[i]);
        tv_delete(edit, MN_CF_MSG, key, sizeof key);
    }
}

static void set_body(struct tv_edit *edit, int64_t id, const char *body)
{
    struct mn_row_msg msg = tv_get_msg(edit, id);
    msg.body = mn_str_c(body);
    tv_put_msg(edit, id, &msg);
}

static void body_not_utf8(struct tv_edit *edit, const struct tv_store *store)
{
    set_body(edit, store->id[0], "bad \xff\x00 byte");
    set_body(edit, store->id[1], "cut \xe2\x82");
    set_body(edit, store->id[2], "surrogate \xed\xa0\x80");
    set_body(edit, store->id[3], "good \xf0\x9f\x98\x80");
}

static void count_wrong(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_seq row = tv_get_seq(edit, store->chat[0], 4);
    row.low_count++;
    tv_put_seq(edit, store->chat[0], 4, &row);
}

/* A fault that goes on to the end of the chat is told once. */
static void counts_wrong_from_there(struct tv_edit *edit, const struct tv_store *store)
{
    for (int64_t seq = 4; seq <= 6; seq++) {
        struct mn_row_seq row = tv_get_seq(edit, store->chat[0], seq);
        row.low_count--;
        tv_put_seq(edit, store->chat[0], seq, &row);
    }
}

static void side_wrong(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_seq row = tv_get_seq(edit, store->chat[0], 4);
    row.from_high = !row.from_high;
    tv_put_seq(edit, store->chat[0], 4, &row);
}

static void time_wrong(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_seq row = tv_get_seq(edit, store->chat[2], 2);
    row.created_ms += 5;
    tv_put_seq(edit, store->chat[2], 2, &row);
}

static void same_id_twice(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_seq row = tv_get_seq(edit, store->chat[1], 3);
    row.id = tv_get_seq(edit, store->chat[1], 2).id;
    row.created_ms = tv_get_seq(edit, store->chat[1], 2).created_ms;
    tv_put_seq(edit, store->chat[1], 3, &row);
}

static void same_id_in_two_chats(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_seq row = tv_get_seq(edit, store->chat[1], 2);
    struct mn_row_seq extra = tv_get_seq(edit, store->chat[0], 6);
    row.low_count = extra.low_count + 1;
    tv_put_seq(edit, store->chat[0], 7, &row);
}

static void message_says_elsewhere(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_msg msg = tv_get_msg(edit, store->id[2]);
    msg.seq = 30;
    tv_put_msg(edit, store->id[2], &msg);
}

static void message_says_other_chat(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_msg msg = tv_get_msg(edit, store->id[2]);
    msg.chat = store->chat[1] + 100; /* nobody has it */
    tv_put_msg(edit, store->id[2], &msg);
}

static void message_to_another(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_msg msg = tv_get_msg(edit, store->id[1]);
    msg.to = 9;
    tv_put_msg(edit, store->id[1], &msg);
}

static void message_to_oneself(struct tv_edit *edit, const struct tv_store *store)
{
    struct mn_row_msg msg = tv_get_msg(edit, store->id[0]); /* from 2 to 1 */
    msg.to = 2;
    tv_put_msg(edit, store->id[0], &msg);
}

/* A message with all of its rows, as minimd would write them; tells its client id's hash. */
static uint64_t add_message(struct tv_edit *edit, int64_t chat, int64_t id, const char *client_id)
{
    struct mn_row_msg msg = {.chat = chat,
                             .seq = 5,
                             .from = 3,
                             .to = 4,
                             .created_ms = mn_id_unix_ms(id),
                             .client_id = mn_str_c(client_id),
                             .body = MN_STR("added")};
    struct mn_row_seq row = {.id = id, .low_count = 5, .created_ms = mn_id_unix_ms(id)};
    uint64_t hash = mn_client_hash(edit->hash_key, 3, msg.client_id);
    tv_put_msg(edit, id, &msg);
    tv_put_seq(edit, chat, 5, &row);
    return hash;
}

static void old_id(struct tv_edit *edit, const struct tv_store *store)
{
    int64_t id = store->id[0] - (INT64_C(70000) << 22);
    tv_put_client(edit, store->chat[1], add_message(edit, store->chat[1], id, "late"), 5);
}

/* Two loop threads took their ids in one order and came to the writer in the other. */
static void id_raced(struct tv_edit *edit, const struct tv_store *store)
{
    int64_t id = store->id[0] - (INT64_C(50) << 22);
    tv_put_client(edit, store->chat[1], add_message(edit, store->chat[1], id, "late"), 5);
}

static void client_id_gone(struct tv_edit *edit, const struct tv_store *store)
{
    tv_delete_client(edit, store->chat[0], tv_hash(edit, store->chat[0], 2));
}

static void client_id_to_nothing(struct tv_edit *edit, const struct tv_store *store)
{
    tv_put_client(edit, store->chat[0], 12345, 99);
}

static void client_id_unknown(struct tv_edit *edit, const struct tv_store *store)
{
    tv_put_client(edit, store->chat[0], 12345, 2);
}

static void client_id_to_another(struct tv_edit *edit, const struct tv_store *store)
{
    tv_put_client(edit, store->chat[0], tv_hash(edit, store->chat[0], 2), 3);
}

/* As if two client ids had the same hash: what is found at the next number is not missing. */
static void client_id_collides(struct tv_edit *edit, const struct tv_store *store)
{
    uint64_t hash = tv_hash(edit, store->chat[0], 3);
    tv_put_client(edit, store->chat[0], hash, 2);
    tv_put_client(edit, store->chat[0], hash + 1, 3);
}

static void client_id_twice(struct tv_edit *edit, const struct tv_store *store)
{
    mn_ignore((long)add_message(edit, store->chat[1], store->last_id + 1, "m-6"));
}

static void client_id_empty(struct tv_edit *edit, const struct tv_store *store)
{
    uint64_t hash = add_message(edit, store->chat[1], store->last_id + 1, "");
    tv_put_client(edit, store->chat[1], hash, 5);
}

static void client_id_too_long(struct tv_edit *edit, const struct tv_store *store)
{
    static char client_id[400];
    memset(client_id, 'x', sizeof client_id - 1);
    struct mn_row_msg msg = tv_get_msg(edit, store->id[7]);
    msg.client_id = mn_str_c(client_id);
    tv_put_msg(edit, store->id[7], &msg);
}

static void put_cursor(struct tv_edit *edit, const struct tv_store *store, int64_t delivered,
                       int64_t read)
{
    const struct mn_membership row = {.peer = 2,
                                      .created_ms = 1,
                                      .delivered = delivered,
                                      .read = read,
                                      .has_delivered = delivered > 0,
                                      .has_read = read > 0};
    tv_put_member(edit, 1, store->chat[0], &row);
}

static void cursor_at_head(struct tv_edit *edit, const struct tv_store *store)
{
    put_cursor(edit, store, 6, 6);
}

static void cursor_beyond_head(struct tv_edit *edit, const struct tv_store *store)
{
    put_cursor(edit, store, 7, 1);
}

static void read_beyond_delivered(struct tv_edit *edit, const struct tv_store *store)
{
    put_cursor(edit, store, 3, 4);
}

static void read_not_delivered(struct tv_edit *edit, const struct tv_store *store)
{
    put_cursor(edit, store, 0, 4);
}

static void member_gone(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    mn_key_member(key, 1, store->chat[0]);
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
    mn_key_member(key, 4, store->chat[1]);
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
}

static const struct mn_membership plain_member = {.peer = 2, .created_ms = 1};

static void member_of_no_chat(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_member(edit, 1, 12345, &plain_member);
}

static void member_of_others(struct tv_edit *edit, const struct tv_store *store)
{
    tv_put_member(edit, 9, store->chat[0], &plain_member);
}

static void member_of_wrong_peer(struct tv_edit *edit, const struct tv_store *store)
{
    tv_put_member(edit, 3, store->chat[1], &plain_member);
}

static void pair_gone(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    (void)store;
    mn_key_pair(key, 1, 2);
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
}

static void pair_to_another_chat(struct tv_edit *edit, const struct tv_store *store)
{
    tv_put_pair(edit, 1, 2, store->chat[1]);
}

static void pair_of_others(struct tv_edit *edit, const struct tv_store *store)
{
    pair_gone(edit, store);
    tv_put_pair(edit, 1, 5, store->chat[0]);
}

static void pair_to_nothing(struct tv_edit *edit, const struct tv_store *store)
{
    (void)store;
    tv_put_pair(edit, 7, 8, 4711);
}

/* As new friends have it: no message yet. */
static void pair_without_messages(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES], value[MN_ROW_PAIR_MAX];
    struct mn_membership low = {.peer = 8}, high = {.peer = 7};
    (void)store;
    mn_key_pair(key, 7, 8);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, value,
           mn_row_pair_print(value, &(struct mn_row_pair){.chat = 4711, .is_bare = true}));
    mn_key_unlisted(key, 7, 8);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, MN_ROW_EMPTY.p, MN_ROW_EMPTY.n);
    tv_put_member(edit, 7, 4711, &low);
    tv_put_member(edit, 8, 4711, &high);
}

/* One row of each kind whose bytes make no sense. */
static void rows_damaged(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    mn_key_msg(key, store->id[4]);
    tv_put(edit, MN_CF_MSG, key, MN_KEY_MSG_BYTES, "\x01\x02", 2);
    mn_key_seq(key, store->chat[1], 2);
    tv_put(edit, MN_CF_INDEX, key, MN_KEY_SEQ_BYTES, "", 0);
    mn_key_client(key, store->chat[2], tv_hash(edit, store->chat[2], 1));
    tv_put(edit, MN_CF_INDEX, key, MN_KEY_CLIENT_BYTES, "\x0f\x01", 2);
    mn_key_pair(key, 5, 6);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, "\x01", 1);
    mn_key_member(key, 3, store->chat[1]);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, "\xff\xff", 2);
}

static void keys_unknown(struct tv_edit *edit, const struct tv_store *store)
{
    char key[MN_KEY_CHAT_BYTES];
    (void)store;
    tv_put(edit, MN_CF_MSG, "abc", 3, "x", 1);
    tv_put(edit, MN_CF_INDEX, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, "x", 1);
    tv_put(edit, MN_CF_CHAT, "x", 1, "x", 1);
    mn_key_pair(key, 6, 5);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, "x", 1);
}

static const struct {
    const char *name;
    damage_fn damage;
    const char *expected;
} damages[] = {
    {"nothing", nothing, ""},
    {"number gone", number_gone, "seq_gap:1 message_unplaced:1 client_dangling:1"},
    {"first number gone", first_number_gone, "seq_gap:1 message_unplaced:1 client_dangling:1"},
    {"last number gone", last_number_gone, "message_unplaced:1 client_dangling:1"},
    {"numbers behind a cursor gone", numbers_behind_a_cursor_gone,
     "message_unplaced:3 cursor_beyond_head:1"},
    {"message gone", message_gone, "message_missing:1"},
    {"all messages gone", all_messages_gone, "message_missing:12"},
    {"body not UTF-8", body_not_utf8, "text_invalid:3"},
    {"count wrong", count_wrong, "count_wrong:1"},
    {"counts wrong from there", counts_wrong_from_there, "count_wrong:1"},
    {"side wrong", side_wrong, "count_wrong:1 row_differs:1"},
    {"time wrong", time_wrong, "row_differs:1"},
    {"same id twice", same_id_twice, "message_unplaced:1 id_duplicate:1 client_wrong:1"},
    {"same id in two chats", same_id_in_two_chats, "id_duplicate:1"},
    {"message says elsewhere", message_says_elsewhere, "message_unplaced:1 place_differs:1"},
    {"message says other chat", message_says_other_chat,
     "message_unplaced:1 place_differs:1 pair_missing:1"},
    {"message to another", message_to_another, "users_differ:1"},
    {"message to oneself", message_to_oneself, "row_differs:1 users_differ:1"},
    {"old id", old_id, "id_order:1"},
    {"id raced", id_raced, ""},
    {"client id gone", client_id_gone, "client_missing:1"},
    {"client id to nothing", client_id_to_nothing, "client_dangling:1"},
    {"client id unknown", client_id_unknown, "client_wrong:1"},
    {"client id to another", client_id_to_another, "client_missing:1 client_wrong:1"},
    {"client id collides", client_id_collides, "client_wrong:1"},
    {"client id twice", client_id_twice, "client_duplicate:1"},
    {"client id empty", client_id_empty, "text_invalid:1"},
    {"client id too long", client_id_too_long, "text_invalid:1"},
    {"cursor at head", cursor_at_head, ""},
    {"cursor beyond head", cursor_beyond_head, "cursor_beyond_head:1"},
    {"read beyond delivered", read_beyond_delivered, "cursor_order:1"},
    {"read not delivered", read_not_delivered, "cursor_order:1"},
    {"member gone", member_gone, "member_missing:2"},
    {"member of no chat", member_of_no_chat, "member_orphan:1"},
    {"member of others", member_of_others, "member_orphan:1"},
    {"member of wrong peer", member_of_wrong_peer, "member_peer:1"},
    {"pair gone", pair_gone, "pair_missing:1"},
    {"pair to another chat", pair_to_another_chat,
     "pair_missing:1 pair_duplicate:1 users_differ:4 member_missing:2 member_orphan:2"},
    {"pair of others", pair_of_others,
     "users_differ:6 member_missing:1 member_orphan:1 member_peer:1"},
    {"pair to nothing", pair_to_nothing, "chat_empty:1 member_missing:2"},
    {"pair without messages", pair_without_messages, ""},
    {"rows damaged", rows_damaged, "row_damaged:5"},
    {"keys unknown", keys_unknown, "row_damaged:4"},
};

static void every_damage_is_told_by_name(void **state)
{
    struct tv_store store;
    struct tv_edit edit;
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(damages); i++) {
        tv_make(&store);
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

/* ---- more chats than fit into memory ---- */

static void damage_many(const struct tv_store *store)
{
    struct tv_edit edit;
    tv_edit_begin(&edit, store);
    for (unsigned i = 0; i < 2 * 15; i += 2)
        tv_delete_seq(&edit, store->chat_of[i], 1);
    tv_put(&edit, MN_CF_MSG, "abc", 3, "x", 1);
    tv_put_pair(&edit, 7, 8, 4711);
    tv_edit_end(&edit);
}

static void passes_find_the_same(void **state)
{
    static const char expected[] = "row_damaged:1 seq_gap:15 message_unplaced:15 client_dangling:15"
                                   " chat_empty:1 member_missing:2";
    struct tv_store store;
    (void)state;
    tv_make_many(&store, 1500);
    assert_string_equal(tv_messages(&store, NULL, 64 * 1024), "");
    damage_many(&store);
    assert_string_equal(tv_messages(&store, NULL, MEMORY), expected);
    assert_string_equal(tv_messages(&store, NULL, 64 * 1024), expected);
    tv_remove(&store);
}

/* ---- what cannot be read ---- */

static void break_tables(const struct tv_store *store)
{
    struct tv_edit edit;
    char path[400];
    tv_edit_begin(&edit, store); /* writes its log into tables */
    tv_edit_end(&edit);
    DIR *dir = opendir(store->messages);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".sst") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%.200s", store->messages, e->d_name);
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        assert_int_equal(fseek(file, 12, SEEK_SET), 0);
        assert_int_equal(fwrite("\xaa\x55", 1, 2, file), 2);
        assert_int_equal(fclose(file), 0);
    }
    closedir(dir);
}

static void broken_tables_are_told(void **state)
{
    struct tv_store store;
    (void)state;
    tv_make(&store);
    break_tables(&store);
    assert_memory_equal(tv_messages(&store, NULL, MEMORY), "unreadable:", 11);
    tv_remove(&store);
}

static void a_missing_file_is_told(void **state)
{
    struct tv_store store;
    char path[200];
    (void)state;
    tv_make(&store);
    snprintf(path, sizeof path, "%s/CURRENT", store.messages);
    assert_int_equal(remove(path), 0);
    assert_string_equal(tv_messages(&store, NULL, MEMORY), "unreadable:1");
    tv_remove(&store);
}

static void expect_refusal(const struct tv_store *store, enum mn_err expected, const char *part)
{
    struct verify_report report;
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    verify_report_init(&report, 20, false);
    assert_int_equal(verify_messages(&report, store->messages, NULL, MEMORY, &why), expected);
    mn_buf_add_char(&why, '\0');
    assert_non_null(strstr(why.p, part));
    assert_true(verify_is_clean(&report));
    verify_report_deinit(&report);
    mn_buf_deinit(&why);
}

static void what_cannot_be_judged_is_refused(void **state)
{
    struct tv_store store;
    struct tv_edit edit;
    (void)state;
    tv_make(&store);
    tv_edit_begin(&edit, &store);
    tv_put(&edit, MN_CF_META, "format", 6, "999", 3);
    tv_edit_end(&edit);
    expect_refusal(&store, MN_EVERSION, "format 999");
    snprintf(store.messages, sizeof store.messages, "%s/nothing", store.dir);
    expect_refusal(&store, MN_ENOTFOUND, "no message log");
    tv_remove(&store);
}

/* ---- ledgers ---- */

/* Writes a ledger of the store's messages as it should be, then `extra`. */
static void write_ledger(const struct tv_store *store, const char *path, const char *extra)
{
    struct tv_edit edit;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "minim-ledger 1\n");
    tv_edit_begin(&edit, store);
    for (unsigned i = 0; i < store->count; i++) {
        struct mn_row_msg msg = tv_get_msg(&edit, store->id[i]);
        fprintf(file, "%ld\t%ld\t%.*s\t%ld\t%ld\t\"%.*s\"\n", (long)msg.from, (long)msg.to,
                (int)msg.client_id.n, msg.client_id.p, (long)store->id[i], (long)msg.seq,
                (int)msg.body.n, msg.body.p);
    }
    tv_edit_end(&edit);
    fprintf(file, "%s", extra);
    assert_int_equal(fclose(file), 0);
}

static void ledgers_are_held_against_the_store(void **state)
{
    struct tv_store store;
    char path[120], extra[600];
    (void)state;
    tv_make(&store);
    snprintf(path, sizeof path, "%s/ledger", store.dir);
    write_ledger(&store, path, "");
    assert_string_equal(tv_messages(&store, path, MEMORY), "");
    const long id = (long)store.id[0]; /* from 2 to 1, "m-0", msgSeq 1, "text 0 from 2 to 1" */
    snprintf(extra, sizeof extra,
             "2\t1\tm-0\t%ld\t1\t\"text 0 from 2 to 1\"\n"
             "2\t1\t\"m-\\u0030\"\t%ld\t1\t\"text\\u0020 0\"\n" /* another text */
             "2\t1\tm-0\t%ld\t2\t\"text 0 from 2 to 1\"\n"
             "2\t1\tm-1\t%ld\t1\t\"text 0 from 2 to 1\"\n"
             "1\t2\tm-0\t%ld\t1\t\"text 0 from 2 to 1\"\n"
             "2\t1\tm-0\t%ld\t1\t00112233445566778899aabbccddeeff\n"
             "2\t1\tm-0\t%ld\t1\t\"text 0 from 2 to 1\"\n"
             "2\t1\tm-0\t0\t0\t\"\"\n"
             "2\t1\tm-0\t%ld",
             id, id, id, id, id, id, id + 1, id);
    write_ledger(&store, path, extra);
    assert_string_equal(tv_messages(&store, path, MEMORY), "ledger_lost:2 ledger_differs:5");
    tv_remove(&store);
}

int test_tool_verify(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_damage_is_told_by_name),
        cmocka_unit_test(passes_find_the_same),
        cmocka_unit_test(broken_tables_are_told),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(what_cannot_be_judged_is_refused),
        cmocka_unit_test(ledgers_are_held_against_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
