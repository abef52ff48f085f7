/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_ERR_H
#define MN_BASE_ERR_H

/*
 * Error codes of the whole program: 0 is success, everything else is
 * negative.  They never leave the process: codes on the wire are strings
 * (proto/reason.h) or the numbers of the HTTP envelope.
 */
#define MN_ERR_MAP(X)                                                                              \
    X(ENOMEM, -1, "out of memory")                                                                 \
    X(ELIMIT, -2, "limit reached")                                                                 \
    X(EINVAL, -3, "invalid value")                                                                 \
    X(EAGAIN, -4, "incomplete, more input needed")                                                 \
    X(EIO, -5, "input/output error")                                                               \
    X(ENOSPC, -6, "no space left on device")                                                       \
    X(ENOTFOUND, -7, "not found")                                                                  \
    X(EEXIST, -8, "exists already")                                                                \
    X(EPROTO, -9, "protocol violation")                                                            \
    X(EBUSY, -10, "busy, try again later")                                                         \
    X(ECORRUPT, -11, "data is corrupt")                                                            \
    X(EVERSION, -12, "unsupported version")                                                        \
    X(ELOCKED, -13, "locked by another process")                                                   \
    X(ECLOSED, -14, "closed")                                                                      \
    X(ETIMEOUT, -15, "timed out")                                                                  \
    X(EPERM, -16, "not permitted")                                                                 \
    X(EAUTH, -17, "authentication failed")                                                         \
    X(EEXPIRED, -18, "expired")                                                                    \
    X(ESYS, -19, "system call failed")

enum mn_err {
    MN_OK = 0,
#define MN_ERR_ENUM(name, value, text) MN_##name = (value),
    MN_ERR_MAP(MN_ERR_ENUM)
#undef MN_ERR_ENUM
};

/* Text for a log line, never NULL; static storage. */
const char *mn_err_text(enum mn_err err);
/* Translates errno; unknown values become MN_ESYS. */
enum mn_err mn_err_from_errno(int errnum);

#define MN_MUSTCHECK __attribute__((warn_unused_result))
#define MN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MN_NORETURN __attribute__((noreturn))
#define MN_HOT __attribute__((hot))
#define MN_LIKELY(x) __builtin_expect(!!(x), 1)
#define MN_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Spells a discarded must-check result; say why beside it. */
static inline void mn_ignore(long result) { (void)result; }

MN_NORETURN void mn_bug(const char *file, int line, const char *what);
/* Our own mistake, never a peer's: reports and aborts, in release builds too. */
#define MN_BUG_ON(cond)                                                                            \
    do {                                                                                           \
        if (MN_UNLIKELY(cond))                                                                     \
            mn_bug(__FILE__, __LINE__, #cond);                                                     \
    } while (0)

#endif
