/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single flipped bits in the tables of a store that has many of them.  Verify must not say that
 * all is well over what cannot be read, whatever RocksDB's iterator says of it (7.8 can end
 * early without an error at a table whose first block is damaged).
 */
#include "unit/tool/tests.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "store/rocks/scan.h"
#include "unit/tool/verify_support.h"

enum { MESSAGES = 4000, TABLES_MAX = 64, FLIPS = 96, FIRST_BLOCK = 4096 };
#define MEMORY (UINT64_C(1) << 20)

struct table {
    char path[300];
    uint64_t size;
};

static unsigned list_tables(const struct tv_store *store, struct table *tables)
{
    unsigned count = 0;
    DIR *dir = opendir(store->messages);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        struct stat st;
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".sst") != 0)
            continue;
        assert_true(count < TABLES_MAX);
        snprintf(tables[count].path, sizeof tables[count].path, "%s/%.200s", store->messages,
                 e->d_name);
        assert_int_equal(stat(tables[count].path, &st), 0);
        tables[count++].size = (uint64_t)st.st_size;
    }
    closedir(dir);
    return count;
}

static void flip(const struct table *table, uint64_t at, unsigned bit)
{
    unsigned char byte;
    int fd = open(table->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= (unsigned char)(1u << bit);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

struct tally {
    struct mn_msglog_scan *scan;
    unsigned messages;
};

/* What a server does for each message: from its number to it, from its client id to its number. */
static void look_up(void *arg, const struct mn_scan_row *row)
{
    struct tally *tally = arg;
    struct mn_row_seq place;
    struct mn_row_msg msg;
    int64_t seq = 0;
    if (row->kind != MN_SCAN_MSG)
        return;
    assert_int_equal(mn_msglog_scan_seq(tally->scan, row->msg.chat, row->msg.seq, &place), MN_OK);
    assert_int_equal(place.id, row->id);
    assert_int_equal(mn_msglog_scan_msg(tally->scan, place.id, &msg), MN_OK);
    uint64_t hash = mn_msglog_scan_hash(tally->scan, msg.from, msg.client_id);
    assert_int_equal(mn_msglog_scan_client(tally->scan, msg.chat, hash, &seq), MN_OK);
    assert_int_equal(seq, msg.seq);
    tally->messages++;
}

/* Everything that was stored can be read, by a scan and row by row. */
static void assert_all_there(const struct tv_store *store)
{
    struct mn_buf why;
    struct tally tally = {0};
    mn_buf_init(&why, 4096);
    assert_int_equal(mn_msglog_scan_open(store->messages, &tally.scan, &why), MN_OK);
    assert_int_equal(mn_msglog_scan_rows(tally.scan, MN_SCAN_MESSAGES, look_up, &tally, &why),
                     MN_OK);
    assert_int_equal(tally.messages, MESSAGES);
    mn_msglog_scan_close(tally.scan);
    mn_buf_deinit(&why);
}

/* Returns whether it was told. */
static bool try_flip(const struct tv_store *store, const struct table *table, uint64_t at,
                     unsigned bit)
{
    flip(table, at, bit);
    bool told = *tv_messages(store, NULL, MEMORY) != '\0';
    if (!told)
        assert_all_there(store);
    flip(table, at, bit);
    return told;
}

static void no_flipped_bit_is_well(void **state)
{
    struct tv_store store;
    struct tv_edit edit;
    static struct table tables[TABLES_MAX];
    struct mn_rng rng;
    unsigned told = 0;
    (void)state;
    tv_make_tables(&store, MESSAGES);
    tv_edit_begin(&edit, &store); /* what is in its log goes into tables too */
    tv_edit_end(&edit);
    unsigned count = list_tables(&store, tables);
    assert_true(count >= MN_CF_COUNT);
    assert_string_equal(tv_messages(&store, NULL, MEMORY), "");
    mn_rng_seed(&rng, 20261128);
    for (unsigned i = 0; i < count; i++) { /* the first block of each table, always data */
        uint64_t end = tables[i].size / 4 < FIRST_BLOCK ? tables[i].size / 4 : FIRST_BLOCK;
        if (!try_flip(&store, &tables[i], mn_rng_next(&rng) % end, mn_rng_next(&rng) % 8))
            fail_msg("first block of %s: not told", tables[i].path);
    }
    for (unsigned i = 0; i < FLIPS; i++) {
        const struct table *table = &tables[mn_rng_next(&rng) % count];
        told += try_flip(&store, table, mn_rng_next(&rng) % table->size, mn_rng_next(&rng) % 8);
    }
    /* The rest hit filters and statistics, without which every row is found all the same. */
    print_message("%u tables; %u of %u flips told\n", count, told, FLIPS);
    assert_true(told > FLIPS / 2);
    assert_string_equal(tv_messages(&store, NULL, MEMORY), "");
    tv_remove(&store);
}

int test_tool_verify_flips(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_flipped_bit_is_well),
    };
    return cmocka_run_group_tests_name("tool verify flips", tests, NULL, NULL);
}
