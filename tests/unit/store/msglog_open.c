/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: newer, damaged, locked and half-written data directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rocksdb/c.h>

#include "base/mem.h"
#include "unit/store/msglog_support.h"
#include "unit/store/tests.h"

/* `count` messages in one chat, then closed. */
static void make_log(struct ts_log *t, int count)
{
    ts_log_init(t);
    for (int i = 0; i < count; i++) {
        char client_id[16];
        snprintf(client_id, sizeof(client_id), "m-%d", i);
        ts_append(t, 1, 2, client_id, "some text to fill the log file a little", NULL);
    }
    ts_log_close(t);
}

/* Writes one row with nobody else around. */
static void put_raw(struct ts_log *t, enum mn_cf cf, struct mn_str key, struct mn_str value)
{
    const struct mn_rocks_config config = {
        .dir = t->config.dir, .cache_bytes = 1 << 20, .memtable_bytes = 1 << 20, .sync = true};
    struct mn_rocks *db = NULL;
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_rocks_open(&config, &db, &why), MN_OK);
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    mn_rocks_batch_put(db, batch, cf, key, value);
    assert_int_equal(mn_rocks_write(db, batch), MN_OK);
    mn_rocks_batch_free(batch);
    mn_rocks_close(db);
    mn_buf_deinit(&why);
}

static void refuses_newer_format(void **state)
{
    struct ts_log t;
    (void)state;
    make_log(&t, 1);
    put_raw(&t, MN_CF_META, MN_STR("format"), MN_STR("3"));
    ts_log_open_fails(&t, MN_EVERSION, "newer version");
    ts_log_open_fails(&t, MN_EVERSION, t.config.dir);
    put_raw(&t, MN_CF_META, MN_STR("format"), MN_STR("2"));
    ts_log_open(&t);
    assert_int_equal(ts_append(&t, 1, 2, "next", "x", NULL), 2);
    ts_log_deinit(&t);
}

/* A column family from the future, made with the vendor's API. */
static void refuses_unknown_part(void **state)
{
    static const char *const names[] = {"default", "msg", "index", "chat"};
    struct ts_log t;
    char *err = NULL;
    (void)state;
    make_log(&t, 1);
    rocksdb_options_t *o = rocksdb_options_create();
    const rocksdb_options_t *options[] = {o, o, o, o};
    rocksdb_column_family_handle_t *cf[5];
    rocksdb_t *db = rocksdb_open_column_families(o, t.config.dir, 4, names, options, cf, &err);
    assert_null(err);
    cf[4] = rocksdb_create_column_family(db, o, "groups", &err);
    assert_null(err);
    for (int i = 0; i < 5; i++)
        rocksdb_column_family_handle_destroy(cf[i]);
    rocksdb_close(db);
    rocksdb_options_destroy(o);
    ts_log_open_fails(&t, MN_EVERSION, "groups");
    ts_log_deinit(&t);
}

static void refuses_damaged_meta(void **state)
{
    static const char *const formats[] = {"", "x", "0", "-1", "1 ", "99999999999"};
    struct ts_log t;
    (void)state;
    make_log(&t, 1);
    for (size_t i = 0; i < MN_ARRAY_LEN(formats); i++) {
        put_raw(&t, MN_CF_META, MN_STR("format"), mn_str_c(formats[i]));
        ts_log_open_fails(&t, MN_ECORRUPT, "backup");
    }
    put_raw(&t, MN_CF_META, MN_STR("format"), MN_STR("1"));
    put_raw(&t, MN_CF_META, MN_STR("hash_key"), MN_STR("short"));
    ts_log_open_fails(&t, MN_ECORRUPT, "backup");
    ts_log_deinit(&t);
}

static void refuses_second_user(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    ts_log_open_fails(&t, MN_ELOCKED, "another process");
    assert_int_equal(ts_append(&t, 1, 2, "a", "x", NULL), 1);
    ts_log_deinit(&t);
}

static void change_byte(const char *path, off_t at)
{
    unsigned char byte = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0xff;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static off_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* A changed byte in the middle of the log must not silently cut off what follows. */
static void refuses_damaged_log(void **state)
{
    struct ts_log t;
    char path[512];
    (void)state;
    make_log(&t, 50);
    ts_find_file(&t, ".log", path, sizeof(path));
    change_byte(path, size_of(path) / 2);
    ts_log_open_fails(&t, MN_ECORRUPT, "damaged");
    ts_log_open_fails(&t, MN_ECORRUPT, "damaged"); /* and the attempt changed nothing */
    change_byte(path, size_of(path) / 2);
    ts_log_open(&t);
    assert_int_equal(ts_append(&t, 1, 2, "next", "x", NULL), 51);
    ts_log_deinit(&t);
}

/* A log that ends in the middle of a record is what a crash leaves: the record was never promised. */
static void takes_torn_tail(void **state)
{
    struct ts_log t;
    char path[512];
    (void)state;
    ts_log_init(&t);
    for (int i = 0; i < 50; i++) {
        char client_id[16];
        snprintf(client_id, sizeof(client_id), "m-%d", i);
        ts_append(&t, 1, 2, client_id, "x", NULL);
    }
    ts_find_file(&t, ".log", path, sizeof(path));
    off_t size = size_of(path); /* closing writes more: the lists */
    ts_log_close(&t);
    assert_int_equal(truncate(path, size - 20), 0);
    ts_log_open(&t);
    assert_int_equal(ts_append(&t, 1, 2, "m-48", "x", NULL), 49);
    assert_int_equal(ts_append(&t, 1, 2, "next", "x", NULL), 50);
    ts_log_deinit(&t);
}

static void refuses_lost_files(void **state)
{
    static const char *const suffixes[] = {"CURRENT", ".sst"};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(suffixes); i++) {
        struct ts_log t;
        char path[512], aside[520];
        make_log(&t, 50);
        ts_log_open(&t); /* replays the log into a table */
        ts_log_close(&t);
        ts_find_file(&t, suffixes[i], path, sizeof(path));
        snprintf(aside, sizeof(aside), "%s/aside", t.dir);
        assert_int_equal(rename(path, aside), 0);
        ts_log_open_fails(&t, MN_ECORRUPT, "backup");
        assert_int_equal(rename(aside, path), 0);
        ts_log_open(&t);
        assert_int_equal(ts_append(&t, 1, 2, "next", "x", NULL), 51);
        ts_log_deinit(&t);
    }
}

static void refuses_garbage(void **state)
{
    static const char *const prefixes[] = {"CURRENT", "MANIFEST-"};
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(prefixes); i++) {
        struct ts_log t;
        char path[600], cmd[16] = "garbage\n";
        make_log(&t, 5);
        ts_find_file(&t, "CURRENT", path, sizeof(path));
        if (i == 1) {
            char name[64] = "";
            FILE *f = fopen(path, "r");
            assert_non_null(f);
            assert_non_null(fgets(name, sizeof(name), f));
            fclose(f);
            name[strcspn(name, "\n")] = '\0';
            snprintf(path, sizeof(path), "%.400s/%s", t.config.dir, name);
        }
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fwrite(cmd, 1, strlen(cmd), f);
        fclose(f);
        ts_log_open_fails(&t, MN_ECORRUPT, "backup");
        ts_log_deinit(&t);
    }
}

/* A damaged table: the reads say so, and nobody crashes. */
static void reads_tell_damage(void **state)
{
    struct ts_log t;
    char path[512];
    struct mn_msg_ref ref;
    int64_t id = 0;
    (void)state;
    ts_log_init(&t);
    ts_append(&t, 1, 2, "a", "x", &id);
    ts_log_close(&t);
    char key[MN_KEY_MSG_BYTES];
    mn_key_msg(key, id);
    put_raw(&t, MN_CF_MSG, mn_str_make(key, sizeof(key)), MN_STR("\x01garbage"));
    ts_log_open(&t);
    assert_int_equal(mn_msglog_find(t.log, id, &ref), MN_ECORRUPT);
    struct mn_op *op = ts_do(&t, ts_append_op(1, 2, "a", "x"));
    assert_int_equal(op->result, MN_ECORRUPT); /* neither new nor a duplicate: unknown */
    mn_op_unref(op);
    assert_int_equal(ts_append(&t, 1, 2, "b", "x", NULL), 2);
    ts_log_close(&t);
    ts_log_open(&t);
    ts_log_close(&t);
    ts_find_file(&t, ".sst", path, sizeof(path));
    change_byte(path, 10);
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    /* Found at open or by the first read, depending on what the byte belongs to. */
    if (mn_msglog_open(&t.config, t.metrics, &t.log, &why) == MN_OK)
        mn_ignore(mn_msglog_find(t.log, id, &ref));
    mn_buf_deinit(&why);
    ts_log_deinit(&t);
}

static void needs_a_usable_path(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_prepare(&t);
    snprintf(t.config.dir, sizeof(t.config.dir), "%s/missing/log", t.dir);
    ts_log_open_fails(&t, MN_ENOTFOUND, "cannot create");
    snprintf(t.config.dir, sizeof(t.config.dir), "%s/file", t.dir);
    fclose(fopen(t.config.dir, "w"));
    ts_log_open_fails(&t, MN_EIO, "Not a directory");
    ts_log_deinit(&t);
}

/* A creation that was cut short has nothing to lose, and is begun again. */
static void creation_can_be_repeated(void **state)
{
    struct ts_log t;
    char path[600];
    (void)state;
    ts_log_prepare(&t);
    assert_int_equal(mkdir(t.config.dir, 0700), 0);
    snprintf(path, sizeof(path), "%.400s/MANIFEST-000001", t.config.dir);
    fclose(fopen(path, "w"));
    ts_log_open(&t);
    assert_int_equal(ts_append(&t, 1, 2, "a", "x", NULL), 1);
    ts_log_deinit(&t);
}

int test_store_msglog_open(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_newer_format),     cmocka_unit_test(refuses_unknown_part),
        cmocka_unit_test(refuses_damaged_meta),     cmocka_unit_test(refuses_second_user),
        cmocka_unit_test(refuses_damaged_log),      cmocka_unit_test(takes_torn_tail),
        cmocka_unit_test(refuses_lost_files),       cmocka_unit_test(refuses_garbage),
        cmocka_unit_test(reads_tell_damage),        cmocka_unit_test(needs_a_usable_path),
        cmocka_unit_test(creation_can_be_repeated),
    };
    return cmocka_run_group_tests_name("store: message log, opening", tests, NULL, NULL);
}
