/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise, with power cuts: after each everything that on_commit() told
 * is there, nothing is doubled, every chat's numbers are 1, 2, 3 ..., client
 * ids still answer with their first result, and the log goes on.  What was
 * under way may be there or not; once seen after a restart it has to stay.
 *
 * Some sessions begin with a log of the format before, so that its migration
 * is cut.  Small memtables, so that flushes, compactions and changes of the live log
 * are cut too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"
#include "store/sql/db.h"
#include "unit/store/msglog_support.h"
#include "unit/store/power_support.h"
#include "unit/store/tests.h"

enum { USERS = 6, MAX_SENT = 40000, SAMPLE = 24 };

/* A message that a client sent; its number is its place in the array, and its client id. */
struct sent {
    int64_t from, to, id, retry_id;
    struct mn_place at;
    size_t acked_at; /* position in the session's trace; 0: in one before; NEVER */
    bool is_seen;    /* there after a restart: from then on it has to be there */
    uint32_t found;  /* by the check at hand */
};
#define NEVER SIZE_MAX

struct world {
    struct sent *sent;
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting;
    bool is_recorded;
    unsigned migrations; /* sessions that began with one */
    struct mn_metrics *metrics;
    struct mn_db *db;
    struct mn_witness_keeper *keeper;
};

static size_t number_of(struct mn_str client_id)
{
    uint64_t number = 0;
    assert_int_equal(mn_parse_u64(client_id, 0, MAX_SENT, &number), MN_OK);
    return (size_t)number;
}

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct world *w = ctx;
    size_t now = power_now();
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < count; i++) {
        struct mn_op *op = ops[i];
        if (op->kind == MN_OP_APPEND && w->is_recorded && op->result == MN_OK) {
            struct sent *s = &w->sent[number_of(mn_op_client_id(op))];
            if (s->acked_at == NEVER)
                s->acked_at = now;
            s->id = op->id;
            s->at = op->at;
        }
        mn_op_unref(op);
    }
    w->waiting -= (unsigned)count;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void *begin(void)
{
    struct world *w = mn_new(struct world);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->sent = mn_alloc_array(MAX_SENT, sizeof(*w->sent));
    w->metrics = mn_metrics_new();
    return w;
}

static void end(void *world)
{
    struct world *w = world;
    print_message("[          ] %u migrations\n", w->migrations);
    mn_metrics_free(w->metrics);
    mn_free(w->sent);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    mn_free(w);
}

/* As app/ does, with the accounts beside it; their witness must never see a loss that is none. */
static struct mn_msglog *open_both(struct world *w, const char *dir, struct mn_buf *why)
{
    static struct mn_msglog_config config;
    static struct mn_db_config accounts;
    struct mn_msglog *log = NULL;
    config = (struct mn_msglog_config){.sync = true,
                                       .idgen = ts_idgen(),
                                       .queue_ops = 4096,
                                       .queue_bytes = 16 << 20,
                                       .batch_ops = 256,
                                       .cursor_flush_ms = 1,
                                       .cache_bytes = 4 << 20,
                                       .memtable_bytes = 256 << 10,
                                       .chat_cache = 512,
                                       .recent_cache = 64,
                                       .on_commit = on_commit,
                                       .ctx = w};
    accounts = (struct mn_db_config){.readers = 1, .busy_timeout_ms = 1000, .sync = true};
    snprintf(config.dir, sizeof(config.dir), "%s/messages", dir);
    snprintf(accounts.path, sizeof(accounts.path), "%s/minim.db", dir);
    if (mn_witness_check_accounts(accounts.path, config.dir, why) ||
        mn_db_open(&accounts, &w->db, why) || mn_db_witness(w->db, &config.witness) ||
        mn_msglog_open(&config, w->metrics, &log, why))
        return NULL;
    w->keeper = mn_witness_keep(w->db, log, config.dir, 1);
    return log;
}

static struct mn_msglog *open_log(struct world *w, const char *dir)
{
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    struct mn_msglog *log = open_both(w, dir, &why);
    if (!log)
        print_error("%.*s\n", (int)why.n, why.p);
    mn_buf_deinit(&why);
    return log;
}

static void close_log(struct world *w, struct mn_msglog *log)
{
    mn_witness_stop(w->keeper);
    mn_witness_end(w->keeper, mn_msglog_close(log));
    mn_db_close(w->db);
    w->keeper = NULL;
    w->db = NULL;
}

/* ---- work ---- */

static struct mn_op *op_of(struct sent *s, size_t number, struct mn_rng *rng)
{
    static char body[4001];
    char client_id[24];
    memset(body, 'b', sizeof(body) - 1);
    size_t n = mn_rng_below(rng, 16) ? 20 + mn_rng_below(rng, 300) : mn_rng_below(rng, 4001);
    snprintf(client_id, sizeof(client_id), "%zu", number);
    struct mn_op *op = mn_op_new(MN_OP_APPEND, mn_str_c(client_id), MN_STR_NONE,
                                 mn_str_make(body, n > 0 ? n : 1));
    assert_non_null(op);
    mn_op_set_pair(op, s->from, s->to);
    op->id = ts_id();
    op->unix_ms = mn_unix_ms();
    op->mono_ns = mn_mono_ns();
    return op;
}

static struct mn_op *new_message(struct world *w, struct mn_rng *rng)
{
    assert_true(w->count < MAX_SENT);
    struct sent *s = &w->sent[w->count];
    s->acked_at = NEVER;
    s->from = 1 + (int64_t)mn_rng_below(rng, USERS);
    s->to = 1 + (s->from + (int64_t)mn_rng_below(rng, USERS - 1)) % USERS;
    struct mn_op *op = op_of(s, w->count++, rng);
    s->id = op->id;
    return op;
}

/* What was never acknowledged is sent again, as clients do. */
static struct mn_op *retry(struct world *w, struct mn_rng *rng)
{
    size_t number = w->count - 1 - mn_rng_below(rng, w->count < 100 ? w->count : 100);
    struct mn_op *op = op_of(&w->sent[number], number, rng);
    if (w->sent[number].acked_at == NEVER)
        w->sent[number].retry_id = op->id;
    return op;
}

/* A receipt for something acknowledged; it is on the disk some time later. */
static struct mn_op *receipt(struct world *w, struct mn_rng *rng)
{
    const struct sent *s = &w->sent[mn_rng_below(rng, w->count)];
    if (s->acked_at == NEVER)
        return NULL;
    return ts_cursor_op(mn_rng_below(rng, 2) ? MN_CURSOR_READ : MN_CURSOR_DELIVERED, s->to, s->from,
                        s->at.chat, s->at.seq);
}

static void submit(struct world *w, struct mn_msglog *log, struct mn_op *op)
{
    assert_true(mn_msglog_reserve(log, op->bytes));
    w->waiting++;
    mn_msglog_submit(log, op);
}

static void work(void *world, const char *dir, struct mn_rng *rng)
{
    struct world *w = world;
    w->is_recorded = true;
    struct mn_msglog *log = open_log(w, dir);
    assert_non_null(log);
    power_opened_now();
    size_t chains = 5 + mn_rng_below(rng, 60);
    for (size_t i = 0; i < chains; i++) {
        size_t count = mn_rng_below(rng, 8) ? 1 + mn_rng_below(rng, 8) : 1 + mn_rng_below(rng, 250);
        if (mn_rng_below(rng, 4) == 0) /* the accounts change too */
            assert_int_equal(mn_db_probe(w->db), MN_OK);
        bool in_turn = mn_rng_below(rng, 2);
        pthread_mutex_lock(&w->lock);
        for (size_t j = 0; j < count; j++) {
            submit(w, log,
                   w->count > 0 && mn_rng_below(rng, 10) == 0 ? retry(w, rng)
                                                              : new_message(w, rng));
            struct mn_op *cursor = mn_rng_below(rng, 3) == 0 ? receipt(w, rng) : NULL;
            if (cursor)
                submit(w, log, cursor);
        }
        while (w->waiting > (in_turn ? 0 : 500))
            pthread_cond_wait(&w->changed, &w->lock);
        pthread_mutex_unlock(&w->lock);
    }
    close_log(w, log);
    w->is_recorded = false;
}

/* Every third session finds a log of format 1, and is cut while it migrates as well. */
static void prepare(void *world, const char *dir, struct mn_rng *rng)
{
    struct world *w = world;
    char log[128];
    snprintf(log, sizeof(log), "%s/messages", dir);
    if (w->count > 0 && mn_rng_below(rng, 3) == 0)
        w->migrations += ts_make_format_1(log);
}

/* ---- check ---- */

struct walk {
    unsigned chats; /* of the user at hand */
    int64_t undelivered;
    struct world *w;
    struct mn_msglog *log;
    int64_t chat, last;
    bool ok;
};

static bool check_message(struct walk *walk, const struct mn_msg *msg)
{
    struct sent *s = &walk->w->sent[number_of(msg->client_id)];
    walk->last++;
    POWER_CHECK(msg->at.chat == walk->chat && msg->at.seq == walk->last,
                "chat %lld has %lld as %lld", (long long)walk->chat, (long long)msg->at.seq,
                (long long)walk->last);
    POWER_CHECK(s->found == 0, "message %s twice", "is there");
    POWER_CHECK(msg->id == s->id || msg->id == s->retry_id, "id %lld is none of %lld, %lld",
                (long long)msg->id, (long long)s->id, (long long)s->retry_id);
    s->found = 1;
    return true;
}

static bool on_message(void *arg, const struct mn_msg *msg)
{
    struct walk *walk = arg;
    walk->ok = walk->ok && check_message(walk, msg);
    return walk->ok;
}

static bool check_chat(struct walk *walk, const struct mn_chat_view *view)
{
    if (view->user > view->peer) /* the chat's other view has read it */
        return true;
    walk->chat = view->chat;
    walk->last = 0;
    const struct mn_range all = {.chat = view->chat, .before = INT64_MAX, .limit = UINT32_MAX};
    enum mn_err err = mn_msglog_read(walk->log, &all, on_message, walk);
    POWER_CHECK(err == MN_OK, "reading a chat: %s", mn_err_text(err));
    POWER_CHECK(!walk->ok || walk->last == view->last_seq, "head %lld, read up to %lld",
                (long long)view->last_seq, (long long)walk->last);
    POWER_CHECK(view->delivered <= view->last_seq && view->read <= view->last_seq,
                "cursors %lld and %lld are ahead of %lld", (long long)view->delivered,
                (long long)view->read, (long long)view->last_seq);
    return walk->ok;
}

/* A user's lists against his chats: all of them, newest first, and what is undelivered. */
struct lists {
    unsigned listed;
    int64_t resent;
    struct mn_chat_pos last;
    bool is_ordered;
};

static bool on_conversation(void *arg, const struct mn_chat_view *view, const struct mn_msg *last)
{
    struct lists *lists = arg;
    const struct mn_chat_pos before = lists->last;
    lists->listed++;
    lists->is_ordered = lists->is_ordered && view->updated_ms == last->created_ms &&
                        (view->updated_ms < before.updated_ms ||
                         (view->updated_ms == before.updated_ms && view->chat < before.chat));
    lists->last = (struct mn_chat_pos){view->updated_ms, view->chat};
    return true;
}

static bool on_undelivered(void *arg, const struct mn_msg *msg)
{
    struct lists *lists = arg;
    (void)msg;
    lists->resent++;
    return true;
}

static bool check_lists(struct walk *walk, struct mn_msglog *log, int64_t user)
{
    struct lists lists = {.last = MN_CHAT_POS_TOP, .is_ordered = true};
    const struct mn_conversation_query query = {
        .user = user, .before = MN_CHAT_POS_TOP, .limit = UINT32_MAX};
    struct mn_place pos = {0, 0};
    int64_t total = 0;
    bool done = false;
    enum mn_err err = mn_msglog_conversations(log, &query, on_conversation, &lists);
    if (!err)
        err = mn_msglog_count_chats(log, user, &total);
    if (!err)
        err = mn_msglog_backlog(log, user, &pos, UINT32_MAX, SIZE_MAX, on_undelivered, &lists,
                                &done);
    POWER_CHECK(err == MN_OK, "lists of %lld: %s", (long long)user, mn_err_text(err));
    POWER_CHECK(lists.is_ordered && lists.listed == walk->chats && total == walk->chats,
                "user %lld: %u of %u chats listed, total %lld, in order %d", (long long)user,
                lists.listed, walk->chats, (long long)total, lists.is_ordered);
    POWER_CHECK(lists.resent == walk->undelivered, "user %lld: %lld of %lld in the backlog",
                (long long)user, (long long)lists.resent, (long long)walk->undelivered);
    return true;
}

static bool on_chat(void *arg, const struct mn_chat_view *view)
{
    struct walk *walk = arg;
    walk->chats++;
    walk->undelivered += view->undelivered;
    walk->ok = walk->ok && check_chat(walk, view);
    return walk->ok;
}

static bool walk_all(struct world *w, struct mn_msglog *log)
{
    struct walk walk = {.w = w, .log = log, .ok = true};
    for (size_t i = 0; i < w->count; i++)
        w->sent[i].found = 0;
    for (int64_t user = 1; user <= USERS && walk.ok; user++) {
        walk.chats = 0;
        walk.undelivered = 0;
        enum mn_err err = mn_msglog_chats(log, user, 0, on_chat, &walk);
        POWER_CHECK(err == MN_OK, "reading the chats of %lld: %s", (long long)user,
                    mn_err_text(err));
        walk.ok = walk.ok && check_lists(&walk, log, user);
    }
    return walk.ok;
}

static bool is_same(struct mn_place a, struct mn_place b)
{
    return a.chat == b.chat && a.seq == b.seq;
}

static bool is_acked(const struct sent *s, size_t position)
{
    return s->is_seen || s->acked_at <= position;
}

static bool check_acked(struct world *w, struct mn_msglog *log, size_t position, struct mn_rng *rng)
{
    for (size_t i = 0; i < w->count; i++)
        POWER_CHECK(w->sent[i].found || !is_acked(&w->sent[i], position),
                    "message %zu of %zu, acknowledged at %zu, is lost at %zu", i, w->count,
                    w->sent[i].acked_at, position);
    for (size_t i = 0; i < SAMPLE && w->count > 0; i++) {
        const struct sent *s = &w->sent[mn_rng_below(rng, w->count)];
        struct mn_msg_ref ref;
        if (!is_acked(s, position) || s->acked_at == NEVER)
            continue;
        enum mn_err err = mn_msglog_find(log, s->id, &ref);
        POWER_CHECK(err == MN_OK && is_same(ref.at, s->at), "not found by id: %s",
                    mn_err_text(err));
    }
    return true;
}

static struct mn_op *do_op(struct world *w, struct mn_msglog *log, struct mn_op *op)
{
    mn_op_ref(op);
    pthread_mutex_lock(&w->lock);
    submit(w, log, op);
    while (w->waiting > 0)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return op;
}

/* A client that asks again gets its first result, whatever the cut left of it. */
static bool check_retry(struct world *w, struct mn_msglog *log, size_t position, size_t number,
                        struct mn_rng *rng)
{
    const struct sent *s = &w->sent[number];
    struct mn_op *op = do_op(w, log, op_of(w->sent + number, number, rng));
    enum mn_err err = op->result;
    bool duplicate = op->duplicate;
    bool same = op->id == s->id && is_same(op->at, s->at);
    mn_op_unref(op);
    POWER_CHECK(err == MN_OK, "a retry fails: %s", mn_err_text(err));
    POWER_CHECK(duplicate == (s->found != 0), "message %zu: duplicate %d, found %u", number,
                duplicate, s->found);
    POWER_CHECK(same || s->acked_at == NEVER || !is_acked(s, position), "message %zu: %s", number,
                "another result");
    return true;
}

static bool check_log(struct world *w, struct mn_msglog *log, size_t position, struct mn_rng *rng)
{
    if (!walk_all(w, log) || !check_acked(w, log, position, rng))
        return false;
    bool seen[MAX_SENT / 64 + 1] = {false};
    for (size_t i = 0; i < SAMPLE && w->count > 0; i++) {
        size_t number = mn_rng_below(rng, w->count);
        if (seen[number / 64]) /* a retry of what was lost stores it: each once */
            continue;
        seen[number / 64] = true;
        if (!check_retry(w, log, position, number, rng))
            return false;
    }
    return true;
}

static bool check(void *world, const char *dir, size_t position, struct mn_rng *rng)
{
    struct world *w = world;
    struct mn_msglog *log = open_log(w, dir);
    POWER_CHECK(log, "does not %s", "open");
    bool ok = check_log(w, log, position, rng);
    close_log(w, log);
    return ok;
}

static bool accept(void *world, const char *dir, size_t position, struct mn_rng *rng)
{
    struct world *w = world;
    struct mn_msglog *log = open_log(w, dir);
    POWER_CHECK(log, "does not %s", "open");
    bool ok = walk_all(w, log) && check_acked(w, log, position, rng);
    close_log(w, log);
    for (size_t i = 0; ok && i < w->count; i++) {
        struct sent *s = &w->sent[i];
        s->acked_at = s->acked_at <= position ? 0 : NEVER;
        s->is_seen = s->found != 0;
    }
    return ok;
}

static void power_cuts(void **state)
{
    (void)state;
    static const struct power_case c = {.name = "the message log",
                                        .percent = 45,
                                        .sessions = 10,
                                        .begin = begin,
                                        .end = end,
                                        .prepare = prepare,
                                        .work = work,
                                        .check = check,
                                        .accept = accept};
    power_run(&c);
}

int test_store_power_msglog(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(power_cuts)};
    return cmocka_run_group_tests_name("store: message log, power cuts", tests, NULL, NULL);
}
