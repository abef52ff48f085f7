/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options file.  Whatever it holds, a mistake is reported with its line
 * and without a secret, and values that were accepted are printed so that
 * they read back as the same.
 */
#include "app/options_impl.h"
#include "fuzz/fuzz.h"

static void check_mistakes(const struct mn_buf *why)
{
    size_t at = 0;

    while (at < why->n) { /* "f:LINE: ...\n", without control characters in between */
        const char *line = why->p + at, *end = memchr(line, '\n', why->n - at);
        FUZZ_CHECK(end != NULL);
        FUZZ_CHECK(end - line > 4 && memcmp(line, "f:", 2) == 0 && line[2] >= '1' &&
                   line[2] <= '9');
        for (const char *c = line; c < end; c++)
            FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
        at = (size_t)(end - why->p) + 1;
    }
}

/*
 * What is printed does not depend on the secret.  (That the secret is nowhere
 * in it would be too much: another option may happen to have that value.)
 */
static void check_keeps_secret(struct mn_options *options, const struct mn_buf *text)
{
    char *secret = options->config.auth.jwt_secret;
    char kept[sizeof options->config.auth.jwt_secret];
    struct mn_buf other;

    mn_buf_init(&other, 1024 * 1024);
    memcpy(kept, secret, sizeof kept);
    for (char *c = secret; *c; c++)
        *c = *c == 'x' ? 'y' : 'x';
    FUZZ_CHECK(mn_options_print(options, &other) == MN_OK);
    FUZZ_CHECK(mn_str_eq(mn_buf_str(text), mn_buf_str(&other)));
    memcpy(secret, kept, sizeof kept);
    mn_buf_deinit(&other);
}

static void check_reads_back(struct mn_options *options, struct mn_buf *why)
{
    struct mn_options *again = mn_options_new();
    struct mn_option_change change;
    struct mn_buf text;
    size_t pos = 0;

    mn_buf_init(&text, 1024 * 1024);
    options->action = MN_OPTIONS_PRINT;
    FUZZ_CHECK(mn_options_print(options, &text) == MN_OK);
    check_keeps_secret(options, &text);
    mn_buf_reset(why);
    FUZZ_CHECK(mn_options_parse_text(again, "f", mn_buf_str(&text), why));
    memcpy(again->config.auth.jwt_secret, options->config.auth.jwt_secret,
           sizeof again->config.auth.jwt_secret);
    FUZZ_CHECK(!mn_options_change(options, again, &pos, &change));
    mn_buf_deinit(&text);
    mn_options_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mn_options *options;
    struct mn_buf why;
    char *copy;

    /* An option that names a file would have the fuzzer open whatever it can spell. */
    if (size > 65536 || memmem(data, size, "filter.file", 11) != NULL)
        return 0;
    copy = fuzz_copy(data, size);
    options = mn_options_new();
    mn_buf_init(&why, 64 * 1024 * 1024);
    if (mn_options_parse_text(options, "f", mn_str_make(copy, size), &why)) {
        FUZZ_CHECK(why.n == 0);
        check_reads_back(options, &why);
        mn_ignore(mn_options_check_together(&options->config, &why)); /* either answer is right */
    } else {
        FUZZ_CHECK(why.n > 0 && !why.failed);
        check_mistakes(&why);
    }
    mn_buf_deinit(&why);
    mn_options_free(options);
    mn_free(copy);
    return 0;
}
