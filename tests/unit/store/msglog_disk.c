/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that really gets full: this program runs itself in a mount
 * namespace of its own, where $TMPDIR is a small file system in memory.
 * Skipped where the kernel does not allow that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/rand.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

enum { EXIT_SKIP = 77, DISK_MIB = 48, BODY = 16000 };

static char body[BODY + 1];

static struct mn_op *big_op(int64_t number)
{
    char client_id[32];
    memset(body, 'x', BODY);
    snprintf(client_id, sizeof(client_id), "m-%lld", (long long)number);
    return ts_append_op(1, 2, client_id, body);
}

/* Until the disk is full to the last block. */
static void fill_disk(struct ts_log *t, char *path, size_t size)
{
    static char block[4096];
    snprintf(path, size, "%s/filler", t->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
        ;
    close(fd);
}

/* One at a time until one is refused, which must be for want of room. Messages stored. */
static int64_t append_until_refused(struct ts_log *t, int64_t stored)
{
    for (;;) {
        struct mn_op *op = ts_do(t, big_op(stored + 1));
        enum mn_err err = op->result;
        if (!err)
            assert_int_equal(op->at.seq, stored + 1);
        mn_op_unref(op);
        if (err) {
            assert_int_equal(err, MN_ENOSPC);
            return stored;
        }
        stored++;
    }
}

static bool count_one(void *arg, const struct mn_msg *msg)
{
    int64_t *count = arg;
    assert_int_equal(msg->at.seq, ++*count);
    assert_int_equal(msg->body.n, BODY);
    return true;
}

static void expect_stored(struct ts_log *t, int64_t stored)
{
    int64_t chat = 0, count = 0;
    assert_int_equal(mn_msglog_pair(t->log, 1, 2, &chat), MN_OK);
    assert_int_equal(mn_msglog_read(t->log,
                                    &(struct mn_range){chat, 0, INT64_MAX, false, UINT32_MAX},
                                    count_one, &count),
                     MN_OK);
    assert_int_equal(count, stored);
}

/* Refused while there is a reserve left; reads go on; with room it goes on by itself. */
static void stops_before_the_end(void **state)
{
    struct ts_log t;
    char filler[600];
    (void)state;
    ts_log_init(&t);
    snprintf(filler, sizeof(filler), "%s/filler", t.dir);
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(posix_fallocate(fd, 0, DISK_MIB / 2 << 20), 0);
    close(fd);
    int64_t stored = append_until_refused(&t, 0);
    assert_true(stored > 100);
    expect_stored(&t, stored);
    unlink(filler);
    TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
    struct mn_op *op = ts_do(&t, big_op(stored + 1));
    assert_int_equal(op->result, MN_OK);
    assert_int_equal(op->at.seq, stored + 1);
    mn_op_unref(op);
    expect_stored(&t, stored + 1);
    ts_log_deinit(&t);
}

/* A batch that does not fit: all of it is refused, none of it is there, and it goes on later. */
static void runs_into_the_end(void **state)
{
    struct ts_log t;
    char filler[600];
    struct mn_op *ops[1000];
    (void)state;
    ts_log_prepare(&t);
    t.config.queue_bytes = 64 << 20;
    t.config.batch_ops = 1000;
    ts_log_open(&t);
    for (int64_t i = 1; i <= 20; i++)
        mn_op_unref(ts_do(&t, big_op(i)));
    expect_stored(&t, 20);
    ts_block(&t);
    for (int i = 0; i < 1000; i++) {
        ops[i] = big_op(21 + i);
        if (i > 0)
            ops[i - 1]->next = ops[i];
    }
    ts_submit(&t, ops[0]);
    fill_disk(&t, filler, sizeof(filler));
    ts_unblock(&t);
    ts_wait(&t);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ops[i]->result, MN_ENOSPC);
        mn_op_unref(ops[i]);
    }
    assert_false(mn_msglog_is_writable(t.log));
    expect_stored(&t, 20);
    unlink(filler);
    TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
    expect_stored(&t, 20);
    for (int64_t i = 21; i <= 40; i++) {
        struct mn_op *op = ts_do(&t, big_op(i));
        assert_true(op->result == MN_OK && op->at.seq == i && !op->duplicate);
        mn_op_unref(op);
    }
    ts_log_close(&t);
    ts_log_open(&t);
    expect_stored(&t, 40);
    ts_log_deinit(&t);
}

/* ---- the end of the disk at any point: log, flush, compaction ---- */

struct squeeze {
    struct ts_log *t;
    char filler[600];
    _Atomic uint64_t leave; /* bytes to leave free at the next write; UINT64_MAX: do nothing */
};

/* Behind the writer's look at the free space, right before its write. */
static enum mn_err squeeze(void *ctx, enum mn_fault_point point)
{
    struct squeeze *s = ctx;
    struct statvfs fs;
    if (point != MN_FAULT_WRITE || s->leave == UINT64_MAX || statvfs(s->t->dir, &fs) != 0)
        return MN_OK;
    uint64_t avail = fs.f_bavail * fs.f_frsize;
    int fd = open(s->filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (avail > s->leave)
        mn_ignore(posix_fallocate(fd, 0, (off_t)(avail - s->leave)));
    close(fd);
    s->leave = UINT64_MAX;
    return MN_OK;
}

static void survives_the_end_anywhere(void **state)
{
    struct ts_log t;
    struct mn_rng rng;
    struct squeeze s = {.t = &t, .leave = UINT64_MAX};
    int64_t stored = 0;
    unsigned refusals = 0;
    (void)state;
    mn_rng_seed(&rng, 3);
    ts_log_prepare(&t);
    t.config.memtable_bytes = 512 << 10; /* much flushing */
    ts_log_open(&t);
    ts_rlog(&t)->fault_ctx = &s;
    atomic_store(&ts_rlog(&t)->fault, squeeze);
    snprintf(s.filler, sizeof(s.filler), "%s/filler", t.dir);
    for (int round = 0; round < 12; round++) {
        /* The writer is idle: its next write reads this. */
        s.leave = mn_rng_below(&rng, 600 << 10);
        for (int i = 0; i < 60; i++) {
            struct mn_op *op = ts_do(&t, big_op(stored + 1));
            if (op->result)
                assert_int_equal(op->result, MN_ENOSPC);
            else /* a failed one may be on the disk after all: then this is its first result */
                assert_int_equal(op->at.seq, stored + 1);
            stored += op->result == MN_OK;
            refusals += op->result != MN_OK;
            mn_op_unref(op);
        }
        unlink(s.filler);
        TS_WAIT_UNTIL(mn_msglog_is_writable(t.log));
        if (round % 6 == 5) { /* the disk is small: begin again with an empty one */
            ts_log_deinit(&t);
            ts_log_prepare(&t);
            t.config.memtable_bytes = 512 << 10;
            ts_log_open(&t);
            ts_rlog(&t)->fault_ctx = &s;
            atomic_store(&ts_rlog(&t)->fault, squeeze);
            snprintf(s.filler, sizeof(s.filler), "%s/filler", t.dir);
            stored = 0;
        } else if (stored > 0) {
            expect_stored(&t, stored);
        }
    }
    assert_true(refusals > 0);
    ts_log_deinit(&t);
}

/* Full already at start: it opens or says that there is no room, and works once there is. */
static void starts_on_a_full_disk(void **state)
{
    struct ts_log t;
    char filler[600];
    struct mn_buf why;
    (void)state;
    ts_log_init(&t);
    for (int64_t i = 1; i <= 20; i++)
        mn_op_unref(ts_do(&t, big_op(i)));
    ts_log_close(&t);
    fill_disk(&t, filler, sizeof(filler));
    mn_buf_init(&why, 4096);
    enum mn_err err = mn_msglog_open(&t.config, t.metrics, &t.log, &why);
    if (err) {
        assert_int_equal(err, MN_ENOSPC);
        mn_buf_add_char(&why, '\0');
        assert_non_null(strstr(why.p, "make room"));
    } else {
        struct mn_op *op = ts_do(&t, big_op(21));
        assert_int_equal(op->result, MN_ENOSPC);
        mn_op_unref(op);
        ts_log_close(&t);
    }
    mn_buf_deinit(&why);
    unlink(filler);
    ts_log_open(&t);
    expect_stored(&t, 20);
    mn_op_unref(ts_do(&t, big_op(21)));
    expect_stored(&t, 21);
    ts_log_deinit(&t);
}

static bool put_line(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Without the right to mount: as root of a user namespace, where nobody else has a name. */
static bool enter_user_namespace(void)
{
    char uids[32], gids[32];
    snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
    snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put_line("/proc/self/setgroups", "deny") &&
           put_line("/proc/self/uid_map", uids) && put_line("/proc/self/gid_map", gids);
}

/* A kernel that takes the size and ignores it would have these tests fill the memory. */
static bool is_small(const char *path)
{
    struct statvfs fs;
    return statvfs(path, &fs) == 0 && fs.f_blocks > 0 &&
           fs.f_blocks * fs.f_frsize <= (uint64_t)DISK_MIB << 20;
}

static bool enter_small_disk(void)
{
    char options[32];
    if (unshare(CLONE_NEWNS) != 0 && !enter_user_namespace())
        return false;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    snprintf(options, sizeof(options), "size=%dm", DISK_MIB);
    return mount("none", "/tmp", "tmpfs", 0, options) == 0 && is_small("/tmp") &&
           setenv("TMPDIR", "/tmp", 1) == 0;
}

int store_child_small_disk(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_before_the_end),
        cmocka_unit_test(runs_into_the_end),
        cmocka_unit_test(survives_the_end_anywhere),
        cmocka_unit_test(starts_on_a_full_disk),
    };
    if (!enter_small_disk())
        return EXIT_SKIP;
    return cmocka_run_group_tests_name("store: on a small disk", tests, NULL, NULL) ? 1 : 0;
}

static void small_disk(void **state)
{
    const char *const args[] = {"--small-disk", NULL};
    int status = 0;
    (void)state;
    pid_t pid = ts_spawn(args, NULL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int test_store_msglog_disk(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_disk)};
    return cmocka_run_group_tests_name("store: message log, full disk", tests, NULL, NULL);
}
