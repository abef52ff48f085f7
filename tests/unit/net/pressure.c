/* SPDX-License-Identifier: Apache-2.0 */
/* Slow readers: watermarks, the end of patience, ceilings; and held input. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/net/support.h"

static struct server server;

static int setup(void **state)
{
    (void)state;
    server_init(&server);
    server.cfg.low_watermark = 64 * 1024;
    server.cfg.high_watermark = 128 * 1024;
    server.cfg.close_unwritable_after_ms = 200;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

#define PUSH_BYTES 16000

struct flood {
    uint64_t conn_id;
    enum mn_send kind;
    unsigned sent;
    enum mn_err result;
};

/* Pushes until the connection does not take more. */
static void flood_until_refused(struct mn_loop *loop, void *arg)
{
    struct flood *flood = arg;
    static char block[PUSH_BYTES];
    struct mn_conn *conn = mn_loop_find(loop, flood->conn_id);
    if (conn == NULL) {
        flood->result = MN_ENOTFOUND;
        return;
    }
    do {
        flood->result = mn_conn_send(conn, text_frame(block, sizeof(block)), flood->kind);
        flood->sent += flood->result == MN_OK;
    } while (flood->result == MN_OK);
}

/* Small receive buffer, so that the pressure shows soon. */
static int slow_client(void)
{
    int fd = client_ws(&server);
    int small = 32768;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    return fd;
}

static void expect_log(const char *what)
{
    char line[1024];
    ssize_t n = read(server.log_fd, line, sizeof(line) - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_non_null(strstr(line, what));
}

static void pushes_are_refused_and_the_connection_closed(void **state)
{
    (void)state;
    server_start(&server);
    int fd = slow_client();
    struct flood flood = {.conn_id = server.last_id, .kind = MN_SEND_PUSH};
    server_run(&server, 0, flood_until_refused, &flood);
    assert_int_equal(flood.result, MN_EBUSY);
    server_await(&server, SERVER_PRESSURE_ON, 1);
    server_await_closed(&server, MN_CLOSE_SLOW, 1);
    assert_int_equal(server.count[SERVER_PRESSURE_OFF], 0);
    expect_log("ws backpressure: closing slow consumer channel");
    client_await_close(fd);
    close(fd);
}

static void reading_in_time_saves_the_connection(void **state)
{
    struct client_frame *frame = mn_new(struct client_frame);
    (void)state;
    server.cfg.close_unwritable_after_ms = 30000;
    server_start(&server);
    int fd = slow_client();
    struct flood flood = {.conn_id = server.last_id, .kind = MN_SEND_PUSH};
    server_run(&server, 0, flood_until_refused, &flood);
    server_await(&server, SERVER_PRESSURE_ON, 1);
    for (unsigned i = 0; i < flood.sent; i++) {
        client_ws_read(fd, frame);
        assert_int_equal(frame->n, PUSH_BYTES);
    }
    server_await(&server, SERVER_PRESSURE_OFF, 1);
    client_ws_text(fd, "alive");
    client_ws_expect_text(fd, "alive");
    assert_int_equal(server.count[SERVER_CLOSE], 0);
    close(fd);
    mn_free(frame);
}

static void replies_go_up_to_twice_the_mark(void **state)
{
    (void)state;
    server.cfg.close_unwritable_after_ms = -1; /* only the ceiling closes */
    server_start(&server);
    int fd = slow_client();
    struct flood push = {.conn_id = server.last_id, .kind = MN_SEND_PUSH};
    server_run(&server, 0, flood_until_refused, &push);
    assert_int_equal(push.result, MN_EBUSY);
    struct flood reply = {.conn_id = server.last_id, .kind = MN_SEND_REPLY};
    server_run(&server, 0, flood_until_refused, &reply);
    assert_int_equal(reply.result, MN_ECLOSED);
    assert_in_range(reply.sent, 5, 128 * 1024 / PUSH_BYTES);
    server_await_closed(&server, MN_CLOSE_SLOW, 1);
    client_await_close(fd);
    close(fd);
}

static void burst_to_a_reading_peer_is_no_congestion(void **state);

#define BURST 100 /* 1.6 MB: above the mark many times over */

static void burst(struct mn_loop *loop, void *arg)
{
    static char block[PUSH_BYTES];
    struct mn_conn *conn = mn_loop_find(loop, server.last_id);
    unsigned *sent = arg;
    for (unsigned i = 0; i < 10; i++)
        *sent += mn_conn_send(conn, text_frame(block, sizeof(block)), MN_SEND_PUSH) == MN_OK;
}

static void burst_to_a_reading_peer_is_no_congestion(void **state)
{
    struct client_frame *frame = mn_new(struct client_frame);
    (void)state;
    server_start(&server);
    int fd = client_ws(&server);
    for (unsigned i = 0; i < BURST / 10; i++) {
        unsigned sent = 0;
        server_run(&server, 0, burst, &sent);
        assert_int_equal(sent, 10); /* 160 KB in one turn, the socket takes it */
        for (unsigned j = 0; j < sent; j++)
            client_ws_read(fd, frame);
    }
    assert_int_equal(server.count[SERVER_PRESSURE_ON], 0);
    close(fd);
    mn_free(frame);
}

static void closing_a_congested_connection_does_not_wait(void **state);

static void close_it(struct mn_loop *loop, void *arg)
{
    struct mn_conn *conn = mn_loop_find(loop, *(uint64_t *)arg);
    mn_conn_close(conn, MN_CLOSE_APP, 1000, "Bye");
}

static void closing_a_congested_connection_does_not_wait(void **state)
{
    (void)state;
    server.cfg.close_unwritable_after_ms = -1;
    server_start(&server);
    int fd = slow_client();
    struct flood flood = {.conn_id = server.last_id, .kind = MN_SEND_PUSH};
    server_run(&server, 0, flood_until_refused, &flood);
    uint64_t id = server.last_id;
    server_run(&server, 0, close_it, &id);
    client_await_close(fd);
    close(fd);
    server_await_closed(&server, MN_CLOSE_APP, 1);
}

static void fullest_goes_first_at_the_ceiling_of_all(void **state)
{
    enum { CLIENTS = 4 };
    struct flood flood[CLIENTS];
    int fd[CLIENTS];
    (void)state;
    server.cfg.high_watermark = 256 * 1024;
    server.cfg.max_queued_bytes = 700 * 1024; /* room for less than three */
    server.cfg.close_unwritable_after_ms = -1;
    server_start(&server);
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = slow_client();
        flood[i] = (struct flood){.conn_id = server.last_id, .kind = MN_SEND_PUSH};
        server_run(&server, 0, flood_until_refused, &flood[i]);
    }
    server_await(&server, SERVER_CLOSE, 2);
    assert_int_equal(server.closed[MN_CLOSE_MEMORY], 2);
    for (int i = 0; i < CLIENTS; i++)
        close(fd[i]);
}

/* ---- hold and resume --------------------------------------------------- */

static void hold_after_each(struct server *s, struct mn_conn *conn, char *p, size_t n)
{
    (void)s;
    mn_ignore(mn_conn_send(conn, text_frame(p, n), MN_SEND_REPLY));
    mn_conn_hold(conn);
}

static void resume_it(struct mn_loop *loop, void *arg)
{
    (void)arg;
    mn_conn_resume(mn_loop_find(loop, server.last_id));
}

static void held_input_waits_and_comes_in_order(void **state)
{
    enum { FRAMES = 20 };
    char out[1024], text[16];
    size_t n = 0;
    (void)state;
    server.on_text = hold_after_each;
    server_start(&server);
    int fd = client_ws(&server);
    for (int i = 0; i < FRAMES; i++) {
        int len = snprintf(text, sizeof(text), "m%d", i);
        n += client_frame(out + n, 0x81, text, (size_t)len);
    }
    client_send(fd, out, n - 3); /* the last one is not whole */
    for (int i = 0; i < FRAMES; i++) {
        server_await(&server, SERVER_TEXT, (unsigned)i + 1);
        assert_int_equal(server.count[SERVER_TEXT], i + 1);
        snprintf(text, sizeof(text), "m%d", i);
        client_ws_expect_text(fd, text);
        if (i == FRAMES - 2)
            client_send(fd, out + n - 3, 3); /* comes while held */
        server_run(&server, 0, resume_it, NULL);
    }
    client_ws_text(fd, "again");
    client_ws_expect_text(fd, "again");
    close(fd);
}

/* A peer that keeps sending while held fills the kernel's buffers, not ours. */
static void held_peer_is_slowed_down_by_the_kernel(void **state)
{
    char *block = mn_alloc(1 << 16), *payload = mn_alloc(60000);
    struct timeval brief = {.tv_usec = 200000};
    (void)state;
    server.on_text = hold_after_each;
    server_start(&server);
    int fd = client_ws(&server);
    client_ws_text(fd, "hold");
    client_ws_expect_text(fd, "hold");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
    size_t n = client_frame(block, 0x82, payload, 60000);
    int64_t before = mn_metrics_sum(server.metrics, MN_M_BYTES_IN);
    ssize_t sent = 1;
    for (int i = 0; i < 1000 && sent > 0; i++)
        sent = send(fd, block, n, MSG_NOSIGNAL);
    assert_true(sent < 0 || (size_t)sent < n); /* stuck long before 60 MB */
    assert_true(mn_metrics_sum(server.metrics, MN_M_BYTES_IN) - before <= 1 << 19);
    close(fd);
    mn_free(payload);
    mn_free(block);
}

/* Its silence is ours: the reader's idleness does not run, and starts anew afterwards. */
static void held_connection_is_not_idle(void **state)
{
    (void)state;
    server.on_text = hold_after_each;
    server.cfg.reader_idle_ms = 200;
    server.cfg.writer_idle_ms = 150;
    server_start(&server);
    int fd = client_ws(&server);
    client_ws_text(fd, "hold");
    client_ws_expect_text(fd, "hold");
    server_await(&server, SERVER_WRITER_IDLE, 4); /* three times the reader's limit */
    assert_int_equal(server.count[SERVER_CLOSE], 0);
    server_run(&server, 0, resume_it, NULL);
    client_ws_expect_close(fd, 1000, "Bye");
    server_await_closed(&server, MN_CLOSE_IDLE, 1);
    close(fd);
}

static void close_while_held(void **state)
{
    (void)state;
    server.on_text = hold_after_each;
    server_start(&server);
    int fd = client_ws(&server);
    client_ws_text(fd, "hold");
    client_ws_text(fd, "kept");
    client_ws_expect_text(fd, "hold");
    uint64_t id = server.last_id;
    server_run(&server, 0, close_it, &id);
    client_ws_expect_close(fd, 1000, "Bye");
    assert_int_equal(server.count[SERVER_TEXT], 1);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_net_pressure(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pushes_are_refused_and_the_connection_closed),
        TEST(reading_in_time_saves_the_connection),
        TEST(replies_go_up_to_twice_the_mark),
        TEST(burst_to_a_reading_peer_is_no_congestion),
        TEST(closing_a_congested_connection_does_not_wait),
        TEST(fullest_goes_first_at_the_ceiling_of_all),
        TEST(held_input_waits_and_comes_in_order),
        TEST(held_peer_is_slowed_down_by_the_kernel),
        TEST(held_connection_is_not_idle),
        TEST(close_while_held),
    };
    return cmocka_run_group_tests_name("net pressure", tests, NULL, NULL);
}
