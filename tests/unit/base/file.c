/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static enum mn_err read_it(const char *path, size_t max, char *out, size_t cap)
{
    struct mn_buf text, why;

    mn_buf_init(&text, max);
    mn_buf_init(&why, 4096);
    enum mn_err err = mn_file_read(path, max, &text, &why);
    struct mn_str s = err ? mn_buf_str(&why) : mn_buf_str(&text);
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n)
        memcpy(out, s.p, n);
    out[n] = '\0';
    mn_buf_deinit(&text);
    mn_buf_deinit(&why);
    return err;
}

static void files_and_what_is_none(void **state)
{
    char directory[] = "/tmp/mn_file_XXXXXX", path[64], text[256];

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(read_it(directory, 10, text, sizeof text), MN_EINVAL);
    assert_non_null(strstr(text, "Is a directory"));
    snprintf(path, sizeof path, "%s/f", directory);
    assert_int_equal(read_it(path, 10, text, sizeof text), MN_ENOTFOUND);
    assert_non_null(strstr(text, path));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_it(path, 10, text, sizeof text), MN_EINVAL); /* and does not hang */
    assert_non_null(strstr(text, "expected a regular file"));
    assert_int_equal(unlink(path), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("0123456789", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_it(path, 10, text, sizeof text), MN_OK);
    assert_string_equal(text, "0123456789");
    assert_int_equal(read_it(path, 9, text, sizeof text), MN_ELIMIT);
    assert_int_equal(read_it("/dev/null", 9, text, sizeof text), MN_OK);
    assert_int_equal(read_it("/dev/zero", 9, text, sizeof text), MN_EINVAL);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void what_was_given_open(void **state)
{
    int fds[2];
    char path[64], text[64];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    close(fds[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_true(mn_file_is_inherited(path));
    assert_true(mn_file_is_inherited("/dev/stdin"));
    assert_false(mn_file_is_inherited("/etc/minim/minim.conf"));
    assert_int_equal(read_it(path, 10, text, sizeof text), MN_OK);
    assert_string_equal(text, "abc");
    close(fds[0]);
}

int test_base_file(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_what_is_none),
        cmocka_unit_test(what_was_given_open),
    };
    return cmocka_run_group_tests_name("base_file", tests, NULL, NULL);
}
