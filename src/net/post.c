/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks from other threads.  A mutex guards the chain: it is held for a few
 * instructions, a whole batch is appended at once, and only the post that
 * finds the chain empty wakes the loop.  The same mutex makes the wake-up
 * safe against the loop's end.
 */
#include "net/net_internal.h"

void mn_loop_post_chain(struct mn_loop *loop, struct mn_task *first, struct mn_task *last)
{
    last->next = NULL;
    pthread_mutex_lock(&loop->post.lock);
    bool was_empty = loop->post.first == NULL;
    if (was_empty)
        loop->post.first = first;
    else
        loop->post.last->next = first;
    loop->post.last = last;
    if (was_empty && loop->post.is_open)
        uv_async_send(&loop->async);
    pthread_mutex_unlock(&loop->post.lock);
}

void mn_loop_post(struct mn_loop *loop, struct mn_task *task)
{
    mn_loop_post_chain(loop, task, task);
}

void mn_loop_wake(struct mn_loop *loop)
{
    pthread_mutex_lock(&loop->post.lock);
    if (loop->post.is_open)
        uv_async_send(&loop->async);
    pthread_mutex_unlock(&loop->post.lock);
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
