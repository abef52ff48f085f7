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
#include "im/text/filter.h"

#include "base/mem.h"
#include "im/text/filter_impl.h"

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

/* Between two parts of what is one character in the text as it came. */
static bool is_inside(const struct mn_filter_text *in, size_t at)
{
    return in->from && at > 0 && at < in->n && in->from[at - 1] == in->from[at];
}

/* The longest entry of the chain that may end at `end`, its rank + 1. */
static uint32_t first_allowed(const struct mn_filter *f, const struct mn_filter_text *in,
                              size_t end, uint32_t rank1)
{
    if (is_inside(in, end) || mn_filter_joins(in->p + end, in->n - end))
        return 0;
    for (; rank1; rank1 = f->shorter[rank1 - 1]) {
        size_t start = end - f->entry_bytes[rank1 - 1];
        if (is_inside(in, start))
            continue;
        if (!f->is_word[rank1 - 1] || (!mn_filter_word_at_start(in->p + end, in->n - end) &&
                                       !mn_filter_word_at_end(in->p, start)))
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

/* The first byte from `i` on where an entry may begin; the last one is not looked at. */
MN_HOT static inline size_t next_begin(const struct mn_filter *f, const struct mn_filter_text *in,
                                       size_t i)
{
    const unsigned char *p = (const unsigned char *)in->p;

    while (i + 1 < in->n && !f->pairs[mn_filter_pair(p + i)])
        i++;
    return i;
}

/* One candidate for each place where an allowed entry ends; usually none, then `list` stays empty. */
static enum mn_err find_candidates(const struct mn_filter *f, const struct mn_filter_text *in,
                                   struct mn_buf *list)
{
    const unsigned char *p = (const unsigned char *)in->p;
    uint32_t s = 0;
    enum mn_err err = MN_OK;

    for (size_t i = 0; i < in->n && !err; i++) {
        if (s == 0)
            i = next_begin(f, in, i);
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
static void accept_matches(const struct mn_filter *f, const struct mn_filter_text *in,
                           uint64_t *heap, size_t n, unsigned char *marks)
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

/* The marks of a folded text, on the text as it came: whole characters. */
static void unfold_marks(const struct mn_filter_text *in, const unsigned char *folded,
                         struct mn_str source, unsigned char *marks)
{
    for (size_t i = 0; i < in->n; i++) {
        size_t at = in->from[i];
        if (folded[i] == FREE || marks[at] == FIRST)
            continue;
        marks[at] = folded[i];
        for (at++; at < source.n && ((unsigned char)source.p[at] & 0xc0) == 0x80; at++)
            marks[at] = REST;
    }
}

static enum mn_err mask(const struct mn_filter *filter, const struct mn_filter_text *in,
                        struct mn_str source, struct mn_buf *list, struct mn_buf *out)
{
    /* Two sets of marks behind each other: of the folded text, and of the source. */
    unsigned char *marks = mn_try_alloc(in->n + source.n);

    if (!marks)
        return MN_ENOMEM;
    memset(marks, FREE, in->n + source.n);
    accept_matches(filter, in, (uint64_t *)(void *)list->p, list->n / sizeof(uint64_t), marks);
    if (in->from)
        unfold_marks(in, marks, source, marks + in->n);
    enum mn_err err = add_masked(source, in->from ? marks + in->n : marks, out);
    mn_free(marks);
    return err;
}

static enum mn_err apply(const struct mn_filter *filter, const struct mn_filter_text *in,
                         struct mn_str source, struct mn_buf *out, bool *ret_changed)
{
    struct mn_buf list;
    size_t before = out->n;

    mn_buf_init(&list, in->n > SIZE_MAX / 8 ? SIZE_MAX : in->n * sizeof(uint64_t));
    enum mn_err err = find_candidates(filter, in, &list);
    if (!err && list.n > 0)
        err = mask(filter, in, source, &list, out);
    if (!err)
        *ret_changed = list.n > 0;
    else
        out->n = before; /* whole or not at all */
    mn_buf_deinit(&list);
    return err;
}

enum mn_err mn_filter_apply(const struct mn_filter *filter, struct mn_str in, struct mn_buf *out,
                            bool *ret_changed)
{
    struct mn_buf text, from;

    if (in.n > UINT32_MAX)
        return MN_ELIMIT;
    if (mn_filter_is_folded(in))
        return apply(filter, &(struct mn_filter_text){in.p, in.n, NULL}, in, out, ret_changed);
    mn_buf_init(&text, SIZE_MAX / 2);
    mn_buf_init(&from, SIZE_MAX / 2);
    enum mn_err err = mn_filter_fold_text(in, &text, &from);
    const struct mn_filter_text folded = {text.p, text.n, (const uint32_t *)(void *)from.p};
    if (!err)
        err = apply(filter, &folded, in, out, ret_changed);
    mn_buf_deinit(&text);
    mn_buf_deinit(&from);
    return err;
}

size_t mn_filter_count(const struct mn_filter *filter) { return filter->entry_count; }
