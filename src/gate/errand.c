/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips to a worker: see errand.h. */
#include "gate/errand.h"

#include "base/mem.h"
#include "gate/session.h"

static struct mn_str copy(char **at, struct mn_str text)
{
    if (!text.p)
        return MN_STR_NONE;
    char *p = *at;
    if (text.n > 0)
        memcpy(p, text.p, text.n);
    *at += text.n;
    return mn_str_make(p, text.n);
}

void *mn_errand_new(size_t size, struct mn_ids ids)
{
    char *p = mn_try_alloc(size + ids.client_msg_id.n + ids.server_msg_id.n);
    if (!p)
        return NULL;
    memset(p, 0, size);
    struct mn_errand *errand = (struct mn_errand *)(void *)p;
    char *at = p + size;
    errand->ids.client_msg_id = copy(&at, ids.client_msg_id);
    errand->ids.server_msg_id = copy(&at, ids.server_msg_id);
    return errand;
}

static void on_done(struct mn_task *task, struct mn_loop *loop)
{
    struct mn_errand *errand = mn_container_of(task, struct mn_errand, task);
    struct mn_conn *conn = mn_loop_find(loop, errand->conn);
    if (conn && mn_session_of(conn)->state == MN_SESSION_CLOSED)
        conn = NULL;
    errand->done(errand, mn_loop_user(loop), conn);
    mn_free(errand);
}

static void post(struct mn_behind *behind)
{
    struct mn_errand *errand = mn_container_of(behind, struct mn_errand, behind);
    mn_loop_post(mn_net_loop_of(errand->gate->net, errand->conn), &errand->task);
}

static void run(struct mn_job *job, unsigned worker)
{
    (void)worker;
    struct mn_errand *errand = mn_container_of(job, struct mn_errand, job);
    errand->work(errand);
    errand->task.run = on_done;
    errand->behind.run = post;
    if (!errand->behind_commits || !mn_behind_submit(errand->gate->msglog, &errand->behind))
        post(&errand->behind);
}

bool mn_errand_send(struct mn_conn *conn, struct mn_errand *take_errand)
{
    if (!take_errand)
        return false;
    take_errand->gate = mn_gate_loop_of(conn)->gate;
    take_errand->conn = mn_conn_id(conn);
    take_errand->job.run = run;
    if (mn_pool_submit(take_errand->gate->pool, &take_errand->job) == MN_OK)
        return true;
    mn_free(take_errand);
    return false;
}
