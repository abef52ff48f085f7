/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded into minimd: after each fdatasync() or fsync() that
 * succeeded, one line "NAME\n" of what was synced goes to the file that
 * SYNC_COUNT_TRACE names.  The line is there before the caller goes on.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

static void tell(int fd)
{
    const char *trace = getenv("SYNC_COUNT_TRACE");
    char link[32], line[4200];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, line, sizeof(line) - 1);
    if (!trace || n <= 0)
        return;
    line[n] = '\n';
    int out = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0)
        return;
    if (write(out, line, (size_t)n + 1) != n + 1)
        abort();
    close(out);
}

static int sync_and_tell(const char *name, int fd)
{
    int (*real)(int) = NULL;
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(&real, &symbol, sizeof(real)); /* ISO C has no cast from an object to a function */
    int ret = real(fd);
    if (ret == 0)
        tell(fd);
    return ret;
}

SEEN int fdatasync(int fd) { return sync_and_tell("fdatasync", fd); }
SEEN int fsync(int fd) { return sync_and_tell("fsync", fd); }
