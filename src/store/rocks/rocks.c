/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RocksDB behind the few operations that the message log needs.
 *
 * A struct mn_rocks lives from open to close; on recovery the message log
 * closes one and opens another (recover.c), under a lock that keeps
 * readers out.  Errors arrive from the C API as text and are translated in
 * one place, err_take().
 *
 * Not here: options (options.c), rows and keys (codec.c), what
 * belongs together in a batch (writer.c).
 */
#include "store/rocks/rocks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <rocksdb/c.h>

#include "base/mem.h"
#include "store/rocks/options.h"
#include "store/rocks/wal.h"

/* A pass over all rows reads this much at a time. */
#define SCAN_READAHEAD ((size_t)2 << 20)

/* Opening writes some logs; without room for them RocksDB aborts the process (INFO_HEADER). */
#define OPEN_BYTES (UINT64_C(1) << 20)

struct mn_rocks {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *cf[MN_CF_COUNT];
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write;
    struct mn_rocks_options options;
};

static const char *const cf_names[MN_CF_COUNT] = {
    [MN_CF_META] = "default",
    [MN_CF_MSG] = "msg",
    [MN_CF_INDEX] = "index",
    [MN_CF_CHAT] = "chat",
};

/* ---- errors ---- */

static enum mn_err err_from_text(const char *text)
{
    if (strstr(text, "No space left") || strstr(text, "Disk quota exceeded"))
        return MN_ENOSPC;
    if (strstr(text, "While lock file") || strstr(text, "lock hold by current process"))
        return MN_ELOCKED;
    if (strncmp(text, "Corruption", 10) == 0)
        return MN_ECORRUPT;
    return MN_EIO;
}

/* Frees what the C API gave as its error; MN_OK for NULL. */
static enum mn_err err_take(char *text)
{
    if (!text)
        return MN_OK;
    enum mn_err err = err_from_text(text);
    rocksdb_free(text);
    return err;
}

/* ---- opening ---- */

/* What is in the directory, as far as it decides whether a new database may be made there. */
struct dir_look {
    bool has_current; /* there is a database */
    bool has_data;    /* there are its tables or logs */
};

static enum mn_err dir_look(const char *path, struct dir_look *ret)
{
    *ret = (struct dir_look){0};
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? MN_OK : MN_EIO;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        size_t n = strlen(e->d_name);
        if (strcmp(e->d_name, "CURRENT") == 0)
            ret->has_current = true;
        if (n > 4 &&
            (strcmp(e->d_name + n - 4, ".sst") == 0 || strcmp(e->d_name + n - 4, ".log") == 0))
            ret->has_data = true;
    }
    closedir(dir);
    return MN_OK;
}

static void why_open(struct mn_buf *why, const char *dir, enum mn_err err, const char *text)
{
    if (err == MN_ELOCKED) {
        mn_buf_addf(why, "message log %s is in use by another process; stop that one first", dir);
    } else if (err == MN_ENOSPC) {
        mn_buf_addf(why, "no space left for the message log %s; make room and start again", dir);
    } else if (err == MN_ECORRUPT) {
        mn_buf_addf(why,
                    "message log %s is damaged (%s); nothing was changed: keep a copy of the "
                    "directory, then restore it from a backup",
                    dir, text);
    } else {
        mn_buf_addf(why,
                    "cannot open the message log %s (%s); check the path, its owner and the "
                    "kernel log",
                    dir, text);
    }
}

/*
 * RocksDB takes a directory without CURRENT for an empty one, would create
 * a database there and delete the old tables as leftovers.
 */
static enum mn_err check_dir(const char *path, struct mn_buf *why, bool *ret_exists)
{
    struct dir_look look;
    enum mn_err err = dir_look(path, &look);
    if (err) {
        why_open(why, path, err, strerror(errno));
        return err;
    }
    if (!look.has_current && look.has_data) {
        why_open(why, path, MN_ECORRUPT, "the file CURRENT is missing");
        return MN_ECORRUPT;
    }
    *ret_exists = look.has_current;
    return MN_OK;
}

static bool is_known_cf(const char *name)
{
    for (int i = 0; i < MN_CF_COUNT; i++)
        if (strcmp(name, cf_names[i]) == 0)
            return true;
    return false;
}

/* A column family that nobody here knows was made by a newer version. */
static enum mn_err check_families(struct mn_rocks *rocks, const struct mn_rocks_config *config,
                                  struct mn_buf *why)
{
    char *text = NULL;
    const char *dir = config->dir;
    size_t count = 0;
    char **names = rocksdb_list_column_families(rocks->options.db, dir, &count, &text);
    if (text) {
        rocksdb_list_column_families_destroy(names, 0); /* it allocates the list all the same */
        enum mn_err err = err_from_text(text);
        /* The manifest cannot be read: whatever the reason, the data is not usable as it is. */
        if (err == MN_EIO && !strstr(text, "Permission denied"))
            err = MN_ECORRUPT;
        why_open(why, dir, err, text);
        rocksdb_free(text);
        return err;
    }
    enum mn_err err = MN_OK;
    for (size_t i = 0; i < count && !err; i++) {
        if (!is_known_cf(names[i])) {
            mn_buf_addf(why,
                        "message log %s has a part '%s' that this minimd does not know: it was "
                        "written by a newer version; start that version, or restore a backup",
                        dir, names[i]);
            err = MN_EVERSION;
        }
    }
    rocksdb_list_column_families_destroy(names, count);
    if (!err && config->read_only && count < MN_CF_COUNT) {
        mn_buf_addf(why, "the creation of message log %s was cut short: start minimd on it once",
                    dir);
        err = MN_EVERSION;
    }
    return err;
}

/* The new directory's entry must not be lost with the power: nobody else syncs its parent. */
static void sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    char parent[4096];
    snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    mn_ignore(fsync(fd)); /* a file system that cannot sync a directory loses nothing by it */
    close(fd);
}

static enum mn_err make_dir(const char *path, struct mn_buf *why)
{
    if (mkdir(path, 0700) == 0) {
        sync_parent(path);
        return MN_OK;
    }
    if (errno == EEXIST)
        return MN_OK;
    enum mn_err err = mn_err_from_errno(errno);
    mn_buf_addf(why, "cannot create %s (%s); create it, owned by the user minimd runs as", path,
                strerror(errno));
    return err;
}

static enum mn_err check_room(const char *path, struct mn_buf *why)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0 || fs.f_bavail * (uint64_t)fs.f_frsize >= OPEN_BYTES)
        return MN_OK;
    why_open(why, path, MN_ENOSPC, "");
    return MN_ENOSPC;
}

/* What RocksDB says against it, NULL when it is open. */
static char *try_open(struct mn_rocks *rocks, const char *dir, bool read_only)
{
    char *text = NULL;
    const rocksdb_options_t *options[MN_CF_COUNT];
    for (int i = 0; i < MN_CF_COUNT; i++)
        options[i] = rocks->options.cf[i];
    if (read_only)
        rocks->db = rocksdb_open_for_read_only_column_families(
            rocks->options.db, dir, MN_CF_COUNT, cf_names, options, rocks->cf, false, &text);
    else
        rocks->db = rocksdb_open_column_families(rocks->options.db, dir, MN_CF_COUNT, cf_names,
                                                 options, rocks->cf, &text);
    if (text)
        rocks->db = NULL;
    return text;
}

static void close_db(struct mn_rocks *rocks)
{
    if (!rocks->db)
        return;
    for (int i = 0; i < MN_CF_COUNT; i++)
        rocksdb_column_family_handle_destroy(rocks->cf[i]);
    rocksdb_close(rocks->db);
    rocks->db = NULL;
}

/*
 * Loss of power in the middle of a commit leaves a batch of which some
 * sectors are there and others not.  RocksDB calls that corruption as it
 * calls a flipped bit in an old batch; but each batch is synced before the
 * next is written, so here it is the last one, which nobody was told of.
 * Whether it is: recovery up to the first damage must reach every batch that
 * is whole in the logs.  Tried without changing anything.
 */
static bool is_torn_commit(struct mn_rocks *rocks, const char *dir)
{
    uint64_t reach = 0;
    if (mn_rocks_wal_reach(dir, &reach))
        return false;
    rocksdb_options_set_wal_recovery_mode(rocks->options.db, rocksdb_point_in_time_recovery);
    char *text = try_open(rocks, dir, true);
    if (text) {
        rocksdb_free(text);
        return false;
    }
    bool reached = rocksdb_get_latest_sequence_number(rocks->db) >= reach;
    close_db(rocks);
    return reached;
}

static enum mn_err open_db(struct mn_rocks *rocks, const struct mn_rocks_config *config,
                           bool exists, struct mn_buf *why)
{
    const char *dir = config->dir;
    char *text = try_open(rocks, dir, config->read_only);
    if (text && exists && err_from_text(text) == MN_ECORRUPT && is_torn_commit(rocks, dir)) {
        rocksdb_free(text);
        text = try_open(rocks, dir, config->read_only);
    }
    if (!text)
        return MN_OK;
    enum mn_err err = err_from_text(text);
    /* A table or log that the manifest names and that is not there. */
    if (err == MN_EIO && exists && strstr(text, "No such file"))
        err = MN_ECORRUPT;
    why_open(why, dir, err, text);
    rocksdb_free(text);
    return err;
}

enum mn_err mn_rocks_open(const struct mn_rocks_config *config, struct mn_rocks **ret,
                          struct mn_buf *why)
{
    bool exists = false;
    enum mn_err err = check_dir(config->dir, why, &exists);
    if (!err && !exists && config->read_only) {
        mn_buf_addf(why, "there is no message log in %s", config->dir);
        err = MN_ENOTFOUND;
    }
    if (!err && !exists)
        err = make_dir(config->dir, why);
    if (!err)
        err = check_room(config->dir, why);
    if (err)
        return err;
    struct mn_rocks *rocks = mn_new(struct mn_rocks);
    mn_rocks_options_init(&rocks->options, config->cache_bytes, config->memtable_bytes);
    if (exists)
        err = check_families(rocks, config, why);
    if (!err)
        err = open_db(rocks, config, exists, why);
    if (err) {
        mn_rocks_close(rocks);
        return err;
    }
    rocks->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(rocks->read, 1);
    rocks->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(rocks->write, config->sync);
    *ret = rocks;
    return MN_OK;
}

void mn_rocks_close(struct mn_rocks *rocks)
{
    if (!rocks)
        return;
    close_db(rocks);
    if (rocks->read)
        rocksdb_readoptions_destroy(rocks->read);
    if (rocks->write)
        rocksdb_writeoptions_destroy(rocks->write);
    mn_rocks_options_deinit(&rocks->options);
    mn_free(rocks);
}

uint64_t mn_rocks_sequence(struct mn_rocks *rocks)
{
    return rocksdb_get_latest_sequence_number(rocks->db);
}

/* ---- point reads ---- */

static void value_set(struct mn_rocks_value *value, rocksdb_pinnableslice_t *pin)
{
    size_t n = 0;
    const char *p = rocksdb_pinnableslice_value(pin, &n);
    value->pin = pin;
    value->s = mn_str_make(p, n);
}

void mn_rocks_release(struct mn_rocks_value *value)
{
    if (value->pin)
        rocksdb_pinnableslice_destroy(value->pin);
    *value = (struct mn_rocks_value){0};
}

static enum mn_err get(struct mn_rocks *rocks, const rocksdb_readoptions_t *options, enum mn_cf cf,
                       struct mn_str key, struct mn_rocks_value *ret)
{
    char *text = NULL;
    rocksdb_pinnableslice_t *pin = rocksdb_get_pinned_cf(rocks->db, options, rocks->cf[cf], key.p,
                                                         key.n, &text);
    if (text)
        return err_take(text);
    if (!pin)
        return MN_ENOTFOUND;
    value_set(ret, pin);
    return MN_OK;
}

enum mn_err mn_rocks_get(struct mn_rocks *rocks, enum mn_cf cf, struct mn_str key,
                         struct mn_rocks_value *ret)
{
    return get(rocks, rocks->read, cf, key, ret);
}

enum mn_err mn_rocks_get_many(struct mn_rocks *rocks, enum mn_cf cf, size_t count,
                              const struct mn_str *keys, struct mn_rocks_value *ret_values)
{
    const char *p[MN_ROCKS_MANY];
    size_t n[MN_ROCKS_MANY];
    rocksdb_pinnableslice_t *pins[MN_ROCKS_MANY];
    char *texts[MN_ROCKS_MANY];
    MN_BUG_ON(count == 0 || count > MN_ROCKS_MANY);
    for (size_t i = 0; i < count; i++) {
        p[i] = keys[i].p;
        n[i] = keys[i].n;
    }
    rocksdb_batched_multi_get_cf(rocks->db, rocks->read, rocks->cf[cf], count, p, n, pins, texts,
                                 false);
    enum mn_err err = MN_OK;
    for (size_t i = 0; i < count; i++) {
        enum mn_err one = err_take(texts[i]);
        if (!err)
            err = one;
        ret_values[i] = (struct mn_rocks_value){0};
        if (pins[i])
            value_set(&ret_values[i], pins[i]);
    }
    for (size_t i = 0; err && i < count; i++)
        mn_rocks_release(&ret_values[i]);
    return err;
}

/* ---- iterators ---- */

struct mn_rocks_iter {
    struct mn_rocks *rocks;
    enum mn_cf cf;
    rocksdb_readoptions_t *options;
    const rocksdb_snapshot_t *snapshot; /* NULL: of a whole pass */
    rocksdb_iterator_t *it;
};

/*
 * Ranges are never deleted here.  Saying so is more than thrift: between two
 * tables of a level, RocksDB 7.8 (Debian 12) looks for such ranges and loses the
 * error of a table whose first block is damaged, so that an iterator ends early
 * as if there were no more (facebook/rocksdb 11782).
 */
struct mn_rocks_iter *mn_rocks_iter_new(struct mn_rocks *rocks, enum mn_cf cf, struct mn_str lower,
                                        struct mn_str upper)
{
    struct mn_rocks_iter *iter = mn_new(struct mn_rocks_iter);
    iter->rocks = rocks;
    iter->cf = cf;
    iter->options = rocksdb_readoptions_create();
    iter->snapshot = rocksdb_create_snapshot(rocks->db);
    rocksdb_readoptions_set_snapshot(iter->options, iter->snapshot);
    rocksdb_readoptions_set_verify_checksums(iter->options, 1);
    rocksdb_readoptions_set_iterate_lower_bound(iter->options, lower.p, lower.n);
    rocksdb_readoptions_set_iterate_upper_bound(iter->options, upper.p, upper.n);
    rocksdb_readoptions_set_ignore_range_deletions(iter->options, 1);
    iter->it = rocksdb_create_iterator_cf(rocks->db, iter->options, rocks->cf[cf]);
    return iter;
}

struct mn_rocks_iter *mn_rocks_iter_new_scan(struct mn_rocks *rocks, enum mn_cf cf)
{
    struct mn_rocks_iter *iter = mn_new(struct mn_rocks_iter);
    iter->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(iter->options, 1);
    rocksdb_readoptions_set_fill_cache(iter->options, 0);
    rocksdb_readoptions_set_readahead_size(iter->options, SCAN_READAHEAD);
    rocksdb_readoptions_set_ignore_range_deletions(iter->options, 1);
    iter->it = rocksdb_create_iterator_cf(rocks->db, iter->options, rocks->cf[cf]);
    rocksdb_iter_seek_to_first(iter->it);
    return iter;
}

void mn_rocks_iter_free(struct mn_rocks_iter *iter)
{
    if (!iter)
        return;
    rocksdb_iter_destroy(iter->it);
    rocksdb_readoptions_destroy(iter->options);
    if (iter->snapshot)
        rocksdb_release_snapshot(iter->rocks->db, iter->snapshot);
    mn_free(iter);
}

enum mn_err mn_rocks_iter_look(struct mn_rocks_iter *iter, struct mn_str key,
                               struct mn_rocks_value *ret)
{
    MN_BUG_ON(!iter->snapshot);
    return get(iter->rocks, iter->options, iter->cf, key, ret);
}

void mn_rocks_iter_seek(struct mn_rocks_iter *iter, struct mn_str key)
{
    rocksdb_iter_seek(iter->it, key.p, key.n);
}

void mn_rocks_iter_seek_back(struct mn_rocks_iter *iter, struct mn_str key)
{
    rocksdb_iter_seek_for_prev(iter->it, key.p, key.n);
}

void mn_rocks_iter_seek_last(struct mn_rocks_iter *iter) { rocksdb_iter_seek_to_last(iter->it); }

void mn_rocks_iter_next(struct mn_rocks_iter *iter) { rocksdb_iter_next(iter->it); }

void mn_rocks_iter_prev(struct mn_rocks_iter *iter) { rocksdb_iter_prev(iter->it); }

bool mn_rocks_iter_get(struct mn_rocks_iter *iter, struct mn_str *ret_key, struct mn_str *ret_value)
{
    if (!rocksdb_iter_valid(iter->it))
        return false;
    ret_key->p = rocksdb_iter_key(iter->it, &ret_key->n);
    ret_value->p = rocksdb_iter_value(iter->it, &ret_value->n);
    return true;
}

enum mn_err mn_rocks_iter_err(struct mn_rocks_iter *iter)
{
    char *text = NULL;
    rocksdb_iter_get_error(iter->it, &text);
    return err_take(text);
}

enum mn_err mn_rocks_iter_why(struct mn_rocks_iter *iter, struct mn_buf *why)
{
    char *text = NULL;
    rocksdb_iter_get_error(iter->it, &text);
    if (text)
        mn_buf_add_z(why, text);
    return err_take(text);
}

/* ---- tables ---- */

/* From the table's first key to its last; RocksDB's words when that fails, for rocksdb_free(). */
static char *read_table(struct mn_rocks *rocks, enum mn_cf cf, struct mn_str first,
                        struct mn_str last)
{
    char *text = NULL;
    char *end = mn_alloc(last.n + 1); /* the key behind the last */
    memcpy(end, last.p, last.n);
    end[last.n] = '\0';
    struct mn_rocks_iter *it = mn_rocks_iter_new(rocks, cf, first, mn_str_make(end, last.n + 1));
    rocksdb_readoptions_set_fill_cache(it->options, 0);
    for (rocksdb_iter_seek(it->it, first.p, first.n); rocksdb_iter_valid(it->it);)
        rocksdb_iter_next(it->it);
    rocksdb_iter_get_error(it->it, &text);
    mn_rocks_iter_free(it);
    mn_free(end);
    return text;
}

void mn_rocks_check_tables(struct mn_rocks *rocks, mn_rocks_table_fn fn, void *arg)
{
    const rocksdb_livefiles_t *files = rocksdb_livefiles(rocks->db);
    for (int i = 0; i < rocksdb_livefiles_count(files); i++) {
        struct mn_str first, last;
        int cf = 0;
        while (cf < MN_CF_COUNT &&
               strcmp(cf_names[cf], rocksdb_livefiles_column_family_name(files, i)) != 0)
            cf++;
        first.p = rocksdb_livefiles_smallestkey(files, i, &first.n);
        last.p = rocksdb_livefiles_largestkey(files, i, &last.n);
        char *text = cf < MN_CF_COUNT ? read_table(rocks, (enum mn_cf)cf, first, last) : NULL;
        if (text)
            fn(arg, rocksdb_livefiles_name(files, i), text);
        rocksdb_free(text);
    }
    rocksdb_livefiles_destroy(files);
}

/* ---- batches ---- */

void mn_rocks_thread_init(void)
{
    /* They count every comparison of keys, which made up a tenth of a write. */
    rocksdb_set_perf_level(rocksdb_disable);
}

struct mn_rocks_batch {
    rocksdb_writebatch_t *wb;
    bool used;
};

struct mn_rocks_batch *mn_rocks_batch_new(void)
{
    struct mn_rocks_batch *batch = mn_new(struct mn_rocks_batch);
    batch->wb = rocksdb_writebatch_create();
    return batch;
}

void mn_rocks_batch_free(struct mn_rocks_batch *batch)
{
    if (!batch)
        return;
    rocksdb_writebatch_destroy(batch->wb);
    mn_free(batch);
}

void mn_rocks_batch_reset(struct mn_rocks_batch *batch)
{
    rocksdb_writebatch_clear(batch->wb);
    batch->used = false;
}

bool mn_rocks_batch_is_empty(const struct mn_rocks_batch *batch) { return !batch->used; }

void mn_rocks_batch_put(struct mn_rocks *rocks, struct mn_rocks_batch *batch, enum mn_cf cf,
                        struct mn_str key, struct mn_str value)
{
    rocksdb_writebatch_put_cf(batch->wb, rocks->cf[cf], key.p, key.n, value.p, value.n);
    batch->used = true;
}

void mn_rocks_batch_delete(struct mn_rocks *rocks, struct mn_rocks_batch *batch, enum mn_cf cf,
                           struct mn_str key)
{
    rocksdb_writebatch_delete_cf(batch->wb, rocks->cf[cf], key.p, key.n);
    batch->used = true;
}

void mn_rocks_batch_put_parts(struct mn_rocks *rocks, struct mn_rocks_batch *batch, enum mn_cf cf,
                              struct mn_str key, const struct mn_str *parts, unsigned count)
{
    const char *p[4];
    size_t n[4];
    MN_BUG_ON(count > MN_ARRAY_LEN(p));
    for (unsigned i = 0; i < count; i++) {
        p[i] = parts[i].p;
        n[i] = parts[i].n;
    }
    rocksdb_writebatch_putv_cf(batch->wb, rocks->cf[cf], 1, &key.p, &key.n, (int)count, p, n);
    batch->used = true;
}

enum mn_err mn_rocks_write(struct mn_rocks *rocks, struct mn_rocks_batch *batch)
{
    char *text = NULL;
    rocksdb_write(rocks->db, rocks->write, batch->wb, &text);
    return err_take(text);
}
