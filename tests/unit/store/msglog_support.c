/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/msglog_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct ts_log *t = ctx;
    pthread_mutex_lock(&t->lock);
    t->blocking += t->blocked;
    pthread_cond_broadcast(&t->changed);
    while (t->blocked)
        pthread_cond_wait(&t->changed, &t->lock);
    for (size_t i = 0; i < count; i++, t->handed_back++) {
        if (t->handed_back < MN_ARRAY_LEN(t->whos))
            t->whos[t->handed_back] = ops[i]->who;
        mn_op_unref(ops[i]);
    }
    t->batches++;
    t->by = pthread_self();
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

void ts_log_prepare(struct ts_log *t)
{
    *t = (struct ts_log){0};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    const char *tmp = getenv("TMPDIR");
    snprintf(t->dir, sizeof(t->dir), "%.40s/mn-store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(t->dir));
    t->config = (struct mn_msglog_config){.sync = true,
                                          .queue_ops = 1024,
                                          .queue_bytes = 1 << 20,
                                          .batch_ops = 256,
                                          .cursor_flush_ms = 1000,
                                          .cache_bytes = 8 << 20,
                                          .memtable_bytes = 4 << 20,
                                          .chat_cache = 512,
                                          .recent_cache = 1024,
                                          .idgen = ts_idgen(),
                                          .on_commit = on_commit,
                                          .ctx = t};
    snprintf(t->config.dir, sizeof(t->config.dir), "%s/log", t->dir);
    t->metrics = mn_metrics_new();
}

void ts_log_init(struct ts_log *t)
{
    ts_log_prepare(t);
    ts_log_open(t);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void ts_log_deinit(struct ts_log *t)
{
    ts_log_close(t);
    mn_metrics_free(t->metrics);
    nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
}

void ts_log_open(struct ts_log *t)
{
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    enum mn_err err = mn_msglog_open(&t->config, t->metrics, &t->log, &why);
    if (err)
        print_error("%.*s\n", (int)why.n, why.p);
    mn_buf_deinit(&why);
    assert_int_equal(err, MN_OK);
}

void ts_log_close(struct ts_log *t)
{
    mn_msglog_close(t->log);
    t->log = NULL;
}

void ts_log_open_fails(struct ts_log *t, enum mn_err err, const char *part)
{
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    struct mn_msglog *log = NULL;
    assert_int_equal(mn_msglog_open(&t->config, t->metrics, &log, &why), err);
    assert_null(log);
    mn_buf_add_char(&why, '\0');
    if (!strstr(why.p, part))
        print_error("'%s' is not in: %s\n", part, why.p);
    assert_non_null(strstr(why.p, part));
    mn_buf_deinit(&why);
}

static struct mn_idgen ids;

static void ids_init(void) { mn_idgen_init(&ids, 1, 1); }

struct mn_idgen *ts_idgen(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ids_init);
    return &ids;
}

int64_t ts_id(void) { return mn_idgen_next(ts_idgen()); }

struct mn_op *ts_append_op(int64_t from, int64_t to, const char *client_id, const char *body)
{
    struct mn_op *op = mn_op_new(MN_OP_APPEND, mn_str_c(client_id), MN_STR_NONE, mn_str_c(body));
    assert_non_null(op);
    mn_op_set_pair(op, from, to);
    op->id = ts_id();
    op->unix_ms = mn_unix_ms();
    op->mono_ns = mn_mono_ns();
    return op;
}

struct mn_op *ts_cursor_op(enum mn_cursor_kind kind, int64_t from, int64_t to, int64_t chat,
                           int64_t seq)
{
    struct mn_op *op = mn_op_new(MN_OP_CURSOR, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->cursor = (uint8_t)kind;
    mn_op_set_pair(op, from, to);
    op->at.chat = chat;
    op->at.seq = seq;
    return op;
}

void ts_submit(struct ts_log *t, struct mn_op *first)
{
    uint64_t count = 0;
    for (struct mn_op *op = first; op; op = op->next, count++) {
        assert_true(mn_msglog_reserve(t->log, op->bytes));
        mn_op_ref(op);
    }
    pthread_mutex_lock(&t->lock);
    t->submitted += count;
    pthread_mutex_unlock(&t->lock);
    mn_msglog_submit(t->log, first);
}

void ts_wait(struct ts_log *t)
{
    pthread_mutex_lock(&t->lock);
    while (t->handed_back < t->submitted)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

struct mn_op *ts_do(struct ts_log *t, struct mn_op *op)
{
    ts_submit(t, op);
    ts_wait(t);
    return op;
}

int64_t ts_append(struct ts_log *t, int64_t from, int64_t to, const char *client_id,
                  const char *body, int64_t *ret_id)
{
    struct mn_op *op = ts_do(t, ts_append_op(from, to, client_id, body));
    assert_int_equal(op->result, MN_OK);
    int64_t seq = op->at.seq;
    if (ret_id)
        *ret_id = op->id;
    mn_op_unref(op);
    return seq;
}

bool ts_move(struct ts_log *t, enum mn_cursor_kind kind, int64_t from, int64_t to, int64_t chat,
             int64_t seq)
{
    struct mn_op *op = ts_do(t, ts_cursor_op(kind, from, to, chat, seq));
    assert_int_equal(op->result, MN_OK);
    bool advanced = op->advanced;
    mn_op_unref(op);
    return advanced;
}

void ts_find_file(struct ts_log *t, const char *suffix, char *path, size_t size)
{
    off_t best = -1;
    DIR *dir = opendir(t->config.dir);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char name[512];
        struct stat st;
        size_t n = strlen(e->d_name), m = strlen(suffix);
        if (n < m || strcmp(e->d_name + n - m, suffix) != 0)
            continue;
        snprintf(name, sizeof(name), "%.200s/%.200s", t->config.dir, e->d_name);
        if (stat(name, &st) == 0 && st.st_size > best) {
            best = st.st_size;
            snprintf(path, size, "%s", name);
        }
    }
    closedir(dir);
    assert_true(best > 0);
}

struct mn_rocks *ts_rocks_open(const char *dir)
{
    struct mn_rocks *db = NULL;
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    const struct mn_rocks_config config = {
        .dir = dir, .cache_bytes = 1 << 20, .memtable_bytes = 1 << 20, .sync = true};
    assert_int_equal(mn_rocks_open(&config, &db, &why), MN_OK);
    mn_buf_deinit(&why);
    return db;
}

static void put_old_pair(struct mn_rocks *db, struct mn_rocks_batch *batch, struct mn_str key,
                         struct mn_str value)
{
    char old[MN_ROW_PAIR_MAX];
    struct mn_row_pair row;
    assert_int_equal(mn_row_pair_parse(value, &row), MN_OK);
    row = (struct mn_row_pair){.chat = row.chat, .is_bare = row.is_bare};
    size_t n = mn_row_pair_print(old, &row);
    assert_int_equal(n, 9); /* as format 1 had it */
    mn_rocks_batch_put(db, batch, MN_CF_CHAT, key, mn_str_make(old, n));
}

static void put_old_rows(struct mn_rocks *db)
{
    struct mn_str key, value;
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    struct mn_rocks_iter *it = mn_rocks_iter_new_scan(db, MN_CF_CHAT);
    for (; mn_rocks_iter_get(it, &key, &value); mn_rocks_iter_next(it)) {
        if (key.p[0] == 'p')
            put_old_pair(db, batch, key, value);
        else if (key.p[0] != 'u')
            mn_rocks_batch_delete(db, batch, MN_CF_CHAT, key);
    }
    mn_rocks_iter_free(it);
    mn_rocks_batch_put(db, batch, MN_CF_META, MN_STR("format"), MN_STR("1"));
    mn_rocks_batch_delete(db, batch, MN_CF_META, MN_STR("lists_mark"));
    assert_int_equal(mn_rocks_write(db, batch), MN_OK);
    mn_rocks_batch_free(batch);
}

bool ts_make_format_1(const char *dir)
{
    uint64_t format = 0;
    struct mn_rocks *db = ts_rocks_open(dir);
    assert_int_equal(mn_rlog_read_format(db, &format), MN_OK);
    if (format == MN_MSGLOG_FORMAT)
        put_old_rows(db);
    mn_rocks_close(db);
    return format == MN_MSGLOG_FORMAT;
}

struct mn_op *ts_idle_op(void)
{
    struct mn_op *op = mn_op_new(MN_OP_BARRIER, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    return op;
}

void ts_block(struct ts_log *t)
{
    struct mn_op *idle = ts_idle_op();
    pthread_mutex_lock(&t->lock);
    t->blocked = true;
    uint64_t before = t->blocking;
    pthread_mutex_unlock(&t->lock);
    ts_submit(t, idle);
    mn_op_unref(idle);
    pthread_mutex_lock(&t->lock);
    while (t->blocking == before)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

void ts_unblock(struct ts_log *t)
{
    pthread_mutex_lock(&t->lock);
    t->blocked = false;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

pid_t ts_spawn(const char *const *args, int *ret_out)
{
    char *argv[8] = {(char *)"unit_store"};
    int out[2] = {-1, -1};
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = (char *)args[i];
    if (ret_out)
        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (ret_out)
            dup2(out[1], STDOUT_FILENO);
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    assert_true(pid > 0);
    if (ret_out) {
        close(out[1]);
        *ret_out = out[0];
    }
    return pid;
}
