/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_OPS_INTERNAL_H
#define MN_OPS_INTERNAL_H

#include <stdatomic.h>

#include "ops/ops.h"

/* Owner: app, for the life of the process. */
struct mn_ops {
    struct mn_ops_config config;
    int64_t started_unix_ms;
    uint64_t started_mono_ms;
    _Atomic bool draining;
};

#endif
