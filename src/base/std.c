/* SPDX-License-Identifier: Apache-2.0 */
/* Standard descriptors, see std.h.  Stateless, allocates nothing. */
#include "base/std.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"

/* A pipe that poll(2) calls writable takes this much without a wait (pipe(7), PIPE_BUF). */
enum { PIECE = 4096 };

void mn_std_reserve(void)
{
    int fd;

    /* The lowest number that is free is what open() returns. */
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* True when there is room, or an error that write() will name. */
static bool wait_for_room(int fd, uint64_t until_ms)
{
    for (;;) {
        uint64_t now = mn_mono_ms();
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        int n = poll(&poll_fd, 1, now < until_ms ? (int)(until_ms - now) : 0);
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR) {
            errno = n == 0 ? EAGAIN : errno;
            return false;
        }
    }
}

enum mn_err mn_std_write(int fd, struct mn_str text, uint32_t wait_ms)
{
    uint64_t until_ms = mn_mono_ms() + wait_ms;

    while (text.n > 0) {
        if (!wait_for_room(fd, until_ms))
            return mn_err_from_errno(errno);
        ssize_t n = write(fd, text.p, text.n < PIECE ? text.n : PIECE);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return mn_err_from_errno(n < 0 ? errno : (errno = EIO));
        text.p += n;
        text.n -= (size_t)n;
    }
    return MN_OK;
}
