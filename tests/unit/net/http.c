/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP connections end to end: keep-alive, pipelining, answers from other threads, timeouts. */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/pace.h"
#include "unit/net/support.h"

static struct server server;

static int setup(void **state)
{
    (void)state;
    server_up(&server);
    return 0;
}

/* For tests that change the configuration first. */
static int setup_later(void **state)
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

static void expect_answer(int fd, unsigned status, const char *text)
{
    char buf[8192];
    assert_int_equal(client_read_answer(fd, buf, sizeof(buf)), status);
    const char *body = strstr(buf, "\r\n\r\n");
    assert_non_null(body);
    assert_string_equal(body + 4, text);
}

static void kept_alive(void **state)
{
    (void)state;
    int fd = client_connect(&server);
    for (int i = 0; i < 5; i++) {
        client_send_z(fd, "POST /p?q HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
        expect_answer(fd, 200, "POST /p?q [abc]");
    }
    close(fd);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_HTTP_REQUESTS), 5);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    char expected[64];
    (void)state;
    int fd = client_connect(&server);
    struct mn_buf all;
    mn_buf_init(&all, 1 << 20);
    for (int i = 0; i < 500; i++)
        mn_buf_addf(&all, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    client_send(fd, all.p, all.n);
    mn_buf_deinit(&all);
    for (int i = 0; i < 500; i++) {
        snprintf(expected, sizeof(expected), "GET /%d []", i);
        expect_answer(fd, 200, expected);
    }
    close(fd);
}

/* ---- answers from a worker thread, later ------------------------------- */

static struct mn_http_request *_Atomic parked;

static void park(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)s;
    (void)loop;
    MN_BUG_ON(atomic_load(&parked) != NULL); /* one at a time */
    atomic_store(&parked, req);
}

static void *answer_parked(void *arg)
{
    struct mn_http_request *req = atomic_exchange(&parked, NULL);
    (void)arg;
    server_describe(req);
    return NULL;
}

static void answer_on_a_thread(void)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_parked, NULL), 0);
    pthread_join(thread, NULL);
}

static void next_request_waits_for_the_answer(void **state)
{
    (void)state;
    server.on_http = park;
    int fd = client_connect(&server);
    client_send_z(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    server_await(&server, SERVER_HTTP, 1);
    client_send_z(fd, "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n"); /* waits in the kernel */
    assert_int_equal(server.count[SERVER_HTTP], 1);
    answer_on_a_thread();
    expect_answer(fd, 200, "GET /1 []");
    server_await(&server, SERVER_HTTP, 2);
    answer_on_a_thread();
    expect_answer(fd, 200, "GET /2 []");
    server_await(&server, SERVER_HTTP, 3);
    answer_on_a_thread();
    expect_answer(fd, 200, "GET /3 []");
    close(fd);
}

static void client_that_shuts_its_side_still_gets_the_answer(void **state)
{
    char buf[512];
    (void)state;
    server.on_http = park;
    int fd = client_connect(&server);
    client_send_z(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    server_await(&server, SERVER_HTTP, 1);
    answer_on_a_thread();
    client_read_all(fd, buf, sizeof(buf));
    assert_non_null(strstr(buf, "GET /1 []"));
    close(fd);
}

static void client_that_is_gone_costs_nothing(void **state)
{
    (void)state;
    server.on_http = park;
    int fd = client_connect(&server);
    struct linger hard = {.l_onoff = 1};
    client_send_z(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    server_await(&server, SERVER_HTTP, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
    answer_on_a_thread();
    server_await_metric(&server, MN_M_CLOSE_PEER, 1);
}

/* The net is freed while a worker still has the request. */
static void answer_after_the_stop(void **state)
{
    (void)state;
    server_init(&server);
    server.on_http = park;
    server_start(&server);
    int fd = client_connect(&server);
    client_send_z(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    server_await(&server, SERVER_HTTP, 1);
    mn_net_stop(server.net, 0);
    answer_on_a_thread();
    server_stop(&server);
    close(fd);
}

/* ---- forms of requests and answers ------------------------------------- */

static void chunked_request(void **state)
{
    (void)state;
    int fd = client_connect(&server);
    client_send_z(fd, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    expect_answer(fd, 200, "POST /c [abcde]");
    client_send_z(fd, "GET /d HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_answer(fd, 200, "GET /d []");
    close(fd);
}

static void head_has_no_body(void **state)
{
    char head[512];
    (void)state;
    int fd = client_connect(&server);
    client_send_z(fd, "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\nGET /g HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_head(fd, head, sizeof(head));
    assert_non_null(strstr(head, "Content-Length: 10\r\n"));
    expect_answer(fd, 200, "GET /g []");
    close(fd);
}

static void answer_everything(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)s;
    (void)loop;
    struct mn_http_response *res = mn_http_response_new(10);
    if (mn_str_is(req->path, "/204"))
        res->status = 204;
    if (mn_str_is(req->path, "/404"))
        res->status = 404;
    MN_BUG_ON(mn_http_response_header(res, "X-Split", MN_STR("a\r\nEvil: 1")) != MN_OK);
    if (mn_str_is(req->path, "/overflow"))
        mn_buf_add_z(&res->body, "more than ten bytes");
    res->close = mn_str_is(req->path, "/close");
    mn_http_respond(req, res);
}

static void forms_of_answers(void **state)
{
    char buf[1024];
    (void)state;
    server.on_http = answer_everything;
    int fd = client_connect(&server);
    client_send_z(fd, "GET /204 HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_head(fd, buf, sizeof(buf));
    assert_string_equal(buf, "HTTP/1.1 204 No Content\r\nX-Split: aEvil: 1\r\n\r\n");
    client_send_z(fd, "GET /404 HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_head(fd, buf, sizeof(buf));
    assert_memory_equal(buf, "HTTP/1.1 404 Not Found\r\n", 24);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_HTTP_4XX), 1);
    client_send_z(fd, "GET /close HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_all(fd, buf, sizeof(buf));
    assert_string_equal(buf, "HTTP/1.1 200 OK\r\nX-Split: aEvil: 1\r\nContent-Length: 0\r\n"
                             "Connection: close\r\n\r\n");
    close(fd);
    fd = client_connect(&server);
    client_send_z(fd, "GET /overflow HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read_all(fd, buf, sizeof(buf));
    assert_memory_equal(buf, "HTTP/1.1 500 ", 13);
    assert_non_null(strstr(buf, "{\"ok\":false,\"code\":50000,"));
    close(fd);
}

static void headers_have_a_ceiling(void **state)
{
    (void)state;
    struct mn_http_response *res = mn_http_response_new(10);
    char *value = mn_alloc(10000);
    memset(value, 'v', 10000);
    assert_int_equal(mn_http_response_header(res, "A", mn_str_make(value, 10000)), MN_OK);
    size_t before = res->headers.n;
    assert_int_equal(mn_http_response_header(res, "B", mn_str_make(value, 10000)), MN_ELIMIT);
    assert_int_equal(res->headers.n, before); /* the line is left out whole */
    assert_int_equal(mn_http_response_header(res, "C", MN_STR("c")), MN_OK);
    mn_http_response_free(res);
    mn_http_response_free(NULL);
    mn_free(value);
}

static void http_1_0_closes_unless_asked(void **state)
{
    char buf[512];
    (void)state;
    int fd = client_connect(&server);
    client_send_z(fd, "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(client_read_answer(fd, buf, sizeof(buf)), 200);
    assert_non_null(strstr(buf, "\r\nConnection: keep-alive\r\n"));
    client_send_z(fd, "GET /2 HTTP/1.0\r\n\r\n");
    client_read_all(fd, buf, sizeof(buf));
    assert_non_null(strstr(buf, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(buf, "GET /2 []"));
    close(fd);
}

static void expect_100_continue(void **state)
{
    char head[128];
    (void)state;
    int fd = client_connect(&server);
    client_send_z(
        fd, "POST /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_read_head(fd, head, sizeof(head));
    assert_string_equal(head, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send_z(fd, "hi");
    expect_answer(fd, 200, "POST /e [hi]");
    close(fd);
}

static void h2c_offer_is_ignored(void **state)
{
    (void)state;
    int fd = client_connect(&server);
    client_send_z(
        fd, "GET /g HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            "HTTP2-Settings: AAMAAABk\r\n\r\n"
            "POST /p HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
            "Content-Length: 2\r\n\r\nhi");
    expect_answer(fd, 200, "GET /g []");
    expect_answer(fd, 200, "POST /p [hi]");
    close(fd);
}

/* ---- bad input --------------------------------------------------------- */

static void expect_refusal(const char *text, char flood, size_t n, unsigned status)
{
    char buf[1024];
    int fd = client_connect(&server);
    client_send_z(fd, text);
    char *more = mn_alloc(n + 1);
    memset(more, flood, n);
    client_send(fd, more, n);
    mn_free(more);
    client_read_all(fd, buf, sizeof(buf));
    assert_int_equal(client_status(buf), status);
    assert_non_null(strstr(buf, "\r\nConnection: close\r\n"));
    assert_non_null(
        strstr(buf, "{\"ok\":false,\"code\":40000,\"message\":\"bad_request\",\"ts\":"));
    close(fd);
}

static void bad_requests_get_an_envelope_and_the_end(void **state)
{
    (void)state;
    expect_refusal("nonsense\r\n\r\n", 'x', 0, 400);
    expect_refusal("GET /", 'a', 5000, 414);
    expect_refusal("GET / HTTP/1.1\r\nHost: x\r\nX: ", 'a', 9000, 431);
    expect_refusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 'a', 0, 413);
    expect_refusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 'a', 65537, 413);
    expect_refusal(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        'a', 0, 400);
    assert_int_equal(mn_metrics_sum(server.metrics, MN_M_HTTP_4XX), 6);
    assert_int_equal(server.count[SERVER_HTTP], 0);
}

static void largest_body(void **state)
{
    char *out = mn_alloc(65537), *in = mn_alloc(70000);
    (void)state;
    memset(out, 'b', 65536);
    int fd = client_connect(&server);
    client_send_z(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n");
    client_send_z(fd, out);
    assert_int_equal(client_read_answer(fd, in, 70000), 200);
    assert_int_equal(strlen(strstr(in, "[b")), 65538);
    close(fd);
    mn_free(in);
    mn_free(out);
}

/* ---- time -------------------------------------------------------------- */

static void silence_is_closed_without_a_word(void **state)
{
    char buf[64];
    (void)state;
    server.cfg.handshake_timeout_ms = 100;
    server_start(&server);
    int fd = client_connect(&server);
    assert_int_equal(client_read_all(fd, buf, sizeof(buf)), 0);
    close(fd);
    server_await_metric(&server, MN_M_CLOSE_HANDSHAKE, 1);
}

static void slow_handshake_gets_408(void **state)
{
    char buf[512];
    (void)state;
    server.cfg.handshake_timeout_ms = 300;
    server_start(&server);
    int fd = client_connect(&server);
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    client_send_z(fd, "GET /ws HTTP/1.1\r\nHost: x\r\nA: ");
    while (poll(&answer, 1, 10) == 0) /* drips do not extend the time */
        client_send_z(fd, "x");
    client_read_all(fd, buf, sizeof(buf));
    assert_memory_equal(buf, "HTTP/1.1 408 ", 13);
    close(fd);
    server_await_metric(&server, MN_M_CLOSE_HANDSHAKE, 1);
}

static void idle_after_an_answer(void **state)
{
    char buf[64];
    (void)state;
    server.cfg.http_idle_ms = 100;
    server_start(&server);
    int fd = client_connect(&server);
    client_send_z(fd, "GET /g HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_answer(fd, 200, "GET /g []");
    assert_int_equal(client_read_all(fd, buf, sizeof(buf)), 0);
    close(fd);
    server_await_metric(&server, MN_M_CLOSE_IDLE, 1);
}

/* ---- answers that the peer does not take ------------------------------- */

#define BIG ((size_t)8 << 20)

static void answer_big(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)s;
    (void)loop;
    struct mn_http_response *res = mn_http_response_new(BIG);
    MN_BUG_ON(mn_buf_reserve(&res->body, BIG) != MN_OK);
    memset(res->body.p, 'z', BIG);
    res->body.n = BIG;
    res->close = mn_str_is(req->path, "/last");
    mn_http_respond(req, res);
}

static void long_answers_are_not_cut_and_hold_up_the_next_request(void **state)
{
    char head[256], *body = mn_alloc(BIG);
    (void)state;
    server.on_http = answer_big;
    int fd = client_connect(&server);
    client_send_z(
        fd,
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n");
    server_await(&server, SERVER_HTTP, 1);
    assert_int_equal(server.count[SERVER_HTTP], 1); /* 8 MiB are queued: no next one meanwhile */
    for (int i = 0; i < 3; i++) {
        client_read_head(fd, head, sizeof(head));
        client_read(fd, body, BIG);
        assert_int_equal(body[0], 'z');
        assert_int_equal(body[BIG - 1], 'z');
    }
    assert_int_equal(client_read_all(fd, head, sizeof(head)), 0);
    close(fd);
    mn_free(body);
}

static char big[BIG]; /* never freed nor changed */

static void answer_borrowed(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)s;
    (void)loop;
    struct mn_http_response *res = mn_http_response_new(100);
    mn_buf_add_z(&res->body, "printed, and not sent");
    res->body_ref = mn_str_make(big, mn_str_is(req->path, "/none") ? 0 : BIG);
    res->status = mn_str_is(req->path, "/304") ? 304 : 200;
    mn_http_respond(req, res);
}

/* The peer reads nothing until all four are answered: what waits for it costs no memory. */
static void borrowed_bodies_are_sent_as_they_are(void **state)
{
    char head[256], *body = mn_alloc(BIG);
    (void)state;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 31 >> 8);
    server.on_http = answer_borrowed;
    int fd = client_connect(&server);
    client_send_z(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: x\r\n\r\n"
                      "GET /304 HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n"
                      "GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
    server_await(&server, SERVER_HTTP, 5);
    server_await_metric(&server, MN_M_BYTES_QUEUED, 1);
    assert_in_range(mn_metrics_sum(server.metrics, MN_M_BYTES_QUEUED), 1, 16 * 1024);
    client_read_head(fd, head, sizeof(head));
    assert_string_equal(head, "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
    client_read(fd, body, BIG);
    assert_memory_equal(body, big, BIG);
    client_read_head(fd, head, sizeof(head));
    assert_string_equal(head, "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n");
    client_read_head(fd, head, sizeof(head));
    assert_string_equal(head, "HTTP/1.1 304 Not Modified\r\n\r\n");
    client_read_head(fd, head, sizeof(head));
    assert_string_equal(head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client_read_head(fd, head, sizeof(head));
    client_read(fd, body, BIG);
    assert_memory_equal(body, big, BIG);
    close(fd);
    mn_free(body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_LATER(name) cmocka_unit_test_setup_teardown(name, setup_later, teardown)

int test_net_http(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kept_alive),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(next_request_waits_for_the_answer),
        TEST(client_that_shuts_its_side_still_gets_the_answer),
        TEST(client_that_is_gone_costs_nothing),
        cmocka_unit_test(answer_after_the_stop),
        TEST(chunked_request),
        TEST(head_has_no_body),
        TEST(forms_of_answers),
        cmocka_unit_test(headers_have_a_ceiling),
        TEST(http_1_0_closes_unless_asked),
        TEST(expect_100_continue),
        TEST(h2c_offer_is_ignored),
        TEST(bad_requests_get_an_envelope_and_the_end),
        TEST(largest_body),
        TEST_LATER(silence_is_closed_without_a_word),
        TEST_LATER(slow_handshake_gets_408),
        TEST_LATER(idle_after_an_answer),
        TEST(long_answers_are_not_cut_and_hold_up_the_next_request),
        TEST(borrowed_bodies_are_sent_as_they_are),
    };
    return cmocka_run_group_tests_name("net http", tests, NULL, NULL);
}
