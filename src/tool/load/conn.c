/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client connection of the load generator: TCP connect, upgrade, AUTH,
 * then frames to the mode; backoff and reconnect when it goes.
 * Thread: the one that owns the connection (see load.h).
 *
 * A connection has no input buffer of its own: bytes are read into the
 * thread's buffer, and only an incomplete frame is kept.  One timer serves
 * all its states: limit of an attempt, wait before the next, and a slow
 * reader's pause.  It is restarted by that timer only, never inside an
 * event, so an event can not meet another socket than its own.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/load/load.h"
#include "tool/load/logins.h"

/* Longest message that a client takes; the server's limit is 65536 (W-1.3). */
#define MESSAGE_MAX (128 * 1024)
#define RBUF_SIZE (256 * 1024)
/* A slow reader takes little from the kernel at a time, or it would not be slow for the server. */
#define SLOW_READ 2048
#define NO_READ_RCVBUF 4096
/* More than the kernel keeps for one connection (net.ipv4.tcp_wmem and tcp_rmem, 4 and 6 MiB). */
#define DEAF_DATA_MAX (16 * 1024 * 1024)
/* A kept piece of a frame beyond this is freed when it is used up. */
#define KEEP_MAX 1024

size_t load_conn_rbuf_size(void) { return RBUF_SIZE; }

/* ---- going ---- */

static uint64_t backoff_ns(struct load_thread *th, const struct load_conn *conn)
{
    const struct opts *opts = th->run->opts;
    unsigned doublings = conn->failures < 20 ? conn->failures : 20;
    uint64_t cap = opts->backoff_base_ns << doublings;
    if (cap > opts->backoff_max_ns || cap >> doublings != opts->backoff_base_ns)
        cap = opts->backoff_max_ns;
    uint64_t wait = mn_rng_below(&th->rng, cap + 1);
    uint64_t told = (uint64_t)conn->retry_after_ms * 1000000;
    return wait > told ? wait : told;
}

static void release(struct load_thread *th, struct load_conn *conn)
{
    if (th->out_conn == conn) {
        th->out_conn = NULL;
        th->wbuf_n = 0;
    }
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    conn->want_write = false;
    conn->paused = false;
    mn_ws_rx_deinit(&conn->rx);
    mn_buf_deinit(&conn->in);
    mn_buf_deinit(&conn->out);
}

/* It is down: waits for its next attempt, or is given up. */
static void plan_next(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    bool again = (th->run->opts->reconnect || conn->recovering) && th->phase != LOAD_STOP;
    if (again) {
        conn->state = LOAD_CONN_IDLE;
        load_timer_set(th, conn, now_ns + backoff_ns(th, conn));
        conn->failures++;
        conn->retry_after_ms = 0;
        return;
    }
    conn->state = LOAD_CONN_DEAD;
    atomic_fetch_add_explicit(&th->dead, 1, memory_order_relaxed);
    load_timer_set(th, conn, UINT64_MAX);
}

/* An attempt came to nothing. */
static void fail(struct load_thread *th, struct load_conn *conn, const char *stage,
                 struct mn_str cause, uint64_t now_ns)
{
    char text[40];
    snprintf(text, sizeof text, "%s: %.*s", stage, (int)(cause.n < 28 ? cause.n : 28), cause.p);
    load_reason_add(&th->failures, mn_str_c(text), 1);
    th->count.connect_failures++;
    release(th, conn);
    plan_next(th, conn, now_ns);
}

static const char *stage_name(const struct load_conn *conn)
{
    switch ((enum load_conn_state)conn->state) {
    case LOAD_CONN_CONNECTING:
        return "connect";
    case LOAD_CONN_UPGRADING:
        return "upgrade";
    case LOAD_CONN_AUTHING:
        return "auth";
    case LOAD_CONN_READY:
        return "lost";
    case LOAD_CONN_IDLE:
    case LOAD_CONN_DEAD:
        break;
    }
    return "idle";
}

static void go_down(struct load_thread *th, struct load_conn *conn, bool ours, uint64_t now_ns)
{
    bool was_ready = conn->state == LOAD_CONN_READY;
    release(th, conn);
    if (was_ready) {
        atomic_fetch_sub_explicit(&th->ready, 1, memory_order_relaxed);
        th->count.connections_lost += !ours;
    }
    conn->state = LOAD_CONN_IDLE;
    if (was_ready && th->run->mode->on_down)
        th->run->mode->on_down(th, conn, now_ns);
    plan_next(th, conn, now_ns);
}

void load_conn_drop(struct load_thread *th, struct load_conn *conn, bool ours, uint64_t now_ns)
{
    if (conn->fd >= 0)
        go_down(th, conn, ours, now_ns);
}

/* The peer, the network or our limit ended it. */
static void broke(struct load_thread *th, struct load_conn *conn, struct mn_str cause,
                  uint64_t now_ns)
{
    if (conn->state != LOAD_CONN_READY) {
        fail(th, conn, stage_name(conn), cause, now_ns);
        return;
    }
    char text[40];
    snprintf(text, sizeof text, "lost: %.*s", (int)(cause.n < 30 ? cause.n : 30), cause.p);
    load_reason_add(&th->failures, mn_str_c(text), 1);
    go_down(th, conn, false, now_ns);
}

void load_conn_bye(struct load_thread *th, struct load_conn *conn)
{
    if (conn->fd < 0)
        return;
    if (conn->state == LOAD_CONN_READY) {
        char *out = load_out_room(th, conn, 16);
        if (out)
            load_out_commit(th, wire_control(out, conn->mask, MN_WS_OP_CLOSE,
                                             mn_str_make("\x03\xe8", 2)));
        load_out_flush(th);
        atomic_fetch_sub_explicit(&th->ready, 1, memory_order_relaxed);
    }
    release(th, conn);
    conn->state = LOAD_CONN_DEAD;
}

/* ---- coming ---- */

static void bind_source(struct load_thread *th, struct load_conn *conn)
{
    unsigned count = th->run->source_addresses;
    if (count < 2)
        return;
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + conn->index % count);
    /* The port is chosen at connect, when both ends are known: one port serves many servers. */
    mn_ignore(setsockopt(conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on));
    mn_ignore(bind(conn->fd, (struct sockaddr *)&from, sizeof from));
}

static const struct load_target *target_of(const struct load_run *run, uint32_t index)
{
    if (run->opts->role_pinned && run->target_count > 1)
        return index % 2 == 0 ? &run->targets[0]
                              : &run->targets[1 + index / 2 % (run->target_count - 1)];
    return &run->targets[index % run->target_count];
}

static void send_upgrade(struct load_thread *th, struct load_conn *conn)
{
    const struct load_target *target = target_of(th->run, conn->index);
    conn->state = LOAD_CONN_UPGRADING;
    load_conn_arm(th, conn);
    char *out = load_out_room(th, conn, target->request_len);
    memcpy(out, target->request, target->request_len);
    load_out_commit(th, target->request_len);
    th->count.frames_out--; /* no frame */
}

/* A client without an account: no attempt can help it. */
static void fail_login(struct load_thread *th, struct load_conn *conn)
{
    char text[40];
    snprintf(text, sizeof text, "login: %s", logins_cause(th->run->logins, conn->index));
    load_reason_add(&th->failures, mn_str_c(text), 1);
    th->count.connect_failures++;
    conn->state = LOAD_CONN_DEAD;
    atomic_fetch_add_explicit(&th->dead, 1, memory_order_relaxed);
}

void load_conn_start(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    const struct load_target *target = target_of(th->run, conn->index);
    if (conn->uid == 0) {
        fail_login(th, conn);
        return;
    }
    th->count.connect_attempts++;
    conn->started_ns = now_ns;
    conn->state = LOAD_CONN_CONNECTING;
    mn_ws_rx_init(&conn->rx, MN_WS_CLIENT, MESSAGE_MAX);
    mn_buf_init(&conn->in, RBUF_SIZE);
    load_out_init(conn);
    conn->fd = socket(target->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0) {
        fail(th, conn, "socket", mn_str_c(strerrorname_np(errno)), now_ns);
        return;
    }
    int on = 1;
    int rcvbuf = NO_READ_RCVBUF;
    mn_ignore(setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    if (conn->kind == LOAD_CONN_NO_READ)
        mn_ignore(setsockopt(conn->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf));
    if (target->is_loopback4)
        bind_source(th, conn);
    if (connect(conn->fd, (const struct sockaddr *)&target->addr, target->addr_len) != 0 &&
        errno != EINPROGRESS) {
        fail(th, conn, "connect", mn_str_c(strerrorname_np(errno)), now_ns);
        return;
    }
    struct epoll_event ev = {.events = EPOLLOUT, .data.ptr = conn};
    MN_BUG_ON(epoll_ctl(th->epfd, EPOLL_CTL_ADD, conn->fd, &ev) != 0);
    load_timer_set(th, conn, now_ns + th->run->opts->timeout_ns);
}

static void connected(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    int err = 0;
    socklen_t len = sizeof err;
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
        err = errno;
    if (err) {
        fail(th, conn, "connect", mn_str_c(strerrorname_np(err)), now_ns);
        return;
    }
    uint64_t none = 0;
    atomic_compare_exchange_strong(&th->run->first_up_ns, &none, now_ns);
    send_upgrade(th, conn);
}

static void send_auth(struct load_thread *th, struct load_conn *conn)
{
    char token[MN_JWT_MAX];
    if (load_run_token(th->run, conn->index, token) != MN_OK)
        return; /* the limit of the attempt ends it */
    char *out = load_out_room(th, conn, MN_JWT_MAX + 64);
    load_out_commit(th, wire_auth(out, conn->mask, mn_str_c(token)));
    conn->state = LOAD_CONN_AUTHING;
}

/* Returns the bytes of the response head, 0 when it is incomplete or the connection went. */
static size_t take_upgrade(struct load_thread *th, struct load_conn *conn, const char *p, size_t n,
                           uint64_t now_ns)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    bool refused = n >= 12 && memcmp(p + 8, " 101", 4) != 0;
    if (!end && !refused)
        return 0;
    if (refused) {
        fail(th, conn, "upgrade", mn_str_make(p + 9, 3), now_ns);
        return 0;
    }
    send_auth(th, conn);
    return (size_t)(end - p) + 4;
}

static void become_ready(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    conn->state = LOAD_CONN_READY;
    conn->failures = 0;
    th->count.authenticated++;
    atomic_fetch_add_explicit(&th->ready, 1, memory_order_relaxed);
    if (conn->recovering) {
        conn->recovering = false;
        th->recovering--;
    }
    mn_hist_add(th->hist.connect, now_ns - conn->started_ns);
    load_timer_set(th, conn, UINT64_MAX);
    if (conn->kind == LOAD_CONN_NO_READ) {
        conn->paused = true;
        load_conn_arm(th, conn);
    }
    if (th->run->mode->on_ready)
        th->run->mode->on_ready(th, conn, now_ns);
}

/* ---- frames ---- */

static void take_auth_reply(struct load_thread *th, struct load_conn *conn,
                            const struct wire_in *in, uint64_t now_ns)
{
    if (in->kind == WIRE_AUTH_OK) {
        become_ready(th, conn, now_ns);
    } else if (in->kind == WIRE_AUTH_FAIL || in->kind == WIRE_ERROR) {
        conn->retry_after_ms = (uint32_t)in->retry_after_ms;
        fail(th, conn, "auth", in->reason, now_ns);
    }
}

static void answer_ping(struct load_thread *th, struct load_conn *conn)
{
    static const char pong[] = "{\"type\":\"PONG\"}";
    char *out = load_out_room(th, conn, 64);
    if (out)
        load_out_commit(th, wire_control(out, conn->mask, MN_WS_OP_TEXT,
                                         mn_str_make(pong, sizeof pong - 1)));
}

static void take_text(struct load_thread *th, struct load_conn *conn, char *p, size_t n,
                      uint64_t now_ns)
{
    struct wire_in in;
    wire_read(&th->tpl, p, n, &in);
    th->count.frames_in++;
    if (in.kind == WIRE_BAD)
        th->count.bad_frames++;
    if (conn->state != LOAD_CONN_READY) {
        take_auth_reply(th, conn, &in, now_ns);
        return;
    }
    if (in.kind == WIRE_ERROR) {
        th->count.errors++;
        conn->retry_after_ms = (uint32_t)in.retry_after_ms;
        load_reason_add(&th->refusals, in.reason, 1);
    }
    if (in.kind == WIRE_PING)
        answer_ping(th, conn);
    if (th->run->mode->on_frame)
        th->run->mode->on_frame(th, conn, &in, now_ns);
    if ((in.kind == WIRE_CHAT || in.kind == WIRE_GROUP_CHAT) && conn->kind == LOAD_CONN_SLOW &&
        conn->fd >= 0) {
        conn->paused = true;
        load_conn_arm(th, conn);
        load_timer_set(th, conn, now_ns + th->run->opts->slow_delay_ns);
    }
}

static void take_close(struct load_thread *th, struct load_conn *conn, const struct mn_ws_in *in,
                       uint64_t now_ns)
{
    char cause[24];
    snprintf(cause, sizeof cause, "close %u", in->code);
    char *out = load_out_room(th, conn, 160);
    if (out)
        load_out_commit(th, wire_control(out, conn->mask, MN_WS_OP_CLOSE,
                                         mn_str_make(in->p, in->n < 125 ? in->n : 125)));
    load_out_flush(th);
    broke(th, conn, mn_str_c(cause), now_ns);
}

/* Returns false when no more is to be taken from the input. */
static bool take_event(struct load_thread *th, struct load_conn *conn, enum mn_ws_event ev,
                       const struct mn_ws_in *in, uint64_t now_ns)
{
    char *out;
    switch (ev) {
    case MN_WS_MORE:
        return false;
    case MN_WS_TEXT:
        take_text(th, conn, in->p, in->n, now_ns);
        return conn->fd >= 0 && !conn->paused;
    case MN_WS_PING:
        out = load_out_room(th, conn, 160);
        if (out)
            load_out_commit(th, wire_control(out, conn->mask, MN_WS_OP_PONG,
                                             mn_str_make(in->p, in->n)));
        return true;
    case MN_WS_BINARY:
    case MN_WS_PONG:
        return true;
    case MN_WS_CLOSED:
        take_close(th, conn, in, now_ns);
        return false;
    case MN_WS_FAIL:
        th->count.bad_frames++;
        broke(th, conn, MN_STR("bad frame"), now_ns);
        return false;
    }
    return false;
}

/* Keeps what is left over of an incomplete frame. */
static void keep(struct load_conn *conn, const char *p, size_t n)
{
    if (n == 0 && conn->in.cap > KEEP_MAX) {
        mn_buf_deinit(&conn->in);
        mn_buf_init(&conn->in, RBUF_SIZE);
        return;
    }
    mn_buf_reset(&conn->in);
    if (n > 0)
        mn_ignore(mn_buf_add(&conn->in, p, n)); /* fits: the limit is the read buffer's size */
}

/* Takes all frames of p[0..n), which lies in th->rbuf. */
static void take_input(struct load_thread *th, struct load_conn *conn, char *p, size_t n,
                       uint64_t now_ns)
{
    size_t at = 0;
    if (conn->state == LOAD_CONN_UPGRADING) {
        at = take_upgrade(th, conn, p, n, now_ns);
        if (conn->fd < 0)
            return;
    }
    bool more = conn->state != LOAD_CONN_UPGRADING;
    while (more && at < n) {
        struct mn_ws_in in;
        size_t used = 0;
        enum mn_ws_event ev = mn_ws_rx_next(&conn->rx, p + at, n - at, &used, &in);
        at += used;
        more = take_event(th, conn, ev, &in, now_ns);
    }
    if (conn->fd >= 0)
        keep(conn, p + at, n - at);
}

static void read_input(struct load_thread *th, struct load_conn *conn)
{
    size_t kept = conn->in.n;
    if (kept > 0)
        memcpy(th->rbuf, conn->in.p, kept);
    size_t room = RBUF_SIZE - kept;
    if (conn->kind == LOAD_CONN_SLOW && conn->state == LOAD_CONN_READY && room > SLOW_READ)
        room = SLOW_READ;
    ssize_t n = recv(conn->fd, th->rbuf + kept, room, MSG_DONTWAIT);
    uint64_t now_ns = mn_mono_ns();
    th->count.reads++;
    if (n > 0) {
        th->count.bytes_in += (size_t)n;
        take_input(th, conn, th->rbuf, kept + (size_t)n, now_ns);
    } else if (n == 0) {
        broke(th, conn, MN_STR("closed"), now_ns);
    } else if (errno != EAGAIN && errno != EINTR) {
        broke(th, conn, mn_str_c(strerrorname_np(errno)), now_ns);
    }
}

void load_conn_event(struct load_thread *th, struct load_conn *conn, uint32_t events)
{
    if (conn->fd < 0)
        return; /* it went earlier in this turn */
    if (conn->state == LOAD_CONN_CONNECTING) {
        connected(th, conn, mn_mono_ns());
        return;
    }
    if (events & EPOLLOUT)
        load_out_resume(th, conn);
    if (conn->paused) {
        if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))
            broke(th, conn, MN_STR("closed"), mn_mono_ns());
    } else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        read_input(th, conn);
    }
}

/* A slow reader's pause is over: what it has already read comes first. */
static void wake_slow(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    load_timer_set(th, conn, UINT64_MAX);
    conn->paused = false;
    size_t n = conn->in.n;
    if (n > 0) {
        memcpy(th->rbuf, conn->in.p, n);
        take_input(th, conn, th->rbuf, n, now_ns);
    }
    if (conn->fd >= 0 && !conn->paused)
        load_conn_arm(th, conn);
}

void load_conn_timer(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    if (conn->state == LOAD_CONN_READY)
        wake_slow(th, conn, now_ns);
    else if (conn->fd >= 0)
        fail(th, conn, stage_name(conn), MN_STR("timeout"), now_ns);
    else
        load_conn_start(th, conn, now_ns);
}

/*
 * Whether the server has closed a connection that was not read from: its end lies behind the
 * data in the kernel's buffers, so they are emptied first.  On loopback what the server's side
 * still holds follows at once.
 */
static bool is_closed_behind_data(struct load_thread *th, const struct load_conn *conn)
{
    for (size_t total = 0; total < DEAF_DATA_MAX;) {
        ssize_t n = recv(conn->fd, th->rbuf, RBUF_SIZE, MSG_DONTWAIT);
        if (n <= 0)
            return n == 0 || errno != EAGAIN;
        total += (size_t)n;
    }
    return false;
}

void load_conn_revive(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    if (conn->uid == 0)
        return;
    if (!conn->recovering) {
        conn->recovering = true;
        th->recovering++;
    }
    if (conn->kind == LOAD_CONN_NO_READ && conn->state == LOAD_CONN_READY &&
        is_closed_behind_data(th, conn))
        th->count.deaf_closed++;
    conn->kind = LOAD_CONN_NORMAL;
    if (conn->fd >= 0) {
        load_conn_drop(th, conn, true, now_ns);
    } else if (conn->state == LOAD_CONN_DEAD) {
        atomic_fetch_sub_explicit(&th->dead, 1, memory_order_relaxed);
        conn->failures = 0;
        plan_next(th, conn, now_ns);
    }
}

void load_conn_cure(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    conn->kind = LOAD_CONN_NORMAL;
    if (conn->state == LOAD_CONN_READY && conn->paused)
        wake_slow(th, conn, now_ns);
}
