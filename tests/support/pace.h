/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_PACE_H
#define TESTS_SUPPORT_PACE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * Time between two looks at a condition, or between the bytes of a peer that
 * is slow on purpose.  Never instead of a condition: a test that passes only
 * because it paused long enough is wrong.
 */
static inline void pace_us(uint32_t us)
{
    const struct timespec span = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    (void)ppoll(NULL, 0, &span, NULL);
}

#endif
