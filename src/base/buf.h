/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_BUF_H
#define MN_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * A growing byte buffer with a ceiling that is set once.  Every append
 * either succeeds whole or fails and leaves the buffer as it was, with
 * `failed` set, so that a chain of appends can be checked once at its end;
 * until a reset every later append fails too.
 * Owner: caller, one thread at a time.  Not NUL-terminated.
 */
struct mn_buf {
    char *p;
    size_t n;     /* bytes used */
    size_t cap;   /* bytes allocated */
    size_t limit; /* ceiling for n */
    bool failed;  /* an append did not fit */
};

void mn_buf_init(struct mn_buf *buf, size_t limit);
/* Frees the memory; may be called twice, and on a zeroed buffer. */
void mn_buf_deinit(struct mn_buf *buf);
/* Empties and clears `failed`, keeps the memory. */
void mn_buf_reset(struct mn_buf *buf);
/* Room for `n` more bytes: MN_ELIMIT or MN_ENOMEM sets `failed`. */
enum mn_err mn_buf_reserve(struct mn_buf *buf, size_t n);
enum mn_err mn_buf_add(struct mn_buf *buf, const void *p, size_t n);
enum mn_err mn_buf_add_str(struct mn_buf *buf, struct mn_str s);
enum mn_err mn_buf_add_z(struct mn_buf *buf, const char *z);
enum mn_err mn_buf_add_char(struct mn_buf *buf, char c);
enum mn_err mn_buf_add_u64(struct mn_buf *buf, uint64_t v);
enum mn_err mn_buf_add_i64(struct mn_buf *buf, int64_t v);
enum mn_err mn_buf_addf(struct mn_buf *buf, const char *fmt, ...) MN_PRINTF(2, 3);
enum mn_err mn_buf_vaddf(struct mn_buf *buf, const char *fmt, va_list ap) MN_PRINTF(2, 0);
/* Appends a JSON string with its quotes, escaped as W-2.3 says. */
enum mn_err mn_buf_add_json(struct mn_buf *buf, struct mn_str s);
/* Removes the first `n` bytes. */
void mn_buf_consume(struct mn_buf *buf, size_t n);
static inline struct mn_str mn_buf_str(const struct mn_buf *buf)
{
    return mn_str_make(buf->p, buf->n);
}

#endif
