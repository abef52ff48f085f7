/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets and accepting.  Each loop has a socket of its own for
 * each address (SO_REUSEPORT): the kernel spreads the connections.
 *
 * Accepting pauses, so that new connections wait in the kernel's backlog
 * instead of here, when the token bucket is empty, or when there is no place
 * (max_connections, descriptors) but somebody will make room (crowd.c).
 * Where nobody does, one is accepted, for want of descriptors with the
 * reserve one, and closed: its peer learns at once, and the backlog does not
 * stand still.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/net_internal.h"

#define BACKLOG 65535          /* the kernel caps it at net.core.somaxconn */
#define ACCEPT_BUDGET 64       /* a wake-up and listener */
#define FD_PAUSE_MS 100        /* descriptors do not come back faster */
#define ROOM_PAUSE_MS 20       /* until somebody may have made room */
#define BUCKET_PAUSE_MIN_MS 10 /* wake up for a few connections, not for each */
#define LOG_EVERY_MS 5000
/*
 * Bytes in the kernel that are not sent yet, beyond which the socket counts
 * as full: a peer that does not read shows in our queue, where watermarks
 * are, and not in megabytes of kernel memory.
 */
#define NOTSENT_LOWAT (128 * 1024)

/* ---- binding ----------------------------------------------------------- */

static enum mn_err complain(char why[256], const struct mn_net_listen *where, const char *what,
                            const char *detail)
{
    snprintf(why, 256, "%s %.128s:%u: %s", what, where->host, where->port, detail);
    return MN_ESYS;
}

static bool set_flag(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* Accepted sockets inherit these, which saves the calls at each accept. */
static bool set_options(int fd)
{
    return set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_flag(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
           set_flag(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT);
}

/*
 * The first socket of an address is bound without SO_REUSEPORT, which fails
 * when another process has the port, be it a second server of the same
 * user; only then it opens the port to the sockets of our other loops.
 */
static bool bind_socket(int fd, const struct addrinfo *ai, bool is_first)
{
    if (!is_first && !set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return false;
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0)
        return false;
    return !is_first || set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

enum mn_err mn_listen_open(const struct mn_net_listen *where, uint16_t port, bool is_first,
                           int *ret_fd, char why[256])
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *ai = NULL;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    bool is_any = where->host[0] == '\0' || strcmp(where->host, "*") == 0;
    int gai = getaddrinfo(is_any ? NULL : where->host, service, &hints, &ai);
    if (gai != 0)
        return complain(why, where, "cannot resolve", gai_strerror(gai));
    enum mn_err err = MN_OK;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !set_options(fd) || !bind_socket(fd, ai, is_first) || listen(fd, BACKLOG) != 0) {
        char text[128];
        err = complain(why, where, "cannot listen on", strerror_r(errno, text, sizeof(text)));
        if (fd >= 0)
            close(fd);
    } else {
        *ret_fd = fd;
    }
    freeaddrinfo(ai);
    return err;
}

uint16_t mn_listen_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } addr = {0};
    socklen_t len = sizeof(addr);
    if (getsockname(fd, &addr.any, &len) != 0)
        return 0;
    return ntohs(addr.any.sa_family == AF_INET6 ? addr.in6.sin6_port : addr.in.sin_port);
}

enum mn_err mn_loop_add_listener(struct mn_loop *loop, int take_fd)
{
    struct mn_listener *listener = &loop->listeners[loop->listener_count];
    int failed = -uv_poll_init(&loop->uv, &listener->poll, take_fd);
    if (failed != 0) {
        close(take_fd);
        errno = failed;
        return mn_err_from_errno(failed);
    }
    listener->loop = loop;
    listener->fd = take_fd;
    loop->listener_count++;
    return MN_OK;
}

/* ---- pausing ----------------------------------------------------------- */

static void pause_accepting(struct mn_loop *loop, uint64_t pause_ms)
{
    for (unsigned i = 0; i < loop->listener_count; i++) {
        if (loop->listeners[i].active)
            uv_poll_stop(&loop->listeners[i].poll);
        loop->listeners[i].active = false;
    }
    uv_timer_start(&loop->accept_timer, mn_loop_on_accept_timer, pause_ms, 0);
}

void mn_loop_on_accept_timer(uv_timer_t *timer)
{
    struct mn_loop *loop = mn_container_of(timer, struct mn_loop, accept_timer);
    mn_loop_turn_begin(loop);
    mn_loop_listen(loop);
}

/* Price of a connection in units of the bucket: each loop gets its share of the rate. */
static uint64_t bucket_cost(const struct mn_loop *loop)
{
    return (uint64_t)1000 * loop->net->loop_count;
}

static void bucket_fill(struct mn_loop *loop)
{
    struct mn_accept_bucket *bucket = &loop->bucket;
    uint64_t now_ms = mn_loop_now(loop);
    uint64_t ceiling = (uint64_t)loop->cfg.accept_burst * 1000;
    if (ceiling < bucket_cost(loop))
        ceiling = bucket_cost(loop);
    uint64_t elapsed_ms = now_ms - bucket->last_ms;
    if (bucket->last_ms == 0 || elapsed_ms > 3600000)
        bucket->credit = ceiling;
    else
        bucket->credit += elapsed_ms * loop->cfg.accept_rate;
    if (bucket->credit > ceiling)
        bucket->credit = ceiling;
    bucket->last_ms = now_ms;
}

/* True when a connection may be accepted now; otherwise accepting is paused. */
static bool bucket_take(struct mn_loop *loop)
{
    if (loop->cfg.accept_rate == 0)
        return true;
    bucket_fill(loop);
    uint64_t cost = bucket_cost(loop);
    if (loop->bucket.credit >= cost) {
        loop->bucket.credit -= cost;
        return true;
    }
    uint64_t wait_ms = (cost - loop->bucket.credit) / loop->cfg.accept_rate + 1;
    mn_metric_inc(loop->metrics, MN_M_ACCEPT_DEFERRED);
    pause_accepting(loop, wait_ms > BUCKET_PAUSE_MIN_MS ? wait_ms : BUCKET_PAUSE_MIN_MS);
    return false;
}

static void bucket_give_back(struct mn_loop *loop)
{
    if (loop->cfg.accept_rate > 0)
        loop->bucket.credit += bucket_cost(loop);
}

/* ---- accepting --------------------------------------------------------- */

static void shed_one(struct mn_loop *loop, int listen_fd)
{
    if (loop->reserve_fd < 0)
        return;
    close(loop->reserve_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        mn_metric_inc(loop->metrics, MN_M_ACCEPT_SHED);
    }
    loop->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* True when the next one may be accepted at once. */
static bool on_accept_failure(struct mn_loop *loop, int listen_fd, int errnum)
{
    bool is_full = errnum == EMFILE || errnum == ENFILE;
    enum mn_room room = is_full ? mn_loop_make_room(loop) : MN_ROOM_NONE;
    uint64_t suppressed;
    if (mn_log_gate_pass(&loop->net->accept_gate, LOG_EVERY_MS, &suppressed))
        mn_log(loop->net->log, MN_LOG_ERROR, "accept_failed",
               MN_KV_Z("error", mn_err_text(mn_err_from_errno(errnum))), MN_KV_I("errno", errnum),
               MN_KV_U("suppressed", suppressed));
    if (is_full && room == MN_ROOM_NONE)
        shed_one(loop, listen_fd);
    if (room != MN_ROOM_MADE)
        pause_accepting(loop, room == MN_ROOM_SOON ? ROOM_PAUSE_MS : FD_PAUSE_MS);
    return room == MN_ROOM_MADE;
}

/* A connection that died in the backlog; the next one may be fine (accept(2), "Error handling"). */
static bool is_transient(int errnum)
{
    return errnum == ECONNABORTED || errnum == EINTR || errnum == EPROTO || errnum == ENETDOWN ||
           errnum == ENOPROTOOPT || errnum == EHOSTDOWN || errnum == ENONET ||
           errnum == EHOSTUNREACH || errnum == EOPNOTSUPP || errnum == ENETUNREACH;
}

enum place {
    PLACE_KEPT, /* counted: for the next connection */
    PLACE_NONE, /* it is accepted and closed */
    PLACE_LATER /* a pause has begun */
};

/* Counted before the accept, so that two loops cannot both have the last place. */
static bool keep_place(struct mn_loop *loop)
{
    _Atomic unsigned *count = &loop->net->conn_count;
    unsigned n = atomic_load(count);
    while (n < loop->cfg.max_connections)
        if (atomic_compare_exchange_weak(count, &n, n + 1))
            return true;
    return false;
}

static enum place find_place(struct mn_loop *loop)
{
    if (keep_place(loop))
        return PLACE_KEPT;
    enum mn_room room = mn_loop_make_room(loop);
    /* Nobody to send away may mean that another loop has just sent everybody away. */
    if (room != MN_ROOM_SOON && keep_place(loop))
        return PLACE_KEPT;
    if (room == MN_ROOM_NONE)
        return PLACE_NONE;
    pause_accepting(loop, ROOM_PAUSE_MS);
    return PLACE_LATER;
}

static bool address_enters(struct mn_loop *loop, const uint8_t peer[16])
{
    struct mn_net *net = loop->net;
    uint64_t suppressed;
    char text[64];
    if (mn_address_enter(net, peer, loop->cfg.max_connections_per_address))
        return true;
    if (net->http.is_shared != NULL && net->http.is_shared(net->http.ctx, peer) &&
        mn_address_enter(net, peer, 0))
        return true;
    mn_metric_inc(loop->metrics, MN_M_ADDRESS_REFUSED);
    if (mn_log_gate_pass(&net->address_gate, LOG_EVERY_MS, &suppressed)) {
        mn_peer_text(peer, text);
        mn_log(net->log, MN_LOG_WARN, "address_refused", MN_KV_Z("peer", text),
               MN_KV_U("most", loop->cfg.max_connections_per_address),
               MN_KV_U("suppressed", suppressed));
    }
    return false;
}

/* Whether there is a connection for the socket now; it stays the caller's if not. */
static bool admit(struct mn_loop *loop, int fd, const struct sockaddr *addr)
{
    uint8_t peer[16];
    mn_peer_set(peer, addr);
    if (!address_enters(loop, peer))
        return false;
    if (mn_conn_new(loop, fd, peer) != NULL) {
        mn_metric_inc(loop->metrics, MN_M_ACCEPTED);
        return true;
    }
    mn_address_leave(loop->net, peer);
    mn_metric_inc(loop->metrics, MN_M_ACCEPT_SHED);
    return false;
}

/* False when the listener has nothing to give; *ret_admitted: and a place was taken. */
static bool accept_for(struct mn_listener *listener, enum place place, bool *ret_admitted)
{
    struct mn_loop *loop = listener->loop;
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    int fd = accept4(listener->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (place == PLACE_NONE)
            mn_metric_inc(loop->metrics, MN_M_ACCEPT_SHED);
        else
            *ret_admitted = admit(loop, fd, (struct sockaddr *)&addr);
        if (!*ret_admitted)
            close(fd);
        return true;
    }
    bucket_give_back(loop);
    if (is_transient(errno))
        return true;
    return errno != EAGAIN && on_accept_failure(loop, listener->fd, errno);
}

/* False when this listener has nothing more to give, or accepting is paused. */
static bool accept_one(struct mn_listener *listener)
{
    struct mn_loop *loop = listener->loop;
    bool admitted = false;
    enum place place = find_place(loop);
    if (place == PLACE_LATER)
        return false;
    bool goes_on = bucket_take(loop) && accept_for(listener, place, &admitted);
    if (place == PLACE_KEPT && !admitted)
        mn_net_leave(loop->net);
    return goes_on;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    struct mn_listener *listener = mn_container_of(poll, struct mn_listener, poll);
    struct mn_loop *loop = listener->loop;
    (void)events;
    mn_loop_turn_begin(loop);
    if (status < 0) /* libuv has stopped watching; look again later */
        pause_accepting(loop, FD_PAUSE_MS);
    for (int i = 0; i < ACCEPT_BUDGET && listener->active; i++)
        if (!accept_one(listener))
            break;
    mn_loop_event_done(loop);
}

void mn_loop_listen(struct mn_loop *loop)
{
    for (unsigned i = 0; i < loop->listener_count; i++) {
        struct mn_listener *listener = &loop->listeners[i];
        if (!listener->active && uv_poll_start(&listener->poll, UV_READABLE, on_listener) == 0)
            listener->active = true;
    }
}

void mn_loop_close_listeners(struct mn_loop *loop)
{
    uv_timer_stop(&loop->accept_timer);
    for (unsigned i = 0; i < loop->listener_count; i++) {
        uv_close((uv_handle_t *)&loop->listeners[i].poll, NULL);
        close(loop->listeners[i].fd);
        loop->listeners[i].active = false;
    }
    loop->listener_count = 0;
}
