/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket connections end to end: frames, fragments, closing handshakes. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/net/support.h"

static struct server server;

static int setup(void **state)
{
    (void)state;
    server_up(&server);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static void echoes_of_all_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 1023, 1025, 65535, 65536};
    (void)state;
    int fd = client_ws(&server);
    char *payload = mn_alloc(65536);
    memset(payload, 'x', 65536);
    for (size_t i = 0; i < MN_ARRAY_LEN(sizes); i++)
        client_ws_send(fd, 0x81, payload, sizes[i]);
    for (size_t i = 0; i < MN_ARRAY_LEN(sizes); i++)
        client_ws_expect(fd, 0x81, payload, sizes[i]);
    mn_free(payload);
    close(fd);
}

/* A text, a long text, a fragmented one, a ping: cut into two sends at every place. */
static void split_at_every_byte(void **state)
{
    char out[512], text[200];
    (void)state;
    memset(text, 't', sizeof(text));
    size_t n = client_frame(out, 0x81, "short", 5);
    n += client_frame(out + n, 0x81, text, sizeof(text));
    n += client_frame(out + n, 0x01, "frag", 4);
    n += client_frame(out + n, 0x89, "ping", 4);
    n += client_frame(out + n, 0x80, "ment", 4);
    int fd = client_ws(&server);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (size_t cut = 1; cut < n; cut++) {
        client_send(fd, out, cut);
        /* Wait until the first part was read, or both would arrive as one. */
        server_await_metric(&server, MN_M_BYTES_IN,
                            (int64_t)(strlen(CLIENT_UPGRADE) + (cut - 1) * n + cut));
        client_send(fd, out + cut, n - cut);
        client_ws_expect_text(fd, "short");
        client_ws_expect(fd, 0x81, text, sizeof(text));
        client_ws_expect(fd, 0x8a, "ping", 4);
        client_ws_expect_text(fd, "fragment");
    }
    close(fd);
}

static void byte_by_byte(void **state)
{
    char out[400], text[300];
    (void)state;
    memset(text, 'b', sizeof(text));
    size_t n = client_frame(out, 0x81, text, sizeof(text));
    int fd = client_ws(&server);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (size_t i = 0; i < n; i++) {
        client_send(fd, out + i, 1);
        server_await_metric(&server, MN_M_BYTES_IN, (int64_t)(strlen(CLIENT_UPGRADE) + i + 1));
    }
    client_ws_expect(fd, 0x81, text, sizeof(text));
    close(fd);
}

static void pings_are_answered_in_order(void **state)
{
    (void)state;
    int fd = client_ws(&server);
    client_ws_send(fd, 0x89, "", 0);
    client_ws_text(fd, "between");
    client_ws_send(fd, 0x89, "payload", 7);
    client_ws_expect(fd, 0x8a, "", 0);
    client_ws_expect_text(fd, "between");
    client_ws_expect(fd, 0x8a, "payload", 7);
    close(fd);
}

static void binary_and_pong_only_reach_the_counters(void **state)
{
    (void)state;
    int fd = client_ws(&server);
    client_ws_send(fd, 0x82, "\x00\xff", 2);
    client_ws_send(fd, 0x8a, "late", 4);
    client_ws_text(fd, "end");
    client_ws_expect_text(fd, "end");
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_FRAME_IN_BINARY), 1);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_FRAME_IN_CONTROL), 1);
    close(fd);
}

static void close_frame_is_echoed(void **state)
{
    (void)state;
    int fd = client_ws(&server);
    client_ws_send(fd, 0x88,
                   "\x03\xe8"
                   "going",
                   7);
    client_ws_expect_close(fd, 1000, "going");
    close(fd);
    fd = client_ws(&server);
    char rest[8];
    client_ws_send(fd, 0x88, "", 0);
    client_ws_expect(fd, 0x88, "", 0);
    assert_int_equal(client_read_all(fd, rest, sizeof(rest)), 0);
    close(fd);
    fd = client_ws(&server);
    client_ws_send(fd, 0x88, "\x0f\xa0", 2); /* 4000 */
    client_ws_expect_close(fd, 4000, "");
    close(fd);
    server_await_closed(&server, MN_CLOSE_PEER, 3);
}

static void invalid_close_code_is_a_violation(void **state)
{
    static const uint16_t codes[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(codes); i++) {
        char reason[64], payload[2] = {(char)(codes[i] >> 8), (char)codes[i]};
        int fd = client_ws(&server);
        client_ws_send(fd, 0x88, payload, 2);
        snprintf(reason, sizeof(reason), "close frame with invalid code %u", codes[i]);
        client_ws_expect_close(fd, 1002, reason);
        close(fd);
    }
}

static void violations_get_one_close_frame(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        unsigned code;
        const char *reason;
    } cases[] = {
        {"\x81\x02hi", 4, 1002, "received a frame that is not masked as expected"},
        {"\x83\x80\0\0\0\0", 6, 1002, "data frame using reserved opcode 3"},
        {"\x8b\x80\0\0\0\0", 6, 1002, "control frame using reserved opcode 11"},
        {"\x09\x80\0\0\0\0", 6, 1002, "fragmented control frame"},
        {"\x80\x80\0\0\0\0", 6, 1002,
         "received continuation data frame outside fragmented message"},
        {"\x88\x81\0\0\0\0x", 7, 1002, "received close control frame with payload len 1"},
        {"\x81\xfe\x00\x05\0\0\0\0", 8, 1002,
         "invalid data frame length (not using minimal length encoding)"},
        {"\x81\x81\0\0\0\0\xff", 7, 1007, "bytes are not UTF-8"},
        /* Judged by the header alone: 65,537 bytes, and 2^63 - 1. */
        {"\x81\xff\0\0\0\0\0\x01\0\x01", 10, 1009, "Max frame length of 65536 has been exceeded."},
        {"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10, 1009,
         "Max frame length of 65536 has been exceeded."},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        int fd = client_ws(&server);
        client_send(fd, cases[i].bytes, cases[i].n);
        client_ws_expect_close(fd, cases[i].code, cases[i].reason);
        close(fd);
    }
    server_await_closed(&server, MN_CLOSE_PROTOCOL, MN_ARRAY_LEN(cases));
}

static void length_of_2_63_is_refused_by_its_header(void **state)
{
    struct client_frame *frame = mn_new(struct client_frame);
    (void)state;
    int fd = client_ws(&server);
    client_send(fd, "\x81\xff\x80\0\0\0\0\0\0\0", 10);
    client_ws_read(fd, frame);
    assert_int_equal(frame->first, 0x88);
    client_await_close(fd);
    close(fd);
    server_await_closed(&server, MN_CLOSE_PROTOCOL, 1);
    mn_free(frame);
}

static void fragments_beyond_the_limit(void **state)
{
    char *half = mn_alloc(40000);
    (void)state;
    memset(half, 'h', 40000);
    int fd = client_ws(&server);
    client_ws_send(fd, 0x01, half, 40000);
    client_ws_send(fd, 0x80, half, 25536); /* 65,536 in all */
    struct client_frame *frame = mn_new(struct client_frame);
    client_ws_read(fd, frame);
    assert_int_equal(frame->n, 65536);
    client_ws_send(fd, 0x01, half, 40000);
    client_ws_send(fd, 0x00, half, 25537);
    client_ws_expect_close(fd, 1009, "Max frame length of 65536 has been exceeded.");
    close(fd);
    mn_free(frame);
    mn_free(half);
}

/* W-1.6 */
static void nothing_behind_a_close_is_processed(void **state)
{
    char out[256];
    (void)state;
    int fd = client_ws(&server);
    size_t n = client_frame(out, 0x81, "before", 6);
    n += client_frame(out + n, 0x88, "\x03\xe8", 2);
    n += client_frame(out + n, 0x81, "after", 5);
    client_send(fd, out, n);
    client_ws_expect_text(fd, "before");
    client_ws_expect_close(fd, 1000, "");
    close(fd);
    server_await(&server, SERVER_CLOSE, 1);
    assert_int_equal(server.count[SERVER_TEXT], 1);
}

static void say_bye(struct server *s, struct mn_conn *conn, char *p, size_t n)
{
    (void)s;
    mn_ignore(mn_conn_send(conn, text_frame("last words", 10), MN_SEND_REPLY));
    mn_conn_close(conn, MN_CLOSE_APP, MN_WS_CLOSE_NORMAL, "Bye");
    mn_conn_close(conn, MN_CLOSE_APP, MN_WS_CLOSE_PROTOCOL, "again"); /* does nothing */
    assert_int_equal(mn_conn_send(conn, text_frame(p, n), MN_SEND_REPLY), MN_ECLOSED);
}

static void application_close_lets_the_queue_leave_first(void **state)
{
    char out[256];
    (void)state;
    server.on_text = say_bye;
    int fd = client_ws(&server);
    size_t n = client_frame(out, 0x81, "first", 5);
    for (int i = 0; i < 10; i++)
        n += client_frame(out + n, 0x81, "more", 4);
    client_send(fd, out, n);
    client_ws_expect_text(fd, "last words");
    client_ws_expect_close(fd, 1000, "Bye");
    close(fd);
    server_await_closed(&server, MN_CLOSE_APP, 1);
    assert_int_equal(server.count[SERVER_TEXT], 1);
}

/* The text lives in a buffer of joined fragments while the handler closes. */
static void close_inside_a_joined_message(void **state)
{
    (void)state;
    server.on_text = say_bye;
    int fd = client_ws(&server);
    client_ws_send(fd, 0x01, "one ", 4);
    client_ws_send(fd, 0x80, "two", 3);
    client_ws_expect_text(fd, "last words");
    client_ws_expect_close(fd, 1000, "Bye");
    close(fd);
}

static void unread_input_does_not_reset_the_last_words(void **state)
{
    char *junk = mn_alloc(200000);
    (void)state;
    server.on_text = say_bye;
    int fd = client_ws(&server);
    client_ws_text(fd, "x");
    client_send(fd, junk, 200000); /* discarded, not answered with a reset */
    client_ws_expect_text(fd, "last words");
    client_ws_expect_close(fd, 1000, "Bye");
    close(fd);
    mn_free(junk);
}

static void peer_that_vanishes(void **state)
{
    (void)state;
    int fd = client_ws(&server);
    close(fd);
    server_await_closed(&server, MN_CLOSE_PEER, 1);
    fd = client_ws(&server);
    client_send(fd, "\x81\xfe\xff", 3); /* in the middle of a frame */
    struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd); /* with a reset */
    server_await_closed(&server, MN_CLOSE_PEER, 2);
}

static void many_small_frames_travel_together(void **state)
{
    char *out = mn_alloc(1 << 16);
    size_t n = 0;
    (void)state;
    int fd = client_ws(&server);
    int64_t before = mn_metrics_sum(server.metrics, MN_M_WRITES);
    for (int i = 0; i < 1000; i++)
        n += client_frame(out + n, 0x81, "0123456789", 10);
    client_send(fd, out, n);
    for (int i = 0; i < 1000; i++)
        client_ws_expect_text(fd, "0123456789");
    /* The client's one send may arrive in a few pieces. */
    assert_true(mn_metrics_sum(server.metrics, MN_M_WRITES) - before < 20);
    close(fd);
    mn_free(out);
}

static void session_is_zeroed(void **state);

static void check_session(struct server *s, struct mn_conn *conn)
{
    unsigned char *session = mn_conn_session(conn);
    (void)s;
    for (size_t i = 0; i < 48; i++)
        MN_BUG_ON(session[i] != 0);
    memset(session, 0xaa, 48);
    char peer[64];
    mn_conn_peer(conn, peer);
    MN_BUG_ON(strcmp(peer, "127.0.0.1") != 0);
    MN_BUG_ON(mn_loop_find(mn_conn_loop(conn), mn_conn_id(conn)) != conn);
}

static void session_is_zeroed(void **state)
{
    uint64_t ids[8];
    (void)state;
    server.on_open = check_session;
    for (unsigned i = 0; i < MN_ARRAY_LEN(ids); i++) {
        int fd = client_ws(&server);
        ids[i] = server.last_id;
        close(fd);
        server_await(&server, SERVER_CLOSE, i + 1);
        for (unsigned j = 0; j < i; j++)
            assert_true(ids[i] != ids[j]); /* never used again */
    }
}

static void sockets_have_their_options(void **state);

static void check_options(struct mn_loop *loop, void *arg)
{
    (void)loop;
    (void)arg;
    int value = 0, found = 0;
    socklen_t len = sizeof(value);
    for (int fd = 3; fd < 200; fd++) {
        struct sockaddr_storage peer;
        socklen_t peer_len = sizeof(peer);
        uint16_t port = server.port;
        struct sockaddr_in self;
        socklen_t self_len = sizeof(self);
        if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0 ||
            getsockname(fd, (struct sockaddr *)&self, &self_len) != 0 ||
            ntohs(self.sin_port) != port)
            continue;
        found++;
        MN_BUG_ON(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len) != 0 || value == 0);
        MN_BUG_ON(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len) != 0 || value == 0);
        MN_BUG_ON(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &len) != 0 ||
                  value != 128 * 1024);
    }
    MN_BUG_ON(found != 1);
}

/* W-1.1; set on the listener only, so this also tests that they are inherited. */
static void sockets_have_their_options(void **state)
{
    (void)state;
    int fd = client_ws(&server);
    server_run(&server, 0, check_options, NULL);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_net_ws(void)
{
    const struct CMUnitTest tests[] = {
        TEST(echoes_of_all_sizes),
        TEST(split_at_every_byte),
        TEST(byte_by_byte),
        TEST(pings_are_answered_in_order),
        TEST(binary_and_pong_only_reach_the_counters),
        TEST(close_frame_is_echoed),
        TEST(invalid_close_code_is_a_violation),
        TEST(violations_get_one_close_frame),
        TEST(length_of_2_63_is_refused_by_its_header),
        TEST(fragments_beyond_the_limit),
        TEST(nothing_behind_a_close_is_processed),
        TEST(application_close_lets_the_queue_leave_first),
        TEST(close_inside_a_joined_message),
        TEST(unread_input_does_not_reset_the_last_words),
        TEST(peer_that_vanishes),
        TEST(many_small_frames_travel_together),
        TEST(session_is_zeroed),
        TEST(sockets_have_their_options),
    };
    return cmocka_run_group_tests_name("net ws", tests, NULL, NULL);
}
