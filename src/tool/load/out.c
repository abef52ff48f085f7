/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of the load connections.  Frames are written one after another
 * into the thread's one buffer as long as they are for the same connection,
 * and leave in one send(2); only what the socket does not take is copied to
 * the connection.  A connection that breaks here is shut down, and goes by
 * its next event: nothing below may free what the caller is working on.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/load/load.h"

#define WBUF_SIZE (64 * 1024)
/* A client's own backlog; beyond it its sends are skipped and counted. */
#define BACKLOG_MAX (256 * 1024)

void load_conn_arm(struct load_thread *th, struct load_conn *conn)
{
    struct epoll_event ev = {.data.ptr = conn};
    if (!conn->paused)
        ev.events |= EPOLLIN;
    else if (conn->kind == LOAD_CONN_NO_READ)
        ev.events |= EPOLLRDHUP; /* it never reads: the only sign that the server closed it */
    if (conn->want_write)
        ev.events |= EPOLLOUT;
    MN_BUG_ON(epoll_ctl(th->epfd, EPOLL_CTL_MOD, conn->fd, &ev) != 0);
}

static void want_write(struct load_thread *th, struct load_conn *conn, bool want)
{
    if (conn->want_write == want)
        return;
    conn->want_write = want;
    load_conn_arm(th, conn);
}

static size_t send_some(struct load_thread *th, struct load_conn *conn, const char *p, size_t n)
{
    ssize_t done = send(conn->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    th->count.writes++;
    if (done < 0) {
        if (errno != EAGAIN && errno != EINTR)
            mn_ignore(shutdown(conn->fd, SHUT_RDWR)); /* the event that follows reports it */
        return 0;
    }
    th->count.bytes_out += (size_t)done;
    return (size_t)done;
}

void load_out_flush(struct load_thread *th)
{
    struct load_conn *conn = th->out_conn;
    th->out_conn = NULL;
    size_t n = th->wbuf_n;
    th->wbuf_n = 0;
    if (!conn || n == 0)
        return;
    size_t done = conn->out.n ? 0 : send_some(th, conn, th->wbuf, n);
    if (done == n)
        return;
    /* load_out_room() saw to it that this fits. */
    if (mn_buf_add(&conn->out, th->wbuf + done, n - done) != MN_OK)
        mn_ignore(shutdown(conn->fd, SHUT_RDWR));
    want_write(th, conn, true);
}

char *load_out_room(struct load_thread *th, struct load_conn *conn, size_t need)
{
    MN_BUG_ON(conn->fd < 0 || need > WBUF_SIZE);
    if (th->out_conn != conn || th->wbuf_n + need > WBUF_SIZE)
        load_out_flush(th);
    if (conn->out.n > BACKLOG_MAX)
        return NULL;
    th->out_conn = conn;
    return th->wbuf + th->wbuf_n;
}

void load_out_commit(struct load_thread *th, size_t n)
{
    th->wbuf_n += n;
    th->count.frames_out++;
}

void load_out_resume(struct load_thread *th, struct load_conn *conn)
{
    size_t done = send_some(th, conn, conn->out.p, conn->out.n);
    mn_buf_consume(&conn->out, done);
    if (conn->out.n > 0)
        return;
    mn_buf_deinit(&conn->out);
    mn_buf_init(&conn->out, BACKLOG_MAX + WBUF_SIZE);
    want_write(th, conn, false);
}

void load_out_init(struct load_conn *conn) { mn_buf_init(&conn->out, BACKLOG_MAX + WBUF_SIZE); }

size_t load_out_buffer_size(void) { return WBUF_SIZE; }
