/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minimd: reads the options, starts the daemon, and waits for signals.
 * SIGTERM and SIGINT end it in good order, SIGHUP reads the options again.
 * Exit codes: 0 ended on request, 1 could not start, 2 options are wrong.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/notify.h"
#include "app/options.h"
#include "app/terminate.h"
#include "base/lineq.h"
#include "base/mem.h"
#include "base/std.h"

enum {
    EXIT_START = 1,
    EXIT_OPTIONS = 2,
    TEXT_MAX = 256 * 1024,
    SPARE_DESCRIPTORS = 4096, /* RocksDB's files, SQLite's, listeners */
    LAST_LINES_MS = 1000,     /* at the end, for a reader of the log that stands still */
    READY_MAX = 4096,
    READY_WAIT_MS = 200
};

struct daemon {
    int argc;
    char *const *argv;
    char *const *envp;
    struct mn_options *options;
    struct mn_log log;
    struct mn_lineq *out; /* standard output, for the ready line */
    struct mn_app *app;
};

/*
 * From the first lines of main() on: no signal may find its default action
 * still in place.  Threads inherit the mask, so signals come to
 * sigwaitinfo() only; one that comes before waits for it.
 */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Every line of `why` with our name before it, whether its reader reads or not. */
static void complain(const char *what, struct mn_str why)
{
    struct mn_buf text;

    mn_buf_init(&text, 2 * TEXT_MAX);
    while (why.n > 0) {
        const char *end = memchr(why.p, '\n', why.n);
        size_t n = end ? (size_t)(end - why.p) : why.n;
        mn_buf_addf(&text, "minimd: %s%.*s\n", what, (int)n, why.p);
        n += end != NULL;
        why.p += n;
        why.n -= n;
    }
    mn_ignore(mn_std_write(STDERR_FILENO, mn_buf_str(&text), MN_LAST_WORDS_MS));
    mn_buf_deinit(&text);
}

/*
 * The C library takes a zone that it does not know for UTC without a word.
 * The option is checked; TZ comes from elsewhere and is told.  NULL: it is in order.
 */
static const char *unknown_zone(const struct mn_config *config)
{
    const char *tz = config->process.time_zone[0] ? NULL : getenv("TZ");

    return tz && !mn_options_is_zone(tz) ? tz : NULL;
}

/* What was accepted and has no effect, for who only wants to know whether all is in order. */
static void complain_ignored(const struct mn_options *options)
{
    struct mn_option_ignored ignored;
    char line[1024];

    for (size_t i = 0; mn_options_ignored(options, i, &ignored); i++) {
        snprintf(line, sizeof line, "%s: %s has no effect: %s", ignored.where, ignored.name,
                 ignored.why);
        complain("warning: ", mn_str_c(line));
    }
    if (unknown_zone(mn_options_config(options))) {
        snprintf(line, sizeof line,
                 "environment TZ names no zone: UTC is in force instead of %.200s", getenv("TZ"));
        complain("warning: ", mn_str_c(line));
    }
}

/* What the action asks for, on standard output; exit code. */
static int print_and_exit(const struct mn_options *options, const sigset_t *set)
{
    struct mn_buf out;
    int code = 0;

    pthread_sigmask(SIG_UNBLOCK, set, NULL); /* who does not read our output may end us */
    mn_buf_init(&out, TEXT_MAX);
    if (mn_options_action(options) == MN_OPTIONS_CHECK)
        complain_ignored(options);
    enum mn_err err = mn_options_print(options, &out);
    if (err || fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0) {
        complain("cannot write to standard output: ",
                 mn_str_c(err ? mn_err_text(err) : strerror(errno)));
        code = EXIT_START;
    }
    mn_buf_deinit(&out);
    return code;
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

/*
 * The secret and passwords are in memory.  0 keeps them out of core files but
 * not from a program that core_pattern names; 1 the kernel refuses for both,
 * as no core fits into it (core(5)).  A hard limit of 0 stays.
 */
static void refuse_core(struct mn_log *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit))
        return;
    rlim_t most = limit.rlim_max < 1 ? limit.rlim_max : 1;
    limit = (struct rlimit){most, most};
    if (setrlimit(RLIMIT_CORE, &limit))
        mn_log(log, MN_LOG_WARN, "core_not_refused", MN_KV_Z("error", strerror(errno)));
}

static void set_time_zone(struct daemon *d, const struct mn_config *config)
{
    const char *tz = unknown_zone(config);

    if (tz)
        mn_log(&d->log, MN_LOG_WARN, "time_zone_unknown", MN_KV_Z("TZ", tz),
               MN_KV_Z("in_force", "UTC"), MN_KV_Z("see", "minim.time-zone"));
    if (config->process.time_zone[0])
        setenv("TZ", config->process.time_zone, 1);
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
    mn_notify_reloading();
    struct mn_options *next = mn_options_new();
    struct mn_buf why;
    mn_buf_init(&why, TEXT_MAX);
    enum mn_err err = MN_EINVAL;
    if (mn_options_can_reload(d->options))
        err = mn_options_read(next, d->argc, d->argv, d->envp, &why);
    else
        mn_buf_add_z(&why, "the options came through a pipe, which cannot be read again");
    if (!err) {
        log_changes(d, next);
        mn_options_keep_fixed(next, d->options);
        err = mn_app_reload(d->app, mn_options_config(next), &why);
    }
    if (err) {
        mn_log(&d->log, MN_LOG_ERROR, "reload_failed", MN_KV_S("why", mn_buf_str(&why)));
        mn_options_free(next);
    } else {
        atomic_store(&d->log.level, (int)mn_options_config(next)->process.log_level);
        mn_options_free(d->options);
        d->options = next;
        mn_log(&d->log, MN_LOG_INFO, "reloaded", MN_KV_Z("version", MN_VERSION));
    }
    mn_buf_deinit(&why);
    mn_notify_ready();
}

/* Who waits for the line may read it late or never: it has a queue of its own. */
static void print_ready(struct daemon *d, struct mn_str line)
{
    if (mn_lineq_new(STDOUT_FILENO, READY_MAX, NULL, NULL, &d->out)) {
        /* No thread for it: then at most a moment. */
        mn_ignore(mn_std_write(STDOUT_FILENO, line, READY_WAIT_MS));
        return;
    }
    mn_lineq_add(d->out, line);
    if (!mn_lineq_flush(d->out, READY_WAIT_MS))
        mn_log(&d->log, MN_LOG_WARN, "ready_line_unread", MN_KV_Z("what", "standard output"));
    else if (mn_lineq_lost(d->out))
        mn_log(&d->log, MN_LOG_WARN, "ready_line_lost", MN_KV_Z("what", "standard output"),
               MN_KV_Z("error", strerror(mn_lineq_error(d->out))));
}

static void announce(struct daemon *d)
{
    struct mn_buf line;
    mn_buf_init(&line, READY_MAX);
    mn_buf_add_z(&line, "minimd ready ");
    size_t head = line.n;
    mn_app_print_ready(d->app, &line);
    mn_log(&d->log, MN_LOG_INFO, "ready",
           MN_KV_S("listen", mn_str_make(line.p + head, line.n - head)),
           MN_KV_Z("version", MN_VERSION));
    mn_buf_add_char(&line, '\n');
    print_ready(d, mn_buf_str(&line));
    mn_notify_ready();
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

/* What the process is, before anything is opened. */
static enum mn_err prepare(struct daemon *d)
{
    const struct mn_config *config = mn_options_config(d->options);

    umask(S_IRWXG | S_IRWXO); /* what is kept is nobody else's */
    mn_terminate_with_message();
    mn_log_init(&d->log, config->process.log_level, config->process.log_format);
    enum mn_err err = mn_log_start(&d->log);
    if (err)
        return err;
    log_ignored(d, d->options);
    set_time_zone(d, config);
    if (!config->process.core_dumps)
        refuse_core(&d->log);
    raise_descriptor_limit(&d->log, (uint64_t)config->net.max_connections);
    return MN_OK;
}

static int start(struct daemon *d)
{
    struct mn_buf why;
    int code = 0;

    mn_buf_init(&why, TEXT_MAX);
    enum mn_err err = prepare(d);
    if (err)
        mn_buf_addf(&why, "cannot start a thread: %s (see ulimit -u)", strerror(errno));
    else
        err = mn_app_start(mn_options_config(d->options), &d->log, &d->app, &why);
    if (err) {
        mn_log_stop(&d->log, LAST_LINES_MS);
        complain("cannot start: ", mn_buf_str(&why));
        code = EXIT_START;
    }
    mn_buf_deinit(&why);
    return code;
}

static int run(struct daemon *d, const sigset_t *set)
{
    int code = start(d);

    if (code)
        return code;
    announce(d);
    wait_for_signals(d, set);
    mn_notify_stopping();
    mn_app_stop(d->app);
    mn_log(&d->log, MN_LOG_INFO, "stopped", MN_KV_Z("version", MN_VERSION));
    mn_lineq_free(d->out, 0);
    mn_log_stop(&d->log, LAST_LINES_MS);
    return 0;
}

int main(int argc, char **argv, char **envp)
{
    static struct daemon d; /* not on the stack: a thread stuck in a write may outlive main() */
    struct mn_buf why;
    sigset_t set;
    int code;

    mn_std_reserve();
    block_signals(&set);
    d = (struct daemon){.argc = argc, .argv = argv, .envp = envp, .options = mn_options_new()};
    mn_buf_init(&why, TEXT_MAX);
    if (mn_options_read(d.options, argc, argv, envp, &why)) {
        complain("", mn_buf_str(&why));
        code = EXIT_OPTIONS;
    } else if (mn_options_action(d.options) != MN_OPTIONS_RUN) {
        code = print_and_exit(d.options, &set);
    } else {
        code = run(&d, &set);
    }
    mn_buf_deinit(&why);
    mn_options_free(d.options);
    return code;
}
