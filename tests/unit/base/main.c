/* SPDX-License-Identifier: Apache-2.0 */
/* All unit tests of src/base. */
#include "unit/base/tests.h"

#include "base/mem.h"

/* Tests ask for impossible sizes, to see them refused: the sanitizers shall answer NULL as libc does. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
__attribute__((visibility("default"))) const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

int main(void)
{
    static int (*const groups[])(void) = {
        test_base_buf,  test_base_clock,   test_base_err,  test_base_hist, test_base_id,
        test_base_list, test_base_lineq,   test_base_file, test_base_log,  test_base_map,
        test_base_mem,  test_base_metrics, test_base_num,  test_base_pool, test_base_rand,
        test_base_str,  test_base_utf8,
    };
    int failed = 0;

    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++)
        failed += groups[i]();
    return failed != 0;
}
