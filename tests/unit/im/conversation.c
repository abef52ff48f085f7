/* SPDX-License-Identifier: Apache-2.0 */
/* What users see of conversations (im/conversation), on real stores. */
#include "im/conversation/history.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/log/msglog.h"
#include "store/sql/db.h"
#include "store/sql/group.h"
#include "store/sql/sql.h"
#include "unit/im/tests.h"

enum { ANNA = 11, BERT = 12, CARA = 13 };
#define BASE_MS INT64_C(1769241367000)

struct world {
    char dir[256];
    struct mn_metrics *metrics;
    struct mn_idgen ids;
    struct mn_conversations c;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t committed;
};

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct world *w = ctx;
    for (size_t i = 0; i < count; i++)
        mn_op_unref(ops[i]);
    pthread_mutex_lock(&w->lock);
    w->committed += count;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static int setup(void **state)
{
    struct world *w = mn_new(struct world);
    struct mn_buf why = {0};
    const char *tmp = getenv("TMPDIR");
    struct mn_db_config db = {.readers = 2, .busy_timeout_ms = 5000, .sync = false};
    struct mn_msglog_config log = small_log(&w->ids, on_commit, w);
    snprintf(w->dir, sizeof(w->dir), "%.200s/mn-conversation-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->dir));
    snprintf(db.path, sizeof(db.path), "%s/minim.db", w->dir);
    snprintf(log.dir, sizeof(log.dir), "%s/messages", w->dir);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    mn_idgen_init(&w->ids, 1, 1);
    w->metrics = mn_metrics_new();
    assert_int_equal(mn_db_open(&db, &w->c.db, &why), MN_OK);
    assert_int_equal(mn_msglog_open(&log, w->metrics, &w->c.msglog, &why), MN_OK);
    mn_buf_deinit(&why);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[400];
    mn_msglog_close(w->c.msglog);
    mn_db_close(w->c.db);
    mn_metrics_free(w->metrics);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
    mn_free(w);
    return 0;
}

/* Takes the operation. */
static void commit(struct world *w, struct mn_op *op)
{
    assert_non_null(op);
    size_t before = w->committed; /* nothing else is on its way */
    assert_true(mn_msglog_reserve(w->c.msglog, op->bytes));
    mn_msglog_submit(w->c.msglog, op);
    pthread_mutex_lock(&w->lock);
    while (w->committed == before)
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

/* Returns the message's id. */
static int64_t say(struct world *w, int64_t from, int64_t to, const char *text, int64_t ms)
{
    char client_id[32];
    int64_t id = mn_idgen_next(&w->ids);
    snprintf(client_id, sizeof(client_id), "c-%lld", (long long)id);
    struct mn_op *op = mn_op_new(MN_OP_APPEND, mn_str_c(client_id), MN_STR_NONE, mn_str_c(text));
    assert_non_null(op);
    mn_op_set_pair(op, from, to);
    op->id = id;
    op->unix_ms = BASE_MS + ms;
    commit(w, op);
    return id;
}

static void take_back(struct world *w, int64_t from, int64_t id)
{
    struct mn_op *op = mn_op_new(MN_OP_REVOKE, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = from;
    op->id = id;
    op->unix_ms = BASE_MS + 1000;
    commit(w, op);
}

static void join(struct world *w, int64_t group, int64_t user)
{
    struct mn_op *op = mn_op_new(MN_OP_JOIN, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = user;
    op->key = mn_chat_group(group);
    op->unix_ms = BASE_MS;
    commit(w, op);
}

static void name_group(struct world *w, int64_t id, const char *name)
{
    struct mn_group group = {.id = id, .created_by = ANNA, .created_ms = BASE_MS};
    snprintf(group.name, sizeof(group.name), "%s", name);
    snprintf(group.code, sizeof(group.code), "C%lld", (long long)id);
    MN_SQL_TX(tx, w->c.db);
    while (mn_sql_tx_run(&tx))
        mn_tx_group_create(&tx, &group);
    assert_int_equal(mn_sql_tx_end(&tx), MN_OK);
}

/* What was given, as a line; stops behind `most`. */
struct told {
    char text[2000];
    size_t count, most;
};

static bool tell(struct told *told, int64_t id, struct mn_str text)
{
    size_t used = strlen(told->text);
    snprintf(told->text + used, sizeof(told->text) - used, "%lld:%.*s ", (long long)id, (int)text.n,
             text.n ? text.p : "");
    return ++told->count < told->most;
}

static bool tell_message(void *arg, const struct mn_message_view *message)
{
    return tell(arg, message->seq, message->text);
}

static bool tell_conversation(void *arg, const struct mn_conversation *conversation)
{
    struct mn_str none = MN_STR("-");
    return tell(arg, conversation->peer ? conversation->peer : conversation->id,
                conversation->last     ? conversation->last->text
                : conversation->name.p ? conversation->name
                                       : none);
}

static void previews_and_marks(void **state)
{
    struct world *w = *state;
    struct mn_conversation conversation;
    struct told told = {.most = 10};
    const char *reason = NULL;
    say(w, ANNA, BERT, "one", 1);
    take_back(w, ANNA, say(w, ANNA, BERT, "secret", 2));
    say(w, CARA, BERT, "hello", 3);
    assert_int_equal(mn_conversations_single(&w->c, BERT, NULL, 10, tell_conversation, &told),
                     MN_OK);
    assert_string_equal(told.text, "13:hello 11:\xe5\xb7\xb2\xe6\x92\xa4\xe5\x9b\x9e ");
    assert_int_equal(mn_conversation_with(&w->c, BERT, ANNA, &conversation, &reason), MN_OK);
    assert_int_equal(conversation.last_seq, 2);
    assert_int_equal(conversation.unread, 2);
    assert_false(conversation.read.is_set);
    assert_int_equal(mn_conversation_with(&w->c, ANNA, BERT, &conversation, &reason), MN_OK);
    assert_int_equal(conversation.unread, 0);
    told = (struct told){.most = 10};
    const struct mn_history_range all = {.before = INT64_MAX, .limit = 10};
    assert_int_equal(mn_history_single(&w->c, BERT, ANNA, &all, tell_message, &told, &reason),
                     MN_OK);
    assert_string_equal(told.text, "1:one 2:\xe5\xb7\xb2\xe6\x92\xa4\xe5\x9b\x9e ");
    assert_null(reason);
}

static void who_may_ask(void **state)
{
    struct world *w = *state;
    struct told told = {.most = 10};
    const struct mn_history_range all = {.before = INT64_MAX, .limit = 10};
    struct mn_conversation pair;
    int64_t total = 0;
    const char *reason = NULL;
    say(w, ANNA, BERT, "of two", 1);
    join(w, 900, ANNA);
    assert_int_equal(mn_conversation_with(&w->c, ANNA, BERT, &pair, &reason), MN_OK);
    const struct {
        int64_t user, group;
        enum mn_err err;
        const char *reason;
    } groups[] = {
        {ANNA, 900, MN_OK, NULL},
        {BERT, 900, MN_EPERM, "not_group_member"},
        {ANNA, 901, MN_EPERM, "not_group_member"},
        {ANNA, pair.id, MN_EPERM, "not_group_member"}, /* a chat of two is no group */
        {ANNA, 0, MN_EINVAL, "missing_group_id"},
        {ANNA, -900, MN_EINVAL, "missing_group_id"},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++) {
        reason = NULL;
        assert_int_equal(mn_history_group(&w->c, groups[i].user, groups[i].group, &all,
                                          tell_message, &told, &reason),
                         groups[i].err);
        if (groups[i].reason)
            assert_string_equal(reason, groups[i].reason);
        else
            assert_null(reason);
    }
    const struct {
        int64_t peer;
        enum mn_err single, page;
        const char *reason;
    } peers[] = {
        {CARA, MN_OK, MN_ENOTFOUND, NULL},
        {0, MN_EINVAL, MN_EINVAL, "missing_peer_user_id"},
        {-1, MN_EINVAL, MN_EINVAL, "missing_peer_user_id"},
        {ANNA, MN_EINVAL, MN_EINVAL, "cannot_query_self_chat"},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(peers); i++) {
        const char *again = NULL;
        reason = NULL;
        assert_int_equal(mn_history_single(&w->c, ANNA, peers[i].peer, &all, tell_message, &told,
                                           &reason),
                         peers[i].single);
        assert_int_equal(mn_history_single_page(&w->c, ANNA, peers[i].peer, 0, 10, tell_message,
                                                &told, &total, &again),
                         peers[i].page);
        assert_ptr_equal(reason, again);
        if (peers[i].reason)
            assert_string_equal(reason, peers[i].reason);
        else
            assert_null(reason);
    }
    assert_string_equal(told.text, "");
}

static void pages(void **state)
{
    struct world *w = *state;
    int64_t total = 0;
    const char *reason = NULL;
    for (int i = 1; i <= 5; i++) {
        char text[2] = {(char)('a' + i), 0};
        say(w, 100 + i, BERT, text, i);
        say(w, ANNA, BERT, text, 10 + i);
    }
    const struct {
        int64_t skip;
        unsigned limit;
        size_t most;
        const char *conversations, *messages;
    } cases[] = {
        {0, 2, 10, "11:f 105:f ", "5:f 4:e "},
        {4, 10, 10, "102:c 101:b ", "1:b "},
        {0, 10, 1, "11:f ", "5:f "}, /* whoever takes them has enough */
        {6, 10, 10, "", ""},
        {INT64_MAX, 10, 10, "", ""},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct told told = {.most = cases[i].most};
        assert_int_equal(mn_conversations_page(&w->c, BERT, cases[i].skip, cases[i].limit,
                                               tell_conversation, &told, &total),
                         MN_OK);
        assert_string_equal(told.text, cases[i].conversations);
        assert_int_equal(total, 6);
        told = (struct told){.most = cases[i].most};
        assert_int_equal(mn_history_single_page(&w->c, BERT, ANNA, cases[i].skip, cases[i].limit,
                                                tell_message, &told, &total, &reason),
                         MN_OK);
        assert_string_equal(told.text, cases[i].messages);
        assert_int_equal(total, 5);
    }
}

static void groups(void **state)
{
    struct world *w = *state;
    struct told told = {.most = 2};
    for (int64_t group = 901; group <= 901 + MN_CONVERSATIONS_MAX; group++)
        join(w, group, ANNA);
    name_group(w, 1001, "the last");
    assert_int_equal(mn_conversations_group(&w->c, ANNA, NULL, 10, tell_conversation, &told),
                     MN_OK);
    assert_string_equal(told.text, "1001:the last 1000:- ");
    told = (struct told){.most = 1000};
    assert_int_equal(mn_conversations_group(&w->c, ANNA, NULL, 1000, tell_conversation, &told),
                     MN_OK);
    assert_int_equal(told.count, MN_CONVERSATIONS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_im_conversation(void)
{
    const struct CMUnitTest tests[] = {
        TEST(previews_and_marks),
        TEST(who_may_ask),
        TEST(pages),
        TEST(groups),
    };
    return cmocka_run_group_tests_name("im/conversation", tests, NULL, NULL);
}
