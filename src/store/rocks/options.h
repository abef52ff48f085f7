/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_OPTIONS_H
#define MN_STORE_ROCKS_OPTIONS_H

#include <stdint.h>

#include <rocksdb/c.h>

#include "store/rocks/rocks.h"

/* How RocksDB is set up; only rocks.c uses this. */
struct mn_rocks_options {
    rocksdb_options_t *db;
    rocksdb_options_t *cf[MN_CF_COUNT];
    rocksdb_cache_t *cache;
};

void mn_rocks_options_init(struct mn_rocks_options *options, uint64_t cache_bytes,
                           uint64_t memtable_bytes);
/* Also for a zeroed one. */
void mn_rocks_options_deinit(struct mn_rocks_options *options);

#endif
