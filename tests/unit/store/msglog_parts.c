/* SPDX-License-Identifier: Apache-2.0 */
/* The tables in memory: recent messages, chats, waiting cursors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

/* With the table full the newest part of it is nearly all there, the old is gone. */
static void recent_keeps_the_newest(void **state)
{
    struct mn_recent r;
    struct mn_msg_ref ref;
    unsigned newest = 0, oldest = 0;
    (void)state;
    mn_recent_init(&r, 1000); /* 1,024 */
    assert_false(mn_recent_get(&r, 0, &ref));
    for (int64_t i = 1; i <= 4096; i++)
        mn_recent_put(&r, &(struct mn_msg_ref){
                              .id = i << 12, .at = {i + 1, i + 2}, .from = i + 3, .to = i + 4});
    for (int64_t i = 1; i <= 4096; i++) {
        bool found = mn_recent_get(&r, i << 12, &ref);
        if (found)
            assert_true(ref.id == i << 12 && ref.at.chat == i + 1 && ref.at.seq == i + 2 &&
                        ref.from == i + 3 && ref.to == i + 4);
        newest += found && i > 4096 - 256;
        oldest += found && i <= 2048;
    }
    assert_true(newest >= 250);
    assert_true(oldest < 32);
    mn_recent_deinit(&r);
}

struct reading {
    struct mn_recent recent;
    _Atomic bool stop;
    _Atomic unsigned found;
};

/* What a reader gets belongs together, whatever the writer is at. */
static void *read_recent(void *arg)
{
    struct reading *r = arg;
    struct mn_msg_ref ref;
    for (int64_t i = 0; !atomic_load(&r->stop); i++) {
        int64_t id = 1 + i % 256;
        if (mn_recent_get(&r->recent, id, &ref)) {
            assert_true(ref.id == id && ref.at.chat == ref.at.seq && ref.from == ref.at.seq &&
                        ref.to == ref.at.seq);
            atomic_fetch_add(&r->found, 1);
        }
    }
    return NULL;
}

static void recent_is_never_torn(void **state)
{
    static struct reading r;
    pthread_t threads[2];
    (void)state;
    mn_recent_init(&r.recent, 64);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_recent, &r), 0);
    for (int64_t i = 1; i < 200000 || atomic_load(&r.found) < 1000; i++)
        mn_recent_put(&r.recent,
                      &(struct mn_msg_ref){.id = 1 + i % 256, .at = {i, i}, .from = i, .to = i});
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    mn_recent_deinit(&r.recent);
}

static void chats_evict_the_unused(void **state)
{
    struct mn_chats c;
    (void)state;
    mn_chats_init(&c, 8);
    mn_chats_begin(&c);
    for (int64_t i = 1; i <= 8; i++) {
        struct mn_chat *chat = mn_chats_find(&c, mn_chat_pair(i, 100));
        assert_false(chat->loaded);
        chat->loaded = true;
        chat->id = i;
    }
    assert_null(mn_chats_find(&c, mn_chat_pair(9, 100))); /* all of them are in use by the batch */
    mn_chats_begin(&c);
    for (int64_t i = 9; i <= 15; i++)
        assert_false(mn_chats_find(&c, mn_chat_pair(i, 100))->loaded);
    unsigned left = 0;
    for (int64_t i = 1; i <= 8; i++) {
        mn_chats_begin(&c);
        struct mn_chat *chat = mn_chats_find(&c, mn_chat_pair(i, 100));
        left += chat->loaded;
        if (chat->loaded)
            assert_int_equal(chat->id, i);
    }
    assert_true(left <= 1);
    mn_chats_clear(&c);
    mn_chats_begin(&c);
    assert_false(mn_chats_find(&c, mn_chat_pair(15, 100))->loaded);
    mn_chats_deinit(&c);
}

static void cursors_have_a_ceiling(void **state)
{
    struct mn_cursors c;
    struct mn_membership row = {.peer = 1}, got;
    size_t pos = 0;
    unsigned count = 0;
    (void)state;
    mn_cursors_init(&c, 100);
    for (int64_t i = 1; i <= 100; i++) {
        row.read = i;
        assert_true(mn_cursors_put(&c, i, 1000 - i, &row));
    }
    assert_false(mn_cursors_put(&c, 101, 1, &row));
    row.read = 777;
    assert_true(mn_cursors_put(&c, 50, 950, &row)); /* merging needs no room */
    for (int64_t i = 1; i <= 100; i++) {
        assert_true(mn_cursors_get(&c, i, 1000 - i, &got));
        assert_int_equal(got.read, i == 50 ? 777 : i);
        assert_false(mn_cursors_get(&c, i, 1001 - i, &got));
    }
    while (mn_cursors_next(&c, &pos))
        count++;
    assert_int_equal(count, 100);
    mn_cursors_clear(&c);
    assert_false(mn_cursors_get(&c, 50, 950, &got));
    assert_true(mn_cursors_put(&c, 101, 1, &row));
    mn_cursors_deinit(&c);
}

static void cursors_are_emptied_as_a_whole(void **state)
{
    struct mn_cursors c;
    struct mn_membership row = {.peer = 1}, got;
    (void)state;
    mn_cursors_init(&c, 50);
    for (int64_t round = 0; round < 20; round++) {
        size_t pos = 0;
        unsigned count = 0;
        for (int64_t i = 1; i <= 50; i++) {
            row.delivered = 1000 * round + i;
            assert_true(mn_cursors_put(&c, i, 7 + round, &row));
            assert_false(mn_cursors_get(&c, i, 6 + round, &got));
        }
        mn_cursors_drop(&c, 9, 7 + round);
        assert_false(mn_cursors_get(&c, 9, 7 + round, &got));
        for (const struct mn_cursor_slot *slot; (slot = mn_cursors_next(&c, &pos)); count++)
            assert_int_equal(slot->row.delivered, 1000 * round + slot->user);
        assert_int_equal(count, 49);
        mn_cursors_clear(&c);
        pos = 0;
        assert_null(mn_cursors_next(&c, &pos));
    }
    mn_cursors_deinit(&c);
}

int test_store_msglog_parts(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recent_keeps_the_newest),        cmocka_unit_test(recent_is_never_torn),
        cmocka_unit_test(chats_evict_the_unused),         cmocka_unit_test(cursors_have_a_ceiling),
        cmocka_unit_test(cursors_are_emptied_as_a_whole),
    };
    return cmocka_run_group_tests_name("store: tables of the message log", tests, NULL, NULL);
}
