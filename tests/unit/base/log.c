/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct capture {
    struct mn_log log;
    int read_fd;
    char line[8192]; /* what was read last, without its time stamp */
};

static int setup(void **state)
{
    struct capture *c = mn_new(struct capture);
    int fds[2];

    if (pipe(fds) != 0)
        return -1;
    mn_log_init(&c->log, MN_LOG_INFO, MN_LOG_TEXT);
    c->log.fd = fds[1];
    c->read_fd = fds[0];
    fcntl(c->read_fd, F_SETFL, O_NONBLOCK);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct capture *c = *state;

    close(c->log.fd);
    close(c->read_fd);
    mn_free(c);
    return 0;
}

/* The line without its time stamp and newline; "" if nothing was written. */
static const char *line(struct capture *c)
{
    static const char text_ts[] = "ts=2026-01-24T15:56:07.120Z ";
    static const char json_ts[] = "{\"ts\":\"2026-01-24T15:56:07.120Z\",";
    bool json = c->log.format == MN_LOG_JSON;
    size_t skip = json ? sizeof json_ts - 1 : sizeof text_ts - 1;
    ssize_t n = read(c->read_fd, c->line, sizeof c->line - 1);
    struct mn_date date;

    if (n <= 0)
        return "";
    c->line[n] = '\0';
    assert_int_equal(c->line[n - 1], '\n');
    c->line[n - 1] = '\0';
    assert_null(strchr(c->line, '\n'));
    assert_memory_equal(c->line, json ? json_ts : text_ts, json ? 7 : 3);
    assert_int_equal(mn_date_parse(mn_str_make(c->line + (json ? 7 : 3), 24), &date), MN_OK);
    return c->line + skip;
}

static void writes_text(void **state)
{
    struct capture *c = *state;

    mn_log(&c->log, MN_LOG_WARN, "ws_slow", MN_KV_U("conn", UINT64_MAX), MN_KV_I("d", -3),
           MN_KV_F("load", 0.25), MN_KV_Z("cause", "pressure"),
           MN_KV_S("to", MN_STR("10.0.0.1:80")));
    assert_string_equal(line(c), "level=warn event=ws_slow conn=18446744073709551615 d=-3 "
                                 "load=0.25 cause=pressure to=10.0.0.1:80");
    mn_log(&c->log, MN_LOG_INFO, "start", );
    assert_string_equal(line(c), "level=info event=start");
}

static void writes_json(void **state)
{
    struct capture *c = *state;

    c->log.format = MN_LOG_JSON;
    mn_log(&c->log, MN_LOG_ERROR, "x", MN_KV_U("u", 1), MN_KV_I("i", -1), MN_KV_F("f", 1.5),
           MN_KV_F("nan", (double)NAN), MN_KV_Z("s", "a\"b\n"), MN_KV_S("none", MN_STR_NONE),
           MN_KV_Z("bad", "\xff\xc3\xa9\xe2\x82"));
    assert_string_equal(line(c), "\"level\":\"error\",\"event\":\"x\",\"u\":1,\"i\":-1,\"f\":1.5,"
                                 "\"nan\":null,\"s\":\"a\\\"b\\n\",\"none\":null,"
                                 "\"bad\":\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"}");
}

static void quotes_what_could_mislead(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain-1.2:3/x", "plain-1.2:3/x"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""},
        {"a\nts=forged level=error", "\"a\\nts=forged level=error\""},
        {"\x1b[31m\r\x7f\t", "\"\\x1b[31m\\x0d\\x7f\\x09\""},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
        {"\xc2\x9b"
         "31m",
         "\"\\xc2\\x9b31m\""},
        {"\xff\xc3", "\"\\xff\\xc3\""},
        {"\xc3"
         "a",
         "\"\\xc3a\""},
    };
    struct capture *c = *state;

    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        mn_log(&c->log, MN_LOG_INFO, "e", MN_KV_Z("k", cases[i].in));
        const char *text = line(c);
        assert_memory_equal(text, "level=info event=e k=", 21);
        assert_string_equal(text + 21, cases[i].out);
    }
}

static void cuts_long_strings_between_characters(void **state)
{
    struct capture *c = *state;
    char text[600];

    memset(text, 'a', sizeof text);
    mn_log(&c->log, MN_LOG_INFO, "e", MN_KV_S("k", mn_str_make(text, 256)));
    assert_int_equal(strlen(line(c)), 21 + 256);
    mn_log(&c->log, MN_LOG_INFO, "e", MN_KV_S("k", mn_str_make(text, 257)));
    assert_int_equal(strlen(line(c)), 21 + 256 + strlen("\"...\""));
    memcpy(text + 254, "\xf0\x9f\x98\x80", 4);
    c->log.format = MN_LOG_JSON;
    mn_log(&c->log, MN_LOG_INFO, "e", MN_KV_S("k", mn_str_make(text, sizeof text)));
    assert_non_null(strstr(line(c), "aa...\"}"));
    memset(text, '\x80', sizeof text); /* no character to find */
    mn_log(&c->log, MN_LOG_INFO, "e", MN_KV_S("k", mn_str_make(text, sizeof text)));
    assert_non_null(strstr(line(c), "...\"}"));
}

static int evaluated;

static struct mn_str costly(void)
{
    evaluated++;
    return MN_STR("x");
}

static void levels_below_are_not_even_evaluated(void **state)
{
    struct capture *c = *state;

    evaluated = 0;
    mn_log(&c->log, MN_LOG_DEBUG, "e", MN_KV_S("k", costly()));
    assert_string_equal(line(c), "");
    assert_int_equal(evaluated, 0);
    atomic_store(&c->log.level, MN_LOG_DEBUG);
    mn_log(&c->log, MN_LOG_DEBUG, "e", MN_KV_S("k", costly()));
    assert_string_equal(line(c), "level=debug event=e k=x");
    assert_int_equal(evaluated, 1);
}

static void a_broken_descriptor_does_no_harm(void **state)
{
    struct mn_log log;

    (void)state;
    mn_log_init(&log, MN_LOG_INFO, MN_LOG_TEXT);
    log.fd = -1;
    mn_log(&log, MN_LOG_ERROR, "e", MN_KV_U("k", 1));
}

static void gate_lets_one_through_and_counts_the_rest(void **state)
{
    struct mn_log_gate gate = {0};
    uint64_t suppressed = 99;

    (void)state;
    assert_true(mn_log_gate_pass(&gate, 3600000, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 5; i++)
        assert_false(mn_log_gate_pass(&gate, 3600000, &suppressed));
    atomic_store(&gate.next_ms, 0); /* as if the hour had passed */
    assert_true(mn_log_gate_pass(&gate, 3600000, &suppressed));
    assert_int_equal(suppressed, 5);
    atomic_store(&gate.next_ms, 0);
    assert_true(mn_log_gate_pass(&gate, 3600000, &suppressed));
    assert_int_equal(suppressed, 0);
}

struct passer {
    struct mn_log_gate *gate;
    unsigned passed;
    uint64_t suppressed;
};

static void *pass_many(void *arg)
{
    struct passer *p = arg;
    uint64_t suppressed;

    for (int i = 0; i < 10000; i++)
        if (mn_log_gate_pass(p->gate, 3600000, &suppressed)) {
            p->passed++;
            p->suppressed += suppressed;
        }
    return NULL;
}

static void gate_is_shared_by_threads(void **state)
{
    struct mn_log_gate gate = {0};
    struct passer p[4] = {{&gate, 0, 0}, {&gate, 0, 0}, {&gate, 0, 0}, {&gate, 0, 0}};
    pthread_t thread[4];
    unsigned passed = 0;
    uint64_t suppressed = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, pass_many, &p[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        passed += p[i].passed;
        suppressed += p[i].suppressed;
    }
    assert_int_equal(passed, 1);
    assert_int_equal(suppressed + gate.suppressed + passed, 40000);
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 20; i++)
        mn_log((struct mn_log *)arg, MN_LOG_INFO, "abcdefghijklmnopqrstuvwxyz", MN_KV_U("k", 1));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    static const char want[] = " level=info event=abcdefghijklmnopqrstuvwxyz k=1\n";
    struct capture *c = *state;
    pthread_t thread[4];
    size_t each = strlen("ts=2026-01-24T15:56:07.120Z") + sizeof want - 1;

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, log_many, &c->log), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    ssize_t n = read(c->read_fd, c->line, sizeof c->line);
    assert_int_equal(n, 80 * each);
    for (size_t i = 0; i < 80; i++)
        assert_memory_equal(c->line + (i + 1) * each - (sizeof want - 1), want, sizeof want - 1);
}

int test_base_log(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(writes_text),
        TEST(writes_json),
        TEST(quotes_what_could_mislead),
        TEST(cuts_long_strings_between_characters),
        TEST(levels_below_are_not_even_evaluated),
        cmocka_unit_test(a_broken_descriptor_does_no_harm),
        cmocka_unit_test(gate_lets_one_through_and_counts_the_rest),
        cmocka_unit_test(gate_is_shared_by_threads),
        TEST(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests_name("base_log", tests, NULL, NULL);
}
