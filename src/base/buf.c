/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that doubles up to its ceiling.  Owner: caller.  Invariants:
 * n <= cap, n <= limit; cap may be one more than limit, for the NUL that
 * vsnprintf insists on.  `failed` is sticky: what is in the buffer is always
 * a prefix of what was appended, never a text with holes.
 */
#include "base/buf.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/num.h"

enum { FIRST_BYTES = 64 }; /* most frames and header lines fit without a second allocation */

void mn_buf_init(struct mn_buf *buf, size_t limit) { *buf = (struct mn_buf){.limit = limit}; }

void mn_buf_deinit(struct mn_buf *buf)
{
    mn_free(buf->p);
    buf->p = NULL;
    buf->n = buf->cap = 0;
    buf->failed = false;
}

void mn_buf_reset(struct mn_buf *buf)
{
    buf->n = 0;
    buf->failed = false;
}

static enum mn_err fail(struct mn_buf *buf, enum mn_err err)
{
    buf->failed = true;
    return err;
}

/* Makes cap at least `want`, which the caller has held against the limit. */
static enum mn_err grow(struct mn_buf *buf, size_t want)
{
    size_t cap = buf->cap > SIZE_MAX / 2 ? SIZE_MAX : buf->cap * 2;

    if (cap > buf->limit)
        cap = buf->limit;
    if (cap < FIRST_BYTES && buf->limit >= FIRST_BYTES)
        cap = FIRST_BYTES;
    if (cap < want)
        cap = want;
    char *p = mn_try_realloc_array(buf->p, cap, 1);
    if (!p)
        return fail(buf, MN_ENOMEM);
    buf->p = p;
    buf->cap = cap;
    return MN_OK;
}

enum mn_err mn_buf_reserve(struct mn_buf *buf, size_t n)
{
    if (MN_UNLIKELY(buf->failed || n > buf->limit - buf->n))
        return fail(buf, MN_ELIMIT);
    if (MN_LIKELY(n <= buf->cap - buf->n))
        return MN_OK;
    return grow(buf, buf->n + n);
}

enum mn_err mn_buf_add(struct mn_buf *buf, const void *p, size_t n)
{
    enum mn_err err = mn_buf_reserve(buf, n);

    if (err)
        return err;
    if (n) /* p may be NULL then */
        memcpy(buf->p + buf->n, p, n);
    buf->n += n;
    return MN_OK;
}

enum mn_err mn_buf_add_str(struct mn_buf *buf, struct mn_str s)
{
    return mn_buf_add(buf, s.p, s.n);
}

enum mn_err mn_buf_add_z(struct mn_buf *buf, const char *z)
{
    return mn_buf_add(buf, z, strlen(z));
}

enum mn_err mn_buf_add_char(struct mn_buf *buf, char c) { return mn_buf_add(buf, &c, 1); }

enum mn_err mn_buf_add_u64(struct mn_buf *buf, uint64_t v)
{
    char text[20];

    /* Frames are full of ids: print in place where there is room for any. */
    if (MN_LIKELY(!buf->failed && buf->cap - buf->n >= sizeof text && buf->cap <= buf->limit)) {
        buf->n += mn_print_u64(buf->p + buf->n, v);
        return MN_OK;
    }
    return mn_buf_add(buf, text, mn_print_u64(text, v));
}

enum mn_err mn_buf_add_i64(struct mn_buf *buf, int64_t v)
{
    char text[21];

    return mn_buf_add(buf, text, mn_print_i64(text, v));
}

enum mn_err mn_buf_addf(struct mn_buf *buf, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    enum mn_err err = mn_buf_vaddf(buf, fmt, ap);
    va_end(ap);
    return err;
}

enum mn_err mn_buf_vaddf(struct mn_buf *buf, const char *fmt, va_list ap)
{
    va_list again;
    size_t room = buf->cap - buf->n;

    va_copy(again, ap);
    int len = vsnprintf(buf->p ? buf->p + buf->n : NULL, room, fmt, ap);
    enum mn_err err = MN_OK;
    if (buf->failed || len < 0 || (size_t)len > buf->limit - buf->n) {
        err = fail(buf, len < 0 ? MN_EINVAL : MN_ELIMIT);
    } else if ((size_t)len >= room) {
        err = grow(buf, buf->n + (size_t)len + 1);
        if (!err)
            vsnprintf(buf->p + buf->n, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    if (!err)
        buf->n += (size_t)len;
    return err;
}

/* Bytes that JSON wants escaped: below 0x20, '"' and '\\'. */
static bool is_json_special(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

/* Length of the run at `p` that needs no escape; eight bytes a step. */
static size_t json_clean_run(const char *p, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t x;
        memcpy(&x, p + i, 8);
        uint64_t quote = x ^ (ones * '"'), slash = x ^ (ones * '\\');
        /* High bit of a byte: it was zero (quote, slash) or below 0x20 (x). */
        uint64_t hit = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                       ((x - ones * 0x20) & ~x);
        if (hit & highs)
            break;
    }
    while (i < n && !is_json_special((unsigned char)p[i]))
        i++;
    return i;
}

static enum mn_err add_json_escape(struct mn_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char brief[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    if (c >= 0x20)
        return mn_buf_add(buf, (const char[]){'\\', (char)c}, 2);
    if (brief[c])
        return mn_buf_add(buf, (const char[]){'\\', brief[c]}, 2);
    return mn_buf_add(buf, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

enum mn_err mn_buf_add_json(struct mn_buf *buf, struct mn_str s)
{
    size_t before = buf->n;
    /* One reservation in the usual case that nothing needs an escape. */
    enum mn_err err = mn_buf_reserve(buf, s.n > SIZE_MAX - 2 ? SIZE_MAX : s.n + 2);

    if (!err)
        err = mn_buf_add_char(buf, '"');
    for (size_t i = 0; !err && i < s.n;) {
        size_t run = json_clean_run(s.p + i, s.n - i);
        err = mn_buf_add(buf, s.p + i, run);
        i += run;
        if (!err && i < s.n)
            err = add_json_escape(buf, (unsigned char)s.p[i++]);
    }
    if (!err)
        err = mn_buf_add_char(buf, '"');
    if (err)
        buf->n = before; /* whole or not at all */
    return err;
}

void mn_buf_consume(struct mn_buf *buf, size_t n)
{
    MN_BUG_ON(n > buf->n);
    buf->n -= n;
    if (buf->n && n)
        memmove(buf->p, buf->p + n, buf->n);
}
