/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads behind one bounded queue.  The mutex guards everything but
 * `depth`, which is a copy of the queue's length for metrics.  A job belongs
 * to the pool from a successful submit until its run function is called,
 * and is not touched after that.
 */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/mem.h"

struct worker {
    struct mn_pool *pool;
    unsigned index;
    pthread_t thread;
};

struct mn_pool {
    pthread_mutex_t mutex;
    pthread_cond_t wake; /* a job came, or stopping was set */
    struct mn_job *first, **last;
    size_t length, limit;
    bool stopping;
    _Atomic size_t depth;
    unsigned started; /* threads that run and are not joined */
    char name[12];    /* with "-NN" within the 15 bytes that the kernel keeps */
    struct worker worker[];
};

/* The next job, or NULL when the pool stops and its queue is empty. */
static struct mn_job *take(struct mn_pool *pool)
{
    struct mn_job *job;

    pthread_mutex_lock(&pool->mutex);
    while (!pool->first && !pool->stopping)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->length--;
        atomic_store_explicit(&pool->depth, pool->length, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->mutex);
    return job;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct mn_job *job;

    while ((job = take(worker->pool)) != NULL)
        job->run(job, worker->index);
    return NULL;
}

static bool start(struct mn_pool *pool, unsigned index)
{
    struct worker *worker = &pool->worker[index];
    char name[16];

    worker->pool = pool;
    worker->index = index;
    int errnum = pthread_create(&worker->thread, NULL, work, worker);
    if (errnum != 0) {
        errno = errnum;
        return false;
    }
    pool->started++;
    snprintf(name, sizeof name, "%s-%u", pool->name, index % 1000);
    pthread_setname_np(worker->thread, name); /* only a name: failure does not matter */
    return true;
}

struct mn_pool *mn_pool_new(unsigned threads, size_t queue_limit, const char *name)
{
    struct mn_pool *pool = mn_alloc(sizeof *pool + threads * sizeof pool->worker[0]);
    sigset_t all, before;
    bool ok = true;

    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->last = &pool->first;
    pool->limit = queue_limit;
    snprintf(pool->name, sizeof pool->name, "%s", name);
    /* Threads inherit the mask: signals stay with the threads that expect them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; ok && i < threads; i++)
        ok = start(pool, i);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!ok) {
        int errnum = errno;
        mn_pool_free(pool);
        errno = errnum;
        return NULL;
    }
    return pool;
}

enum mn_err mn_pool_submit(struct mn_pool *pool, struct mn_job *job)
{
    enum mn_err err = MN_OK;

    pthread_mutex_lock(&pool->mutex);
    if (pool->stopping) {
        err = MN_ECLOSED;
    } else if (pool->length >= pool->limit) {
        err = MN_EBUSY;
    } else {
        job->next = NULL;
        *pool->last = job;
        pool->last = &job->next;
        pool->length++;
        atomic_store_explicit(&pool->depth, pool->length, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->mutex);
    if (err == MN_OK)
        pthread_cond_signal(&pool->wake); /* unlocked: the woken would wait for the mutex at once */
    return err;
}

size_t mn_pool_depth(const struct mn_pool *pool)
{
    return atomic_load_explicit(&pool->depth, memory_order_relaxed);
}

void mn_pool_stop(struct mn_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    while (pool->started > 0)
        pthread_join(pool->worker[--pool->started].thread, NULL);
}

void mn_pool_free(struct mn_pool *pool)
{
    if (!pool)
        return;
    mn_pool_stop(pool);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    mn_free(pool);
}
