/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linker calls __wrap_X for X and offers X as __real_X.  Calls inside
 * base/mem.c itself are not seen, and need not be.
 */
#include "support/torture.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic unsigned left; /* allocations until the failure; 0: none is to fail */
static _Atomic bool failed;

bool torture_begin(unsigned n)
{
    atomic_store(&failed, false);
    atomic_store(&left, n);
    return true;
}

bool torture_end(void)
{
    atomic_store(&left, 0);
    return atomic_load(&failed);
}

static bool must_fail(void)
{
    unsigned n = atomic_load(&left);

    while (n > 0 && !atomic_compare_exchange_weak(&left, &n, n - 1))
        ;
    if (n == 1)
        atomic_store(&failed, true);
    return n == 1;
}

void *__real_mn_try_alloc(size_t size);
void *__real_mn_try_realloc_array(void *p, size_t count, size_t size);
char *__real_mn_try_strndup(const char *p, size_t size);
void *__wrap_mn_try_alloc(size_t size);
void *__wrap_mn_try_realloc_array(void *p, size_t count, size_t size);
char *__wrap_mn_try_strndup(const char *p, size_t size);

void *__wrap_mn_try_alloc(size_t size) { return must_fail() ? NULL : __real_mn_try_alloc(size); }

void *__wrap_mn_try_realloc_array(void *p, size_t count, size_t size)
{
    return must_fail() ? NULL : __real_mn_try_realloc_array(p, count, size);
}

char *__wrap_mn_try_strndup(const char *p, size_t size)
{
    return must_fail() ? NULL : __real_mn_try_strndup(p, size);
}
