/* SPDX-License-Identifier: Apache-2.0 */
/* Time and threads: timers, idle connections, posted tasks, reload, drain, stop. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/net_internal.h"
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

/* ---- timers ------------------------------------------------------------ */

static _Atomic uint64_t timer_armed_ms, timer_fired_ms;

static void arm_on_text(struct server *s, struct mn_conn *conn, char *p, size_t n)
{
    (void)s;
    (void)n;
    uint64_t now_ms = mn_loop_mono_ms(mn_conn_loop(conn));
    switch (p[0]) {
    case 'a': /* arm */
        mn_conn_set_timer(conn, now_ms + 120);
        break;
    case 'l': /* later, then clear */
        mn_conn_set_timer(conn, now_ms + 60);
        mn_conn_set_timer(conn, now_ms + 5000);
        mn_conn_set_timer(conn, 0);
        break;
    default: /* in the past */
        mn_conn_set_timer(conn, 1);
        break;
    }
    timer_armed_ms = now_ms;
}

static void note_timer(struct server *s, struct mn_conn *conn)
{
    (void)s;
    timer_fired_ms = mn_loop_mono_ms(mn_conn_loop(conn));
    mn_conn_close(conn, MN_CLOSE_APP, 1000, "Bye");
}

static void timer_fires_once_in_time(void **state)
{
    (void)state;
    server.on_text = arm_on_text;
    server.on_timer = note_timer;
    server_start(&server);
    int fd = client_ws(&server);
    client_ws_text(fd, "a");
    client_ws_expect_close(fd, 1000, "Bye");
    close(fd);
    assert_true(timer_fired_ms - timer_armed_ms >= 120); /* by the loop's own clock */
    fd = client_ws(&server);
    client_ws_text(fd, "p");
    client_ws_expect_close(fd, 1000, "Bye");
    close(fd);
    assert_int_equal(server.count[SERVER_TIMER], 2);
}

static void cleared_timer_does_not_fire(void **state)
{
    (void)state;
    server.on_text = arm_on_text;
    server.cfg.reader_idle_ms = 400;
    server_start(&server);
    int fd = client_ws(&server);
    client_ws_text(fd, "l");
    client_ws_expect_close(fd, 1000, "Bye"); /* by the reader's idleness, later than the timer */
    close(fd);
    assert_int_equal(server.count[SERVER_TIMER], 0);
    server_await_closed(&server, MN_CLOSE_IDLE, 1);
}

static void any_input_keeps_the_connection(void **state)
{
    (void)state;
    server.cfg.reader_idle_ms = 2000;
    server_start(&server);
    int fd = client_ws(&server), silent = client_ws(&server);
    while (atomic_load(&server.count[SERVER_CLOSE]) == 0) { /* until the later one is closed */
        client_ws_send(fd, 0x8a, "", 0);                    /* pongs are enough */
        pace_us(20000);
    }
    client_ws_expect_close(silent, 1000, "Bye");
    assert_int_equal(server.count[SERVER_CLOSE], 1);
    client_ws_expect_close(fd, 1000, "Bye");
    close(silent);
    close(fd);
}

static void writer_idle_repeats(void **state)
{
    (void)state;
    server.cfg.writer_idle_ms = 100;
    server_start(&server);
    int fd = client_ws(&server);
    server_await(&server, SERVER_WRITER_IDLE, 3);
    close(fd);
}

/* ---- tasks ------------------------------------------------------------- */

#define POSTERS 4
#define POSTS 5000

struct numbered {
    struct mn_task task;
    unsigned poster, number;
    unsigned *next; /* expected number by poster; on the loop's thread */
    _Atomic unsigned *done;
};

static void run_numbered(struct mn_task *task, struct mn_loop *loop)
{
    struct numbered *numbered = mn_container_of(task, struct numbered, task);
    (void)loop;
    MN_BUG_ON(numbered->next[numbered->poster] != numbered->number);
    numbered->next[numbered->poster]++;
    atomic_fetch_add(numbered->done, 1);
    mn_free(numbered);
}

struct poster {
    unsigned index;
    unsigned *next;
    _Atomic unsigned *done;
};

static void *post_many(void *arg)
{
    struct poster *poster = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        struct numbered *n = mn_new(struct numbered);
        *n = (struct numbered){.task.run = run_numbered,
                               .poster = poster->index,
                               .number = i,
                               .next = poster->next,
                               .done = poster->done};
        mn_loop_post(mn_net_loop(server.net, 0), &n->task);
    }
    return NULL;
}

static void run_nothing(struct mn_loop *loop, void *arg)
{
    (void)loop;
    (void)arg;
}

static void tasks_keep_their_order_per_thread(void **state)
{
    unsigned next[POSTERS] = {0};
    _Atomic unsigned done = 0;
    pthread_t thread[POSTERS];
    struct poster poster[POSTERS];
    (void)state;
    server_start(&server);
    for (unsigned i = 0; i < POSTERS; i++) {
        poster[i] = (struct poster){i, next, &done};
        assert_int_equal(pthread_create(&thread[i], NULL, post_many, &poster[i]), 0);
    }
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(thread[i], NULL);
    server_run(&server, 0, run_nothing, NULL); /* behind all of them */
    assert_int_equal(done, POSTERS * POSTS);
}

static void send_to_last(struct mn_loop *loop, void *arg)
{
    (void)arg;
    struct mn_conn *conn = mn_loop_find(loop, server.last_id);
    mn_ignore(mn_conn_send(conn, text_frame("pushed", 6), MN_SEND_PUSH));
}

static void what_a_task_queues_leaves_in_the_same_turn(void **state)
{
    (void)state;
    server_start(&server);
    int fd = client_ws(&server);
    server_run(&server, 0, send_to_last, NULL);
    client_ws_expect_text(fd, "pushed");
    close(fd);
    server_await(&server, SERVER_CLOSE, 1);
}

static void find_nothing(struct mn_task *task, struct mn_loop *loop)
{
    MN_BUG_ON(mn_loop_find(loop, server.last_id) != NULL);
    mn_free(task);
    atomic_fetch_add(&server.count[SERVER_TIMER], 1);
}

static void tasks_after_the_stop_run_when_freed(void **state)
{
    (void)state;
    server_init(&server);
    server_start(&server);
    int fd = client_ws(&server);
    mn_net_stop(server.net, 0);
    struct mn_task *task = mn_new(struct mn_task);
    task->run = find_nothing;
    mn_loop_post(mn_net_loop_of(server.net, server.last_id), task);
    server_stop(&server);
    assert_int_equal(server.count[SERVER_TIMER], 1);
    close(fd);
}

/* Posts one task after the other, the loop's end or not, until told to stop. */
struct stubborn {
    _Atomic bool stop;
    _Atomic unsigned posted, done;
};

struct counted {
    struct mn_task task;
    _Atomic unsigned *done;
};

static void run_counted(struct mn_task *task, struct mn_loop *loop)
{
    struct counted *counted = mn_container_of(task, struct counted, task);
    (void)loop;
    atomic_fetch_add(counted->done, 1);
    mn_free(counted);
}

static void *post_stubbornly(void *arg)
{
    struct stubborn *stubborn = arg;
    while (!atomic_load(&stubborn->stop)) {
        struct counted *counted = mn_new(struct counted);
        *counted = (struct counted){.task.run = run_counted, .done = &stubborn->done};
        atomic_fetch_add(&stubborn->posted, 1);
        mn_loop_post(mn_net_loop(server.net, 0), &counted->task);
    }
    return NULL;
}

static void tasks_posted_while_it_stops_are_run(void **state)
{
    enum { ROUNDS = 20, THREADS = 3 };
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct stubborn stubborn = {0};
        pthread_t thread[THREADS];
        server_up(&server);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, post_stubbornly, &stubborn), 0);
        while (atomic_load(&stubborn.done) == 0)
            sched_yield();
        mn_net_stop(server.net, 0);
        atomic_store(&stubborn.stop, true);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        server_stop(&server);
        assert_int_equal(stubborn.done, stubborn.posted);
    }
}

static void *stop_net(void *arg)
{
    mn_net_stop(arg, 0);
    return NULL;
}

static bool takes_wakes(struct mn_loop *loop)
{
    pthread_mutex_lock(&loop->post.lock);
    bool is_open = loop->post.is_open;
    pthread_mutex_unlock(&loop->post.lock);
    return is_open;
}

/* The handle that wakes the loop outlives everybody who is about to use it. */
static void the_end_waits_for_those_who_wake(void **state)
{
    enum { LOOKS = 1000 };
    pthread_t thread;
    (void)state;
    server_up(&server);
    struct mn_loop *loop = mn_net_loop(server.net, 0);
    atomic_fetch_add(&loop->post.wakers, 1); /* as if about to wake it */
    assert_int_equal(pthread_create(&thread, NULL, stop_net, server.net), 0);
    while (takes_wakes(loop))
        sched_yield();
    for (unsigned i = 0; i < LOOKS; i++) {
        assert_false(uv_is_closing((uv_handle_t *)&loop->wake_poll));
        sched_yield();
    }
    atomic_fetch_sub(&loop->post.wakers, 1);
    pthread_join(thread, NULL);
    server_stop(&server);
}

struct at_work {
    struct mn_task task;
    _Atomic bool began, may_end;
};

static void work(struct mn_task *task, struct mn_loop *loop)
{
    struct at_work *at_work = mn_container_of(task, struct at_work, task);
    (void)loop;
    atomic_store(&at_work->began, true);
    while (!atomic_load(&at_work->may_end))
        sched_yield();
}

/* No system call for a loop that will look by itself, and none of the tasks is forgotten. */
static void nobody_wakes_a_loop_that_is_awake(void **state)
{
    struct at_work first = {.task.run = work}, second = {.task.run = work, .may_end = true};
    (void)state;
    server_start(&server);
    struct mn_loop *loop = mn_net_loop(server.net, 0);
    mn_loop_post(loop, &first.task);
    while (!atomic_load(&first.began))
        sched_yield();
    struct pollfd woken = {.fd = loop->wake_fd, .events = POLLIN};
    uint64_t count;
    mn_ignore(read(loop->wake_fd, &count, sizeof(count)));
    mn_loop_post(loop, &second.task);
    assert_int_equal(poll(&woken, 1, 0), 0);
    atomic_store(&first.may_end, true);
    server_run(&server, 0, run_nothing, NULL); /* behind both: they are on this stack */
    assert_true(atomic_load(&second.began));
}

/* A handler that waits inside the poll phase, a task, and what the frame behind it has seen. */
static struct {
    struct mn_task task;
    _Atomic bool in_poll, may_go_on, ran, ran_before;
} order;

static void note_run(struct mn_task *task, struct mn_loop *loop)
{
    (void)task;
    (void)loop;
    atomic_store(&order.ran, true);
}

static void wait_or_look(struct server *s, struct mn_conn *conn, char *p, size_t n)
{
    (void)s;
    if (p[0] == 'w') {
        atomic_store(&order.in_poll, true);
        while (!atomic_load(&order.may_go_on))
            sched_yield();
    } else {
        atomic_store(&order.ran_before, atomic_load(&order.ran));
    }
    mn_ignore(mn_conn_send(conn, text_frame(p, n), MN_SEND_REPLY));
}

/*
 * Who posts and then has something sent is sure that the task comes first,
 * also on a connection that was ready before: one that sent half a frame
 * while the loop is still busy with another.  A reload among the tasks moves
 * the buffer that was read into.
 */
static void a_task_comes_before_the_frame_behind_it(void **state)
{
    static struct at_work first;
    char frame[64];
    (void)state;
    memset(&first, 0, sizeof(first));
    memset(&order, 0, sizeof(order));
    first.task.run = work;
    order.task.run = note_run;
    server.on_text = wait_or_look;
    server_start(&server);
    int fd = client_ws(&server), other = client_ws(&server);
    size_t n = client_frame(frame, 0x81, "look", 4);
    int at_once = 1; /* the rest of the frame does not wait for the first part's TCP ACK */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
    mn_loop_post(mn_net_loop(server.net, 0), &first.task);
    while (!atomic_load(&first.began))
        sched_yield();
    client_ws_text(other, "wait"); /* both are ready when the loop polls next */
    client_send(fd, frame, n - 1);
    atomic_store(&first.may_end, true);
    while (!atomic_load(&order.in_poll))
        sched_yield();
    mn_loop_post(mn_net_loop(server.net, 0), &order.task);
    server.cfg.max_message = 1000000;
    mn_net_reload(server.net, &server.cfg);
    client_send(fd, frame + n - 1, 1);
    atomic_store(&order.may_go_on, true);
    client_ws_expect_text(other, "wait");
    client_ws_expect_text(fd, "look");
    assert_true(atomic_load(&order.ran_before));
    server_run(&server, 0, run_nothing, NULL); /* behind all tasks of this test */
    close(fd);
    close(other);
}

/* ---- several loops ----------------------------------------------------- */

static void connections_spread_over_loops(void **state)
{
    enum { CLIENTS = 64, LOOPS = 3 };
    int fd[CLIENTS];
    unsigned per_loop[LOOPS] = {0};
    (void)state;
    server.cfg.loops = LOOPS;
    server_start(&server);
    assert_int_equal(mn_net_loop_count(server.net), LOOPS);
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = client_ws(&server);
        struct mn_loop *loop = mn_net_loop_of(server.net, server.last_id);
        per_loop[mn_loop_index(loop)]++;
    }
    for (int i = 0; i < LOOPS; i++)
        assert_true(per_loop[i] > 0);
    assert_null(mn_net_loop_of(server.net, UINT64_C(200) << 56));
    for (int i = 0; i < CLIENTS; i++)
        close(fd[i]);
}

static void reload_changes_limits(void **state)
{
    (void)state;
    server_start(&server);
    server.cfg.max_message = 10;
    server.cfg.reader_idle_ms = 200;
    mn_net_reload(server.net, &server.cfg);
    server_run(&server, 0, run_nothing, NULL);
    int fd = client_ws(&server);
    client_ws_text(fd, "0123456789");
    client_ws_expect_text(fd, "0123456789");
    client_ws_expect_close(fd, 1000, "Bye");
    close(fd);
    fd = client_ws(&server);
    client_ws_text(fd, "0123456789a");
    client_ws_expect_close(fd, 1009, "Max frame length of 10 has been exceeded.");
    close(fd);
}

/* ---- leaving ----------------------------------------------------------- */

enum { DRAINED = 200 };

static void drain_clients(int *fd, uint32_t spread_ms)
{
    server_start(&server);
    for (int i = 0; i < DRAINED; i++)
        fd[i] = client_ws(&server);
    mn_net_drain(server.net, spread_ms);
}

static void drain_is_spread_over_its_time(void **state)
{
    int fd[DRAINED];
    (void)state;
    drain_clients(fd, 60000);
    server_await_closed(&server, MN_CLOSE_SHUTDOWN, 3); /* about a second of the minute */
    assert_true(atomic_load(&server.closed[MN_CLOSE_SHUTDOWN]) < DRAINED / 2);
    for (int i = 0; i < DRAINED; i++)
        close(fd[i]);
}

static void drain_tells_everybody(void **state)
{
    int fd[DRAINED];
    (void)state;
    drain_clients(fd, 200);
    server_await_closed(&server, MN_CLOSE_SHUTDOWN, DRAINED);
    for (int i = 0; i < DRAINED; i++) {
        client_ws_expect_close(fd[i], 1012, "server restarting");
        close(fd[i]);
    }
}

static struct mn_http_request *_Atomic parked;

static void park(struct server *s, struct mn_loop *loop, struct mn_http_request *req)
{
    (void)s;
    (void)loop;
    atomic_store(&parked, req);
}

static void drain_ends_http_after_the_answer(void **state)
{
    char buf[512];
    (void)state;
    server.on_http = park;
    server_start(&server);
    int idle = client_connect(&server), busy = client_connect(&server);
    int late = client_connect(&server);
    client_send_z(late, "GET /ws HTTP/1.1\r\nHost"); /* an upgrade that is under way */
    client_send_z(busy, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    server_await(&server, SERVER_HTTP, 1);
    server_await_metric(&server, MN_M_BYTES_IN, 41);
    server_await_metric(&server, MN_M_ACCEPTED, 3);
    mn_net_drain(server.net, 60000);
    assert_int_equal(client_read_all(idle, buf, sizeof(buf)), 0);
    client_send_z(late,
                  ": x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n"
                  "Sec-WebSocket-Version: 13\r\nOrigin: http://o\r\n\r\n");
    client_read_all(late, buf, sizeof(buf));
    assert_memory_equal(buf, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(buf, "\r\nX-Origin: http://o\r\n"));
    server_describe(atomic_exchange(&parked, NULL));
    client_read_all(busy, buf, sizeof(buf));
    assert_non_null(strstr(buf, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(buf, "GET /b []"));
    close(idle);
    close(busy);
    close(late);
}

static void stop_tells_and_ends_everybody(void **state)
{
    char buf[64];
    (void)state;
    server_init(&server);
    server.cfg.loops = 2;
    server_start(&server);
    int fd = client_ws(&server), silent = client_connect(&server);
    server_await_metric(&server, MN_M_ACCEPTED, 2);
    mn_net_stop(server.net, 10 * 60000); /* the client does not answer: not waited for that long */
    client_ws_expect_close(fd, 1012, "server restarting");
    assert_int_equal(client_read_all(silent, buf, sizeof(buf)), 0);
    server_stop(&server);
    close(fd);
    close(silent);
}

static void net_that_never_started(void **state)
{
    struct mn_net_ws_handler ws = {0};
    struct mn_net_http_handler http = {0};
    struct mn_net *net = NULL;
    char why[256];
    (void)state;
    server_init(&server);
    struct mn_metrics *metrics = mn_metrics_new();
    mn_log_init(&server.log, MN_LOG_ERROR, MN_LOG_TEXT);
    assert_int_equal(mn_net_new(&server.cfg, &ws, &http, &server.log, metrics, &net, why), MN_OK);
    mn_net_drain(net, 0);
    mn_net_free(net);
    server.cfg.loops = 0;
    assert_int_equal(mn_net_new(&server.cfg, &ws, &http, &server.log, metrics, &net, why),
                     MN_EINVAL);
    mn_metrics_free(metrics);
    mn_net_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_net_life(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timer_fires_once_in_time),
        TEST(cleared_timer_does_not_fire),
        TEST(any_input_keeps_the_connection),
        TEST(writer_idle_repeats),
        TEST(tasks_keep_their_order_per_thread),
        TEST(what_a_task_queues_leaves_in_the_same_turn),
        cmocka_unit_test(tasks_after_the_stop_run_when_freed),
        cmocka_unit_test(tasks_posted_while_it_stops_are_run),
        cmocka_unit_test(the_end_waits_for_those_who_wake),
        TEST(nobody_wakes_a_loop_that_is_awake),
        TEST(a_task_comes_before_the_frame_behind_it),
        TEST(connections_spread_over_loops),
        TEST(reload_changes_limits),
        TEST(drain_is_spread_over_its_time),
        TEST(drain_tells_everybody),
        TEST(drain_ends_http_after_the_answer),
        cmocka_unit_test(stop_tells_and_ends_everybody),
        cmocka_unit_test(net_that_never_started),
    };
    return cmocka_run_group_tests_name("net life", tests, NULL, NULL);
}
