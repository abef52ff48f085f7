/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text filter: the input is a list, a NUL, and a text.  What the filter
 * does to the text is what the entries do one after the other, found by
 * plain comparison.
 */
#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "im/text/filter.h"
#include "im/text/filter_impl.h"

enum { ENTRIES_MAX = 64, INPUT_MAX = 2048 };

struct words {
    struct mn_str word[ENTRIES_MAX];
    size_t count;
};

/* The list as the header describes it: trimmed, no comments, no duplicates; false if there are too many. */
static bool split(struct mn_str list, struct words *words)
{
    if (list.n >= 3 && memcmp(list.p, "\xef\xbb\xbf", 3) == 0)
        list = mn_str_make(list.p + 3, list.n - 3);
    while (list.n > 0) {
        const char *end = memchr(list.p, '\n', list.n);
        size_t n = end != NULL ? (size_t)(end - list.p) : list.n;
        struct mn_str word = mn_str_trim(mn_str_make(list.p, n));
        bool known = word.n == 0 || word.p[0] == '#';
        for (size_t i = 0; i < words->count && !known; i++)
            known = mn_str_eq_nocase(words->word[i], word);
        if (!known) {
            if (words->count == ENTRIES_MAX)
                return false;
            words->word[words->count++] = word;
        }
        n += end != NULL;
        list = mn_str_make(list.p + n, list.n - n);
    }
    return true;
}

static bool is_whole_word(struct mn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && !mn_filter_word_at_start(s.p + i, s.n - i))
            return false;
    return true;
}

static unsigned folded(char c)
{
    unsigned char u = mn_filter_fold((unsigned char)c);

    return u == 0xee || u == 0xef ? u + 0x10u : u; /* surrogates come first, see filter_build.c */
}

static int by_rank(const void *a, const void *b)
{
    const struct mn_str *x = a, *y = b;
    size_t nx = mn_utf8_utf16_len(*x), ny = mn_utf8_utf16_len(*y);

    if (nx != ny)
        return nx > ny ? -1 : 1;
    for (size_t i = 0; i < x->n && i < y->n; i++)
        if (folded(x->p[i]) != folded(y->p[i]))
            return folded(x->p[i]) < folded(y->p[i]) ? -1 : 1;
    return 0;
}

static bool matches(struct mn_str text, size_t at, struct mn_str word, const char *marks)
{
    if (word.n > text.n - at || !mn_str_eq_nocase(mn_str_make(text.p + at, word.n), word))
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (marks[at + i] != 0)
            return false;
    if (mn_filter_joins(text.p + at + word.n, text.n - at - word.n))
        return false;
    return !is_whole_word(word) ||
           (!mn_filter_word_at_start(text.p + at + word.n, text.n - at - word.n) &&
            !mn_filter_word_at_end(text.p, at));
}

static void naive(struct words *words, struct mn_str text, struct mn_buf *out)
{
    char *marks = mn_alloc(text.n + 1);

    if (words->count > 1)
        qsort(words->word, words->count, sizeof words->word[0], by_rank);
    for (size_t w = 0; w < words->count; w++)
        for (size_t at = 0; at < text.n; at++)
            if (matches(text, at, words->word[w], marks)) {
                memset(marks + at, 2, words->word[w].n);
                marks[at] = 1;
            }
    for (size_t i = 0; i < text.n; i++) {
        if (marks[i] == 0)
            mn_buf_add_char(out, text.p[i]);
        else if (marks[i] == 1)
            mn_buf_add_z(out, "***");
    }
    mn_free(marks);
}

static void compare(const struct mn_filter *filter, struct words *words, struct mn_str text)
{
    struct mn_buf want, got;
    bool changed = false;

    mn_buf_init(&want, 4 * INPUT_MAX);
    mn_buf_init(&got, 4 * INPUT_MAX);
    naive(words, text, &want);
    FUZZ_CHECK(mn_filter_apply(filter, text, &got, &changed) == MN_OK);
    FUZZ_CHECK(changed || got.n == 0);
    FUZZ_CHECK(mn_str_eq(changed ? mn_buf_str(&got) : text, mn_buf_str(&want)));
    mn_buf_deinit(&want);
    mn_buf_deinit(&got);
}

/* Comments and what is no UTF-8 are not looked at closely: they only make fewer inputs plain. */
static bool is_plain(struct mn_str text)
{
    return mn_utf8_valid(text.p, text.n) && mn_filter_is_folded(text);
}

/* What is left is valid, and no longer than every character masked. */
static void survive(const struct mn_filter *filter, struct mn_str text)
{
    struct mn_buf got;
    bool changed = false;

    mn_buf_init(&got, 4 * INPUT_MAX);
    FUZZ_CHECK(mn_filter_apply(filter, text, &got, &changed) == MN_OK);
    FUZZ_CHECK(changed || got.n == 0);
    FUZZ_CHECK(mn_utf8_valid(got.p, got.n));
    mn_buf_deinit(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 && size <= INPUT_MAX ? memchr(data, 0, size) : NULL;
    size_t list_n = nul != NULL ? (size_t)(nul - data) : size;
    struct words words = {.count = 0};
    struct mn_filter *filter = NULL;
    struct mn_buf why;
    enum mn_err err;

    if (size > INPUT_MAX)
        return 0;
    char *list = fuzz_copy(data, list_n);
    char *text = fuzz_copy(nul != NULL ? nul + 1 : data, nul != NULL ? size - list_n - 1 : 0);
    struct mn_str in = {text, nul != NULL ? size - list_n - 1 : 0};
    mn_buf_init(&why, 1000);
    err = mn_filter_parse(mn_str_make(list, list_n), "f", &filter, &why);
    FUZZ_CHECK(err == MN_OK || err == MN_EINVAL || err == MN_ELIMIT);
    FUZZ_CHECK((err == MN_OK) == (filter != NULL) && (err == MN_OK) == (why.n == 0));
    if (err == MN_OK && mn_utf8_valid(in.p, in.n) && split(mn_str_make(list, list_n), &words)) {
        bool plain = is_plain(mn_str_make(list, list_n));
        FUZZ_CHECK(plain ? mn_filter_count(filter) == words.count
                         : mn_filter_count(filter) <= words.count);
        if (plain && is_plain(in))
            compare(filter, &words, in);
        else
            survive(filter, in);
    }
    mn_filter_free(filter);
    mn_buf_deinit(&why);
    mn_free(list);
    mn_free(text);
    return 0;
}
