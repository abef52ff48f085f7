/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that behave in every wrong order at once, against a handler that
 * holds, closes, arms timers and is pushed to from other threads.  What is
 * judged is the end: the sanitizers, the leak epilogue of server_stop(), and
 * that a well-behaved client is still served.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "support/pace.h"
#include "unit/net/support.h"

#define CLIENT_THREADS 3
#define CONNECTIONS 150 /* a thread */
#define STEPS 12        /* a connection */

static struct server server;
static _Atomic bool over;

/* ---- the handler's side ------------------------------------------------ */

static void on_text(struct server *s, struct mn_conn *conn, char *p, size_t n)
{
    char first = n > 0 ? p[0] : ' ';
    (void)s;
    if (first != 'q')
        mn_ignore(mn_conn_send(conn, text_frame(p, n), MN_SEND_REPLY));
    if (first == 'h') { /* until the timer */
        mn_conn_hold(conn);
        mn_conn_set_timer(conn, mn_loop_mono_ms(mn_conn_loop(conn)) + 50);
    } else if (first == 'c') {
        mn_conn_close(conn, MN_CLOSE_APP, 1000, "Bye");
    } else if (first == 'r') { /* within one call */
        mn_conn_hold(conn);
        mn_conn_resume(conn);
    }
}

static void on_timer(struct server *s, struct mn_conn *conn)
{
    (void)s;
    mn_conn_resume(conn);
}

static void on_pressure(struct server *s, struct mn_conn *conn, bool congested)
{
    (void)s;
    if (!congested) /* as a resend would */
        mn_ignore(mn_conn_send(conn, text_frame("more", 4), MN_SEND_PUSH));
}

struct push {
    struct mn_task task;
    uint64_t conn_id;
    size_t n;
};

static void run_push(struct mn_task *task, struct mn_loop *loop)
{
    struct push *push = mn_container_of(task, struct push, task);
    struct mn_conn *conn = mn_loop_find(loop, push->conn_id);
    if (conn != NULL) {
        char *block = mn_alloc(push->n);
        mn_ignore(mn_conn_send(conn, text_frame(block, push->n), MN_SEND_PUSH));
        mn_free(block);
    }
    mn_free(push);
}

static void *push_to_the_latest(void *arg)
{
    struct mn_rng rng;
    (void)arg;
    mn_rng_seed(&rng, 99);
    while (!atomic_load(&over)) {
        uint64_t id = atomic_load(&server.last_id);
        struct mn_loop *loop = id != 0 ? mn_net_loop_of(server.net, id) : NULL;
        if (loop != NULL) {
            struct push *push = mn_new(struct push);
            *push = (struct push){
                .task.run = run_push, .conn_id = id, .n = 1 + (size_t)mn_rng_below(&rng, 20000)};
            mn_loop_post(loop, &push->task);
        }
        pace_us(20);
    }
    return NULL;
}

/* ---- the clients' side ------------------------------------------------- */

/* Sends what it can; the server may be gone. */
static bool try_send(int fd, const char *p, size_t n)
{
    return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool one_step(int fd, struct mn_rng *rng)
{
    static const char kinds[] = "hcreq echo";
    char out[3000], payload[2000], in[4096];
    memset(payload, kinds[mn_rng_below(rng, sizeof(kinds) - 1)], sizeof(payload));
    size_t n = (size_t)mn_rng_below(rng, sizeof(payload));
    size_t len = client_frame(out, 0x81, payload, n), cut;
    switch (mn_rng_below(rng, 9)) {
    case 0: /* in two pieces */
        cut = (size_t)mn_rng_below(rng, len);
        return try_send(fd, out, cut) && try_send(fd, out + cut, len - cut);
    case 1: /* fragments */
        out[0] = 0x01;
        if (!try_send(fd, out, len))
            return false;
        return try_send(fd, out, client_frame(out, mn_rng_below(rng, 4) ? 0x80 : 0x81, "x", 1));
    case 2:
        return try_send(fd, out, client_frame(out, 0x89, payload, n % 126));
    case 3:
        return recv(fd, in, sizeof(in), MSG_DONTWAIT) != 0;
    case 4: /* a frame that never ends */
        if (mn_rng_below(rng, 3) != 0)
            return true;
        mn_ignore(try_send(fd, out, len / 2));
        return false;
    case 5: /* garbage */
        if (mn_rng_below(rng, 4) != 0)
            return true;
        mn_rand_bytes(out, 100);
        return try_send(fd, out, 100);
    case 6:
        if (mn_rng_below(rng, 4) != 0)
            return true;
        mn_ignore(try_send(fd, out, client_frame(out, 0x88, "\x03\xe8", 2)));
        return false;
    default:
        return try_send(fd, out, len);
    }
}

static void end(int fd, struct mn_rng *rng)
{
    struct linger hard = {.l_onoff = 1};
    if (mn_rng_below(rng, 3) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
}

static void *misbehave(void *arg)
{
    struct mn_rng rng;
    mn_rng_seed(&rng, (uint64_t)(uintptr_t)arg);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        int fd = client_connect(&server);
        bool goes_on;
        if (mn_rng_below(&rng, 4) == 0)
            goes_on = try_send(
                fd, "GET /x HTTP/1.1\r\nHost: x\r\n\r\nPOST /y HTTP/1.1\r\nHost: x\r\nContent-Le",
                48);
        else
            goes_on = try_send(fd, CLIENT_UPGRADE, strlen(CLIENT_UPGRADE));
        for (unsigned step = 0; step < STEPS && goes_on; step++)
            goes_on = one_step(fd, &rng);
        end(fd, &rng);
    }
    return NULL;
}

static void everything_at_once(void **state)
{
    pthread_t client[CLIENT_THREADS], pusher;
    (void)state;
    atomic_store(&over, false);
    server_init(&server);
    server.cfg.loops = 2;
    server.cfg.low_watermark = 16 * 1024;
    server.cfg.high_watermark = 32 * 1024;
    server.cfg.close_unwritable_after_ms = 100;
    server.cfg.max_queued_bytes = 256 * 1024;
    server.cfg.handshake_timeout_ms = 500;
    server.cfg.reader_idle_ms = 500;
    server.on_text = on_text;
    server.on_timer = on_timer;
    server.on_pressure = on_pressure;
    server_start(&server);
    assert_int_equal(pthread_create(&pusher, NULL, push_to_the_latest, NULL), 0);
    for (uintptr_t i = 0; i < CLIENT_THREADS; i++)
        assert_int_equal(pthread_create(&client[i], NULL, misbehave, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < CLIENT_THREADS; i++)
        pthread_join(client[i], NULL);
    int fd = client_ws(&server);
    atomic_store(&over, true);
    pthread_join(pusher, NULL);
    client_send(fd, "\x89\x80\0\0\0\0", 6);
    struct client_frame *frame = mn_new(struct client_frame);
    do
        client_ws_read(fd, frame); /* pushes first */
    while (frame->first != 0x8a);
    mn_free(frame);
    close(fd);
    server_stop(&server);
}

int test_net_chaos(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_at_once),
    };
    return cmocka_run_group_tests_name("net chaos", tests, NULL, NULL);
}
