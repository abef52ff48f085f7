/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the own process for /metrics, from /proc and getrlimit.  Any thread. */
#include "ops/procinfo.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

static struct mn_str read_small(const char *path, char *p, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return MN_STR_NONE;
    ssize_t n = read(fd, p, cap);
    close(fd);
    return n > 0 ? mn_str_make(p, (size_t)n) : MN_STR_NONE;
}

/* Number number `index` of a line of blank-separated numbers; 0 if there is none. */
static uint64_t field(struct mn_str line, unsigned index)
{
    size_t i = 0;
    for (;;) {
        while (i < line.n && line.p[i] == ' ')
            i++;
        size_t from = i;
        while (i < line.n && line.p[i] != ' ' && line.p[i] != '\n')
            i++;
        uint64_t value = 0;
        if (from == i || index == 0)
            return mn_parse_u64(mn_str_make(line.p + from, i - from), 0, UINT64_MAX, &value) ==
                           MN_OK
                       ? value
                       : 0;
        index--;
    }
}

static uint64_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    uint64_t n = 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory's own */
}

/* Behind the program's name in parentheses, which may contain anything, num_threads is the 18th. */
static uint64_t count_threads(void)
{
    char p[1024];
    struct mn_str stat = read_small("/proc/self/stat", p, sizeof(p));
    const char *end = stat.p ? memrchr(stat.p, ')', stat.n) : NULL;
    if (!end || end + 2 > stat.p + stat.n)
        return 0;
    struct mn_str rest = mn_str_make(end + 2, (size_t)(stat.p + stat.n - end - 2));
    return field(rest, 17);
}

void mn_procinfo_read(struct mn_procinfo *ret)
{
    char p[256];
    struct timespec cpu = {0};
    struct rlimit limit = {0};
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct mn_str statm = read_small("/proc/self/statm", p, sizeof(p));
    *ret = (struct mn_procinfo){0};
    if (statm.p) {
        ret->virtual_bytes = field(statm, 0) * page;
        ret->resident_bytes = field(statm, 1) * page;
    }
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        ret->cpu_seconds = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        ret->max_fds = limit.rlim_cur;
    ret->open_fds = count_fds();
    ret->threads = count_threads();
}
