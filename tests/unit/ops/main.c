/* SPDX-License-Identifier: Apache-2.0 */
/* The unit tests of src/ops: what probes and Prometheus are told. */
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ops/procinfo.h"
#include "proto/envelope.h"

struct fixture {
    struct mn_metrics *metrics;
    struct mn_ops *ops;
    struct mn_buf out;
};

static int setup(void **state)
{
    struct fixture *f = mn_new(struct fixture);
    f->metrics = mn_metrics_new();
    f->ops = mn_ops_new(&(struct mn_ops_config){.metrics = f->metrics, .version = "1.2.3"});
    mn_buf_init(&f->out, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mn_buf_deinit(&f->out);
    mn_ops_free(f->ops);
    mn_metrics_free(f->metrics);
    mn_free(f);
    return 0;
}

static const char *render(struct fixture *f)
{
    mn_buf_reset(&f->out);
    assert_int_equal(mn_ops_metrics(f->ops, &f->out), MN_OK);
    mn_buf_add_char(&f->out, '\0');
    return f->out.p;
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        n++;
    return n;
}

/* The line "name value" is there, once. */
static void assert_line(const char *text, const char *line)
{
    char whole[200];
    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (count_of(text, whole) != 1)
        print_error("%s\n", line);
    assert_int_equal(count_of(text, whole), 1);
}

static void every_row_is_summed_over_the_shards(void **state)
{
    struct fixture *f = *state;
    struct mn_metrics_shard *a = mn_metrics_claim(f->metrics), *b = mn_metrics_claim(f->metrics);
    for (unsigned i = 0; i < MN_M_COUNT; i++) {
        mn_metric_add(a, (enum mn_metric)i, 1000 + i);
        mn_metric_add(b, (enum mn_metric)i, -7);
    }
    const char *text = render(f);
#define ROW(sym, kind, name, labels, help)                                                         \
    {                                                                                              \
        char line[200];                                                                            \
        snprintf(line, sizeof(line), "%s%s%s%s %d", name, labels[0] ? "{" : "", labels,            \
                 labels[0] ? "}" : "", 993 + MN_M_##sym);                                          \
        assert_line(text, line);                                                                   \
    }
    MN_METRIC_MAP(ROW)
#undef ROW
}

static void a_family_has_a_line_a_member(void **state)
{
    struct fixture *f = *state;
    struct mn_metrics_shard *a = mn_metrics_claim(f->metrics), *b = mn_metrics_claim(f->metrics);
    mn_metric_inc_of(a, MN_MF_FRAMES_IN, MN_TYPE_CALL_ICE);
    mn_metric_inc_of(b, MN_MF_FRAMES_IN, MN_TYPE_CALL_ICE);
    mn_metric_inc_of(a, MN_MF_FRAMES_IN, MN_TYPE_UNKNOWN);
    mn_metric_inc_of(b, MN_MF_FRAMES_OUT, MN_TYPE_CALL_ERROR);
    const char *text = render(f);
    assert_line(text, "minim_frames_in_total{type=\"CALL_ICE\"} 2");
    assert_line(text, "minim_frames_in_total{type=\"other\"} 1");
    assert_line(text, "minim_frames_in_total{type=\"PING\"} 0");
    assert_line(text, "minim_frames_out_total{type=\"CALL_ERROR\"} 1");
    assert_int_equal(count_of(text, "minim_frames_in_total{type=\"CALL_ERROR\"}"), 0);
}

/* Prometheus refuses a page on which a name has two TYPE lines, or samples in two places. */
static void a_name_has_one_head(void **state)
{
    struct fixture *f = *state;
    const char *text = render(f);
    unsigned types = 0;
    for (const char *at = text; (at = strstr(at, "# TYPE ")); at++) {
        char head[200];
        size_t n = strcspn(at + 7, " ");
        snprintf(head, sizeof(head), "# TYPE %.*s ", (int)n, at + 7);
        assert_int_equal(count_of(text, head), 1);
        snprintf(head, sizeof(head), "# HELP %.*s ", (int)n, at + 7);
        assert_int_equal(count_of(text, head), 1);
        types++;
    }
    assert_int_equal(count_of(text, "# HELP "), types);
    assert_int_equal(text[f->out.n - 2], '\n');
}

static void histograms_are_cumulative(void **state)
{
    struct fixture *f = *state;
    struct mn_metrics_shard *shard = mn_metrics_claim(f->metrics);
    static const uint64_t values[] = {0, 1, 3, 4, 1000000, UINT64_C(1) << 40};
    for (size_t i = 0; i < MN_ARRAY_LEN(values); i++) {
        mn_metric_observe(shard, MN_MH_COMMIT_OPS, values[i]);
        mn_metric_observe(shard, MN_MH_HTTP_US, values[i]);
    }
    const char *text = render(f);
    assert_line(text, "minim_commit_operations_bucket{le=\"0\"} 1");
    assert_line(text, "minim_commit_operations_bucket{le=\"1\"} 2");
    assert_line(text, "minim_commit_operations_bucket{le=\"3\"} 3");
    assert_line(text, "minim_commit_operations_bucket{le=\"7\"} 4");
    assert_line(text, "minim_commit_operations_bucket{le=\"1048575\"} 5");
    assert_line(text, "minim_commit_operations_bucket{le=\"+Inf\"} 6");
    assert_line(text, "minim_commit_operations_count 6");
    /* Counted in microseconds, told in seconds. */
    assert_line(text, "minim_http_seconds_bucket{le=\"3e-06\"} 3");
    assert_line(text, "minim_http_seconds_bucket{le=\"1.048575\"} 5");
    assert_line(text, "minim_http_seconds_count 6");
}

static void the_process_is_described(void **state)
{
    struct fixture *f = *state;
    struct mn_procinfo info;
    const char *text = render(f);
    assert_line(text, "minim_build_info{version=\"1.2.3\"} 1");
    assert_line(text, "minim_ready 1");
    assert_int_equal(count_of(text, "\nprocess_threads "), 1);
    mn_procinfo_read(&info);
    assert_in_range(info.resident_bytes, 1 << 16, UINT64_C(1) << 40);
    assert_true(info.virtual_bytes >= info.resident_bytes);
    assert_in_range(info.open_fds, 3, info.max_fds);
    assert_true(info.cpu_seconds > 0);
    assert_in_range(info.threads, 1, 10); /* a sanitizer has one of its own */
}

static void metrics_can_be_hidden(void **state)
{
    struct fixture *f = *state;
    struct mn_ops *hidden = mn_ops_new(
        &(struct mn_ops_config){.metrics = f->metrics, .version = "x", .hide_metrics = true});
    assert_int_equal(mn_ops_metrics(hidden, &f->out), MN_EPERM);
    assert_int_equal(f->out.n, 0);
    mn_ops_free(hidden);
}

static void a_page_that_does_not_fit_is_told(void **state)
{
    struct fixture *f = *state;
    struct mn_buf small;
    mn_buf_init(&small, 1000);
    assert_int_equal(mn_ops_metrics(f->ops, &small), MN_ELIMIT);
    mn_buf_deinit(&small);
}

static void health_and_readiness(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mn_ops_health(f->ops, &f->out), MN_OK);
    mn_buf_add_char(&f->out, '\0');
    assert_ptr_equal(
        strstr(f->out.p, "{\"status\":\"ok\",\"version\":\"1.2.3\",\"uptimeSeconds\":"), f->out.p);
    mn_buf_reset(&f->out);
    assert_true(mn_ops_ready(f->ops, &f->out));
    assert_true(mn_str_is(mn_buf_str(&f->out), "{\"status\":\"ready\"}"));
    assert_false(mn_ops_needs_probe(f->ops));
    mn_ops_set_draining(f->ops);
    mn_buf_reset(&f->out);
    assert_false(mn_ops_ready(f->ops, &f->out));
    assert_true(
        mn_str_is(mn_buf_str(&f->out), "{\"status\":\"unavailable\",\"reasons\":[\"draining\"]}"));
    assert_line(render(f), "minim_ready 0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_is_summed_over_the_shards),
        TEST(a_family_has_a_line_a_member),
        TEST(a_name_has_one_head),
        TEST(histograms_are_cumulative),
        TEST(the_process_is_described),
        TEST(metrics_can_be_hidden),
        TEST(a_page_that_does_not_fit_is_told),
        TEST(health_and_readiness),
    };
    return cmocka_run_group_tests_name("ops", tests, NULL, NULL) != 0;
}
