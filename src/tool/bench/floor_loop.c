/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients' side of the floor: N connections to the bare server, which
 * runs in a process of its own, as a real one does, so that both have the
 * whole descriptor limit.
 *
 * Closed loop: an answer frees a slot, which is used at once.  Open loop:
 * frames are due by the clock, spread evenly, and timed from then.
 */
#include "tool/bench/floor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define EVENTS 1024
#define SCRATCH ((size_t)256 << 10)
/* Not measured at the beginning, as part of the duration. */
#define WARMUP_SHARE 5
#define DRAIN_NS UINT64_C(2000000000)
#define HELLO_TIMEOUT_MS 30000

struct client {
    int fd;
    uint32_t on_way; /* frames without an answer */
    uint32_t have;
    char *part; /* an incomplete frame or answer */
};

struct loop {
    const struct floor_loop_params *params;
    struct floor_loop *result;
    int epoll_fd, listen_fd, control_fd, stats_fd;
    pid_t pid;
    struct sockaddr_in addr;
    struct client *clients;
    unsigned senders;
    char *frames; /* a window of them, to be stamped and sent */
    char *answers;
    char *scratch;
    uint64_t from_ns, to_ns; /* measured */
    uint64_t start_ns;
    uint64_t due;  /* open loop: frames that were due so far */
    uint64_t done; /* messages within the measured time */
    uint64_t on_way;
};

static struct client *sender(struct loop *l, uint64_t i)
{
    return &l->clients[l->params->deliver ? 2 * i : i];
}

/* ---- set-up ---- */

static bool listen_any(struct loop *l)
{
    l->addr = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof l->addr;
    l->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return l->listen_fd >= 0 && bind(l->listen_fd, (struct sockaddr *)&l->addr, n) == 0 &&
           listen(l->listen_fd, SOMAXCONN) == 0 &&
           getsockname(l->listen_fd, (struct sockaddr *)&l->addr, &n) == 0;
}

static bool start_server(struct loop *l)
{
    int control[2], stats[2];
    if (pipe(control) != 0)
        return false;
    if (pipe(stats) != 0) {
        close(control[0]);
        close(control[1]);
        return false;
    }
    l->pid = fork();
    if (l->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        close(control[1]);
        close(stats[0]);
        _exit(floor_serve(l->params, l->listen_fd, control[0], stats[1]));
    }
    close(control[0]);
    close(stats[1]);
    l->control_fd = control[1];
    l->stats_fd = stats[0];
    return l->pid > 0;
}

/* Each source address has 28,000 ports. */
static bool connect_one(struct loop *l, unsigned i)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + i / 25000)};
    struct floor_hello hello = {.index = i};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    l->clients[i].fd = fd;
    if (fd < 0)
        return false;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
           connect(fd, (struct sockaddr *)&l->addr, sizeof l->addr) == 0 &&
           floor_write(fd, &hello, sizeof hello);
}

static bool await_hello(struct loop *l, unsigned i)
{
    struct floor_hello hello;
    struct pollfd pfd = {.fd = l->clients[i].fd, .events = POLLIN};
    return poll(&pfd, 1, HELLO_TIMEOUT_MS) == 1 &&
           recv(pfd.fd, &hello, sizeof hello, MSG_WAITALL) == (ssize_t)sizeof hello;
}

static bool connect_all(struct loop *l)
{
    uint64_t from_ns = mn_mono_ns();
    unsigned n = l->params->clients;
    for (unsigned i = 0; i < n; i++)
        if (!connect_one(l, i))
            return false;
    for (unsigned i = 0; i < n; i++)
        if (!await_hello(l, i))
            return false;
    l->result->connect_s = (double)(mn_mono_ns() - from_ns) / 1e9;
    for (unsigned i = 0; i < n; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = i};
        if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->clients[i].fd, &ev) != 0)
            return false;
    }
    return true;
}

/* ---- traffic ---- */

static bool send_frames(struct loop *l, struct client *client, uint32_t count, uint64_t stamp_ns)
{
    const struct floor_loop_params *p = l->params;
    for (uint32_t i = 0; i < count; i++)
        memcpy(l->frames + (uint64_t)i * p->frame_bytes, &stamp_ns, sizeof stamp_ns);
    client->on_way += count;
    l->on_way += count;
    return floor_write(client->fd, l->frames, (uint64_t)count * p->frame_bytes);
}

static void arrived(struct loop *l, const char *frame, uint64_t now_ns)
{
    uint64_t stamp_ns;
    memcpy(&stamp_ns, frame, sizeof stamp_ns);
    if (now_ns >= l->from_ns && now_ns < l->to_ns)
        l->done++;
    if (stamp_ns >= l->from_ns && stamp_ns < l->to_ns)
        mn_hist_add(l->result->hist, now_ns - stamp_ns);
}

/* Whole frames of `size` in what was read; the rest waits in `part`.  Returns how many. */
static uint32_t cut(struct loop *l, struct client *client, size_t n, uint32_t size, bool timed)
{
    uint64_t now_ns = mn_mono_ns();
    uint32_t count = (uint32_t)(n / size);
    for (uint32_t i = 0; i < count && timed; i++)
        arrived(l, l->scratch + (size_t)i * size, now_ns);
    client->have = (uint32_t)(n - (size_t)count * size);
    memcpy(client->part, l->scratch + (size_t)count * size, client->have);
    return count;
}

static bool read_client(struct loop *l, unsigned index)
{
    const struct floor_loop_params *p = l->params;
    struct client *client = &l->clients[index];
    bool receiver = p->deliver && index % 2 == 1;
    memcpy(l->scratch, client->part, client->have);
    ssize_t n = recv(client->fd, l->scratch + client->have, SCRATCH - client->have, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    size_t bytes = client->have + (size_t)n;
    if (receiver) {
        uint32_t count = cut(l, client, bytes, p->frame_bytes, true);
        return floor_write(client->fd, l->answers, (uint64_t)count * p->answer_bytes);
    }
    uint32_t count = cut(l, client, bytes, p->answer_bytes, !p->deliver);
    client->on_way -= count;
    l->on_way -= count;
    uint64_t now_ns = mn_mono_ns();
    if (p->rate > 0 || count == 0 || now_ns >= l->to_ns)
        return true;
    return send_frames(l, client, count, now_ns);
}

static uint64_t due_ns(const struct loop *l)
{
    return l->start_ns + (uint64_t)((double)l->due * 1e9 / l->params->rate);
}

/* Sends everything that has come due by now. */
static bool send_due(struct loop *l)
{
    uint64_t now_ns = mn_mono_ns();
    for (uint64_t at_ns = due_ns(l); at_ns <= now_ns && at_ns < l->to_ns; at_ns = due_ns(l)) {
        struct client *client = sender(l, l->due++ % l->senders);
        if (client->on_way >= l->params->window)
            l->result->skipped++;
        else if (!send_frames(l, client, 1, at_ns))
            return false;
    }
    return true;
}

static bool turn(struct loop *l)
{
    struct epoll_event events[EVENTS];
    uint64_t now_ns = mn_mono_ns(), until_ns = now_ns + 100000000;
    if (l->params->rate > 0 && now_ns < l->to_ns)
        until_ns = due_ns(l);
    uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec ts = {.tv_sec = (time_t)(wait_ns / 1000000000),
                          .tv_nsec = (long)(wait_ns % 1000000000)};
    int n = epoll_pwait2(l->epoll_fd, events, EVENTS, &ts, NULL);
    for (int i = 0; i < n; i++)
        if (!read_client(l, events[i].data.u32))
            return false;
    return l->params->rate <= 0 || send_due(l);
}

static bool run(struct loop *l)
{
    const struct floor_loop_params *p = l->params;
    l->start_ns = mn_mono_ns();
    l->from_ns = l->start_ns + p->duration_ns / WARMUP_SHARE;
    l->to_ns = l->start_ns + p->duration_ns;
    for (unsigned i = 0; i < l->senders && p->rate <= 0; i++)
        if (!send_frames(l, sender(l, i), p->window, mn_mono_ns()))
            return false;
    while (mn_mono_ns() < l->to_ns)
        if (!turn(l))
            return false;
    uint64_t end_ns = l->to_ns + DRAIN_NS;
    while (l->on_way > 0 && mn_mono_ns() < end_ns)
        if (!turn(l))
            return false;
    return true;
}

/* ---- the end ---- */

static bool stop_server(struct loop *l)
{
    struct floor_server_stats stats = {0};
    int status = 1;
    close(l->control_fd);
    bool ok = read(l->stats_fd, &stats, sizeof stats) == (ssize_t)sizeof stats;
    close(l->stats_fd);
    while (waitpid(l->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (stats.frames > 0)
        l->result->server_cpu_us = (double)stats.cpu_ns / 1e3 / (double)stats.frames;
    if (stats.commits > 0)
        l->result->batch = (double)stats.frames / (double)stats.commits;
    return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void init(struct loop *l)
{
    const struct floor_loop_params *p = l->params;
    uint32_t part = p->frame_bytes > p->answer_bytes ? p->frame_bytes : p->answer_bytes;
    l->senders = p->deliver ? p->clients / 2 : p->clients;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->clients = mn_alloc_array(p->clients, sizeof *l->clients);
    for (unsigned i = 0; i < p->clients; i++) {
        l->clients[i].fd = -1;
        l->clients[i].part = mn_alloc(part);
    }
    l->frames = mn_alloc((uint64_t)p->window * p->frame_bytes);
    l->scratch = mn_alloc(SCRATCH + part);
    /* A receiver says something for every frame of one read, at most. */
    l->answers = mn_alloc((SCRATCH / p->frame_bytes + 1) * p->answer_bytes);
}

static void deinit(struct loop *l)
{
    for (unsigned i = 0; i < l->params->clients; i++) {
        if (l->clients[i].fd >= 0)
            close(l->clients[i].fd);
        mn_free(l->clients[i].part);
    }
    mn_free(l->clients);
    mn_free(l->frames);
    mn_free(l->answers);
    mn_free(l->scratch);
    if (l->listen_fd >= 0)
        close(l->listen_fd);
    close(l->epoll_fd);
}

bool floor_loop(const struct floor_loop_params *params, struct floor_loop *ret)
{
    struct loop l = {.params = params, .result = ret, .listen_fd = -1};
    init(&l);
    bool ok = listen_any(&l) && start_server(&l);
    if (ok) {
        ok = connect_all(&l) && run(&l);
        if (!ok)
            fprintf(stderr, "minim bench floor: connections: %s\n", strerror(errno));
        ok = stop_server(&l) && ok;
    } else {
        fprintf(stderr, "minim bench floor: %s\n", strerror(errno));
    }
    if (ok && l.to_ns > l.from_ns)
        ret->messages_per_s = (double)l.done / ((double)(l.to_ns - l.from_ns) / 1e9);
    deinit(&l);
    return ok;
}
