/* SPDX-License-Identifier: Apache-2.0 */
/* Failing and full disks, by injected faults. A real one: store_msglog_disk.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

/* What the hook answers at each point; changed by the test while the writer runs. */
struct faults {
    _Atomic int err[MN_FAULT_REOPEN + 1];
    _Atomic int hits[MN_FAULT_REOPEN + 1];
};

static enum mn_err hook(void *ctx, enum mn_fault_point point)
{
    struct faults *f = ctx;
    int err = atomic_load(&f->err[point]);
    if (err)
        atomic_fetch_add(&f->hits[point], 1);
    return (enum mn_err)err;
}

static void fault_init(struct ts_log *t, struct faults *f)
{
    memset(f, 0, sizeof(*f));
    ts_log_init(t);
    ts_rlog(t)->fault_ctx = f;
    atomic_store(&ts_rlog(t)->fault, hook);
}

static void expect(struct ts_log *t, const char *client_id, enum mn_err err)
{
    struct mn_op *op = ts_do(t, ts_append_op(1, 2, client_id, "x"));
    assert_int_equal(op->result, err);
    assert_false(op->duplicate);
    assert_int_equal(op->at.seq, 0);
    mn_op_unref(op);
}

/* Nothing in memory survives a failed write: no number is used up, no client id is remembered. */
static void failed_write_leaves_nothing(void **state)
{
    struct ts_log t;
    struct faults f;
    struct mn_op *ops[4];
    (void)state;
    fault_init(&t, &f);
    assert_int_equal(ts_append(&t, 1, 2, "a", "x", NULL), 1);
    f.err[MN_FAULT_WRITE] = MN_EIO;
    ops[0] = ts_append_op(1, 2, "b", "x");
    ops[1] = ts_append_op(1, 2, "b", "x"); /* shares the fate of the first */
    ops[2] = ts_append_op(1, 3, "new chat", "x");
    ops[3] = ts_append_op(1, 2, "a", "x"); /* a duplicate of what is stored */
    for (int i = 0; i < 3; i++)
        ops[i]->next = ops[i + 1];
    ts_block(&t);
    ts_submit(&t, ops[0]);
    ts_unblock(&t);
    ts_wait(&t);
    for (int i = 0; i < 3; i++)
        assert_true(ops[i]->result == MN_EIO && ops[i]->at.seq == 0 && !ops[i]->duplicate);
    assert_true(ops[3]->result == MN_OK && ops[3]->duplicate && ops[3]->at.seq == 1);
    for (int i = 0; i < 4; i++)
        mn_op_unref(ops[i]);
    assert_false(mn_msglog_is_writable(t.log));
    expect(&t, "c", MN_EIO);
    f.err[MN_FAULT_WRITE] = MN_OK;
    TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
    assert_int_equal(ts_append(&t, 1, 2, "b", "x", NULL), 2);
    assert_int_equal(ts_append(&t, 1, 2, "c", "x", NULL), 3);
    assert_int_equal(ts_append(&t, 1, 3, "new chat", "x", NULL), 1);
    ts_log_deinit(&t);
}

/*
 * The error came, but the batch is on the disk after all.  The retry is
 * answered with what is there; no number is given twice.
 */
static void written_but_reported_failed(void **state)
{
    struct ts_log t;
    struct faults f;
    (void)state;
    fault_init(&t, &f);
    ts_append(&t, 1, 2, "a", "x", NULL);
    f.err[MN_FAULT_AFTER_WRITE] = MN_EIO;
    expect(&t, "b", MN_EIO);
    f.err[MN_FAULT_AFTER_WRITE] = MN_OK;
    TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
    struct mn_op *op = ts_do(&t, ts_append_op(1, 2, "b", "x"));
    assert_true(op->result == MN_OK && op->duplicate && op->at.seq == 2);
    mn_op_unref(op);
    assert_int_equal(ts_append(&t, 1, 2, "c", "x", NULL), 3);
    ts_log_deinit(&t);
}

/* Appends are refused, everything else goes on; with room they are taken again. */
static void full_disk(void **state)
{
    struct ts_log t;
    struct faults f;
    struct mn_chat_view v;
    struct mn_msg_ref ref;
    int64_t id = 0, chat = 0;
    (void)state;
    fault_init(&t, &f);
    ts_append(&t, 1, 2, "a", "x", &id);
    assert_int_equal(mn_msglog_pair(t.log, 1, 2, &chat), MN_OK);
    f.err[MN_FAULT_SPACE] = MN_ENOSPC;
    TS_WAIT_UNTIL(!mn_msglog_is_writable(t.log)); /* found by itself, without an append */
    expect(&t, "b", MN_ENOSPC);
    assert_int_equal(mn_msglog_find(t.log, id, &ref), MN_OK);
    assert_true(ts_move(&t, MN_CURSOR_READ, 2, 1, chat, 1));
    assert_int_equal(mn_msglog_chat(t.log, chat, 2, &v), MN_OK);
    assert_true(v.read == 1 && v.last_seq == 1);
    assert_true(mn_metrics_sum(t.metrics, MN_M_MSG_FAILED) >= 1);
    f.err[MN_FAULT_SPACE] = MN_OK;
    TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
    assert_int_equal(ts_append(&t, 1, 2, "b", "x", NULL), 2);
    ts_log_close(&t);
    ts_log_open(&t);
    assert_int_equal(mn_msglog_chat(t.log, chat, 2, &v), MN_OK);
    assert_int_equal(v.read, 1);
    ts_log_deinit(&t);
}

/* While the database cannot be opened again reads fail cleanly; moved cursors wait. */
static void reopening_takes_several_tries(void **state)
{
    struct ts_log t;
    struct faults f;
    struct mn_chat_view v;
    int64_t chat = 0;
    (void)state;
    fault_init(&t, &f);
    ts_append(&t, 1, 2, "a", "x", NULL);
    assert_int_equal(mn_msglog_pair(t.log, 1, 2, &chat), MN_OK);
    assert_true(ts_move(&t, MN_CURSOR_DELIVERED, 2, 1, chat, 1));
    f.err[MN_FAULT_REOPEN] = MN_EIO;
    f.err[MN_FAULT_WRITE] = MN_ENOSPC;
    expect(&t, "b", MN_ENOSPC);
    TS_WAIT_UNTIL(atomic_load(&f.hits[MN_FAULT_REOPEN]) >= 3);
    assert_int_equal(mn_msglog_chat(t.log, chat, 2, &v), MN_EIO);
    assert_int_equal(mn_msglog_pair(t.log, 1, 2, &chat), MN_EIO);
    struct mn_op *op = ts_do(&t, ts_cursor_op(MN_CURSOR_READ, 2, 1, chat, 1));
    assert_int_equal(op->result, MN_EIO);
    mn_op_unref(op);
    expect(&t, "b", MN_EIO);
    f.err[MN_FAULT_WRITE] = f.err[MN_FAULT_REOPEN] = MN_OK;
    TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
    assert_int_equal(mn_msglog_chat(t.log, chat, 2, &v), MN_OK);
    assert_true(v.delivered == 1 && !v.has_read);
    assert_int_equal(ts_append(&t, 1, 2, "b", "x", NULL), 2);
    ts_log_deinit(&t);
}

/* Closing while broken hands everything back and does not hang. */
static void close_while_broken(void **state)
{
    struct ts_log t;
    struct faults f;
    int64_t chat = 0;
    (void)state;
    fault_init(&t, &f);
    ts_append(&t, 1, 2, "a", "x", NULL);
    assert_int_equal(mn_msglog_pair(t.log, 1, 2, &chat), MN_OK);
    f.err[MN_FAULT_WRITE] = f.err[MN_FAULT_REOPEN] = MN_EIO;
    expect(&t, "b", MN_EIO);
    ts_log_close(&t);
    ts_log_open(&t);
    assert_int_equal(ts_append(&t, 1, 2, "b", "x", NULL), 2);
    ts_log_deinit(&t);
}

int test_store_msglog_fault(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_write_leaves_nothing),
        cmocka_unit_test(written_but_reported_failed),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(reopening_takes_several_tries),
        cmocka_unit_test(close_while_broken),
    };
    return cmocka_run_group_tests_name("store: message log, failing disks", tests, NULL, NULL);
}
