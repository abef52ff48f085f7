/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input of a connection.  One recv() a wake-up into the loop's shared
 * buffer; what is left after parsing (a frame that is not whole) is kept in
 * a buffer of the connection, which is put in front of the next read and
 * freed.  While a long frame is coming, new bytes are only appended until
 * it is whole, so that each byte is moved a constant number of times
 * however small the pieces are.
 *
 * Nobody takes more of a turn than a budget of bytes and frames: what is
 * over waits here, or in the kernel, until the other connections had theirs.
 * The socket is level-triggered: what one recv() left comes again.
 */
#include <errno.h>

#include "net/net_internal.h"

#define REST_MIN 64

void mn_conn_drop_input(struct mn_conn *conn)
{
    mn_free(conn->rest);
    conn->rest = NULL;
    conn->rest_n = conn->rest_cap = conn->need = 0;
    conn->session_memory = 0;
    mn_http_parse_free(conn->http);
    conn->http = NULL;
    mn_list_remove(&conn->resume);
    mn_conn_charge_input(conn);
}

/* Appends to the kept input. */
static bool keep(struct mn_conn *conn, const char *p, size_t n)
{
    size_t wanted = conn->rest_n + n;
    if (wanted > conn->rest_cap) {
        /* Doubling, but no further than the frame at hand, and never on its word alone. */
        size_t cap = (size_t)conn->rest_cap * 2;
        if (cap > conn->need)
            cap = conn->need;
        if (cap < wanted)
            cap = wanted < REST_MIN ? REST_MIN : wanted;
        char *rest = mn_try_realloc_array(conn->rest, cap, 1);
        if (rest == NULL)
            return false;
        conn->rest = rest;
        conn->rest_cap = (uint32_t)cap;
    }
    memcpy(conn->rest + conn->rest_n, p, n);
    conn->rest_n += (uint32_t)n;
    return true;
}

static bool wants_input(const struct mn_conn *conn)
{
    /* Who does not read is not read either: what it sends next would only add to the queue. */
    if (conn->state == MN_CONN_OPEN)
        return !conn->held && !conn->congested;
    /* Answers that the peer does not take hold up its next request. */
    return conn->state == MN_CONN_HTTP && conn->out.memory <= MN_HTTP_OUT_MAX;
}

/* Frames that the connection may still have processed in this turn. */
static unsigned turn_left(struct mn_conn *conn)
{
    if (conn->turn != conn->loop->turn) {
        conn->turn = conn->loop->turn;
        conn->turn_left = MN_TURN_FRAMES;
    }
    return conn->turn_left;
}

/* Takes what it can from p[0..n) and keeps the rest. */
static void process(struct mn_conn *conn, char *p, size_t n)
{
    size_t used = 0;
    conn->need = 0;
    turn_left(conn);
    if (conn->state == MN_CONN_HTTP)
        used = mn_conn_http_input(conn, p, n);
    if (used < n && conn->state == MN_CONN_OPEN) /* possibly since a moment ago */
        used += mn_conn_ws_input(conn, p + used, n - used);
    bool keeps = conn->state == MN_CONN_HTTP || conn->state == MN_CONN_BUSY ||
                 conn->state == MN_CONN_OPEN;
    if (used < n && keeps && !keep(conn, p + used, n - used)) {
        mn_conn_abort(conn, MN_CLOSE_MEMORY);
        return;
    }
    if (conn->turn_left == 0 && conn->rest_n > 0 && wants_input(conn))
        mn_conn_schedule_resume(conn);
}

static void on_eof(struct mn_conn *conn)
{
    conn->eof = true;
    if (conn->state == MN_CONN_LINGER)
        mn_conn_abort(conn, MN_CLOSE_PEER);
    else if (!mn_conn_http_refuse_doomed(conn))
        mn_conn_begin_close(conn, MN_CLOSE_PEER, conn->state != MN_CONN_OPEN);
}

/* Reads into the shared buffer behind `skip` bytes; 0 when there is nothing to process. */
static size_t receive(struct mn_conn *conn, size_t skip, size_t most)
{
    struct mn_loop *loop = conn->loop;
    size_t room = loop->read_size - skip;
    ssize_t n = recv(conn->fd, loop->read_buf + skip, room < most ? room : most, 0);
    if (n > 0) {
        mn_metric_inc(loop->metrics, MN_M_READS);
        mn_metric_add(loop->metrics, MN_M_BYTES_IN, n);
        conn->last_read_ms = mn_loop_now(loop);
        return (size_t)n;
    }
    if (n == 0)
        on_eof(conn);
    else if (errno != EAGAIN && errno != EINTR)
        mn_conn_abort(conn, MN_CLOSE_PEER);
    return 0;
}

static void read_input(struct mn_conn *conn)
{
    char *buf = conn->loop->read_buf;
    size_t skip = conn->rest_n;
    size_t missing = conn->need > skip ? conn->need - skip : 0;
    size_t n = receive(conn, skip, missing > MN_READ_TURN ? missing : MN_READ_TURN);
    if (n == 0)
        return;
    if (skip + n < conn->need) {
        if (!keep(conn, buf + skip, n))
            mn_conn_abort(conn, MN_CLOSE_MEMORY);
        return;
    }
    if (skip > 0) {
        memcpy(buf, conn->rest, skip);
        mn_free(conn->rest);
        conn->rest = NULL;
        conn->rest_n = conn->rest_cap = 0;
    }
    mn_loop_catch_up(conn->loop); /* the connection may be closing after it, the buffer another */
    process(conn, conn->loop->read_buf, skip + n);
}

static void discard_input(struct mn_conn *conn)
{
    size_t n = receive(conn, 0, MN_READ_TURN);
    mn_ignore((long)n);
}

static void on_readable(struct mn_conn *conn)
{
    if (conn->state == MN_CONN_LINGER)
        discard_input(conn);
    else if (!mn_list_is_empty(&conn->resume))
        return; /* what is buffered comes first, at the end of this turn */
    else if (wants_input(conn) && turn_left(conn) > 0)
        read_input(conn);
    else if (!wants_input(
                 conn)) /* it would come again at once: watch no longer until input is wanted */
        mn_conn_update_poll(conn, conn->poll_events & ~UV_READABLE);
}

void mn_conn_on_poll(uv_poll_t *poll, int status, int events)
{
    struct mn_conn *conn = mn_container_of(poll, struct mn_conn, poll);
    struct mn_loop *loop = conn->loop;
    mn_loop_turn_begin(loop);
    if (status < 0) { /* EPOLLERR: libuv watches no longer */
        conn->poll_events = 0;
        mn_conn_abort(conn, MN_CLOSE_PEER);
    } else {
        if ((events & UV_WRITABLE) != 0 && conn->blocked) {
            conn->blocked = false;
            mn_conn_mark_dirty(conn);
        }
        if ((events & UV_READABLE) != 0)
            on_readable(conn);
        mn_conn_charge_input(conn);
    }
    mn_loop_event_done(loop);
}

/* ---- hold and resume --------------------------------------------------- */

void mn_conn_schedule_resume(struct mn_conn *conn)
{
    if (mn_list_is_empty(&conn->resume))
        mn_list_push(&conn->loop->resume, &conn->resume);
}

void mn_conn_run_resume(struct mn_conn *conn)
{
    if (!wants_input(conn))
        return;
    if (turn_left(conn) == 0) { /* in the next turn */
        mn_conn_schedule_resume(conn);
        return;
    }
    char *rest = conn->rest;
    size_t n = conn->rest_n;
    if (n > 0 && n >= conn->need) {
        conn->rest = NULL;
        conn->rest_n = conn->rest_cap = 0;
        process(conn, rest, n);
        mn_free(rest);
    }
    mn_conn_charge_input(conn);
    if (wants_input(conn))
        mn_conn_update_poll(conn, conn->poll_events | UV_READABLE);
}

void mn_conn_hold(struct mn_conn *conn)
{
    if (conn->state == MN_CONN_OPEN)
        conn->held = true;
}

void mn_conn_resume(struct mn_conn *conn)
{
    if (conn->state != MN_CONN_OPEN || !conn->held)
        return;
    conn->held = false;
    conn->last_read_ms = mn_loop_now(conn->loop); /* silence was ours */
    mn_conn_update_timer(conn);
    mn_conn_schedule_resume(conn);
}
