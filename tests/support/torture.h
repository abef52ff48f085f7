/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_SUPPORT_TORTURE_H
#define MN_TESTS_SUPPORT_TORTURE_H

#include <stdbool.h>

/*
 * Torture: fails one allocation of the mn_try_* kind after the other, to see
 * that each failure is reported and nothing leaks (CONTRIBUTING.md).  Linked
 * into every unit test binary with --wrap; does nothing until it is asked.
 *
 *   for (unsigned n = 1; torture_begin(n); n++) {
 *       err = thing_under_test();
 *       if (!torture_end())
 *           break;                      // it came through without a failure
 *       assert_int_equal(err, MN_ENOMEM);
 *   }
 */

/* From now on the n-th allocation (1 is the next) fails, once.  Always true. */
bool torture_begin(unsigned n);
/* Back to normal; tells whether an allocation was made to fail. */
bool torture_end(void);

#endif
