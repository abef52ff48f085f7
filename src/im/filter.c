/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter at work: one pass of the automaton finds where entries end; in
 * nearly all messages that is nowhere, and nothing more happens.  Otherwise
 * the matches are accepted in the order of their rank, each unless it
 * touches one that was accepted before.
 *
 * One candidate is kept for each place where an entry ends: the best one
 * that may stand there.  When it has to give way, the next shorter entry
 * that ends in the same place takes its turn, so that memory is bounded by
 * the text and not by the number of matches.  Reads the filter only; any
 * thread.
 */
#include "im/filter.h"

#include "base/mem.h"
#include "im/filter_impl.h"

/* Code points that belong to words of an alphabet: letters, digits, and marks upon them. */
static bool is_word_char(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0xc0, 0xd6},     {0xd8, 0xf6},   {0xf8, 0x2af},  /* Latin */
        {0x300, 0x36f},                                   /* combining marks */
        {0x370, 0x37d},   {0x37f, 0x386}, {0x388, 0x3ff}, /* Greek */
        {0x400, 0x52f},                                   /* Cyrillic */
        {0x1e00, 0x1fff},                                 /* Latin and Greek, further */
    };

    if (c < 0x80)
        return mn_filter_is_ascii_word((unsigned char)c);
    for (size_t i = 0; i < MN_ARRAY_LEN(ranges); i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

bool mn_filter_word_at_start(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;

    if (n == 0)
        return false;
    if (u[0] < 0x80)
        return mn_filter_is_ascii_word(u[0]);
    if (u[0] < 0xe0)
        return n >= 2 && is_word_char((u[0] & 0x1fu) << 6 | (u[1] & 0x3fu));
    if (u[0] < 0xf0)
        return n >= 3 && is_word_char((u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu));
    return false;
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

/* ---- the automaton ---- */

/* The state after `s` (not the root) and the byte `c`; 0 means: ask the root. */
MN_HOT static inline uint32_t step(const struct mn_filter *f, uint32_t s, unsigned char c)
{
    unsigned char folded = mn_filter_fold(c);

    do {
        uint32_t first = f->child[s], end = f->child[s + 1];
        while (end - first > 8) { /* few states have so many children: halve, then walk */
            uint32_t middle = first + (end - first) / 2;
            if (f->label[middle] <= folded)
                first = middle;
            else
                end = middle;
        }
        for (; first < end; first++)
            if (f->label[first] == folded)
                return first;
        s = f->fail[s];
    } while (s != 0);
    return 0;
}

/* The longest entry of the chain that may end at `end`, its rank + 1. */
static uint32_t first_allowed(const struct mn_filter *f, struct mn_str in, size_t end,
                              uint32_t rank1)
{
    for (; rank1; rank1 = f->shorter[rank1 - 1]) {
        size_t start = end - f->entry_bytes[rank1 - 1];
        if (!f->is_word[rank1 - 1] || (!mn_filter_word_at_start(in.p + end, in.n - end) &&
                                       !mn_filter_word_at_end(in.p, start)))
            return rank1;
    }
    return 0;
}

/* ---- candidates: a heap of (rank, end), the least on top ---- */

static uint64_t candidate(uint32_t rank1, size_t end)
{
    return (uint64_t)(rank1 - 1) << 32 | (uint32_t)end;
}

static void sift_down(uint64_t *heap, size_t n, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && heap[child + 1] < heap[child])
            child++;
        if (heap[i] <= heap[child])
            return;
        uint64_t t = heap[i];
        heap[i] = heap[child];
        heap[child] = t;
    }
}

/* One candidate for each place where an allowed entry ends; usually none, then `list` stays empty. */
static enum mn_err find_candidates(const struct mn_filter *f, struct mn_str in, struct mn_buf *list)
{
    const unsigned char *p = (const unsigned char *)in.p;
    uint32_t s = 0;
    enum mn_err err = MN_OK;

    for (size_t i = 0; i < in.n && !err; i++) {
        if (s != 0)
            s = step(f, s, p[i]);
        if (s == 0)
            s = f->root[i > 0 && mn_filter_is_ascii_word(p[i - 1])][p[i]];
        if (MN_UNLIKELY(f->out[s])) {
            uint32_t rank1 = first_allowed(f, in, i + 1, f->out[s]);
            if (rank1) {
                uint64_t item = candidate(rank1, i + 1);
                err = mn_buf_add(list, &item, sizeof item);
            }
        }
    }
    return err;
}

enum { FREE = 0, FIRST, REST }; /* of a match */

/* Marks the accepted matches in `marks`, one byte for each byte of the text. */
static void accept_matches(const struct mn_filter *f, struct mn_str in, uint64_t *heap, size_t n,
                           unsigned char *marks)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(heap, n, i);
    while (n > 0) {
        uint32_t rank = (uint32_t)(heap[0] >> 32), rank1;
        size_t end = (uint32_t)heap[0], start = end - f->entry_bytes[rank];
        /*
         * What was accepted before is no shorter in UTF-16 units, but may be
         * in bytes, and then lie inside: so every byte is looked at.
         */
        bool taken = false;
        for (size_t i = start; i < end && !taken; i++)
            taken = marks[i] != FREE;
        if (!taken) {
            memset(marks + start, REST, end - start);
            marks[start] = FIRST;
        }
        rank1 = taken ? first_allowed(f, in, end, f->shorter[rank]) : 0;
        heap[0] = rank1 ? candidate(rank1, end) : heap[--n];
        sift_down(heap, n, 0);
    }
}

static enum mn_err add_masked(struct mn_str in, const unsigned char *marks, struct mn_buf *out)
{
    enum mn_err err = MN_OK;

    for (size_t i = 0; i < in.n && !err;) {
        size_t start = i;
        if (marks[i] == FREE) {
            while (i < in.n && marks[i] == FREE)
                i++;
            err = mn_buf_add(out, in.p + start, i - start);
        } else {
            i++;
            while (i < in.n && marks[i] == REST)
                i++;
            err = mn_buf_add(out, "***", 3);
        }
    }
    return err;
}

enum mn_err mn_filter_apply(const struct mn_filter *filter, struct mn_str in, struct mn_buf *out,
                            bool *ret_changed)
{
    struct mn_buf list;
    unsigned char *marks = NULL;
    size_t before = out->n;

    if (in.n > UINT32_MAX)
        return MN_ELIMIT;
    mn_buf_init(&list, in.n > SIZE_MAX / 8 ? SIZE_MAX : in.n * sizeof(uint64_t));
    enum mn_err err = find_candidates(filter, in, &list);
    if (err || list.n == 0)
        goto done;
    marks = mn_try_alloc(in.n);
    if (!marks) {
        err = MN_ENOMEM;
        goto done;
    }
    memset(marks, FREE, in.n);
    accept_matches(filter, in, (uint64_t *)(void *)list.p, list.n / sizeof(uint64_t), marks);
    err = add_masked(in, marks, out);
done:
    if (!err)
        *ret_changed = list.n > 0;
    else
        out->n = before; /* whole or not at all */
    mn_buf_deinit(&list);
    mn_free(marks);
    return err;
}

size_t mn_filter_count(const struct mn_filter *filter) { return filter->entry_count; }
