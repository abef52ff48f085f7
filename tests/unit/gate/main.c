/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the unit tests of gate/. */
#include "unit/gate/tests.h"

int main(void)
{
    return test_gate_limit() + test_gate_unacked() + test_gate_serial() + test_gate_session() +
               test_gate_chat() + test_gate_group() + test_gate_ack() + test_gate_call() +
               test_gate_push() + test_gate_resend() + test_gate_revoke() !=
           0;
}
