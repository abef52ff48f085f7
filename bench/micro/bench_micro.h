/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BENCH_MICRO_H
#define MN_BENCH_MICRO_H

#include <stddef.h>
#include <stdint.h>

/* One thing to measure: `op(i)` is run with i counting up; it returns something that depends on its work. */
struct bench_case {
    const char *name;
    size_t (*bytes)(void); /* of input to one operation, mean; NULL: not told */
    uintptr_t (*op)(size_t i);
};

extern const struct bench_case bench_cases[];
extern const size_t bench_case_count;

/* Makes the inputs; call once, before any op. */
void bench_cases_init(void);

#endif
