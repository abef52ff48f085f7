/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks from other threads.  A mutex guards the chain: it is held for a few
 * instructions, a whole batch is appended at once, and only the post that
 * finds the chain empty wakes the loop.
 *
 * The wake-up is a system call after which the loop may run at once, on this
 * very core, and would then stand at the mutex: it is made without it.  The
 * async handle must live that long, so who is about to wake is counted, and
 * the loop's end waits for them.
 */
#include <sched.h>

#include "net/net_internal.h"

/* With post.lock held: true when the caller may, and must, call wake() after it. */
static bool begin_wake(struct mn_loop *loop)
{
    if (loop->post.is_open)
        atomic_fetch_add_explicit(&loop->post.wakers, 1, memory_order_relaxed);
    return loop->post.is_open;
}

static void wake(struct mn_loop *loop)
{
    uv_async_send(&loop->async);
    MN_BUG_ON(uv_is_closing((uv_handle_t *)&loop->async));
    /* The last touch: the loop may be gone after it. */
    atomic_fetch_sub_explicit(&loop->post.wakers, 1, memory_order_release);
}

void mn_loop_post_chain(struct mn_loop *loop, struct mn_task *first, struct mn_task *last)
{
    last->next = NULL;
    pthread_mutex_lock(&loop->post.lock);
    bool wakes = loop->post.first == NULL && begin_wake(loop);
    if (loop->post.first == NULL)
        loop->post.first = first;
    else
        loop->post.last->next = first;
    loop->post.last = last;
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
    pthread_mutex_unlock(&loop->post.lock);
    return task;
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
