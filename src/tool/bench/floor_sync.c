/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of a commit: an append and fdatasync on a file whose blocks are
 * written already, so that no sync has to note a new length or extent.
 * That is the least that a log on this file system can do.
 */
#include "tool/bench/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define CHUNK ((uint64_t)1 << 20)

static bool fill(int fd)
{
    char *chunk = mn_alloc(CHUNK);
    memset(chunk, 'x', CHUNK); /* zeroes could be left out by a clever disk */
    bool ok = true;
    for (uint64_t at = 0; at < FLOOR_FILE_BYTES && ok; at += CHUNK)
        ok = pwrite(fd, chunk, CHUNK, (off_t)at) == (ssize_t)CHUNK;
    mn_free(chunk);
    return ok && fsync(fd) == 0;
}

int floor_file(void)
{
    char path[160];
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%.100s/minim-floor-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        mn_ignore(unlink(path));
    if (fd >= 0 && fill(fd))
        return fd;
    fprintf(stderr, "minim bench floor: %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool floor_sync(int fd, unsigned batch, unsigned message_bytes, uint64_t duration_ns,
                struct floor_sync *ret)
{
    uint64_t bytes = (uint64_t)batch * message_bytes, at = 0, commits = 0;
    MN_BUG_ON(bytes > FLOOR_FILE_BYTES);
    char *block = mn_alloc(bytes);
    uint64_t start_ns = mn_mono_ns(), now_ns = start_ns;
    bool ok = true;
    while (ok && now_ns - start_ns < duration_ns) {
        uint64_t from_ns = now_ns;
        at = at + bytes > FLOOR_FILE_BYTES ? 0 : at;
        memset(block, (int)('a' + commits % 26), bytes);
        ok = pwrite(fd, block, bytes, (off_t)at) == (ssize_t)bytes && fdatasync(fd) == 0;
        now_ns = mn_mono_ns();
        mn_hist_add(ret->hist, now_ns - from_ns);
        at += bytes;
        commits++;
    }
    mn_free(block);
    if (!ok)
        fprintf(stderr, "minim bench floor: fdatasync: %s\n", strerror(errno));
    ret->batch = batch;
    ret->commits_per_s = (double)commits / ((double)(now_ns - start_ns) / 1e9);
    ret->messages_per_s = ret->commits_per_s * batch;
    return ok;
}
