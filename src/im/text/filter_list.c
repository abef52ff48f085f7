/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a list of words to its entries: the file, its lines, its ceilings.
 * Runs at start and at a reload, never for a message.  Silent: what is wrong
 * goes to the caller's `why`.
 */
#include "im/text/filter.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "im/text/filter_impl.h"

enum {
    FILE_MAX_BYTES = 4 * 1024 * 1024,
    FOLDED_MAX_BYTES = 3 * FILE_MAX_BYTES /* decomposed text is longer */
};

/*
 * Mild on purpose: words that are rude in nearly every context, and no
 * others.  Who needs more names a file of his own.
 */
static const char builtin[] = "asshole\n"
                              "bitch\n"
                              "bullshit\n"
                              "cunt\n"
                              "fuck\n"
                              "fucked\n"
                              "fucker\n"
                              "fucking\n"
                              "motherfucker\n"
                              "shit\n"
                              "\xe5\x82\xbb\xe9\x80\xbc\n"             /* sha bi */
                              "\xe4\xbb\x96\xe5\xa6\x88\xe7\x9a\x84\n" /* ta ma de */
                              "\xe6\x93\x8d\xe4\xbd\xa0\xe5\xa6\x88\n" /* cao ni ma */
                              "\xe7\x8e\x8b\xe5\x85\xab\xe8\x9b\x8b\n" /* wang ba dan */
                              "\xe5\xa6\x88\xe9\x80\xbc\n" /* ma bi */;

struct mn_filter *mn_filter_new_builtin(void)
{
    struct mn_filter *filter = NULL;
    struct mn_buf why;

    mn_buf_init(&why, 256);
    enum mn_err err = mn_filter_parse(MN_STR(builtin), "built-in list", &filter, &why);
    MN_BUG_ON(err); /* the text is ours, and small */
    mn_buf_deinit(&why);
    return filter;
}

static enum mn_err check_entry(struct mn_str word, size_t count, const char *name, unsigned line,
                               struct mn_buf *why)
{
    if (!mn_utf8_valid(word.p, word.n)) {
        mn_buf_addf(why, "%s:%u: not UTF-8", name, line);
        return MN_EINVAL;
    }
    if (word.n > MN_FILTER_ENTRY_MAX) {
        mn_buf_addf(why, "%s:%u: entry of %zu bytes, expected at most %d", name, line, word.n,
                    MN_FILTER_ENTRY_MAX);
        return MN_ELIMIT;
    }
    if (count >= MN_FILTER_ENTRIES_MAX) {
        mn_buf_addf(why, "%s:%u: more than %d entries", name, line, MN_FILTER_ENTRIES_MAX);
        return MN_ELIMIT;
    }
    return MN_OK;
}

/* Cuts the next line off `text`. */
static struct mn_str take_line(struct mn_str *text)
{
    const char *end = memchr(text->p, '\n', text->n);
    struct mn_str line = {text->p, end ? (size_t)(end - text->p) : text->n};
    size_t used = line.n + (end != NULL);

    text->p += used;
    text->n -= used;
    return line;
}

/* Appends an entry; its `p` is set by locate(), when `folded` does not move any more. */
static enum mn_err add_entry(struct mn_str word, struct mn_buf *list, struct mn_buf *folded)
{
    size_t before = folded->n;
    enum mn_err err = mn_filter_fold_text(word, folded, NULL);
    struct mn_filter_entry entry = {
        .n = (uint32_t)(folded->n - before),
        .utf16_len = (uint32_t)mn_utf8_utf16_len(word),
        .raw = word,
    };

    return err ? err : mn_buf_add(list, &entry, sizeof entry);
}

static void locate(struct mn_filter_entry *entries, size_t count, const char *folded)
{
    for (size_t i = 0; i < count; i++) {
        entries[i].p = folded;
        folded += entries[i].n;
    }
}

/*
 * Appends the entries of `text` to `list`, an array of struct mn_filter_entry,
 * and their folded forms to `folded`, one behind the other.
 */
static enum mn_err collect(struct mn_str text, const char *name, struct mn_buf *list,
                           struct mn_buf *folded, struct mn_buf *why)
{
    unsigned line_no = 0;

    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) { /* some editors' mark */
        text.p += 3;
        text.n -= 3;
    }
    while (text.n > 0) {
        struct mn_str word = mn_str_trim(take_line(&text));
        line_no++;
        if (word.n == 0 || word.p[0] == '#')
            continue;
        enum mn_err err = check_entry(word, list->n / sizeof(struct mn_filter_entry), name, line_no,
                                      why);
        if (err)
            return err;
        err = add_entry(word, list, folded);
        if (err)
            return err;
    }
    return MN_OK;
}

enum mn_err mn_filter_parse(struct mn_str text, const char *name, struct mn_filter **ret,
                            struct mn_buf *why)
{
    struct mn_buf list, folded;
    enum mn_err err;

    if (text.n > FILE_MAX_BYTES) {
        mn_buf_addf(why, "%s: larger than %d MiB", name, FILE_MAX_BYTES / 1024 / 1024);
        return MN_ELIMIT;
    }
    mn_buf_init(&list, MN_FILTER_ENTRIES_MAX * sizeof(struct mn_filter_entry));
    mn_buf_init(&folded, FOLDED_MAX_BYTES);
    err = collect(text, name, &list, &folded, why);
    if (err)
        goto out;
    struct mn_filter_entry *entries = (struct mn_filter_entry *)(void *)list.p;
    size_t count = list.n / sizeof *entries;
    locate(entries, count, folded.p);
    struct mn_filter *filter = mn_filter_build(entries, count);
    if (filter)
        *ret = filter;
    else
        err = MN_ENOMEM;
out:
    if (err == MN_ENOMEM)
        mn_buf_addf(why, "%s: %s", name, mn_err_text(err));
    mn_buf_deinit(&list);
    mn_buf_deinit(&folded);
    return err;
}

enum mn_err mn_filter_load(const char *path, struct mn_filter **ret, struct mn_buf *why)
{
    struct mn_buf text;

    mn_buf_init(&text, FILE_MAX_BYTES);
    enum mn_err err = mn_file_read(path, FILE_MAX_BYTES, &text, why);
    if (!err)
        err = mn_filter_parse(mn_buf_str(&text), path, ret, why);
    mn_buf_deinit(&text);
    return err;
}
