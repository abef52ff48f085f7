/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes room for newcomers, and how many connections an address may have. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net_internal.h"
#include "unit/net/support.h"

static struct server server;

static int setup(void **state)
{
    (void)state;
    server_init(&server);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

static void vouch(struct server *s, struct mn_conn *conn)
{
    (void)s;
    mn_conn_vouch(conn);
}

/* A session that talks again when its text arrives. */
static void expect_alive(int fd)
{
    client_ws_text(fd, "still here");
    client_ws_expect_text(fd, "still here");
}

static void expect_served(int fd)
{
    char buf[512];
    client_send_z(fd, "GET /served HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(client_read_answer(fd, buf, sizeof(buf)), 200);
}

enum { PLACES = 8 };

/* What holds places without a session, each in its own way. */
static const char *const squatters[] = {
    "",                                                          /* says nothing */
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",                         /* a kept-alive connection */
    "GET / HTTP/1.1\r\nHost",                                    /* half a head */
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab", /* half a body */
    CLIENT_UPGRADE,                                              /* a WebSocket without a session */
};

static void newcomers_take_the_places_of_those_without_a_session(void **state)
{
    (void)state;
    server.cfg.max_connections = PLACES;
    server.cfg.loops = 2;
    server.on_open = vouch;
    server_start(&server);
    int session = client_ws(&server), idle[PLACES];
    server.on_open = NULL;
    for (unsigned kind = 0; kind < MN_ARRAY_LEN(squatters); kind++) {
        int64_t accepted = mn_metrics_sum(server.metrics, MN_M_ACCEPTED);
        for (int i = 0; i < PLACES; i++) {
            idle[i] = client_connect(&server);
            client_send_z(idle[i], squatters[kind]);
        }
        /* None of them may come after a newcomer, and take his place when this thread is slow. */
        server_await_metric(&server, MN_M_ACCEPTED, accepted + PLACES);
        for (int i = 0; i < 3; i++) {
            int fd = client_connect(&server);
            expect_served(fd);
            close(fd);
        }
        for (int i = 0; i < PLACES; i++)
            close(idle[i]);
    }
    expect_alive(session);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_ACCEPT_SHED), 0);
    assert_true(mn_metrics_sum(server.metrics, MN_M_CONN_SHED) > 0);
    close(session);
}

static bool has_ended(int fd)
{
    struct pollfd at = {.fd = fd, .events = POLLIN};
    char c;
    return poll(&at, 1, 0) > 0 && recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void the_longest_wait_ends_first(void **state)
{
    int fd[3];
    (void)state;
    server.cfg.max_connections = 3;
    server_start(&server);
    for (int i = 0; i < 3; i++) {
        fd[i] = client_connect(&server);
        server_await_metric(&server, MN_M_ACCEPTED, i + 1);
    }
    expect_served(fd[0]); /* its wait begins anew */
    int newcomer = client_connect(&server);
    client_await_close(fd[1]);
    assert_false(has_ended(fd[0]));
    expect_served(fd[0]);
    expect_served(newcomer);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    close(newcomer);
}

static struct mn_http_request *_Atomic parked;

static void park(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)s;
    (void)loop;
    atomic_store(&parked, req);
}

static void sessions_make_no_room(void **state)
{
    int session[2];
    (void)state;
    server.cfg.max_connections = 2;
    server.on_open = vouch;
    server_start(&server);
    for (int i = 0; i < 2; i++)
        session[i] = client_ws(&server);
    int newcomer = client_connect(&server);
    client_await_close(newcomer); /* told at once */
    close(newcomer);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_ACCEPT_SHED), 1);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_CONN_SHED), 0);
    for (int i = 0; i < 2; i++) {
        expect_alive(session[i]);
        close(session[i]);
    }
}

/* A request that is being answered is not cut short: the newcomer waits for its end. */
static void a_request_is_answered_first(void **state)
{
    char buf[512];
    (void)state;
    server.cfg.max_connections = 2;
    server.on_open = vouch;
    server.on_http = park;
    server_start(&server);
    int session = client_ws(&server), busy = client_connect(&server);
    client_send_z(busy, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    server_await(&server, SERVER_HTTP, 1);
    int newcomer = client_connect(&server);
    client_send_z(newcomer, "GET /new HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_alive(session);
    server_describe(atomic_load(&parked));
    assert_int_equal(client_read_answer(busy, buf, sizeof(buf)), 200);
    client_await_close(busy);
    server_await(&server, SERVER_HTTP, 2);
    server_describe(atomic_load(&parked));
    assert_int_equal(client_read_answer(newcomer, buf, sizeof(buf)), 200);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_ACCEPT_SHED), 0);
    close(newcomer);
    close(busy);
    close(session);
}

static void want_of_descriptors_sheds_too(void **state)
{
    enum { IDLE = 6 };
    struct rlimit before, tight;
    int idle[IDLE];
    (void)state;
    server_start(&server);
    for (int i = 0; i < IDLE; i++)
        idle[i] = client_connect(&server);
    server_await_metric(&server, MN_M_ACCEPTED, IDLE);
    int newcomer = socket(AF_INET, SOCK_STREAM, 0);
    int probe = dup(newcomer);
    close(probe);
    getrlimit(RLIMIT_NOFILE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)probe; /* no descriptor at or above the next free one */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    getpeername(idle[0], (struct sockaddr *)&addr, &len);
    assert_int_equal(connect(newcomer, (struct sockaddr *)&addr, len), 0);
    expect_served(newcomer);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_ACCEPT_SHED), 0);
    for (int i = 0; i < IDLE; i++)
        close(idle[i]);
    close(newcomer);
}

/* ---- addresses --------------------------------------------------------- */

static void ceiling_on_the_connections_of_an_address(void **state)
{
    int fd[3];
    (void)state;
    server.cfg.max_connections_per_address = 3;
    server.cfg.loops = 2;
    server_start(&server);
    for (int i = 0; i < 3; i++)
        fd[i] = client_ws(&server);
    int extra = client_connect(&server);
    client_await_close(extra);
    close(extra);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_ADDRESS_REFUSED), 1);
    close(fd[0]);
    server_await_open(&server, 2);
    fd[0] = client_ws(&server); /* room again */
    for (int i = 0; i < 3; i++)
        close(fd[i]);
}

static void enter(struct mn_net *net, const char *text, bool expected)
{
    uint8_t peer[16];
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        mn_peer_set(peer, (struct sockaddr *)&in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        mn_peer_set(peer, (struct sockaddr *)&in6);
    else
        fail_msg("no address: %s", text);
    assert_int_equal(mn_address_enter(net, peer, 1), expected);
    char back[64];
    mn_peer_text(peer, back);
    assert_non_null(strchr(back, strchr(text, '.') != NULL ? '.' : ':'));
}

static void what_counts_as_one_address(void **state)
{
    (void)state;
    server_start(&server);
    struct mn_net *net = server.net;
    enter(net, "192.0.2.1", true);
    enter(net, "::ffff:192.0.2.1", false); /* the same one */
    enter(net, "192.0.2.2", true);
    enter(net, "2001:db8:0:1::1", true);
    enter(net, "2001:db8:0:1:ffff::2", false); /* the same network of 64 bits */
    enter(net, "2001:db8:0:2::1", true);
    enter(net, "::1", true);
    enter(net, "0.0.0.0", true);
    enter(net, "255.255.255.255", true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_net_crowd(void)
{
    const struct CMUnitTest tests[] = {
        TEST(newcomers_take_the_places_of_those_without_a_session),
        TEST(the_longest_wait_ends_first),
        TEST(sessions_make_no_room),
        TEST(a_request_is_answered_first),
        TEST(want_of_descriptors_sheds_too),
        TEST(ceiling_on_the_connections_of_an_address),
        TEST(what_counts_as_one_address),
    };
    return cmocka_run_group_tests_name("net crowd", tests, NULL, NULL);
}
