/* SPDX-License-Identifier: Apache-2.0 */
/* What spans both stores (im/log_todo.h), on real ones that are closed and killed in between. */
#include "im/log_todo.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "im/friend/friend.h"
#include "im/log_wait.h"
#include "store/sql/db.h"
#include "unit/im/tests.h"

#define GROUP INT64_C(900)

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        mn_log_done(ops[i]);
        mn_op_unref(ops[i]);
    }
}

struct world {
    char dir[256];
    struct mn_metrics *metrics;
    struct mn_idgen ids;
    struct mn_db *db;
    struct mn_msglog *log;
    struct mn_log_todo *todo;
};

static void open_stores(struct world *w)
{
    struct mn_buf why = {0};
    struct mn_db_config db = {.readers = 2, .busy_timeout_ms = 5000, .sync = false};
    snprintf(db.path, sizeof(db.path), "%s/minim.db", w->dir);
    struct mn_msglog_config config = small_log(&w->ids, on_commit, NULL);
    snprintf(config.dir, sizeof(config.dir), "%s/messages", w->dir);
    w->metrics = mn_metrics_new();
    assert_int_equal(mn_db_open(&db, &w->db, &why), MN_OK);
    assert_int_equal(mn_msglog_open(&config, w->metrics, &w->log, &why), MN_OK);
    mn_buf_deinit(&why);
}

static void start(struct world *w)
{
    const struct mn_log_todo_config config = {.db = w->db, .msglog = w->log, .ids = &w->ids};
    assert_int_equal(mn_log_todo_start(&config, &w->todo), MN_OK);
}

static void init(struct world *w)
{
    const char *tmp = getenv("TMPDIR");
    *w = (struct world){.todo = NULL};
    snprintf(w->dir, sizeof(w->dir), "%.200s/mn-todo-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->dir));
    mn_idgen_init(&w->ids, 1, 1);
    open_stores(w);
    start(w);
}

static void close_all(struct world *w)
{
    mn_log_todo_stop(w->todo);
    mn_msglog_close(w->log);
    mn_db_close(w->db);
    mn_metrics_free(w->metrics);
    w->todo = NULL;
}

static void deinit(struct world *w)
{
    char command[400];
    close_all(w);
    snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
}

/* The transaction alone, as if the process were killed behind it. */
static void commit(struct world *w, enum mn_todo_kind kind, int64_t a, int64_t b)
{
    MN_SQL_TX(tx, w->db);
    while (mn_sql_tx_run(&tx))
        mn_log_todo_add(w->todo, &tx, kind, a, b, mn_unix_ms());
    assert_int_equal(mn_sql_tx_end(&tx), MN_OK);
}

/* A log whose disk is full, while that of the accounts is not. */
static bool full;
bool __real_mn_msglog_is_writable(struct mn_msglog *log);
bool __wrap_mn_msglog_is_writable(struct mn_msglog *log);
bool __wrap_mn_msglog_is_writable(struct mn_msglog *log)
{
    return !full && __real_mn_msglog_is_writable(log);
}

static size_t left(struct world *w)
{
    struct mn_todo rows[100];
    size_t count = 0;
    assert_int_equal(mn_db_todos(w->db, 0, 0, rows, 100, &count), MN_OK);
    return count;
}

static bool is_member(struct world *w, int64_t user)
{
    struct mn_chat_view view;
    enum mn_err err = mn_msglog_chat(w->log, GROUP, user, &view);
    assert_true(err == MN_OK || err == MN_ENOTFOUND);
    return err == MN_OK;
}

static void is_done_at_once(void **state)
{
    struct world w;
    int64_t chat = 0, again = 0;
    (void)state;
    init(&w);
    mn_log_todo_lock(w.todo, GROUP);
    commit(&w, MN_TODO_JOIN, GROUP, 7);
    assert_int_equal(left(&w), 1);
    assert_int_equal(mn_log_todo_do(w.todo, GROUP), MN_OK);
    mn_log_todo_unlock(w.todo, GROUP);
    assert_true(is_member(&w, 7));
    commit(&w, MN_TODO_CHAT, 9, 4);
    assert_int_equal(mn_log_todo_do_chat(w.todo, 9, 4, &chat), MN_OK);
    assert_true(chat > 0);
    commit(&w, MN_TODO_CHAT, 4, 9);
    assert_int_equal(mn_log_todo_do_chat(w.todo, 4, 9, &again), MN_OK);
    assert_int_equal(again, chat);
    assert_int_equal(left(&w), 0);
    deinit(&w);
}

/* Of one group in the order of the transactions, whoever does them. */
static void is_done_at_the_next_start(void **state)
{
    struct world w;
    int64_t chat = 0;
    (void)state;
    init(&w);
    for (int64_t user = 1; user <= 40; user++)
        commit(&w, MN_TODO_JOIN, GROUP, user);
    for (int64_t user = 1; user <= 40; user += 2)
        commit(&w, MN_TODO_LEAVE, GROUP, user);
    commit(&w, MN_TODO_CHAT, 9, 4);
    assert_int_equal(left(&w), 61);
    close_all(&w);
    open_stores(&w);
    assert_int_equal(left(&w), 61);
    assert_false(is_member(&w, 2));
    start(&w);
    assert_int_equal(left(&w), 0);
    for (int64_t user = 1; user <= 40; user++)
        assert_int_equal(is_member(&w, user), user % 2 == 0);
    assert_int_equal(mn_msglog_pair(w.log, 4, 9, &chat), MN_OK);
    deinit(&w);
}

/* What an earlier worker left of the same group comes first. */
static void what_was_left_comes_first(void **state)
{
    struct world w;
    (void)state;
    init(&w);
    commit(&w, MN_TODO_JOIN, GROUP, 7);
    commit(&w, MN_TODO_LEAVE, GROUP, 7);
    assert_int_equal(mn_log_todo_do(w.todo, GROUP), MN_OK);
    assert_false(is_member(&w, 7));
    assert_int_equal(left(&w), 0);
    deinit(&w);
}

/* A row that cannot be done is told, stays, and keeps no other one back. */
static void one_that_fails_is_kept(void **state)
{
    struct world w;
    (void)state;
    init(&w);
    commit(&w, MN_TODO_JOIN, GROUP, -5); /* nobody */
    commit(&w, MN_TODO_JOIN, GROUP + 1, 7);
    assert_int_equal(mn_log_todo_do(w.todo, GROUP), MN_EINVAL);
    close_all(&w);
    open_stores(&w);
    start(&w);
    assert_int_equal(left(&w), 1);
    deinit(&w);
}

/* One that changes nothing, for a reservation of no bytes. */
static struct mn_op *idle_op(void)
{
    struct mn_op *op = mn_op_new(MN_OP_LEAVE, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = 1;
    op->key = mn_chat_group(GROUP + 5);
    op->bytes = 0;
    return op;
}

/* What the log refused is done in the background as soon as it takes it. */
static void what_was_refused_is_done_later(void **state)
{
    struct world w;
    int64_t chat = 0;
    unsigned held = 0;
    (void)state;
    init(&w);
    while (mn_msglog_reserve(w.log, 0)) /* until the queue is full */
        held++;
    commit(&w, MN_TODO_CHAT, 4, 9);
    assert_int_equal(mn_log_todo_do_chat(w.todo, 4, 9, &chat), MN_EBUSY);
    assert_int_equal(left(&w), 1);
    for (; held > 0; held--)
        mn_msglog_submit(w.log, idle_op());
    for (uint64_t end_ms = mn_mono_ms() + 60000; left(&w) > 0 && mn_mono_ms() < end_ms;)
        sched_yield();
    assert_int_equal(left(&w), 0);
    assert_int_equal(mn_msglog_pair(w.log, 4, 9, &chat), MN_OK);
    deinit(&w);
}

/* Told to the sink, with what could be found when it was. */
struct told {
    struct world *w;
    _Atomic unsigned count;
    int64_t to[4];
    bool had_chat;
};

static void note_told(void *ctx, const int64_t *uids, size_t n, const struct mn_envelope *env)
{
    struct told *told = ctx;
    int64_t chat = 0;
    assert_int_equal(n, 1);
    assert_int_equal(env->type, MN_TYPE_FRIEND_DECISION);
    told->had_chat = mn_msglog_pair(told->w->log, env->from, env->to, &chat) == MN_OK;
    told->to[atomic_load(&told->count) % 4] = uids[0];
    atomic_fetch_add(&told->count, 1);
}

static void await(_Atomic unsigned *count, unsigned n)
{
    for (uint64_t end_ms = mn_mono_ms() + 60000; atomic_load(count) < n && mn_mono_ms() < end_ms;)
        sched_yield();
    assert_int_equal(atomic_load(count), n);
}

/* Whose request was accepted while the log refused is told when there is a chat, and once. */
static void a_decision_is_told_when_the_chat_is_there(void **state)
{
    struct world w;
    struct told told = {.w = &w};
    struct mn_friend_asked asked;
    int64_t chat = 0;
    unsigned held = 0;
    (void)state;
    init(&w);
    const struct mn_friends_config config = {
        .db = w.db, .todo = w.todo, .ids = &w.ids, .sink = {.ctx = &told, .push = NULL}};
    struct mn_friends_config telling = config;
    struct mn_friends *quiet = mn_friends_new(&config);
    telling.sink.push = note_told;
    struct mn_friends *friends = mn_friends_new(&telling);
    assert_int_equal(mn_friend_ask(quiet, &(struct mn_friend_question){.from = 4, .to = 9}, &asked),
                     MN_OK);
    while (mn_msglog_reserve(w.log, 0)) /* until the queue is full */
        held++;
    assert_int_equal(mn_friend_decide(friends, asked.id, 9, true, &chat), MN_EBUSY);
    assert_int_equal(atomic_load(&told.count), 0);
    for (; held > 0; held--)
        mn_msglog_submit(w.log, idle_op());
    await(&told.count, 1);
    assert_int_equal(told.to[0], 4);
    assert_true(told.had_chat);
    assert_int_equal(mn_friend_decide(friends, asked.id, 9, true, &chat), MN_OK);
    assert_int_equal(mn_msglog_pair(w.log, 4, 9, &chat), MN_OK);
    assert_int_equal(atomic_load(&told.count), 1);
    mn_log_todo_stop(w.todo);
    w.todo = NULL;
    mn_friends_free(quiet);
    mn_friends_free(friends);
    deinit(&w);
}

struct numbered {
    struct mn_log_todo_news news; /* first */
    unsigned number;
    struct told *told;
};

static void note_number(struct mn_log_todo_news *news)
{
    struct numbered *numbered = mn_container_of(news, struct numbered, news);
    numbered->told->to[atomic_load(&numbered->told->count) % 4] = numbered->number;
    atomic_fetch_add(&numbered->told->count, 1);
}

static void then(struct world *w, struct told *told, int64_t group, unsigned number)
{
    struct numbered *numbered = mn_new(struct numbered);
    *numbered = (struct numbered){
        .news = {.group = group, .tell = note_number}, .number = number, .told = told};
    mn_log_todo_then(w->todo, &numbered->news);
}

/* News of what is done already are told all the same; in their order; the stop forgets them. */
static void news_come_too_late_or_never(void **state)
{
    struct world w;
    struct told told = {.w = &w};
    (void)state;
    init(&w);
    then(&w, &told, GROUP, 1);
    then(&w, &told, GROUP + 1, 2);
    then(&w, &told, GROUP, 3);
    await(&told.count, 3);
    for (unsigned i = 0; i < 3 && told.to[i] != 1; i++)
        assert_int_not_equal(told.to[i], 3); /* of the same group, and later */
    unsigned held = 0;
    while (mn_msglog_reserve(w.log, 0))
        held++;
    commit(&w, MN_TODO_JOIN, GROUP, 7);
    then(&w, &told, GROUP, 4);
    mn_log_todo_stop(w.todo); /* whether it has tried again or not: it could not */
    w.todo = NULL;
    assert_int_equal(atomic_load(&told.count), 3);
    for (; held > 0; held--)
        mn_msglog_submit(w.log, idle_op());
    deinit(&w);
}

static void nothing_is_begun_with_a_full_disk(void **state)
{
    struct world w;
    (void)state;
    init(&w);
    full = true;
    MN_SQL_TX(tx, w.db);
    while (mn_sql_tx_run(&tx))
        mn_log_todo_add(w.todo, &tx, MN_TODO_JOIN, GROUP, 7, mn_unix_ms());
    full = false;
    assert_int_equal(mn_sql_tx_end(&tx), MN_EBUSY);
    assert_int_equal(left(&w), 0);
    deinit(&w);
}

int test_im_log_todo(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_done_at_once),
        cmocka_unit_test(is_done_at_the_next_start),
        cmocka_unit_test(what_was_left_comes_first),
        cmocka_unit_test(one_that_fails_is_kept),
        cmocka_unit_test(what_was_refused_is_done_later),
        cmocka_unit_test(a_decision_is_told_when_the_chat_is_there),
        cmocka_unit_test(news_come_too_late_or_never),
        cmocka_unit_test(nothing_is_begun_with_a_full_disk),
    };
    return cmocka_run_group_tests_name("im/log_todo", tests, NULL, NULL);
}
