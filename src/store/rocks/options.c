/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RocksDB's options.  The numbers behind them are in bench/results/store.md,
 * the reasons in docs/decisions/0006-message-log-keys.md.
 *
 * Memory: memtables (at most twice memtable_bytes while one is being
 * flushed) + the block cache, which holds indexes and filters too + some KiB
 * for each of at most MAX_OPEN_FILES tables.
 */
#include "store/rocks/options.h"

#include "base/mem.h"

#define MIB (UINT64_C(1) << 20)

enum {
    /* Two cores are shared with the loops: one flush and one compaction at a time. */
    BACKGROUND_JOBS = 2,
    /* 64 MiB tables: 1,024 of them are 64 GiB within easy reach; more are reopened on demand. */
    MAX_OPEN_FILES = 1024,
    /*
     * RocksDB's own LOG file: only the options at open.  Debian's library has
     * its assertions on, and one of them ends the process when a line cannot
     * be written to that file because the disk is full.
     */
    INFO_LOGS = 3,
    INFO_HEADER = 5,
    FILTER_BITS = 10,
    CACHE_SHARD_BITS = 2,
    /*
     * Filters of the index in pieces: small enough to be read again when the
     * cache cannot hold them all, large enough for few look-ups in the cache
     * (4 KiB cost 3 us an append more).
     */
    PARTITION_BYTES = 64 * 1024,
    /* Sorted runs of the index: merged from here on; writers slowed down; stopped. */
    INDEX_RUNS = 6,
    INDEX_RUNS_SLOW = 40,
    INDEX_RUNS_STOP = 60
};
/* Of the memtable's size: about ten bits a key. */
#define INDEX_MEMTABLE_FILTER 0.03

/* Share of the memtables' memory, in percent, by what a message adds to each. */
static const unsigned memtable_percent[MN_CF_COUNT] = {
    [MN_CF_META] = 2,
    [MN_CF_MSG] = 15,
    [MN_CF_INDEX] = 75,
    [MN_CF_CHAT] = 8,
};

static rocksdb_options_t *db_options(uint64_t memtable_bytes)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_create_missing_column_families(o, 1);
    rocksdb_options_set_max_background_jobs(o, BACKGROUND_JOBS);
    rocksdb_options_set_max_open_files(o, MAX_OPEN_FILES);
    rocksdb_options_set_max_total_wal_size(o, 2 * memtable_bytes);
    /* Spreads the writing of tables, so that a commit's sync does not wait for all of one. */
    rocksdb_options_set_bytes_per_sync(o, MIB);
    /*
     * A log that ends in the middle of a record is what a crash leaves; any
     * other damage must not silently cut off acknowledged messages.
     */
    rocksdb_options_set_wal_recovery_mode(o, rocksdb_tolerate_corrupted_tail_records_recovery);
    /* One thread writes. */
    rocksdb_options_set_allow_concurrent_memtable_write(o, 0);
    rocksdb_options_set_enable_write_thread_adaptive_yield(o, 0);
    rocksdb_options_set_info_log_level(o, INFO_HEADER);
    rocksdb_options_set_keep_log_file_num(o, INFO_LOGS);
    rocksdb_options_set_max_manifest_file_size(o, 16 * MIB);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    return o;
}

static void table_options(rocksdb_options_t *o, enum mn_cf cf, rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(t, cache);
    rocksdb_block_based_options_set_format_version(t, 5);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(t, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(t, 1);
    rocksdb_block_based_options_set_block_size(t, cf == MN_CF_MSG ? 16 * 1024 : 8 * 1024);
    /* Messages are asked for by ids that exist, and their tables do not overlap. */
    if (cf == MN_CF_INDEX || cf == MN_CF_CHAT)
        rocksdb_block_based_options_set_filter_policy(t, rocksdb_filterpolicy_create_bloom_full(
                                                             FILTER_BITS));
    if (cf == MN_CF_INDEX) {
        rocksdb_block_based_options_set_index_type(
            t, rocksdb_block_based_table_index_type_two_level_index_search);
        rocksdb_block_based_options_set_partition_filters(t, 1);
        rocksdb_block_based_options_set_metadata_block_size(t, PARTITION_BYTES);
        rocksdb_block_based_options_set_pin_top_level_index_and_filter(t, 1);
    }
    rocksdb_options_set_block_based_table_factory(o, t);
    rocksdb_block_based_options_destroy(t);
}

/*
 * Scattered keys, each looked up before it is written.  Universal compaction
 * rewrites a row about half as often as levels do, and one filter look more
 * or less is cheap.  The filter of the memtable answers for client ids that
 * are new, which are nearly all.
 */
static void index_options(rocksdb_options_t *o)
{
    rocksdb_universal_compaction_options_t *u = rocksdb_universal_compaction_options_create();
    rocksdb_options_set_compaction_style(o, rocksdb_universal_compaction);
    rocksdb_options_set_universal_compaction_options(o, u);
    rocksdb_universal_compaction_options_destroy(u);
    rocksdb_options_set_level0_file_num_compaction_trigger(o, INDEX_RUNS);
    rocksdb_options_set_level0_slowdown_writes_trigger(o, INDEX_RUNS_SLOW);
    rocksdb_options_set_level0_stop_writes_trigger(o, INDEX_RUNS_STOP);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(o, INDEX_MEMTABLE_FILTER);
    rocksdb_options_set_memtable_whole_key_filtering(o, 1);
}

/*
 * Each insertion into a memtable begins where the last one ended, and not at
 * its top.  Not in the C API but as text; the prefix is of one byte, which
 * nearly all keys of a family share: one such place for all of them.
 */
static rocksdb_options_t *with_insert_hint(rocksdb_options_t *base)
{
    rocksdb_options_t *o = rocksdb_options_create();
    char *text = NULL;
    rocksdb_get_options_from_string(
        base, "memtable_insert_with_hint_prefix_extractor=rocksdb.FixedPrefix.1", o, &text);
    rocksdb_options_destroy(base);
    MN_BUG_ON(text != NULL);
    return o;
}

static rocksdb_options_t *cf_options(enum mn_cf cf, rocksdb_cache_t *cache, uint64_t memtable_bytes)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(o, (size_t)(memtable_bytes / 100 * memtable_percent[cf]));
    /* Small memtables fill fast: more of them may wait for their flush. */
    rocksdb_options_set_max_write_buffer_number(o, cf == MN_CF_MSG ? 4 : 2);
    rocksdb_options_set_compression(o, cf == MN_CF_MSG ? rocksdb_lz4_compression
                                                       : rocksdb_no_compression);
    if (cf == MN_CF_INDEX)
        index_options(o);
    else
        rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
    table_options(o, cf, cache);
    return with_insert_hint(o);
}

/*
 * Few shards: an index or filter block can be large, and a shard that holds
 * only a few of them throws one out for the other.
 */
static rocksdb_cache_t *make_cache(uint64_t bytes)
{
    rocksdb_lru_cache_options_t *o = rocksdb_lru_cache_options_create();
    rocksdb_lru_cache_options_set_capacity(o, (size_t)bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(o, CACHE_SHARD_BITS);
    rocksdb_cache_t *cache = rocksdb_cache_create_lru_opts(o);
    rocksdb_lru_cache_options_destroy(o);
    return cache;
}

void mn_rocks_options_init(struct mn_rocks_options *options, uint64_t cache_bytes,
                           uint64_t memtable_bytes)
{
    options->cache = make_cache(cache_bytes);
    options->db = db_options(memtable_bytes);
    for (int i = 0; i < MN_CF_COUNT; i++)
        options->cf[i] = cf_options((enum mn_cf)i, options->cache, memtable_bytes);
}

void mn_rocks_options_deinit(struct mn_rocks_options *options)
{
    for (int i = 0; i < MN_CF_COUNT; i++)
        if (options->cf[i])
            rocksdb_options_destroy(options->cf[i]);
    if (options->db)
        rocksdb_options_destroy(options->db);
    if (options->cache)
        rocksdb_cache_destroy(options->cache);
    *options = (struct mn_rocks_options){0};
}
