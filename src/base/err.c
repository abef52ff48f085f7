/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of the error codes, their translation from errno, and the end of a
 * process that found a mistake of its own.  Stateless, any thread.
 */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/std.h"

const char *mn_err_text(enum mn_err err)
{
    switch (err) {
    case MN_OK:
        return "success";
#define CASE(name, value, text)                                                                    \
    case MN_##name:                                                                                \
        return text;
        MN_ERR_MAP(CASE)
#undef CASE
    }
    return "unknown error";
}

enum mn_err mn_err_from_errno(int errnum)
{
    static const struct {
        int errnum;
        enum mn_err err;
    } table[] = {
        {0, MN_OK},
        {ENOMEM, MN_ENOMEM},
        {EINVAL, MN_EINVAL},
        {EAGAIN, MN_EAGAIN},
        {EINTR, MN_EAGAIN},
        {EIO, MN_EIO},
        {ENOSPC, MN_ENOSPC},
        {EDQUOT, MN_ENOSPC},
        {EFBIG, MN_ELIMIT},
        {EMFILE, MN_ELIMIT},
        {ENFILE, MN_ELIMIT},
        {ENOENT, MN_ENOTFOUND},
        {ENOTDIR, MN_ENOTFOUND},
        {EEXIST, MN_EEXIST},
        {EBUSY, MN_EBUSY},
        {EACCES, MN_EPERM},
        {EPERM, MN_EPERM},
        {EROFS, MN_EPERM},
        {EPIPE, MN_ECLOSED},
        {ECONNRESET, MN_ECLOSED},
        {ENOTCONN, MN_ECLOSED},
        {ETIMEDOUT, MN_ETIMEOUT},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(table); i++)
        if (table[i].errnum == errnum)
            return table[i].err;
    return MN_ESYS;
}

void mn_bug(const char *file, int line, const char *what)
{
    char text[256];
    int n = snprintf(text, sizeof text, "minim: BUG at %s:%d: %s\n", file, line, what);

    if (n > 0) {
        size_t size = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
        mn_ignore(mn_std_write(STDERR_FILENO, mn_str_make(text, size), MN_LAST_WORDS_MS));
    }
    abort();
}
