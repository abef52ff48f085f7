/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static void allocations_are_zeroed(void **state)
{
    unsigned char *p = mn_alloc(1000), *q = mn_alloc_array(10, 100);
    unsigned char *r = mn_alloc_aligned(64, 3, 100);
    static const unsigned char zero[1000];

    (void)state;
    assert_memory_equal(p, zero, 1000);
    assert_memory_equal(q, zero, 1000);
    assert_memory_equal(r, zero, 300);
    assert_int_equal((uintptr_t)r % 64, 0);
    mn_free(p);
    mn_free(q);
    mn_free(r);
    mn_free(NULL);
}

static void nothing_is_something(void **state)
{
    void *p[] = {mn_alloc(0), mn_alloc_array(0, 8), mn_alloc_aligned(64, 0, 8), mn_try_alloc(0),
                 mn_try_realloc_array(NULL, 0, 8)};

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(p); i++) {
        assert_non_null(p[i]);
        mn_free(p[i]);
    }
}

static void overflow_is_refused(void **state)
{
    char *p = mn_try_strndup("abc", 2);
    volatile size_t huge = SIZE_MAX; /* volatile: the compiler knows better otherwise */

    (void)state;
    assert_string_equal(p, "ab");
    assert_null(mn_try_realloc_array(p, huge / 2, 3));
    assert_null(mn_try_strndup("", huge));
    assert_null(mn_try_alloc(huge / 2));
    assert_string_equal(p, "ab");
    p = mn_try_realloc_array(p, 100, 10);
    assert_string_equal(p, "ab");
    mn_free(p);
    p = mn_try_strndup(NULL, 0);
    assert_string_equal(p, "");
    mn_free(p);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { OWN_ALLOCATOR = 0 }; /* the sanitizer's, which gives back what it likes */
#else
enum { OWN_ALLOCATOR = 1 };
#endif

static size_t resident_pages(void)
{
    size_t size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%zu %zu", &size, &resident), 2);
    fclose(f);
    return resident;
}

/* Blocks too small to be mapped each, with one that stays behind them. */
static void free_memory_goes_back(void **state)
{
    enum { BLOCKS = 512, SIZE = 64 * 1024 };
    static char *block[BLOCKS];
    (void)state;
    size_t before = resident_pages();
    for (unsigned i = 0; i < BLOCKS; i++) {
        block[i] = mn_try_alloc(SIZE);
        memset(block[i], 1, SIZE);
    }
    char *pin = mn_try_alloc(32);
    size_t most = resident_pages();
    for (unsigned i = 0; i < BLOCKS; i++)
        mn_free(block[i]);
    mn_mem_trim();
    if (OWN_ALLOCATOR)
        assert_true(resident_pages() < before + (most - before) / 4);
    mn_free(pin);
}

int test_base_mem(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed),
        cmocka_unit_test(nothing_is_something),
        cmocka_unit_test(overflow_is_refused),
        cmocka_unit_test(free_memory_goes_back),
    };
    return cmocka_run_group_tests_name("base_mem", tests, NULL, NULL);
}
