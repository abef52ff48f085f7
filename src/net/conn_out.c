/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of a connection: a queue of shared chunks, written once a turn.
 *
 * System calls are the budget, so small chunks are copied together into one
 * piece, long ones go by reference, and all leave in one sendmsg().  When
 * the socket is full, the rest waits for WRITABLE.  Above the high watermark
 * the connection is congested: pushes are refused and nothing is read until
 * it falls below the low one, and it is closed if that takes too long; at
 * twice the high watermark it is closed at once.  The marks are for the
 * memory that the queue takes (memory.c), not for bytes on the wire.
 * Closing for these reasons happens in the write phase and never inside
 * mn_conn_send(), so callers keep their session.
 */
#include <errno.h>
#include <sys/uio.h>

#include "net/net_internal.h"

#define RING_MIN 16
#define IOV_MAX_USED 64
#define COPY_MAX 1024 /* longer ones are cheaper as an element of their own */

enum write_result { WRITE_DONE, WRITE_FULL, WRITE_ERROR };

/* ---- the ring ---------------------------------------------------------- */

static void charge(struct mn_conn *conn, int64_t memory)
{
    conn->out.memory = (size_t)((int64_t)conn->out.memory + memory);
    conn->loop->held += memory;
}

static void charge_ring(struct mn_conn *conn, uint32_t slots, int sign)
{
    charge(conn, sign * (int64_t)mn_mem_cost(slots * sizeof(struct mn_chunk *)));
}

/* The chunk is in this queue now: charged to the loop unless another queue has it too. */
static void link_chunk(struct mn_conn *conn, struct mn_chunk *chunk)
{
    size_t memory = mn_chunk_memory(chunk);
    conn->out.memory += memory;
    if (atomic_fetch_add_explicit(&chunk->links, 1, memory_order_relaxed) == 0)
        conn->loop->held += (int64_t)memory;
}

static void unlink_chunk(struct mn_conn *conn, struct mn_chunk *chunk)
{
    size_t memory = mn_chunk_memory(chunk);
    conn->out.memory -= memory;
    if (atomic_fetch_sub_explicit(&chunk->links, 1, memory_order_relaxed) == 1)
        conn->loop->held -= (int64_t)memory;
    if (chunk == conn->out.pong)
        conn->out.pong = NULL;
    mn_chunk_unref(chunk);
}

static bool ring_grow(struct mn_conn *conn)
{
    struct mn_outq *out = &conn->out;
    struct mn_loop *loop = conn->loop;
    if (out->cap == 0 && loop->ring_cached > 0) {
        out->ring = loop->ring_cache[--loop->ring_cached];
        out->cap = RING_MIN;
        charge_ring(conn, RING_MIN, 1);
        return true;
    }
    uint32_t cap = out->cap > 0 ? out->cap * 2 : RING_MIN;
    struct mn_chunk **ring = mn_try_alloc(cap * sizeof(*ring));
    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < out->count; i++)
        ring[i] = out->ring[(out->head + i) & (out->cap - 1)];
    charge_ring(conn, out->cap, -1);
    charge_ring(conn, cap, 1);
    mn_free(out->ring);
    out->ring = ring;
    out->cap = cap;
    out->head = 0;
    return true;
}

/* An idle connection holds no ring. */
static void ring_release(struct mn_conn *conn)
{
    struct mn_outq *out = &conn->out;
    struct mn_loop *loop = conn->loop;
    charge_ring(conn, out->cap, -1);
    MN_BUG_ON(out->memory != 0);
    if (out->cap == RING_MIN && loop->ring_cached < MN_RING_CACHE)
        loop->ring_cache[loop->ring_cached++] = out->ring;
    else
        mn_free(out->ring);
    *out = (struct mn_outq){0};
}

void mn_loop_free_rings(struct mn_loop *loop)
{
    while (loop->ring_cached > 0)
        mn_free(loop->ring_cache[--loop->ring_cached]);
}

void mn_conn_drop_output(struct mn_conn *conn)
{
    struct mn_outq *out = &conn->out;
    for (uint32_t i = 0; i < out->count; i++)
        unlink_chunk(conn, out->ring[(out->head + i) & (out->cap - 1)]);
    if (out->cap > 0)
        ring_release(conn);
}

bool mn_conn_queue(struct mn_conn *conn, struct mn_chunk *take_chunk)
{
    struct mn_outq *out = &conn->out;
    if (take_chunk == NULL)
        return false;
    if (out->count == out->cap && !ring_grow(conn)) {
        mn_chunk_unref(take_chunk);
        return false;
    }
    out->ring[(out->head + out->count++) & (out->cap - 1)] = take_chunk;
    out->bytes += take_chunk->len;
    link_chunk(conn, take_chunk);
    conn->only_ping = false;
    if (!conn->blocked)
        mn_conn_mark_dirty(conn);
    return true;
}

/* Takes `n` sent bytes off the queue. */
static void advance(struct mn_conn *conn, size_t n)
{
    struct mn_outq *out = &conn->out;
    out->bytes -= n;
    n += out->skip;
    while (out->count > 0) {
        struct mn_chunk *chunk = out->ring[out->head];
        if (n < chunk->len)
            break;
        n -= chunk->len;
        out->head = (out->head + 1) & (out->cap - 1);
        out->count--;
        unlink_chunk(conn, chunk);
    }
    out->skip = (uint32_t)n;
    if (out->count == 0)
        ring_release(conn);
}

/* ---- writing ----------------------------------------------------------- */

/* Fills iov from the queue's head; returns elements used, *ret_bytes their sum. */
static int gather(struct mn_conn *conn, struct iovec *iov, size_t *ret_bytes)
{
    const struct mn_outq *out = &conn->out;
    char *scratch = conn->loop->scratch;
    size_t copied = 0, total = 0;
    bool last_is_copy = false;
    int count = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        struct mn_chunk *chunk = out->ring[(out->head + i) & (out->cap - 1)];
        uint32_t skip = i == 0 ? out->skip : 0;
        const char *p = chunk->p + skip;
        size_t n = chunk->len - skip;
        bool copy = n <= COPY_MAX && out->count > 1;
        if (copy && copied + n > MN_SCRATCH)
            break;
        if (!(copy && last_is_copy)) {
            if (count == IOV_MAX_USED)
                break;
            iov[count++] = (struct iovec){.iov_base = copy ? scratch + copied : (char *)p};
        }
        if (copy) {
            memcpy(scratch + copied, p, n);
            copied += n;
        }
        iov[count - 1].iov_len += n;
        total += n;
        last_is_copy = copy;
    }
    *ret_bytes = total;
    return count;
}

static enum write_result write_out(struct mn_conn *conn)
{
    struct mn_loop *loop = conn->loop;
    while (conn->out.count > 0) {
        struct iovec iov[IOV_MAX_USED];
        size_t total;
        int count = gather(conn, iov, &total);
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};
        ssize_t n = count == 1 ? send(conn->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
                               : sendmsg(conn->fd, &msg, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? WRITE_FULL : WRITE_ERROR;
        mn_metric_inc(loop->metrics, MN_M_WRITES);
        mn_metric_add(loop->metrics, MN_M_BYTES_OUT, n);
        conn->last_write_ms = mn_loop_now(loop);
        if (!conn->only_ping)
            conn->last_said_ms = conn->last_write_ms;
        advance(conn, (size_t)n);
        if ((size_t)n < total)
            return WRITE_FULL;
    }
    return WRITE_DONE;
}

/* ---- pressure ---------------------------------------------------------- */

static void set_congested(struct mn_conn *conn, bool congested)
{
    int32_t patience_ms = conn->loop->cfg.close_unwritable_after_ms;
    conn->congested = congested;
    conn->deadline_ms = congested && patience_ms >= 0
                            ? mn_loop_now(conn->loop) + (uint64_t)patience_ms
                            : 0;
    if (!congested) { /* meanwhile nothing was read: its silence was ours */
        conn->last_read_ms = mn_loop_now(conn->loop);
        mn_conn_schedule_resume(conn);
    }
    mn_conn_update_timer(conn);
}

static void tell_pressure(struct mn_conn *conn)
{
    const struct mn_net_ws_handler *handler = &conn->loop->net->ws;
    if (conn->state != MN_CONN_OPEN || conn->congested == conn->pressure_told)
        return;
    conn->pressure_told = conn->congested;
    if (handler->on_ws_pressure != NULL)
        handler->on_ws_pressure(handler->ctx, conn, conn->congested);
}

/* Writes now instead of at the end of the turn; what is left waits for WRITABLE from then on. */
static void write_early(struct mn_conn *conn)
{
    if (!conn->blocked) {
        enum write_result result = write_out(conn);
        conn->blocked = result == WRITE_FULL;
        if (result == WRITE_ERROR)
            mn_conn_doom(conn, MN_CLOSE_PEER);
    }
    mn_conn_mark_dirty(conn); /* the write phase tells the handler and watches for WRITABLE */
}

/*
 * Behind the high watermark.  The limit is for what the socket does not
 * take, so it is tried first: a burst to a healthy peer is no congestion.
 */
static void on_high_watermark(struct mn_conn *conn)
{
    write_early(conn);
    if (conn->state == MN_CONN_OPEN && conn->out.memory > conn->loop->cfg.high_watermark)
        set_congested(conn, true);
}

enum mn_err mn_conn_send(struct mn_conn *conn, struct mn_chunk *take_chunk, enum mn_send kind)
{
    const struct mn_net_config *cfg = &conn->loop->cfg;
    mn_loop_assert_thread(conn->loop);
    if (conn->state != MN_CONN_OPEN || take_chunk == NULL) {
        mn_chunk_unref(take_chunk);
        return MN_ECLOSED;
    }
    if (kind == MN_SEND_PUSH && conn->congested) {
        mn_chunk_unref(take_chunk);
        return MN_EBUSY;
    }
    size_t memory = conn->out.memory + mn_chunk_memory(take_chunk);
    unsigned opcode = (unsigned char)*take_chunk->p & 0x0f;
    if (conn->congested && memory > (size_t)cfg->high_watermark * 2) {
        mn_chunk_unref(take_chunk);
        mn_conn_doom(conn, MN_CLOSE_SLOW);
        return MN_ECLOSED;
    }
    if (!mn_conn_queue(conn, take_chunk)) {
        mn_conn_doom(conn, MN_CLOSE_MEMORY);
        return MN_ECLOSED;
    }
    if ((opcode & 0x08) != 0)
        mn_metric_inc(conn->loop->metrics, MN_M_FRAME_OUT_CONTROL);
    if (opcode == MN_WS_OP_PING && conn->pings_open < UINT8_MAX)
        conn->pings_open++;
    if (MN_UNLIKELY(memory > cfg->high_watermark) && !conn->congested)
        on_high_watermark(conn);
    return MN_OK;
}

/* ---- pongs ------------------------------------------------------------- */

/* The waiting PONG, unless its first bytes are on the wire already. */
static struct mn_chunk *waiting_pong(const struct mn_conn *conn)
{
    const struct mn_outq *out = &conn->out;
    bool has_begun = out->pong != NULL && out->ring[out->head] == out->pong && out->skip > 0;
    return has_begun ? NULL : out->pong;
}

/*
 * RFC 6455, 5.5.3: of several PINGs the latest need be answered only.  A
 * peer that reads gets all its answers; for one that does not, one waits.
 */
void mn_conn_send_pong(struct mn_conn *conn, const char *p, size_t n)
{
    if (waiting_pong(conn) != NULL && !conn->blocked)
        write_early(conn);
    struct mn_chunk *chunk = waiting_pong(conn);
    bool is_new = chunk == NULL;
    if (is_new && (chunk = mn_chunk_new(MN_WS_CONTROL_MAX)) == NULL) {
        mn_conn_doom(conn, MN_CLOSE_MEMORY);
        return;
    }
    conn->out.bytes -= is_new ? 0 : chunk->len;
    memcpy(mn_chunk_payload(chunk), p, n);
    mn_chunk_seal_ws(chunk, MN_WS_OP_PONG, n);
    if (!is_new)
        conn->out.bytes += chunk->len;
    else if (mn_conn_send(conn, chunk, MN_SEND_REPLY) == MN_OK && conn->out.count > 0)
        conn->out.pong = chunk;
}

/* ---- write phase ------------------------------------------------------- */

void mn_conn_mark_dirty(struct mn_conn *conn)
{
    if (conn->dirty)
        return;
    conn->dirty = true;
    mn_list_remove(&conn->link); /* from loop->stuck */
    mn_list_push(&conn->loop->dirty, &conn->link);
}

static void wait_writable(struct mn_conn *conn)
{
    conn->blocked = true;
    if (!conn->dirty)
        mn_list_push(&conn->loop->stuck, &conn->link);
    mn_conn_update_poll(conn, conn->poll_events | UV_WRITABLE);
    mn_conn_update_timer(conn);
}

static void on_written(struct mn_conn *conn)
{
    conn->blocked = false;
    if (conn->state == MN_CONN_CLOSING) {
        mn_conn_finish_close(conn);
        return;
    }
    mn_conn_update_poll(conn, conn->poll_events & ~UV_WRITABLE);
    if (conn->state == MN_CONN_HTTP)
        mn_conn_http_drained(conn);
}

static void on_full(struct mn_conn *conn)
{
    if (conn->state == MN_CONN_CLOSING && !conn->patient)
        mn_conn_abort(conn, MN_CLOSE_SLOW); /* W-1.4: closed at once */
    else
        wait_writable(conn);
}

static void end_doomed(struct mn_conn *conn)
{
    if (conn->doom == MN_CLOSE_PEER)
        mn_conn_abort(conn, conn->doom);
    else
        mn_conn_close(conn, conn->doom, MN_WS_CLOSE_NORMAL, "Bye"); /* dirty again: flushed next */
}

void mn_conn_flush(struct mn_conn *conn)
{
    conn->dirty = false;
    if (conn->state == MN_CONN_FREE || conn->state == MN_CONN_DEAD || conn->state == MN_CONN_LINGER)
        return;
    if (conn->state == MN_CONN_DOOMED) {
        end_doomed(conn);
        return;
    }
    if (conn->state == MN_CONN_CLOSING) {
        mn_ws_rx_deinit(&conn->rx);
        mn_conn_charge_input(conn);
    }
    bool gives_up = conn->state == MN_CONN_CLOSING && !conn->patient;
    if (conn->blocked && !gives_up) {
        on_full(conn);
    } else {
        switch (write_out(conn)) {
        case WRITE_DONE:
            on_written(conn);
            break;
        case WRITE_FULL:
            on_full(conn);
            break;
        case WRITE_ERROR:
            mn_conn_abort(conn, MN_CLOSE_PEER);
            break;
        }
    }
    if (conn->congested && conn->out.memory < conn->loop->cfg.low_watermark &&
        conn->state == MN_CONN_OPEN)
        set_congested(conn, false);
    tell_pressure(conn);
}
