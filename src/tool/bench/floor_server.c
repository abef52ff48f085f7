/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a server does, in a process of its own: wait, read every
 * connection that has something, commit all of it at once, answer.  No
 * protocol, no index, no check; frames have one length, and begin with the
 * sender's time.
 *
 * A turn of the loop is one batch.  Pipelined: a thread commits one batch
 * while the loop reads the next; higher throughput, and two more hops on
 * the way of each message.  Buffers are bounded by what all senders together
 * may have on the way.
 */
#include "tool/bench/floor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "tool/kit/proc.h"

#define EVENTS 1024
#define SCRATCH 65536

struct peer {
    int fd;
    bool known; /* has said who it is */
    uint32_t index;
    uint32_t have; /* bytes in `in` */
    char *in;      /* an incomplete frame, or the frames of one read */
};

struct touched {
    struct peer *peer;
    uint64_t offset; /* of its frames in the batch */
    uint32_t frames;
};

struct batch {
    char *bytes;
    uint64_t n;
    struct touched *touched;
    unsigned touched_count;
};

struct server {
    const struct floor_loop_params *params;
    int epoll_fd;
    int listen_fd;
    struct peer *peers; /* in order of arrival */
    unsigned peer_count;
    int *fd_of; /* by client */
    uint32_t in_cap;
    uint64_t batch_cap;
    unsigned touched_cap;
    struct batch *filling;
    struct batch batches[2];
    char *answers;
    uint64_t file_at;
    /* pipelined */
    pthread_t committer;
    struct batch *committing; /* NULL: the committer has nothing to do */
    int work_fd, done_fd;     /* eventfds: to the committer and back */
    atomic_bool failed, ending;
    struct floor_server_stats stats;
    uint64_t cpu_first_ns; /* used up when the first frame came: connecting */
};

bool floor_write(int fd, const void *p, uint64_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t done = send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd pfd = {.fd = fd, .events = POLLOUT};
            mn_ignore(poll(&pfd, 1, 1000));
        } else if (done < 0 && errno != EINTR) {
            return false;
        }
        at += done > 0 ? done : 0;
        n -= done > 0 ? (uint64_t)done : 0;
    }
    return true;
}

static void watch(int epoll_fd, int fd, void *ptr)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ptr};
    MN_BUG_ON(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0);
}

static void accept_all(struct server *s)
{
    while (s->peer_count < s->params->clients) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct peer *peer = &s->peers[s->peer_count++];
        peer->fd = fd;
        peer->in = mn_alloc(s->in_cap);
        watch(s->epoll_fd, fd, peer);
    }
}

/* The first frame of a connection, which is answered at once. */
static void take_hello(struct server *s, struct peer *peer)
{
    struct floor_hello hello;
    if (peer->have < sizeof hello)
        return;
    memcpy(&hello, peer->in, sizeof hello);
    MN_BUG_ON(hello.index >= s->params->clients);
    peer->have = 0; /* it sends nothing more before the answer */
    peer->known = true;
    peer->index = hello.index;
    s->fd_of[hello.index] = peer->fd;
    mn_ignore(floor_write(peer->fd, &hello, sizeof hello));
}

static void take_frames(struct server *s, struct peer *peer)
{
    struct batch *batch = s->filling;
    uint32_t frame = s->params->frame_bytes;
    uint32_t frames = peer->have / frame;
    uint64_t bytes = (uint64_t)frames * frame;
    if (frames == 0)
        return;
    MN_BUG_ON(batch->n + bytes > s->batch_cap || batch->touched_count == s->touched_cap);
    memcpy(batch->bytes + batch->n, peer->in, bytes);
    batch->touched[batch->touched_count++] = (struct touched){peer, batch->n, frames};
    batch->n += bytes;
    peer->have -= (uint32_t)bytes;
    memmove(peer->in, peer->in + bytes, peer->have);
}

static void read_peer(struct server *s, struct peer *peer)
{
    char scratch[SCRATCH];
    bool receiver = peer->known && s->params->deliver && peer->index % 2 == 1;
    ssize_t n = receiver ? recv(peer->fd, scratch, sizeof scratch, 0)
                         : recv(peer->fd, peer->in + peer->have, s->in_cap - peer->have, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        mn_ignore(epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, peer->fd, NULL));
        return;
    }
    if (n < 0 || receiver)
        return; /* an acknowledgement costs its read; nothing is kept of it */
    peer->have += (uint32_t)n;
    if (peer->known)
        take_frames(s, peer);
    else
        take_hello(s, peer);
}

static bool commit(struct server *s, const struct batch *batch)
{
    uint64_t done = 0;
    if (s->params->commit_fd < 0)
        return true;
    while (done < batch->n) {
        uint64_t n = batch->n - done;
        if (s->file_at == FLOOR_FILE_BYTES)
            s->file_at = 0;
        if (n > FLOOR_FILE_BYTES - s->file_at)
            n = FLOOR_FILE_BYTES - s->file_at;
        if (pwrite(s->params->commit_fd, batch->bytes + done, n, (off_t)s->file_at) != (ssize_t)n)
            return false;
        s->file_at += n;
        done += n;
    }
    s->stats.commits++;
    return fdatasync(s->params->commit_fd) == 0;
}

static void answer_one(struct server *s, const struct batch *batch, const struct touched *t)
{
    const struct floor_loop_params *p = s->params;
    const char *frames = batch->bytes + t->offset;
    for (uint32_t i = 0; i < t->frames; i++)
        memcpy(s->answers + (uint64_t)i * p->answer_bytes, frames + (uint64_t)i * p->frame_bytes,
               sizeof(uint64_t));
    mn_ignore(floor_write(t->peer->fd, s->answers, (uint64_t)t->frames * p->answer_bytes));
    if (p->deliver)
        mn_ignore(floor_write(s->fd_of[t->peer->index + 1], frames,
                              (uint64_t)t->frames * p->frame_bytes));
    s->stats.frames += t->frames;
}

static void answer(struct server *s, struct batch *batch)
{
    for (unsigned i = 0; i < batch->touched_count; i++)
        answer_one(s, batch, &batch->touched[i]);
    batch->touched_count = 0;
    batch->n = 0;
}

/* ---- pipelined ---- */

static void *run_committer(void *arg)
{
    struct server *s = arg;
    uint64_t n = 1;
    while (read(s->work_fd, &n, sizeof n) == (ssize_t)sizeof n && !atomic_load(&s->ending)) {
        if (!commit(s, s->committing))
            atomic_store(&s->failed, true);
        n = 1;
        mn_ignore(write(s->done_fd, &n, sizeof n));
    }
    return NULL;
}

/* The eventfds order what both threads see of the batch. */
static void hand_over(struct server *s)
{
    uint64_t one = 1;
    s->committing = s->filling;
    s->filling = &s->batches[s->filling == &s->batches[0]];
    mn_ignore(write(s->work_fd, &one, sizeof one));
}

static void take_committed(struct server *s)
{
    uint64_t n;
    mn_ignore(read(s->done_fd, &n, sizeof n));
    answer(s, s->committing);
    s->committing = NULL;
}

static void start_committer(struct server *s)
{
    s->work_fd = eventfd(0, EFD_CLOEXEC);
    s->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch(s->epoll_fd, s->done_fd, &s->done_fd);
    MN_BUG_ON(pthread_create(&s->committer, NULL, run_committer, s) != 0);
}

static void stop_committer(struct server *s)
{
    uint64_t one = 1;
    atomic_store(&s->ending, true);
    mn_ignore(write(s->work_fd, &one, sizeof one));
    pthread_join(s->committer, NULL);
    close(s->work_fd);
    close(s->done_fd);
}

/* ---- the loop ---- */

static bool finish_turn(struct server *s)
{
    if (s->filling->n == 0)
        return true;
    if (s->cpu_first_ns == 0)
        s->cpu_first_ns = proc_own_cpu_ns();
    if (s->params->pipelined) {
        if (!s->committing)
            hand_over(s);
        return !atomic_load(&s->failed);
    }
    if (!commit(s, s->filling))
        return false;
    answer(s, s->filling);
    return true;
}

/* Until the other side has closed the control pipe. */
static bool serve(struct server *s, int *control_fd)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(s->epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            void *ptr = events[i].data.ptr;
            if (ptr == control_fd)
                return true;
            if (ptr == &s->listen_fd)
                accept_all(s);
            else if (ptr == &s->done_fd)
                take_committed(s);
            else
                read_peer(s, ptr);
        }
        if (!finish_turn(s))
            return false;
    }
}

int floor_serve(const struct floor_loop_params *params, int listen_fd, int control_fd, int stats_fd)
{
    uint64_t window_bytes = (uint64_t)params->window * params->frame_bytes;
    struct server s = {.params = params, .listen_fd = listen_fd};
    s.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s.peers = mn_alloc_array(params->clients, sizeof *s.peers);
    s.fd_of = mn_alloc_array(params->clients, sizeof *s.fd_of);
    s.in_cap = (uint32_t)(window_bytes + params->frame_bytes);
    s.batch_cap = window_bytes * params->clients;
    /* Pipelined, a peer may be read several times before its batch is taken: by one frame at least. */
    s.touched_cap = params->window * params->clients;
    for (size_t i = 0; i < MN_ARRAY_LEN(s.batches); i++) {
        s.batches[i].bytes = mn_alloc(s.batch_cap);
        s.batches[i].touched = mn_alloc_array(s.touched_cap, sizeof *s.batches[i].touched);
    }
    s.filling = &s.batches[0];
    s.answers = mn_alloc((uint64_t)(params->window + 1) * params->answer_bytes);
    watch(s.epoll_fd, listen_fd, &s.listen_fd);
    watch(s.epoll_fd, control_fd, &control_fd);
    if (params->pipelined)
        start_committer(&s);
    bool ok = serve(&s, &control_fd);
    if (params->pipelined)
        stop_committer(&s);
    if (s.cpu_first_ns > 0)
        s.stats.cpu_ns = proc_own_cpu_ns() - s.cpu_first_ns;
    ok = write(stats_fd, &s.stats, sizeof s.stats) == (ssize_t)sizeof s.stats && ok;
    for (unsigned i = 0; i < s.peer_count; i++) {
        close(s.peers[i].fd);
        mn_free(s.peers[i].in);
    }
    mn_free(s.peers);
    mn_free(s.fd_of);
    for (size_t i = 0; i < MN_ARRAY_LEN(s.batches); i++) {
        mn_free(s.batches[i].bytes);
        mn_free(s.batches[i].touched);
    }
    mn_free(s.answers);
    close(s.epoll_fd);
    return ok ? 0 : 1;
}
