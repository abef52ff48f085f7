/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open-loop HTTP load, see http_load.h: pacing, the queue, the workers and
 * what they count.  What the requests are is in http_load_kinds.c.
 * Everything shared is guarded by `mu`: some thousand requests a second do
 * not contend for it.
 */
#include "tool/bench/http_load.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench/http_load_kinds.h"
#include "tool/kit/thread.h"
#include "tool/load/pace.h"

/* The pacing thread looks at the phase at least so often. */
#define LOOK_NS UINT64_C(20000000)
/* So that requests and messages are not chosen by the same numbers. */
#define SEED_SALT UINT64_C(0x68747470)

struct job {
    enum profile_kind kind;
    uint64_t due_ns;
    uint64_t pick; /* random: which user, which conversation */
    bool skew;     /* not due in the steady phase */
};

struct http_load {
    struct load_run *run;
    struct http_load_kinds kinds;
    const char *url;
    struct load_pace pace[PROFILE_KIND_COUNT];
    struct mn_rng rng;
    pthread_t pacer;
    pthread_t *workers;
    unsigned running; /* workers */
    bool started;
    _Atomic bool paced; /* nothing more will be due */
    pthread_mutex_t mu;
    pthread_cond_t work; /* there is a job, or the end */
    struct job queue[HTTP_LOAD_QUEUE];
    uint32_t head, tail; /* guarded, as all below */
    unsigned busy;
    bool stop;
    struct http_load_result result;
};

struct http_load *http_load_new(struct load_run *run, const struct profile *profile,
                                const char *http, unsigned connections)
{
    char why[200];
    struct url url;
    if (url_parse(http, "http", &url, why, sizeof why) != MN_OK) {
        fprintf(stderr, "minim bench: --http: %s\n", why);
        return NULL;
    }
    struct http_load *l = mn_new(struct http_load);
    l->run = run;
    l->url = http;
    mn_rng_seed(&l->rng, run->seed ^ SEED_SALT);
    http_load_kinds_init(&l->kinds, run, profile);
    l->workers = mn_alloc_array(connections, sizeof *l->workers);
    l->result.connections = connections;
    l->result.wait = mn_hist_new();
    pthread_mutex_init(&l->mu, NULL);
    pthread_cond_init(&l->work, NULL);
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++) {
        double share = profile_share(profile, (enum profile_kind)k);
        double interval_ns = share > 0 ? 1e9 / (run->opts->rate * share) : 0;
        l->result.hist[k] = mn_hist_new();
        load_pace_init(&l->pace[k], (enum opts_model)run->opts->model, OPTS_PAIRS_EVEN, share > 0,
                       interval_ns, &l->rng);
    }
    return l;
}

void http_load_free(struct http_load *l)
{
    if (!l)
        return;
    http_load_stop(l);
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++) {
        load_pace_deinit(&l->pace[k]);
        mn_hist_free(l->result.hist[k]);
    }
    mn_hist_free(l->result.wait);
    http_load_kinds_deinit(&l->kinds);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mu);
    mn_free(l->workers);
    mn_free(l);
}

/* ---- pacing ---- */

static void put(struct http_load *l, const struct job *job)
{
    pthread_mutex_lock(&l->mu);
    struct http_load_count *count = &l->result.count[job->kind];
    count->attempted++;
    if (l->tail - l->head == HTTP_LOAD_QUEUE) {
        count->skipped++;
    } else {
        l->queue[l->tail++ % HTTP_LOAD_QUEUE] = *job;
        pthread_cond_signal(&l->work);
    }
    pthread_mutex_unlock(&l->mu);
}

/* Everything that is due; returns when the next is. */
static uint64_t put_due(struct http_load *l, uint64_t now_ns)
{
    uint64_t next_ns = now_ns + LOOK_NS, steady_ns = atomic_load(&l->run->phase_ns[LOAD_STEADY]);
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++) {
        uint32_t ignored;
        struct job job = {.kind = (enum profile_kind)k};
        while (load_pace_take(&l->pace[k], now_ns, &ignored, &job.due_ns)) {
            job.pick = mn_rng_next(&l->rng);
            job.skew = steady_ns == 0 || job.due_ns < steady_ns;
            put(l, &job);
        }
        uint64_t due_ns = load_pace_due(&l->pace[k]);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    return next_ns;
}

static void *pace(void *arg)
{
    struct http_load *l = arg;
    pthread_setname_np(pthread_self(), "http-pace");
    mn_ignore(prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0));
    while (atomic_load(&l->run->phase) <= LOAD_STEADY) {
        uint64_t next_ns = put_due(l, mn_mono_ns());
        struct timespec until = {.tv_sec = (time_t)(next_ns / 1000000000),
                                 .tv_nsec = (long)(next_ns % 1000000000)};
        mn_ignore(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL));
    }
    mn_ignore(put_due(l, atomic_load(&l->run->phase_ns[LOAD_DRAIN]))); /* what we slept over */
    atomic_store(&l->paced, true);
    return NULL;
}

/* ---- requests ---- */

/* The next one; false: the end. */
static bool take(struct http_load *l, struct job *ret)
{
    pthread_mutex_lock(&l->mu);
    while (l->head == l->tail && !l->stop)
        pthread_cond_wait(&l->work, &l->mu);
    bool more = !l->stop;
    if (more) {
        *ret = l->queue[l->head++ % HTTP_LOAD_QUEUE];
        l->busy++;
    }
    pthread_mutex_unlock(&l->mu);
    return more;
}

static void note(struct http_load *l, const struct job *job, uint64_t begun_ns, const char *cause)
{
    uint64_t now_ns = mn_mono_ns();
    char text[HTTP_LOAD_KINDS_CAUSE_MAX + 16];
    pthread_mutex_lock(&l->mu);
    struct http_load_count *count = &l->result.count[job->kind];
    l->busy--;
    if (cause) {
        count->failed++;
        snprintf(text, sizeof text, "%s: %s", profile_name(job->kind), cause);
        load_reason_add(&l->result.failures, mn_str_c(text), 1);
    } else {
        count->ok++;
        count->steady_ok += !job->skew;
    }
    if (!job->skew) {
        mn_hist_add(l->result.wait, begun_ns - job->due_ns);
        if (!cause)
            mn_hist_add(l->result.hist[job->kind], now_ns - job->due_ns);
    }
    pthread_mutex_unlock(&l->mu);
}

static void *work(void *arg)
{
    struct http_load *l = arg;
    struct http_client http;
    struct job job;
    char why[200], cause[HTTP_LOAD_KINDS_CAUSE_MAX];
    pthread_setname_np(pthread_self(), "http-load");
    /* It was good a moment ago; if a name no longer resolves, every request says so. */
    bool ok = http_client_open(&http, l->url, why, sizeof why) == MN_OK;
    http.timeout_ms = l->run->opts->timeout_ns / 1000000 + 1;
    while (take(l, &job)) {
        uint64_t begun_ns = mn_mono_ns();
        bool good = ok && http_load_kinds_do(&l->kinds, &http, job.kind, job.pick, cause);
        note(l, &job, begun_ns, good ? NULL : ok ? cause : "address not found");
    }
    http_client_close(&http);
    return NULL;
}

/* ---- begin and end ---- */

void http_load_start(struct http_load *l)
{
    if (!l)
        return;
    uint64_t now_ns = atomic_load(&l->run->phase_ns[LOAD_WARMUP]);
    for (int k = PROFILE_HISTORY; k < PROFILE_KIND_COUNT; k++)
        load_pace_start(&l->pace[k], now_ns);
    MN_BUG_ON(!thread_start(&l->pacer, pace, l));
    while (l->running < l->result.connections)
        MN_BUG_ON(!thread_start(&l->workers[l->running++], work, l));
    l->started = true;
}

bool http_load_is_idle(struct http_load *l)
{
    pthread_mutex_lock(&l->mu);
    bool idle = atomic_load(&l->paced) && l->head == l->tail && l->busy == 0;
    pthread_mutex_unlock(&l->mu);
    return idle;
}

void http_load_stop(struct http_load *l)
{
    if (!l || !l->started)
        return;
    pthread_join(l->pacer, NULL);
    pthread_mutex_lock(&l->mu);
    l->stop = true;
    for (; l->head != l->tail; l->head++)
        l->result.count[l->queue[l->head % HTTP_LOAD_QUEUE].kind].unanswered++;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mu);
    for (unsigned i = 0; i < l->running; i++)
        pthread_join(l->workers[i], NULL);
    l->started = false;
    l->result.balanced = true;
    for (int k = 0; k < PROFILE_KIND_COUNT; k++) {
        const struct http_load_count *c = &l->result.count[k];
        l->result.balanced &= c->attempted == c->skipped + c->ok + c->failed + c->unanswered;
    }
}

void http_load_shown(struct http_load *l, uint64_t *ret_ok, uint64_t *ret_failed)
{
    uint64_t ok = 0, failed = 0;
    pthread_mutex_lock(&l->mu);
    for (int k = 0; k < PROFILE_KIND_COUNT; k++) {
        ok += l->result.count[k].ok;
        failed += l->result.count[k].failed;
    }
    pthread_mutex_unlock(&l->mu);
    *ret_ok = ok;
    *ret_failed = failed;
}

const struct http_load_result *http_load_result(const struct http_load *l) { return &l->result; }
