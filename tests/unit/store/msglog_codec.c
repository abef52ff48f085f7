/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "store/log/msglog.h"
#include "store/rocks/codec.h"
#include "unit/store/tests.h"

/* A message's row as the writer makes it. */
static size_t print_msg(char *p, const struct mn_row_msg *row)
{
    size_t n = mn_row_msg_head(p, row);
    memcpy(p + n, row->client_id.p, row->client_id.n);
    n += row->client_id.n;
    memcpy(p + n, row->body.p, row->body.n);
    return n + row->body.n;
}

static const struct mn_row_msg sample = {.chat = INT64_C(2004874454540382209),
                                         .seq = 300,
                                         .from = 10001,
                                         .to = INT64_MAX,
                                         .created_ms = INT64_C(1700000000005),
                                         .updated_ms = INT64_C(1700000000005),
                                         .client_id = {"m-1", 3},
                                         .body = {"hello", 5}};

static void msg_round_trip(void **state)
{
    char p[256];
    struct mn_row_msg got;
    (void)state;
    struct mn_row_msg row = sample;
    for (int revoked = 0; revoked < 2; revoked++) {
        row.revoked = revoked;
        row.updated_ms += revoked * 60000;
        size_t n = print_msg(p, &row);
        assert_int_equal(mn_row_msg_parse(mn_str_make(p, n), &got), MN_OK);
        assert_int_equal(got.revoked, row.revoked);
        assert_int_equal(got.chat, row.chat);
        assert_int_equal(got.seq, row.seq);
        assert_int_equal(got.from, row.from);
        assert_int_equal(got.to, row.to);
        assert_int_equal(got.created_ms, row.created_ms);
        assert_int_equal(got.updated_ms, row.updated_ms);
        assert_true(mn_str_eq(got.client_id, row.client_id));
        assert_true(mn_str_eq(got.body, row.body));
    }
}

/* The stored form is a promise to later versions: these bytes must stay readable (CONTRIBUTING.md). */
static void msg_golden(void **state)
{
    static const char golden[] = "\x01\x1b\xd2\xbe\xb1\xb2\x22\x70\x01\xac\x02\x91\x4e"
                                 "\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x85\xd0\x95\xff\xbc\x31"
                                 "\x03\x05m-1hello";
    char p[256];
    (void)state;
    size_t n = print_msg(p, &sample);
    assert_int_equal(n, sizeof(golden) - 1);
    assert_memory_equal(p, golden, n);
}

/* Every shorter, longer or bit-flipped row is either refused or still within its bytes. */
static void msg_damaged(void **state)
{
    char p[256];
    struct mn_row_msg got;
    (void)state;
    size_t n = print_msg(p, &sample);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(mn_row_msg_parse(mn_str_make(p, cut), &got), MN_ECORRUPT);
    assert_int_equal(mn_row_msg_parse(mn_str_make(p, n + 1), &got), MN_ECORRUPT);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        char *copy = mn_try_alloc(n); /* exactly n bytes, for AddressSanitizer */
        assert_non_null(copy);
        memcpy(copy, p, n);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        if (mn_row_msg_parse(mn_str_make(copy, n), &got) == MN_OK) {
            assert_true(got.chat > 0 && got.seq > 0 && got.from > 0 && got.to > 0);
            assert_true(got.body.p + got.body.n == copy + n);
        }
        mn_free(copy);
    }
}

static void refuses(void **state)
{
    static const struct {
        const char *why;
        const char *p;
        size_t n;
    } rows[] = {
        {"empty", "", 0},
        {"newer version", "\x02\x05", 2},
        {"version 0", "\x00\x05", 2},
        {"unknown flag", "\x81\x05", 2},
        {"no number", "\x01", 1},
        {"number 0", "\x01\x00", 2},
        {"not the shortest form", "\x01\x85\x00", 3},
        {"number without an end", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12},
        {"more than 63 bits", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
        {"bytes behind", "\x01\x05\x05", 3},
    };
    int64_t seq = 0;
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
        if (mn_row_client_parse(mn_str_make(rows[i].p, rows[i].n), &seq) != MN_ECORRUPT)
            fail_msg("taken: %s", rows[i].why);
    }
    assert_int_equal(mn_row_client_parse(MN_STR("\x01\x05"), &seq), MN_OK);
    assert_int_equal(seq, 5);
}

static void small_rows_round_trip(void **state)
{
    struct mn_rng rng;
    char p[64];
    (void)state;
    mn_rng_seed(&rng, 1);
    for (int i = 0; i < 10000; i++) {
        struct mn_row_seq seq = {
            .from_high = i & 1,
            .id = (int64_t)(mn_rng_next(&rng) >> (1 + mn_rng_below(&rng, 62))) | 1,
            .low_count = (int64_t)mn_rng_below(&rng, 1000),
            .created_ms = (int64_t)mn_rng_below(&rng, INT64_C(1) << 42)};
        struct mn_row_seq seq2;
        size_t n = mn_row_seq_print(p, &seq);
        assert_true(n <= MN_ROW_SEQ_MAX);
        assert_int_equal(mn_row_seq_parse(mn_str_make(p, n), 1000, &seq2), MN_OK);
        assert_true(seq.id == seq2.id && seq.low_count == seq2.low_count &&
                    seq.created_ms == seq2.created_ms && seq.from_high == seq2.from_high);
        struct mn_membership m = {.peer = seq.id,
                                  .created_ms = seq.created_ms,
                                  .has_delivered = i & 2,
                                  .has_read = i & 4};
        m.delivered = m.has_delivered ? seq.low_count : 0;
        m.read = m.has_read ? seq.low_count / 2 : 0;
        struct mn_membership m2;
        n = mn_row_member_print(p, &m);
        assert_true(n <= MN_ROW_MEMBER_MAX);
        assert_int_equal(mn_row_member_parse(mn_str_make(p, n), &m2), MN_OK);
        assert_true(m.peer == m2.peer && m.created_ms == m2.created_ms && m.read == m2.read &&
                    m.delivered == m2.delivered && m.has_read == m2.has_read &&
                    m.has_delivered == m2.has_delivered);
    }
}

/* A running count above the sequence number would make unread counts negative. */
static void seq_count_is_bounded(void **state)
{
    char p[64];
    struct mn_row_seq got;
    (void)state;
    const struct mn_row_seq row = {.id = 1, .low_count = 6, .created_ms = 0};
    size_t n = mn_row_seq_print(p, &row);
    assert_int_equal(mn_row_seq_parse(mn_str_make(p, n), 6, &got), MN_OK);
    assert_int_equal(mn_row_seq_parse(mn_str_make(p, n), 5, &got), MN_ECORRUPT);
}

/* Keys sort as the numbers do: history and backlog rely on it. */
static void keys_sort(void **state)
{
    static const int64_t n[] = {1, 2, 255, 256, 65536, INT64_C(1) << 40, INT64_MAX - 1, INT64_MAX};
    char a[MN_KEY_SEQ_BYTES], b[MN_KEY_SEQ_BYTES];
    (void)state;
    for (size_t i = 1; i < MN_ARRAY_LEN(n); i++) {
        mn_key_seq(a, 7, n[i - 1]);
        mn_key_seq(b, 7, n[i]);
        assert_true(memcmp(a, b, sizeof(a)) < 0);
        mn_key_seq(a, n[i - 1], INT64_MAX);
        mn_key_seq(b, n[i], 1);
        assert_true(memcmp(a, b, sizeof(a)) < 0);
    }
}

/* A group's message that addresses users: the form on disk, and what could not have been written. */
static void addressed_rows(void **state)
{
    static const char golden[] = "\x61\x00\x00\x00\x00\x00\x00\x00\x09\x05\x07\x64\xc8\x01\x03\x02"
                                 "\x01\x02xhi\x00\x00\x00\x00\x00\x00\x00\x04\x7f\xff\xff\xff\xff"
                                 "\xff\xff\xff";
    char uids[2 * 8], p[256], head[MN_ROW_MSG_HEAD_MAX];
    struct mn_row_msg got;
    (void)state;
    mn_uids_set(uids, 0, 4);
    mn_uids_set(uids, 1, INT64_MAX);
    const struct mn_row_msg row = {.group = true,
                                   .chat = 9,
                                   .seq = 5,
                                   .from = 7,
                                   .created_ms = 100,
                                   .reply_to = 200,
                                   .reply_author = 3,
                                   .client_id = {"x", 1},
                                   .body = {"hi", 2},
                                   .mentions = {uids, sizeof(uids)}};
    size_t n = mn_row_msg_head(head, &row);
    memcpy(p, head, n);
    memcpy(p + n, golden + n, sizeof(golden) - 1 - n);
    n = sizeof(golden) - 1;
    assert_memory_equal(p, golden, n);
    assert_int_equal(mn_row_msg_parse(mn_str_make(p, n), &got), MN_OK);
    assert_true(got.group && got.reply_to == 200 && got.reply_author == 3);
    assert_true(mn_uids_count(got.mentions) == 2 && mn_uids_get(got.mentions, 1) == INT64_MAX);
    assert_true(mn_str_is(got.body, "hi"));
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(mn_row_msg_parse(mn_str_make(p, cut), &got), MN_ECORRUPT);
    p[n - 9] = 0; /* a user 0 */
    assert_int_equal(mn_row_msg_parse(mn_str_make(p, n), &got), MN_ECORRUPT);
    memcpy(p, golden, n);
    p[0] &= ~0x20; /* of a pair */
    assert_int_equal(mn_row_msg_parse(mn_str_make(p, n), &got), MN_ECORRUPT);
    /* It says that there is something, and there is nothing. */
    assert_int_equal(mn_row_msg_parse(MN_STR("\x61\0\0\0\0\0\0\0\x09\x05\x07\x64\0\0\0\0\0"), &got),
                     MN_ECORRUPT);
}

/* Rows of groups; what could not have been written is refused. */
static void group_rows(void **state)
{
    char p[256];
    struct mn_row_msg msg = sample, got_msg;
    (void)state;
    msg.group = true;
    msg.to = 0;
    size_t n = print_msg(p, &msg);
    assert_int_equal(mn_row_msg_parse(mn_str_make(p, n), &got_msg), MN_OK);
    assert_true(got_msg.group && got_msg.to == 0 && got_msg.from == msg.from);
    assert_true(mn_str_eq(got_msg.body, msg.body));

    const struct mn_row_seq seq = {
        .id = sample.chat, .sender = INT64_MAX, .own_count = 7, .created_ms = 5};
    struct mn_row_seq got_seq;
    n = mn_row_seq_print(p, &seq);
    assert_int_equal(mn_row_seq_parse(mn_str_make(p, n), 7, &got_seq), MN_OK);
    assert_true(got_seq.sender == INT64_MAX && got_seq.own_count == 7 && got_seq.low_count == 0);
    assert_int_equal(mn_row_seq_parse(mn_str_make(p, n), 6, &got_seq), MN_ECORRUPT);
    p[0] |= 1 << 4; /* a side */
    assert_int_equal(mn_row_seq_parse(mn_str_make(p, n), 7, &got_seq), MN_ECORRUPT);

    const struct mn_membership member = {
        .joined_seq = 40, .created_ms = 1, .delivered = 41, .has_delivered = true};
    struct mn_membership got_member;
    n = mn_row_member_print(p, &member);
    assert_int_equal(mn_row_member_parse(mn_str_make(p, n), &got_member), MN_OK);
    assert_true(got_member.peer == 0 && got_member.joined_seq == 40 && got_member.delivered == 41);

    int64_t count = 0;
    n = mn_row_own_print(p, 9);
    assert_int_equal(mn_row_own_parse(mn_str_make(p, n), 9, &count), MN_OK);
    assert_int_equal(count, 9);
    assert_int_equal(mn_row_own_parse(mn_str_make(p, n), 8, &count), MN_ECORRUPT);
}

int test_store_msglog_codec(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addressed_rows),
        cmocka_unit_test(group_rows),
        cmocka_unit_test(msg_round_trip),
        cmocka_unit_test(msg_golden),
        cmocka_unit_test(msg_damaged),
        cmocka_unit_test(refuses),
        cmocka_unit_test(small_rows_round_trip),
        cmocka_unit_test(seq_count_is_bounded),
        cmocka_unit_test(keys_sort),
    };
    return cmocka_run_group_tests_name("store: rows of the message log", tests, NULL, NULL);
}
