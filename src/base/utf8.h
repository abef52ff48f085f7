/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_UTF8_H
#define MN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/*
 * Strict UTF-8 (RFC 3629: no surrogates, no overlong forms, nothing above
 * U+10FFFF).  Vectorised where the CPU has it, chosen once at start.
 */
bool mn_utf8_valid(const char *p, size_t n);
/* The portable version of the same, for tests and other CPUs. */
bool mn_utf8_valid_portable(const char *p, size_t n);
/* Length in UTF-16 code units of valid UTF-8 (W-0). */
size_t mn_utf8_utf16_len(struct mn_str s);

#endif
