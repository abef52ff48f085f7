/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_DIAL_H
#define MN_TOOL_KIT_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tool/kit/url.h"

/* Room for what dial() and what reads behind it say of a failure. */
#define DIAL_WHY_BYTES 256

/*
 * A TCP connection, non-blocking, without Nagle's delay.  Blocks until it is
 * there or mn_mono_ms() has reached `until_ms`; a signal ends the wait
 * (MN_ECLOSED).  On failure `why` says which address and why.
 */
MN_MUSTCHECK enum mn_err dial(const struct url *url, uint64_t until_ms, int *ret_fd,
                              char why[DIAL_WHY_BYTES]);
/* Waits for poll's `events`: MN_ETIMEOUT, or MN_ECLOSED after a signal. */
MN_MUSTCHECK enum mn_err dial_wait(int fd, short events, uint64_t until_ms);
/* "HOST:PORT: TEXT" into `why`. */
void dial_say(const struct url *url, const char *text, char why[DIAL_WHY_BYTES]);

#endif
