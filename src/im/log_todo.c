/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rows of t_log_todo to operations of the message log, see log_todo.h.
 *
 * The rows are the only truth: whoever did a transaction, the start, and the
 * background thread all run the same loop, which takes what is there for one
 * group (or the lower user of a pair) in order, and removes each row when the
 * log has it on disk.  An operation that was done and whose row is still
 * there is done again, which changes nothing, as nothing came behind it.
 */
#include "im/log_todo.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "im/log_wait.h"

enum {
    STRIPES = 64,
    PAGE = 32,
    RETRY_MS = 500,
    BUSY_TRIES = 200,
    BUSY_NS = 10000000,
    LOG_MS = 10000,
    NEWS_MAX = 4096
};

struct mn_log_todo {
    struct mn_log_todo_config config;
    pthread_mutex_t stripes[STRIPES];
    struct mn_log_gate gate;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    bool is_left, is_stopping;
    struct mn_log_todo_news *news; /* the oldest first */
    unsigned news_count;
};

static pthread_mutex_t *stripe_of(struct mn_log_todo *todo, int64_t a)
{
    return &todo->stripes[mn_hash_u64((uint64_t)a) % STRIPES];
}

void mn_log_todo_lock(struct mn_log_todo *todo, int64_t group)
{
    pthread_mutex_lock(stripe_of(todo, group));
}

void mn_log_todo_unlock(struct mn_log_todo *todo, int64_t group)
{
    pthread_mutex_unlock(stripe_of(todo, group));
}

void mn_log_todo_add(struct mn_log_todo *todo, struct mn_sql_tx *tx, enum mn_todo_kind kind,
                     int64_t a, int64_t b, int64_t now_ms)
{
    bool swap = kind == MN_TODO_CHAT && a > b;
    const struct mn_todo one = {.id = mn_idgen_next(todo->config.ids),
                                .kind = kind,
                                .a = swap ? b : a,
                                .b = swap ? a : b,
                                .created_ms = now_ms};
    /* With a full disk nothing is half done: a retry would make a second group. */
    if (one.id <= 0 || !mn_msglog_is_writable(todo->config.msglog))
        mn_sql_tx_note(tx, MN_EBUSY);
    else
        mn_db_todo_add(tx, &one);
}

/* ---- doing ---- */

static struct mn_op *op_of(const struct mn_todo *one)
{
    static const enum mn_op_kind kinds[] = {
        [MN_TODO_CHAT] = MN_OP_CHAT, [MN_TODO_JOIN] = MN_OP_JOIN, [MN_TODO_LEAVE] = MN_OP_LEAVE};
    if (one->kind < MN_TODO_CHAT || one->kind > MN_TODO_LEAVE)
        return NULL; /* of a newer version, which the schema's number keeps away */
    struct mn_op *op = mn_op_new(kinds[one->kind], MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    if (!op)
        return NULL;
    op->unix_ms = one->created_ms;
    if (one->kind == MN_TODO_CHAT) {
        mn_op_set_pair(op, one->a, one->b);
    } else {
        op->from = one->b;
        op->key = mn_chat_group(one->a);
    }
    return op;
}

/* A full queue empties: this is committed already, so a moment's waiting beats an error. */
static enum mn_err do_one(struct mn_log_todo *todo, const struct mn_todo *one)
{
    struct mn_op *op = op_of(one);
    const struct timespec pause = {.tv_nsec = BUSY_NS};
    enum mn_err err = MN_EBUSY;
    for (int i = 0; i < BUSY_TRIES && err == MN_EBUSY; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        err = mn_log_do(todo->config.msglog, op);
    }
    mn_op_unref(op);
    return err ? err : mn_db_todo_done(todo->config.db, one->id);
}

static void note_failure(struct mn_log_todo *todo, int64_t a, enum mn_err err)
{
    uint64_t suppressed = 0;
    pthread_mutex_lock(&todo->lock);
    todo->is_left = true;
    pthread_mutex_unlock(&todo->lock);
    pthread_cond_signal(&todo->wake);
    if (todo->config.log && mn_log_gate_pass(&todo->gate, LOG_MS, &suppressed))
        mn_log(todo->config.log, MN_LOG_ERROR, "log_todo_left", MN_KV_I("of", a),
               MN_KV_Z("error", mn_err_text(err)), MN_KV_U("suppressed", suppressed),
               MN_KV_Z("hint", "it is stored, and tried again until the message log takes it"));
}

/* ---- what is told behind it ---- */

void mn_log_todo_then(struct mn_log_todo *todo, struct mn_log_todo_news *take_news)
{
    take_news->next = NULL;
    pthread_mutex_lock(&todo->lock);
    bool fits = todo->news_count < NEWS_MAX;
    if (fits) {
        struct mn_log_todo_news **at = &todo->news;
        while (*at)
            at = &(*at)->next;
        *at = take_news;
        todo->news_count++;
        todo->is_left = true; /* it may be done already */
    }
    pthread_mutex_unlock(&todo->lock);
    if (fits)
        pthread_cond_signal(&todo->wake);
    else
        mn_free(take_news);
}

/* The oldest of the group, 0: of any; NULL: none. */
static struct mn_log_todo_news *take_news(struct mn_log_todo *todo, int64_t group)
{
    pthread_mutex_lock(&todo->lock);
    struct mn_log_todo_news **at = &todo->news;
    while (*at && group != 0 && (*at)->group != group)
        at = &(*at)->next;
    struct mn_log_todo_news *news = *at;
    if (news) {
        *at = news->next;
        todo->news_count--;
    }
    pthread_mutex_unlock(&todo->lock);
    return news;
}

static void tell_news(struct mn_log_todo *todo, int64_t group)
{
    for (struct mn_log_todo_news *news; (news = take_news(todo, group)) != NULL;) {
        news->tell(news);
        mn_free(news);
    }
}

/* The group of the oldest; 0: none. */
static int64_t group_with_news(struct mn_log_todo *todo)
{
    pthread_mutex_lock(&todo->lock);
    int64_t group = todo->news ? todo->news->group : 0;
    pthread_mutex_unlock(&todo->lock);
    return group;
}

enum mn_err mn_log_todo_do(struct mn_log_todo *todo, int64_t group)
{
    struct mn_todo page[PAGE];
    size_t count = PAGE;
    int64_t after = 0;
    enum mn_err err = MN_OK;
    while (!err && count == PAGE) {
        err = mn_db_todos(todo->config.db, group, after, page, PAGE, &count);
        for (size_t i = 0; i < count && !err; i++) {
            err = do_one(todo, &page[i]);
            after = page[i].id;
        }
    }
    if (err)
        note_failure(todo, group, err);
    else
        tell_news(todo, group);
    return err;
}

enum mn_err mn_log_todo_do_chat(struct mn_log_todo *todo, int64_t a, int64_t b, int64_t *ret_chat)
{
    int64_t low = a < b ? a : b;
    mn_log_todo_lock(todo, low);
    enum mn_err err = mn_log_todo_do(todo, low);
    mn_log_todo_unlock(todo, low);
    return err ? err : mn_msglog_pair(todo->config.msglog, a, b, ret_chat);
}

/* All that is left, of whatever group or pair; one that fails keeps none of the others back. */
static void do_all(struct mn_log_todo *todo)
{
    struct mn_todo next = {.id = 0};
    size_t count = 1;
    for (;;) {
        enum mn_err err = mn_db_todos(todo->config.db, 0, next.id, &next, 1, &count);
        if (err)
            note_failure(todo, 0, err);
        if (err || count == 0)
            return;
        mn_log_todo_lock(todo, next.a);
        mn_ignore(mn_log_todo_do(todo, next.a)); /* told, and tried again */
        mn_log_todo_unlock(todo, next.a);
    }
}

/* News that came when the last of their group was done. */
static void do_rest(struct mn_log_todo *todo)
{
    enum mn_err err = MN_OK;
    for (int64_t group; !err && (group = group_with_news(todo)) != 0;) {
        mn_log_todo_lock(todo, group);
        err = mn_log_todo_do(todo, group);
        mn_log_todo_unlock(todo, group);
    }
}

/* ---- in the background, after a failure ---- */

/* True: something is left; false: stop. */
static bool wait_for_left(struct mn_log_todo *todo)
{
    pthread_mutex_lock(&todo->lock);
    while (!todo->is_left && !todo->is_stopping)
        pthread_cond_wait(&todo->wake, &todo->lock);
    todo->is_left = false;
    bool stopping = todo->is_stopping;
    pthread_mutex_unlock(&todo->lock);
    return !stopping;
}

static void pause_a_while(struct mn_log_todo *todo)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)RETRY_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&todo->lock);
    while (!todo->is_stopping && pthread_cond_timedwait(&todo->wake, &todo->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&todo->lock);
}

static void *run(void *arg)
{
    struct mn_log_todo *todo = arg;
    pthread_setname_np(pthread_self(), "minim-todo");
    while (wait_for_left(todo)) {
        pause_a_while(todo);
        do_all(todo);
        do_rest(todo);
    }
    return NULL;
}

/* ---- life ---- */

static struct mn_log_todo *todo_new(const struct mn_log_todo_config *config)
{
    struct mn_log_todo *todo = mn_new(struct mn_log_todo);
    pthread_condattr_t attr;
    todo->config = *config;
    for (size_t i = 0; i < STRIPES; i++)
        pthread_mutex_init(&todo->stripes[i], NULL);
    pthread_mutex_init(&todo->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&todo->wake, &attr);
    pthread_condattr_destroy(&attr);
    return todo;
}

enum mn_err mn_log_todo_start(const struct mn_log_todo_config *config, struct mn_log_todo **ret)
{
    struct mn_log_todo *todo = todo_new(config);
    int64_t most = 0;
    enum mn_err err = mn_db_max_todo_id(config->db, &most);
    if (!err) {
        mn_idgen_raise(config->ids, most); /* what comes now is done behind what is there */
        do_all(todo);
        todo->has_thread = pthread_create(&todo->thread, NULL, run, todo) == 0;
        err = todo->has_thread ? MN_OK : MN_ESYS;
    }
    if (err) {
        mn_log_todo_stop(todo);
        return err;
    }
    *ret = todo;
    return MN_OK;
}

void mn_log_todo_stop(struct mn_log_todo *todo)
{
    if (!todo)
        return;
    pthread_mutex_lock(&todo->lock);
    todo->is_stopping = true;
    pthread_mutex_unlock(&todo->lock);
    pthread_cond_signal(&todo->wake);
    if (todo->has_thread)
        pthread_join(todo->thread, NULL);
    for (struct mn_log_todo_news *news; (news = take_news(todo, 0)) != NULL;)
        mn_free(news);
    for (size_t i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&todo->stripes[i]);
    pthread_mutex_destroy(&todo->lock);
    pthread_cond_destroy(&todo->wake);
    mn_free(todo);
}
