/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_TOOL_TESTS_H
#define MN_TESTS_UNIT_TOOL_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Group runners of the tool: each returns the number of failed tests. */
int test_tool_compare(void);
int test_tool_fmt(void);
int test_tool_bar(void);
int test_tool_ledger(void);
int test_tool_ledger_file(void);
int test_tool_ledger_group(void);
int test_tool_opts(void);
int test_tool_pace(void);
int test_tool_profile(void);
int test_tool_receipts(void);
int test_tool_scenario(void);
int test_tool_stats(void);
int test_tool_svg(void);
int test_tool_timer(void);
int test_tool_url(void);
int test_tool_verify(void);
int test_tool_verify_accounts(void);
int test_tool_verify_flips(void);
int test_tool_verify_group(void);
int test_tool_wire(void);

#endif
