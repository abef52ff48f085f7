/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger as a file: what bench writes verify reads, and what nobody wrote is refused. */
#include "unit/tool/tests.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/ledger/ledger_file.h"

static char path[64];

static int make_path(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(path, sizeof path, "%.40s/mn-ledger-XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *p, size_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static struct ledger_line line_number(int64_t i)
{
    static char client_id[32];
    struct ledger_line line = {.from = i + 1, .to = i + 2, .id = INT64_MAX - i, .seq = i};
    snprintf(client_id, sizeof client_id, "0badc0de-%06x-%08x", (unsigned)i, (unsigned)i);
    line.client_id = mn_str_c(client_id);
    ledger_text_hash(line.client_id, line.text_hash);
    return line;
}

/* Several buffers full, from two writers in turns. */
static void what_is_written_is_read(void **state)
{
    enum { LINES = 5000 };
    struct ledger_out *out[2] = {mn_new(struct ledger_out), mn_new(struct ledger_out)};
    struct ledger_reader reader;
    struct ledger_line line;
    struct mn_buf why;
    int64_t seen = 0, offset = 0;
    (void)state;
    int fd = ledger_file_create(path);
    assert_true(fd >= 0);
    out[0]->fd = out[1]->fd = fd;
    for (int64_t i = 0; i < LINES; i++) {
        line = line_number(i);
        ledger_out_add(out[i % 2], &line);
    }
    for (int i = 0; i < 2; i++) {
        ledger_out_flush(out[i]);
        assert_int_equal(out[i]->error, 0);
        mn_free(out[i]);
    }
    assert_int_equal(close(fd), 0);
    mn_buf_init(&why, 400);
    assert_int_equal(ledger_reader_open(&reader, path, &why), MN_OK);
    for (int pass = 0; pass < 2; pass++, seen = 0) {
        for (int64_t at = reader.offset; ledger_reader_next(&reader, &line, &why) == MN_OK;
             at = reader.offset, seen++) {
            const struct ledger_line expected = line_number(line.seq);
            assert_true(line.from == expected.from && line.to == expected.to);
            assert_true(line.id == expected.id && mn_str_eq(line.client_id, expected.client_id));
            assert_memory_equal(line.text_hash, expected.text_hash, sizeof line.text_hash);
            if (line.seq == 1234)
                offset = at;
        }
        assert_int_equal(seen, LINES);
        assert_int_equal(why.n, 0);
        assert_int_equal(ledger_reader_seek(&reader, 0), MN_OK);
    }
    assert_int_equal(ledger_reader_seek(&reader, offset), MN_OK);
    assert_int_equal(ledger_reader_next(&reader, &line, &why), MN_OK);
    assert_int_equal(line.seq, 1234);
    ledger_reader_close(&reader);
    ledger_reader_close(&reader);
    mn_buf_deinit(&why);
}

static void a_full_disk_is_noted(void **state)
{
    struct ledger_out *out = mn_new(struct ledger_out);
    struct ledger_line line = line_number(1);
    (void)state;
    out->fd = open("/dev/full", O_WRONLY);
    assert_true(out->fd >= 0);
    for (int i = 0; i < 3000; i++)
        ledger_out_add(out, &line);
    ledger_out_flush(out);
    assert_int_equal(out->error, ENOSPC);
    close(out->fd);
    mn_free(out);
    assert_int_equal(ledger_file_create("/dev/full"), -1);
    assert_int_equal(ledger_file_create("/nowhere/ledger"), -1);
}

/* The first line after the head; MN_OK or why not. */
static enum mn_err read_one(const char *text, size_t n, struct ledger_line *ret,
                            struct ledger_reader *reader, struct mn_buf *why)
{
    write_file(text, n);
    mn_buf_reset(why);
    enum mn_err err = ledger_reader_open(reader, path, why);
    return err ? err : ledger_reader_next(reader, ret, why);
}

#define HEAD LEDGER_FILE_HEAD "\n"
#define H16 "0123456789abcdef"

static void lines_are_read_as_documented(void **state)
{
    static const struct {
        const char *text;
        enum mn_err err;
    } rows[] = {
        {HEAD "1\t2\tm\t3\t4\t\"text\"\n", MN_OK},
        {HEAD "1\t2\tm\t3\t4\t" H16 H16 "\n", MN_OK},
        {HEAD "1\t2\t\"m\\t\\\"\"\t3\t4\t\"\"\n", MN_OK},
        {HEAD "1\t2\tm\t0\t0\t\"text\"\n", MN_OK}, /* an ACK without ids: not to be found */
        {HEAD, MN_ENOTFOUND},
        {HEAD "1\t2\tm\t3\t4\t\"te", MN_ENOTFOUND}, /* cut off: left out */
        {"", MN_EINVAL},
        {"minim-ledger 2\n", MN_EINVAL},
        {"minim-ledger 1", MN_EINVAL},
        {HEAD "\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4\t\"text\"\t5\n", MN_EINVAL},
        {HEAD "1 2 m 3 4 \"text\"\n", MN_EINVAL},
        {HEAD "0\t2\tm\t3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "2\t2\tm\t3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "x\t2\tm\t3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "1\t9223372036854775808\tm\t3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "1\t2\t\t3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "1\t2\t\"\"\t3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "1\t2\t\"m\t3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "1\t2\tm\t-3\t4\t\"text\"\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4.0\t\"text\"\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4\ttext\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4\t" H16 "0123456789ABCDEF\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4\t" H16 "\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4\t\"\\ud800\"\n", MN_EINVAL},
        {HEAD "1\t2\tm\t3\t4\t\"a\" \"b\"\n", MN_EINVAL},
    };
    struct ledger_reader reader;
    struct ledger_line line;
    struct mn_buf why;
    (void)state;
    mn_buf_init(&why, 400);
    for (size_t i = 0; i < MN_ARRAY_LEN(rows); i++) {
        enum mn_err err = read_one(rows[i].text, strlen(rows[i].text), &line, &reader, &why);
        if (err != rows[i].err)
            print_error("row %zu: %s", i, rows[i].text);
        assert_int_equal(err, rows[i].err);
        assert_int_equal(why.n > 0, err == MN_EINVAL);
        ledger_reader_close(&reader);
    }
    mn_buf_deinit(&why);
}

static void odd_bytes_are_refused(void **state)
{
    static const char nul[] = HEAD "1\t2\tm\t3\t4\t\"te\0xt\"\n";
    static char text[100000];
    struct ledger_reader reader;
    struct ledger_line line;
    struct mn_buf why;
    (void)state;
    mn_buf_init(&why, 400);
    assert_int_equal(read_one(nul, sizeof nul - 1, &line, &reader, &why), MN_EINVAL);
    ledger_reader_close(&reader);
    memset(text, 'x', sizeof text);
    memcpy(text, HEAD, sizeof HEAD - 1);
    assert_int_equal(read_one(text, sizeof text, &line, &reader, &why), MN_EINVAL);
    ledger_reader_close(&reader);
    mn_buf_reset(&why);
    assert_int_equal(ledger_reader_open(&reader, "/nowhere/ledger", &why), MN_ENOTFOUND);
    ledger_reader_close(&reader);
    mn_buf_deinit(&why);
}

/* The same text gives the same hash, written out or not. */
static void a_text_is_its_hash(void **state)
{
    struct ledger_reader reader;
    struct ledger_line line;
    struct mn_buf why;
    char text[200];
    uint64_t hash[2];
    (void)state;
    mn_buf_init(&why, 400);
    ledger_text_hash(MN_STR("a\tb\xc3\xa4"), hash);
    snprintf(text, sizeof text, HEAD "1\t2\tm\t3\t4\t\"a\\tb\\u00e4\"\n");
    assert_int_equal(read_one(text, strlen(text), &line, &reader, &why), MN_OK);
    assert_memory_equal(line.text_hash, hash, sizeof hash);
    ledger_reader_close(&reader);
    snprintf(text, sizeof text, HEAD "1\t2\tm\t3\t4\t%016lx%016lx\n", (unsigned long)hash[0],
             (unsigned long)hash[1]);
    assert_int_equal(read_one(text, strlen(text), &line, &reader, &why), MN_OK);
    assert_memory_equal(line.text_hash, hash, sizeof hash);
    ledger_reader_close(&reader);
    mn_buf_deinit(&why);
}

int test_tool_ledger_file(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),      cmocka_unit_test(a_full_disk_is_noted),
        cmocka_unit_test(lines_are_read_as_documented), cmocka_unit_test(odd_bytes_are_refused),
        cmocka_unit_test(a_text_is_its_hash),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
