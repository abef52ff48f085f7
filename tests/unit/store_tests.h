/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STORE_TESTS_H
#define TESTS_UNIT_STORE_TESTS_H

/* Each runs one group of tests and returns the number that failed. */
int test_store_msglog_codec(void);
int test_store_msglog(void);
int test_store_msglog_fault(void) __attribute__((weak));
int test_store_msglog_crash(void) __attribute__((weak));
int test_store_db(void) __attribute__((weak));

#endif
