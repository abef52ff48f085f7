/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the message log.  Input: which row (1 byte), then its bytes.  A
 * row that is taken must be what the printer would have written: printed
 * again it is the same.
 */
#include "base/mem.h"
#include "fuzz/fuzz.h"
#include "store/rocks/codec.h"

static void check_msg(struct mn_str s)
{
    struct mn_row_msg row;
    char head[MN_ROW_MSG_HEAD_MAX];
    if (mn_row_msg_parse(s, &row))
        return;
    size_t n = mn_row_msg_head(head, &row);
    FUZZ_CHECK(n <= sizeof(head) && n + row.client_id.n + row.body.n + row.mentions.n == s.n);
    FUZZ_CHECK(memcmp(head, s.p, n) == 0);
    FUZZ_CHECK(row.client_id.p == s.p + n && row.body.p == s.p + n + row.client_id.n);
    FUZZ_CHECK(row.group ? row.to == 0 : row.to > 0);
    FUZZ_CHECK(row.group || (row.reply_to == 0 && row.reply_author == 0 && row.mentions.n == 0));
    FUZZ_CHECK(row.reply_to >= 0 && row.reply_author >= 0 && row.mentions.n % 8 == 0);
    FUZZ_CHECK(row.chat > 0 && row.seq > 0 && row.from > 0 && row.created_ms >= 0);
}

static void check_seq(struct mn_str s)
{
    struct mn_row_seq row;
    char value[MN_ROW_SEQ_MAX];
    if (mn_row_seq_parse(s, 1000, &row))
        return;
    FUZZ_CHECK(row.id > 0 && row.low_count >= 0 && row.low_count <= 1000);
    FUZZ_CHECK(row.sender >= 0 && row.own_count >= (row.sender > 0) && row.own_count <= 1000);
    FUZZ_CHECK(mn_str_eq(mn_str_make(value, mn_row_seq_print(value, &row)), s));
}

static void check_member(struct mn_str s)
{
    struct mn_membership row;
    char value[MN_ROW_MEMBER_MAX];
    if (mn_row_member_parse(s, &row))
        return;
    FUZZ_CHECK(row.peer >= 0 && (row.peer == 0 || row.joined_seq == 0) && row.delivered >= 0 &&
               row.read >= 0);
    FUZZ_CHECK(mn_str_eq(mn_str_make(value, mn_row_member_print(value, &row)), s));
}

static void check_client(struct mn_str s)
{
    int64_t seq = 0;
    char value[MN_ROW_CLIENT_MAX];
    if (mn_row_client_parse(s, &seq))
        return;
    FUZZ_CHECK(seq > 0);
    FUZZ_CHECK(mn_str_eq(mn_str_make(value, mn_row_client_print(value, seq)), s));
}

static void check_pair(struct mn_str s)
{
    struct mn_row_pair row;
    char value[MN_ROW_PAIR_MAX];
    if (mn_row_pair_parse(s, &row))
        return;
    FUZZ_CHECK(row.chat > 0);
    FUZZ_CHECK(mn_str_eq(mn_str_make(value, mn_row_pair_print(value, &row)), s));
}

static void check_total(struct mn_str s)
{
    int64_t total = 0;
    char value[MN_ROW_TOTAL_MAX];
    if (mn_row_total_parse(s, &total))
        return;
    FUZZ_CHECK(total > 0);
    FUZZ_CHECK(mn_str_eq(mn_str_make(value, mn_row_total_print(value, total)), s));
}

static void check_own(struct mn_str s)
{
    int64_t count = 0;
    char value[MN_ROW_OWN_MAX];
    if (mn_row_own_parse(s, 1000, &count))
        return;
    FUZZ_CHECK(count > 0 && count <= 1000);
    FUZZ_CHECK(mn_str_eq(mn_str_make(value, mn_row_own_print(value, count)), s));
}

static void check_keys(struct mn_str s)
{
    int64_t a = 0, b = 0;
    uint64_t hash = 0;
    char key[MN_KEY_OWN_BYTES];
    if (mn_key_msg_parse(s, &a) == MN_OK) {
        mn_key_msg(key, a);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
    if (mn_key_seq_parse(s, &a, &b) == MN_OK) {
        mn_key_seq(key, a, b);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
    if (mn_key_client_parse(s, &a, &hash) == MN_OK) {
        mn_key_client(key, a, hash);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
}

/* Keys of chats: of pairs and members, what is counted, and the lists. */
static void check_chat_keys(struct mn_str s)
{
    static const enum mn_key_counted kinds[] = {MN_KEY_OWN, MN_KEY_MENTION, MN_KEY_UNMENTION};
    int64_t a = 0, b = 0, c = 0;
    char key[MN_KEY_OWN_BYTES];
    if (mn_key_pair_parse(s, &a, &b) == MN_OK) {
        mn_key_pair(key, a, b);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
    if (mn_key_member_parse(s, &a, &b) == MN_OK) {
        mn_key_member(key, a, b);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
    if (mn_key_waiting_parse(s, &a, &b) == MN_OK) {
        mn_key_waiting(key, a, b);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
    if (mn_key_listed_parse(s, &a, &b, &c) == MN_OK) {
        mn_key_listed(key, a, b, c);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
    for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++) {
        if (mn_key_counted_parse(s, kinds[i], &a, &b, &c))
            continue;
        mn_key_counted(key, kinds[i], a, b, c);
        FUZZ_CHECK(memcmp(key, s.p, s.n) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct mn_str s) = {check_msg,    check_seq,  check_member,
                                                      check_client, check_pair, check_keys,
                                                      check_total,  check_own,  check_chat_keys};
    if (size > 0)
        checks[data[0] % MN_ARRAY_LEN(checks)](mn_str_make((const char *)data + 1, size - 1));
    return 0;
}
