/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks from other threads.  A mutex guards the chain: it is held for a few
 * instructions, a whole batch is appended at once, and only a post to a
 * loop that sleeps wakes it: one that is awake looks here before it sleeps.
 *
 * The wake-up is a system call after which the loop may run at once, on this
 * very core, and would then stand at the mutex: it is made without it.  The
 * descriptor must live that long, so who is about to wake is counted, and
 * the loop's end waits for them.  It is not a uv_async_t, whose callback
 * spins until the sender has come back from its system call.
 */
#include <sched.h>
#include <unistd.h>

#include "net/net_internal.h"

/* With post.lock held: true when the caller may, and must, call wake() after it. */
static bool begin_wake(struct mn_loop *loop)
{
    if (loop->post.is_open)
        atomic_fetch_add_explicit(&loop->post.wakers, 1, memory_order_relaxed);
    loop->post.asleep = false; /* the next one need not */
    return loop->post.is_open;
}

static void wake(struct mn_loop *loop)
{
    const uint64_t one = 1;
    /* It fails only when it is full, and then the loop has enough to wake for. */
    mn_ignore(write(loop->wake_fd, &one, sizeof(one)));
    /* The last touch: the loop may be gone after it. */
    atomic_fetch_sub_explicit(&loop->post.wakers, 1, memory_order_release);
}

void mn_loop_post_chain(struct mn_loop *loop, struct mn_task *first, struct mn_task *last)
{
    last->next = NULL;
    pthread_mutex_lock(&loop->post.lock);
    bool wakes = loop->post.asleep && begin_wake(loop);
    if (loop->post.first == NULL)
        loop->post.first = first;
    else
        loop->post.last->next = first;
    loop->post.last = last;
    atomic_store_explicit(&loop->post.waits, true, memory_order_release);
    pthread_mutex_unlock(&loop->post.lock);
    if (wakes)
        wake(loop);
}

void mn_loop_post(struct mn_loop *loop, struct mn_task *task)
{
    mn_loop_post_chain(loop, task, task);
}

void mn_loop_wake(struct mn_loop *loop)
{
    pthread_mutex_lock(&loop->post.lock);
    bool wakes = begin_wake(loop);
    pthread_mutex_unlock(&loop->post.lock);
    if (wakes)
        wake(loop);
}

bool mn_loop_may_sleep(struct mn_loop *loop)
{
    pthread_mutex_lock(&loop->post.lock);
    bool may_sleep = loop->post.first == NULL;
    loop->post.asleep = may_sleep;
    pthread_mutex_unlock(&loop->post.lock);
    return may_sleep;
}

void mn_loop_awake(struct mn_loop *loop)
{
    pthread_mutex_lock(&loop->post.lock);
    loop->post.asleep = false;
    pthread_mutex_unlock(&loop->post.lock);
}

void mn_loop_close_posts(struct mn_loop *loop)
{
    pthread_mutex_lock(&loop->post.lock);
    loop->post.is_open = false;
    pthread_mutex_unlock(&loop->post.lock);
    /* Each of them is within one system call. */
    while (atomic_load_explicit(&loop->post.wakers, memory_order_acquire) > 0)
        sched_yield();
}

static struct mn_task *take_all(struct mn_loop *loop)
{
    pthread_mutex_lock(&loop->post.lock);
    struct mn_task *task = loop->post.first;
    loop->post.first = loop->post.last = NULL;
    atomic_store_explicit(&loop->post.waits, false, memory_order_relaxed);
    pthread_mutex_unlock(&loop->post.lock);
    return task;
}

void mn_loop_catch_up(struct mn_loop *loop)
{
    if (atomic_load_explicit(&loop->post.waits, memory_order_acquire))
        mn_loop_run_tasks(loop);
}

void mn_loop_run_tasks(struct mn_loop *loop)
{
    int64_t count = 0;
    struct mn_task *task = take_all(loop);
    while (task != NULL) {
        struct mn_task *next = task->next;
        task->run(task, loop);
        count++;
        task = next;
    }
    if (count > 0)
        mn_metric_add(loop->metrics, MN_M_LOOP_POSTS, count);
}
