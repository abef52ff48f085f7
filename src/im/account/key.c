/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparison key of a user name: compatibility decomposition, marks and
 * ignorable characters (zero-width joiners and their kin, which would make
 * look-alikes) dropped, case folded.  That is what MySQL's
 * utf8mb4_0900_ai_ci compares, on which the original relies.
 */
#include "im/account/key.h"

#include <utf8proc.h>

#include "store/sql/user.h"

enum mn_err mn_account_key(struct mn_str name, char *p, size_t cap, struct mn_str *ret)
{
    const utf8proc_option_t options = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STRIPMARK |
                                      UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    utf8proc_int32_t points[MN_USER_KEY_BYTES / 2];
    const utf8proc_ssize_t room = (utf8proc_ssize_t)(sizeof(points) / sizeof(points[0]));
    utf8proc_ssize_t n = utf8proc_decompose((const utf8proc_uint8_t *)name.p,
                                            (utf8proc_ssize_t)name.n, points, room, options);
    if (n < 0)
        return MN_EINVAL;
    if (n > room)
        return MN_ELIMIT;
    size_t used = 0;
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        utf8proc_uint8_t bytes[4];
        size_t len = (size_t)utf8proc_encode_char(points[i], bytes);
        if (len == 0 || used + len > cap)
            return len == 0 ? MN_EINVAL : MN_ELIMIT;
        memcpy(p + used, bytes, len);
        used += len;
    }
    if (used == 0) {
        /* Nothing but ignorable characters: such names are compared as they are. */
        if (name.n > cap)
            return MN_ELIMIT;
        memcpy(p, name.p, name.n);
        used = name.n;
    }
    *ret = mn_str_make(p, used);
    return MN_OK;
}
