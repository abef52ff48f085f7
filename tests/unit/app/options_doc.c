/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/app/tests.h"

#include <unistd.h>

#include "api/limit.h"
#include "base/mem.h"
#include "unit/app/support.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* What --print-config and the like print, NUL-terminated. */
static struct mn_buf printed(const char *args, const char *env)
{
    struct reading r;
    struct mn_buf out;

    reading_good(&r, args, env);
    mn_buf_init(&out, 256 * 1024);
    assert_int_equal(mn_options_print(r.options, &out), MN_OK);
    assert_int_equal(mn_buf_add_char(&out, '\0'), MN_OK);
    reading_deinit(&r);
    return out;
}

static void help_names_every_option_and_fits_the_screen(void **state)
{
    struct mn_buf help = printed("--help", "");

    (void)state;
    for (size_t i = 0; i < mn_options_count; i++) {
        char name[128];
        snprintf(name, sizeof name, "--%s=", mn_options_table[i].name);
        assert_non_null(strstr(help.p, name));
    }
    for (const char *line = help.p; *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, "  --minim.http.cors-origins", 27) != 0) /* one long word */
            assert_true(strcspn(line, "\n") <= 80);
    mn_buf_deinit(&help);
}

static void every_option_is_described(void **state)
{
    (void)state;
    for (size_t i = 0; i < mn_options_count; i++) {
        const struct mn_option *option = &mn_options_table[i];
        size_t n = strlen(option->help);
        assert_true(n > 10 && option->help[n - 1] == '.');
        assert_true(option->group < MN_OPTION_GROUP_COUNT);
        assert_true(i == 0 || option->group >= option[-1].group); /* documents keep the order */
        assert_true(option->offset + option->size <= sizeof(struct mn_config));
        for (size_t j = 0; j < i; j++) { /* no two options share a field or a name */
            assert_string_not_equal(option->name, mn_options_table[j].name);
            assert_int_not_equal(option->offset, mn_options_table[j].offset);
        }
    }
}

/* Every limit of a number can be set, printed and had back: its field has room for it. */
static void fields_have_room_for_their_limits(void **state)
{
    struct mn_config *config = mn_new(struct mn_config);
    struct mn_buf text, problem;

    (void)state;
    mn_buf_init(&text, 1000);
    mn_buf_init(&problem, 1000);
    for (size_t i = 0; i < mn_options_count; i++) {
        const struct mn_option *option = &mn_options_table[i];
        if (option->type < MN_OPTION_INTEGER || option->type > MN_OPTION_BYTES)
            continue;
        const int64_t limits[] = {option->min, option->max};
        for (size_t k = 0; k < MN_ARRAY_LEN(limits); k++) {
            char want[32];
            snprintf(want, sizeof want, "%lld", (long long)limits[k]);
            assert_int_equal(mn_option_set(option, config, mn_str_c(want), &problem), MN_OK);
            assert_true(mn_option_number(option, config) == limits[k]);
            mn_buf_reset(&text);
            mn_option_print(option, config, &text);
            assert_int_equal(mn_option_set(option, config, mn_buf_str(&text), &problem), MN_OK);
            assert_true(mn_option_number(option, config) == limits[k]);
        }
    }
    mn_buf_deinit(&text);
    mn_buf_deinit(&problem);
    mn_free(config);
}

/* The reference of the API names what the options' defaults are. */
static void the_api_knows_the_defaults(void **state)
{
    static const struct {
        const char *option;
        enum mn_api_rule rule;
    } reads[] = {{"minim.http.reads-per-user", MN_API_RULE_READ_USER},
                 {"minim.http.reads-per-address", MN_API_RULE_READ_ADDRESS}};

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(reads); i++) {
        const char *text = mn_option_find(mn_str_c(reads[i].option))->default_text;
        size_t n = strlen(text);
        const char *doc = mn_api_rule_doc(reads[i].rule);
        assert_memory_equal(doc, text, n);
        assert_int_equal(doc[n], ' ');
    }
}

static void version_and_check_are_one_line(void **state)
{
    struct mn_buf out = printed("--version", "");

    (void)state;
    assert_string_equal(out.p, "minimd " MN_VERSION "\n");
    mn_buf_deinit(&out);
    out = printed("--check-config", "");
    assert_string_equal(out.p, "the options are in order\n");
    mn_buf_deinit(&out);
}

static void secrets_are_never_printed(void **state)
{
    struct mn_buf out = printed("--print-config", "IM_AUTH_JWT_SECRET=" SECRET);
    struct mn_option_change change;
    struct reading a, b;
    size_t pos = 0;

    (void)state;
    assert_null(strstr(out.p, SECRET));
    assert_non_null(strstr(out.p, "# environment\n#im.auth.jwt-secret = (hidden)\n"));
    mn_buf_deinit(&out);
    reading_good(&a, "", "");
    reading_good(&b, "", "IM_AUTH_JWT_SECRET=" SECRET);
    assert_true(mn_options_change(a.options, b.options, &pos, &change));
    assert_string_equal(change.name, "im.auth.jwt-secret");
    assert_string_equal(change.before, "(hidden)");
    assert_string_equal(change.after, "(hidden)");
    reading_deinit(&a);
    reading_deinit(&b);
}

static void printed_values_read_back(void **state)
{
    struct mn_options *options = mn_options_new();
    struct mn_option_change change;
    struct mn_buf out, why;
    struct reading r;
    size_t pos = 0;

    (void)state;
    reading_good(&r,
                 "--print-config --im.auth.issuer=\"a\\#\" --minim.store.cache-bytes=3000000 "
                 "--im.gateway.ws.backpressure.close-unwritable-after-ms=-1 "
                 "--minim.log.format=json --minim.store.sync=no",
                 "");
    mn_buf_init(&out, 256 * 1024);
    mn_buf_init(&why, 10000);
    assert_int_equal(mn_options_print(r.options, &out), MN_OK);
    assert_true(mn_options_parse_text(options, "printed", mn_buf_str(&out), &why));
    assert_false(mn_options_change(r.options, options, &pos, &change));
    assert_non_null(
        memmem(out.p, out.n, "# command line\nim.auth.issuer = \"\\\"a\\\\#\\\"\"\n", 39));
    mn_buf_deinit(&out);
    mn_buf_deinit(&why);
    mn_options_free(options);
    reading_deinit(&r);
}

/* The sample file with the '#' taken off all its options is the defaults. */
static void the_sample_is_the_defaults(void **state)
{
    struct mn_options *defaults = mn_options_new(), *options = mn_options_new();
    struct mn_buf sample = printed("--generate-docs=sample", ""), why;
    struct mn_option_change change;
    size_t pos = 0, count = 0;

    (void)state;
    for (char *line = sample.p; *line; line = strchr(line, '\n') + 1)
        if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z') {
            line[0] = ' ';
            count++;
        }
    assert_int_equal(count, mn_options_count);
    mn_buf_init(&why, 10000);
    assert_true(mn_options_parse_text(options, "sample", mn_str_c(sample.p), &why));
    assert_false(mn_options_change(defaults, options, &pos, &change));
    for (size_t i = 0; i < mn_options_count; i++)
        assert_int_equal(options->origin[i].source, MN_OPTION_FROM_FILE);
    mn_buf_deinit(&sample);
    mn_buf_deinit(&why);
    mn_options_free(defaults);
    mn_options_free(options);
}

static void wraps_at_blanks(void **state)
{
    struct mn_buf out;

    (void)state;
    mn_buf_init(&out, 1000);
    mn_options_wrap(&out, "# ", "one two three averyveryverylongword x", 11);
    mn_buf_add_char(&out, '\0');
    assert_string_equal(out.p, "# one two\n# three\n# averyveryverylongword\n# x\n");
    mn_buf_deinit(&out);
}

/* The committed file against what the table says; skipped away from the source tree. */
static void assert_fresh(const char *format, const char *file)
{
    static const char here[] = "tests/unit/app/options_doc.c";
    char path[4096], args[64];
    size_t root = sizeof __FILE__ - sizeof here;

    if (sizeof __FILE__ < sizeof here || strcmp(&__FILE__[root], here) != 0)
        skip();
    snprintf(path, sizeof path, "%.*s%s", (int)root, __FILE__, file);
    FILE *f = fopen(path, "r");
    if (!f)
        skip();
    snprintf(args, sizeof args, "--generate-docs=%s", format);
    struct mn_buf want = printed(args, "");
    char *got = mn_alloc(want.n + 2);
    size_t n = fread(got, 1, want.n + 1, f);
    (void)fclose(f);
    if (n != want.n - 1 || memcmp(got, want.p, n) != 0)
        fail_msg("%s is stale: run script/check-generated --write", file);
    mn_free(got);
    mn_buf_deinit(&want);
}

static void generated_files_are_fresh(void **state)
{
    (void)state;
    assert_fresh("markdown", "docs/configuration.md");
    assert_fresh("sample", "packaging/minim.conf");
}

int test_app_options_doc(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_option_and_fits_the_screen),
        cmocka_unit_test(every_option_is_described),
        cmocka_unit_test(fields_have_room_for_their_limits),
        cmocka_unit_test(the_api_knows_the_defaults),
        cmocka_unit_test(version_and_check_are_one_line),
        cmocka_unit_test(secrets_are_never_printed),
        cmocka_unit_test(printed_values_read_back),
        cmocka_unit_test(the_sample_is_the_defaults),
        cmocka_unit_test(wraps_at_blanks),
        cmocka_unit_test(generated_files_are_fresh),
    };
    return cmocka_run_group_tests_name("app_options_doc", tests, NULL, NULL);
}
