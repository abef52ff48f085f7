/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise, with SIGKILL: a child appends as fast as it can and tells of
 * every acknowledgement through a pipe; it is killed at a random moment; the
 * log is opened again and held against what was told.  Small memtables, so
 * that flushes and compactions are killed too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/map.h"
#include "base/num.h"
#include "base/rand.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

enum { ROUNDS = 20, USERS = 12, BATCH = 40, KILL_AFTER_MS = 60 };

/* One acknowledgement. Client ids are numbers, unique over all rounds. */
struct ack {
    int64_t from, to, number, id, chat, seq;
};

/* ---- the child ---- */

struct child {
    struct mn_msglog *log;
    struct mn_idgen ids;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting;
};

static void child_on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct child *c = ctx;
    for (size_t i = 0; i < count; i++) {
        int64_t number = 0;
        if (ops[i]->result || mn_parse_i64(mn_op_client_id(ops[i]), 0, INT64_MAX, &number))
            _exit(3);
        const struct ack ack = {ops[i]->from, ops[i]->to,      number,
                                ops[i]->id,   ops[i]->at.chat, ops[i]->at.seq};
        /* Below PIPE_BUF: whole or not at all. */
        if (write(STDOUT_FILENO, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
            _exit(4);
        mn_op_unref(ops[i]);
    }
    pthread_mutex_lock(&c->lock);
    c->waiting -= (unsigned)count;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static struct mn_op *child_op(struct child *c, struct mn_rng *rng, int64_t number)
{
    char client_id[24];
    int n = snprintf(client_id, sizeof(client_id), "%lld", (long long)number);
    struct mn_op *op = mn_op_new(MN_OP_APPEND, mn_str_make(client_id, (size_t)n), MN_STR_NONE,
                                 MN_STR("a body of a usual length, more or less"));
    if (!op)
        _exit(5);
    int64_t from = 1 + (int64_t)mn_rng_below(rng, USERS);
    mn_op_set_pair(op, from, 1 + (from + (int64_t)mn_rng_below(rng, USERS - 1)) % USERS);
    op->id = mn_idgen_next(&c->ids);
    op->unix_ms = mn_unix_ms();
    return op;
}

static void small_config(struct mn_msglog_config *config, const char *dir)
{
    *config = (struct mn_msglog_config){.sync = true,
                                        .queue_ops = 4096,
                                        .queue_bytes = 16 << 20,
                                        .batch_ops = 256,
                                        .cursor_flush_ms = 1,
                                        .cache_bytes = 4 << 20,
                                        .memtable_bytes = 256 << 10,
                                        .chat_cache = 512,
                                        .recent_cache = 64};
    snprintf(config->dir, sizeof(config->dir), "%s", dir);
}

/* Up to three chains of a few messages under way, without end. */
int store_child_append(const char *dir, const char *seed)
{
    static struct child c = {.lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER};
    static struct mn_msglog_config config;
    struct mn_buf why;
    struct mn_rng rng;
    uint64_t number = 0;
    if (mn_parse_u64(mn_str_c(seed), 0, UINT64_MAX, &number))
        return 2;
    mn_rng_seed(&rng, number);
    small_config(&config, dir);
    config.on_commit = child_on_commit;
    config.ctx = &c;
    config.idgen = &c.ids;
    mn_buf_init(&why, 4096);
    mn_idgen_init(&c.ids, 1, 1);
    if (mn_msglog_open(&config, mn_metrics_new(), &c.log, &why)) {
        fprintf(stderr, "%.*s\n", (int)why.n, why.p);
        return 2;
    }
    mn_idgen_raise(&c.ids, mn_msglog_max_id(c.log));
    for (;;) {
        struct mn_op *first = NULL, **tail = &first;
        unsigned count = 1 + (unsigned)mn_rng_below(&rng, BATCH);
        for (unsigned i = 0; i < count; i++) {
            *tail = child_op(&c, &rng, (int64_t)number++);
            if (!mn_msglog_reserve(c.log, (*tail)->bytes))
                return 6;
            tail = &(*tail)->next;
        }
        pthread_mutex_lock(&c.lock);
        c.waiting += count;
        mn_msglog_submit(c.log, first);
        while (c.waiting > 2 * BATCH)
            pthread_cond_wait(&c.changed, &c.lock);
        pthread_mutex_unlock(&c.lock);
    }
}

/* ---- the parent ---- */

struct acks {
    struct ack *p;
    size_t count, cap;
};

static void acks_read(struct acks *acks, int fd)
{
    for (;;) {
        if (acks->count + 256 > acks->cap) {
            acks->cap = 2 * acks->cap + 1024;
            acks->p = mn_try_realloc_array(acks->p, acks->cap, sizeof(*acks->p));
            assert_non_null(acks->p);
        }
        ssize_t n = read(fd, acks->p + acks->count, 256 * sizeof(*acks->p));
        if (n < 0 && errno == EAGAIN)
            return;
        assert_true(n >= 0 && n % (ssize_t)sizeof(*acks->p) == 0);
        acks->count += (size_t)n / sizeof(*acks->p);
        if (n == 0)
            return;
    }
}

/* Runs a child until some time after its first acknowledgement. */
static void run_and_kill(struct ts_log *t, struct acks *acks, uint64_t seed, unsigned after_ms)
{
    char text[24];
    int out = -1, status = 0;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
    const char *const args[] = {"--append", t->config.dir, text, NULL};
    pid_t pid = ts_spawn(args, &out);
    struct pollfd p = {.fd = out, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 60000), 1);
    uint64_t end_ms = mn_mono_ms() + after_ms;
    size_t before = acks->count;
    fcntl(out, F_SETFL, O_NONBLOCK);
    while (mn_mono_ms() < end_ms) { /* drained, so that the child does not wait for the pipe */
        poll(&p, 1, 1);
        acks_read(acks, out);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    fcntl(out, F_SETFL, 0);
    acks_read(acks, out);
    close(out);
    assert_true(acks->count > before);
}

struct walk {
    int64_t chat, last;
};

static bool next_seq(void *arg, const struct mn_msg *msg)
{
    struct walk *walk = arg;
    assert_int_equal(msg->at.chat, walk->chat);
    assert_int_equal(msg->at.seq, ++walk->last);
    return true;
}

/* Every chat's numbers are 1, 2, 3 ... and its head agrees. */
static bool check_chat(void *arg, const struct mn_chat_view *view)
{
    struct ts_log *t = arg;
    struct walk walk = {.chat = view->chat};
    assert_int_equal(mn_msglog_read(t->log,
                                    &(struct mn_range){view->chat, 0, INT64_MAX, false, UINT32_MAX},
                                    next_seq, &walk),
                     MN_OK);
    assert_int_equal(walk.last, view->last_seq);
    return true;
}

static void check_ack(struct ts_log *t, const struct ack *ack)
{
    struct mn_msg_ref ref;
    assert_int_equal(mn_msglog_find(t->log, ack->id, &ref), MN_OK);
    assert_true(ref.at.chat == ack->chat && ref.at.seq == ack->seq);
    assert_true(ref.from == ack->from && ref.to == ack->to);
}

/* The client id still answers with its first result. */
static void check_retries(struct ts_log *t, const struct ack *acks, size_t count)
{
    struct mn_op *ops[BATCH] = {NULL};
    assert_true(count <= BATCH);
    for (size_t i = 0; i < count; i++) {
        char client_id[24];
        snprintf(client_id, sizeof(client_id), "%lld", (long long)acks[i].number);
        ops[i] = ts_append_op(acks[i].from, acks[i].to, client_id, "retry");
        if (i > 0)
            ops[i - 1]->next = ops[i];
    }
    ts_submit(t, ops[0]);
    ts_wait(t);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ops[i]->result, MN_OK);
        assert_true(ops[i]->duplicate);
        assert_true(ops[i]->id == acks[i].id && ops[i]->at.seq == acks[i].seq);
        mn_op_unref(ops[i]);
    }
}

static void check_all(struct ts_log *t, const struct acks *acks, size_t first)
{
    for (int64_t user = 1; user <= USERS; user++)
        assert_int_equal(mn_msglog_chats(t->log, user, 0, check_chat, t), MN_OK);
    for (size_t i = 0; i < acks->count; i += i < first ? 17 : 1)
        check_ack(t, &acks->p[i]);
    for (size_t i = 0; i < acks->count; i += i < first ? 40 * BATCH : BATCH)
        check_retries(t, acks->p + i, acks->count - i < BATCH ? acks->count - i : BATCH);
}

static void kill_at_any_time(void **state)
{
    struct ts_log t;
    struct acks acks = {0};
    struct mn_rng rng;
    uint64_t seed = mn_mono_ns();
    (void)state;
    print_message("[          ] seed %llu\n", (unsigned long long)seed);
    mn_rng_seed(&rng, seed);
    ts_log_prepare(&t);
    void (*on_commit)(void *, struct mn_op **, size_t) = t.config.on_commit;
    char dir[80];
    snprintf(dir, sizeof(dir), "%s/log", t.dir);
    small_config(&t.config, dir);
    t.config.on_commit = on_commit;
    t.config.ctx = &t;
    t.config.idgen = ts_idgen();
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t first = acks.count;
        run_and_kill(&t, &acks, round * UINT64_C(1000000000),
                     (unsigned)mn_rng_below(&rng, KILL_AFTER_MS));
        ts_log_open(&t);
        check_all(&t, &acks, first);
        ts_log_close(&t);
    }
    print_message("[          ] %zu acknowledgements held\n", acks.count);
    mn_free(acks.p);
    ts_log_deinit(&t);
}

int test_store_msglog_crash(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kill_at_any_time)};
    return cmocka_run_group_tests_name("store: message log, killed", tests, NULL, NULL);
}
