/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_FUZZ_FUZZ_FILE_H
#define MN_TESTS_FUZZ_FUZZ_FILE_H

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

/* For decoders that want a path: a file in memory, with its name; closed with fuzz_file_close(). */
struct fuzz_file {
    int fd;
    char path[32];
};

static inline struct fuzz_file fuzz_file_make(const void *p, size_t n)
{
    struct fuzz_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};

    FUZZ_CHECK(file.fd >= 0);
    FUZZ_CHECK(n == 0 || write(file.fd, p, n) == (ssize_t)n);
    (void)snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

static inline void fuzz_file_close(const struct fuzz_file *file) { (void)close(file->fd); }

#endif
