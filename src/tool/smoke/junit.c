/* SPDX-License-Identifier: Apache-2.0 */
/* Smoke results for continuous integration servers, see junit.h.  Main thread. */
#include "tool/smoke/junit.h"

#include "base/buf.h"
#include "tool/kit/fmt.h"
#include "tool/report/page.h"
#include "tool/report/result.h"

static void add(struct mn_buf *out, const char *z) { mn_ignore(mn_buf_add_z(out, z)); }

static void attribute(struct mn_buf *out, const char *name, const char *value)
{
    mn_ignore(mn_buf_addf(out, " %s=\"", name));
    fmt_escape(out, value);
    add(out, "\"");
}

static void failure(struct mn_buf *out, const json_t *steps)
{
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        if (result_true(step, "ok"))
            continue;
        add(out, "    <failure");
        attribute(out, "message", result_str(step, "step"));
        add(out, ">expected ");
        fmt_escape(out, result_str(step, "expected"));
        add(out, "\ngot      ");
        fmt_escape(out, result_str(step, "got"));
        add(out, "</failure>\n");
        return;
    }
}

static void output(struct mn_buf *out, const json_t *steps)
{
    add(out, "    <system-out>");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        add(out, result_true(step, "ok") ? "ok      " : "FAILED  ");
        fmt_escape(out, result_str(step, "step"));
        add(out, "\n");
    }
    add(out, "</system-out>\n");
}

static void test_case(struct mn_buf *out, const json_t *scenario)
{
    const json_t *steps = result_get(scenario, "steps");
    add(out, "  <testcase classname=\"minim.smoke\"");
    attribute(out, "name", result_str(scenario, "scenario"));
    mn_ignore(mn_buf_addf(out, " time=\"%.3f\">\n", result_num(scenario, "duration_ms") / 1e3));
    if (result_true(scenario, "skipped")) {
        add(out, "    <skipped");
        attribute(out, "message", result_str(scenario, "reason"));
        add(out, "/>\n");
    } else if (!result_true(scenario, "ok")) {
        failure(out, steps);
    }
    output(out, steps);
    add(out, "  </testcase>\n");
}

bool junit_write(const json_t *scenarios, struct outputs *outputs)
{
    struct mn_buf out;
    size_t skipped = 0, failed = 0, count = json_array_size(scenarios);
    double total_ms = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *scenario = json_array_get(scenarios, i);
        bool skip = result_true(scenario, "skipped");
        skipped += skip;
        failed += !skip && !result_true(scenario, "ok");
        total_ms += result_num(scenario, "duration_ms");
    }
    mn_buf_init(&out, PAGE_MAX_BYTES);
    add(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    mn_ignore(mn_buf_addf(&out,
                          "<testsuite name=\"minim smoke\" tests=\"%zu\" failures=\"%zu\" "
                          "errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n",
                          count, failed, skipped, total_ms / 1e3));
    for (size_t i = 0; i < count; i++)
        test_case(&out, json_array_get(scenarios, i));
    add(&out, "</testsuite>\n");
    bool ok = page_put(&out, outputs, OUTPUT_JUNIT);
    mn_buf_deinit(&out);
    return ok;
}
