/* SPDX-License-Identifier: Apache-2.0 */
/* Friend and group codes: random, readable (no I, O, 0, 1), with a cooldown. */
#include "im/account/code.h"

#include "base/rand.h"

static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
_Static_assert(sizeof(alphabet) - 1 == 32, "five bits pick a character without bias");

unsigned mn_code_len(unsigned wanted)
{
    if (wanted < MN_CODE_MIN)
        return MN_CODE_MIN;
    return wanted > MN_CODE_MAX ? MN_CODE_MAX : wanted;
}

void mn_code_make(char *p, unsigned len)
{
    unsigned char bytes[MN_CODE_MAX];
    mn_rand_bytes(bytes, sizeof(bytes));
    for (unsigned i = 0; i < len; i++)
        p[i] = alphabet[bytes[i] & 31];
    p[len] = '\0';
}

int64_t mn_code_next_reset_ms(int64_t set_ms, int64_t cooldown_s)
{
    if (set_ms == 0)
        return 0;
    return set_ms + (cooldown_s > 0 ? cooldown_s : 86400) * 1000;
}

struct mn_str mn_code_alphabet(void) { return MN_STR(alphabet); }
