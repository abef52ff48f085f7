/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage that is met while serving: a read gives everything or says that it
 * cannot, an append gets the right number or is refused, and it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/rand.h"
#include "store/rocks/rocks.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

enum { CHATS = 8, MESSAGES = 250, USER = 1, FLIPS = 60, FILES = 64 };

struct world {
    struct ts_log t;
    int64_t chat[CHATS], last[CHATS];
    _Atomic unsigned told;
};

static void on_damage(void *ctx, const char *what, int64_t chat)
{
    struct world *w = ctx;
    (void)chat;
    assert_non_null(what);
    atomic_fetch_add(&w->told, 1);
}

/* Chats of USER with users 10, 11, ...; both write. In tables, as it was opened twice. */
static void make(struct world *w, int messages)
{
    static const char text[] = "a body of some length, so that a table has more blocks than one: "
                               "a body of some length, so that a table has more blocks than one";
    *w = (struct world){.told = 0};
    ts_log_prepare(&w->t);
    w->t.config.memtable_bytes = 1 << 20;
    w->t.config.on_damage = on_damage;
    w->t.config.damage_ctx = w;
    ts_log_open(&w->t);
    for (int i = 0; i < messages; i++) {
        struct mn_op *first = NULL, *ops[CHATS];
        for (int c = 0; c < CHATS; c++) {
            char client_id[24];
            snprintf(client_id, sizeof(client_id), "d-%d", i);
            ops[c] = ts_append_op(i % 3 ? 10 + c : USER, i % 3 ? USER : 10 + c, client_id, text);
            ops[c]->next = first;
            first = ops[c];
        }
        ts_submit(&w->t, first);
        ts_wait(&w->t);
        for (int c = 0; c < CHATS; c++) {
            assert_int_equal(ops[c]->result, MN_OK);
            w->chat[c] = ops[c]->at.chat;
            w->last[c] = ops[c]->at.seq;
            mn_op_unref(ops[c]);
        }
    }
    ts_log_close(&w->t);
    ts_log_open(&w->t);
    ts_log_close(&w->t);
}

struct count {
    int64_t first, last, count;
};

static bool count_one(void *arg, const struct mn_msg *msg)
{
    struct count *c = arg;
    c->first = c->count == 0 ? msg->at.seq : c->first;
    c->last = msg->at.seq;
    c->count++;
    return true;
}

/* All, or an error that was told; whether it was all. */
static bool read_whole(struct world *w, int c, bool descending)
{
    struct count n = {.count = 0};
    const struct mn_range range = {w->chat[c], 0, INT64_MAX, descending, UINT32_MAX};
    enum mn_err err = mn_msglog_read(w->t.log, &range, count_one, &n);
    if (err) {
        assert_int_equal(err, MN_ECORRUPT);
        assert_true(mn_msglog_is_corrupt(w->t.log));
        assert_true(atomic_load(&w->told) > 0);
        return false;
    }
    assert_int_equal(n.count, w->last[c]);
    assert_int_equal(n.first, descending ? w->last[c] : 1);
    return true;
}

static void check_view(struct world *w, int c)
{
    struct mn_chat_view v;
    enum mn_err err = mn_msglog_chat(w->t.log, w->chat[c], USER, &v);
    if (err)
        assert_int_equal(err, MN_ECORRUPT);
    else
        assert_int_equal(v.last_seq, w->last[c]);
}

static void check_backlog(struct world *w)
{
    struct count n = {.count = 0};
    struct mn_place pos = {0, 0};
    bool done = false;
    enum mn_err err = mn_msglog_backlog(w->t.log, USER, &pos, 100000, SIZE_MAX, count_one, &n,
                                        &done);
    if (err) {
        assert_int_equal(err, MN_ECORRUPT);
        return;
    }
    int64_t expected = 0;
    for (int c = 0; c < CHATS; c++)
        for (int64_t seq = 1; seq <= w->last[c]; seq++)
            expected += (seq - 1) % 3 != 0;
    assert_int_equal(n.count, expected);
}

static void check_append(struct world *w, int c, int flip)
{
    char client_id[24];
    snprintf(client_id, sizeof(client_id), "e-%d", flip);
    struct mn_op *op = ts_do(&w->t, ts_append_op(10 + c, USER, client_id, "x"));
    if (op->result)
        assert_int_equal(op->result, MN_ECORRUPT);
    else
        assert_true(op->at.chat == w->chat[c] && op->at.seq == w->last[c] + 1);
    mn_op_unref(op);
}

/* A row that is gone from the middle, the beginning or the end of a chat, with a table to prove it. */
static void gaps_are_noticed(void **state)
{
    static struct world w;
    (void)state;
    const int64_t gone[] = {1, 2, 7, 19, 20};
    for (size_t i = 0; i < MN_ARRAY_LEN(gone); i++) {
        struct mn_rocks *db = NULL;
        struct mn_buf why;
        char key[MN_KEY_SEQ_BYTES];
        make(&w, 20);
        mn_buf_init(&why, 1000);
        const struct mn_rocks_config config = {
            .dir = w.t.config.dir, .cache_bytes = 1 << 20, .memtable_bytes = 1 << 20};
        assert_int_equal(mn_rocks_open(&config, &db, &why), MN_OK);
        struct mn_rocks_batch *batch = mn_rocks_batch_new();
        mn_key_seq(key, w.chat[3], gone[i]);
        mn_rocks_batch_delete(db, batch, MN_CF_INDEX, mn_str_make(key, sizeof(key)));
        assert_int_equal(mn_rocks_write(db, batch), MN_OK);
        mn_rocks_batch_free(batch);
        mn_rocks_close(db);
        mn_buf_deinit(&why);
        ts_log_open(&w.t);
        assert_true(read_whole(&w, 2, false));
        if (gone[i] < 20) { /* the last row's absence cannot be told from a message never sent */
            assert_false(read_whole(&w, 3, false));
            assert_false(read_whole(&w, 3, true));
            if (gone[i] > 1) /* a backlog begins with a point read, which damage does not deceive */
                check_backlog(&w);
            assert_true(mn_msglog_is_corrupt(w.t.log));
        }
        ts_log_deinit(&w.t);
    }
}

struct file {
    char path[300];
    off_t size;
};

static unsigned list_tables(struct world *w, struct file *files)
{
    unsigned count = 0;
    DIR *dir = opendir(w->t.config.dir);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        struct stat st;
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".sst") != 0 || count == FILES)
            continue;
        snprintf(files[count].path, sizeof(files[count].path), "%.90s/%.200s", w->t.config.dir,
                 e->d_name);
        assert_int_equal(stat(files[count].path, &st), 0);
        files[count++].size = st.st_size;
    }
    closedir(dir);
    return count;
}

/* False: the file is gone. */
static bool flip(const struct file *file, off_t at, unsigned bit)
{
    unsigned char byte;
    int fd = open(file->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= (unsigned char)(1u << bit);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    return true;
}

static void flipped_bits_are_noticed(void **state)
{
    static struct world w;
    static struct file files[FILES];
    struct mn_rng rng;
    unsigned noticed = 0;
    (void)state;
    mn_rng_seed(&rng, 23);
    make(&w, MESSAGES);
    for (int i = 0; i < FLIPS; i++) {
        unsigned count = list_tables(&w, files);
        assert_true(count > 2);
        const struct file *file = &files[mn_rng_below(&rng, count)];
        /* Every second one in the first block, which an iterator comes to from the table before. */
        off_t span = i % 2 && file->size > 4096 ? 4096 : file->size;
        off_t at = (off_t)mn_rng_below(&rng, (uint64_t)span);
        unsigned bit = (unsigned)mn_rng_below(&rng, 8);
        assert_true(flip(file, at, bit));
        struct mn_buf why;
        mn_buf_init(&why, 1000);
        if (mn_msglog_open(&w.t.config, w.t.metrics, &w.t.log, &why) == MN_OK) {
            bool whole = true;
            for (int c = 0; c < CHATS; c++) {
                whole &= read_whole(&w, c, false);
                whole &= read_whole(&w, c, true);
                check_view(&w, c);
            }
            check_backlog(&w);
            if (i == FLIPS - 1)
                for (int c = 0; c < CHATS; c++)
                    check_append(&w, c, i);
            noticed += !whole;
            ts_log_close(&w.t);
        }
        mn_buf_deinit(&why);
        mn_ignore(flip(file, at, bit));
    }
    assert_true(noticed > 5);
    ts_log_deinit(&w.t);
}

/* The index of one chat: its appends are refused by name, all others go on. */
static void appends_to_a_damaged_chat(void **state)
{
    static struct world w;
    (void)state;
    make(&w, 5);
    struct mn_rocks *db = NULL;
    struct mn_buf why;
    char key[MN_KEY_SEQ_BYTES];
    mn_buf_init(&why, 1000);
    const struct mn_rocks_config config = {
        .dir = w.t.config.dir, .cache_bytes = 1 << 20, .memtable_bytes = 1 << 20};
    assert_int_equal(mn_rocks_open(&config, &db, &why), MN_OK);
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    mn_key_seq(key, w.chat[3], 5);
    mn_rocks_batch_put(db, batch, MN_CF_INDEX, mn_str_make(key, sizeof(key)),
                       MN_STR("\x01garbage"));
    assert_int_equal(mn_rocks_write(db, batch), MN_OK);
    mn_rocks_batch_free(batch);
    mn_rocks_close(db);
    mn_buf_deinit(&why);
    ts_log_open(&w.t);
    assert_false(mn_msglog_is_corrupt(w.t.log));
    for (int c = 0; c < CHATS; c++) {
        struct mn_op *op = ts_do(&w.t, ts_append_op(10 + c, USER, "new", "x"));
        assert_int_equal(op->result, c == 3 ? MN_ECORRUPT : MN_OK);
        mn_op_unref(op);
    }
    assert_true(mn_msglog_is_corrupt(w.t.log) && atomic_load(&w.told) == 1);
    assert_true(mn_msglog_is_writable(w.t.log));
    ts_log_deinit(&w.t);
}

int test_store_msglog_damage(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_are_noticed),
        cmocka_unit_test(flipped_bits_are_noticed),
        cmocka_unit_test(appends_to_a_damaged_chat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
