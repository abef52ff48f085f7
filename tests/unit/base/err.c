/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

static void every_code_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(mn_err_text(MN_OK), "success");
#define CHECK(name, value, text)                                                                   \
    assert_int_equal(MN_##name, value);                                                            \
    assert_string_equal(mn_err_text(MN_##name), text);
    MN_ERR_MAP(CHECK)
#undef CHECK
    assert_string_equal(mn_err_text((enum mn_err)(-999)), "unknown error");
}

static void errno_is_translated(void **state)
{
    (void)state;
    assert_int_equal(mn_err_from_errno(0), MN_OK);
    assert_int_equal(mn_err_from_errno(ENOMEM), MN_ENOMEM);
    assert_int_equal(mn_err_from_errno(ENOSPC), MN_ENOSPC);
    assert_int_equal(mn_err_from_errno(ENOENT), MN_ENOTFOUND);
    assert_int_equal(mn_err_from_errno(EACCES), MN_EPERM);
    assert_int_equal(mn_err_from_errno(ECONNRESET), MN_ECLOSED);
    assert_int_equal(mn_err_from_errno(ELOOP), MN_ESYS);
    assert_int_equal(mn_err_from_errno(-12345), MN_ESYS);
}

static void bug_aborts_with_a_report(void **state)
{
    int fds[2], status;
    char text[256];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL); /* cmocka catches it otherwise */
        dup2(fds[1], STDERR_FILENO);
        MN_BUG_ON(1 + 1 == 2);
        _exit(0);
    }
    close(fds[1]);
    ssize_t n = read(fds[0], text, sizeof text - 1);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "BUG at "));
    assert_non_null(strstr(text, "1 + 1 == 2"));
    MN_BUG_ON(1 + 1 == 3);
}

int test_base_err(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_text),
        cmocka_unit_test(errno_is_translated),
        cmocka_unit_test(bug_aborts_with_a_report),
    };
    return cmocka_run_group_tests_name("base_err", tests, NULL, NULL);
}
