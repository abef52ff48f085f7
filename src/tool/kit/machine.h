/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_MACHINE_H
#define MN_TOOL_KIT_MACHINE_H

#include <stdint.h>

/* What a result must name so that it can be compared with another one. */
struct machine {
    double
        load; /* that was there already: processes that run or wait, over the last minute; < 0: unknown */
    unsigned cores;
    uint64_t memory_bytes;
    char kernel[128];
    char cpu[128];
    char sync_dir[128];   /* where the sync latency was measured */
    uint64_t sync_p50_ns; /* 4 KiB write and fdatasync; 0: could not be measured */
    uint64_t sync_p99_ns;
};

/* `dir`: where the server under test keeps its data, or NULL for the temporary directory. */
void machine_read(const char *dir, struct machine *ret);

#endif
