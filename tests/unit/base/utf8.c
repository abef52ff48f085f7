/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "base/utf8_impl.h"

/* All versions that this machine can run. */
static size_t versions(mn_utf8_valid_fn *ret[4])
{
    size_t n = 0;

    ret[n++] = mn_utf8_valid;
    ret[n++] = mn_utf8_valid_portable;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("ssse3"))
        ret[n++] = mn_utf8_valid_ssse3;
    if (__builtin_cpu_supports("avx2"))
        ret[n++] = mn_utf8_valid_avx2;
#endif
    return n;
}

/* By the definition, one code point after the other. */
static bool oracle(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c = p[i++];
        if (c < 0x80)
            continue;
        unsigned more = c >= 0xf0 && c < 0xf8   ? 3
                        : c >= 0xe0 && c < 0xf0 ? 2
                                                : c >= 0xc0 && c < 0xe0;
        if (more == 0 || more > n - i)
            return false;
        c &= 0x3fu >> more;
        for (unsigned k = 0; k < more; k++) {
            if ((p[i] & 0xc0) != 0x80)
                return false;
            c = c << 6 | (p[i++] & 0x3fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
    }
    return true;
}

/* In a block of its own size, so that a read beyond it is caught by ASan. */
static void assert_all_say(const unsigned char *text, size_t n)
{
    mn_utf8_valid_fn *fn[4];
    size_t count = versions(fn);
    bool want = oracle(text, n);
    char *p = mn_try_alloc(n);

    memcpy(p, text, n);
    for (size_t i = 0; i < count; i++)
        if (fn[i](p, n) != want)
            fail_msg("version %zu says %d for %zu bytes", i, !want, n);
    mn_free(p);
}

static void known_cases(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xc2", false},
        {"\xc2\x41", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xe2\x82", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xf0\x9f\x98", false},
        {"\xff", false},
        {"\xfe", false},
        {"\xf8\x88\x80\x80\x80", false},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        const unsigned char *text = (const unsigned char *)cases[i].text;
        assert_int_equal(oracle(text, strlen(cases[i].text)), cases[i].valid);
        assert_all_say(text, strlen(cases[i].text));
    }
}

/* Every pair, and every triple of bytes at the ranges' borders, at every offset around a block's end. */
static void all_borders_at_all_offsets(void **state)
{
    static const unsigned char borders[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                            0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                            0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    const unsigned n = sizeof borders;
    mn_utf8_valid_fn *fn[4];
    size_t count = versions(fn);
    unsigned char text[40];

    (void)state;
    memset(text, 'a', sizeof text);
    for (unsigned i = 0; i < n * n * n * n; i++) {
        unsigned char four[] = {borders[i % n], borders[i / n % n], borders[i / n / n % n],
                                borders[i / n / n / n]};
        size_t at = 10 + i % 26;
        memcpy(text + at, four, 4);
        bool want = oracle(four, 4);
        for (size_t v = 0; v < count; v++)
            assert_int_equal(fn[v]((const char *)text, sizeof text), want);
        memset(text + at, 'a', 4);
    }
}

static size_t random_char(struct mn_rng *rng, unsigned char p[4])
{
    switch (mn_rng_below(rng, 5)) {
    case 0:
    case 1:
        p[0] = (unsigned char)mn_rng_below(rng, 0x80);
        return 1;
    case 2:
        memcpy(p, "\xc3\xa9", 2);
        return 2;
    case 3:
        memcpy(p, "\xe4\xbd\xa0", 3);
        return 3;
    default:
        memcpy(p, "\xf0\x9f\x98\x80", 4);
        return 4;
    }
}

static void random_texts(void **state)
{
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 8);
    for (int i = 0; i < 20000; i++) {
        unsigned char text[300];
        size_t n = 0, want = mn_rng_below(&rng, 200);
        while (n < want)
            n += random_char(&rng, text + n);
        assert_all_say(text, n);
        if (n == 0)
            continue;
        size_t at = mn_rng_below(&rng, n);
        if (i % 2)
            text[at] = (unsigned char)mn_rng_next(&rng);
        else
            n = at;
        assert_all_say(text, n);
    }
}

static void counts_utf16_units(void **state)
{
    static const struct {
        const char *text;
        size_t units;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"caf\xc3\xa9", 4},
        {"\xe4\xbd\xa0\xe5\xa5\xbd", 2},
        {"\xf0\x9f\x98\x80", 2},
        {"abcdefgh\xf0\x9f\x98\x80\xe4\xbd\xa0\xc3\xa9zzzzzzzz", 20},
    };
    struct mn_rng rng;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        assert_int_equal(mn_utf8_utf16_len(mn_str_c(cases[i].text)), cases[i].units);
    assert_int_equal(mn_utf8_utf16_len(MN_STR_NONE), 0);
    mn_rng_seed(&rng, 9);
    for (int i = 0; i < 2000; i++) {
        unsigned char text[104];
        size_t n = 0, units = 0;
        while (n < 100) {
            size_t len = random_char(&rng, text + n);
            n += len;
            units += len == 4 ? 2 : 1;
        }
        assert_int_equal(mn_utf8_utf16_len(mn_str_make((char *)text, n)), units);
    }
}

int test_base_utf8(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_cases),
        cmocka_unit_test(all_borders_at_all_offsets),
        cmocka_unit_test(random_texts),
        cmocka_unit_test(counts_utf16_units),
    };
    return cmocka_run_group_tests_name("base_utf8", tests, NULL, NULL);
}
