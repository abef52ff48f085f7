/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare process of loopback.h: one thread, one epoll.  A turn reads every
 * connection that has something, commits what came if it has to, then hands
 * each message to the other members of its group, and writes once to each
 * connection.  What the peers send is our own generator's; whatever is not
 * as it writes it ends the connection.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/envelope.h"
#include "proto/jwt.h"
#include "proto/ws.h"
#include "tool/bench/floor.h"
#include "tool/bench/loopback.h"

#define EVENTS 512
#define RBUF_SIZE 65536
#define FRAME_MAX 8192
/* What waits for one connection, at most: open loops may outrun it. */
#define OUT_MAX (64u << 20)
#define BATCH_MAX (64u << 20)
/* Messages of a turn; the connection that is being read may go beyond by what one read brings. */
#define TURN_MAX 4096
#define FRAME_MIN 90 /* a message that our generator sends has no fewer bytes */

struct peer {
    int fd;
    bool upgraded;
    bool dirty; /* in the list of those to be written to */
    bool want_write;
    struct peer *next_dirty, *next_dead;
    uint32_t client; /* UINT32_MAX: has not said who he is */
    struct mn_ws_rx rx;
    struct mn_buf in, out;
};

/* A message of this turn. */
struct message {
    uint32_t client;
    size_t ack_at, push_at, end; /* in server.batch: answer, copy */
};

struct server {
    const struct loopback_params *params;
    int epfd;
    struct peer **by_client;
    struct peer *dirty; /* written to when the turn ends */
    struct peer *dead;  /* freed then: events of this turn may still name them */
    int64_t *seq;       /* of each group */
    int64_t id;
    struct mn_buf batch;
    struct message *messages;
    size_t message_count;
    uint64_t file_at;
    char *rbuf;
};

static void touch(struct server *s, struct peer *peer)
{
    if (peer->dirty)
        return;
    peer->dirty = true;
    peer->next_dirty = s->dirty;
    s->dirty = peer;
}

static void drop(struct server *s, struct peer *peer)
{
    if (peer->fd < 0)
        return;
    close(peer->fd);
    peer->fd = -1;
    if (peer->client != UINT32_MAX && s->by_client[peer->client] == peer)
        s->by_client[peer->client] = NULL;
    peer->next_dead = s->dead;
    s->dead = peer;
}

static void say(struct server *s, struct peer *peer, const char *p, size_t n)
{
    if (peer->fd < 0)
        return;
    touch(s, peer);
    if (mn_buf_add(&peer->out, p, n) != MN_OK)
        drop(s, peer);
}

static void say_text(struct server *s, struct peer *peer, const char *text)
{
    char frame[130];
    size_t n = strlen(text), head = mn_ws_header(frame, MN_WS_OP_TEXT, n);
    memcpy(frame + head, text, n);
    say(s, peer, frame, head + n);
}

/* ---- frames ---- */

static bool take_auth(struct server *s, struct peer *peer, const struct mn_envelope *env)
{
    const struct mn_jwt_key key = {
        .secret = s->params->secret, .secret_len = strlen(s->params->secret), .issuer = "mini-im"};
    struct mn_jwt_claims claims;
    if (mn_jwt_verify(&key, env->token, mn_unix_ms(), &claims, NULL) != MN_OK)
        return false;
    int64_t client = claims.uid - s->params->user_base;
    if (client < 0 || client >= s->params->clients)
        return false;
    peer->client = (uint32_t)client;
    s->by_client[peer->client] = peer;
    say_text(s, peer, "{\"type\":\"AUTH_OK\"}");
    return true;
}

static size_t add_frame(struct server *s, const char *text, int n)
{
    char head[10];
    size_t at = s->batch.n;
    mn_ignore(mn_buf_add(&s->batch, head, mn_ws_header(head, MN_WS_OP_TEXT, (uint64_t)n)));
    mn_ignore(mn_buf_add(&s->batch, text, (size_t)n));
    return at;
}

/* As minimd writes it: the fields in that order. */
static bool take_message(struct server *s, const struct peer *peer, const struct mn_envelope *env)
{
    char text[FRAME_MAX];
    int64_t seq = ++s->seq[peer->client / s->params->online];
    int64_t from = s->params->user_base + peer->client;
    struct mn_str id = env->client_msg_id, body = env->body;
    s->id++;
    struct message *m = &s->messages[s->message_count++];
    m->client = peer->client;
    int n = snprintf(text, sizeof text,
                     "{\"type\":\"ACK\",\"clientMsgId\":\"%.*s\",\"serverMsgId\":\"%" PRId64
                     "\",\"msgSeq\":%" PRId64 ",\"from\":\"%" PRId64
                     "\",\"ackType\":\"saved\",\"body\":\"%.*s\",\"ts\":%" PRId64 "}",
                     (int)id.n, id.p, s->id, seq, from, (int)body.n, body.p, mn_unix_ms());
    m->ack_at = add_frame(s, text, n);
    n = snprintf(text, sizeof text,
                 "{\"type\":\"GROUP_CHAT\",\"clientMsgId\":\"%.*s\",\"serverMsgId\":\"%" PRId64
                 "\",\"msgSeq\":%" PRId64 ",\"from\":\"%" PRId64 "\",\"groupId\":\"%" PRId64
                 "\",\"msgType\":\"TEXT\",\"body\":\"%.*s\",\"ts\":%" PRId64 "}",
                 (int)id.n, id.p, s->id, seq, from, env->group_id, (int)body.n, body.p,
                 mn_unix_ms());
    m->push_at = add_frame(s, text, n);
    m->end = s->batch.n;
    return !s->batch.failed;
}

static bool take_text(struct server *s, struct peer *peer, char *p, size_t n)
{
    struct mn_envelope env;
    if (n > FRAME_MAX / 2 || mn_envelope_parse(p, n, &env) != MN_OK)
        return false;
    if (env.type == MN_TYPE_AUTH)
        return take_auth(s, peer, &env);
    if (env.type == MN_TYPE_GROUP_CHAT)
        return peer->client != UINT32_MAX && take_message(s, peer, &env);
    return env.type == MN_TYPE_ACK;
}

/* The response to whatever request was made; bytes of it, 0: not whole yet. */
static size_t take_upgrade(struct server *s, struct peer *peer, const char *p, size_t n)
{
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n\r\n";
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (!end)
        return 0;
    peer->upgraded = true;
    say(s, peer, answer, sizeof answer - 1);
    return (size_t)(end - p) + 4;
}

static void take_input(struct server *s, struct peer *peer, char *p, size_t n)
{
    size_t at = peer->upgraded ? 0 : take_upgrade(s, peer, p, n);
    bool more = peer->upgraded;
    while (more && at < n) {
        struct mn_ws_in in;
        size_t used = 0;
        enum mn_ws_event ev = mn_ws_rx_next(&peer->rx, p + at, n - at, &used, &in);
        at += used;
        more = ev != MN_WS_MORE;
        if (ev == MN_WS_CLOSED || ev == MN_WS_FAIL ||
            (ev == MN_WS_TEXT && !take_text(s, peer, in.p, in.n))) {
            drop(s, peer);
            return;
        }
    }
    mn_buf_reset(&peer->in);
    mn_ignore(mn_buf_add(&peer->in, p + at, n - at)); /* fits: its limit is the read buffer's */
}

static void read_input(struct server *s, struct peer *peer)
{
    size_t kept = peer->in.n;
    memcpy(s->rbuf, peer->in.p ? peer->in.p : "", kept);
    ssize_t n = recv(peer->fd, s->rbuf + kept, RBUF_SIZE - kept, MSG_DONTWAIT);
    if (n > 0)
        take_input(s, peer, s->rbuf, kept + (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        drop(s, peer);
}

static void accept_all(struct server *s)
{
    int fd, on = 1;
    while ((fd = accept4(s->params->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *peer = mn_new(struct peer);
        *peer = (struct peer){.fd = fd, .client = UINT32_MAX};
        mn_ws_rx_init(&peer->rx, MN_WS_SERVER, FRAME_MAX);
        mn_buf_init(&peer->in, RBUF_SIZE);
        mn_buf_init(&peer->out, OUT_MAX);
        mn_ignore(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = peer};
        MN_BUG_ON(epoll_ctl(s->epfd, EPOLL_CTL_ADD, fd, &ev) != 0);
    }
}

/* ---- the turn ---- */

static bool commit(struct server *s)
{
    int fd = s->params->commit_fd;
    if (fd < 0 || s->batch.n == 0)
        return true;
    if (s->file_at + s->batch.n > FLOOR_FILE_BYTES)
        s->file_at = 0;
    ssize_t n = pwrite(fd, s->batch.p, s->batch.n, (off_t)s->file_at);
    s->file_at += s->batch.n;
    return n == (ssize_t)s->batch.n && fdatasync(fd) == 0;
}

static void deliver(struct server *s, const struct message *m)
{
    uint32_t first = m->client - m->client % s->params->online;
    if (s->by_client[m->client])
        say(s, s->by_client[m->client], s->batch.p + m->ack_at, m->push_at - m->ack_at);
    for (uint32_t c = first; c < first + s->params->online; c++)
        if (c != m->client && s->by_client[c])
            say(s, s->by_client[c], s->batch.p + m->push_at, m->end - m->push_at);
}

static void flush(struct server *s, struct peer *peer)
{
    ssize_t n = 0;
    peer->dirty = false;
    if (peer->fd >= 0 && peer->out.n > 0)
        n = send(peer->fd, peer->out.p, peer->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        mn_buf_consume(&peer->out, (size_t)n);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        drop(s, peer);
    if (peer->fd >= 0 && peer->want_write != (peer->out.n > 0)) {
        peer->want_write = peer->out.n > 0;
        struct epoll_event ev = {.events = EPOLLIN | (peer->want_write ? EPOLLOUT : 0),
                                 .data.ptr = peer};
        MN_BUG_ON(epoll_ctl(s->epfd, EPOLL_CTL_MOD, peer->fd, &ev) != 0);
    }
}

static void free_peer(struct peer *peer)
{
    mn_ws_rx_deinit(&peer->rx);
    mn_buf_deinit(&peer->in);
    mn_buf_deinit(&peer->out);
    mn_free(peer);
}

static bool end_turn(struct server *s)
{
    bool ok = commit(s);
    for (size_t i = 0; i < s->message_count; i++)
        deliver(s, &s->messages[i]);
    s->message_count = 0;
    mn_buf_reset(&s->batch);
    while (s->dirty) {
        struct peer *peer = s->dirty;
        s->dirty = peer->next_dirty;
        flush(s, peer);
    }
    while (s->dead) {
        struct peer *peer = s->dead;
        s->dead = peer->next_dead;
        free_peer(peer);
    }
    return ok;
}

static void init(struct server *s, const struct loopback_params *params)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        mn_ignore(setrlimit(RLIMIT_NOFILE, &limit));
    }
    s->params = params;
    s->epfd = epoll_create1(EPOLL_CLOEXEC);
    MN_BUG_ON(s->epfd < 0);
    s->by_client = mn_alloc_array(params->clients, sizeof(struct peer *));
    s->seq = mn_alloc_array(params->clients / params->online, sizeof *s->seq);
    s->messages = mn_alloc_array(TURN_MAX + RBUF_SIZE / FRAME_MIN, sizeof *s->messages);
    s->rbuf = mn_alloc(RBUF_SIZE);
    s->id = mn_unix_ms();
    mn_buf_init(&s->batch, BATCH_MAX);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    MN_BUG_ON(epoll_ctl(s->epfd, EPOLL_CTL_ADD, params->listen_fd, &ev) != 0);
    ev.data.ptr = s; /* the other end of the pipe: the end */
    MN_BUG_ON(epoll_ctl(s->epfd, EPOLL_CTL_ADD, params->control_fd, &ev) != 0);
}

static void take_event(struct server *s, struct peer *peer, uint32_t events)
{
    if (events & EPOLLOUT)
        touch(s, peer);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && s->message_count < TURN_MAX)
        read_input(s, peer); /* else in the next turn */
}

int loopback_serve(const struct loopback_params *params)
{
    struct server *s = mn_new(struct server);
    struct epoll_event events[EVENTS];
    bool ended = false, ok = true;
    init(s, params);
    while (!ended && ok) {
        int n = epoll_wait(s->epfd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;
            if (!peer)
                accept_all(s);
            else if ((void *)peer == (void *)s)
                ended = true;
            else if (peer->fd >= 0)
                take_event(s, peer, events[i].events);
        }
        ok = end_turn(s);
    }
    return ok ? 0 : 1; /* the process ends: what is left goes with it */
}
