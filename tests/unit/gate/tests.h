/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_GATE_TESTS_H
#define MN_TESTS_UNIT_GATE_TESTS_H

/* One function a file; the number of failed tests. */
int test_gate_ack(void);
int test_gate_call(void);
int test_gate_chat(void);
int test_gate_group(void);
int test_gate_limit(void);
int test_gate_push(void);
int test_gate_resend(void);
int test_gate_revoke(void);
int test_gate_serial(void);
int test_gate_session(void);
int test_gate_unacked(void);

#endif
