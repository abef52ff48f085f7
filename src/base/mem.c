/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only place that calls the C allocator.  What a fixed-size internal
 * object needs is either there or the process ends; what a peer influences
 * can be refused.  Stateless, any thread.
 */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/std.h"

MN_NORETURN static void out_of_memory(size_t size)
{
    char text[96]; /* no heap is needed to say so */
    int n = snprintf(text, sizeof text, "minim: out of memory allocating %zu bytes\n", size);

    mn_ignore(mn_std_write(STDERR_FILENO, mn_str_make(text, (size_t)n), MN_LAST_WORDS_MS));
    _exit(EXIT_FAILURE); /* the environment's trouble, not a mistake of ours: no core */
}

void *mn_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (MN_UNLIKELY(!p))
        out_of_memory(size);
    return p;
}

void *mn_alloc_array(size_t count, size_t size)
{
    size_t total;

    if (MN_UNLIKELY(__builtin_mul_overflow(count, size, &total)))
        out_of_memory(SIZE_MAX);
    return mn_alloc(total);
}

void *mn_alloc_aligned(size_t align, size_t count, size_t size)
{
    size_t total, rounded;

    if (MN_UNLIKELY(__builtin_mul_overflow(count, size, &total) ||
                    __builtin_add_overflow(total, align - 1, &rounded)))
        out_of_memory(SIZE_MAX);
    rounded = rounded / align * align; /* aligned_alloc wants a multiple of the alignment */
    void *p = aligned_alloc(align, rounded ? rounded : align);
    if (MN_UNLIKELY(!p))
        out_of_memory(rounded);
    return memset(p, 0, rounded);
}

void *mn_try_alloc(size_t size) { return malloc(size ? size : 1); }

void *mn_try_realloc_array(void *p, size_t count, size_t size)
{
    size_t total;

    if (MN_UNLIKELY(__builtin_mul_overflow(count, size, &total)))
        return NULL;
    return realloc(p, total ? total : 1);
}

char *mn_try_strndup(const char *p, size_t size)
{
    if (MN_UNLIKELY(size == SIZE_MAX))
        return NULL;
    char *copy = malloc(size + 1);
    if (MN_UNLIKELY(!copy))
        return NULL;
    if (size)
        memcpy(copy, p, size);
    copy[size] = '\0';
    return copy;
}

void mn_free(void *p) { free(p); }

void mn_mem_trim(void) { mn_ignore(malloc_trim(0)); }
