/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of a process from /proc.  Linux only.  Any thread. */
#include "tool/kit/proc.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

#define NS_S UINT64_C(1000000000)

static size_t read_file(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, out, cap - 1);
    close(fd);
    n = n > 0 ? n : 0;
    out[n] = '\0';
    return (size_t)n;
}

/* Field number `index` (the first one is 0) of a line of numbers. */
static uint64_t field(const char *p, unsigned index)
{
    while (index-- > 0) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    uint64_t v = 0;
    mn_ignore(mn_parse_u64(mn_str_make(p, strcspn(p, " \n")), 0, UINT64_MAX, &v));
    return v;
}

void proc_read(int64_t pid, struct proc_sample *ret)
{
    *ret = (struct proc_sample){.at_ns = mn_mono_ns()};
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (read_file(path, text, sizeof text) == 0)
        return;
    /* The name may hold anything: fields are counted from its closing parenthesis. */
    const char *p = strrchr(text, ')');
    if (!p || p[1] != ' ')
        return;
    p += 2;
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    ret->cpu_ns = (field(p, 11) + field(p, 12)) * (NS_S / ticks);
    ret->threads = field(p, 17);
    ret->rss_bytes = field(p, 21) * (uint64_t)sysconf(_SC_PAGESIZE);
    /* The size of the directory is the number of descriptors since Linux 6.2; before, 0. */
    struct stat st;
    snprintf(path, sizeof path, "/proc/%lld/fd", (long long)pid);
    if (stat(path, &st) == 0)
        ret->fds = (uint64_t)st.st_size;
    ret->valid = true;
}

uint64_t proc_own_cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * NS_S + (uint64_t)ts.tv_nsec;
}
