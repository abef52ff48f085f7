/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STORE_TESTS_H
#define TESTS_UNIT_STORE_TESTS_H

#include <stdbool.h>

/* Each runs one group of tests and returns the number that failed. */
int test_store_msglog_codec(void);
int test_store_msglog_parts(void);
int test_store_msglog(void);
int test_store_msglog_read(void);
int test_store_msglog_group(void);
int test_store_msglog_damage(void);
int test_store_msglog_lists(void);
int test_store_msglog_open(void);
int test_store_msglog_fault(void);
int test_store_msglog_disk(void);
int test_store_msglog_crash(void);
int test_store_rocks(void);
int test_store_call(void);
int test_store_witness(void);
int test_store_power_msglog(void);
int test_store_power_db(void);
int test_store_power_group(void);
int test_store_sums(void);
/* Makes an accounts file what it was before pages had sums; `has_log`: as after a kill. */
void store_drop_sums(const char *path, bool has_log);
int test_store_db(void) __attribute__((weak));
int test_store_sql(void);
int test_store_cost(void);

/* What this program does as its own child (ts_spawn); they return the exit status. */
int store_child_small_disk(void);
int store_child_append(const char *dir, const char *seed);

#endif
