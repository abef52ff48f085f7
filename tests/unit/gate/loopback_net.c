/* SPDX-License-Identifier: Apache-2.0 */
/* The transport and the workers, played: see loopback.h. */
#include "base/mem.h"
#include "unit/gate/loopback.h"

/* ---- base/pool.h ---- */

struct mn_pool *mn_pool_new(unsigned threads, size_t queue_limit, const char *name)
{
    (void)threads, (void)queue_limit, (void)name;
    lb->pool.is_full = false;
    return &lb->pool;
}

enum mn_err mn_pool_submit(struct mn_pool *pool, struct mn_job *job)
{
    if (pool->is_full)
        return MN_EBUSY;
    job->next = NULL;
    if (pool->last)
        pool->last->next = job;
    else
        pool->first = job;
    pool->last = job;
    pool->depth++;
    return MN_OK;
}

bool lb_work_nth(unsigned n)
{
    struct mn_pool *pool = &lb->pool;
    struct mn_job **link = &pool->first, *job, *before = NULL;
    while ((job = *link) != NULL && n-- > 0) {
        before = job;
        link = &job->next;
    }
    if (!job)
        return false;
    *link = job->next;
    if (pool->last == job)
        pool->last = before;
    pool->depth--;
    job->run(job, 0);
    return true;
}

bool lb_work(void) { return lb_work_nth(0); }

size_t mn_pool_depth(const struct mn_pool *pool) { return pool->depth; }

void mn_pool_stop(struct mn_pool *pool)
{
    while (lb_work())
        ;
    pool->is_full = true; /* it takes nothing more */
}

void mn_pool_free(struct mn_pool *pool) { (void)pool; }

/* ---- net/net.h: loops ---- */

void mn_loop_post_chain(struct mn_loop *loop, struct mn_task *first, struct mn_task *last)
{
    last->next = NULL;
    if (loop->last)
        loop->last->next = first;
    else
        loop->first = first;
    loop->last = last;
}

void mn_loop_post(struct mn_loop *loop, struct mn_task *task)
{
    mn_loop_post_chain(loop, task, task);
}

bool lb_run_post(unsigned index)
{
    struct mn_loop *loop = &lb->net.loop[index];
    struct mn_task *task = loop->first;
    if (!task)
        return false;
    loop->first = task->next;
    if (!loop->first)
        loop->last = NULL;
    task->run(task, loop);
    return true;
}

void lb_run_posts(void)
{
    while (lb_run_post(0) | lb_run_post(1))
        ;
}

unsigned mn_net_loop_count(const struct mn_net *net)
{
    (void)net;
    return LB_LOOPS;
}
struct mn_loop *mn_net_loop(struct mn_net *net, unsigned index) { return &net->loop[index]; }
struct mn_loop *mn_net_loop_of(struct mn_net *net, uint64_t id)
{
    return &net->loop[id % LB_LOOPS];
}
unsigned mn_loop_index(const struct mn_loop *loop) { return loop->index; }
struct mn_metrics_shard *mn_loop_metrics(struct mn_loop *loop) { return loop->metrics; }
uint64_t mn_loop_mono_ms(const struct mn_loop *loop) { return loop->net->mono_ms; }
uint64_t mn_loop_turn_ns(const struct mn_loop *loop) { return loop->net->mono_ms * 1000000; }
int64_t mn_loop_unix_ms(const struct mn_loop *loop) { return loop->net->unix_ms; }
void mn_loop_set_user(struct mn_loop *loop, void *user) { loop->user = user; }
void *mn_loop_user(const struct mn_loop *loop) { return loop->user; }

struct mn_conn *mn_loop_find(struct mn_loop *loop, uint64_t id)
{
    for (unsigned i = 0; i < LB_CONNS; i++) {
        struct mn_conn *conn = &loop->net->conns[i];
        if (conn->id == id && conn->loop == loop && !conn->closed)
            return conn;
    }
    return NULL;
}

/* ---- net/net.h: connections ---- */

uint64_t mn_conn_id(const struct mn_conn *conn) { return conn->id; }
struct mn_loop *mn_conn_loop(const struct mn_conn *conn) { return conn->loop; }
void *mn_conn_session(struct mn_conn *conn) { return conn->session; }
bool mn_conn_is_congested(const struct mn_conn *conn) { return conn->congested; }
void mn_conn_hold(struct mn_conn *conn) { conn->held = true; }
void mn_conn_resume(struct mn_conn *conn) { conn->held = false; }
void mn_conn_charge(struct mn_conn *conn, size_t bytes) { conn->charged = bytes; }
void mn_conn_vouch(struct mn_conn *conn) { conn->vouched = true; }
void mn_conn_set_timer(struct mn_conn *conn, uint64_t deadline) { conn->timer_ms = deadline; }

enum mn_err mn_conn_send(struct mn_conn *conn, struct mn_chunk *take_frame, enum mn_send kind)
{
    enum mn_err err = conn->closed                              ? MN_ECLOSED
                      : kind == MN_SEND_PUSH && conn->congested ? MN_EBUSY
                                                                : MN_OK;
    if (err) {
        mn_chunk_unref(take_frame);
        return err;
    }
    assert_in_range(conn->count, 0, LB_FRAMES - 1);
    conn->frames[conn->count++] = (struct lb_frame){take_frame, kind};
    if (kind == MN_SEND_PUSH && conn->room > 0 && --conn->room == 0)
        conn->congested = true;
    return MN_OK;
}

void mn_conn_close(struct mn_conn *conn, enum mn_close_cause cause, uint16_t code,
                   const char *reason)
{
    (void)reason;
    if (conn->closed)
        return;
    conn->cause = cause;
    conn->code = code;
    conn->closed = true;
    conn->timer_ms = 0;
    lb->handler.on_ws_close(lb->handler.ctx, conn, cause);
}

void lb_gone(struct mn_conn *conn) { mn_conn_close(conn, MN_CLOSE_PEER, 0, NULL); }

struct mn_conn *lb_open(unsigned loop)
{
    struct mn_net *net = &lb->net;
    struct mn_conn *conn = NULL;
    for (unsigned i = 0; i < LB_CONNS && !conn; i++)
        if (net->conns[i].id == 0)
            conn = &net->conns[i];
    assert_non_null(conn);
    conn->id = ++net->next_id * LB_LOOPS + loop;
    conn->loop = &net->loop[loop];
    conn->session = mn_alloc(mn_gate_session_size());
    lb->handler.on_ws_open(lb->handler.ctx, conn);
    return conn;
}

void lb_congest(struct mn_conn *conn, bool congested)
{
    conn->congested = congested;
    lb->handler.on_ws_pressure(lb->handler.ctx, conn, congested);
}

void lb_advance(uint64_t ms)
{
    struct mn_net *net = &lb->net;
    uint64_t end = net->mono_ms + ms;
    while (net->mono_ms < end) {
        uint64_t step = end - net->mono_ms < 50 ? end - net->mono_ms : 50;
        net->mono_ms += step;
        net->unix_ms += (int64_t)step;
        for (unsigned i = 0; i < LB_CONNS; i++) {
            struct mn_conn *conn = &net->conns[i];
            if (conn->closed || conn->timer_ms == 0 || conn->timer_ms > net->mono_ms)
                continue;
            conn->timer_ms = 0;
            lb->handler.on_ws_timer(lb->handler.ctx, conn);
        }
    }
}
