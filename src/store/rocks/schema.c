/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of the message log's database: a version number in the meta
 * column family and numbered steps that lead from one version to the next.
 *
 * A step and the new version number are one synced batch, so a crash leaves
 * the version before or after it, never between.  A database of a newer
 * version is refused.  Writer thread's data, but runs in mn_msglog_open(),
 * before there is a writer.
 */
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "store/rocks/impl.h"

static const struct mn_str key_format = {"format", 6};
static const struct mn_str key_hash = {"hash_key", 8};
static const struct mn_str key_store = {"store_id", 8};
static const struct mn_str key_generation = {"accounts", 8};
static const struct mn_str key_bare_id = {"bare_chat", 9};

struct step {
    unsigned version; /* the version it leads to */
    void (*run)(struct mn_rlog *log, struct mn_rocks_batch *batch);
};

/* Version 1: an empty log has a random key for client id hashes and a name of its own. */
static void step_create(struct mn_rlog *log, struct mn_rocks_batch *batch)
{
    char bytes[16];
    mn_rand_bytes(bytes, sizeof(bytes));
    mn_rocks_batch_put(log->db, batch, MN_CF_META, key_hash, mn_str_make(bytes, sizeof(bytes)));
    mn_rand_bytes(bytes, sizeof(bytes));
    mn_rocks_batch_put(log->db, batch, MN_CF_META, key_store, mn_str_make(bytes, sizeof(bytes)));
}

static const struct step steps[] = {
    {1, step_create},
    {2, mn_lists_begin},
};
_Static_assert(MN_ARRAY_LEN(steps) == MN_MSGLOG_FORMAT, "one step a version");

static enum mn_err run_step(struct mn_rlog *log, const struct step *step)
{
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    char text[20];
    step->run(log, batch);
    mn_rocks_batch_put(log->db, batch, MN_CF_META, key_format,
                       mn_str_make(text, mn_print_u64(text, step->version)));
    enum mn_err err = mn_rocks_write(log->db, batch);
    mn_rocks_batch_free(batch);
    return err;
}

static enum mn_err is_empty(struct mn_rocks *db, bool *ret_empty)
{
    struct mn_str key, value;
    struct mn_rocks_iter *it = mn_rocks_iter_new(db, MN_CF_MSG, MN_STR("\0\0\0\0\0\0\0\0"),
                                                 MN_STR("\xff\xff\xff\xff\xff\xff\xff\xff"));
    mn_rocks_iter_seek_last(it);
    *ret_empty = !mn_rocks_iter_get(it, &key, &value);
    enum mn_err err = mn_rocks_iter_err(it);
    mn_rocks_iter_free(it);
    return err;
}

enum mn_err mn_rlog_read_format(struct mn_rocks *db, uint64_t *ret_version)
{
    struct mn_rocks_value value;
    enum mn_err err = mn_rocks_get(db, MN_CF_META, key_format, &value);
    if (err == MN_ENOTFOUND) {
        bool empty = false;
        *ret_version = 0;
        err = is_empty(db, &empty);
        /* Messages without a version: something else, or what is left of something. */
        return err ? err : empty ? MN_OK : MN_ECORRUPT;
    }
    if (err)
        return err;
    err = mn_parse_u64(value.s, 1, UINT32_MAX, ret_version) ? MN_ECORRUPT : MN_OK;
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_rlog_read_hash_key(struct mn_rocks *db, uint64_t ret_key[2])
{
    struct mn_rocks_value value;
    enum mn_err err = mn_rocks_get(db, MN_CF_META, key_hash, &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    if (value.s.n == 2 * sizeof(*ret_key))
        memcpy(ret_key, value.s.p, value.s.n);
    else
        err = MN_ECORRUPT;
    mn_rocks_release(&value);
    return err;
}

static enum mn_err read_store_id(struct mn_rocks *db, char ret_hex[MN_STORE_ID_HEX + 1])
{
    struct mn_rocks_value value;
    enum mn_err err = mn_rocks_get(db, MN_CF_META, key_store, &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    if (value.s.n != MN_STORE_ID_HEX / 2)
        err = MN_ECORRUPT;
    for (size_t i = 0; !err && i < value.s.n; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", (unsigned char)value.s.p[i]);
    mn_rocks_release(&value);
    return err;
}

/* A number from 1 to `most`; 0 when there is none. */
static enum mn_err read_number(struct mn_rocks *db, struct mn_str key, uint64_t most, uint64_t *ret)
{
    struct mn_rocks_value value;
    *ret = 0;
    enum mn_err err = mn_rocks_get(db, MN_CF_META, key, &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_OK : err;
    err = mn_parse_u64(value.s, 1, most, ret) ? MN_ECORRUPT : MN_OK;
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_rlog_read_end(struct mn_rocks *db, struct mn_log_end *ret)
{
    struct mn_log_end end = {.reach = mn_rocks_sequence(db)};
    enum mn_err err = read_store_id(db, end.store_id);
    if (err)
        return err;
    err = read_number(db, key_generation, UINT64_MAX, &end.generation);
    if (!err)
        *ret = end;
    return err;
}

enum mn_err mn_rlog_read_bare_id(struct mn_rocks *db, int64_t *ret_id)
{
    uint64_t id = 0;
    enum mn_err err = read_number(db, key_bare_id, INT64_MAX, &id);
    *ret_id = (int64_t)id;
    return err;
}

void mn_rlog_put_bare_id(struct mn_rocks *db, struct mn_rocks_batch *batch, int64_t id)
{
    char text[20];
    mn_rocks_batch_put(db, batch, MN_CF_META, key_bare_id,
                       mn_str_make(text, mn_print_u64(text, (uint64_t)id)));
}

void mn_rlog_put_generation(struct mn_rocks *db, struct mn_rocks_batch *batch, uint64_t generation)
{
    char text[20];
    mn_rocks_batch_put(db, batch, MN_CF_META, key_generation,
                       mn_str_make(text, mn_print_u64(text, generation)));
}

static void why_failed(const struct mn_rlog *log, struct mn_buf *why, enum mn_err err)
{
    if (err == MN_ECORRUPT)
        mn_buf_addf(why,
                    "message log %s is damaged (no usable format version or key in it); keep a "
                    "copy of the directory, then restore it from a backup",
                    log->config->dir);
    else
        mn_buf_addf(why, "cannot read or prepare the message log %s (%s); see the kernel log",
                    log->config->dir, mn_err_text(err));
}

enum mn_err mn_rlog_schema(struct mn_rlog *log, struct mn_buf *why)
{
    uint64_t version = 0;
    enum mn_err err = mn_rlog_read_format(log->db, &version);
    if (!err && version > MN_MSGLOG_FORMAT) {
        mn_buf_addf(why,
                    "message log %s has format %llu, and this minimd knows formats up to %u: it "
                    "was written by a newer version; start that version, or restore a backup "
                    "made before the upgrade",
                    log->config->dir, (unsigned long long)version, MN_MSGLOG_FORMAT);
        return MN_EVERSION;
    }
    for (; !err && version < MN_MSGLOG_FORMAT; version++)
        err = run_step(log, &steps[version]);
    if (!err)
        err = mn_rlog_read_hash_key(log->db, log->hash_key);
    if (err)
        why_failed(log, why, err);
    return err;
}
