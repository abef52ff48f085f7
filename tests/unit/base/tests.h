/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_BASE_TESTS_H
#define MN_TESTS_UNIT_BASE_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Group runners of the base layer: each returns the number of failed tests. */
int test_base_buf(void);
int test_base_clock(void);
int test_base_err(void);
int test_base_hist(void);
int test_base_id(void);
int test_base_file(void);
int test_base_lineq(void);
int test_base_list(void);
int test_base_log(void);
int test_base_map(void);
int test_base_mem(void);
int test_base_metrics(void);
int test_base_num(void);
int test_base_pool(void);
int test_base_rand(void);
int test_base_str(void);
int test_base_utf8(void);

#endif
