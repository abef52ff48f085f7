/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_GATE_TESTS_H
#define TESTS_UNIT_GATE_TESTS_H

int test_gate_limit(void);
int test_gate_unacked(void);

#endif
