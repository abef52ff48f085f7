/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load threads: their set-up, and the loop.  A turn: timers, due connects,
 * what the mode has due, flush, wait, events, flush.  Nothing in a turn
 * blocks but the wait.  The main thread only sets the phase and wakes.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/kit/thread.h"
#include "tool/load/load.h"
#include "tool/load/logins.h"

#define SECOND_NS UINT64_C(1000000000)
#define EVENTS_MAX 256
/* Connects begun in one turn when there is no ramp: the rest of the loop must get its turn. */
#define STARTS_PER_TURN 64
/* Longer than any run. */
#define TOKEN_TTL_S (7 * 24 * 3600)

uint32_t load_thread_clients(const struct load_run *run, unsigned number)
{
    unsigned bundles = run->clients / run->bundle;
    unsigned mine = bundles / run->thread_count + (number < bundles % run->thread_count);
    /* What is no whole bundle is the next one's. */
    unsigned rest = bundles % run->thread_count == number ? run->clients % run->bundle : 0;
    return mine * run->bundle + rest;
}

uint32_t load_thread_client_index(const struct load_run *run, unsigned number, uint32_t k)
{
    return (k / run->bundle * run->thread_count + number) * run->bundle + k % run->bundle;
}

static void init_conn(struct load_thread *th, uint32_t k)
{
    struct load_conn *conn = &th->conns[k];
    conn->fd = -1;
    conn->index = load_thread_client_index(th->run, th->number, k);
    conn->uid = th->run->logins ? logins_uid(th->run->logins, conn->index)
                                : th->run->user_base + conn->index;
    uint64_t mask = mn_rng_next(&th->rng);
    memcpy(conn->mask, &mask, sizeof conn->mask);
}

static void init_thread(struct load_run *run, unsigned number)
{
    struct load_thread *th = &run->threads[number];
    th->run = run;
    th->number = number;
    mn_rng_seed(&th->rng, run->seed + number);
    wire_tpl_init(&th->tpl, run->run_id, run->opts->body_bytes);
    th->conn_count = load_thread_clients(run, number);
    th->conns = mn_alloc_array(th->conn_count + 1, sizeof *th->conns);
    th->heap = mn_alloc_array(th->conn_count + 1, sizeof *th->heap);
    for (uint32_t k = 0; k < th->conn_count; k++)
        init_conn(th, k);
    th->rbuf = mn_alloc(load_conn_rbuf_size());
    th->wbuf = mn_alloc(load_out_buffer_size());
    th->second = mn_hist_new();
    load_hists_init(&th->hist);
    th->epfd = epoll_create1(EPOLL_CLOEXEC);
    th->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    MN_BUG_ON(th->epfd < 0 || th->wake_fd < 0);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    MN_BUG_ON(epoll_ctl(th->epfd, EPOLL_CTL_ADD, th->wake_fd, &ev) != 0);
    if (run->mode->init)
        run->mode->init(th);
}

void load_run_init(struct load_run *run, const struct opts *opts, const struct load_mode *mode)
{
    run->opts = opts;
    run->mode = mode;
    run->threads = mn_alloc_array(run->thread_count, sizeof *run->threads);
    run->row_hist = mn_hist_new();
    pthread_mutex_init(&run->mu, NULL);
    for (unsigned i = 0; i < run->thread_count; i++)
        init_thread(run, i);
}

static void deinit_thread(struct load_thread *th)
{
    if (th->run->mode->deinit)
        th->run->mode->deinit(th);
    close(th->epfd);
    close(th->wake_fd);
    load_hists_deinit(&th->hist);
    mn_hist_free(th->second);
    mn_free(th->rbuf);
    mn_free(th->wbuf);
    mn_free(th->heap);
    mn_free(th->conns);
}

void load_run_deinit(struct load_run *run)
{
    if (!run->threads)
        return;
    for (unsigned i = 0; i < run->thread_count; i++)
        deinit_thread(&run->threads[i]);
    mn_free(run->threads);
    run->threads = NULL;
    mn_hist_free(run->row_hist);
    pthread_mutex_destroy(&run->mu);
}

/* ---- the loop ---- */

static uint64_t thread_cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static void enter_phase(struct load_thread *th, enum load_phase phase, uint64_t now_ns)
{
    th->phase = phase;
    if (phase == LOAD_STEADY) {
        th->at_steady = th->count;
        th->cpu_at_steady_ns = thread_cpu_ns();
        th->next_flap_ns = now_ns + th->run->opts->flap_interval_ns;
    }
    if (phase == LOAD_DRAIN) {
        th->at_drain = th->count;
        th->cpu_at_drain_ns = thread_cpu_ns();
    }
    if (th->run->mode->on_phase)
        th->run->mode->on_phase(th, now_ns);
}

/*
 * Sends what was due before the phase at hand ended, however late this thread
 * learned of its end: no slot is dropped without being counted.
 */
static void finish_load(struct load_thread *th)
{
    const struct load_mode *mode = th->run->mode;
    if (mode->on_turn && (th->phase == LOAD_WARMUP || th->phase == LOAD_STEADY))
        mn_ignore(mode->on_turn(th, atomic_load(&th->run->phase_ns[th->phase + 1])));
}

static void next_phase(struct load_thread *th, uint64_t now_ns)
{
    finish_load(th);
    enter_phase(th, (enum load_phase)(th->phase + 1), now_ns);
}

/* Phases are entered one by one, also when the main thread was faster. */
static void follow_phase(struct load_thread *th, uint64_t now_ns)
{
    enum load_phase wanted = (enum load_phase)atomic_load(&th->run->phase);
    if (wanted == LOAD_STOP && th->phase < LOAD_STEADY)
        th->phase = LOAD_RECOVER; /* ended before it began */
    while (th->phase < wanted) {
        bool skip = wanted == LOAD_STOP && th->phase + 1 == LOAD_RECOVER;
        if (skip)
            th->phase = LOAD_RECOVER;
        else
            next_phase(th, now_ns);
    }
}

static uint64_t start_due(struct load_thread *th, uint64_t now_ns)
{
    if (th->started == th->conn_count)
        return UINT64_MAX;
    double ramp = th->run->opts->ramp / th->run->thread_count;
    uint64_t gap_ns = ramp > 0 ? (uint64_t)(1e9 / ramp) : 0;
    if (th->next_start_ns == 0)
        th->next_start_ns = now_ns;
    for (unsigned i = 0; i < STARTS_PER_TURN && th->started < th->conn_count; i++) {
        if (th->next_start_ns > now_ns)
            return th->next_start_ns;
        load_conn_start(th, &th->conns[th->started++], now_ns);
        th->next_start_ns += gap_ns;
    }
    return th->started == th->conn_count ? UINT64_MAX : th->next_start_ns;
}

static uint64_t fire_timers(struct load_thread *th, uint64_t now_ns)
{
    struct load_conn *conn;
    while ((conn = load_timer_first(th)) && conn->due_ns <= now_ns) {
        load_timer_set(th, conn, UINT64_MAX);
        load_conn_timer(th, conn, now_ns);
    }
    return conn ? conn->due_ns : UINT64_MAX;
}

/* Cuts the given share of the connections, without a word, as a mobile network does. */
static uint64_t flap_due(struct load_thread *th, uint64_t now_ns)
{
    const struct opts *opts = th->run->opts;
    if (opts->flap_pct <= 0 || th->phase != LOAD_STEADY)
        return UINT64_MAX;
    if (now_ns < th->next_flap_ns)
        return th->next_flap_ns;
    for (uint32_t k = 0; k < th->conn_count; k++) {
        struct load_conn *conn = &th->conns[k];
        if (conn->state != LOAD_CONN_READY || mn_rng_double(&th->rng) * 100 >= opts->flap_pct)
            continue;
        th->count.flapped++;
        load_conn_drop(th, conn, true, now_ns);
    }
    th->next_flap_ns += opts->flap_interval_ns;
    return th->next_flap_ns;
}

static void publish(struct load_thread *th)
{
    struct load_run *run = th->run;
    pthread_mutex_lock(&run->mu);
    th->shown = th->count;
    mn_hist_merge(run->row_hist, th->second);
    pthread_mutex_unlock(&run->mu);
    mn_hist_reset(th->second);
}

void load_run_publish(struct load_run *run)
{
    for (unsigned i = 0; i < run->thread_count; i++)
        publish(&run->threads[i]);
}

static uint64_t publish_due(struct load_thread *th, uint64_t now_ns)
{
    if (now_ns < th->next_second_ns)
        return th->next_second_ns;
    if (th->run->mode->on_second)
        th->run->mode->on_second(th, now_ns);
    publish(th);
    while (th->next_second_ns <= now_ns)
        th->next_second_ns += SECOND_NS;
    return th->next_second_ns;
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Everything that is due by the clock; returns when the next thing is. */
static uint64_t run_due(struct load_thread *th, uint64_t now_ns)
{
    uint64_t next = publish_due(th, now_ns);
    next = earlier(next, flap_due(th, now_ns));
    /* Starts before timers: both set timers, and the heap's first is asked for last. */
    next = earlier(next, start_due(th, now_ns));
    if (th->run->mode->on_turn)
        next = earlier(next, th->run->mode->on_turn(th, now_ns));
    next = earlier(next, fire_timers(th, now_ns));
    load_out_flush(th);
    return next;
}

static int wait_events(struct load_thread *th, struct epoll_event *events, uint64_t next_ns)
{
    uint64_t now_ns = mn_mono_ns();
    uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
    struct timespec ts = {.tv_sec = (time_t)(wait_ns / SECOND_NS),
                          .tv_nsec = (long)(wait_ns % SECOND_NS)};
    int n = epoll_pwait2(th->epfd, events, EVENTS_MAX, &ts, NULL);
    MN_BUG_ON(n < 0 && errno != EINTR);
    return n > 0 ? n : 0;
}

static void take_events(struct load_thread *th, const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        struct load_conn *conn = events[i].data.ptr;
        uint64_t ignored;
        if (conn)
            load_conn_event(th, conn, events[i].events);
        else
            mn_ignore(read(th->wake_fd, &ignored, sizeof ignored));
    }
    load_out_flush(th);
}

static void show_progress(struct load_thread *th, int events, uint64_t now_ns)
{
    atomic_store_explicit(&th->pending, th->open + th->recovering, memory_order_relaxed);
    atomic_store_explicit(&th->at_phase, (int)th->phase, memory_order_release);
    if (events > 0)
        atomic_store_explicit(&th->active_ns, now_ns, memory_order_relaxed);
}

static void *thread_main(void *arg)
{
    struct load_thread *th = arg;
    struct epoll_event events[EVENTS_MAX];
    char name[16];
    snprintf(name, sizeof name, "load-%u", th->number % 1000);
    pthread_setname_np(pthread_self(), name);
    /* Open-loop sends are due to the microsecond; the default slack is 50 us. */
    mn_ignore(prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0));
    bool closed_loop = th->run->opts->rate <= 0 && th->run->opts->interval_ns == 0;
    th->next_second_ns = mn_mono_ns() + SECOND_NS;
    while (th->phase != LOAD_STOP) {
        uint64_t now_ns = mn_mono_ns();
        follow_phase(th, now_ns);
        uint64_t next_ns = run_due(th, now_ns);
        int n = wait_events(th, events, next_ns);
        uint64_t woken_ns = mn_mono_ns();
        take_events(th, events, n);
        show_progress(th, n, woken_ns);
        if (closed_loop && n > 0 && th->phase == LOAD_STEADY)
            mn_hist_add(th->hist.lag, mn_mono_ns() - woken_ns);
    }
    for (uint32_t k = 0; k < th->conn_count; k++)
        load_conn_bye(th, &th->conns[k]);
    return NULL;
}

void load_run_start(struct load_run *run)
{
    run->start_ns = mn_mono_ns();
    atomic_store(&run->phase_ns[LOAD_CONNECT], run->start_ns);
    for (unsigned i = 0; i < run->thread_count; i++) {
        struct load_thread *th = &run->threads[i];
        /* Without a thread there is nothing sensible left to do for a load generator. */
        MN_BUG_ON(!thread_start(&th->thread, thread_main, th));
    }
}

void load_run_set_phase(struct load_run *run, enum load_phase phase)
{
    atomic_store(&run->phase_ns[phase], mn_mono_ns());
    atomic_store(&run->phase, (int)phase);
    for (unsigned i = 0; i < run->thread_count; i++) {
        uint64_t one = 1;
        mn_ignore(write(run->threads[i].wake_fd, &one, sizeof one));
    }
}

enum mn_err load_run_token(const struct load_run *run, uint32_t index, char *out)
{
    if (run->logins)
        return logins_token(run->logins, index, out);
    return mn_jwt_sign(&run->key, run->user_base + index, 0, mn_unix_ms(), TOKEN_TTL_S, out,
                       MN_JWT_MAX);
}

void load_run_join(struct load_run *run)
{
    for (unsigned i = 0; i < run->thread_count; i++)
        pthread_join(run->threads[i].thread, NULL);
}
