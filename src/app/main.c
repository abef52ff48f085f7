/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minimd: reads the options, starts the daemon, and waits for signals.
 * SIGTERM and SIGINT end it in good order, SIGHUP reads the options again.
 * Exit codes: 0 ended on request, 1 could not start, 2 options are wrong.
 */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/app.h"
#include "app/options.h"

enum {
    EXIT_START = 1,
    EXIT_OPTIONS = 2,
    TEXT_MAX = 256 * 1024,
    SPARE_DESCRIPTORS = 4096 /* RocksDB's files, SQLite's, listeners */
};

struct daemon {
    int argc;
    char *const *argv;
    char *const *envp;
    struct mn_options *options;
    struct mn_log log;
    struct mn_app *app;
};

static int fail(const char *what, const struct mn_buf *why, int code)
{
    fprintf(stderr, "minimd: %s%.*s%s", what, (int)why->n, why->p ? why->p : "",
            why->p && why->n && why->p[why->n - 1] == '\n' ? "" : "\n");
    return code;
}

/* What the action asks for, on standard output; exit code. */
static int print_and_exit(const struct mn_options *options)
{
    struct mn_buf out;
    mn_buf_init(&out, TEXT_MAX);
    bool ok = mn_options_print(options, &out) == MN_OK &&
              fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    mn_buf_deinit(&out);
    return ok ? 0 : EXIT_START;
}

/*
 * Every connection is a descriptor: take what max-connections may need if we
 * are allowed to (root, CAP_SYS_RESOURCE), else all that the hard limit gives.
 */
static void raise_descriptor_limit(struct mn_log *log, uint64_t connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    rlim_t want = connections + SPARE_DESCRIPTORS;
    struct rlimit raised = {want, limit.rlim_max > want ? limit.rlim_max : want};
    if (setrlimit(RLIMIT_NOFILE, &raised)) {
        raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised))
            raised = limit;
    }
    mn_log(log, raised.rlim_cur < want ? MN_LOG_WARN : MN_LOG_INFO, "descriptor_limit",
           MN_KV_U("descriptors", raised.rlim_cur), MN_KV_U("wanted", want));
}

static void set_time_zone(const struct mn_config *config)
{
    if (config->time_zone[0])
        setenv("TZ", config->time_zone, 1);
    tzset();
}

static void log_ignored(struct daemon *d, const struct mn_options *options)
{
    struct mn_option_ignored ignored;
    for (size_t i = 0; mn_options_ignored(options, i, &ignored); i++)
        mn_log(&d->log, MN_LOG_WARN, "option_ignored", MN_KV_Z("option", ignored.name),
               MN_KV_Z("where", ignored.where), MN_KV_Z("why", ignored.why));
}

static void log_changes(struct daemon *d, const struct mn_options *next)
{
    struct mn_option_change change;
    size_t pos = 0;
    while (mn_options_change(d->options, next, &pos, &change))
        mn_log(&d->log, change.reloadable ? MN_LOG_INFO : MN_LOG_WARN,
               change.reloadable ? "option_changed" : "option_needs_restart",
               MN_KV_Z("option", change.name), MN_KV_Z("before", change.before),
               MN_KV_Z("after", change.after));
}

/* SIGHUP: a mistake in the new options changes nothing. */
static void reload(struct daemon *d)
{
    struct mn_options *next = mn_options_new();
    struct mn_buf why;
    mn_buf_init(&why, TEXT_MAX);
    enum mn_err err = mn_options_read(next, d->argc, d->argv, d->envp, &why);
    if (!err) {
        log_changes(d, next);
        mn_options_keep_fixed(next, d->options);
        err = mn_app_reload(d->app, mn_options_config(next), &why);
    }
    if (err) {
        mn_log(&d->log, MN_LOG_ERROR, "reload_failed", MN_KV_S("why", mn_buf_str(&why)));
        mn_options_free(next);
    } else {
        atomic_store(&d->log.level, (int)mn_options_config(next)->log_level);
        mn_options_free(d->options);
        d->options = next;
        mn_log(&d->log, MN_LOG_INFO, "reloaded", MN_KV_Z("version", MN_VERSION));
    }
    mn_buf_deinit(&why);
}

/* Threads inherit the mask: signals come to sigwaitinfo() only. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void announce(struct daemon *d)
{
    struct mn_buf line;
    mn_buf_init(&line, 4096);
    mn_app_print_ready(d->app, &line);
    mn_log(&d->log, MN_LOG_INFO, "ready", MN_KV_S("listen", mn_buf_str(&line)),
           MN_KV_Z("version", MN_VERSION));
    printf("minimd ready %.*s\n", (int)line.n, line.p);
    fflush(stdout);
    mn_buf_deinit(&line);
}

static void wait_for_signals(struct daemon *d, const sigset_t *set)
{
    for (;;) {
        int sig = sigwaitinfo(set, NULL);
        if (sig == SIGHUP) {
            reload(d);
        } else if (sig == SIGTERM || sig == SIGINT) {
            mn_log(&d->log, MN_LOG_INFO, "stopping", MN_KV_I("signal", sig));
            return;
        }
    }
}

static int run(struct daemon *d)
{
    const struct mn_config *config = mn_options_config(d->options);
    struct mn_buf why;
    sigset_t set;
    mn_log_init(&d->log, config->log_level, config->log_format);
    log_ignored(d, d->options);
    set_time_zone(config);
    raise_descriptor_limit(&d->log, (uint64_t)config->ws_max_connections);
    block_signals(&set);
    mn_buf_init(&why, TEXT_MAX);
    if (mn_app_start(config, &d->log, &d->app, &why)) {
        int code = fail("cannot start: ", &why, EXIT_START);
        mn_buf_deinit(&why);
        return code;
    }
    mn_buf_deinit(&why);
    announce(d);
    wait_for_signals(d, &set);
    mn_app_stop(d->app);
    mn_log(&d->log, MN_LOG_INFO, "stopped", MN_KV_Z("version", MN_VERSION));
    return 0;
}

int main(int argc, char **argv, char **envp)
{
    struct daemon d = {.argc = argc, .argv = argv, .envp = envp, .options = mn_options_new()};
    struct mn_buf why;
    int code;
    mn_buf_init(&why, TEXT_MAX);
    if (mn_options_read(d.options, argc, argv, envp, &why))
        code = fail("", &why, EXIT_OPTIONS);
    else if (mn_options_action(d.options) != MN_OPTIONS_RUN)
        code = print_and_exit(d.options);
    else
        code = run(&d);
    mn_buf_deinit(&why);
    mn_options_free(d.options);
    return code;
}
