/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From entries to the automaton.  The entries are sorted first: each state
 * then stands for a range of them that share a prefix, and the states come
 * out breadth first without a tree of nodes in between.  Silent; everything
 * that is allocated here is bounded by the ceilings of the list.
 */
#include "im/text/filter_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What a state needs only while the automaton is made. */
struct range {
    uint32_t first, end; /* entries that begin with the state's text */
    uint32_t depth;
};

static int by_text(const void *a, const void *b)
{
    const struct mn_filter_entry *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

    return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* UTF-8 bytes order code points; in UTF-16 the surrogates (F0..F4) come before U+E000 (EE, EF). */
static unsigned utf16_order(char byte)
{
    unsigned c = mn_filter_fold((unsigned char)byte);

    return c >= 0xee && c <= 0xef ? c + 0x10 : c;
}

/* Longest first, ties in code-unit order (W-12). */
static int by_rank(const void *a, const void *b)
{
    const struct mn_filter_entry *x = *(const struct mn_filter_entry *const *)a;
    const struct mn_filter_entry *y = *(const struct mn_filter_entry *const *)b;

    if (x->utf16_len != y->utf16_len)
        return x->utf16_len > y->utf16_len ? -1 : 1;
    for (size_t i = 0; i < x->raw.n && i < y->raw.n; i++) {
        unsigned a_order = utf16_order(x->raw.p[i]), b_order = utf16_order(y->raw.p[i]);
        if (a_order != b_order)
            return a_order < b_order ? -1 : 1;
    }
    return 0; /* not reached: of equal length and different */
}

static size_t sort_unique(struct mn_filter_entry *entries, size_t count)
{
    size_t n = 0;

    if (count > 1)
        qsort(entries, count, sizeof *entries, by_text);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || by_text(&entries[n - 1], &entries[i]) != 0)
            entries[n++] = entries[i];
    return n;
}

static bool rank(struct mn_filter_entry *entries, size_t count)
{
    struct mn_filter_entry **order = mn_try_realloc_array(NULL, count, sizeof *order);

    if (!order)
        return false;
    for (size_t i = 0; i < count; i++)
        order[i] = &entries[i];
    if (count > 1)
        qsort(order, count, sizeof *order, by_rank);
    for (size_t i = 0; i < count; i++)
        order[i]->rank = (uint32_t)i;
    mn_free(order);
    return true;
}

/* The root, and one state for each byte that an entry does not share with the one before. */
static uint32_t count_states(const struct mn_filter_entry *entries, size_t count)
{
    uint32_t states = 1;

    for (size_t i = 0; i < count; i++) {
        uint32_t shared = 0;
        if (i > 0)
            while (shared < entries[i].n && shared < entries[i - 1].n &&
                   entries[i].p[shared] == entries[i - 1].p[shared])
                shared++;
        states += entries[i].n - shared;
    }
    return states;
}

static bool is_word(struct mn_str s)
{
    while (s.n > 0) {
        if (!mn_filter_word_at_start(s.p, s.n))
            return false;
        do {
            s.p++;
            s.n--;
        } while (s.n > 0 && ((unsigned char)*s.p & 0xc0) == 0x80);
    }
    return true;
}

static bool allocate(struct mn_filter *f)
{
    size_t states = f->state_count, entries = f->entry_count;

    f->child = mn_try_realloc_array(NULL, states + 1, sizeof *f->child);
    f->fail = mn_try_realloc_array(NULL, states, sizeof *f->fail);
    f->out = mn_try_realloc_array(NULL, states, sizeof *f->out);
    f->label = mn_try_realloc_array(NULL, states, sizeof *f->label);
    f->shorter = mn_try_realloc_array(NULL, entries, sizeof *f->shorter);
    f->entry_bytes = mn_try_realloc_array(NULL, entries, sizeof *f->entry_bytes);
    f->is_word = mn_try_realloc_array(NULL, entries, sizeof *f->is_word);
    return f->child && f->fail && f->out && f->label && f->shorter && f->entry_bytes && f->is_word;
}

/* Children of every state, and out[] for the states that are an entry themselves. */
static void fill_children(struct mn_filter *f, const struct mn_filter_entry *entries,
                          struct range *ranges)
{
    uint32_t filled = 1;

    ranges[0] = (struct range){0, f->entry_count, 0};
    f->label[0] = 0;
    for (uint32_t s = 0; s < f->state_count; s++) {
        uint32_t i = ranges[s].first, depth = ranges[s].depth;
        f->child[s] = filled;
        f->out[s] = 0;
        if (i < ranges[s].end && entries[i].n == depth) /* sorted: the shortest is first */
            f->out[s] = entries[i++].rank + 1;
        while (i < ranges[s].end) {
            uint32_t first = i;
            char c = entries[i].p[depth];
            while (i < ranges[s].end && entries[i].p[depth] == c)
                i++;
            ranges[filled] = (struct range){first, i, depth + 1};
            f->label[filled++] = (unsigned char)c;
        }
    }
    f->child[f->state_count] = filled;
    MN_BUG_ON(filled != f->state_count);
}

static uint32_t child_of(const struct mn_filter *f, uint32_t state, unsigned char c)
{
    for (uint32_t s = f->child[state]; s < f->child[state + 1]; s++)
        if (f->label[s] == c)
            return s;
    return 0;
}

/* Breadth first: what a state fails to is shallower, and complete by then. */
static void fill_fails(struct mn_filter *f)
{
    f->fail[0] = 0;
    for (uint32_t parent = 0; parent < f->state_count; parent++) {
        for (uint32_t s = f->child[parent]; s < f->child[parent + 1]; s++) {
            uint32_t suffix = parent, target = 0;
            while (suffix != 0 && target == 0) {
                suffix = f->fail[suffix];
                target = child_of(f, suffix, f->label[s]);
            }
            f->fail[s] = target;
            if (f->out[s])
                f->shorter[f->out[s] - 1] = f->out[target];
            else
                f->out[s] = f->out[target];
        }
    }
}

static void fill_root(struct mn_filter *f, const struct mn_filter_entry *entries)
{
    for (uint32_t s = f->child[0]; s < f->child[1]; s++)
        f->root[0][f->label[s]] = s;
    for (uint32_t i = 0; i < f->entry_count; i++) {
        unsigned char c = (unsigned char)entries[i].p[0];
        if (!f->is_word[entries[i].rank])
            f->root[1][c] = f->root[0][c];
    }
    for (unsigned c = 'A'; c <= 'Z'; c++) { /* so that the scan need not fold at the root */
        f->root[0][c] = f->root[0][c | 0x20];
        f->root[1][c] = f->root[1][c | 0x20];
    }
}

/* The pairs whose folded form an entry begins with; an entry of one byte begins with any. */
static void fill_pairs(struct mn_filter *f)
{
    for (unsigned first = 0; first < 256; first++) {
        uint32_t s = f->root[0][first];
        for (unsigned second = 0; s != 0 && second < 256; second++) {
            const unsigned char pair[] = {(unsigned char)first, (unsigned char)second};
            f->pairs[mn_filter_pair(pair)] = f->out[s] || child_of(f, s, mn_filter_fold(pair[1]));
        }
    }
}

struct mn_filter *mn_filter_build(struct mn_filter_entry *entries, size_t count)
{
    struct mn_filter *f = mn_new(struct mn_filter);
    struct range *ranges = NULL;

    count = sort_unique(entries, count);
    f->entry_count = (uint32_t)count;
    f->state_count = count_states(entries, count);
    ranges = mn_try_realloc_array(NULL, f->state_count, sizeof *ranges);
    if (!ranges || !allocate(f) || !rank(entries, count)) {
        mn_free(ranges);
        mn_filter_free(f);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        f->entry_bytes[entries[i].rank] = (uint16_t)entries[i].n;
        f->is_word[entries[i].rank] = is_word(mn_str_make(entries[i].p, entries[i].n));
    }
    fill_children(f, entries, ranges);
    fill_fails(f);
    fill_root(f, entries);
    fill_pairs(f);
    mn_free(ranges);
    return f;
}

void mn_filter_free(struct mn_filter *f)
{
    if (!f)
        return;
    mn_free(f->child);
    mn_free(f->fail);
    mn_free(f->out);
    mn_free(f->label);
    mn_free(f->shorter);
    mn_free(f->entry_bytes);
    mn_free(f->is_word);
    mn_free(f);
}
