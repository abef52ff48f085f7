/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_MEM_H
#define MN_BASE_MEM_H

#include <stddef.h>

/*
 * Two kinds of allocation (CONTRIBUTING.md): fixed-size internal objects, where
 * running out ends the process with a message (mn_new, mn_alloc), and
 * anything whose size a peer influences (mn_try_*), which returns NULL and
 * is bounded by its caller.  All of it is freed with mn_free, from any
 * thread.
 */

/* Zeroed memory of `size` bytes; aborts when there is none. */
void *mn_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
/* Zeroed memory of `count * size` bytes; aborts on overflow or when there is none. */
void *mn_alloc_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* The same, aligned to `align` (a power of two), e.g. to a cache line. */
void *mn_alloc_aligned(size_t align, size_t count, size_t size) __attribute__((returns_nonnull));
/* Uninitialised memory or NULL. */
void *mn_try_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
/* Like realloc for `count * size` bytes; NULL on overflow or when there is none (`p` stays valid). */
void *mn_try_realloc_array(void *p, size_t count, size_t size);
/* NUL-terminated copy of `size` bytes; NULL when there is no memory. */
char *mn_try_strndup(const char *p, size_t size);
/* Releases; NULL is a no-op. */
void mn_free(void *p);

/*
 * Gives free memory back to the system.  Takes milliseconds for each 100 MB,
 * during which threads that allocate may wait: not on a loop's thread.
 */
void mn_mem_trim(void);

/*
 * What a block of `size` bytes really takes: malloc's header and its rounding
 * (glibc: 8 bytes, multiples of 16, at least 32).  Used wherever the memory
 * held for peers is counted, because a peer chooses how small the blocks are.
 */
static inline size_t mn_mem_cost(size_t size)
{
    size_t cost = (size + 8 + 15) & ~(size_t)15;
    return size == 0 ? 0 : cost < 32 ? 32 : cost;
}

#define mn_new(type) ((type *)mn_alloc(sizeof(type)))
#define mn_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define MN_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
