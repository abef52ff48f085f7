/* SPDX-License-Identifier: Apache-2.0 */
/* Axes, and charts of values that are missing, extreme or hostile. */
#include "unit/tool/tests.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tool/report/charts.h"
#include "tool/report/svg.h"

#define LIMIT ((size_t)4 << 20)

static void test_ticks_are_round_and_include_the_ends(void **state)
{
    static const struct {
        double min, max;
        bool log;
        enum fmt fmt;
    } cases[] = {
        {0, 1, false, FMT_COUNT},      {0, 57003, false, FMT_COUNT},
        {0, 0.37, false, FMT_PERCENT}, {0, 104e6, false, FMT_BYTES},
        {-3, 12, false, FMT_COUNT},    {0, 1e-9, false, FMT_COUNT},
        {0, 1e15, false, FMT_COUNT},   {388e3, 16e6, true, FMT_NS},
        {1, 9e15, true, FMT_NS},       {5e6, 5.1e6, true, FMT_NS},
        {1e6, 1e9, true, FMT_NS},      {1e-300, 1e300, true, FMT_COUNT},
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        double ticks[SVG_TICKS_MAX], min, max;
        size_t n = svg_ticks(cases[i].min, cases[i].max, cases[i].log, cases[i].fmt, ticks, &min,
                             &max);
        assert_true(n >= 1 && n <= SVG_TICKS_MAX);
        assert_true(min <= cases[i].min * (1 + 1e-9) || min <= cases[i].min);
        assert_true(max >= cases[i].max * (1 - 1e-9));
        for (size_t k = 1; k < n; k++)
            assert_true(ticks[k] > ticks[k - 1]);
    }
}

static void test_linear_ticks(void **state)
{
    double ticks[SVG_TICKS_MAX], min, max;
    (void)state;
    assert_int_equal(svg_ticks(0, 57003, false, FMT_COUNT, ticks, &min, &max), 4);
    assert_true(ticks[1] == 20000 && max == 60000 && min == 0);
    /* In the unit that is shown. */
    svg_ticks(0, 104 * 1048576.0, false, FMT_BYTES, ticks, &min, &max);
    assert_true(fmod(ticks[1], 1048576) == 0);
}

/* Whether `needle` is in the buffer, once at least. */
static bool has(const struct mn_buf *buf, const char *needle)
{
    return buf->n > 0 && memmem(buf->p, buf->n, needle, strlen(needle)) != NULL;
}

static size_t count_of(const struct mn_buf *buf, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < buf->n; i++)
        n += buf->p[i] == c;
    return n;
}

static bool draw(struct mn_buf *buf, struct svg_chart *chart, const double *x, const double *y,
                 size_t n)
{
    mn_buf_init(buf, LIMIT);
    chart->x = x;
    chart->count = n;
    chart->series[0] = (struct svg_series){.name = "one", .y = y};
    chart->series_count = 1;
    return svg_chart(buf, chart);
}

static void test_a_chart_without_values_is_nothing(void **state)
{
    static const double x[] = {1, 2}, none[] = {NAN, NAN}, zero[] = {0, -1};
    struct mn_buf buf;
    struct svg_chart chart = {.title = "t"};
    (void)state;
    assert_false(draw(&buf, &chart, x, none, 2));
    assert_int_equal(buf.n, 0);
    assert_false(draw(&buf, &chart, x, x, 0));
    chart.y_log = true;
    assert_false(draw(&buf, &chart, x, zero, 2));
    assert_int_equal(buf.n, 0);
    mn_buf_deinit(&buf);
}

static void test_gaps_break_the_line(void **state)
{
    static const double x[] = {1, 2, 3, 4, 5}, y[] = {1, 2, NAN, 4, NAN};
    struct mn_buf buf;
    struct svg_chart chart = {.title = "t"};
    (void)state;
    assert_true(draw(&buf, &chart, x, y, 5));
    const char *path = memmem(buf.p, buf.n, "class=\"line k0\"", 15);
    assert_non_null(path);
    const char *end = memchr(path, '>', (size_t)(buf.p + buf.n - path));
    assert_non_null(memmem(path, (size_t)(end - path), "h0", 2)); /* the lone point is a dot */
    size_t moves = 0;
    for (const char *p = memmem(path, (size_t)(end - path), " d=", 3); p && p < end; p++)
        moves += *p == 'M';
    assert_int_equal(moves, 2);
    mn_buf_deinit(&buf);
}

static void test_extreme_values_give_finite_coordinates(void **state)
{
    static const double x[] = {0, 1e-300, 1, 1e300}, y[] = {-1e300, 1e300, INFINITY, NAN};
    struct mn_buf buf;
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct svg_chart chart = {.title = "t",
                                  .y_log = i & 1,
                                  .steps = i & 2,
                                  .readout = i & 4,
                                  .y_fmt = i & 1 ? FMT_NS : FMT_BYTES};
        assert_true(draw(&buf, &chart, x, y, 4));
        assert_false(has(&buf, "nan") || has(&buf, "inf"));
        mn_buf_deinit(&buf);
    }
}

static void test_one_point_has_an_axis(void **state)
{
    static const double x[] = {5}, y[] = {7};
    struct mn_buf buf;
    struct svg_chart chart = {.title = "t", .readout = true};
    (void)state;
    assert_true(draw(&buf, &chart, x, y, 1));
    assert_false(has(&buf, "nan") || has(&buf, "inf"));
    mn_buf_deinit(&buf);
}

static void test_names_cannot_leave_the_text(void **state)
{
    static const double x[] = {1, 2}, y[] = {1, 2};
    static const char evil[] = "</text><script>alert('1')</script>\"";
    const struct svg_span span = {1, 2, evil};
    const struct svg_mark mark = {1.5, evil};
    struct mn_buf buf;
    struct svg_chart chart = {.title = evil,
                              .x_title = evil,
                              .y_title = evil,
                              .readout = true,
                              .standalone = true,
                              .spans = &span,
                              .span_count = 1,
                              .marks = &mark,
                              .mark_count = 1};
    (void)state;
    mn_buf_init(&buf, LIMIT);
    chart.x = x;
    chart.count = 2;
    chart.series[0] = (struct svg_series){.name = evil, .y = y};
    chart.series[1] = (struct svg_series){.name = evil, .y = x, .area = true};
    chart.series_count = 2;
    assert_true(svg_chart(&buf, &chart));
    assert_false(has(&buf, "<script"));
    assert_int_equal(count_of(&buf, '<'), count_of(&buf, '>'));
    mn_buf_deinit(&buf);
}

/* ---- charts of documents that may hold anything ---- */

static json_t *parse(const char *text)
{
    json_t *doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    return doc;
}

static void test_charts_of_documents_without_sense(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"series\": 5, \"latency\": [], \"phases\": {}}",
        "{\"series\": [1, null, {}, {\"at_s\": \"x\"}], \"latency\": {\"response\": {\"count\": 3}}}",
        ("{\"series\": [{\"at_s\": -1e308, \"p99_ns\": 1e308}, {\"at_s\": 1e308, \"p99_ns\": -5}],"
         " \"latency\": {\"response\": {\"count\": 1e300, \"buckets\": [[1e300, 1], [-1, -1], 5,"
         " [2], [0.5, 2], [7, 1e308], [8, 1e308]]}}, \"phases\": [{\"name\": \"drain\","
         " \"begin_s\": 1e308}, 3]}"),
        ("{\"latency\": {\"response\": {\"count\": 1, \"buckets\": [[1, 1]]},"
         " \"saved\": {\"count\": 1, \"buckets\": [[999999999999999, 1]]}}}"),
    };
    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(texts); i++) {
        json_t *doc = parse(texts[i]);
        const json_t *docs[] = {doc, doc};
        const char *const names[] = {"a", "b"};
        for (int id = 0; id < CHARTS_COUNT; id++) {
            struct mn_buf buf;
            mn_buf_init(&buf, LIMIT);
            bool drawn = charts_draw(&buf, doc, (enum charts_id)id, id % 2 == 0);
            drawn = charts_overlay(&buf, docs, names, 2, (enum charts_id)id) || drawn;
            assert_true(drawn == (buf.n > 0));
            assert_false(has(&buf, "\"nan") || has(&buf, " nan") || has(&buf, "inf"));
            mn_buf_deinit(&buf);
        }
        json_decref(doc);
    }
}

static void test_a_long_run_is_thinned(void **state)
{
    json_t *doc = json_object(), *series = json_array();
    struct mn_buf buf;
    (void)state;
    for (int i = 0; i < 5000; i++)
        json_array_append_new(series, json_pack("{s:f,s:s,s:i}", "at_s", i + 1.0, "phase", "steady",
                                                "p99_ns", i == 2500 ? 9000000 : 1000000));
    json_object_set_new(doc, "series", series);
    mn_buf_init(&buf, LIMIT);
    assert_true(charts_draw(&buf, doc, CHARTS_PERCENTILES, false));
    size_t columns = 0;
    for (const char *p = buf.p; (p = memmem(p, (size_t)(buf.p + buf.n - p), "class=\"hit\"", 11));
         p++)
        columns++;
    assert_true(columns > 300 && columns <= 400);
    assert_true(has(&buf, "p99: 9 ms")); /* the worst second is not averaged away */
    mn_buf_deinit(&buf);
    json_decref(doc);
}

int test_tool_svg(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks_are_round_and_include_the_ends),
        cmocka_unit_test(test_linear_ticks),
        cmocka_unit_test(test_a_chart_without_values_is_nothing),
        cmocka_unit_test(test_gaps_break_the_line),
        cmocka_unit_test(test_extreme_values_give_finite_coordinates),
        cmocka_unit_test(test_one_point_has_an_axis),
        cmocka_unit_test(test_names_cannot_leave_the_text),
        cmocka_unit_test(test_charts_of_documents_without_sense),
        cmocka_unit_test(test_a_long_run_is_thinned),
    };
    return cmocka_run_group_tests_name("tool/svg", tests, NULL, NULL);
}
