/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of bytes with a thread that writes them, see lineq.h.  The
 * bytes of whole lines lie one behind the other in one of two buffers: while
 * the thread writes one, lines are added to the other.
 */
#include "base/lineq.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { TOLD_MAX = 512 };

struct mn_lineq {
    int fd;
    mn_lineq_told_fn *told;
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t added;   /* for the thread: lines, or the end */
    pthread_cond_t written; /* for who waits: the queue is empty */
    char *waiting;          /* below, under the lock: lines to be written next */
    size_t used, cap;
    char *writing;   /* the thread's own */
    bool is_writing; /* the thread has lines in its hands */
    bool is_ending;
    uint64_t untold; /* the thread's own: lost when last told */
    _Atomic uint64_t lost;
    _Atomic int error;
};

/* Lines whose last byte did not get out are lost: how many of `text` from `done` on. */
static uint64_t count_lost(const char *text, size_t done, size_t n)
{
    uint64_t lines = 0;

    for (size_t i = done; i < n; i++)
        lines += text[i] == '\n';
    return lines;
}

/* True when all of it was written. */
static bool write_lines(struct mn_lineq *q, const char *text, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = write(q->fd, text + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            atomic_store(&q->error, n < 0 ? errno : EIO);
            atomic_fetch_add(&q->lost, count_lost(text, done, size));
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

/* What was lost is told when something was written: then there is somebody to tell. */
static void tell_lost(struct mn_lineq *q)
{
    char line[TOLD_MAX];
    uint64_t lost = atomic_load(&q->lost);

    if (lost == q->untold || !q->told)
        return;
    size_t n = q->told(q->ctx, lost - q->untold, line, sizeof line);
    if (write_lines(q, line, n))
        q->untold = lost;
}

/* With the lock held: takes what waits and writes it without the lock. */
static void write_waiting(struct mn_lineq *q)
{
    char *text = q->waiting;
    size_t size = q->used;

    q->waiting = q->writing;
    q->writing = text;
    q->used = 0;
    q->is_writing = true;
    pthread_mutex_unlock(&q->lock);
    if (write_lines(q, text, size))
        tell_lost(q);
    pthread_mutex_lock(&q->lock);
    q->is_writing = false;
}

static void *run(void *arg)
{
    struct mn_lineq *q = arg;

    pthread_mutex_lock(&q->lock);
    while (q->used > 0 || !q->is_ending) {
        if (q->used > 0) {
            write_waiting(q);
            continue;
        }
        pthread_cond_broadcast(&q->written);
        pthread_cond_wait(&q->added, &q->lock);
    }
    pthread_cond_broadcast(&q->written);
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static void release(struct mn_lineq *q)
{
    pthread_cond_destroy(&q->added);
    pthread_cond_destroy(&q->written);
    pthread_mutex_destroy(&q->lock);
    mn_free(q->waiting);
    mn_free(q->writing);
    mn_free(q);
}

enum mn_err mn_lineq_new(int fd, size_t cap, mn_lineq_told_fn *told, void *ctx,
                         struct mn_lineq **ret)
{
    struct mn_lineq *q = mn_new(struct mn_lineq);
    pthread_condattr_t attr;

    q->fd = fd;
    q->told = told;
    q->ctx = ctx;
    q->cap = cap;
    q->waiting = mn_alloc(cap);
    q->writing = mn_alloc(cap);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->added, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->written, &attr);
    pthread_condattr_destroy(&attr);
    int errnum = pthread_create(&q->thread, NULL, run, q);
    if (errnum) {
        release(q);
        errno = errnum;
        return mn_err_from_errno(errnum);
    }
    mn_ignore(pthread_setname_np(q->thread, "mn-lines"));
    *ret = q;
    return MN_OK;
}

bool mn_lineq_add(struct mn_lineq *q, struct mn_str line)
{
    pthread_mutex_lock(&q->lock);
    bool fits = line.n <= q->cap - q->used;
    if (fits) {
        memcpy(q->waiting + q->used, line.p, line.n);
        q->used += line.n;
        pthread_cond_signal(&q->added);
    }
    pthread_mutex_unlock(&q->lock);
    if (!fits)
        atomic_fetch_add(&q->lost, 1);
    return fits;
}

uint64_t mn_lineq_lost(const struct mn_lineq *q) { return atomic_load(&q->lost); }

int mn_lineq_error(const struct mn_lineq *q) { return atomic_load(&q->error); }

bool mn_lineq_flush(struct mn_lineq *q, uint32_t wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&q->lock);
    while ((q->used > 0 || q->is_writing) &&
           pthread_cond_timedwait(&q->written, &q->lock, &until) != ETIMEDOUT)
        ;
    bool empty = q->used == 0 && !q->is_writing;
    pthread_mutex_unlock(&q->lock);
    return empty;
}

void mn_lineq_free(struct mn_lineq *q, uint32_t wait_ms)
{
    if (!q)
        return;
    bool flushed = mn_lineq_flush(q, wait_ms);
    pthread_mutex_lock(&q->lock);
    q->is_ending = true;
    pthread_cond_signal(&q->added);
    pthread_mutex_unlock(&q->lock);
    if (flushed) {
        pthread_join(q->thread, NULL);
        release(q);
    } else {
        pthread_detach(q->thread);
    }
}
