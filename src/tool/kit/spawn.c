/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a daemon of our own, see spawn.h.  It is in our process group, so a
 * Ctrl-C reaches it too: it is therefore started with SIGINT ignored, and
 * ends when we say so, or when we die (PR_SET_PDEATHSIG).
 */
#include "tool/kit/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

#define READY_MS 15000
#define STOP_MS 10000
/* From the end of its output to its own. */
#define REFUSED_MS 1000
/* Of minimd: bad options. */
#define EXIT_OPTIONS 2
#define ARGS_MAX 128
#define KEEP_MAX 3800
#define LOG_TAIL 4000

const char *const spawn_no_limits[] = {
    "--im.gateway.ws.rate-limit.connection-rate=0", "--im.gateway.ws.rate-limit.user-rate=0",
    "--im.gateway.ws.accept-rate=0", "--im.gateway.ws.auth-rate=0", "--im.ratelimit.enabled=false",
    /* Longer than any run: its sessions do not expire. */
    "--im.auth.access-token-ttl-seconds=604800", NULL};

/* ---- files ---- */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    mn_ignore(remove(path)); /* what stays behind is in the temporary directory */
    return 0;
}

static void print_log_tail(const struct spawn *spawn)
{
    char text[LOG_TAIL + 1];
    int fd = open(spawn->log, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t end = lseek(fd, 0, SEEK_END);
    mn_ignore(lseek(fd, end > LOG_TAIL ? end - LOG_TAIL : 0, SEEK_SET));
    ssize_t n = read(fd, text, LOG_TAIL);
    close(fd);
    if (n > 0)
        fprintf(stderr, "--- end of the daemon's log ---\n%.*s---\n", (int)n, text);
}

static void clean_up(struct spawn *spawn)
{
    if (spawn->dir[0])
        mn_ignore(nftw(spawn->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS));
    spawn->dir[0] = '\0';
}

static bool find_program(struct spawn *spawn, const char *minimd)
{
    if (minimd) {
        snprintf(spawn->program, sizeof spawn->program, "%s", minimd);
    } else {
        ssize_t n = readlink("/proc/self/exe", spawn->program, sizeof spawn->program - 16);
        if (n <= 0)
            return false;
        spawn->program[n] = '\0';
        char *slash = strrchr(spawn->program, '/');
        snprintf(slash + 1, 16, "minimd");
    }
    if (access(spawn->program, X_OK) == 0)
        return true;
    fprintf(stderr, "minim: %s: %s (name another one with --minimd)\n", spawn->program,
            strerror(errno));
    return false;
}

static bool make_dir(struct spawn *spawn)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(spawn->dir, sizeof spawn->dir, "%.100s/minim-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(spawn->dir)) {
        fprintf(stderr, "minim: %s: %s\n", spawn->dir, strerror(errno));
        spawn->dir[0] = '\0';
        return false;
    }
    snprintf(spawn->log, sizeof spawn->log, "%s/minimd.log", spawn->dir);
    return true;
}

/* What is in there already would be measured too, and may be somebody's. */
static bool can_keep(const char *path)
{
    const char *why = NULL;
    DIR *dir = opendir(path);
    if (!dir && errno != ENOENT)
        why = strerror(errno);
    else if (strlen(path) >= KEEP_MAX)
        why = "the path is too long";
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e && !why; e = readdir(dir))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            why = "is not empty";
    if (dir)
        closedir(dir);
    if (why)
        fprintf(stderr, "minim: --keep %s: %s\n", path, why);
    return !why;
}

static void make_secret(struct spawn *spawn)
{
    /* 40 hex digits: HS256, like the shipped configuration of the protocol. */
    uint8_t raw[20];
    mn_rand_bytes(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(spawn->secret + 2 * i, 3, "%02x", raw[i]);
}

/* ---- process ---- */

/* Between fork and exec; never returns. */
static void run_child(const struct spawn *spawn, char **argv, int out_fd)
{
    int log_fd = open(spawn->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    signal(SIGINT, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (log_fd >= 0)
        dup2(log_fd, 2);
    dup2(out_fd, 1);
    setenv("IM_AUTH_JWT_SECRET", spawn->secret, 1);
    execv(spawn->program, argv);
    _exit(127);
}

/* "minimd ready http=HOST:PORT ws=HOST:PORT" */
static bool parse_ready(struct spawn *spawn, const char *line)
{
    static const char lead[] = "minimd ready http=";
    if (strncmp(line, lead, sizeof lead - 1) != 0)
        return false;
    const char *http = line + sizeof lead - 1;
    const char *ws = strstr(http, " ws=");
    if (!ws)
        return false;
    int http_len = (int)(ws - http);
    ws += 4;
    int ws_len = (int)strcspn(ws, " \n");
    return snprintf(spawn->http, sizeof spawn->http, "http://%.*s", http_len, http) <
               (int)sizeof spawn->http &&
           snprintf(spawn->ws, sizeof spawn->ws, "ws://%.*s/ws", ws_len, ws) <
               (int)sizeof spawn->ws;
}

/* Reads its first line of output; returns what went wrong, or NULL. */
static const char *wait_ready(struct spawn *spawn, int fd)
{
    char line[256] = "";
    size_t n = 0;
    uint64_t until_ms = mn_mono_ms() + READY_MS;
    while (n + 1 < sizeof line && !strchr(line, '\n')) {
        uint64_t now_ms = mn_mono_ms();
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        if (now_ms >= until_ms || poll(&pfd, 1, (int)(until_ms - now_ms)) == 0)
            return "did not become ready within 15 s";
        ssize_t got = read(fd, line + n, sizeof line - 1 - n);
        if (got == 0 || (got < 0 && errno != EINTR))
            return "ended before it was ready";
        n += got > 0 ? (size_t)got : 0;
        line[n] = '\0';
    }
    return parse_ready(spawn, line) ? NULL : "said something else than \"minimd ready\"";
}

/* Waits for its end; false when it has not come within `limit_ms`. */
static bool wait_end(struct spawn *spawn, uint64_t limit_ms, int *ret_status)
{
    uint64_t until_ms = mn_mono_ms() + limit_ms;
    for (;;) {
        pid_t pid = waitpid(spawn->pid, ret_status, WNOHANG);
        if (pid == spawn->pid || (pid < 0 && errno == ECHILD))
            return true;
        if (mn_mono_ms() >= until_ms)
            return false;
        mn_ignore(poll(NULL, 0, 5));
    }
}

static enum mn_err launch(struct spawn *spawn, char **argv)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        return mn_err_from_errno(errno);
    spawn->pid = fork();
    if (spawn->pid == 0)
        run_child(spawn, argv, out[1]);
    close(out[1]);
    if (spawn->pid < 0) {
        spawn->pid = 0;
        close(out[0]);
        return mn_err_from_errno(errno);
    }
    const char *bad = wait_ready(spawn, out[0]);
    close(out[0]);
    if (!bad)
        return MN_OK;
    int status = 0;
    bool refused = wait_end(spawn, REFUSED_MS, &status) && WIFEXITED(status) &&
                   WEXITSTATUS(status) == EXIT_OPTIONS;
    fprintf(stderr, "minim: %s %s\n", spawn->program, refused ? "does not take its options" : bad);
    if (refused)
        spawn->pid = 0;
    spawn_kill(spawn, SIGKILL);
    print_log_tail(spawn);
    return refused ? MN_EINVAL : MN_ETIMEOUT;
}

/* `http_port`, `ws_port`: text, "0" for any. */
static enum mn_err start(struct spawn *spawn, const char *http_port, const char *ws_port)
{
    char data_dir[KEEP_MAX + 32], http[48], ws[48];
    char *argv[ARGS_MAX];
    size_t n = 0;
    if (spawn->keep)
        snprintf(data_dir, sizeof data_dir, "--minim.data-dir=%s", spawn->keep);
    else
        snprintf(data_dir, sizeof data_dir, "--minim.data-dir=%s/data", spawn->dir);
    snprintf(http, sizeof http, "--server.port=%s", http_port);
    snprintf(ws, sizeof ws, "--im.gateway.ws.port=%s", ws_port);
    argv[n++] = spawn->program;
    argv[n++] = data_dir;
    argv[n++] = http;
    argv[n++] = ws;
    argv[n++] = (char *)(uintptr_t) "--server.address=127.0.0.1";
    argv[n++] = (char *)(uintptr_t) "--im.gateway.ws.host=127.0.0.1";
    for (const char *const *opt = spawn->defaults; opt && *opt; opt++)
        argv[n++] = (char *)(uintptr_t)*opt;
    for (size_t i = 0; i < spawn->extra_count && n + 1 < ARGS_MAX; i++)
        argv[n++] = spawn->extra[i];
    argv[n] = NULL;
    return launch(spawn, argv);
}

enum mn_err spawn_start(struct spawn *spawn, const char *minimd)
{
    if (spawn->keep && !can_keep(spawn->keep))
        return MN_EINVAL;
    if (!find_program(spawn, minimd) || !make_dir(spawn))
        return MN_ENOTFOUND;
    make_secret(spawn);
    enum mn_err err = start(spawn, "0", "0");
    if (err)
        clean_up(spawn);
    return err;
}

/* The port of "scheme://host:port..." */
static void port_of(const char *url, char *out, size_t cap)
{
    const char *colon = strrchr(url, ':') + 1;
    snprintf(out, cap, "%.*s", (int)strspn(colon, "0123456789"), colon);
}

enum mn_err spawn_again(struct spawn *spawn)
{
    char http[16], ws[16];
    port_of(spawn->http, http, sizeof http);
    port_of(spawn->ws, ws, sizeof ws);
    return start(spawn, http, ws);
}

void spawn_data_dir(const struct spawn *spawn, char *out, size_t cap)
{
    if (spawn->keep)
        snprintf(out, cap, "%s", spawn->keep);
    else
        snprintf(out, cap, "%s/data", spawn->dir);
}

void spawn_kill(struct spawn *spawn, int signum)
{
    int status = 0;
    if (spawn->pid <= 0)
        return;
    mn_ignore(kill(spawn->pid, signum));
    if (!wait_end(spawn, STOP_MS, &status)) {
        mn_ignore(kill(spawn->pid, SIGKILL));
        mn_ignore(wait_end(spawn, STOP_MS, &status));
    }
    spawn->pid = 0;
}

bool spawn_stop(struct spawn *spawn)
{
    int status = 0;
    bool clean = true;
    if (spawn->pid > 0) {
        mn_ignore(kill(spawn->pid, SIGTERM));
        clean = wait_end(spawn, STOP_MS, &status) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!clean) {
            fprintf(stderr, "minim: the daemon did not end cleanly on SIGTERM (status 0x%x)\n",
                    (unsigned)status);
            spawn_kill(spawn, SIGKILL);
            print_log_tail(spawn);
        }
    }
    spawn->pid = 0;
    clean_up(spawn);
    return clean;
}
