/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of the message log: history, chats, unread counts, backlog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

/* Sequence numbers that a read gave, and checks of each message. */
struct got {
    int64_t chat; /* expected; 0: any */
    int64_t user; /* expected recipient; 0: any */
    int64_t seqs[1000];
    int64_t chats[1000];
    unsigned count, stop_at;
};

static bool take(void *arg, const struct mn_msg *msg)
{
    struct got *got = arg;
    char body[32];
    snprintf(body, sizeof(body), "body %d", (int)msg->at.seq);
    assert_true(mn_str_is(msg->body, body));
    assert_true(msg->client_id.n > 0);
    assert_int_equal(msg->status, MN_MSG_SAVED);
    assert_int_equal(msg->updated_ms, msg->created_ms);
    if (got->chat)
        assert_int_equal(msg->at.chat, got->chat);
    if (got->user)
        assert_int_equal(msg->to, got->user);
    assert_true(got->count < MN_ARRAY_LEN(got->seqs));
    got->chats[got->count] = msg->at.chat;
    got->seqs[got->count++] = msg->at.seq;
    return got->count != got->stop_at;
}

/* `count` messages from `a` to `b`, whose chat has first_seq - 1; the chat. */
static int64_t fill(struct ts_log *t, int64_t a, int64_t b, int64_t first_seq, int count)
{
    int64_t chat = 0;
    for (int i = 0; i < count; i++) {
        char client_id[32], body[32];
        snprintf(client_id, sizeof(client_id), "m-%d", (int)first_seq + i);
        snprintf(body, sizeof(body), "body %d", (int)first_seq + i);
        struct mn_op *op = ts_append_op(a, b, client_id, body);
        ts_submit(t, op);
        if (i == count - 1) {
            ts_wait(t);
            assert_int_equal(op->at.seq, first_seq + count - 1);
            chat = op->at.chat;
        }
        mn_op_unref(op);
    }
    return chat;
}

static void expect_read(struct ts_log *t, int64_t chat, int64_t after, int64_t before, bool down,
                        unsigned limit, int64_t first, unsigned count)
{
    struct got got = {.chat = chat};
    assert_int_equal(mn_msglog_read(t->log, &(struct mn_range){chat, after, before, down, limit},
                                    take, &got),
                     MN_OK);
    assert_int_equal(got.count, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(got.seqs[i], down ? first - i : first + i);
}

static void history(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    fill(&t, 1, 3, 1, 3); /* neighbours on both sides */
    int64_t chat = fill(&t, 1, 2, 1, 200);
    fill(&t, 2, 3, 1, 3);
    for (int round = 0; round < 2; round++) { /* from memory, then from disk */
        expect_read(&t, chat, 0, INT64_MAX, false, 1000, 1, 200);
        expect_read(&t, chat, 0, INT64_MAX, true, 1000, 200, 200);
        expect_read(&t, chat, 0, INT64_MAX, true, 20, 200, 20);
        expect_read(&t, chat, 0, 181, true, 20, 180, 20);
        expect_read(&t, chat, 0, 11, true, 20, 10, 10);
        expect_read(&t, chat, 0, 1, true, 20, 0, 0);
        expect_read(&t, chat, 195, INT64_MAX, false, 50, 196, 5);
        expect_read(&t, chat, 200, INT64_MAX, false, 50, 0, 0);
        expect_read(&t, chat, 10, 20, false, 50, 11, 9);
        expect_read(&t, chat, 10, 20, true, 50, 19, 9);
        expect_read(&t, chat, 10, 11, true, 50, 0, 0);
        expect_read(&t, chat, 20, 10, false, 50, 0, 0);
        expect_read(&t, chat, -7, 3, false, 50, 1, 2);
        expect_read(&t, chat, 0, INT64_MAX, false, 0, 0, 0);
        expect_read(&t, chat, INT64_MAX, INT64_MAX, false, 5, 0, 0);
        expect_read(&t, chat, 0, 0, true, 5, 0, 0);
        expect_read(&t, chat + 1, 0, INT64_MAX, true, 5, 0, 0);
        expect_read(&t, -1, 0, INT64_MAX, true, 5, 0, 0);
        struct got got = {.chat = chat, .stop_at = 3};
        assert_int_equal(
            mn_msglog_read(t.log, &(struct mn_range){chat, 0, 200, true, 50}, take, &got), MN_OK);
        assert_int_equal(got.count, 3);
        ts_log_close(&t);
        ts_log_open(&t);
    }
    ts_log_deinit(&t);
}

/* Both sides write and read at random; the counts are compared with counting. */
static void unread_counts(void **state)
{
    struct ts_log t;
    struct mn_rng rng;
    int64_t from[200 + 1] = {0}, read[2] = {0}, delivered[2] = {0};
    int64_t last = 0, chat = 0;
    (void)state;
    mn_rng_seed(&rng, 7);
    ts_log_init(&t);
    for (int step = 0; step < 400; step++) {
        int64_t user = 10 + (int64_t)mn_rng_below(&rng, 2), peer = 21 - user;
        if (last == 0 || (last < 200 && mn_rng_below(&rng, 2) == 0)) {
            from[++last] = user;
            fill(&t, user, peer, last, 1);
            assert_int_equal(mn_msglog_pair(t.log, user, peer, &chat), MN_OK);
        } else {
            int64_t seq = 1 + (int64_t)mn_rng_below(&rng, (uint64_t)last);
            bool is_read = mn_rng_below(&rng, 2);
            ts_move(&t, is_read ? MN_CURSOR_READ : MN_CURSOR_DELIVERED, user, peer, chat, seq);
            if (is_read && seq > read[user - 10])
                read[user - 10] = seq;
            if (seq > delivered[user - 10])
                delivered[user - 10] = seq;
        }
        for (int64_t u = 10; u <= 11; u++) {
            struct mn_chat_view v;
            int64_t unread = 0, undelivered = 0;
            for (int64_t seq = 1; seq <= last; seq++) {
                unread += from[seq] != u && seq > read[u - 10];
                undelivered += from[seq] != u && seq > delivered[u - 10];
            }
            assert_int_equal(mn_msglog_chat(t.log, chat, u, &v), MN_OK);
            assert_true(v.user == u && v.peer == 21 - u && v.last_seq == last);
            assert_int_equal(v.read, read[u - 10]);
            assert_int_equal(v.peer_read, read[11 - u]);
            assert_int_equal(v.delivered, delivered[u - 10]);
            assert_int_equal(v.unread, unread);
            assert_int_equal(v.undelivered, undelivered);
        }
    }
    ts_log_deinit(&t);
}

struct chats {
    struct mn_chat_view views[16];
    unsigned count, stop_at;
};

static bool take_chat(void *arg, const struct mn_chat_view *view)
{
    struct chats *c = arg;
    assert_true(c->count < MN_ARRAY_LEN(c->views));
    c->views[c->count++] = *view;
    return c->count != c->stop_at;
}

static void lists_chats(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    int64_t ids[5];
    for (int64_t i = 0; i < 5; i++)
        ids[i] = fill(&t, i % 2 ? 5 : 10 + i, i % 2 ? 10 + i : 5, 1, 1 + (int)i);
    fill(&t, 10, 11, 1, 1);
    struct chats c = {.count = 0};
    assert_int_equal(mn_msglog_chats(t.log, 5, 0, take_chat, &c), MN_OK);
    assert_int_equal(c.count, 5);
    for (int i = 0; i < 5; i++) {
        const struct mn_chat_view *v = &c.views[i];
        assert_true(v->chat == ids[i] && v->user == 5 && v->peer == 10 + i);
        assert_int_equal(v->last_seq, 1 + i);
        assert_true(v->last_id > 0 && v->created_ms > 0 && v->updated_ms >= v->created_ms);
        assert_int_equal(v->unread, i % 2 ? 0 : 1 + i);
    }
    c = (struct chats){.stop_at = 2};
    assert_int_equal(mn_msglog_chats(t.log, 5, ids[1], take_chat, &c), MN_OK);
    assert_true(c.count == 2 && c.views[0].chat == ids[2] && c.views[1].chat == ids[3]);
    c = (struct chats){.count = 0};
    assert_int_equal(mn_msglog_chats(t.log, 5, INT64_MAX, take_chat, &c), MN_OK);
    assert_int_equal(mn_msglog_chats(t.log, 77, 0, take_chat, &c), MN_OK);
    assert_int_equal(mn_msglog_chats(t.log, -1, -1, take_chat, &c), MN_OK);
    assert_int_equal(c.count, 0);
    struct mn_chat_view v;
    assert_int_equal(mn_msglog_chat(t.log, ids[0], 99, &v), MN_ENOTFOUND);
    ts_log_deinit(&t);
}

/* Pages of `limit` until done; the number of pages. */
static unsigned drain(struct ts_log *t, int64_t user, unsigned limit, size_t bytes, struct got *got)
{
    struct mn_place pos = {0, 0};
    unsigned pages = 0;
    for (bool done = false; !done; pages++) {
        unsigned before = got->count;
        assert_true(pages < 500);
        assert_int_equal(mn_msglog_backlog(t->log, user, &pos, limit, bytes, take, got, &done),
                         MN_OK);
        assert_true(got->count - before <= limit);
        if (got->count > before) {
            assert_int_equal(pos.chat, got->chats[got->count - 1]);
            assert_int_equal(pos.seq, got->seqs[got->count - 1]);
        }
    }
    return pages;
}

/* Chats of user 5: [0] 70 messages to him; [1] his own; [2] both sides by turns; [3] read. */
static void make_backlog(struct ts_log *t, int64_t chats[4])
{
    chats[0] = fill(t, 10, 5, 1, 70);
    chats[1] = fill(t, 5, 11, 1, 30);
    for (int i = 0; i < 10; i++)
        chats[2] = fill(t, i % 2 ? 5 : 12, i % 2 ? 12 : 5, 1 + 3 * i, 3);
    chats[3] = fill(t, 13, 5, 1, 9);
    ts_move(t, MN_CURSOR_READ, 5, 13, chats[3], 9);
    ts_move(t, MN_CURSOR_DELIVERED, 5, 10, chats[0], 4);
}

static void backlog_pages(void **state)
{
    static const struct {
        unsigned limit;
        size_t bytes;
    } pages[] = {{1000, SIZE_MAX}, {7, SIZE_MAX}, {1, SIZE_MAX}, {1000, 50}, {1000, 1}, {66, 2000}};
    struct ts_log t;
    int64_t chats[4];
    (void)state;
    ts_log_init(&t);
    make_backlog(&t, chats);
    for (size_t p = 0; p < MN_ARRAY_LEN(pages); p++) {
        struct got got = {.user = 5};
        unsigned calls = drain(&t, 5, pages[p].limit, pages[p].bytes, &got);
        assert_int_equal(got.count, 66 + 15);
        for (unsigned i = 0; i < 66; i++)
            assert_true(got.chats[i] == chats[0] && got.seqs[i] == 5 + i);
        for (unsigned i = 0; i < 15; i++)
            assert_true(got.chats[66 + i] == chats[2] &&
                        got.seqs[66 + i] == 6 * (i / 3) + i % 3 + 1);
        assert_true(pages[p].limit == 1000 && pages[p].bytes > 1000 ? calls == 1 : calls > 1);
    }
    ts_log_deinit(&t);
}

/* What was just acknowledged does not come again, and what comes meanwhile is not lost. */
static void backlog_follows_cursors(void **state)
{
    struct ts_log t;
    int64_t chats[4];
    struct mn_place pos = {0, 0};
    bool done = false;
    (void)state;
    ts_log_prepare(&t);
    t.config.cursor_flush_ms = 3600 * 1000; /* the moves stay in memory */
    ts_log_open(&t);
    make_backlog(&t, chats);
    struct got got = {.user = 5};
    assert_int_equal(mn_msglog_backlog(t.log, 5, &pos, 10, SIZE_MAX, take, &got, &done), MN_OK);
    assert_true(!done && got.count == 10 && pos.chat == chats[0] && pos.seq == 14);
    ts_move(&t, MN_CURSOR_DELIVERED, 5, 10, chats[0], 70);
    fill(&t, 10, 5, 71, 2);
    got.count = 0;
    assert_int_equal(mn_msglog_backlog(t.log, 5, &pos, 100, SIZE_MAX, take, &got, &done), MN_OK);
    assert_true(done && got.count == 2 + 15 && got.seqs[0] == 71);
    got.count = 0;
    ts_move(&t, MN_CURSOR_DELIVERED, 5, 10, chats[0], 72);
    ts_move(&t, MN_CURSOR_DELIVERED, 5, 12, chats[2], 28);
    drain(&t, 5, 100, SIZE_MAX, &got);
    assert_int_equal(got.count, 0);
    drain(&t, 99, 100, SIZE_MAX, &got);
    assert_int_equal(got.count, 0);
    got.user = 11;
    drain(&t, 11, 100, SIZE_MAX, &got);
    assert_int_equal(got.count, 30);
    ts_log_deinit(&t);
}

/* Long runs of own messages, of any length and in any place, change nothing. */
static void backlog_leaps_over_own(void **state)
{
    static const int runs[] = {1, 15, 16, 17, 18, 31, 33, 50, 100, 129};
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    for (int64_t peer = 4; peer <= 6; peer += 2) { /* user 5 as the higher, and as the lower one */
        int64_t seq = 0, expected[64];
        unsigned count = 0;
        for (size_t i = 0; i < MN_ARRAY_LEN(runs); i++) {
            fill(&t, 5, peer, seq + 1, runs[i]);
            seq += runs[i];
            for (int theirs = 0; theirs < 1 + (int)i % 3; theirs++) {
                fill(&t, peer, 5, ++seq, 1);
                expected[count++] = seq;
            }
        }
        int64_t chat = fill(&t, 5, peer, seq + 1, 200);
        for (unsigned limit = 1; limit <= 1000; limit += 333) {
            struct got got = {.user = 5, .chat = chat};
            drain(&t, 5, limit, SIZE_MAX, &got);
            assert_int_equal(got.count, count);
            assert_memory_equal(got.seqs, expected, count * sizeof(expected[0]));
        }
        ts_move(&t, MN_CURSOR_DELIVERED, 5, peer, chat, expected[count - 1]);
        struct got got = {.user = 5};
        drain(&t, 5, 100, SIZE_MAX, &got);
        assert_int_equal(got.count, 0);
    }
    ts_log_deinit(&t);
}

/* A callback that stops ends the page where it stopped. */
static void backlog_stops(void **state)
{
    struct ts_log t;
    int64_t chats[4];
    struct mn_place pos = {0, 0};
    bool done = true;
    (void)state;
    ts_log_init(&t);
    make_backlog(&t, chats);
    struct got got = {.user = 5, .stop_at = 3};
    assert_int_equal(mn_msglog_backlog(t.log, 5, &pos, 100, SIZE_MAX, take, &got, &done), MN_OK);
    assert_true(!done && got.count == 3 && pos.chat == chats[0] && pos.seq == 7);
    got.stop_at = 0;
    assert_int_equal(mn_msglog_backlog(t.log, 5, &pos, 100, SIZE_MAX, take, &got, &done), MN_OK);
    assert_true(done && got.count == 66 + 15 && got.seqs[3] == 8);
    ts_log_deinit(&t);
}

/* Callbacks may read: the API lists chats and asks for each one's last message. */
static bool nested(void *arg, const struct mn_chat_view *view)
{
    struct ts_log *t = arg;
    struct got got = {.chat = view->chat};
    assert_int_equal(mn_msglog_read(t->log, &(struct mn_range){view->chat, 0, INT64_MAX, true, 1},
                                    take, &got),
                     MN_OK);
    assert_true(got.count == 1 && got.seqs[0] == view->last_seq);
    return true;
}

static void reads_can_nest(void **state)
{
    struct ts_log t;
    int64_t chats[4];
    (void)state;
    ts_log_init(&t);
    make_backlog(&t, chats);
    assert_int_equal(mn_msglog_chats(t.log, 5, 0, nested, &t), MN_OK);
    ts_log_deinit(&t);
}

int test_store_msglog_read(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history),        cmocka_unit_test(unread_counts),
        cmocka_unit_test(lists_chats),    cmocka_unit_test(backlog_pages),
        cmocka_unit_test(backlog_stops),  cmocka_unit_test(backlog_follows_cursors),
        cmocka_unit_test(reads_can_nest), cmocka_unit_test(backlog_leaps_over_own),
    };
    return cmocka_run_group_tests_name("store: message log, reads", tests, NULL, NULL);
}
