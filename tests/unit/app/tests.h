/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_APP_TESTS_H
#define MN_TESTS_UNIT_APP_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Group runners of the app layer: each returns the number of failed tests. */
int test_app_options_doc(void);
int test_app_options_file(void);
int test_app_options_read(void);
int test_app_options_reload(void);
int test_app_options_value(void);

#endif
