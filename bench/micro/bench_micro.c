/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times the pure functions of proto/ and base/ that lie on every frame's
 * way.  Each case runs in rounds of about 20 ms; told are the median round
 * and the fastest and slowest, so that a disturbed run can be seen.  Time is
 * the thread's CPU time: what another process takes is not counted, what it
 * does to caches and clock rates is.  One thread, no warm-up beyond the
 * first round, which only sets the number of repetitions.
 *
 * bench_micro [NAME-PART]   prints a Markdown table
 */
#include "bench_micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 25, ROUND_NS = 20 * 1000 * 1000 };

/* Where results end up, so that no work can be left out by the compiler. */
static volatile uintptr_t sink;

static uint64_t cpu_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double round_ns(const struct bench_case *c, size_t count)
{
    uintptr_t sum = 0;
    uint64_t start = cpu_ns();

    for (size_t i = 0; i < count; i++)
        sum += c->op(i);
    sink = sum;
    return (double)(cpu_ns() - start) / (double)count;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(const struct bench_case *c)
{
    double ns[ROUNDS];
    size_t count = 1 + (size_t)(ROUND_NS / round_ns(c, 1000));

    for (int i = 0; i < ROUNDS; i++)
        ns[i] = round_ns(c, count);
    qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
    (void)printf("| %s | ", c->name);
    if (c->bytes != NULL)
        (void)printf("%zu", c->bytes());
    (void)printf(" | %.0f | %.0f to %.0f |\n", ns[ROUNDS / 2], ns[0], ns[ROUNDS - 1]);
}

int main(int argc, char **argv)
{
    bench_cases_init();
    (void)printf(
        "| operation | bytes | ns, median | fastest to slowest round |\n|---|--:|--:|--:|\n");
    for (size_t i = 0; i < bench_case_count; i++)
        if (argc < 2 || strstr(bench_cases[i].name, argv[1]) != NULL)
            measure(&bench_cases[i]);
    return 0;
}
