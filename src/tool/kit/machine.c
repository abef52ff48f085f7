/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that a result was measured on.  Main thread, before the run. */
#include "tool/kit/machine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hist.h"

/* Enough for a p99 that is not the maximum; at 0.2 ms each, 50 ms in all. */
#define SYNC_ROUNDS 200

static void read_cpu(char *out, size_t cap)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    out[0] = '\0';
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "model name", 10) != 0)
            continue;
        const char *p = strchr(line, ':');
        p = p ? p + 1 + strspn(p + 1, " \t") : "";
        snprintf(out, cap, "%.*s", (int)strcspn(p, "\n"), p);
        break;
    }
    if (f)
        fclose(f);
}

static bool sync_once(int fd, const char *block, size_t n, struct mn_hist *hist)
{
    uint64_t from = mn_mono_ns();
    if (write(fd, block, n) != (ssize_t)n || fdatasync(fd) != 0)
        return false;
    mn_hist_add(hist, mn_mono_ns() - from);
    return true;
}

static void measure_sync(const char *dir, struct machine *ret)
{
    char path[160];
    static const char block[4096];
    snprintf(ret->sync_dir, sizeof ret->sync_dir, "%s", dir);
    snprintf(path, sizeof path, "%s/minim-sync-XXXXXX", ret->sync_dir);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return;
    mn_ignore(unlink(path));
    struct mn_hist *hist = mn_hist_new();
    bool ok = true;
    for (int i = 0; i < SYNC_ROUNDS && ok; i++)
        ok = sync_once(fd, block, sizeof block, hist);
    if (ok) {
        ret->sync_p50_ns = mn_hist_percentile(hist, 50);
        ret->sync_p99_ns = mn_hist_percentile(hist, 99);
    }
    mn_hist_free(hist);
    close(fd);
}

void machine_read(const char *dir, struct machine *ret)
{
    *ret = (struct machine){.cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    struct sysinfo info;
    if (sysinfo(&info) == 0)
        ret->memory_bytes = (uint64_t)info.totalram * info.mem_unit;
    if (getloadavg(&ret->load, 1) != 1)
        ret->load = -1;
    struct utsname uts;
    if (uname(&uts) == 0)
        snprintf(ret->kernel, sizeof ret->kernel, "%.40s %.64s", uts.sysname, uts.release);
    read_cpu(ret->cpu, sizeof ret->cpu);
    if (!dir)
        dir = getenv("TMPDIR");
    measure_sync(dir && *dir ? dir : "/tmp", ret);
}
