/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop thread and the phases of its turn:
 *
 *   poll       sockets: accept, read, parse, dispatch; before what was read, tasks posted by then
 *   check      tasks posted meanwhile, resumed input, on_turn_end(), one write per connection that
 *              has something queued, closes, the ceiling on queued bytes
 *   closing    libuv's close callbacks give slots back
 *   timers     the wheel; what they queue is written in `prepare`, before
 *              the thread sleeps, and what was posted meanwhile is run
 *
 * With very many ready sockets libuv goes through several batches before
 * `check`; the turn is then finished early (mn_loop_event_done), so that
 * answers do not wait for all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/net_internal.h"

#define TURN_EVENTS 512 /* handled events after which the writes must not wait longer */
#define TURN_PASSES 4   /* rounds of writes that make new writes, before polling again */

/* Which loop this thread runs: a pthread_t could not tell, as the next thread may get the same. */
static _Thread_local struct mn_loop *current_loop;

bool mn_loop_is_current(const struct mn_loop *loop) { return current_loop == loop; }

/* ---- turn -------------------------------------------------------------- */

void mn_loop_turn_begin(struct mn_loop *loop)
{
    if (loop->in_turn)
        return;
    loop->in_turn = true;
    loop->turn++;
    loop->turn_events = 0;
    loop->unix_ms = 0;
    loop->turn_start_ns = mn_mono_ns();
}

static void run_resumes(struct mn_loop *loop)
{
    struct mn_list ready;
    mn_list_init(&ready);
    while (!mn_list_is_empty(&loop->resume))
        mn_list_push(&ready, mn_list_pop(&loop->resume));
    for (struct mn_list *l; (l = mn_list_pop(&ready)) != NULL;)
        mn_conn_run_resume(mn_container_of(l, struct mn_conn, resume));
}

static void run_writes(struct mn_loop *loop)
{
    struct mn_list ready;
    mn_list_init(&ready);
    while (!mn_list_is_empty(&loop->dirty))
        mn_list_push(&ready, mn_list_pop(&loop->dirty));
    for (struct mn_list *l; (l = mn_list_pop(&ready)) != NULL;)
        mn_conn_flush(mn_container_of(l, struct mn_conn, link));
}

static void arm_wheel(struct mn_loop *loop)
{
    uint64_t next_ms = mn_wheel_next_ms(&loop->wheel);
    if (next_ms == loop->wheel_armed_ms || loop->stopping)
        return;
    loop->wheel_armed_ms = next_ms;
    uint64_t now_ms = mn_loop_now(loop);
    if (next_ms == UINT64_MAX)
        uv_timer_stop(&loop->wheel_timer);
    else
        uv_timer_start(&loop->wheel_timer, loop->wheel_timer.timer_cb,
                       next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

void mn_loop_turn_finish(struct mn_loop *loop)
{
    const struct mn_net_ws_handler *handler = &loop->net->ws;
    for (unsigned pass = 0; pass < TURN_PASSES; pass++) {
        run_resumes(loop);
        if (handler->on_turn_end != NULL)
            handler->on_turn_end(handler->ctx, loop);
        run_writes(loop);
        if (mn_list_is_empty(&loop->dirty) && mn_list_is_empty(&loop->resume))
            break;
    }
    mn_loop_give_room(loop);
    mn_loop_publish(loop);
    if (mn_loop_shed_memory(loop))
        mn_loop_publish(loop);
    if (!mn_list_is_empty(&loop->dirty) || !mn_list_is_empty(&loop->resume))
        mn_loop_wake(loop);
    arm_wheel(loop);
    mn_metric_observe(loop->metrics, MN_MH_LOOP_US, (mn_mono_ns() - loop->turn_start_ns) / 1000);
    loop->in_turn = false;
}

void mn_loop_event_done(struct mn_loop *loop)
{
    if (++loop->turn_events < TURN_EVENTS)
        return;
    mn_loop_run_tasks(loop);
    if (!loop->in_turn) /* the shutdown was among them */
        return;
    mn_loop_turn_finish(loop);
    mn_loop_turn_begin(loop);
}

static void run_posted(struct mn_loop *loop)
{
    mn_loop_turn_begin(loop);
    mn_loop_run_tasks(loop);
    if (loop->in_turn) /* no longer after the shutdown */
        mn_loop_turn_finish(loop);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct mn_loop *loop = mn_container_of(prepare, struct mn_loop, prepare);
    if (loop->in_turn) /* timers have run */
        mn_loop_turn_finish(loop);
    if (mn_loop_may_sleep(loop))
        return;
    run_posted(loop);
    /* Once: sockets have their turn too, however fast others post. */
    if (!loop->stopping && !mn_loop_may_sleep(loop))
        mn_loop_wake(loop);
}

static void on_check(uv_check_t *check)
{
    struct mn_loop *loop = mn_container_of(check, struct mn_loop, check);
    mn_loop_awake(loop);
    if (loop->in_turn)
        run_posted(loop);
}

/* Its tasks are run in `check`, or before the first input: mn_loop_catch_up(). */
static void on_wake(uv_poll_t *poll, int status, int events)
{
    struct mn_loop *loop = mn_container_of(poll, struct mn_loop, wake_poll);
    uint64_t count;
    MN_BUG_ON(status < 0);
    (void)events;
    mn_ignore(read(loop->wake_fd, &count, sizeof(count)));
    mn_loop_turn_begin(loop);
}

static void on_wheel(uv_timer_t *timer)
{
    struct mn_loop *loop = mn_container_of(timer, struct mn_loop, wheel_timer);
    mn_loop_turn_begin(loop);
    loop->wheel_armed_ms = UINT64_MAX;
    for (struct mn_wheel_node *node;
         (node = mn_wheel_pop(&loop->wheel, mn_loop_now(loop))) != NULL;)
        mn_conn_on_timer(mn_container_of(node, struct mn_conn, timer));
}

/* ---- life -------------------------------------------------------------- */

static void init_state(struct mn_loop *loop)
{
    mn_list_init(&loop->free);
    mn_list_init(&loop->dirty);
    mn_list_init(&loop->stuck);
    mn_list_init(&loop->resume);
    mn_list_init(&loop->crowd);
    pthread_mutex_init(&loop->post.lock, NULL);
    loop->post.is_open = true;
    loop->conn_size = (sizeof(struct mn_conn) + loop->cfg.session_size + 15) & ~(size_t)15;
    loop->scratch = mn_alloc(MN_SCRATCH);
    loop->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    loop->wheel_armed_ms = UINT64_MAX;
    mn_wheel_init(&loop->wheel, uv_now(&loop->uv));
    mn_loop_apply_config(loop, &loop->cfg);
}

/* Of the handles only this one can fail (no descriptors); it leaves nothing behind. An errno value. */
static int init_wake(struct mn_loop *loop)
{
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        return errno;
    int failed = -uv_poll_init(&loop->uv, &loop->wake_poll, loop->wake_fd);
    if (failed != 0)
        close(loop->wake_fd);
    else
        uv_poll_start(&loop->wake_poll, UV_READABLE, on_wake);
    return failed;
}

enum mn_err mn_loop_init(struct mn_loop *loop, struct mn_net *net, unsigned index)
{
    loop->net = net;
    loop->index = index;
    loop->cfg = net->cfg;
    errno = -uv_loop_init(&loop->uv);
    if (errno != 0)
        return mn_err_from_errno(errno);
    int failed = init_wake(loop);
    if (failed != 0) {
        mn_ignore(uv_loop_close(&loop->uv));
        errno = failed;
        return mn_err_from_errno(failed);
    }
    init_state(loop);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_timer_init(&loop->uv, &loop->wheel_timer);
    uv_timer_init(&loop->uv, &loop->accept_timer);
    uv_timer_init(&loop->uv, &loop->drain_timer);
    loop->wheel_timer.timer_cb = on_wheel;
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    loop->metrics = mn_metrics_claim(net->metrics);
    return MN_OK;
}

/* With what is in it: a reload can come between a read and its processing. */
static void grow_read_buffer(struct mn_loop *loop, size_t wanted)
{
    char *grown = mn_alloc(wanted);
    if (loop->read_size > 0)
        memcpy(grown, loop->read_buf, loop->read_size);
    mn_free(loop->read_buf);
    loop->read_buf = grown;
    loop->read_size = wanted;
}

void mn_loop_apply_config(struct mn_loop *loop, const struct mn_net_config *cfg)
{
    size_t session_size = loop->cfg.session_size;
    loop->cfg = *cfg;
    loop->cfg.session_size = session_size;
    /* A whole frame must fit, with room for the beginning of the next. */
    size_t wanted = MN_READ_BUFFER;
    if (wanted < (size_t)cfg->max_message + MN_WS_HEADER_MAX + MN_READ_TURN)
        wanted = (size_t)cfg->max_message + MN_WS_HEADER_MAX + MN_READ_TURN;
    if (wanted > loop->read_size)
        grow_read_buffer(loop, wanted);
}

static void *run_thread(void *arg)
{
    struct mn_loop *loop = arg;
    current_loop = loop;
    atomic_store(&loop->is_running, true);
    uv_update_time(&loop->uv);
    mn_loop_turn_begin(loop);
    mn_loop_listen(loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    atomic_store(&loop->is_running, false);
    return NULL;
}

enum mn_err mn_loop_start(struct mn_loop *loop)
{
    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&loop->thread, NULL, run_thread, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0) {
        errno = err;
        return mn_err_from_errno(err);
    }
    char name[16];
    snprintf(name, sizeof(name), "mn-loop-%u", loop->index);
    mn_ignore(pthread_setname_np(loop->thread, name));
    return MN_OK;
}

static void end_connection(struct mn_conn *conn)
{
    if (conn->state == MN_CONN_OPEN)
        mn_conn_close(conn, MN_CLOSE_SHUTDOWN, MN_WS_CLOSE_RESTART, "server restarting");
}

void mn_loop_shutdown(struct mn_loop *loop)
{
    mn_loop_turn_begin(loop);
    loop->draining = true;
    mn_loop_close_listeners(loop);
    struct mn_conn *conn;
    for (unsigned i = 0; (conn = mn_loop_slot(loop, i)) != NULL; i++)
        end_connection(conn);
    mn_loop_turn_finish(loop); /* the close frames leave */
    mn_loop_turn_begin(loop);
    for (unsigned i = 0; (conn = mn_loop_slot(loop, i)) != NULL; i++)
        if (conn->state != MN_CONN_FREE)
            mn_conn_abort(conn, MN_CLOSE_SHUTDOWN);
    mn_loop_publish(loop);
    loop->in_turn = false;
    loop->stopping = true;
    mn_loop_close_posts(loop);
    uv_close((uv_handle_t *)&loop->wake_poll, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->wheel_timer, NULL);
    uv_close((uv_handle_t *)&loop->accept_timer, NULL);
    uv_close((uv_handle_t *)&loop->drain_timer, NULL);
}

void mn_loop_deinit(struct mn_loop *loop)
{
    mn_loop_run_tasks(loop);
    mn_loop_publish(loop);
    MN_BUG_ON(uv_loop_close(&loop->uv) != 0);
    close(loop->wake_fd);
    mn_loop_free_slabs(loop);
    mn_loop_free_rings(loop);
    mn_free(loop->read_buf);
    mn_free(loop->scratch);
    if (loop->reserve_fd >= 0)
        close(loop->reserve_fd);
    pthread_mutex_destroy(&loop->post.lock);
}

/* ---- accessors --------------------------------------------------------- */

unsigned mn_loop_index(const struct mn_loop *loop) { return loop->index; }

struct mn_metrics_shard *mn_loop_metrics(struct mn_loop *loop) { return loop->metrics; }

uint64_t mn_loop_mono_ms(const struct mn_loop *loop) { return mn_loop_now(loop); }

uint64_t mn_loop_turn_ns(const struct mn_loop *loop) { return loop->turn_start_ns; }

int64_t mn_loop_unix_ms(const struct mn_loop *loop)
{
    if (loop->unix_ms == 0)
        ((struct mn_loop *)loop)->unix_ms = mn_unix_ms(); /* a cache, asked once a turn */
    return loop->unix_ms;
}

void mn_loop_set_user(struct mn_loop *loop, void *user) { loop->user = user; }

void *mn_loop_user(const struct mn_loop *loop) { return loop->user; }
