/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_FUZZ_FUZZ_H
#define MN_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What each fuzz_NAME.c defines; called by libFuzzer, or by corpus_main.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant of the code under test: says what is broken, and aborts. */
#define FUZZ_CHECK(cond)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A writable copy of exactly its size; mn_free() it. */
static inline char *fuzz_copy(const void *p, size_t n)
{
    char *copy = mn_alloc(n != 0 ? n : 1);

    if (n != 0)
        memcpy(copy, p, n);
    return copy;
}

#endif
