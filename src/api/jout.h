/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_JOUT_H
#define MN_API_JOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Prints compact JSON (no blank anywhere: old clients scan text) into a
 * buffer; commas are put by themselves.  `key` NULL inside arrays.  A
 * buffer at its ceiling is noticed at the end, by its `failed`.
 */
struct mn_jout {
    struct mn_buf *buf;
    bool comma; /* something stands before the next value of this object or array */
};

void mn_jout_open(struct mn_jout *out, const char *key, char bracket);
void mn_jout_close(struct mn_jout *out, char bracket);
/* 64-bit ids are printed as strings (H-3.1), all other numbers as numbers. */
void mn_jout_id(struct mn_jout *out, const char *key, int64_t id);
void mn_jout_num(struct mn_jout *out, const char *key, int64_t value);
void mn_jout_bool(struct mn_jout *out, const char *key, bool value);
/* Absent text is null. */
void mn_jout_str(struct mn_jout *out, const char *key, struct mn_str value);
void mn_jout_null(struct mn_jout *out, const char *key);
/* Zone-less local date-time (3.2); 0 is null. */
void mn_jout_date(struct mn_jout *out, const char *key, int64_t unix_ms);

#endif
