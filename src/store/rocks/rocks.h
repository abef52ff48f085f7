/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_ROCKS_H
#define MN_STORE_ROCKS_ROCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * RocksDB as the message log uses it: one database, a fixed set of column
 * families, point reads, bounded iterators, one synced batch.  The only
 * place that includes the vendor's header.  Any thread may read at any time;
 * batches are written by one thread.
 */

enum mn_cf {
    MN_CF_META = 0, /* "default": format version, store id, hash key */
    MN_CF_MSG,      /* id -> message; keys grow */
    MN_CF_INDEX,    /* (chat, seq) -> id; (chat, hash of client id) -> seq; scattered keys */
    MN_CF_CHAT,     /* pairs and members; few writes */
    MN_CF_COUNT
};

struct mn_rocks;

struct mn_rocks_config {
    const char *dir;
    uint64_t cache_bytes;    /* blocks, indexes and filters */
    uint64_t memtable_bytes; /* of all column families together */
    bool sync;
    bool read_only; /* changes nothing on disk, creates nothing; no batches */
};

/*
 * Opens the database, creating it (and column families it lacks) when
 * needed.  MN_ELOCKED, MN_ECORRUPT, MN_EVERSION (column families nobody
 * here knows), MN_ENOSPC, MN_EIO; `why` gets a sentence for the operator.
 * Read-only: MN_ENOTFOUND when there is none, and MN_EVERSION also when
 * column families are missing.  RocksDB does not look at its lock then: see
 * to it that nobody writes.
 */
MN_MUSTCHECK enum mn_err mn_rocks_open(const struct mn_rocks_config *config, struct mn_rocks **ret,
                                       struct mn_buf *why);
/* NULL is a no-op. All values and iterators must have been released. */
void mn_rocks_close(struct mn_rocks *rocks);

/* A value that stays where RocksDB has it until it is released. */
struct mn_rocks_value {
    void *pin; /* private */
    struct mn_str s;
};
static inline bool mn_rocks_has(const struct mn_rocks_value *value) { return value->pin != NULL; }
void mn_rocks_release(struct mn_rocks_value *value);

/* MN_ENOTFOUND, MN_EIO, MN_ECORRUPT. */
MN_MUSTCHECK enum mn_err mn_rocks_get(struct mn_rocks *rocks, enum mn_cf cf, struct mn_str key,
                                      struct mn_rocks_value *ret);
/* Most keys of one mn_rocks_get_many(). */
#define MN_ROCKS_MANY 128
/*
 * 1 to MN_ROCKS_MANY point reads at once; a value without a pin was
 * not found.  On an error no value is to be released.
 */
MN_MUSTCHECK enum mn_err mn_rocks_get_many(struct mn_rocks *rocks, enum mn_cf cf, size_t count,
                                           const struct mn_str *keys,
                                           struct mn_rocks_value *ret_values);

/* An iterator over lower <= key < upper, as of its making. The bounds must outlive it. */
struct mn_rocks_iter;
struct mn_rocks_iter *mn_rocks_iter_new(struct mn_rocks *rocks, enum mn_cf cf, struct mn_str lower,
                                        struct mn_str upper);
/* One over all keys, for a single pass from the first one, at which it stands; leaves the cache alone. */
struct mn_rocks_iter *mn_rocks_iter_new_scan(struct mn_rocks *rocks, enum mn_cf cf);
void mn_rocks_iter_free(struct mn_rocks_iter *iter);
/* A point read in its family, as of its making: what was written since is not there. MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_rocks_iter_look(struct mn_rocks_iter *iter, struct mn_str key,
                                            struct mn_rocks_value *ret);
void mn_rocks_iter_seek(struct mn_rocks_iter *iter, struct mn_str key);
/* Last key <= `key`. */
void mn_rocks_iter_seek_back(struct mn_rocks_iter *iter, struct mn_str key);
void mn_rocks_iter_seek_last(struct mn_rocks_iter *iter);
void mn_rocks_iter_next(struct mn_rocks_iter *iter);
void mn_rocks_iter_prev(struct mn_rocks_iter *iter);
/* False at the end, and on errors: ask mn_rocks_iter_err(). Key and value until it moves. */
bool mn_rocks_iter_get(struct mn_rocks_iter *iter, struct mn_str *ret_key,
                       struct mn_str *ret_value);
MN_MUSTCHECK enum mn_err mn_rocks_iter_err(struct mn_rocks_iter *iter);
/* The same, with RocksDB's own words about it in `why`. */
MN_MUSTCHECK enum mn_err mn_rocks_iter_why(struct mn_rocks_iter *iter, struct mn_buf *why);

/*
 * Reads every table by itself, from its first key to its last; `fn` gets the
 * file name and RocksDB's words for each that cannot be read to its end.
 * Slower than a pass over all keys: tables that overlap are read again.
 */
typedef void (*mn_rocks_table_fn)(void *arg, const char *name, const char *why);
void mn_rocks_check_tables(struct mn_rocks *rocks, mn_rocks_table_fn fn, void *arg);

/* Writes that the database has committed, one a key; grows, also across restarts. */
uint64_t mn_rocks_sequence(struct mn_rocks *rocks);

/* Called by a thread before its first batch: switches off RocksDB's counters for it. */
void mn_rocks_thread_init(void);

/* Changes that happen together or not at all. */
struct mn_rocks_batch;
struct mn_rocks_batch *mn_rocks_batch_new(void);
void mn_rocks_batch_free(struct mn_rocks_batch *batch);
void mn_rocks_batch_reset(struct mn_rocks_batch *batch);
bool mn_rocks_batch_is_empty(const struct mn_rocks_batch *batch);
void mn_rocks_batch_put(struct mn_rocks *rocks, struct mn_rocks_batch *batch, enum mn_cf cf,
                        struct mn_str key, struct mn_str value);
void mn_rocks_batch_delete(struct mn_rocks *rocks, struct mn_rocks_batch *batch, enum mn_cf cf,
                           struct mn_str key);
/* The value is the concatenation of `count` <= 4 parts. */
void mn_rocks_batch_put_parts(struct mn_rocks *rocks, struct mn_rocks_batch *batch, enum mn_cf cf,
                              struct mn_str key, const struct mn_str *parts, unsigned count);
/*
 * Writes and (config.sync) syncs.  After an error the state on disk is
 * unknown, and the database must be closed and opened again before the next
 * write.  MN_ENOSPC, MN_EIO, MN_ECORRUPT.
 */
MN_MUSTCHECK enum mn_err mn_rocks_write(struct mn_rocks *rocks, struct mn_rocks_batch *batch);

#endif
