/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_UTF8_IMPL_H
#define MN_BASE_UTF8_IMPL_H

#include <stdbool.h>
#include <stddef.h>

/* Private to base/utf8*.c and their tests. */
typedef bool mn_utf8_valid_fn(const char *p, size_t n);

/* The fastest version that this CPU runs, NULL if only the portable one. */
mn_utf8_valid_fn *mn_utf8_valid_vectorised(void);

#if defined(__x86_64__)
bool mn_utf8_valid_avx2(const char *p, size_t n);
bool mn_utf8_valid_ssse3(const char *p, size_t n);
#endif

#endif
