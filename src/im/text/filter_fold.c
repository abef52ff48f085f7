/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes no difference to the filter: capitals, and whether an accent is
 * part of a letter or follows it.  Texts and entries are compared in one
 * form, folded and decomposed (Unicode 3.13, D145); most texts have it
 * already, and are not copied.  Tables: utf8proc.  Stateless, any thread.
 */
#include <utf8proc.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "im/text/filter_impl.h"

enum {
    PARTS_MAX = 32, /* code points that one becomes; the greatest of Unicode is 18 */
    MARKS_MAX = 32  /* marks upon a letter that are put in order; more are no writing */
};

struct point {
    int32_t c;
    uint32_t from; /* offset in the source of what it was made of */
};

/* The code point at `p` (valid UTF-8, n > 0) and its length. */
static uint32_t decode(const char *p, size_t n, size_t *ret_len)
{
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &c);

    *ret_len = len > 0 ? (size_t)len : 1;
    return len > 0 ? (uint32_t)c : 0xfffd;
}

static unsigned mark_class(uint32_t c)
{
    return (unsigned)utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
}

/* ---- words ---- */

/* Marks that belong to any alphabet; those of a script of its own belong to it. */
static bool is_mark(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x483 && c <= 0x489) ||
           (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x1dc0 && c <= 0x1dff) ||
           (c >= 0xfe20 && c <= 0xfe2f);
}

/* Letters of the scripts that have capitals, digits, and marks upon them. */
static bool is_word_char(uint32_t c)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);

    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
           category == UTF8PROC_CATEGORY_LT || category == UTF8PROC_CATEGORY_ND || is_mark(c);
}

bool mn_filter_word_at_start(const char *p, size_t n)
{
    size_t len;

    if (n == 0)
        return false;
    if ((unsigned char)p[0] < 0x80)
        return mn_filter_is_ascii_word((unsigned char)p[0]);
    return is_word_char(decode(p, n, &len));
}

bool mn_filter_word_at_end(const char *p, size_t n)
{
    size_t len = 1;

    if (n == 0)
        return false;
    while (len < n && len < 4 && ((unsigned char)p[n - len] & 0xc0) == 0x80)
        len++;
    return mn_filter_word_at_start(p + n - len, len);
}

bool mn_filter_joins(const char *p, size_t n)
{
    size_t len;

    if (n == 0 || (unsigned char)p[0] < 0x80)
        return false;
    uint32_t c = decode(p, n, &len);
    return mark_class(c) != 0 || (c >= 0x1160 && c <= 0x11ff); /* the rest of a Hangul syllable */
}

/* ---- folding ---- */

/* Stands for itself whatever is next to it. */
static bool is_inert(uint32_t c)
{
    if (c < 0x80 || (c >= 0x3400 && c < 0xa000)) /* Chinese: most of what is not ASCII */
        return true;
    if (c >= 0xac00 && c <= 0xd7a3) /* Hangul is decomposed by arithmetic, not by tables */
        return false;
    const utf8proc_property_t *property = utf8proc_get_property((utf8proc_int32_t)c);
    return property->decomp_seqindex == UINT16_MAX && property->casefold_seqindex == UINT16_MAX &&
           property->combining_class == 0;
}

/* How many bytes of ASCII come next, eight at a time. */
static size_t skip_ascii(const char *p, size_t n)
{
    size_t i = 0;
    uint64_t eight;

    for (; i + sizeof eight <= n; i += sizeof eight) {
        memcpy(&eight, p + i, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < n && (unsigned char)p[i] < 0x80)
        i++;
    return i;
}

bool mn_filter_is_folded(struct mn_str in)
{
    for (size_t i = skip_ascii(in.p, in.n), len; i < in.n; i += skip_ascii(in.p + i, in.n - i)) {
        if (!is_inert(decode(in.p + i, in.n - i, &len)))
            return false;
        i += len;
    }
    return true;
}

static enum mn_err add_points(struct mn_buf *points, const struct point *source)
{
    utf8proc_int32_t parts[PARTS_MAX];
    int last = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(source->c, parts, PARTS_MAX,
                                                 UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD, &last);

    if (n < 0 || n > PARTS_MAX)
        return mn_buf_add(points, source, sizeof *source);
    enum mn_err err = MN_OK;
    for (utf8proc_ssize_t i = 0; i < n && !err; i++) {
        struct point part = {parts[i], source->from};
        err = mn_buf_add(points, &part, sizeof part);
    }
    return err;
}

/* Marks upon one letter, in the order of their classes; equal ones stay as they are. */
static void order_marks(struct point *points, size_t count)
{
    size_t first = 0; /* of the run */

    for (size_t i = 0; i < count; i++) {
        unsigned own = mark_class((uint32_t)points[i].c);
        if (own == 0) {
            first = i + 1;
            continue;
        }
        if (i - first >= MARKS_MAX)
            continue;
        struct point point = points[i];
        size_t at = i;
        for (; at > first && mark_class((uint32_t)points[at - 1].c) > own; at--)
            points[at] = points[at - 1];
        points[at] = point;
    }
}

static enum mn_err encode(const struct point *points, size_t count, struct mn_buf *text,
                          struct mn_buf *from)
{
    enum mn_err err = MN_OK;

    for (size_t i = 0; i < count && !err; i++) {
        utf8proc_uint8_t bytes[4];
        size_t n = (size_t)utf8proc_encode_char(points[i].c, bytes);
        err = mn_buf_add(text, bytes, n);
        for (size_t k = 0; k < n && from && !err; k++)
            err = mn_buf_add(from, &points[i].from, sizeof points[i].from);
    }
    return err;
}

enum mn_err mn_filter_fold_text(struct mn_str in, struct mn_buf *text, struct mn_buf *from)
{
    struct mn_buf points;
    enum mn_err err = MN_OK;

    mn_buf_init(&points, SIZE_MAX / 2);
    for (size_t i = 0, len = 1; i < in.n && !err; i += len) {
        struct point source = {.from = (uint32_t)i};
        source.c = (int32_t)decode(in.p + i, in.n - i, &len);
        err = is_inert((uint32_t)source.c) && source.c >= 0x80
                  ? mn_buf_add(&points, &source, sizeof source)
                  : add_points(&points, &source);
    }
    if (!err && points.n > 0) {
        struct point *list = (struct point *)(void *)points.p;
        size_t count = points.n / sizeof *list;
        order_marks(list, count);
        err = encode(list, count, text, from);
    }
    mn_buf_deinit(&points);
    return err;
}
