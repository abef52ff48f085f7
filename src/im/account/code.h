/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_ACCOUNT_CODE_H
#define MN_IM_ACCOUNT_CODE_H

#include <stdint.h>

#include "base/str.h"

/* Friend and group codes (H-8.6).  Any thread. */
#define MN_CODE_MIN 6
#define MN_CODE_MAX 16
#define MN_CODE_TRIES 30 /* to find a free one; with 32^6 codes the first all but always is */

/* Length as configured, clamped. */
unsigned mn_code_len(unsigned wanted);
/* The characters of a code, in no order that means anything. */
struct mn_str mn_code_alphabet(void);
/* Random code of `len` characters and NUL at p[MN_CODE_MAX + 1]. */
void mn_code_make(char *p, unsigned len);
/* When a code set at `set_ms` may be reset; 0 (never set) gives 0. Cooldown <= 0 means a day. */
int64_t mn_code_next_reset_ms(int64_t set_ms, int64_t cooldown_s);

#endif
