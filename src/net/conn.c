/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: slots, states, deadlines, and the ways to end.
 *
 * A connection ends in two steps.  mn_conn_begin_close() takes input and
 * session away at once; what is queued leaves in the turn's write phase,
 * then our FIN, and after the peer's (or a second) the socket is closed.
 * mn_conn_abort() goes straight to the end.  The slot is free again after
 * libuv's close callback, so a pointer stays valid memory until the turn is
 * over, and an id never comes back: its generation counts up with each use
 * of the slot.
 */
#include <errno.h>
#include <unistd.h>

#include "net/net_internal.h"

#define SLAB_SLOTS MN_SLAB_SLOTS
#define SLOT_BITS 24
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)
#define GENERATION_MAX UINT32_MAX /* 8 bits of loop, 32 of generation, 24 of slot */

struct mn_slab {
    uint64_t unused; /* keeps slots 16-byte aligned together with malloc's alignment */
    uint64_t unused2;
    char slots[];
};

/* ---- slots ------------------------------------------------------------- */

static struct mn_conn *slab_slot(struct mn_loop *loop, unsigned slot)
{
    return (struct mn_conn *)(loop->slabs[slot / SLAB_SLOTS]->slots +
                              (size_t)(slot % SLAB_SLOTS) * loop->conn_size);
}

struct mn_conn *mn_loop_slot(struct mn_loop *loop, unsigned slot)
{
    return slot < loop->slab_count * SLAB_SLOTS ? slab_slot(loop, slot) : NULL;
}

static uint64_t make_id(const struct mn_loop *loop, uint32_t generation, unsigned slot)
{
    return (uint64_t)loop->index << 56 | (uint64_t)generation << SLOT_BITS | slot;
}

static uint32_t generation_of(uint64_t id) { return (uint32_t)(id >> SLOT_BITS); }

/* Adds a slab of free slots; false without memory. */
static bool grow(struct mn_loop *loop)
{
    if ((uint64_t)(loop->slab_count + 1) * SLAB_SLOTS > SLOT_MASK)
        return false;
    struct mn_slab *slab = mn_try_alloc(sizeof(*slab) + SLAB_SLOTS * loop->conn_size);
    struct mn_slab **slabs = slab != NULL ? mn_try_realloc_array(loop->slabs, loop->slab_count + 1,
                                                                 sizeof(*slabs))
                                          : NULL;
    if (slabs == NULL) {
        mn_free(slab);
        return false;
    }
    loop->slabs = slabs;
    loop->slabs[loop->slab_count++] = slab;
    for (unsigned i = 0; i < SLAB_SLOTS; i++) {
        unsigned slot = (loop->slab_count - 1) * SLAB_SLOTS + i;
        struct mn_conn *conn = slab_slot(loop, slot);
        memset(conn, 0, sizeof(*conn));
        conn->id = make_id(loop, 0, slot);
        mn_list_push(&loop->free, &conn->link);
    }
    return true;
}

void mn_loop_free_slabs(struct mn_loop *loop)
{
    for (unsigned i = 0; i < loop->slab_count; i++)
        mn_free(loop->slabs[i]);
    mn_free(loop->slabs);
    loop->slabs = NULL;
    loop->slab_count = 0;
}

static void init_slot(struct mn_conn *conn, struct mn_loop *loop, uint64_t id, int fd)
{
    memset(conn, 0, sizeof(*conn));
    conn->loop = loop;
    conn->id = id;
    conn->fd = fd;
    mn_list_init(&conn->link);
    mn_list_init(&conn->resume);
    mn_list_init(&conn->crowd);
    mn_wheel_node_init(&conn->timer);
    conn->last_read_ms = conn->last_write_ms = conn->last_said_ms = mn_loop_now(loop);
}

struct mn_conn *mn_conn_new(struct mn_loop *loop, int take_fd, const uint8_t peer[16])
{
    if (mn_list_is_empty(&loop->free) && !grow(loop))
        return NULL;
    struct mn_conn *conn = mn_container_of(mn_list_pop(&loop->free), struct mn_conn, link);
    uint64_t id = make_id(loop, generation_of(conn->id) + 1, (unsigned)(conn->id & SLOT_MASK));
    init_slot(conn, loop, id, take_fd);
    if (uv_poll_init(&loop->uv, &conn->poll, take_fd) != 0) {
        mn_list_push(&loop->free, &conn->link);
        return NULL;
    }
    memcpy(conn->peer, peer, sizeof(conn->peer));
    loop->conn_count++;
    mn_crowd_count(conn, 1);
    mn_metric_inc(loop->metrics, MN_M_CONN_OPEN);
    mn_conn_set_state(conn, MN_CONN_HTTP);
    conn->deadline_ms = conn->last_read_ms + loop->cfg.handshake_timeout_ms;
    mn_conn_update_timer(conn);
    mn_conn_update_poll(conn, UV_READABLE);
    return conn;
}

struct mn_conn *mn_loop_find_any(struct mn_loop *loop, uint64_t conn_id)
{
    struct mn_conn *conn = mn_loop_slot(loop, (unsigned)(conn_id & SLOT_MASK));
    return conn != NULL && conn->id == conn_id && conn->state != MN_CONN_FREE ? conn : NULL;
}

struct mn_conn *mn_loop_find(struct mn_loop *loop, uint64_t conn_id)
{
    struct mn_conn *conn = mn_loop_find_any(loop, conn_id);
    return conn != NULL && mn_conn_is_ws(conn) ? conn : NULL;
}

/* ---- states ------------------------------------------------------------ */

#define BIT(state) (1u << (state))

/* States that may follow each state. */
static const unsigned successors[MN_CONN_STATE_COUNT] = {
    [MN_CONN_FREE] = BIT(MN_CONN_HTTP),
    [MN_CONN_HTTP] = BIT(MN_CONN_BUSY) | BIT(MN_CONN_OPEN) | BIT(MN_CONN_CLOSING) |
                     BIT(MN_CONN_DEAD),
    [MN_CONN_BUSY] = BIT(MN_CONN_HTTP) | BIT(MN_CONN_CLOSING) | BIT(MN_CONN_DEAD),
    [MN_CONN_OPEN] = BIT(MN_CONN_DOOMED) | BIT(MN_CONN_CLOSING) | BIT(MN_CONN_DEAD),
    [MN_CONN_DOOMED] = BIT(MN_CONN_CLOSING) | BIT(MN_CONN_DEAD),
    [MN_CONN_CLOSING] = BIT(MN_CONN_LINGER) | BIT(MN_CONN_DEAD),
    [MN_CONN_LINGER] = BIT(MN_CONN_DEAD),
    [MN_CONN_DEAD] = BIT(MN_CONN_FREE),
};

/* In which a connection is not one of those that wait: a handler has it, or it is gone. */
#define BUSY_STATES (BIT(MN_CONN_BUSY) | BIT(MN_CONN_DEAD) | BIT(MN_CONN_FREE))

void mn_conn_set_state(struct mn_conn *conn, enum mn_conn_state state)
{
    MN_BUG_ON((successors[conn->state] & BIT(state)) == 0);
    bool was_ws = mn_conn_is_ws(conn);
    conn->state = state;
    if (mn_conn_is_ws(conn) != was_ws) {
        conn->loop->ws_count += was_ws ? -1u : 1u;
        mn_metric_add(conn->loop->metrics, MN_M_WS_OPEN, was_ws ? -1 : 1);
    }
    conn->deadline_ms = 0;
    if ((BIT(state) & BUSY_STATES) != 0)
        mn_crowd_leave(conn);
    else
        mn_crowd_join(conn);
}

void mn_conn_update_poll(struct mn_conn *conn, int events)
{
    if (events == conn->poll_events)
        return;
    conn->poll_events = (uint8_t)events;
    if (events == 0)
        uv_poll_stop(&conn->poll);
    else if (uv_poll_start(&conn->poll, events, mn_conn_on_poll) != 0)
        mn_bug(__FILE__, __LINE__, "uv_poll_start"); /* only for a closing handle */
}

/* ---- deadlines --------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b) { return b != 0 && b < a ? b : a; }

/* 0 (never) when that kind of idleness is not looked at. */
static uint64_t idle_at(uint64_t last_ms, uint32_t idle_ms)
{
    return idle_ms != 0 ? last_ms + idle_ms : 0;
}

static bool is_over(uint64_t at_ms, uint64_t now_ms) { return at_ms != 0 && now_ms >= at_ms; }

static uint64_t next_deadline(const struct mn_conn *conn)
{
    const struct mn_net_config *cfg = &conn->loop->cfg;
    uint64_t at = earlier(UINT64_MAX, conn->deadline_ms);
    if (conn->state == MN_CONN_OPEN) {
        at = earlier(at, conn->user_ms);
        at = earlier(at, idle_at(conn->last_said_ms, cfg->writer_idle_ms));
        at = earlier(at, idle_at(conn->last_write_ms, cfg->ping_idle_ms));
        if (!conn->held && !conn->congested)
            at = earlier(at, idle_at(conn->last_read_ms, cfg->reader_idle_ms));
    } else if (conn->blocked) {
        at = earlier(at, conn->last_write_ms + MN_HTTP_STALL_MS);
    }
    return at;
}

void mn_conn_update_timer(struct mn_conn *conn)
{
    uint64_t at = next_deadline(conn);
    /* A later deadline is found out when the earlier one fires: activity costs nothing. */
    if (at == UINT64_MAX ||
        (mn_wheel_is_armed(&conn->timer) && conn->timer.tick * MN_WHEEL_TICK_MS <= at))
        return;
    mn_wheel_set(&conn->loop->wheel, &conn->timer, at);
}

/*
 * Nothing was written for ping_idle_ms: a ping that no client's program sees
 * keeps proxies from cutting the connection.  The handler's idleness goes on.
 */
static void ping_when_idle(struct mn_conn *conn, uint64_t now_ms)
{
    if (conn->state != MN_CONN_OPEN ||
        !is_over(idle_at(conn->last_write_ms, conn->loop->cfg.ping_idle_ms), now_ms))
        return;
    conn->last_write_ms = now_ms;
    if (conn->out.count > 0)
        return; /* it waits for the peer as it is */
    struct mn_chunk *ping = mn_chunk_new(0);
    if (ping == NULL)
        return; /* the next one may find memory */
    mn_chunk_seal_ws(ping, MN_WS_OP_PING, 0);
    if (mn_conn_send(conn, ping, MN_SEND_REPLY) == MN_OK)
        conn->only_ping = true;
}

static void on_open_timer(struct mn_conn *conn, uint64_t now_ms)
{
    struct mn_loop *loop = conn->loop;
    const struct mn_net_ws_handler *handler = &loop->net->ws;
    if (is_over(conn->deadline_ms, now_ms)) {
        conn->deadline_ms = 0;
        mn_log(loop->net->log, MN_LOG_WARN, "ws backpressure: closing slow consumer channel",
               MN_KV_U("conn", conn->id), MN_KV_U("queued", conn->out.memory));
        mn_conn_close(conn, MN_CLOSE_SLOW, MN_WS_CLOSE_NORMAL, "Bye");
        return;
    }
    if (!conn->held && !conn->congested &&
        is_over(idle_at(conn->last_read_ms, loop->cfg.reader_idle_ms), now_ms)) {
        mn_conn_close(conn, MN_CLOSE_IDLE, MN_WS_CLOSE_NORMAL, "Bye");
        return;
    }
    if (is_over(conn->user_ms, now_ms)) {
        conn->user_ms = 0;
        if (handler->on_ws_timer != NULL)
            handler->on_ws_timer(handler->ctx, conn);
    }
    if (conn->state == MN_CONN_OPEN &&
        is_over(idle_at(conn->last_said_ms, loop->cfg.writer_idle_ms), now_ms)) {
        conn->last_said_ms = conn->last_write_ms = now_ms;
        if (handler->on_ws_writer_idle != NULL)
            handler->on_ws_writer_idle(handler->ctx, conn);
    }
    ping_when_idle(conn, now_ms);
}

static void on_http_timer(struct mn_conn *conn, uint64_t now_ms)
{
    if (conn->blocked && now_ms >= conn->last_write_ms + MN_HTTP_STALL_MS)
        mn_conn_abort(conn, MN_CLOSE_SLOW);
    else if (!is_over(conn->deadline_ms, now_ms))
        return;
    else if (mn_conn_http_refuse_doomed(conn))
        return;
    else if (conn->http != NULL)
        mn_conn_http_refuse(conn, mn_http_parse_partial(conn->http), 408, MN_CLOSE_HANDSHAKE);
    else
        mn_conn_begin_close(conn, conn->served ? MN_CLOSE_IDLE : MN_CLOSE_HANDSHAKE, true);
}

void mn_conn_on_timer(struct mn_conn *conn)
{
    uint64_t now_ms = mn_loop_now(conn->loop);
    switch (conn->state) {
    case MN_CONN_OPEN:
        on_open_timer(conn, now_ms);
        break;
    case MN_CONN_HTTP:
    case MN_CONN_BUSY:
        on_http_timer(conn, now_ms);
        break;
    case MN_CONN_CLOSING:
    case MN_CONN_LINGER:
        if (now_ms >= next_deadline(conn))
            mn_conn_abort(conn, MN_CLOSE_PEER);
        break;
    case MN_CONN_FREE:
    case MN_CONN_DOOMED:
    case MN_CONN_DEAD:
    case MN_CONN_STATE_COUNT:
        break;
    }
    if (conn->state != MN_CONN_DEAD)
        mn_conn_update_timer(conn);
}

void mn_conn_set_timer(struct mn_conn *conn, uint64_t deadline_mono_ms)
{
    if (conn->state != MN_CONN_OPEN)
        return;
    conn->user_ms = deadline_mono_ms;
    mn_conn_update_timer(conn);
}

/* ---- ends -------------------------------------------------------------- */

static void count_close(struct mn_conn *conn, enum mn_close_cause cause)
{
    static const enum mn_metric metric[MN_CLOSE_COUNT] = {
        [MN_CLOSE_PEER] = MN_M_CLOSE_PEER,
        [MN_CLOSE_PROTOCOL] = MN_M_CLOSE_PROTOCOL,
        [MN_CLOSE_APP] = MN_M_CLOSE_APP,
        [MN_CLOSE_IDLE] = MN_M_CLOSE_IDLE,
        [MN_CLOSE_HANDSHAKE] = MN_M_CLOSE_HANDSHAKE,
        [MN_CLOSE_SLOW] = MN_M_CLOSE_SLOW,
        [MN_CLOSE_MEMORY] = MN_M_CLOSE_MEMORY,
        [MN_CLOSE_CROWD] = MN_M_CLOSE_CROWD,
        [MN_CLOSE_SHUTDOWN] = MN_M_CLOSE_SHUTDOWN,
    };
    mn_metric_inc(conn->loop->metrics, metric[cause]);
}

/* What both ways to end have in common; true when the connection was still in use. */
static bool end_use(struct mn_conn *conn, enum mn_conn_state next, enum mn_close_cause cause)
{
    const struct mn_net_ws_handler *handler = &conn->loop->net->ws;
    bool was_open = mn_conn_is_ws(conn);
    bool in_use = was_open || conn->state == MN_CONN_HTTP || conn->state == MN_CONN_BUSY;
    mn_conn_set_state(conn, next);
    if (!in_use)
        return false;
    count_close(conn, cause);
    mn_conn_drop_input(conn);
    conn->user_ms = 0;
    if (was_open && handler->on_ws_close != NULL)
        handler->on_ws_close(handler->ctx, conn, cause);
    return true;
}

void mn_conn_begin_close(struct mn_conn *conn, enum mn_close_cause cause, bool patient)
{
    conn->patient = patient;
    if (end_use(conn, MN_CONN_CLOSING, cause))
        mn_conn_mark_dirty(conn);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct mn_conn *conn = mn_container_of((uv_poll_t *)handle, struct mn_conn, poll);
    struct mn_loop *loop = conn->loop;
    mn_conn_set_state(conn, MN_CONN_FREE);
    loop->conn_count--;
    if (generation_of(conn->id) < GENERATION_MAX)
        mn_list_push(&loop->free, &conn->link);
}

/* The last connection is gone: mn_net_stop() may be waiting for that. */
static void signal_idle(struct mn_net *net)
{
    pthread_mutex_lock(&net->idle_lock);
    pthread_cond_broadcast(&net->idle);
    pthread_mutex_unlock(&net->idle_lock);
}

void mn_net_leave(struct mn_net *net)
{
    if (atomic_fetch_sub(&net->conn_count, 1) == 1)
        signal_idle(net);
}

void mn_conn_abort(struct mn_conn *conn, enum mn_close_cause cause)
{
    struct mn_loop *loop = conn->loop;
    if (conn->state == MN_CONN_FREE || conn->state == MN_CONN_DEAD)
        return;
    end_use(conn, MN_CONN_DEAD, cause);
    mn_conn_drop_input(conn);
    mn_ws_rx_deinit(&conn->rx);
    mn_conn_charge_input(conn);
    mn_conn_drop_output(conn);
    mn_list_remove(&conn->link);
    mn_list_remove(&conn->resume);
    mn_wheel_clear(&loop->wheel, &conn->timer);
    uv_close((uv_handle_t *)&conn->poll, on_handle_closed);
    close(conn->fd);
    mn_address_leave(loop->net, conn->peer);
    mn_metric_add(loop->metrics, MN_M_CONN_OPEN, -1);
    mn_net_leave(loop->net);
    mn_crowd_count(conn, -1); /* last: a loop that does not see it any more finds its place free */
}

void mn_conn_finish_close(struct mn_conn *conn)
{
    if (conn->eof || shutdown(conn->fd, SHUT_WR) != 0) {
        mn_conn_abort(conn, MN_CLOSE_PEER);
        return;
    }
    /* Closing now could reset the connection and destroy what the peer has not read yet. */
    mn_conn_set_state(conn, MN_CONN_LINGER);
    conn->deadline_ms = mn_loop_now(conn->loop) + MN_LINGER_MS;
    mn_conn_update_timer(conn);
    mn_conn_update_poll(conn, UV_READABLE);
}

void mn_conn_doom(struct mn_conn *conn, enum mn_close_cause cause)
{
    if (conn->state != MN_CONN_OPEN)
        return;
    mn_conn_set_state(conn, MN_CONN_DOOMED);
    conn->doom = cause;
    mn_conn_mark_dirty(conn);
}

/* ---- accessors --------------------------------------------------------- */

uint64_t mn_conn_id(const struct mn_conn *conn) { return conn->id; }

struct mn_loop *mn_conn_loop(const struct mn_conn *conn) { return conn->loop; }

void *mn_conn_session(struct mn_conn *conn) { return conn + 1; }

void mn_conn_peer(const struct mn_conn *conn, char p[64]) { mn_peer_text(conn->peer, p); }

bool mn_conn_is_congested(const struct mn_conn *conn) { return conn->congested; }
