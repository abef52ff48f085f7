/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and ends the bare process of loopback.h.  Main thread. */
#include "tool/bench/loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/rand.h"
#include "tool/bench/floor.h"

static int listen_somewhere(char *ws, size_t cap)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, len) == 0 && listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)&addr, &len) == 0) {
        snprintf(ws, cap, "ws://127.0.0.1:%u/ws", ntohs(addr.sin_port));
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static void make_secret(char out[65])
{
    unsigned char bytes[32];
    mn_rand_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static bool start_child(struct loopback *loopback, struct loopback_params *params)
{
    int control[2];
    if (pipe(control) != 0)
        return false;
    params->control_fd = control[0];
    loopback->pid = fork();
    if (loopback->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        close(control[1]);
        _exit(loopback_serve(params));
    }
    close(control[0]);
    loopback->control_fd = control[1];
    if (loopback->pid > 0)
        return true;
    loopback->pid = 0;
    close(control[1]);
    return false;
}

bool loopback_start(struct loopback *loopback, const struct opts *opts, int64_t user_base)
{
    bool commits = opts->loopback == OPTS_LOOPBACK_COMMIT;
    make_secret(loopback->secret);
    struct loopback_params params = {.listen_fd = listen_somewhere(loopback->ws,
                                                                   sizeof loopback->ws),
                                     .commit_fd = commits ? floor_file() : -1,
                                     .online = (uint32_t)opts->online,
                                     .clients = (uint32_t)opts->clients,
                                     .user_base = user_base,
                                     .secret = loopback->secret};
    bool ok = params.listen_fd >= 0 && (!commits || params.commit_fd >= 0) &&
              start_child(loopback, &params);
    if (!ok)
        fprintf(stderr, "minim bench: --loopback: %s\n", strerror(errno));
    if (params.listen_fd >= 0)
        close(params.listen_fd);
    if (params.commit_fd >= 0)
        close(params.commit_fd);
    return ok;
}

bool loopback_stop(struct loopback *loopback)
{
    int status = 0;
    if (loopback->pid == 0)
        return true;
    close(loopback->control_fd);
    while (waitpid(loopback->pid, &status, 0) < 0 && errno == EINTR) {
    }
    loopback->pid = 0;
    if (status == 0)
        return true;
    fprintf(stderr, "minim bench: the loopback process failed\n");
    return false;
}
