/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_GROUP_CODE_KEY_H
#define MN_IM_GROUP_CODE_KEY_H

#include "base/str.h"
#include "base/utf8.h"
#include "im/account/code.h"

/*
 * A code as a user writes it, as it is looked up: without blanks around it,
 * upper case.  NULL, or why it is none: "missing_group_code",
 * "bad_group_code".
 */
static inline const char *mn_group_code_key(struct mn_str code, char key[MN_CODE_MAX + 1])
{
    code = mn_str_trim(code);
    if (code.n == 0)
        return "missing_group_code";
    if (mn_utf8_utf16_len(code) > MN_CODE_MAX)
        return "bad_group_code";
    size_t n = code.n <= MN_CODE_MAX ? code.n : 0; /* not ASCII: nobody's */
    for (size_t i = 0; i < n; i++)
        key[i] = (char)(code.p[i] >= 'a' && code.p[i] <= 'z' ? code.p[i] - 'a' + 'A' : code.p[i]);
    key[n] = '\0';
    return NULL;
}

#endif
