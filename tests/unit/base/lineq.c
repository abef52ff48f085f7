/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/lineq.h"
#include "base/log.h"
#include "base/std.h"

enum { LONG_MS = 60000 };

struct pipe_case {
    int fds[2];
    struct mn_lineq *q;
};

static size_t tell(void *ctx, uint64_t lost, char *ret_line, size_t size)
{
    (void)ctx;
    return (size_t)snprintf(ret_line, size, "lost %llu\n", (unsigned long long)lost);
}

static void open_small_pipe(struct pipe_case *c, size_t cap)
{
    assert_int_equal(pipe(c->fds), 0);
    assert_true(fcntl(c->fds[1], F_SETPIPE_SZ, 4096) >= 4096);
    assert_int_equal(mn_lineq_new(c->fds[1], cap, tell, NULL, &c->q), MN_OK);
}

static void fill(int fd)
{
    char byte = 'x';
    struct pollfd room = {.fd = fd, .events = POLLOUT};

    while (poll(&room, 1, 0) > 0)
        for (int i = 0; i < 4096; i++)
            assert_int_equal(write(fd, &byte, 1), 1);
}

/* Reads until `last` came; the last of it, without the filling. */
static void read_until(int fd, const char *last, char *text, size_t cap)
{
    size_t n = 0;

    while (!memmem(text, n, last, strlen(last))) {
        char byte;
        assert_int_equal(read(fd, &byte, 1), 1);
        if (n == cap - 1) { /* the beginning is not asked for */
            n -= cap / 2;
            memmove(text, text + cap / 2, n);
        }
        if (byte != 'x')
            text[n++] = byte;
    }
    text[n] = '\0';
}

static void lines_come_out_in_order(void **state)
{
    struct pipe_case c;
    char text[64] = "";

    (void)state;
    open_small_pipe(&c, 1024);
    assert_true(mn_lineq_add(c.q, MN_STR("one\n")));
    assert_true(mn_lineq_add(c.q, MN_STR("two\n")));
    read_until(c.fds[0], "two\n", text, sizeof text);
    assert_string_equal(text, "one\ntwo\n");
    assert_true(mn_lineq_flush(c.q, LONG_MS));
    assert_int_equal(mn_lineq_lost(c.q), 0);
    mn_lineq_free(c.q, LONG_MS);
    close(c.fds[0]);
    close(c.fds[1]);
}

static void who_adds_never_waits_and_what_is_lost_is_told(void **state)
{
    struct pipe_case c;
    char text[4096] = "", want[32];
    uint64_t kept = 0, tried = 1000;

    (void)state;
    open_small_pipe(&c, 256);
    fill(c.fds[1]);
    for (uint64_t i = 0; i < tried; i++)
        kept += mn_lineq_add(c.q, MN_STR("a line of no meaning\n"));
    assert_false(mn_lineq_flush(c.q, 0));
    assert_true(kept < 30); /* two buffers of 256 bytes */
    assert_int_equal(mn_lineq_lost(c.q), tried - kept);
    snprintf(want, sizeof want, "lost %llu\n", (unsigned long long)(tried - kept));
    read_until(c.fds[0], want, text, sizeof text);
    assert_true(mn_lineq_add(c.q, MN_STR("again\n")));
    memset(text, 0, sizeof text);
    read_until(c.fds[0], "again\n", text, sizeof text);
    assert_true(mn_lineq_flush(c.q, LONG_MS));
    mn_lineq_free(c.q, LONG_MS);
    close(c.fds[0]);
    close(c.fds[1]);
}

static void a_line_longer_than_the_queue_is_lost(void **state)
{
    struct pipe_case c;

    (void)state;
    open_small_pipe(&c, 4);
    assert_false(mn_lineq_add(c.q, MN_STR("12345")));
    assert_int_equal(mn_lineq_lost(c.q), 1);
    mn_lineq_free(c.q, LONG_MS);
    close(c.fds[0]);
    close(c.fds[1]);
}

static void an_error_costs_lines(void **state)
{
    struct mn_lineq *q = NULL;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(mn_lineq_new(fd, 64, tell, NULL, &q), MN_OK);
    assert_true(mn_lineq_add(q, MN_STR("x\n")));
    assert_true(mn_lineq_flush(q, LONG_MS));
    assert_int_equal(mn_lineq_lost(q), 1);
    assert_int_equal(mn_lineq_error(q), ENOSPC);
    mn_lineq_free(q, LONG_MS);
    close(fd);
    mn_lineq_free(NULL, 0);
}

static void a_log_tells_what_it_lost(void **state)
{
    struct mn_log log;
    int fds[2];
    char text[4096] = "";

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
    mn_log_init(&log, MN_LOG_INFO, MN_LOG_TEXT);
    log.fd = fds[1];
    assert_int_equal(mn_log_start(&log), MN_OK);
    fill(fds[1]);
    while (mn_log_lost(&log) < 10)
        mn_log(&log, MN_LOG_INFO, "flood", MN_KV_I("n", 1));
    read_until(fds[0], "event=log_lines_lost lines=", text, sizeof text);
    close(fds[0]); /* what is still queued has nowhere to go, and nothing to wait for */
    mn_log_stop(&log, LONG_MS);
    close(fds[1]);
}

static void last_words_wait_for_a_while_only(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(mn_std_write(fds[1], MN_STR("hello"), 0), MN_OK);
    fill(fds[1]);
    assert_int_equal(mn_std_write(fds[1], MN_STR("hello"), 10), MN_EAGAIN);
    close(fds[0]);
    assert_int_equal(mn_std_write(fds[1], MN_STR("hello"), 10), MN_ECLOSED);
    close(fds[1]);
}

int test_base_lineq(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_in_order),
        cmocka_unit_test(who_adds_never_waits_and_what_is_lost_is_told),
        cmocka_unit_test(a_line_longer_than_the_queue_is_lost),
        cmocka_unit_test(an_error_costs_lines),
        cmocka_unit_test(a_log_tells_what_it_lost),
        cmocka_unit_test(last_words_wait_for_a_while_only),
    };
    signal(SIGPIPE, SIG_IGN); /* as the programs do */
    return cmocka_run_group_tests_name("base_lineq", tests, NULL, NULL);
}
