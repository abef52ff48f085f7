/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer can make the server keep: memory counts, not bytes on the
 * wire, and a turn is shared fairly.
 */
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
    server.cfg.close_unwritable_after_ms = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static int64_t held(void) { return mn_metrics_sum(server.metrics, MN_M_BYTES_QUEUED); }

static int slow_client(void)
{
    int fd = client_ws(&server);
    int small = 32768;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    return fd;
}

static void barrier(struct mn_loop *loop, void *arg)
{
    (void)loop;
    (void)arg;
}

/* Whatever was sent before is polled in the first turn; its output is published after it. */
static void settle(void)
{
    for (int i = 0; i < 3; i++)
        server_run(&server, 0, barrier, NULL);
}

struct flood {
    uint64_t conn_id;
    size_t n; /* of each payload */
    int64_t sent;
};

static void flood_until_refused(struct mn_loop *loop, void *arg)
{
    static char block[16000];
    struct flood *flood = arg;
    struct mn_conn *conn = mn_loop_find(loop, flood->conn_id);
    while (mn_conn_send(conn, text_frame(block, flood->n), MN_SEND_PUSH) == MN_OK)
        flood->sent++;
}

/* ---- what is charged --------------------------------------------------- */

static void tiny_frames_count_by_their_memory(void **state)
{
    (void)state;
    server_start(&server);
    int fd = slow_client();
    struct flood flood = {.conn_id = server.last_id, .n = 1};
    server_run(&server, 0, flood_until_refused, &flood);
    settle();
    int64_t head = 129, /* the answer to the upgrade */
        wire = flood.sent * 3 + head - mn_metrics_sum(server.metrics, MN_M_BYTES_OUT);
    assert_in_range(held(), 100 * 1024, 256 * 1024);
    assert_in_range(wire, 1, held() / 10);
    close(fd);
    server_await(&server, SERVER_CLOSE, 1);
    settle();
    assert_int_equal(held(), 0);
}

enum { SHARERS = 4 };

static void share_one(struct mn_loop *loop, void *arg)
{
    static char block[60000];
    const uint64_t *ids = arg;
    struct mn_chunk *frame = text_frame(block, sizeof(block));
    for (int i = 0; i < SHARERS; i++)
        MN_BUG_ON(mn_conn_send(mn_loop_find(loop, ids[i]), mn_chunk_ref(frame), MN_SEND_REPLY) !=
                  MN_OK);
    mn_chunk_unref(frame);
}

static void a_shared_frame_counts_once(void **state)
{
    int fd[SHARERS];
    uint64_t ids[SHARERS];
    (void)state;
    server_start(&server);
    for (int i = 0; i < SHARERS; i++) {
        fd[i] = slow_client();
        ids[i] = server.last_id;
        struct flood flood = {.conn_id = ids[i], .n = 16000};
        server_run(&server, 0, flood_until_refused, &flood);
    }
    settle();
    int64_t before = held();
    server_run(&server, 0, share_one, ids);
    settle();
    assert_in_range(held() - before, 60000, 62000);
    for (int i = 0; i < SHARERS; i++)
        close(fd[i]);
    server_await(&server, SERVER_CLOSE, SHARERS);
    settle();
    assert_int_equal(held(), 0);
}

static void unfinished_input_counts(void **state)
{
    char *frame = mn_alloc(70000), *payload = mn_alloc(60000);
    struct client_frame *got = mn_new(struct client_frame);
    (void)state;
    server_start(&server);
    memset(payload, 'x', 60000);
    size_t n = client_frame(frame, 0x81, payload, 60000);
    int fd = client_ws(&server);
    client_send(fd, frame, n / 2);
    server_await_metric(&server, MN_M_BYTES_QUEUED, (int64_t)n / 2);
    client_send(fd, frame + n / 2, n - n / 2);
    client_ws_read(fd, got);
    settle();
    assert_int_equal(held(), 0);
    frame[0] = 0x01; /* a first fragment */
    client_send(fd, frame, n);
    server_await_metric(&server, MN_M_BYTES_QUEUED, 60000);
    close(fd);
    server_await(&server, SERVER_CLOSE, 1);
    int http = client_connect(&server);
    client_send_z(http, "G");
    server_await_metric(&server, MN_M_BYTES_QUEUED, 3000); /* one byte, and room for a request */
    close(http);
    mn_free(got);
    mn_free(payload);
    mn_free(frame);
}

static void charge(struct server *s, struct mn_conn *conn, char *p, size_t n)
{
    (void)s;
    (void)n;
    mn_conn_charge(conn, p[0] == 'b' ? 1000000 : 1000);
}

/* What a session keeps for its peer counts as it was told last, and goes with it. */
static void what_a_session_keeps_counts(void **state)
{
    (void)state;
    server.on_text = charge;
    server.cfg.max_queued_bytes = 1500000;
    server_start(&server);
    int fd = client_ws(&server), other = client_ws(&server);
    client_ws_text(fd, "big");
    server_await_metric(&server, MN_M_BYTES_QUEUED, 1000000);
    client_ws_text(other, "little");
    server_await_metric(&server, MN_M_BYTES_QUEUED, 1001000);
    client_ws_text(fd, "little");
    server_await(&server, SERVER_TEXT, 3);
    settle();
    assert_int_equal(held(), 2000);
    close(fd);
    server_await(&server, SERVER_CLOSE, 1);
    settle();
    assert_int_equal(held(), 1000);
    fd = client_ws(&server);
    client_ws_text(fd, "big");
    server_await_metric(&server, MN_M_BYTES_QUEUED, 1001000);
    client_ws_text(other, "big"); /* beyond the ceiling: one of the fullest goes */
    server_await_closed(&server, MN_CLOSE_MEMORY, 1);
    settle();
    assert_true(held() <= 1500000);
    close(fd);
    close(other);
}

enum { HALVES = 20 };

static void unfinished_input_is_shed_at_the_ceiling(void **state)
{
    char *frame = mn_alloc(70000), *payload = mn_alloc(60000);
    int fd[HALVES];
    (void)state;
    server.cfg.max_queued_bytes = 700 * 1024;
    server_start(&server);
    size_t n = client_frame(frame, 0x81, payload, 60000);
    for (int i = 0; i < HALVES; i++) {
        fd[i] = client_ws(&server);
        client_send(fd[i], frame, n - 1);
    }
    server_await_closed(&server, MN_CLOSE_MEMORY, HALVES - 11);
    settle();
    assert_true(held() <= 700 * 1024);
    int other = client_ws(&server); /* who holds little stays */
    client_ws_text(other, "still");
    client_ws_expect_text(other, "still");
    close(other);
    for (int i = 0; i < HALVES; i++)
        close(fd[i]);
    mn_free(payload);
    mn_free(frame);
}

/* What was held and is free again goes back to the system: asked until somebody does it. */
static void relief_after_a_swell(void **state)
{
    enum { BIG = 3 * 1024 * 1024, COUNT = 4 };
    char *frame = mn_alloc(BIG + 14), *payload = mn_alloc(BIG);
    int fd[COUNT];
    (void)state;
    server.cfg.max_message = BIG;
    server_start(&server);
    size_t n = client_frame(frame, 0x81, payload, BIG);
    for (int i = 0; i < COUNT; i++) {
        fd[i] = client_ws(&server);
        client_send(fd[i], frame, n - 1);
    }
    server_await_metric(&server, MN_M_BYTES_QUEUED, (int64_t)COUNT * BIG);
    assert_int_equal(server.count[SERVER_RELIEF], 0);
    for (int i = 0; i < COUNT; i++)
        close(fd[i]);
    server_await(&server, SERVER_CLOSE, COUNT);
    int other = client_ws(&server); /* its input changes what is held: the next time to ask */
    client_send(other, frame, 2000);
    server_await(&server, SERVER_RELIEF, 2);
    client_send(other, frame, 2000);
    close(other);
    server_await(&server, SERVER_CLOSE, COUNT + 1);
    assert_int_equal(server.count[SERVER_RELIEF], 2);
    mn_free(payload);
    mn_free(frame);
}

enum { KEPT_MAX = 40, CEILING = 50000 };

static struct mn_http_request *kept[KEPT_MAX];

static void keep_request(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)loop;
    kept[s->count[SERVER_HTTP]] = req;
}

static void a_request_counts_until_it_is_answered(void **state)
{
    static const char get[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[4096];
    int fd[KEPT_MAX];
    unsigned count = 0;
    (void)state;
    server.on_http = keep_request;
    server.cfg.max_queued_bytes = CEILING;
    server_start(&server);
    for (; held() < CEILING; count++) {
        assert_true(count < KEPT_MAX);
        fd[count] = client_connect(&server);
        client_send_z(fd[count], get);
        server_await(&server, SERVER_HTTP, count + 1);
        settle();
    }
    int late = client_connect(&server); /* above the ceiling nothing is begun */
    client_send_z(late, "GET /x HTTP/1.1\r\nHost: x\r\nOrigin: http://o\r\n\r\n");
    assert_int_equal(client_read_answer(late, answer, sizeof(answer)), 503);
    assert_non_null(strstr(answer, "\r\nX-Origin: http://o\r\n")); /* the page may know why */
    close(late);
    for (unsigned i = 0; i < count; i++) {
        server_describe(kept[i]);
        assert_int_equal(client_read_answer(fd[i], answer, sizeof(answer)), 200);
        close(fd[i]);
    }
    settle();
    assert_int_equal(held(), 0);
}

/* ---- pongs, and who does not read -------------------------------------- */

enum { PINGS = 8000 };

static void of_unread_pongs_the_latest_waits(void **state)
{
    char *out = mn_alloc(PINGS * 131), payload[125] = {0};
    struct client_frame *got = mn_new(struct client_frame);
    size_t n = 0;
    (void)state;
    server_start(&server);
    int fd = slow_client();
    for (int i = 1; i <= PINGS; i++) {
        memcpy(payload, &i, sizeof(i));
        n += client_frame(out + n, 0x89, payload, sizeof(payload));
    }
    client_send(fd, out, n); /* goes through: they are read and answered by one */
    server_await_metric(&server, MN_M_FRAME_IN_CONTROL, PINGS);
    settle();
    assert_in_range(held(), 1, 1024);
    int answered = 0, last = 0;
    while (last < PINGS) {
        int before = last;
        client_ws_read(fd, got);
        assert_int_equal(got->first, 0x8a);
        memcpy(&last, got->p, sizeof(last));
        assert_true(last > before);
        answered++;
    }
    assert_true(answered < PINGS);
    assert_int_equal(server.count[SERVER_CLOSE], 0);
    close(fd);
    mn_free(got);
    mn_free(out);
}

static void who_reads_gets_every_pong(void **state)
{
    char out[1024];
    size_t n = 0;
    (void)state;
    server_start(&server);
    int fd = client_ws(&server);
    for (int i = 0; i < 50; i++)
        n += client_frame(out + n, 0x89, &(char){(char)i}, 1);
    client_send(fd, out, n);
    for (int i = 0; i < 50; i++)
        client_ws_expect(fd, 0x8a, &(char){(char)i}, 1);
    close(fd);
}

static void who_does_not_read_is_not_read(void **state)
{
    struct client_frame *got = mn_new(struct client_frame);
    (void)state;
    server_start(&server);
    int fd = slow_client();
    struct flood flood = {.conn_id = server.last_id, .n = 16000};
    server_run(&server, 0, flood_until_refused, &flood);
    server_await(&server, SERVER_PRESSURE_ON, 1);
    client_ws_text(fd, "late");
    settle();
    assert_int_equal(server.count[SERVER_TEXT], 0);
    for (int64_t i = 0; i < flood.sent; i++)
        client_ws_read(fd, got);
    client_ws_expect_text(fd, "late");
    close(fd);
    mn_free(got);
}

/* ---- fair shares ------------------------------------------------------- */

static void control_frames_have_a_bucket(void **state)
{
    static const uint8_t first[] = {0x82, 0x89, 0x8a}; /* binary, ping, pong */
    (void)state;
    server.cfg.control_rate = 1;
    server.cfg.control_burst = 5;
    server_start(&server);
    for (size_t kind = 0; kind < sizeof(first); kind++) {
        int fd = client_ws(&server);
        for (int i = 0; i < 5; i++) {
            client_ws_send(fd, first[kind], "x", 1);
            client_ws_text(fd, "text is not counted");
        }
        for (int i = 0; i < 5; i++) {
            if (first[kind] == 0x89)
                client_ws_expect(fd, 0x8a, "x", 1);
            client_ws_expect_text(fd, "text is not counted");
        }
        for (int i = 0; i < 20; i++) /* some tokens may have come back meanwhile */
            client_ws_send(fd, 0x82, "x", 1);
        client_ws_expect_close(fd, 1008, "too many control frames");
        close(fd);
    }
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_RATE_LIMITED), 3);
}

static void pongs_that_we_asked_for_are_free(void **state)
{
    (void)state;
    server.cfg.control_rate = 1;
    server.cfg.control_burst = 1;
    server.cfg.ping_idle_ms = 50;
    server_start(&server);
    int fd = client_ws(&server);
    for (int i = 0; i < 4; i++) {
        client_ws_expect(fd, 0x89, "", 0);
        client_ws_send(fd, 0x8a, "", 0);
    }
    client_ws_text(fd, "alive");
    client_ws_expect_text(fd, "alive");
    close(fd);
}

/* The ping that proxies see is none for the handler's own clock. */
static void idle_pings_do_not_hide_the_idleness(void **state)
{
    (void)state;
    server.cfg.ping_idle_ms = 50;
    server.cfg.writer_idle_ms = 400;
    server_start(&server);
    int fd = client_ws(&server);
    for (int i = 0; i < 3; i++)
        client_ws_expect(fd, 0x89, "", 0);
    server_await(&server, SERVER_WRITER_IDLE, 2);
    close(fd);
}

static struct {
    struct mn_task task;
    unsigned at_first, processed;
    bool posted;
} turn;

static void note_processed(struct mn_task *task, struct mn_loop *loop)
{
    (void)task;
    (void)loop;
    turn.at_first = turn.processed;
}

static void count_text(struct server *s, struct mn_conn *conn, char *p, size_t n)
{
    (void)s;
    (void)p;
    (void)n;
    turn.processed++;
    if (!turn.posted) {
        turn.posted = true;
        turn.task.run = note_processed;
        mn_loop_post(mn_conn_loop(conn), &turn.task);
    }
}

/* A task that is posted while a flood is processed runs before the flood is over. */
static void a_flood_is_spread_over_turns(void **state)
{
    enum { FRAMES = 1000 };
    char *out = mn_alloc(FRAMES * 7);
    size_t n = 0;
    (void)state;
    memset(&turn, 0, sizeof(turn));
    server.on_text = count_text;
    server_start(&server);
    int fd = client_ws(&server);
    for (int i = 0; i < FRAMES; i++)
        n += client_frame(out + n, 0x81, "x", 1);
    client_send(fd, out, n);
    server_await(&server, SERVER_TEXT, FRAMES);
    settle();
    assert_in_range(turn.at_first, 1, 64);
    close(fd);
    mn_free(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_net_memory(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tiny_frames_count_by_their_memory),
        TEST(a_shared_frame_counts_once),
        TEST(unfinished_input_counts),
        TEST(what_a_session_keeps_counts),
        TEST(unfinished_input_is_shed_at_the_ceiling),
        TEST(relief_after_a_swell),
        TEST(a_request_counts_until_it_is_answered),
        TEST(of_unread_pongs_the_latest_waits),
        TEST(who_reads_gets_every_pong),
        TEST(who_does_not_read_is_not_read),
        TEST(control_frames_have_a_bucket),
        TEST(pongs_that_we_asked_for_are_free),
        TEST(idle_pings_do_not_hide_the_idleness),
        TEST(a_flood_is_spread_over_turns),
    };
    return cmocka_run_group_tests_name("net memory", tests, NULL, NULL);
}
