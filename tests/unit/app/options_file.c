/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/app/tests.h"

#include <unistd.h>

#include "base/mem.h"
#include "unit/app/support.h"

/* Parses `text` as "f"; asserts what is said. The options are the caller's. */
static struct mn_options *parse(const char *text, const char *want)
{
    struct mn_options *options = mn_options_new();
    struct mn_buf why;

    mn_buf_init(&why, 10000);
    bool good = mn_options_parse_text(options, "f", mn_str_c(text), &why);
    mn_buf_add_char(&why, '\0');
    assert_string_equal(why.p, want);
    assert_int_equal(good, want[0] == '\0');
    mn_buf_deinit(&why);
    return options;
}

static void lines_comments_and_blanks(void **state)
{
    struct mn_options *options = parse("\xef\xbb\xbf# first line\r\n"
                                       "\r\n"
                                       "server.port=1234\r\n"
                                       "  im.gateway.ws.port  =  4321  \n"
                                       "\t# indented = comment\n"
                                       "im.gateway.ws.path = /a=b\n"
                                       "minim.time-zone =\n"
                                       "minim.workers = 8",
                                       "");
    const struct mn_config *config = mn_options_config(options);

    (void)state;
    assert_int_equal(config->net.listen[MN_LISTEN_API].port, 1234);
    assert_int_equal(config->net.listen[MN_LISTEN_WS].port, 4321);
    assert_string_equal(config->net.ws_path, "/a=b");
    assert_string_equal(config->process.time_zone, "");
    assert_int_equal(config->process.workers, 8);
    mn_options_free(options);
    mn_options_free(parse("", ""));
}

static void quotes(void **state)
{
    static const struct {
        const char *in, *issuer;
    } cases[] = {
        {"im.auth.issuer = \"a b\"", "a b"},
        {"im.auth.issuer = \" a \"", " a "},
        {"im.auth.issuer = \"a#b\" # comment", "a#b"},
        {"im.auth.issuer = \"a\\\"b\\\\c\"", "a\"b\\c"},
        {"im.auth.issuer = a\"b", "a\"b"},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_options *options = parse(cases[i].in, "");
        assert_string_equal(mn_options_config(options)->auth.issuer, cases[i].issuer);
        mn_options_free(options);
    }
}

static void mistakes_name_their_line(void **state)
{
    static const char *const cases[][2] = {
        {"\n\nserver.port 80\n", "f:3: expected \"name = value\"\n"},
        {"server.port = 70000", "f:1: server.port = \"70000\": expected port, 0 to 65535\n"},
        {"server.port =", "f:1: server.port = \"\": expected port, 0 to 65535\n"},
        {"server.port = 80 # web",
         "f:1: a value with a '#' needs quotes; a comment needs its own line\n"},
        {"im.auth.issuer = \"a", "f:1: expected a closing quote\n"},
        {"im.auth.issuer = \"a\\n\"", "f:1: in quotes, expected \\\" or \\\\ after a \\\n"},
        {"im.auth.issuer = \"a\\", "f:1: in quotes, expected \\\" or \\\\ after a \\\n"},
        {"im.auth.issuer = \"a\" b",
         "f:1: expected nothing but a comment after the closing quote\n"},
        {"im.auth.issuer = \xff", "f:1: not UTF-8\n"},
        {"server.port = 1\nserver.port = 2", "f:2: server.port: already set on line 1\n"},
        {"server.prt = 1", "f:1: unknown option \"server.prt\", did you mean server.port?\n"},
        {"completely.different = 1", "f:1: unknown option \"completely.different\"\n"},
        {"= 1", "f:1: unknown option \"\"\n"},
        {"im.auth.jwt-secret = hunter2",
         "f:1: im.auth.jwt-secret (7 bytes): expected at least 32 bytes, or nothing to have one "
         "made\n"},
        {"a=1\nserver.port=x\nb=2", /* all of them, not just the first */
         "f:1: unknown option \"a\"\n"
         "f:2: server.port = \"x\": expected port, 0 to 65535\n"
         "f:3: unknown option \"b\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        mn_options_free(parse(cases[i][0], cases[i][1]));
}

static void many_mistakes_end_the_reading(void **state)
{
    struct mn_options *options = mn_options_new();
    struct mn_buf text, why;
    size_t lines = 0;

    (void)state;
    mn_buf_init(&text, 100000);
    mn_buf_init(&why, 100000);
    for (int i = 0; i < 1000; i++)
        mn_buf_add_z(&text, "nonsense\n");
    assert_false(mn_options_parse_text(options, "f", mn_buf_str(&text), &why));
    for (size_t i = 0; i < why.n; i++)
        lines += why.p[i] == '\n';
    assert_int_equal(lines, 21);
    assert_non_null(memmem(why.p, why.n, "\nf:20: 20 mistakes, the rest was not read\n", 42));
    mn_buf_deinit(&text);
    mn_buf_deinit(&why);
    mn_options_free(options);
}

static void given_text_cannot_disturb_a_terminal(void **state)
{
    char text[300] = "server.port = a\x1b[2J\x07z\nx\x1by = 1";

    (void)state;
    mn_options_free(parse(text, "f:1: server.port = \"a?[2J?z\": expected port, 0 to 65535\n"
                                "f:2: unknown option \"x?y\"\n"));
    memset(text + 14, 'x', 200);
    text[214] = '\0';
    struct mn_options *options = mn_options_new();
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    assert_false(mn_options_parse_text(options, "f", mn_str_c(text), &why));
    assert_true(why.n < 200);
    assert_non_null(memmem(why.p, why.n, "xxx...\"", 7));
    mn_buf_deinit(&why);
    mn_options_free(options);
}

static void files_are_read_or_said_why_not(void **state)
{
    char path[64], args[100], want[200];
    struct reading r;

    (void)state;
    temp_file(path, "server.port = 77\n");
    snprintf(args, sizeof args, "--config=%s", path);
    assert_int_equal(reading_good(&r, args, "")->net.listen[MN_LISTEN_API].port, 77);
    reading_deinit(&r);
    unlink(path);
    snprintf(want, sizeof want, "%s: cannot be opened: No such file or directory\n", path);
    assert_mistakes(args, "", want);
    assert_mistakes("--config=/tmp", "", "/tmp: cannot be read: Is a directory\n");
    assert_mistakes("--config=", "",
                    "command line: config: expected the path of a file, at most 3999 bytes\n");
}

static void a_file_has_a_ceiling(void **state)
{
    size_t big = 1024 * 1024 + 1;
    char *text = mn_alloc(big + 1), path[64], args[100], want[200];

    (void)state;
    memset(text, '\n', big);
    temp_file(path, text);
    snprintf(args, sizeof args, "--config %s", path);
    snprintf(want, sizeof want, "%s: larger than 1024 KiB\n", path);
    assert_mistakes(args, "", want);
    unlink(path);
    mn_free(text);
}

int test_app_options_file(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_comments_and_blanks),
        cmocka_unit_test(quotes),
        cmocka_unit_test(mistakes_name_their_line),
        cmocka_unit_test(many_mistakes_end_the_reading),
        cmocka_unit_test(given_text_cannot_disturb_a_terminal),
        cmocka_unit_test(files_are_read_or_said_why_not),
        cmocka_unit_test(a_file_has_a_ceiling),
    };
    return cmocka_run_group_tests_name("app_options_file", tests, NULL, NULL);
}
