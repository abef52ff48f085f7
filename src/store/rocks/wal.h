/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_WAL_H
#define MN_STORE_ROCKS_WAL_H

#include <stdint.h>

#include "base/err.h"

/*
 * RocksDB's write-ahead logs as bytes: what a damaged one still proves.
 *
 * *ret_reach: the highest sequence number of any batch that is whole in one
 * of the logs of `dir`, wherever it stands, behind damage too; 0 when there
 * is none.  A database that was recovered up to there has lost nothing that
 * the logs could tell of.  Reads the logs as a whole.  MN_EIO.
 */
MN_MUSTCHECK enum mn_err mn_rocks_wal_reach(const char *dir, uint64_t *ret_reach);

#endif
