/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the unit tests of gate/; what needs a live server is in tests/integration. */
#include "unit/gate/tests.h"

int main(void) { return test_gate_limit() + test_gate_unacked() != 0; }
