/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the message log as calls (im/log_wait.h), on a real log. */
#include "im/log_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "unit/im/tests.h"

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        mn_log_done(ops[i]);
        mn_op_unref(ops[i]);
    }
}

struct world {
    struct mn_metrics *metrics;
    struct mn_idgen ids;
    struct mn_msglog_config config;
    struct mn_msglog *log;
};

static void open_log(struct world *w, uint32_t queue_ops)
{
    const char *tmp = getenv("TMPDIR");
    struct mn_buf why = {0};
    *w = (struct world){.metrics = mn_metrics_new()};
    mn_idgen_init(&w->ids, 1, 1);
    w->config = small_log(&w->ids, on_commit, NULL);
    w->config.sync = true;
    w->config.queue_ops = queue_ops;
    snprintf(w->config.dir, sizeof(w->config.dir), "%.200s/mn-wait-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->config.dir));
    assert_int_equal(mn_msglog_open(&w->config, w->metrics, &w->log, &why), MN_OK);
    mn_buf_deinit(&why);
}

static void close_log(struct world *w)
{
    char command[5000];
    mn_msglog_close(w->log);
    mn_metrics_free(w->metrics);
    snprintf(command, sizeof(command), "rm -rf '%s'", w->config.dir);
    assert_int_equal(system(command), 0);
}

static struct mn_op *member_op(enum mn_op_kind kind, int64_t group, int64_t user)
{
    struct mn_op *op = mn_op_new(kind, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = user;
    op->key = mn_chat_group(group);
    op->unix_ms = mn_unix_ms();
    return op;
}

static void returns_when_it_is_stored(void **state)
{
    struct world w;
    (void)state;
    open_log(&w, 64);
    for (int64_t user = 1; user <= 50; user++) {
        struct mn_op *op = member_op(MN_OP_JOIN, 900, user);
        struct mn_chat_view view;
        assert_int_equal(mn_log_do(w.log, op), MN_OK);
        assert_true(op->advanced);
        mn_op_unref(op);
        assert_int_equal(mn_msglog_chat(w.log, 900, user, &view), MN_OK);
    }
    struct mn_op *again = member_op(MN_OP_JOIN, 900, 1);
    assert_int_equal(mn_log_do(w.log, again), MN_OK);
    assert_false(again->advanced);
    mn_op_unref(again);
    close_log(&w);
}

static void says_why_it_is_not(void **state)
{
    struct world w;
    (void)state;
    open_log(&w, 1);
    struct mn_op *op = member_op(MN_OP_JOIN, -1, 7);
    assert_int_equal(mn_log_do(w.log, op), MN_EINVAL);
    mn_op_unref(op);
    assert_int_equal(mn_log_do(w.log, NULL), MN_ENOMEM);
    op = member_op(MN_OP_JOIN, 900, 7);
    assert_true(mn_msglog_reserve(w.log, 1)); /* the queue is full */
    assert_int_equal(mn_log_do(w.log, op), MN_EBUSY);
    mn_op_unref(op);
    op = member_op(MN_OP_LEAVE, 900, 7); /* what the reservation was for */
    op->bytes = 1;
    mn_msglog_submit(w.log, op);
    close_log(&w);
}

int test_im_log_wait(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_when_it_is_stored),
        cmocka_unit_test(says_why_it_is_not),
    };
    return cmocka_run_group_tests_name("im/log_wait", tests, NULL, NULL);
}
