/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting: addresses, the bucket, the ceiling, want of descriptors, crowds that say nothing. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/pace.h"
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

static void expect_no_net(const char *host, uint16_t port, const char *what)
{
    struct mn_net_ws_handler ws = {0};
    struct mn_net_http_handler http = {0};
    struct mn_net *net = NULL;
    char why[256] = "";
    struct mn_net_config cfg = server.cfg;
    snprintf(cfg.listen[0].host, sizeof(cfg.listen[0].host), "%s", host);
    cfg.listen[0].port = port;
    assert_int_not_equal(mn_net_new(&cfg, &ws, &http, &server.log, server.metrics, &net, why),
                         MN_OK);
    assert_null(net);
    assert_non_null(strstr(why, what));
}

static void taken_port_is_an_error_that_names_it(void **state)
{
    char port[16];
    (void)state;
    server.cfg.loops = 2;
    server_start(&server);
    snprintf(port, sizeof(port), "127.0.0.1:%u", server.port);
    /* Also against our own kind, whose sockets allow sharing among themselves. */
    expect_no_net("127.0.0.1", server.port, port);
    expect_no_net("127.0.0.1", server.port, "Address already in use");
    expect_no_net("192.0.2.1", 1, "192.0.2.1:1");
    expect_no_net("no.such.host.invalid", 1, "cannot resolve");
}

static void two_addresses(void **state)
{
    char buf[256];
    (void)state;
    server.cfg.listen_count = 2;
    server.cfg.listen[1] = server.cfg.listen[0];
    server_start(&server);
    uint16_t second = mn_net_port(server.net, 1);
    assert_true(second != 0 && second != server.port);
    server.port = second;
    int fd = client_connect(&server);
    client_send_z(fd, "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(client_read_answer(fd, buf, sizeof(buf)), 200);
    close(fd);
    fd = client_ws(&server);
    close(fd);
}

static _Atomic unsigned seen_peer;

static void check_peer(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)s;
    (void)loop;
    seen_peer = strcmp(req->peer, "::1") == 0 ? 6 : strcmp(req->peer, "127.0.0.1") == 0 ? 4 : 1;
    server_describe(req);
}

static void ipv6_and_its_peers(void **state)
{
    char buf[256];
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    (void)state;
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    bool has_ipv6 = probe >= 0 && bind(probe, (struct sockaddr *)&addr, sizeof(addr)) == 0;
    close(probe);
    server.on_http = check_peer;
    if (has_ipv6)
        snprintf(server.cfg.listen[0].host, sizeof(server.cfg.listen[0].host), "::");
    server_start(&server);
    int fd = client_connect(&server); /* as v4-mapped when the listener is IPv6 */
    client_send_z(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(client_read_answer(fd, buf, sizeof(buf)), 200);
    assert_int_equal(seen_peer, 4);
    close(fd);
    if (!has_ipv6)
        return;
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    addr.sin6_port = htons(server.port);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    client_send_z(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(client_read_answer(fd, buf, sizeof(buf)), 200);
    assert_int_equal(seen_peer, 6);
    close(fd);
}

static void restart_on_the_same_port(void **state)
{
    (void)state;
    server_start(&server);
    uint16_t port = server.port;
    int fd = client_ws(&server);
    server_stop(&server); /* leaves sockets in TIME_WAIT */
    close(fd);
    server_init(&server);
    server.cfg.listen[0].port = port;
    server_start(&server);
    fd = client_ws(&server);
    close(fd);
}

static void bucket_defers_but_loses_nobody(void **state)
{
    enum { CLIENTS = 22 };
    int fd[CLIENTS];
    (void)state;
    server.cfg.accept_rate = 20; /* a second for all: they come sooner, also on a busy machine */
    server.cfg.accept_burst = 2;
    server_start(&server);
    for (int i = 0; i < CLIENTS; i++)
        fd[i] = client_connect(&server);
    server_await_metric(&server, MN_M_ACCEPTED, CLIENTS);
    assert_true(mn_metrics_sum(server.metrics, MN_M_ACCEPT_DEFERRED) > 0);
    for (int i = 0; i < CLIENTS; i++)
        close(fd[i]);
}

static void vouch(struct server *s, struct mn_conn *conn)
{
    (void)s;
    mn_conn_vouch(conn);
}

static void ceiling_on_connections(void **state)
{
    int fd[3];
    (void)state;
    server.cfg.max_connections = 3;
    server.on_open = vouch;
    server_start(&server);
    for (int i = 0; i < 3; i++)
        fd[i] = client_ws(&server);
    int extra = client_connect(&server);
    client_await_close(extra);
    close(extra);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_ACCEPT_SHED), 1);
    close(fd[0]);
    server_await(&server, SERVER_CLOSE, 1);
    while (mn_metrics_sum(server.metrics, MN_M_CONN_OPEN) > 2)
        pace_us(1000);
    fd[0] = client_ws(&server); /* room again */
    for (int i = 0; i < 3; i++)
        close(fd[i]);
}

static void want_of_descriptors_is_survived(void **state)
{
    struct rlimit before, tight;
    char line[1024];
    (void)state;
    server.on_open = vouch;
    server_start(&server);
    int kept = client_ws(&server);
    int waiting = socket(AF_INET, SOCK_STREAM, 0);
    int probe = dup(waiting);
    close(probe);
    getrlimit(RLIMIT_NOFILE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)probe; /* no descriptor at or above the next free one */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    getpeername(kept, (struct sockaddr *)&addr, &len);
    assert_int_equal(connect(waiting, (struct sockaddr *)&addr, len), 0);
    server_await_metric(&server, MN_M_ACCEPT_SHED, 1);
    client_await_close(waiting); /* told at once */
    client_ws_text(kept, "still here");
    client_ws_expect_text(kept, "still here");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(waiting);
    int fd = client_ws(&server); /* and it recovers */
    close(fd);
    close(kept);
    ssize_t n = read(server.log_fd, line, sizeof(line) - 1);
    assert_true(n > 0);
    line[n] = '\0';
    assert_non_null(strstr(line, "accept_failed"));
}

static rlim_t raise_descriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    mn_ignore(setrlimit(RLIMIT_NOFILE, &limit));
    return limit.rlim_cur;
}

static void crowd_that_never_sends(void **state)
{
    unsigned clients = raise_descriptors() > 8000 ? 3000 : 300;
    int *fd = mn_alloc_array(clients, sizeof(*fd));
    (void)state;
    server.cfg.loops = 2;
    server.cfg.handshake_timeout_ms = 1500;
    server_start(&server);
    for (unsigned i = 0; i < clients; i++)
        fd[i] = client_connect(&server);
    int talker = client_ws(&server); /* served meanwhile */
    client_ws_text(talker, "hello");
    client_ws_expect_text(talker, "hello");
    server_await_metric(&server, MN_M_ACCEPTED, clients + 1);
    server_await_metric(&server, MN_M_CLOSE_HANDSHAKE, clients);
    for (unsigned i = 0; i < clients; i++) {
        client_await_close(fd[i]);
        close(fd[i]);
    }
    client_ws_text(talker, "again");
    client_ws_expect_text(talker, "again");
    close(talker);
    mn_free(fd);
}

/* Slots are used again, ids are not; connections come and go on all loops at once. */
static void storm_of_short_connections(void **state)
{
    (void)state;
    server.cfg.loops = 2;
    server_start(&server);
    for (unsigned i = 0; i < 1000; i++) {
        int fd = client_connect(&server);
        if (i % 3 != 0)
            client_send_z(fd, i % 3 == 1 ? CLIENT_UPGRADE : "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        close(fd);
    }
    server_await_metric(&server, MN_M_ACCEPTED, 1000);
    int fd = client_ws(&server);
    client_ws_text(fd, "hello");
    client_ws_expect_text(fd, "hello");
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_net_listen(void)
{
    const struct CMUnitTest tests[] = {
        TEST(taken_port_is_an_error_that_names_it),
        TEST(two_addresses),
        TEST(ipv6_and_its_peers),
        TEST(restart_on_the_same_port),
        TEST(bucket_defers_but_loses_nobody),
        TEST(ceiling_on_connections),
        TEST(want_of_descriptors_is_survived),
        TEST(crowd_that_never_sends),
        TEST(storm_of_short_connections),
    };
    return cmocka_run_group_tests_name("net listen", tests, NULL, NULL);
}
