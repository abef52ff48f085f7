/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transport as a whole: builds the loops and their listeners, starts
 * and ends them.  Runs on the thread of app; talks to loops only by tasks.
 */
#include "net/net.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/net_internal.h"

/* A task that carries a value to one loop. */
struct command {
    struct mn_task task;
    uint32_t spread_ms;
    struct mn_net_config cfg;
};

static bool is_valid(const struct mn_net_config *cfg)
{
    return cfg->loops >= 1 && cfg->loops <= MN_NET_LOOPS_MAX &&
           cfg->listen_count <= MN_NET_LISTEN_MAX && cfg->ws_path[0] == '/' &&
           memchr(cfg->ws_path, '\0', sizeof(cfg->ws_path)) != NULL && cfg->max_message > 0 &&
           cfg->high_watermark > cfg->low_watermark && cfg->http_max_request_line > 0 &&
           cfg->http_max_headers > 0;
}

/* Binds listener `index` for every loop; the first one settles the port. */
static enum mn_err open_listeners(struct mn_net *net, unsigned index, char why[256])
{
    const struct mn_net_listen *where = &net->cfg.listen[index];
    uint16_t port = where->port;
    for (unsigned i = 0; i < net->loop_count; i++) {
        int fd = -1;
        enum mn_err err = mn_listen_open(where, port, i == 0, &fd, why);
        if (err != MN_OK)
            return err;
        if (port == 0)
            port = mn_listen_port(fd);
        err = mn_loop_add_listener(net->loops[i], fd);
        if (err != MN_OK) {
            snprintf(why, 256, "cannot watch the listener of %.150s:%u: %s", where->host, port,
                     strerror(errno));
            return err;
        }
    }
    net->port[index] = port;
    return MN_OK;
}

static enum mn_err build(struct mn_net *net, char why[256])
{
    for (unsigned i = 0; i < net->cfg.loops; i++) {
        struct mn_loop *loop = mn_new(struct mn_loop);
        enum mn_err err = mn_loop_init(loop, net, i);
        if (err != MN_OK) {
            mn_free(loop);
            snprintf(why, 256, "cannot create an event loop: %s (see ulimit -n)", strerror(errno));
            return err;
        }
        net->loops[net->loop_count++] = loop;
    }
    for (unsigned i = 0; i < net->cfg.listen_count; i++) {
        enum mn_err err = open_listeners(net, i, why);
        if (err != MN_OK)
            return err;
    }
    return MN_OK;
}

enum mn_err mn_net_new(const struct mn_net_config *config, const struct mn_net_ws_handler *ws,
                       const struct mn_net_http_handler *http, struct mn_log *log,
                       struct mn_metrics *metrics, struct mn_net **ret, char why[256])
{
    if (!is_valid(config)) {
        snprintf(why, 256, "the transport's configuration is not valid");
        return MN_EINVAL;
    }
    struct mn_net *net = mn_new(struct mn_net);
    net->cfg = *config;
    net->ws = *ws;
    net->http = *http;
    net->log = log;
    net->metrics = metrics;
    pthread_mutex_init(&net->addresses.lock, NULL);
    mn_map_init(&net->addresses.count);
    pthread_mutex_init(&net->idle_lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&net->idle, &attr);
    pthread_condattr_destroy(&attr);
    enum mn_err err = build(net, why);
    if (err != MN_OK) {
        mn_net_free(net);
        return err;
    }
    *ret = net;
    return MN_OK;
}

enum mn_err mn_net_start(struct mn_net *net)
{
    MN_BUG_ON(net->started);
    net->started = true;
    for (unsigned i = 0; i < net->loop_count; i++) {
        enum mn_err err = mn_loop_start(net->loops[i]);
        if (err != MN_OK)
            return err;
        net->loops[i]->has_thread = true;
    }
    return MN_OK;
}

uint16_t mn_net_port(const struct mn_net *net, unsigned index)
{
    return index < net->cfg.listen_count ? net->port[index] : 0;
}

unsigned mn_net_loop_count(const struct mn_net *net) { return net->loop_count; }

struct mn_loop *mn_net_loop(struct mn_net *net, unsigned index) { return net->loops[index]; }

/* ---- commands to the loops --------------------------------------------- */

static void post_command(struct mn_loop *loop, void (*run)(struct mn_task *, struct mn_loop *),
                         uint32_t spread_ms, const struct mn_net_config *cfg)
{
    struct command *command = mn_new(struct command);
    command->task.run = run;
    command->spread_ms = spread_ms;
    if (cfg != NULL)
        command->cfg = *cfg;
    mn_loop_post(loop, &command->task);
}

static void run_drain(struct mn_task *task, struct mn_loop *loop)
{
    struct command *command = mn_container_of(task, struct command, task);
    if (!loop->stopping)
        mn_loop_drain(loop, command->spread_ms);
    mn_free(command);
}

static void run_reload(struct mn_task *task, struct mn_loop *loop)
{
    struct command *command = mn_container_of(task, struct command, task);
    mn_loop_apply_config(loop, &command->cfg);
    mn_free(command);
}

static void run_shutdown(struct mn_task *task, struct mn_loop *loop)
{
    if (!loop->stopping)
        mn_loop_shutdown(loop);
    mn_free(mn_container_of(task, struct command, task));
}

void mn_net_drain(struct mn_net *net, uint32_t spread_ms)
{
    if (!net->started || atomic_exchange(&net->draining, true))
        return;
    for (unsigned i = 0; i < net->loop_count; i++)
        post_command(net->loops[i], run_drain, spread_ms, NULL);
}

void mn_net_reload(struct mn_net *net, const struct mn_net_config *config)
{
    if (!is_valid(config))
        return;
    for (unsigned i = 0; i < net->loop_count; i++)
        post_command(net->loops[i], run_reload, 0, config);
}

/* Until no connection is left, or the time is over. */
static void wait_idle(struct mn_net *net, uint32_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&net->idle_lock);
    while (atomic_load(&net->conn_count) > 0)
        if (pthread_cond_timedwait(&net->idle, &net->idle_lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&net->idle_lock);
}

void mn_net_stop(struct mn_net *net, uint32_t timeout_ms)
{
    if (!net->started || net->stopped)
        return;
    net->stopped = true;
    mn_net_drain(net, 0);
    wait_idle(net, timeout_ms);
    for (unsigned i = 0; i < net->loop_count; i++)
        if (net->loops[i]->has_thread)
            post_command(net->loops[i], run_shutdown, 0, NULL);
    for (unsigned i = 0; i < net->loop_count; i++)
        if (net->loops[i]->has_thread)
            pthread_join(net->loops[i]->thread, NULL);
}

void mn_net_free(struct mn_net *net)
{
    if (net == NULL)
        return;
    mn_net_stop(net, 0);
    for (unsigned i = 0; i < net->loop_count; i++) {
        struct mn_loop *loop = net->loops[i];
        if (!loop->stopping) { /* never had a thread */
            mn_loop_shutdown(loop);
            uv_run(&loop->uv, UV_RUN_DEFAULT);
        }
    }
    /* A task may post another one, to any loop. */
    for (bool again = true; again;) {
        again = false;
        for (unsigned i = 0; i < net->loop_count; i++) {
            again = again || net->loops[i]->post.first != NULL;
            mn_loop_run_tasks(net->loops[i]);
        }
    }
    for (unsigned i = 0; i < net->loop_count; i++) {
        mn_loop_deinit(net->loops[i]);
        mn_free(net->loops[i]);
    }
    pthread_cond_destroy(&net->idle);
    pthread_mutex_destroy(&net->idle_lock);
    mn_map_deinit(&net->addresses.count);
    pthread_mutex_destroy(&net->addresses.lock);
    mn_free(net);
}

struct mn_loop *mn_net_loop_of(struct mn_net *net, uint64_t conn_id)
{
    unsigned index = (unsigned)(conn_id >> 56);
    return index < net->loop_count ? net->loops[index] : NULL;
}
