/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, for the blocking clients; see dial.h. */
#include "tool/kit/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

void dial_say(const struct url *url, const char *text, char why[DIAL_WHY_BYTES])
{
    snprintf(why, DIAL_WHY_BYTES, "%s: %.100s", url->authority, text);
}

enum mn_err dial_wait(int fd, short events, uint64_t until_ms)
{
    uint64_t now_ms = mn_mono_ms();
    struct pollfd pfd = {.fd = fd, .events = events};
    int n = now_ms < until_ms ? poll(&pfd, 1, (int)(until_ms - now_ms)) : 0;
    if (n < 0)
        return MN_ECLOSED;
    return n == 0 ? MN_ETIMEOUT : MN_OK;
}

/* 0, an errno, or -1 when `*ret_err` says it. */
static int connect_to(int fd, const struct url *url, uint64_t until_ms, enum mn_err *ret_err)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (connect(fd, (const struct sockaddr *)&url->addr, url->addr_len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    *ret_err = dial_wait(fd, POLLOUT, until_ms);
    if (*ret_err)
        return -1;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

enum mn_err dial(const struct url *url, uint64_t until_ms, int *ret_fd, char why[DIAL_WHY_BYTES])
{
    int on = 1, error;
    enum mn_err err = MN_OK;
    int fd = socket(url->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error = errno;
    } else {
        mn_ignore(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
        error = connect_to(fd, url, until_ms, &err);
    }
    if (error == 0) {
        *ret_fd = fd;
        return MN_OK;
    }
    if (fd >= 0)
        close(fd);
    if (error > 0)
        err = mn_err_from_errno(error);
    dial_say(url,
             error > 0            ? strerror(error)
             : err == MN_ETIMEOUT ? "no connection within the limit"
                                  : "interrupted",
             why);
    return err;
}
