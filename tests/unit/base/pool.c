/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/pool.h"

/* A door that holds workers back, so that tests need not hope for timing. */
struct door {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    unsigned waiting;
};

struct task {
    struct mn_job job;
    struct door *door; /* to wait at, or NULL */
    _Atomic unsigned *done;
    unsigned order; /* number of tasks done before this one */
    unsigned worker;
    char thread_name[16];
    bool signals_blocked;
};

static void door_wait(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    door->waiting++;
    pthread_cond_broadcast(&door->changed);
    while (!door->open)
        pthread_cond_wait(&door->changed, &door->mutex);
    pthread_mutex_unlock(&door->mutex);
}

static void door_open(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    door->open = true;
    pthread_cond_broadcast(&door->changed);
    pthread_mutex_unlock(&door->mutex);
}

/* Until `count` tasks stand at the door. */
static void door_await(struct door *door, unsigned count)
{
    pthread_mutex_lock(&door->mutex);
    while (door->waiting < count)
        pthread_cond_wait(&door->changed, &door->mutex);
    pthread_mutex_unlock(&door->mutex);
}

static void run(struct mn_job *job, unsigned worker)
{
    struct task *task = mn_container_of(job, struct task, job);
    sigset_t mask;

    task->worker = worker;
    pthread_getname_np(pthread_self(), task->thread_name, sizeof task->thread_name);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    task->signals_blocked = sigismember(&mask, SIGTERM) == 1;
    if (task->door)
        door_wait(task->door);
    task->order = atomic_fetch_add(task->done, 1);
}

static void runs_everything_before_it_stops(void **state)
{
    enum { TASKS = 1000 };
    struct task *task = mn_alloc_array(TASKS, sizeof *task);
    _Atomic unsigned done = 0;
    struct mn_pool *pool = mn_pool_new(4, TASKS, "worker");

    (void)state;
    for (int i = 0; i < TASKS; i++) {
        task[i] = (struct task){.job.run = run, .done = &done};
        assert_int_equal(mn_pool_submit(pool, &task[i].job), MN_OK);
    }
    mn_pool_stop(pool);
    assert_int_equal(done, TASKS);
    assert_int_equal(mn_pool_depth(pool), 0);
    assert_int_equal(mn_pool_submit(pool, &task[0].job), MN_ECLOSED);
    mn_pool_stop(pool);
    mn_pool_free(pool);
    mn_pool_free(NULL);
    for (int i = 0; i < TASKS; i++) {
        char name[16];
        assert_true(task[i].worker < 4);
        snprintf(name, sizeof name, "worker-%u", task[i].worker);
        assert_string_equal(task[i].thread_name, name);
        assert_true(task[i].signals_blocked);
    }
    mn_free(task);
}

static void a_full_queue_refuses(void **state)
{
    struct door door = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    _Atomic unsigned done = 0;
    struct task task[5];
    struct mn_pool *pool = mn_pool_new(1, 3, "a-rather-long-name");

    (void)state;
    for (int i = 0; i < 5; i++)
        task[i] = (struct task){.job.run = run, .done = &done};
    task[0].door = &door;
    assert_int_equal(mn_pool_submit(pool, &task[0].job), MN_OK);
    door_await(&door, 1); /* the worker has taken it */
    for (int i = 1; i < 4; i++)
        assert_int_equal(mn_pool_submit(pool, &task[i].job), MN_OK);
    assert_int_equal(mn_pool_depth(pool), 3);
    assert_int_equal(mn_pool_submit(pool, &task[4].job), MN_EBUSY);
    assert_int_equal(mn_pool_depth(pool), 3);
    door_open(&door);
    mn_pool_free(pool);
    assert_int_equal(done, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(task[i].order, i); /* one worker: in order */
}

static void workers_run_side_by_side(void **state)
{
    struct door door = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    _Atomic unsigned done = 0;
    struct task task[3];
    struct mn_pool *pool = mn_pool_new(3, 3, "w");

    (void)state;
    for (int i = 0; i < 3; i++) {
        task[i] = (struct task){.job.run = run, .done = &done, .door = &door};
        assert_int_equal(mn_pool_submit(pool, &task[i].job), MN_OK);
    }
    door_await(&door, 3); /* would hang if one worker ran them one by one */
    assert_int_equal(mn_pool_depth(pool), 0);
    door_open(&door);
    mn_pool_free(pool);
    assert_int_equal(done, 3);
    assert_true(task[0].worker != task[1].worker && task[1].worker != task[2].worker);
}

int test_base_pool(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_everything_before_it_stops),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(workers_run_side_by_side),
    };
    return cmocka_run_group_tests_name("base_pool", tests, NULL, NULL);
}
