/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_LISTS_H
#define MN_TOOL_BENCH_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hist.h"
#include "tool/load/load.h"

/*
 * `bench lists`: what a client with many conversations asks for, one request
 * after the other: his chats, his groups, a page somewhere in the history of a
 * group with very many messages.  The stores are filled before.  Main thread.
 */
enum lists_kind {
    LISTS_CONVERSATIONS = 0,
    LISTS_GROUP_CONVERSATIONS,
    LISTS_HISTORY,
    LISTS_KIND_COUNT
};

struct lists {
    struct mn_hist *hist[LISTS_KIND_COUNT]; /* ns */
    uint64_t ok, failed;
    struct load_reasons failures; /* answers that were none, or not as they should be */
};

struct bench;

const char *lists_name(enum lists_kind kind);
/* Fills the stores of the spawned daemon, then asks for --duration; false after a message. */
bool lists_run(struct bench *bench);
void lists_free(struct lists *lists);

#endif
