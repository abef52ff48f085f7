/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, see file.h.  Stateless. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool mn_file_is_inherited(const char *path)
{
    return strcmp(path, "/dev/stdin") == 0 || strncmp(path, "/dev/fd/", 8) == 0 ||
           strncmp(path, "/proc/self/fd/", 14) == 0;
}

static enum mn_err complain(struct mn_buf *why, const char *path, const char *what, int errnum)
{
    mn_buf_addf(why, "%s: %s: %s", path, what, strerror(errnum));
    return mn_err_from_errno(errnum);
}

/* Never waits for the other end of a pipe. */
static enum mn_err open_file(const char *path, int *ret_fd, struct mn_buf *why)
{
    bool is_inherited = mn_file_is_inherited(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (is_inherited ? 0 : O_NONBLOCK));
    struct stat st;

    if (fd < 0)
        return complain(why, path, "cannot be opened", errno);
    if (fstat(fd, &st) != 0) {
        enum mn_err err = complain(why, path, "cannot be read", errno);
        close(fd);
        return err;
    }
    if (S_ISDIR(st.st_mode) ||
        !(S_ISREG(st.st_mode) || is_inherited || strcmp(path, "/dev/null") == 0)) {
        mn_buf_addf(why, "%s: cannot be read: %s", path,
                    S_ISDIR(st.st_mode) ? strerror(EISDIR) : "expected a regular file");
        close(fd);
        return MN_EINVAL;
    }
    *ret_fd = fd;
    return MN_OK;
}

static enum mn_err add_size(struct mn_buf *why, const char *path, size_t max)
{
    if (max > 1024 * 1024)
        mn_buf_addf(why, "%s: larger than %zu MiB", path, max / 1024 / 1024);
    else
        mn_buf_addf(why, "%s: larger than %zu KiB", path, max / 1024);
    return MN_ELIMIT;
}

static enum mn_err read_file(int fd, const char *path, size_t max, struct mn_buf *text,
                             struct mn_buf *why)
{
    size_t total = 0;

    for (;;) {
        char piece[16384];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return complain(why, path, "cannot be read", errno);
        if (n == 0)
            return MN_OK;
        total += (size_t)n;
        if (total > max)
            return add_size(why, path, max);
        enum mn_err err = mn_buf_add(text, piece, (size_t)n);
        if (err)
            return complain(why, path, "cannot be read", ENOMEM);
    }
}

enum mn_err mn_file_read(const char *path, size_t max, struct mn_buf *text, struct mn_buf *why)
{
    int fd = -1;
    enum mn_err err = open_file(path, &fd, why);

    if (err)
        return err;
    err = read_file(fd, path, max, text, why);
    close(fd);
    return err;
}
