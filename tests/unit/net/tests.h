/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_NET_TESTS_H
#define MN_TESTS_UNIT_NET_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Group runners of the net layer: each returns the number of failed tests. */
int test_net_wheel(void);
int test_net_chunk(void);
int test_net_http_parse(void);
int test_net_upgrade(void);
int test_net_http(void);
int test_net_ws(void);
int test_net_pressure(void);
int test_net_memory(void);
int test_net_life(void);
int test_net_listen(void);
int test_net_crowd(void);
int test_net_chaos(void);

#endif
