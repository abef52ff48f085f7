/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/im/tests.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "im/text/filter.h"
#include "support/torture.h"

#define ENTRIES_MAX 64

static struct mn_filter *filter_of(const char *list)
{
    struct mn_filter *filter = NULL;
    struct mn_buf why;

    mn_buf_init(&why, 1000);
    assert_int_equal(mn_filter_parse(mn_str_c(list), "list", &filter, &why), MN_OK);
    assert_int_equal(why.n, 0);
    mn_buf_deinit(&why);
    return filter;
}

static void assert_filters(const struct mn_filter *filter, const char *in, const char *want)
{
    struct mn_buf out;
    bool changed = true;

    mn_buf_init(&out, 10000);
    assert_int_equal(mn_filter_apply(filter, mn_str_c(in), &out, &changed), MN_OK);
    if (strcmp(in, want) == 0) {
        assert_false(changed);
        assert_null(out.p); /* not even allocated */
    } else {
        assert_true(changed);
        mn_buf_add_char(&out, '\0');
        assert_string_equal(out.p, want);
    }
    mn_buf_deinit(&out);
}

static void words_match_whole_and_in_either_case(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"bad", "***"},
        {"a bad word", "a *** word"},
        {"bad bad,bad.", "*** ***,***."},
        {"badly", "badly"},
        {"abad", "abad"},
        {"bad1", "bad1"},
        {"1bad", "1bad"},
        {"BAD Bad bAd", "*** *** ***"},
        {"_bad_ (bad) bad's", "_***_ (***) ***'s"},
        /* letters of an alphabet beside it: part of the word */
        {"bad\xc3\xa9", "bad\xc3\xa9"},
        {"\xc3\xa9"
         "bad",
         "\xc3\xa9"
         "bad"},
        {"bad\xd0\xb6", "bad\xd0\xb6"},
        {"bad\xcc\x81", "bad\xcc\x81"},
        {"bad\xe1\xba\xa1", "bad\xe1\xba\xa1"},
        /* anything else is not */
        {"\xe4\xbd\xa0"
         "bad\xe5\xa5\xbd",
         "\xe4\xbd\xa0***\xe5\xa5\xbd"},
        {"bad\xc3\x97"
         "bad",
         "***\xc3\x97***"},
        {"\xf0\x9f\x98\x80"
         "bad\xf0\x9f\x98\x80",
         "\xf0\x9f\x98\x80***\xf0\x9f\x98\x80"},
        {"stra\xc3\x9f"
         "e",
         "***"},
        {"stra\xc3\x9f"
         "en",
         "stra\xc3\x9f"
         "en"},
        {"STRA\xc3\x9f"
         "E",
         "***"},
        {"x2 x22 x", "*** x22 x"},
        {"class message nice", "class message nice"},
    };
    struct mn_filter *filter = filter_of("bad\nX2\nStra\xc3\x9f"
                                         "e\nass\nss\nice");

    (void)state;
    assert_int_equal(mn_filter_count(filter), 6);
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_filters(filter, cases[i][0], cases[i][1]);
    mn_filter_free(filter);
}

static void other_entries_match_anywhere(void **state)
{
    struct mn_filter *filter = filter_of(
        "\xe6\x95\x8f\xe6\x84\x9f\nQQ\xe7\xbe\xa4\na-b\nc++\n\xf0\x9f\x92\xa9");

    (void)state;
    assert_filters(filter, "\xe5\xbe\x88\xe6\x95\x8f\xe6\x84\x9f\xe7\x9a\x84",
                   "\xe5\xbe\x88***\xe7\x9a\x84");
    assert_filters(filter,
                   "qq\xe7\xbe\xa4"
                   "12",
                   "***12");
    assert_filters(filter, "xa-bx", "x***x");
    assert_filters(filter, "C++11", "***11");
    assert_filters(filter, "a\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9", "a******");
    assert_filters(filter, "\xe6\x95\x8f \xe6\x84\x9f", "\xe6\x95\x8f \xe6\x84\x9f");
    mn_filter_free(filter);
}

static void the_longest_wins(void **state)
{
    /* minor words of which one contains, precedes or overlaps another; '-' makes them match anywhere */
    struct mn_filter *filter = filter_of("-a\n-ab\n-abc\nb-\nc-d-e\nd-e-f-g\nx-\nx-y\ny-z-");

    (void)state;
    assert_filters(filter, "-abc", "***");
    assert_filters(filter, "-abd", "***d");
    assert_filters(filter, "-a-ab", "******");
    assert_filters(filter, "-ab-", "***-");       /* "-ab" before "b-" */
    assert_filters(filter, "c-d-e-f-g", "c-***"); /* the later but longer one */
    assert_filters(filter, "c-d-e-f", "***-f");
    assert_filters(filter, "x-y-z-", "******"); /* "x-" in the place of "x-y" */
    mn_filter_free(filter);
    /* When the longest has to give way, the next shorter one at its end gets its turn. */
    filter = filter_of("\xe7\x94\xb2\xe4\xb9\x99\xe4\xb8\x99\xe4\xb8\x81\n"
                       "\xe4\xb8\x99\xe4\xb8\x81\xe6\x88\x8a\n\xe6\x88\x8a");
    assert_filters(filter, "\xe7\x94\xb2\xe4\xb9\x99\xe4\xb8\x99\xe4\xb8\x81\xe6\x88\x8a",
                   "******");
    mn_filter_free(filter);
    /* A longer one in UTF-16 units may be shorter in bytes. */
    filter = filter_of("\xe4\xb8\x80"
                       "--\xe4\xba\x8c\n--\xe4\xba\x8c\n\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80");
    assert_filters(filter, "\xe4\xb8\x80\xe4\xb8\x80\xe4\xb8\x80--\xe4\xba\x8c",
                   "\xe4\xb8\x80\xe4\xb8\x80***");
    mn_filter_free(filter);
}

static void case_and_form_make_no_difference(void **state)
{
    static const char *const cases[][2] = {
        {"\xd0\xb4\xd1\x83\xd1\x80\xd0\xb0\xd0\xba", "***"},
        {"\xd0\x94\xd0\xa3\xd0\xa0\xd0\x90\xd0\x9a", "***"}, /* capitals */
        {"\xd0\x94\xd1\x83\xd1\x80\xd0\xb0\xd0\xba!", "***!"},
        {"\xd0\xb4\xd1\x83\xd1\x80\xd0\xb0\xd0\xba\xd0\xb8",
         "\xd0\xb4\xd1\x83\xd1\x80\xd0\xb0\xd0\xba\xd0\xb8"}, /* longer */
        {"caf\xc3\xa9", "***"},
        {"cafe\xcc\x81", "***"}, /* decomposed */
        {"CAF\xc3\x89 \xc3\xa9", "*** \xc3\xa9"},
        {"CAFE\xcc\x81.", "***."},
        {"cafe", "cafe"}, /* another word */
        {"\xc3\xa9"
         "caf\xc3\xa9",
         "\xc3\xa9"
         "caf\xc3\xa9"},
        {"\xea\xb0\x80", "***"},             /* a Hangul syllable */
        {"\xe1\x84\x80\xe1\x85\xa1", "***"}, /* its letters */
        {"\xea\xb0\x81", "\xea\xb0\x81"},    /* one with more */
        {"\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"},
        {"STRASSE", "***"},                                       /* sharp s is ss */
        {"\xd4\xb1\xd5\xa2", "***"},                              /* Armenian */
        {"\xd5\xa1\xd5\xa2\xd5\xa1", "\xd5\xa1\xd5\xa2\xd5\xa1"}, /* whole words */
        {"\xf0\x90\x90\x80", "***"},                              /* Deseret, beyond the BMP */
        {"q\xcc\x87\xcc\xa3 q\xcc\xa3\xcc\x87", "*** ***"},       /* order of marks */
        {"\xce\x9f\xce\x94\xce\x9f\xce\xa3", "***"},              /* final sigma */
    };
    struct mn_filter *filter = filter_of(
        "\xd0\xb4\xd1\x83\xd1\x80\xd0\xb0\xd0\xba\ncaf\xc3\xa9\n\xea\xb0\x80\nstra\xc3\x9f"
        "e\n\xd5\xa1\xd5\xa2\n\xf0\x90\x90\xa8\nq\xcc\xa3\xcc\x87\n\xce\xbf\xce\xb4\xce\xbf\xcf\x82\n"
        "CAFE\xcc\x81");

    (void)state;
    assert_int_equal(mn_filter_count(filter), 8); /* two are one */
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_filters(filter, cases[i][0], cases[i][1]);
    mn_filter_free(filter);
}

static void masks_join_nothing(void **state)
{
    /* What a mask leaves behind is no new text: "ab" does not arise from "a(xx)b". */
    struct mn_filter *filter = filter_of("(xx)\n(a***b)\n**\nword");

    (void)state;
    assert_filters(filter, "(a(xx)b)", "(a***b)");
    assert_filters(filter, "word(xx)word", "*********");
    mn_filter_free(filter);
}

static void lists_are_trimmed_and_deduplicated(void **state)
{
    struct mn_filter *filter = filter_of(
        "\xef\xbb\xbf# comment\r\n\r\n  bad  \r\n\t# bad2\nBAD\nbad\n\nworse");

    (void)state;
    assert_int_equal(mn_filter_count(filter), 2);
    assert_filters(filter, "bad worse # comment", "*** *** # comment");
    mn_filter_free(filter);
    filter = filter_of("");
    assert_int_equal(mn_filter_count(filter), 0);
    assert_filters(filter, "bad \xe4\xbd\xa0", "bad \xe4\xbd\xa0");
    mn_filter_free(filter);
    mn_filter_free(NULL);
}

static void the_builtin_list_leaves_ordinary_text_alone(void **state)
{
    struct mn_filter *filter = mn_filter_new_builtin();

    (void)state;
    assert_in_range(mn_filter_count(filter), 10, 40);
    assert_filters(filter, "Oh shit, FUCK!", "Oh ***, ***!");
    assert_filters(filter, "\xe4\xbd\xa0\xe8\xbf\x99\xe5\x82\xbb\xe9\x80\xbc\xe5\x95\x8a",
                   "\xe4\xbd\xa0\xe8\xbf\x99***\xe5\x95\x8a");
    assert_filters(filter, "class message skill nice store Scunthorpe shitake", /* sic */
                   "class message skill nice store Scunthorpe shitake");
    mn_filter_free(filter);
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct mn_filter *filter = filter_of("bad");
    struct mn_buf out;
    bool changed = true;

    (void)state;
    for (size_t limit = 4; limit < 13; limit++) {
        mn_buf_init(&out, limit);
        mn_buf_add_z(&out, "kept");
        enum mn_err err = mn_filter_apply(filter, MN_STR("x bad y"), &out, &changed);
        assert_int_equal(err, limit < 11 ? MN_ELIMIT : MN_OK);
        assert_int_equal(out.n, limit < 11 ? 4 : 11);
        assert_memory_equal(out.p, "keptx *** y", out.n);
        mn_buf_deinit(&out);
    }
    mn_filter_free(filter);
}

/* ---- files ---- */

static void assert_refused(struct mn_str text, enum mn_err want, const char *want_why)
{
    char path[] = "/tmp/mn_filter_XXXXXX";
    int fd = mkstemp(path);
    struct mn_filter *filter = NULL;
    struct mn_buf why;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), text.n);
    close(fd);
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_filter_load(path, &filter, &why), want);
    assert_null(filter);
    mn_buf_add_char(&why, '\0');
    assert_memory_equal(why.p, path, strlen(path));
    assert_string_equal(why.p + strlen(path), want_why);
    mn_buf_deinit(&why);
    unlink(path);
}

static void bad_files_are_refused_with_their_line(void **state)
{
    size_t big = 4 * 1024 * 1024 + 1;
    char *text = mn_alloc(big + 1);
    struct mn_filter *filter = NULL;
    struct mn_buf why;

    (void)state;
    assert_refused(MN_STR("good\n\n# \xff\xff fine\nb\xc3\xa9\nb\xe9"
                          "d\n"),
                   MN_EINVAL, ":5: not UTF-8");
    memset(text, 'a', big);
    text[300] = '\n';
    assert_refused(mn_str_make(text, 400), MN_ELIMIT,
                   ":1: entry of 300 bytes, expected at most 256");
    memset(text, '\n', big);
    assert_refused(mn_str_make(text, big), MN_ELIMIT, ": larger than 4 MiB");
    mn_free(text);
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_filter_load("/nonexistent/words", &filter, &why), MN_ENOTFOUND);
    assert_true(mn_str_is(mn_buf_str(&why),
                          "/nonexistent/words: cannot be opened: No such file or directory"));
    mn_buf_reset(&why);
    assert_int_not_equal(mn_filter_load("/tmp", &filter, &why), MN_OK);
    assert_non_null(memmem(why.p, why.n, "cannot be read", 14));
    mn_buf_deinit(&why);
    assert_null(filter);
}

static void the_greatest_lists_work(void **state)
{
    struct mn_buf text, why;
    struct mn_filter *filter = NULL;

    (void)state;
    mn_buf_init(&text, 4 * 1024 * 1024);
    mn_buf_init(&why, 1000);
    for (int i = 0; i < 100000; i++)
        mn_buf_addf(&text, "w%05dx\n", i);
    assert_int_equal(mn_filter_parse(mn_buf_str(&text), "big", &filter, &why), MN_OK);
    assert_int_equal(mn_filter_count(filter), 100000);
    assert_filters(filter, "w00000x w99999x w100000x w12345y", "*** *** w100000x w12345y");
    mn_filter_free(filter);
    mn_buf_add_z(&text, "onemore\n");
    assert_int_equal(mn_filter_parse(mn_buf_str(&text), "big", &filter, &why), MN_ELIMIT);
    assert_true(mn_str_is(mn_buf_str(&why), "big:100001: more than 100000 entries"));
    mn_buf_deinit(&text);
    mn_buf_deinit(&why);
}

static void every_failed_allocation_is_reported(void **state)
{
    struct mn_filter *filter;
    struct mn_buf why, out;
    enum mn_err err;
    bool changed = false;

    (void)state;
    mn_buf_init(&why, 1000);
    for (unsigned n = 1; torture_begin(n); n++) {
        filter = NULL;
        err = mn_filter_parse(MN_STR("bad\nworse\ncaf\xc3\xa9\n"), "list", &filter, &why);
        if (!torture_end())
            break;
        /* The reason itself may be what found no memory. */
        assert_int_equal(filter == NULL, err == MN_ENOMEM);
        mn_filter_free(filter);
        mn_buf_reset(&why);
    }
    assert_int_equal(err, MN_OK);
    for (unsigned n = 1; torture_begin(n); n++) {
        mn_buf_init(&out, 1000);
        err = mn_filter_apply(filter, MN_STR("bad and wORSe caf\xc3\x89"), &out, &changed);
        bool tortured = torture_end();
        assert_int_equal(err, tortured ? MN_ENOMEM : MN_OK);
        assert_int_equal(changed, !tortured);
        assert_int_equal(out.n, tortured ? 0 : 15);
        mn_buf_deinit(&out);
        if (!tortured)
            break;
    }
    mn_filter_free(filter);
    mn_buf_deinit(&why);
}

/* ---- the oracle: one entry after the other, longest first ---- */

static bool oracle_is_word_char(const char *p, size_t n)
{
    static const char *const letters[] = {"\xc3\xa9",
                                          "\xd0\xb6"}; /* all that the random texts have */

    if (n == 0)
        return false;
    for (size_t i = 0; i < MN_ARRAY_LEN(letters); i++)
        if (n >= 2 && memcmp(p, letters[i], 2) == 0)
            return true;
    return (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z');
}

static size_t previous_len(const char *text, size_t at)
{
    size_t len = 1;

    while (len < at && ((unsigned char)text[at - len] & 0xc0) == 0x80)
        len++;
    return len;
}

static bool oracle_is_word(struct mn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && !oracle_is_word_char(s.p + i, s.n - i))
            return false;
    return true;
}

static int oracle_order(const void *a, const void *b)
{
    const struct mn_str *x = a, *y = b;
    size_t nx = mn_utf8_utf16_len(*x), ny = mn_utf8_utf16_len(*y);

    if (nx != ny)
        return nx > ny ? -1 : 1;
    /* No text here has both a surrogate and U+E000 or more: bytes order as code units do. */
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

static bool oracle_matches(struct mn_str text, size_t at, struct mn_str entry, const char *masked)
{
    if (entry.n > text.n - at || !mn_str_eq_nocase(mn_str_make(text.p + at, entry.n), entry))
        return false;
    for (size_t i = 0; i < entry.n; i++)
        if (masked[at + i])
            return false;
    if (!oracle_is_word(entry))
        return true;
    size_t end = at + entry.n, before = at ? previous_len(text.p, at) : 0;
    return !oracle_is_word_char(text.p + end, text.n - end) &&
           !(before && oracle_is_word_char(text.p + at - before, before));
}

static void oracle(struct mn_str *entries, size_t count, struct mn_str text, struct mn_buf *out)
{
    char masked[1000] = {0};

    qsort(entries, count, sizeof *entries, oracle_order);
    for (size_t e = 0; e < count; e++)
        for (size_t at = 0; at < text.n; at++)
            if (oracle_matches(text, at, entries[e], masked)) {
                memset(masked + at, 2, entries[e].n);
                masked[at] = 1;
            }
    for (size_t i = 0; i < text.n; i++) {
        if (masked[i] == 0)
            mn_buf_add_char(out, text.p[i]);
        else if (masked[i] == 1)
            mn_buf_add_z(out, "***");
    }
}

/* Text of few different characters, so that entries occur, contain each other and overlap. */
static size_t random_text(struct mn_rng *rng, char *p, size_t chars, unsigned variety)
{
    static const char *const alphabet[] = {"a",        "b", "\xe4\xbd\xa0",     "-",       "A", " ",
                                           "\xc3\xa9", "1", "\xf0\x9f\x98\x80", "\xd0\xb6"};
    size_t n = 0;

    while (chars-- > 0) {
        const char *c = alphabet[mn_rng_below(rng, variety)];
        memcpy(p + n, c, strlen(c));
        n += strlen(c);
    }
    return n;
}

static void one_random_case(struct mn_rng *rng)
{
    static char store[ENTRIES_MAX][40], text[1000];
    struct mn_str entries[ENTRIES_MAX];
    struct mn_buf list, want, got, why;
    struct mn_filter *filter = NULL;
    bool changed = false;
    unsigned variety = 2 + (unsigned)mn_rng_below(rng, 9);
    size_t count = 0, tries = mn_rng_below(rng, ENTRIES_MAX);

    mn_buf_init(&list, 10000);
    mn_buf_init(&want, 10000);
    mn_buf_init(&got, 10000);
    mn_buf_init(&why, 1000);
    while (tries-- > 0) {
        size_t n = random_text(rng, store[count], 1 + mn_rng_below(rng, 6), variety);
        struct mn_str entry = mn_str_trim(mn_str_make(store[count], n));
        for (size_t i = 0; i < n; i++) /* lower case: the oracle orders by bytes */
            store[count][i] = (char)(store[count][i] == 'A' ? 'a' : store[count][i]);
        bool known = entry.n == 0;
        for (size_t i = 0; i < count; i++)
            known |= mn_str_eq(entries[i], entry);
        if (known)
            continue;
        entries[count++] = entry;
        mn_buf_add_str(&list, entry);
        mn_buf_add_char(&list, '\n');
    }
    assert_int_equal(mn_filter_parse(mn_buf_str(&list), "random", &filter, &why), MN_OK);
    assert_int_equal(mn_filter_count(filter), count);
    for (int i = 0; i < 20; i++) {
        struct mn_str in = {text, random_text(rng, text, mn_rng_below(rng, 60), variety)};
        mn_buf_reset(&want);
        mn_buf_reset(&got);
        oracle(entries, count, in, &want);
        assert_int_equal(mn_filter_apply(filter, in, &got, &changed), MN_OK);
        struct mn_str result = changed ? mn_buf_str(&got) : in;
        if (!mn_str_eq(result, mn_buf_str(&want)))
            fail_msg("list:\n%.*sin:   %.*s\nwant: %.*s\ngot:  %.*s", (int)list.n, list.p,
                     (int)in.n, in.p, (int)want.n, want.p, (int)result.n, result.p);
    }
    mn_filter_free(filter);
    mn_buf_deinit(&list);
    mn_buf_deinit(&want);
    mn_buf_deinit(&got);
    mn_buf_deinit(&why);
}

static void equals_a_naive_filter(void **state)
{
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 10);
    for (int i = 0; i < 2000; i++)
        one_random_case(&rng);
}

int test_im_filter(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_match_whole_and_in_either_case),
        cmocka_unit_test(other_entries_match_anywhere),
        cmocka_unit_test(the_longest_wins),
        cmocka_unit_test(case_and_form_make_no_difference),
        cmocka_unit_test(masks_join_nothing),
        cmocka_unit_test(lists_are_trimmed_and_deduplicated),
        cmocka_unit_test(the_builtin_list_leaves_ordinary_text_alone),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(the_greatest_lists_work),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(equals_a_naive_filter),
    };
    return cmocka_run_group_tests_name("im_filter", tests, NULL, NULL);
}
