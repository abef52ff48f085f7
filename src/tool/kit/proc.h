/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_PROC_H
#define MN_TOOL_KIT_PROC_H

#include <stdbool.h>
#include <stdint.h>

/* What /proc says of a process. */
struct proc_sample {
    bool valid;
    uint64_t at_ns; /* monotonic */
    uint64_t rss_bytes;
    uint64_t cpu_ns; /* user and system, since its start; resolution of 10 ms */
    uint64_t threads;
    uint64_t fds;
};

/* valid is false when the process is gone. */
void proc_read(int64_t pid, struct proc_sample *ret);
/* CPU time of this process. */
uint64_t proc_own_cpu_ns(void);

#endif
